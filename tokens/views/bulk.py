"""The pages that revoke several tokens: the tokens selected in the list, or all tokens."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_http_methods

from tokens.authentication.requests import actor_of
from tokens.forms.changes import RevokeAllForm
from tokens.models import Token
from tokens.pages.made_tokens import MadeTokens
from tokens.pages.page_owner import OwnerRequest
from tokens.pages.rendering import render_page
from tokens.views.guards import of_owner


@of_owner
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke_selected(request: OwnerRequest) -> HttpResponse:
    """Show the selected tokens. On POST, revoke those of them that still work.

    If the person ticked that box, also revoke the tokens that programs made with the selected
    tokens.
    """
    selected = [token for token in selected_tokens(request) if token.is_revocable]
    if request.method == "POST":
        return revoke_each(request, selected, include_made="include_made" in request.POST)
    context = {
        "tokens": selected,
        "made": MadeTokens.made_by(request.page_owner.account, selected),
    }
    return render_page(request, "tokens/revoke_selected.html", context)


def selected_tokens(request: OwnerRequest) -> list[Token]:
    """Return the tokens that the request names by their identifiers.

    Raise Http404 if one of them does not exist or belongs to somebody else.
    """
    sent = request.POST if request.method == "POST" else request.GET
    identifiers = {identifier for identifier in sent.getlist("token") if "\0" not in identifier}
    own = Token.objects.owned_by(request.page_owner.account).select_related("imported")
    found = list(own.filter(identifier__in=identifiers))
    if len(found) < len(set(sent.getlist("token"))):
        raise Http404
    return found


@of_owner
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke_all(request: OwnerRequest) -> HttpResponse:
    """Ask the person to type the number of active tokens. If it is right, revoke all of them.

    NOTE: The number must still be right when the tokens are revoked. So this function locks the
    tokens of the owner first: until the end, no other request can create or renew one.
    `revoke_each` takes the same lock again, which works because it runs in the same transaction.
    """
    with Token.objects.locked_for(request.page_owner.account.pk):
        active = list(Token.objects.owned_by(request.page_owner.account).active())
        form = RevokeAllForm(request.POST if request.method == "POST" else None, count=len(active))
        if form.is_valid():
            return revoke_each(request, active)
    status = 422 if form.is_bound else 200
    context = {"count": len(active), "form": form}
    return render_page(request, "tokens/revoke_all.html", context, status=status)


def revoke_each(
    request: OwnerRequest, tokens: list[Token], *, include_made: bool = False
) -> HttpResponse:
    """Revoke `tokens` in one transaction. Redirect to the list, with a message about the result.

    With `include_made`, also revoke the tokens that programs made with these tokens.
    """
    with Token.objects.locked_for(request.page_owner.account.pk):
        count = sum(token.revoke(actor_of(request)) for token in tokens)
        if include_made:
            made = Token.objects.owned_by(request.page_owner.account).made_with(tokens).active()
            count += sum(token.revoke(actor_of(request)) for token in made.order_by("pk"))
    words = "Requests with them fail from now on." if count else "Nothing was left to revoke."
    messages.success(request, f"{count} token{pluralize(count)} revoked. {words}")
    return redirect(request.page_owner.list_url)
