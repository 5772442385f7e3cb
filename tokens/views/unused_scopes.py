"""The page that narrows a token: it removes scopes that no request needed in the last 30 days."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from tokens.authentication.requests import actor_of
from tokens.models import Token, TokenRevoked
from tokens.pages.page_owner import OwnerRequest
from tokens.pages.rendering import render_page
from tokens.pages.usage_report import Report
from tokens.views.guards import own_token


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
def token_narrow(request: OwnerRequest, token: Token) -> HttpResponse:
    """Show the scopes of the token that no request needed for 30 days. On POST, remove them.

    Remove only scopes that the person saw on the page, and that are still unused.
    """
    status = 200
    if request.method == "POST":
        seen = request.POST.getlist("scope")
        try:
            unused = [name for name in Report(token).unused if name in seen]
            gone = token.remove_scopes(unused, actor_of(request))
        except TokenRevoked:  # another page was quicker
            status = 409
        else:
            messages.success(request, removed_message(token, gone))
            return redirect(token)
    context = {"token": token, "report": Report(token)}
    return render_page(request, "tokens/narrow.html", context, status=status)


def removed_message(token: Token, gone: list[str]) -> SafeString | str:
    """Return the message after scopes were removed. `gone` are their names.

    The message has a link to the edit form, which is filled in with the scopes of before.
    """
    if not gone:
        return "Nothing was removed: no scope that you saw there is unused now."
    before = ",".join(sorted([*token.scopes, *gone]))
    query = urlencode({"scopes": before}, safe=":,")
    undo = f"{reverse('tokens:edit', args=[token.identifier])}?{query}"
    message = 'Removed: {}. <a href="{}">Undo: edit its scopes</a>'
    return format_html(message, ", ".join(gone), undo)
