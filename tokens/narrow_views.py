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
from tokens.models import Token, TokenRevoked, WouldWiden
from tokens.report import Report
from tokens.requests import PageRequest


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
def token_narrow(request: PageRequest, token: Token) -> HttpResponse:
    """Say which scopes would go; then drop those that the person saw, as far as they are still unused."""
    status = 200
    if request.method == "POST":
        seen, before = request.POST.getlist("scope"), token.scopes
        going = [name for name in Report(token).unused if name in seen]
        try:
            token.change(
                name=token.name,
                description=token.description,
                scopes=[name for name in before if name not in going],
                allowed_addresses=token.allowed_addresses,
                may_widen=False,
                request=request,
            )
        except (TokenRevoked, WouldWiden):  # another page was quicker
            token.refresh_from_db()
            status = 409
        else:
            messages.success(request, outcome(token, before, going))
            return redirect(token)
    return render(request, "tokens/narrow.html", {"token": token, "report": Report(token)}, status=status)


def outcome(token: Token, before: list[str], gone: list[str]) -> SafeString | str:
    """What to say about it, with the way back: the form to edit it, with the scopes that it had."""
    if not gone:
        return "Nothing was dropped: no scope that you saw there is unused now."
    undo = f"{reverse('token_edit', args=[token.identifier])}?{urlencode({'scopes': ','.join(before)}, safe=':,')}"
    return format_html('Dropped: {}. <a href="{}">Undo: edit its scopes</a>', ", ".join(gone), undo)
