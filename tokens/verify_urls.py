"""The URL of forward auth, /verify, which gateways call (authentication/forward_auth.py)."""

from django.urls import re_path

from tokens.authentication.forward_auth import answer_forward_auth
from tokens.decorators import changes_no_decision, public

urlpatterns = [
    # Gateways may send any path below /verify, also with line breaks in it.
    re_path(
        r"^verify(?P<path>/(?s:.*))?\Z",
        changes_no_decision(public(answer_forward_auth)),
        name="verify",
    ),
]
