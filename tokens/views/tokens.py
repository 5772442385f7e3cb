"""The main pages of tokens: the list, create, one token, and revoke."""

from urllib.parse import SplitResult, urlencode, urlsplit

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import replace_url

from tokens.authentication.credentials import Credential
from tokens.authentication.requests import PageRequest, actor_of
from tokens.core.networks import format_network
from tokens.decorators import changes_no_decision
from tokens.forms.tokens import TokenForm, limit_message, prefill
from tokens.models import (
    FormAlreadySent,
    LifetimeTooLong,
    PolicyBroken,
    ScopeNotAllowed,
    Token,
    TokenLimitReached,
    TokenQuerySet,
)
from tokens.pages.approvals import waiting_scopes
from tokens.pages.code_examples import SHELL_LINE, VARIABLE, example_path, examples
from tokens.pages.made_tokens import MadeTokens
from tokens.pages.page_owner import OwnerRequest, PageOwner
from tokens.pages.rendering import render_page
from tokens.pages.request_list import RequestList
from tokens.pages.scope_choices import grants
from tokens.pages.token_list import Listing
from tokens.pages.usage_report import Report
from tokens.rate_limits.limits import limit_in_words, parse_rate_limit
from tokens.token_settings import token_settings
from tokens.views.guards import ask_to_confirm, of_owner, own_token


@of_owner
@require_safe
def token_list(request: OwnerRequest) -> HttpResponse:
    """Show the tokens of the owner. htmx gets only the list, not the rest of the page."""
    listing = Listing(request.page_owner, request.GET.dict())
    if listing.search_had_secret:  # somebody searched for a token's value: remove it from the URL
        return redirect(f"{request.path}{listing.query()}")
    if request.htmx.target in {"tokens", "found"}:
        return render_page(request, "tokens/_token_list.html", {"listing": listing})
    form = TokenForm(user=request.page_owner.account) if listing.is_empty else None
    return render_page(request, "tokens/list.html", {"listing": listing, "form": form})


@changes_no_decision
@of_owner
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("new")
def token_create(request: OwnerRequest) -> HttpResponse:
    """Show the form. On POST, create the token and show its secret value, once."""
    owner = request.page_owner
    if request.method != "POST":
        return show_new_form(request)
    form = TokenForm(request.POST, user=owner.account)
    if form.is_valid():
        again = owner.query_with(form.as_query())
        if response := ask_to_confirm(request, f"{request.path}?{again}"):
            return response
        try:
            token, new = Token.objects.issue(
                owner=owner.account,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                environment=form.cleaned_data["environment"],
                expires_at=form.lifetime.end(timezone.now()),
                scopes=form.cleaned_data["scopes"],
                allowed_addresses=form.cleaned_data["allowed_addresses"],
                form_nonce=form.cleaned_data["nonce"],
                actor=actor_of(request),
            )
        except FormAlreadySent as sent:
            context = {"token": sent.token, "again": again}
            return render_page(request, "tokens/already_sent.html", context, status=409)
        except (TokenLimitReached, LifetimeTooLong) as error:
            form.add_error(None, limit_message(error, owner.subject))
        except ScopeNotAllowed as error:
            form.reject_scopes(error.names)
        except PolicyBroken as error:
            form.reject_policies(error)
        else:
            return reveal(request, token, new)
    return render_page(request, "tokens/create.html", {"form": form}, status=422)


def show_new_form(request: OwnerRequest) -> HttpResponse:
    """Return the page with the form, and with the reasons why the owner can't have a token now."""
    owner = request.page_owner
    form = TokenForm(user=owner.account, initial=prefill(request.GET.dict()))
    context = {
        "form": form,
        "full": token_limit_warning(Token.objects.owned_by(owner.account), owner),
        "warnings": form.hints.warnings(request.user),
    }
    return render_page(request, "tokens/create.html", context)


def token_limit_warning(tokens: TokenQuerySet, owner: PageOwner) -> str:
    """Return a warning if `owner`, who has `tokens`, may have no more active tokens, or ""."""
    if tokens.has_room():
        return ""
    return limit_message(TokenLimitReached(token_settings.MAX_TOKENS_PER_USER), owner.subject)


@sensitive_variables("new")
def reveal(request: OwnerRequest, token: Token, new: Credential) -> HttpResponse:
    """Show the list, with the secret value of the new `token` above it. It is never shown again.

    NOTE: The answer to the POST itself contains the value. The usual redirect would need a place
    that carries the value to the next page (session, message, cookie or URL), and a copy would
    stay there. If the person reloads the page, the form is sent again, but its nonce (a number
    used once) keeps the server from making a second token.
    """
    context = {
        "listing": Listing(request.page_owner, {}),
        "revealed": token,
        "credential": new,
        "examples": examples(token_settings.SITE_URL, example_path()),
        "variable": VARIABLE,
        "shell_line": SHELL_LINE,
        # Because of `no-referrer` browsers send `Origin: null` with the forms of this page, and
        # the CSRF check refuses them. So base.html shows links in their place.
        "origin_is_hidden": True,
    }
    response = render_page(request, "tokens/list.html", context)
    response["Referrer-Policy"] = "no-referrer"
    response.shows_secret = True  # type: ignore[attr-defined]
    return replace_url(response, request.page_owner.list_url)


@own_token
@require_safe
def token_detail(request: OwnerRequest, token: Token) -> HttpResponse:
    """Show one token: settings, usage, requests, code examples and events."""
    report = Report(token, request.GET.get("by", ""))
    context = {
        "token": token,
        "report": report,
        "requests": RequestList(
            token, request.GET.dict() | {"by": report.by}, report.callers.shown
        ),
        "grants": grants(token),
        "waiting": waiting_scopes(token),
        "networks": map(format_network, token.allowed_addresses),
        "successor": token.successor,
        "made": MadeTokens.made_by(token.owner, [token]),
        "limit": limit_in_words(parse_rate_limit(token.rate_limit or token_settings.RATE_LIMIT)),
        "examples": examples(token_settings.SITE_URL, example_path()),
        "variable": VARIABLE,
    }
    return render_page(request, "tokens/detail.html", context)


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: OwnerRequest, token: Token) -> HttpResponse:
    """Ask the person to confirm, as a page or in a dialog. On POST, revoke the token.

    If the person ticked that box, also revoke the tokens that programs made with the token.
    """
    if request.method != "POST":
        in_dialog = request.htmx.target == "tokenry-dialog"
        template = "tokens/_revoke.html" if in_dialog else "tokens/revoke.html"
        in_list = current_url(request).path == reverse("tokens:list")
        made = MadeTokens.made_by(token.owner, [token])
        context = {"token": token, "in_list": in_list, "made": made, "successor": token.successor}
        return render_page(request, template, context)
    with Token.objects.locked_for(token.owner_id):
        was_active = token.revoke(actor_of(request))
        count = token.revoke_made(actor_of(request)) if "include_made" in request.POST else 0
    messages.success(request, revoked_message(token, was_active, count))
    if request.htmx.target == "tokens":
        params = QueryDict(current_url(request).query).dict()
        return render_page(
            request, "tokens/_token_list.html", {"listing": Listing(request.page_owner, params)}
        )
    if again := request.POST.get("again"):
        return redirect(f"{reverse('tokens:create')}?{urlencode(QueryDict(again).dict())}")
    return redirect(request.page_owner.list_url)


def revoked_message(token: Token, was_active: bool, count: int) -> str:
    """Return the message that says what a revocation did.

    `was_active` is False if `token` had been revoked before. `count` is the number of tokens made
    with `token` that were revoked too.
    """
    made = f"{count} token{pluralize(count)} made with it"
    verb = pluralize(count, "is,are")
    if not was_active:
        now = f" {made} {verb} revoked now." if count else ""
        return f"“{token.name}” was revoked already.{now}"
    if count:
        return f"“{token.name}” is revoked, and so {verb} {made}. They fail from now on."
    return f"“{token.name}” is revoked. Requests with it fail from now on."


def current_url(request: PageRequest) -> SplitResult:
    """Return the URL of the page in the browser from which htmx sent the request.

    Return an empty URL if there is none, or if it is invalid.
    """
    try:
        return urlsplit(request.htmx.current_url or "")
    except ValueError:
        return urlsplit("")
