"""The token pages: a click becomes a token here, and a token becomes a page."""

from urllib.parse import SplitResult, urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import replace_url

from tokens.access import grants
from tokens.addresses import show
from tokens.credential import Credential
from tokens.examples import VARIABLE, examples
from tokens.forms import TokenForm, prefill, refusal
from tokens.guards import confirm_if_stale, own_token
from tokens.listing import Listing, Made
from tokens.models import (
    FormAlreadySent,
    LifetimeTooLong,
    ScopeNotAllowed,
    Token,
    TokenLimitReached,
    TokenQuerySet,
)
from tokens.quota import in_words, parse
from tokens.report import Report
from tokens.requests import PageRequest

MOST_EVENTS = 20  # on a token's page; Activity has them all


def current_url(request: PageRequest) -> SplitResult:
    """The address that the browser shows while htmx asks; empty where the header makes no sense."""
    try:
        return urlsplit(request.htmx.current_url or "")
    except ValueError:
        return urlsplit("")


@login_required
@never_cache
@require_safe
def token_list(request: PageRequest) -> HttpResponse:
    """The token manager; htmx asks for the list alone when a filter or the search changes."""
    listing = Listing(request.user, request.GET.dict())
    if listing.held_secret:  # pasted whole into the search: get it out of the address
        return redirect(f"{request.path}{listing.query()}")
    if request.htmx.target in {"tokens", "found"}:
        return render(request, "tokens/_list.html", {"listing": listing})
    form = TokenForm(user=request.user) if listing.is_empty else None
    return render(request, "tokens/list.html", {"listing": listing, "form": form})


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("new")
def token_create(request: PageRequest) -> HttpResponse:
    """The form; once sent, the list with the new token's value above it, in this answer and never again."""
    if request.method != "POST":
        form = TokenForm(user=request.user, initial=prefill(request.GET.dict()))
        context = {"form": form, "full": limit_hint(Token.objects.owned_by(request.user))}
        return render(request, "tokens/create.html", context)
    form = TokenForm(request.POST, user=request.user)
    if form.is_valid():
        if confirm := confirm_if_stale(request, f"{request.path}?{form.as_query()}"):
            return confirm
        try:
            token, new = Token.objects.issue(
                owner=request.user,
                name=form.cleaned_data["name"],
                environment=form.cleaned_data["environment"],
                expires_at=form.lifetime.end(timezone.now()),
                scopes=form.cleaned_data["scopes"],
                allowed_addresses=form.cleaned_data["allowed_addresses"],
                form_nonce=form.cleaned_data["nonce"],
                request=request,
            )
        except FormAlreadySent as sent:
            context = {"token": sent.token, "again": form.as_query()}
            return render(request, "tokens/already_sent.html", context, status=409)
        except (TokenLimitReached, LifetimeTooLong) as policy:
            form.add_error(None, refusal(policy))
        except ScopeNotAllowed as refused:
            form.refuse(refused.names)
        else:
            return reveal(request, token, new)
    return render(request, "tokens/create.html", {"form": form}, status=422)


def limit_hint(beside: TokenQuerySet) -> str:
    """What to say before a form is filled in for nothing: no other token has room beside these; or ""."""
    return "" if beside.has_room() else refusal(TokenLimitReached(settings.MAX_TOKENS_PER_USER))


@sensitive_variables("new")
def reveal(request: PageRequest, token: Token, new: Credential) -> HttpResponse:
    """The list with the value of `token` above it. It comes in the POST's own answer because whatever else could
    carry it to another page (session, message, cookie, address) would keep a copy."""
    context = {
        "listing": Listing(request.user, {}),
        "revealed": token,
        "credential": new,
        "examples": examples(settings.SITE_URL),
        "variable": VARIABLE,
    }
    response = render(request, "tokens/list.html", context)
    response["Referrer-Policy"] = "no-referrer"
    response.shows_secret = True  # type: ignore[attr-defined]
    return replace_url(response, reverse("token_list"))


@own_token
@require_safe
def token_detail(request: PageRequest, token: Token) -> HttpResponse:
    """One token: what it is and may do, who uses it, how to use it, what happened to it."""
    context = {
        "token": token,
        "report": Report(token, request.GET.get("by", "")),
        "history": token.events[:MOST_EVENTS],
        "grants": grants(token),
        "networks": map(show, token.allowed_addresses),
        "successor": token.successor,
        "made": Made.with_tokens(request.user, [token]),
        "limit": in_words(parse(token.rate_limit or settings.TOKEN_RATE_LIMIT)),
        "examples": examples(settings.SITE_URL),
        "variable": VARIABLE,
    }
    return render(request, "tokens/detail.html", context)


def outcome(token: Token, ended: bool, made_ended: int) -> str:
    """Return what to say once `token`, and so many tokens made with it, were revoked."""
    made = f"{made_ended} token{pluralize(made_ended)} made with it"
    if not ended:
        now = f" {made} {pluralize(made_ended, 'is,are')} revoked now." if made_ended else ""
        return f"“{token.name}” was revoked already.{now}"
    if made_ended:
        return f"“{token.name}” is revoked, and so {pluralize(made_ended, 'is,are')} {made}. They fail from now on."
    return f"“{token.name}” is revoked. Requests with it fail from now on."


@own_token
@require_http_methods(["GET", "HEAD", "POST"])
def token_revoke(request: PageRequest, token: Token) -> HttpResponse:
    """Ask, as a page or in the dialog of a page that htmx asks from; then end the token, and what it made if asked."""
    if request.method != "POST":
        template = "tokens/_revoke.html" if request.htmx.target == "dialog" else "tokens/revoke.html"
        in_list = current_url(request).path == reverse("token_list")
        made = Made.with_tokens(request.user, [token])
        context = {"token": token, "in_list": in_list, "made": made, "successor": token.successor}
        return render(request, template, context)
    with Token.objects.turn_of(token.owner_id):
        ended = token.revoke(request)
        made_ended = token.revoke_made(request) if "include_made" in request.POST else 0
    messages.success(request, outcome(token, ended, made_ended))
    if request.htmx.target == "tokens":
        shown = QueryDict(current_url(request).query)
        return render(request, "tokens/_list.html", {"listing": Listing(request.user, shown.dict())})
    if again := request.POST.get("again"):
        return redirect(f"{reverse('token_create')}?{urlencode(QueryDict(again).dict())}")
    return redirect("token_list")
