"""`manage.py token create`, `renew` and `revoke`: by the rules of the pages, for any owner. Events say who did it."""

from argparse import ArgumentParser
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens.credential import Credential
from tokens.facts import as_json
from tokens.forms import TokenForm, default_lifetime, environments, lifetimes, refusal
from tokens.life_forms import EditForm
from tokens.lifetime import DEFAULT, DEFAULT_OVERLAP, LIFETIMES, OVERLAPS, Lifetime
from tokens.management.action import Options, Printed, exact, in_json, one, person
from tokens.models import (
    AlreadyRenewed,
    Environment,
    LifetimeTooLong,
    Scope,
    ScopeNotAllowed,
    Status,
    Token,
    TokenLimitReached,
    TokenRevoked,
)
from tokens.plain import one_line

Known = TypeVar("Known")


def create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--user", metavar="EMAIL", required=True, help="whose it will be")
    parser.add_argument("--name", required=True, help="what will use it, such as “Production API”")
    parser.add_argument("--description", metavar="TEXT", default="", help="what it is for, and who asks when it fails")
    parser.add_argument("--environment", help=f"{either(Environment.values)} (default: live)")
    expires_argument(parser)
    parser.add_argument(
        "--scope", action="extend", nargs="+", default=[], metavar="SCOPE", help="what it may do, such as reports:read"
    )
    parser.add_argument(
        "--address",
        action="extend",
        nargs="+",
        default=[],
        metavar="CIDR",
        help="where it may be used from, such as 203.0.113.7 or 10.0.0.0/8 (default: anywhere)",
    )


def renew_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("identifier", metavar="IDENTIFIER", help="the first 24 characters of the token to renew")
    expires_argument(parser)
    parser.add_argument(
        "--overlap",
        default=DEFAULT_OVERLAP,
        help=f"how long the old one works beside the new one: {either(OVERLAPS)} (default: {DEFAULT_OVERLAP})",
    )


def expires_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--expires", help=f"after {either(LIFETIMES)} (default: {DEFAULT})")


def revoke_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("identifiers", metavar="IDENTIFIER", nargs="+", help="the first 24 characters of a token")
    parser.add_argument(
        "--include-made", action="store_true", help="the tokens made with these too, and those made with them"
    )


@sensitive_variables("new")
def create_token(options: Options) -> Printed:
    owner = person(options["user"])
    ensure_active(owner)
    try:
        token, new = Token.objects.issue(
            owner=owner,
            name=checked("--name", TokenForm.base_fields["name"], options["name"]),
            description=checked("--description", EditForm.base_fields["description"], options["description"]),
            environment=environment(options["environment"]),
            expires_at=lifetime(options["expires"]).end(timezone.now()),
            scopes=options["scope"],
            allowed_addresses=checked(
                "--address", TokenForm.base_fields["allowed_addresses"], "\n".join(options["address"])
            ),
        )
    except ScopeNotAllowed as refused:
        raise CommandError(not_theirs(owner, refused.names)) from None
    except (TokenLimitReached, LifetimeTooLong) as policy:
        raise CommandError(too_much(owner, policy)) from None
    return made(token, new, f"Created {described(token)}.", options)


@sensitive_variables("new")
def renew_token(options: Options) -> Printed:
    old = one(options["identifier"])
    ensure_active(old.owner)
    overlap = choice("--overlap", options["overlap"], OVERLAPS)
    try:
        successor, new = Token.objects.renew(
            old, expires_at=lifetime(options["expires"]).end(timezone.now()), overlap=overlap.length
        )
    except TokenRevoked:
        raise CommandError(f"{old.identifier} is revoked, which nothing undoes. Create another token.") from None
    except AlreadyRenewed as renewed:
        raise CommandError(
            f"{old.identifier} was renewed already, by {renewed.successor.identifier}. Renew that one; or, if its "
            "value was lost, revoke it and renew this one again."
        ) from None
    except (TokenLimitReached, LifetimeTooLong) as policy:
        raise CommandError(too_much(old.owner, policy)) from None
    still = f"works until {exact(old.expires_at)}" if old.status == Status.RETIRING else "does not work any more"
    did = f"Renewed {old.identifier}, which {still}.\nThe new one is {described(successor)}."
    return made(successor, new, did, options)


def revoke_tokens(options: Options) -> Printed:
    """All of them or, where one is not found, none."""
    try:
        tokens = [one(identifier) for identifier in dict.fromkeys(options["identifiers"])]
    except CommandError as missing:
        raise CommandError(f"{missing} Nothing was revoked.") from None
    done = [revoke(token, include_made=options["include_made"]) for token in tokens]
    if options["json"]:
        return Printed(in_json([as_json(each.token) | each.facts for each in done]))
    return Printed("\n".join(each.words for each in done))


class Revoked(NamedTuple):
    """What revoking `token` did: whether it ended now, and how many made with it ended or still work."""

    token: Token
    now: bool
    made_revoked: int
    made_working: int

    @property
    def facts(self) -> dict[str, Any]:
        return {"revoked_now": self.now, "made_revoked": self.made_revoked, "made_working": self.made_working}

    @property
    def words(self) -> str:
        said = f"{self.token.identifier} is revoked: requests with it fail from now on."
        if not self.now:
            said = f"{self.token.identifier} was revoked already, on {exact(self.token.revoked_at)}."
        if count := self.made_revoked:
            said += f" {count} token{pluralize(count)} made with it {pluralize(count, 'is,are')} revoked too."
        if count := self.made_working:
            works = f"{count} token{pluralize(count)} made with it still work{pluralize(count, 's,')}"
            said += f" {works}: --include-made revokes {pluralize(count, 'it,them')} too."
        return said


def revoke(token: Token, *, include_made: bool) -> Revoked:
    """End `token`, and what was made with it if asked, together; `token.revoked_at` is right in any case."""
    with Token.objects.turn_of(token.owner_id):
        now = token.revoke()
        made_revoked = token.revoke_made() if include_made else 0
    token.refresh_from_db(fields=["revoked_at"])
    return Revoked(token, now, made_revoked, token.still_made.count())


def made(token: Token, new: Credential, did: str, options: Options) -> Printed:
    """The value of a new token, alone or with its facts; what `did` says is for people."""
    if options["json"]:
        return Printed(in_json({"token": new.value, **as_json(token)}))
    return Printed(new.value, f"{did}\nKeep the value: you won't be able to see it again.")


def described(token: Token) -> str:
    what = f"{token.identifier}, “{one_line(token.name)}” of {token.owner.email}"
    return f"{what}, for {token.get_environment_display()}, until {exact(token.expires_at)}"


def checked(option: str, field: Any, given: str) -> Any:
    """What the field of a form makes of it. Raises CommandError with what the form would say."""
    try:
        return field.clean(given)
    except ValidationError as wrong:
        raise CommandError(f"{option}: {' '.join(wrong.messages)}") from None


def choice(option: str, given: str, known: Mapping[str, Known]) -> Known:
    """What `given` is the key of. Raises CommandError, which names those that there are."""
    if given not in known:
        raise CommandError(f"{option} is “{given}”; it takes {either(known)}.")
    return known[given]


def either(keys: Collection[str]) -> str:
    """“live, test or dev”."""
    *others, last = keys
    return f"{', '.join(others)} or {last}" if others else last


def environment(given: str | None) -> str:
    """The environment, without one the first that this installation makes tokens for. Raises CommandError."""
    known = {key: key for key, _ in environments()}
    return next(iter(known)) if given is None else choice("--environment", given, known)


def lifetime(given: str | None) -> Lifetime:
    """The choice of expiration, without one the form's. Raises CommandError."""
    allowed, most = lifetimes(), settings.MAX_TOKEN_LIFETIME_DAYS
    if most is not None and given in LIFETIMES and given not in allowed:
        raise CommandError(f"{refusal(LifetimeTooLong(most))} --expires takes {either(allowed)}.")
    return choice("--expires", default_lifetime() if given is None else given, allowed)


def ensure_active(owner: Any) -> None:
    """CommandError where each request with the token would be refused."""
    if not owner.is_active:
        raise CommandError(f"The account {owner.email} is switched off, so its tokens are refused. Switch it on first.")


def not_theirs(owner: Any, names: Collection[str]) -> str:
    held = ", ".join(Scope.objects.held_by(owner).values_list("name", flat=True))
    return f"{owner.email} can't give a token the scope {either(names)}. Those to choose from: {held or 'none'}."


def too_much(owner: Any, policy: TokenLimitReached | LifetimeTooLong) -> str:
    if isinstance(policy, LifetimeTooLong):
        return refusal(policy)
    count = f"{policy.limit} active token{pluralize(policy.limit)}"
    return f"{owner.email} has {count}, the most allowed. Revoke one first."
