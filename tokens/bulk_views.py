"""The pages that revoke several tokens: those that were selected in the list, and all."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tokens.life_forms import RevokeAllForm
from tokens.listing import Made
from tokens.models import Token
from tokens.requests import PageRequest


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke_selected(request: PageRequest) -> HttpResponse:
    """Ask, with their names; then end those of the selected tokens that still work, and what they made if asked."""
    selected = [token for token in selection(request) if token.is_revocable]
    if request.method == "POST":
        return revoke_each(request, selected, include_made="include_made" in request.POST)
    context = {"tokens": selected, "made": Made.with_tokens(request.user, selected)}
    return render(request, "tokens/revoke_selected.html", context)


def selection(request: PageRequest) -> list[Token]:
    """The person's own tokens that the request names; a single other one is 404 for all, as on a page of its own."""
    sent = request.POST if request.method == "POST" else request.GET
    identifiers = {identifier for identifier in sent.getlist("token") if "\0" not in identifier}
    found = list(Token.objects.owned_by(request.user).filter(identifier__in=identifiers))
    if len(found) < len(set(sent.getlist("token"))):
        raise Http404
    return found


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke_all(request: PageRequest) -> HttpResponse:
    """Ask for their number; then end every token that is still active."""
    with Token.objects.turn_of(request.user.pk):  # nobody makes or renews one between the count and the end
        active = list(Token.objects.owned_by(request.user).active())
        form = RevokeAllForm(request.POST if request.method == "POST" else None, count=len(active))
        if form.is_valid():
            return revoke_each(request, active)
    status = 422 if form.is_bound else 200
    return render(request, "tokens/revoke_all.html", {"count": len(active), "form": form}, status=status)


def revoke_each(request: PageRequest, tokens: list[Token], *, include_made: bool = False) -> HttpResponse:
    with Token.objects.turn_of(request.user.pk):
        count = sum(token.revoke(request) for token in tokens)
        if include_made:
            made = Token.objects.owned_by(request.user).made_with(tokens).active()
            count += sum(token.revoke(request) for token in made.order_by("pk"))
    words = "Requests with them fail from now on." if count else "Nothing was left to revoke."
    messages.success(request, f"{count} token{pluralize(count)} revoked. {words}")
    return redirect("token_list")
