"""The pages that hand a token over, and the offers of others to the person."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import pluralize
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tokens.authentication.requests import PageRequest, actor_of
from tokens.forms.transfer import TransferForm, transfer_error
from tokens.models import NothingToHandOver, Token, TransferOffer, accounts_of
from tokens.models.transfer import (
    TRANSFER_ERRORS,
    Family,
    accept_offer,
    hand_over,
    make_offer,
    may_hand_out,
    withdraw_offer,
)
from tokens.pages.offers import OfferFacts, dormant_scopes
from tokens.pages.rendering import render_page
from tokens.views.guards import ask_to_confirm

MAX_SHOWN_OFFERS = 50


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_transfer(request: PageRequest, identifier: str) -> HttpResponse:
    """Show the form. On POST, hand the token over, offer it, or withdraw the offer.

    To a team of the person, and to the person, the token goes at once. Another person is asked.
    The answer does not tell whether an account has the address. Members of a team see the page of
    its tokens, but only managers can send the form.
    """
    tokens = Token.objects.filter(owner__in=accounts_of(request.user))
    token = get_object_or_404(tokens.select_related("owner", "imported"), identifier=identifier)
    if not may_hand_out(request.user, token):
        return show_transfer(request, token, None, status=403)
    if request.method != "POST":
        initial = {"to": request.GET.get("to", ""), "email": request.GET.get("email", "")}
        form = TransferForm(token=token, person=request.user, typed=initial)
        return show_transfer(request, token, form)
    if "withdraw" in request.POST:
        return take_back(request, token)
    form = TransferForm(request.POST, token=token, person=request.user)
    if form.is_valid():
        if confirm := ask_to_confirm(request, f"{request.path}?{form.as_query()}"):
            return confirm
        try:
            return send(request, token, form)
        except ObjectDoesNotExist:  # the token moved, or the team was deleted, meanwhile
            form.add_error(None, transfer_error(NothingToHandOver()))
        except TRANSFER_ERRORS as error:
            form.add_error(None, transfer_error(error))
    return show_transfer(request, token, form, status=422)


def take_back(request: PageRequest, token: Token) -> HttpResponse:
    """Withdraw the offer of `token`, unless somebody has accepted it."""
    try:
        withdraw_offer(token)
    except ObjectDoesNotExist:
        messages.error(request, "Too late: the token has another owner now.")
        return redirect("tokens:list")
    messages.success(request, "The offer is withdrawn. The token stays where it is.")
    return redirect("tokens:transfer", token.identifier)


def send(request: PageRequest, token: Token, form: TransferForm) -> HttpResponse:
    """Hand `token` over to the account that the valid `form` names, or offer it to a person."""
    if form.account is None:
        make_offer(token, form.address, request.user, actor_of(request))
        messages.success(request, f"The token is offered to {form.address}.")
        return redirect("tokens:transfer", token.identifier)
    moved = hand_over([token], form.account, actor_of(request))
    words = f"“{token.name}” is handed over."
    if len(moved) > 1:
        words = f"{len(moved)} tokens are handed over: “{token.name}” and what belongs to it."
    messages.success(request, f"{words} Programs use the same values as before.")
    return redirect("tokens:list")


def show_transfer(
    request: PageRequest, token: Token, form: TransferForm | None, status: int = 200
) -> HttpResponse:
    """Return the page of a transfer. Without a form, it says who may hand the token over."""
    error, family = "", [token]
    try:
        own = Token.objects.filter(owner_id=token.owner_id)
        family = Family(own, list(own.active().filter(pk=token.pk))).members
    except TRANSFER_ERRORS as found:
        error = transfer_error(found)
    context = {
        "token": token,
        "form": form,
        "error": error,
        "moves_too": [each for each in family if each.pk != token.pk],
        "restricted": dormant_scopes(family),
        "pending": sorted({name for each in family for name in each.pending_scopes}),
        "offer": TransferOffer.objects.open().filter(token=token).first(),
    }
    return render_page(request, "tokens/transfer.html", context, status=status)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_offers(request: PageRequest) -> HttpResponse:
    """Show the tokens that others offer to the person. On POST, accept or decline one."""
    offers = TransferOffer.objects.open().received_by(request.user).order_by("-made_at")
    offers = offers.select_related("token__owner", "token__team", "token__imported", "asked_by")
    if request.method != "POST":
        shown = [OfferFacts(offer, request.user) for offer in offers[:MAX_SHOWN_OFFERS]]
        return render_page(request, "tokens/offers.html", {"offers": shown})
    offer = get_object_or_404(offers, token__identifier=request.POST.get("token", "")[:100])
    if "decline" in request.POST:
        TransferOffer.objects.filter(pk=offer.pk, receiver_id=request.user.pk).delete()
        messages.success(request, f"You declined “{offer.token.name}”. It stays where it is.")
        return redirect("tokens:offers")
    if confirm := ask_to_confirm(request, request.path):
        return confirm
    try:
        moved = accept_offer(offer, request.user, actor_of(request))
    except (ObjectDoesNotExist, *TRANSFER_ERRORS) as error:
        messages.error(request, transfer_error(error))
        return redirect("tokens:offers")
    count = len(moved)
    words = f"{count} token{pluralize(count)} {pluralize(count, 'is,are')} yours now"
    messages.success(request, f"{words}: “{offer.token.name}”.")
    return redirect("tokens:list")
