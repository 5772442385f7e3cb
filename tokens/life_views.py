"""The pages that renew a token and change it."""

from typing import cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from tokens.forms import refusal
from tokens.guards import confirm_if_stale, own_token
from tokens.life_forms import EditForm, RenewForm, prefill_changes, prefill_renewal
from tokens.models import (
    AlreadyRenewed,
    FormAlreadySent,
    LifetimeTooLong,
    ScopeNotAllowed,
    Token,
    TokenLimitReached,
    TokenRevoked,
    WouldWiden,
)
from tokens.requests import PageRequest
from tokens.views import limit_hint, reveal


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("new")
def token_renew(request: PageRequest, token: Token) -> HttpResponse:
    """Ask, as a page or in a dialog; then the list with the new value above it, in this answer and never again."""
    if request.method != "POST":
        return ask_to_renew(request, token, RenewForm(token=token, initial=prefill_renewal(request.GET.dict())))
    form, status = RenewForm(request.POST, token=token), 422
    if form.is_valid():
        if confirm := confirm_if_stale(request, f"{request.path}?{form.as_query()}"):
            return confirm
        try:
            successor, new = Token.objects.renew(
                token,
                expires_at=form.lifetime.end(timezone.now()),
                overlap=form.overlap_length,
                instead_of=form.cleaned_data["instead_of"],
                form_nonce=form.cleaned_data["nonce"],
                request=request,
            )
        except FormAlreadySent as sent:
            again = RenewForm(token=token, initial=prefill_renewal(form.cleaned_data))
            context = {"token": sent.token, "renewed": token, "again": again}
            return render(request, "tokens/already_sent.html", context, status=409)
        except (AlreadyRenewed, TokenRevoked):
            token.refresh_from_db()
            status = 409
        except (TokenLimitReached, LifetimeTooLong) as policy:
            form.add_error(None, refusal(policy))
        else:
            return reveal(request, successor, new)
    return ask_to_renew(request, token, form, status)


def ask_to_renew(request: PageRequest, token: Token, form: RenewForm, status: int = 200) -> HttpResponse:
    """The form, or why there is none, as a page or in the dialog of the page that htmx asks from."""
    context = {
        "token": token,
        "form": form,
        "dialog": request.htmx.target == "dialog",
        "full": limit_hint(Token.objects.owned_by(request.user).exclude(pk=token.pk)),
    }
    template = "tokens/_renew.html" if context["dialog"] else "tokens/renew.html"
    return render(request, template, context, status=status)


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
def token_edit(request: PageRequest, token: Token) -> HttpResponse:
    """The form with the token as it is; what makes it narrower holds at once, what makes it wider asks who is there."""
    if request.method != "POST":
        form = EditForm(token=token, typed=prefill_changes(request.GET.dict()))
        return render(request, "tokens/edit.html", {"token": token, "form": form})
    form = EditForm(request.POST, token=token)
    status = 422
    if form.is_valid():
        confirm = confirm_if_stale(request, f"{request.path}?{form.as_query()}")
        try:
            changed = token.change(**form.cleaned_data, may_widen=confirm is None, request=request)
        except WouldWiden:
            return cast(HttpResponse, confirm)
        except ScopeNotAllowed as refused:
            form.refuse(refused.names)
        except TokenRevoked:
            token.refresh_from_db()
            status = 409
        else:
            said = f"Changed: {', '.join(changed)}." if changed else "Nothing was different, so nothing was changed."
            messages.success(request, said)
            return redirect(token)
    return render(request, "tokens/edit.html", {"token": token, "form": form}, status=status)
