"""What can be said of one token to its owner: why it is refused, what it was refused for, and what it may do."""

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone

from tokens import addresses, limits, policy
from tokens.access import Grant
from tokens.breaker import Down
from tokens.denial import ENVIRONMENTS, moment
from tokens.models import Event, RecentRequest, Scope, ScopeCount, Token
from tokens.remedies import remedy

LOOKED_AT = 100  # of the latest refusals of a token
NAMED = 10  # of the scopes that it lacked
WHO = {"nobody signed in": "somebody who held its value"}


class Link(NamedTuple):
    """Where something can be done about it."""

    url: str
    label: str


class Finding(NamedTuple):
    """Something that was found out, and what to do about it.

    `code` is that of the refusals it leads to, `request` one of them; `stands` says that the next will be refused too.
    """

    what: str
    action: str
    code: str = ""
    request: RecentRequest | None = None
    links: tuple[Link, ...] = ()
    stands: bool = False


def state_of(token: Token) -> list[Finding]:
    """Why every request with the token is refused now; nothing where it works."""
    match policy.usable(token, timezone.now()):
        case "revoked_token":
            return [revoked(token)]
        case "expired_token":
            return [expired(token)]
    return [*limited(token), *installation(token)]


def revoked(token: Token) -> Finding:
    """When it was revoked and, unless the record has been deleted since, by whom."""
    event = Event.objects.owned_by(token.owner).filter(identifier=token.identifier, kind=Event.Kind.REVOKED).first()
    by = f" by {WHO.get(event.who, event.who)}" if event else ""
    origin = f", from {event.address}" if event and event.address and event.shows_origin else ""
    at = moment(token.revoked_at) if token.revoked_at else ""
    again = Link(creating(token, token.scopes), "Create one like it")
    return Finding(
        f"It was revoked on {at}{by}{origin}.", remedy("revoked_token").action, "revoked_token", links=(again,)
    )


def expired(token: Token) -> Finding:
    """When it expired, and what replaced it if it was renewed."""
    over = f"It expired on {moment(token.expires_at)}."
    if token.renewed_at and (successor := token.successor):
        what = f"{over} It was renewed on {moment(token.renewed_at)}: {successor.identifier} replaced it."
        links = (Link(successor.get_absolute_url(), "See the one that replaced it"),)
        return Finding(what, "Use the one that replaced it.", "expired_token", links=links)
    renew = Link(reverse("token_renew", args=[token.identifier]), "Renew it")
    return Finding(over, "Renew it: you get a new value with the same settings.", "expired_token", links=(renew,))


def limited(token: Token) -> list[Finding]:
    """Whether its limit is used up; looking counts nothing."""
    try:
        verdict = limits.peek_token(token.limit_key, token.rate_limit)
    except Down:
        return [Finding(*remedy("unavailable"), "unavailable")]
    if verdict.admitted:
        return []
    end = moment(timezone.now() + timedelta(seconds=verdict.retry_after))
    what = f"It may make {verdict.words} and has made them: it is refused until {end}."
    return [Finding(what, "Wait until then, or ask an administrator for a higher limit.", "rate_limited")]


def installation(token: Token) -> list[Finding]:
    """Whether the installation is for another environment; views may name one of their own."""
    wanted = settings.TOKEN_ENVIRONMENT
    if wanted in {"", token.environment}:
        return []
    what = f"It is for {ENVIRONMENTS[token.environment]}; this installation accepts tokens for {ENVIRONMENTS[wanted]}."
    again = Link(creating(token, token.scopes, environment=wanted), f"Create one for {ENVIRONMENTS[wanted]}")
    return [Finding(what, f"Use a token for {ENVIRONMENTS[wanted]}.", "wrong_environment", links=(again,))]


def refusals_of(token: Token, granted: list[Grant]) -> list[Finding]:
    """The latest refusal of each kind, the newest first."""
    latest: dict[str, RecentRequest] = {}
    for request in token.recent_requests.filter(refused=True)[:LOOKED_AT]:
        request.token = token
        latest.setdefault(request.code, request)
    return [refusal(request, granted) for request in latest.values()]


def refusal(request: RecentRequest, granted: list[Grant]) -> Finding:
    """What a request failed of, in terms of the token as it is now."""
    match request.code:
        case "insufficient_scope":
            return lacking_scope(request, granted)
        case "address_not_allowed":
            return wrong_address(request)
    found = Finding(*remedy(request.code), request.code, request)
    return found._replace(stands=request.code == "wrong_environment")


def lacking_scope(request: RecentRequest, granted: list[Grant]) -> Finding:
    """Which scopes requests asked for that the token does not have now, and which of them it can be given."""
    missing, more = missing_scopes(request.token, [grant.name for grant in granted if not grant.lapsed])
    if not missing:
        return Finding("It lacked a scope that it has now.", "Try again.", request.code, request)
    known = set(Scope.objects.filter(name__in=missing).values_list("name", flat=True))
    offered = set(Scope.objects.held_by(request.token.owner).filter(name__in=missing).values_list("name", flat=True))
    addable, restricted = (sorted(names) for names in (offered, known - offered))
    unknown = [name for name in missing if name not in known]
    asked = listed([*missing, f"{more} more"] if more else missing)
    what = f"Requests with it asked for {asked}, which it lacks."
    action = " ".join(filter(None, [adding(request.token, addable), members(restricted), catalogue(unknown, missing)]))
    links = scope_links(request.token, [*request.token.scopes, *addable]) if addable else ()
    return Finding(what, action, request.code, request, links, stands=True)


def missing_scopes(token: Token, held: list[str]) -> tuple[list[str], int]:
    """The latest that requests asked for beyond those `held`, by name, and how many more there are."""
    since = timezone.now().date() - timedelta(days=settings.REQUEST_RETENTION_DAYS)
    asked = ScopeCount.objects.filter(token=token, refused__gt=0, day__gte=since).exclude(scope__in=held)
    latest = asked.values("scope").annotate(latest=Max("last_at")).order_by("-latest", "scope")
    names = [row["scope"] for row in latest[: NAMED + 1]]
    more = latest.count() - NAMED if len(names) > NAMED else 0
    return sorted(names[:NAMED]), more


def adding(token: Token, addable: list[str]) -> str:
    """What to do about scopes that the owner may give to it."""
    if not addable:
        return ""
    if token.revoked_at:
        return f"Create a token with {listed(addable)}."
    return f"Add {listed(addable)} to this token, or create one with it."


def members(restricted: list[str]) -> str:
    """What to do about scopes that the owner may not give."""
    return f"Only members of its group may have {listed(restricted)}: ask an administrator." if restricted else ""


def catalogue(unknown: list[str], missing: list[str]) -> str:
    """What to do about those of the `missing` scopes that are none."""
    if not unknown:
        return ""
    name = "such a name" if unknown == missing else f"the name {listed(unknown, 'or')}"
    action = "an administrator adds it in Django admin, unless it is mistyped where it is asked for."
    return f"No scope here has {name}: {action}"


def scope_links(token: Token, wanted: list[str]) -> tuple[Link, ...]:
    """Where the token gets those scopes, or another one like it."""
    create = Link(creating(token, wanted), "Create one that has it")
    if token.revoked_at:
        return (create,)
    return Link(editing(token, scopes=",".join(wanted)), "Add to this token"), create


def wrong_address(request: RecentRequest) -> Finding:
    """From where the token was used, if that is not allowed now."""
    token = request.token
    if not token.addresses or policy.lies_in(request.address, token.addresses):
        return Finding("It was used from an address that it allows now.", "Try again.", request.code, request)
    came_from = request.address or "an address that can't be known"
    allowed = ",".join(map(addresses.show, token.allowed_addresses))
    wider = Link(editing(token, allowed_addresses=f"{allowed},{request.address}"), "Allow that address")
    what = f"It was used from {came_from}, which is not among its allowed addresses."
    links = (wider,) if request.address and not token.revoked_at else ()
    return Finding(what, remedy(request.code).action, request.code, request, links, stands=True)


def scope_notes(granted: list[Grant]) -> list[Finding]:
    """What it may do, and which of its scopes don't count now."""
    held = [grant.name for grant in granted if not grant.lapsed]
    lapsed = [f"{grant.name} ({grant.lapsed})" for grant in granted if grant.lapsed]
    none = "It has no scope that counts" if lapsed else "It has no scope"
    may = f"It may do what needs {listed(held)}" if held else none
    notes = [Finding(f"{may}.", f"Requests that ask for {'another' if held else 'one'} get insufficient_scope.")]
    if lapsed:
        action = "Requests that ask for them get insufficient_scope too. Ask an administrator."
        notes.append(Finding(f"Not counted now: {listed(lapsed)}.", action))
    return notes


def address_notes(token: Token, address: str) -> list[Finding]:
    """From where it may be used, and whether `address` is such a place."""
    if not token.addresses:
        return []
    allowed = listed([addresses.show(network) for network in token.allowed_addresses])
    among = "is" if policy.lies_in(address, token.addresses) else "is not"
    you = f" Yours now, {address}, {among} among them." if address else ""
    return [Finding(f"It may be used from {allowed} alone.{you}", "From elsewhere requests get address_not_allowed.")]


def renewal_notes(token: Token) -> list[Finding]:
    """While an old token still works beside the one that replaced it."""
    if token.is_revocable and token.renewed_at and (successor := token.successor):
        what = f"It was renewed: it works until {moment(token.expires_at)}, and {successor.identifier} replaces it."
        links = (Link(successor.get_absolute_url(), "See the one that replaces it"),)
        return [Finding(what, "Switch over before that.", links=links)]
    return []


def listed(words: list[str], last: str = "and") -> str:
    """“a, b and c”."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def creating(token: Token, scopes: list[str], environment: str = "") -> str:
    """The form for a token like this one, with those scopes."""
    same = {
        "name": token.name,
        "environment": environment or token.environment,
        "scopes": ",".join(scopes),
        "allowed_addresses": ",".join(map(addresses.show, token.allowed_addresses)),
    }
    return f"{reverse('token_create')}?{urlencode({key: value for key, value in same.items() if value}, safe=':/,')}"


def editing(token: Token, **changes: str) -> str:
    """The form that changes this token, filled in."""
    return f"{reverse('token_edit', args=[token.identifier])}?{urlencode(changes, safe=':/,')}"
