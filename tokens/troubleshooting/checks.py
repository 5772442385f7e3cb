"""Checks of one token for the page Troubleshoot: why it is or was refused, and what it may do."""

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from tokens.authentication import policy
from tokens.core import networks
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.core.text import utc_time
from tokens.models import Event, RecentRequest, Scope, ScopeCount, Token
from tokens.pages.approvals import waiting_action
from tokens.pages.scope_choices import Grant
from tokens.problems.catalog import remedy
from tokens.problems.problem import ENVIRONMENT_NAMES
from tokens.rate_limits import counters
from tokens.token_settings import token_settings

MAX_CHECKED_REQUESTS = 100  # the latest refused requests of a token
MAX_NAMED_SCOPES = 10  # the latest scopes that the token lacked
ACTOR_WORDS = {"nobody signed in": "somebody who had its value"}


class Link(NamedTuple):
    """A link to a page where the owner can act."""

    url: str
    label: str


class CheckResult(NamedTuple):
    """What a check of a token found (`what`), and what to do about it (`action`).

    `code` is the problem code that refused requests get, and `request` is such a request.
    `still_applies` is True if the same request would be refused again. `headline` is the headline
    of the page if this is the strongest result; if it is "", the code has a title. `is_damage` is
    True if a part of the token's value is missing or wrong.
    """

    what: str
    action: str
    code: str = ""
    request: RecentRequest | None = None
    links: tuple[Link, ...] = ()
    still_applies: bool = False
    headline: str = ""
    is_damage: bool = False


def current_problems(token: Token) -> list[CheckResult]:
    """Return why every request with the token is refused now; an empty list if it works."""
    match policy.check_validity(token, timezone.now()):
        case "revoked_token":
            return [check_revoked(token)]
        case "expired_token":
            return [check_expired(token)]
    return [*check_rate_limit(token), *check_installation(token)]


def check_revoked(token: Token) -> CheckResult:
    """Return a result: when the token was revoked, and by whom if the event is still stored."""
    events = Event.objects.owned_by(token.owner)
    event = events.filter(identifier=token.identifier, kind=Event.Kind.REVOKED).first()
    by = f" by {ACTOR_WORDS.get(event.who, event.who)}" if event else ""
    origin = f", from {event.address}" if event and event.address and event.shows_origin else ""
    at = utc_time(token.revoked_at) if token.revoked_at else ""
    again = Link(creating(token, token.scopes), "Create a token like it")
    return CheckResult(
        f"It was revoked on {at}{by}{origin}.",
        remedy("revoked_token").action,
        "revoked_token",
        links=(again,),
    )


def check_expired(token: Token) -> CheckResult:
    """Return a result: when the token expired, and which token replaced it, if one did."""
    over = f"It expired on {utc_time(token.expires_at)}."
    if token.renewed_at and (successor := token.successor):
        at = utc_time(token.renewed_at)
        what = f"{over} It was renewed on {at}: {successor.identifier} replaced it."
        links = (Link(successor.get_absolute_url(), "See the new token"),)
        return CheckResult(what, "Use the new token.", "expired_token", links=links)
    action = "Renew it: you get a new value with the same settings."
    return CheckResult(over, action, "expired_token", links=(renewal_link(token),))


def renewal_link(token: Token) -> Link:
    """Return the link that renews the token."""
    return Link(reverse("tokens:renew", args=[token.identifier]), "Renew it")


def check_rate_limit(token: Token) -> list[CheckResult]:
    """Return a result if the rate limit of the token is used up, else an empty list.

    This check does not count as a request. If the counters do not answer, return a result about
    that.
    """
    try:
        result = counters.peek_token(token.limit_key, token.rate_limit)
    except ServiceUnavailable:
        return [CheckResult(*remedy("unavailable"), "unavailable")]
    if result.admitted:
        return []
    end = utc_time(timezone.now() + timedelta(seconds=result.retry_after))
    limits = result.reached_limits
    what = f"It may make {limits}, and has made them all. It is refused until {end}."
    action = "Wait until then, or ask an administrator for a higher limit."
    return [CheckResult(what, action, "rate_limited")]


def check_installation(token: Token) -> list[CheckResult]:
    """Return a result if the token is refused because its environment is not accepted here."""
    required = token_settings.ENVIRONMENT
    if required in {"", token.environment}:
        return []
    accepted = ENVIRONMENT_NAMES[required]
    own = ENVIRONMENT_NAMES[token.environment]
    what = f"It is for {own}; this installation accepts tokens for {accepted}."
    create = creating(token, token.scopes, environment=required)
    links = (Link(create, f"Create a token for {accepted}"),)
    return [CheckResult(what, f"Use a token for {accepted}.", "wrong_environment", links=links)]


def recent_problems(token: Token, granted: list[Grant]) -> list[CheckResult]:
    """Return a result for the latest refused request of each problem code, the newest first.

    `granted` are the token's scopes, and whether each counts now.
    """
    latest: dict[str, RecentRequest] = {}
    for request in token.recent_requests.filter(refused=True)[:MAX_CHECKED_REQUESTS]:
        request.token = token
        latest.setdefault(request.code, request)
    return [check_request(request, granted) for request in latest.values()]


def check_request(request: RecentRequest, granted: list[Grant]) -> CheckResult:
    """Return why the request was refused, and whether it would be refused again now."""
    match request.code:
        case "insufficient_scope":
            return check_missing_scopes(request, granted)
        case "address_not_allowed":
            return check_request_address(request)
    found = CheckResult(*remedy(request.code), request.code, request)
    return found._replace(still_applies=request.code == "wrong_environment")


def check_missing_scopes(request: RecentRequest, granted: list[Grant]) -> CheckResult:
    """Return which required scopes the token lacks now, and which its owner may add.

    All recent requests of the token count, not only `request`.
    """
    token = request.token
    missing, more = missing_scopes(token, [grant.name for grant in granted if not grant.lapsed])
    if not missing:
        return CheckResult(
            "It lacked a scope that it has now.", "Try again.", request.code, request
        )
    known = {*Scope.objects.filter(name__in=missing).values_list("name", flat=True)}
    held = Scope.objects.held_by(token.owner).filter(name__in=missing)
    offered = set(held.values_list("name", flat=True))
    addable, restricted = sorted(offered - {*token.pending_scopes}), sorted(known - offered)
    unknown = [name for name in missing if name not in known]
    required = listed([*missing, f"{more} more"] if more else missing)
    what = f"Requests with it needed {required}, which it lacks."
    actions = [
        waiting_action(token, missing), addable_action(token, addable),
        restricted_action(restricted), unknown_action(unknown, missing),
    ]  # fmt: skip
    action = " ".join(filter(None, actions))
    links = scope_links(token, [*token.wanted_scopes, *addable]) if addable else ()
    return CheckResult(what, action, request.code, request, links, still_applies=True)


def missing_scopes(token: Token, held: list[str]) -> tuple[list[str], int]:
    """Return the names of required scopes that are not in `held`, and how many more there are.

    Only recent refused requests count. The names are the MAX_NAMED_SCOPES that were required
    last.
    """
    since = timezone.now().date() - timedelta(days=token_settings.REQUEST_RETENTION_DAYS)
    counts = ScopeCount.objects.filter(token=token, refused__gt=0, day__gte=since)
    missing = counts.exclude(scope__in=held)
    latest = missing.values("scope").annotate(latest=Max("last_at")).order_by("-latest", "scope")
    names = [row["scope"] for row in latest[: MAX_NAMED_SCOPES + 1]]
    more = latest.count() - MAX_NAMED_SCOPES if len(names) > MAX_NAMED_SCOPES else 0
    return sorted(names[:MAX_NAMED_SCOPES]), more


def addable_action(token: Token, addable: list[str]) -> str:
    """Return what to do about scopes that the owner may add to the token; "" for none."""
    if not addable:
        return ""
    if token.revoked_at:
        return f"Create a token with {listed(addable)}."
    return f"Add {listed(addable)} to this token, or create one with it."


def restricted_action(restricted: list[str]) -> str:
    """Return what to do about scopes of groups in which the owner is not; "" for none."""
    if not restricted:
        return ""
    return f"Only members of its group may have {listed(restricted)}: ask an administrator."


def unknown_action(unknown: list[str], missing: list[str]) -> str:
    """Return what to do about `unknown`, the `missing` scopes that do not exist; "" for none."""
    if not unknown:
        return ""
    name = "this name" if unknown == missing else f"the name {listed(unknown, 'or')}"
    return (
        f"No scope here has {name}. Either the endpoint misspells the scope that it needs, or an "
        "administrator has to add the scope in Django admin."
    )


def scope_links(token: Token, scopes: list[str]) -> tuple[Link, ...]:
    """Return links to forms: give `scopes` to the token, or create a similar token with them."""
    create = Link(creating(token, scopes), "Create a token with it")
    if token.revoked_at:
        return (create,)
    return Link(editing(token, scopes=",".join(scopes)), "Add to this token"), create


def check_request_address(request: RecentRequest) -> CheckResult:
    """Return from which address the request came, and whether the token allows it now."""
    token = request.token
    if not token.addresses or policy.is_allowed_address(request.address, token.addresses):
        what = "It was used from an address that it allows now."
        return CheckResult(what, "Try again.", request.code, request)
    came_from = request.address or "an address that can't be known"
    allowed = ",".join([*map(networks.format_network, token.allowed_addresses), request.address])
    allow = Link(editing(token, allowed_addresses=allowed), "Allow that address")
    what = f"It was used from {came_from}, which is not among its allowed addresses."
    links = (allow,) if request.address and not token.revoked_at else ()
    action = remedy(request.code).action
    return CheckResult(what, action, request.code, request, links, still_applies=True)


def scope_notes(granted: list[Grant]) -> list[CheckResult]:
    """Return what the token may do, and which of its scopes do not count now."""
    held = [grant.name for grant in granted if not grant.lapsed]
    lapsed = [f"{grant.name} ({grant.lapsed})" for grant in granted if grant.lapsed]
    none = "It has no scope that counts" if lapsed else "It has no scope"
    plural = "s" if len(held) > 1 else ""
    may = f"It has the scope{plural} {listed(held)}" if held else none
    others = "another scope" if held else "a scope"
    notes = [CheckResult(f"{may}.", f"Requests that need {others} get insufficient_scope.")]
    if lapsed:
        action = "Requests that need these get insufficient_scope too. Ask an administrator."
        notes.append(CheckResult(f"Scopes that do not count now: {listed(lapsed)}.", action))
    return notes


def address_notes(token: Token, address: str) -> list[CheckResult]:
    """Return from where the token may be used, and whether `address` is allowed."""
    if not token.addresses:
        return []
    allowed = listed([networks.format_network(network) for network in token.allowed_addresses])
    is_one = "is" if policy.is_allowed_address(address, token.addresses) else "is not"
    you = f" Your present address, {address}, {is_one} one of them." if address else ""
    action = "Requests from other addresses get address_not_allowed."
    return [CheckResult(f"It may be used only from {allowed}.{you}", action)]


def renewal_notes(token: Token) -> list[CheckResult]:
    """Return which token replaced this token at its renewal, and until when both work."""
    if token.is_revocable and token.renewed_at and (successor := token.successor):
        end = utc_time(token.expires_at)
        what = f"It was renewed: it works until {end}, and {successor.identifier} replaces it."
        links = (Link(successor.get_absolute_url(), "See the new token"),)
        return [CheckResult(what, "Switch to the new token before that.", links=links)]
    return []


def listed(words: list[str], last: str = "and") -> str:
    """Return `words` as text, such as “a, b and c”. `last` is the word before the last of them."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def creating(token: Token, scopes: list[str], environment: str = "") -> str:
    """Return the URL of the form for a new token, filled in like `token` with these scopes."""
    fields = {
        "owner": token.team_id or "",
        "name": token.name,
        "environment": environment or token.environment,
        "scopes": ",".join(scopes),
        "allowed_addresses": ",".join(map(networks.format_network, token.allowed_addresses)),
    }
    query = urlencode({key: value for key, value in fields.items() if value}, safe=":/,")
    return f"{reverse('tokens:create')}?{query}"


def editing(token: Token, **changes: str) -> str:
    """Return the URL of the form that changes `token`, filled in with `changes`."""
    return f"{reverse('tokens:edit', args=[token.identifier])}?{urlencode(changes, safe=':/,')}"
