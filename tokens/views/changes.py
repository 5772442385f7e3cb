"""The pages that renew a token and edit a token.

To renew means to replace a token by a new one, its successor.
"""

from typing import cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from tokens.authentication.requests import actor_of
from tokens.forms.changes import EditForm, RenewForm, prefill_changes, prefill_renewal
from tokens.forms.tokens import limit_message
from tokens.models import (
    AlreadyRenewed,
    FormAlreadySent,
    LifetimeTooLong,
    PolicyBroken,
    ScopeNotAllowed,
    Token,
    TokenLimitReached,
    TokenRevoked,
    WouldWiden,
)
from tokens.pages.page_owner import OwnerRequest
from tokens.pages.rendering import render_page
from tokens.views.guards import ask_to_confirm, own_token
from tokens.views.tokens import reveal, token_limit_warning


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("new")
def token_renew(request: OwnerRequest, token: Token) -> HttpResponse:
    """Show the form. On POST, renew the token and show the value of its successor, once.

    htmx gets the form as a dialog. Renewing needs fresh authentication: the person must have typed
    the password, or confirmed with a second factor, a short time ago.

    NOTE: This asks for fresh authentication after the form is checked. Afterwards the person comes
    back to the filled form, and sends it again. If the server repeated the POST itself, the
    confirmation page would show the value of the token.
    """
    if request.method != "POST":
        form = RenewForm(token=token, initial=prefill_renewal(request.GET.dict()))
        return ask_to_renew(request, token, form)
    form, status = RenewForm(request.POST, token=token), 422
    if form.is_valid():
        if confirm := ask_to_confirm(request, f"{request.path}?{form.as_query()}"):
            return confirm
        try:
            successor, new = Token.objects.renew(
                token,
                expires_at=form.lifetime.end(timezone.now()),
                overlap=form.overlap_length,
                instead_of=form.cleaned_data["instead_of"],
                form_nonce=form.cleaned_data["nonce"],
                actor=actor_of(request),
            )
        except FormAlreadySent as sent:
            again = RenewForm(token=token, initial=prefill_renewal(form.cleaned_data))
            context = {"token": sent.token, "renewed": token, "again": again}
            return render_page(request, "tokens/already_sent.html", context, status=409)
        except (AlreadyRenewed, TokenRevoked):
            token.refresh_from_db()
            status = 409
        except (TokenLimitReached, LifetimeTooLong) as error:
            form.add_error(None, limit_message(error, request.page_owner.subject))
        except PolicyBroken as error:
            form.reject_policies(error)
        else:
            return reveal(request, successor, new)
    return ask_to_renew(request, token, form, status)


def ask_to_renew(
    request: OwnerRequest, token: Token, form: RenewForm, status: int = 200
) -> HttpResponse:
    """Show the form that renews the token, or the reason why that is impossible.

    Return a whole page, or only the dialog if htmx asks for it.
    """
    context = {
        "token": token,
        "form": form,
        "dialog": request.htmx.target == "tokenry-dialog",
        "full": limit_warning_before_renewal(request, token),
        "warnings": form.hints.warnings(request.user, adds=not token.is_revocable),
    }
    template = "tokens/_renew.html" if context["dialog"] else "tokens/renew.html"
    return render_page(request, template, context, status=status)


def limit_warning_before_renewal(request: OwnerRequest, token: Token) -> str:
    """Return a warning if the owner may not renew `token`, because of too many tokens, or ""."""
    if token.is_revocable and hasattr(token, "imported"):
        return ""
    others = Token.objects.owned_by(token.owner).exclude(pk=token.pk)
    return token_limit_warning(others, request.page_owner)


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
def token_edit(request: OwnerRequest, token: Token) -> HttpResponse:
    """Show the form with the current values. On POST, change the token.

    NOTE: A change that gives the token more rights widens it, and needs fresh authentication. Any
    other change is made at once. `Token.change` decides under its lock whether the change widens
    the token, because another page may have removed rights since this page was shown.
    """
    if request.method != "POST":
        form = EditForm(token=token, typed=prefill_changes(request.GET.dict()))
        return render_page(request, "tokens/edit.html", {"token": token, "form": form})
    form = EditForm(request.POST, token=token)
    status = 422
    if form.is_valid():
        confirm = ask_to_confirm(request, f"{request.path}?{form.as_query()}")
        try:
            changed = token.change(
                **form.cleaned_data, may_widen=confirm is None, actor=actor_of(request)
            )
        except WouldWiden:
            return cast(HttpResponse, confirm)
        except ScopeNotAllowed as error:
            form.reject_scopes(error.names)
        except PolicyBroken as error:
            form.reject_policies(error)
        except TokenRevoked:
            token.refresh_from_db()
            status = 409
        else:
            nothing = "Nothing was different, so nothing was changed."
            messages.success(request, f"Changed: {', '.join(changed)}." if changed else nothing)
            return redirect(token)
    return render_page(request, "tokens/edit.html", {"token": token, "form": form}, status=status)
