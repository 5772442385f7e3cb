"""The page that takes from a token the scopes that nobody uses."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from tokens.guards import own_token
from tokens.models import Token, TokenRevoked
from tokens.report import Report
from tokens.requests import PageRequest


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
def token_narrow(request: PageRequest, token: Token) -> HttpResponse:
    """Say which scopes would go; then drop those that the person saw, as far as they are still unused."""
    status = 200
    if request.method == "POST":
        seen = request.POST.getlist("scope")
        try:
            gone = token.drop([name for name in Report(token).unused if name in seen], request)
        except TokenRevoked:  # another page was quicker
            status = 409
        else:
            messages.success(request, outcome(token, gone))
            return redirect(token)
    return render(request, "tokens/narrow.html", {"token": token, "report": Report(token)}, status=status)


def outcome(token: Token, gone: list[str]) -> SafeString | str:
    """What to say about it, with the way back: the form to edit it, with the scopes that it had."""
    if not gone:
        return "Nothing was dropped: no scope that you saw there is unused now."
    before = ",".join(sorted([*token.scopes, *gone]))
    undo = f"{reverse('token_edit', args=[token.identifier])}?{urlencode({'scopes': before}, safe=':,')}"
    return format_html('Dropped: {}. <a href="{}">Undo: edit its scopes</a>', ", ".join(gone), undo)
