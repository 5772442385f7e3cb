"""Check tokens of other programs against the accounts, scopes and settings here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db.models import Q
from django.utils import timezone

from tokens.forms.tokens import environments
from tokens.management.action import user_by_name
from tokens.management.importing.foreign_token import ForeignToken, shown
from tokens.models import ImportedToken, Scope
from tokens.models.scope import MAX_TOKEN_SCOPES
from tokens.token_settings import token_settings

KEYS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the options of the command say about every token.

    `until` is the time at which the old values end, and `environment` that of tokens without one.
    `scopes` replace the scopes of the tokens, if there are any. `owner` is the account that gets
    tokens without an owner, or None.
    """

    until: datetime
    environment: str
    scopes: Collection[str]
    owner: Any


@dataclass(slots=True)
class CheckedTokens:
    """The tokens of a source by what happens to them.

    `new` can be imported, `known` were imported before, `wrong` have problems, and the others no
    longer work in the other program.
    """

    new: list[ForeignToken] = field(default_factory=list)
    known: list[ForeignToken] = field(default_factory=list)
    wrong: list[ForeignToken] = field(default_factory=list)
    expired: int = 0
    revoked: int = 0


class Accounts:
    """Finds accounts, and the scopes that an account may give to a token. Asks once for each."""

    def __init__(self) -> None:
        self._by_name: dict[str, tuple[Any, str]] = {}
        self._scopes: dict[Any, frozenset[str]] = {}

    def find(self, name: str) -> tuple[Any, str]:
        """Return the account with this name or e-mail address, or None and the problem."""
        if name not in self._by_name:
            self._by_name[name] = self._ask(name)
        return self._by_name[name]

    def _ask(self, name: str) -> tuple[Any, str]:
        try:
            return user_by_name(name), ""
        except CommandError:
            users = get_user_model()
        field_name = users.get_email_field_name()
        if "@" not in name or not hasattr(users, field_name):
            return None, f"No account has the name {shown(name)}."
        found = users._default_manager.filter(**{f"{field_name}__iexact": name})  # noqa: SLF001
        accounts = list(found[:2])
        if len(accounts) == 1:
            return accounts[0], ""
        if accounts:
            return None, f"Several accounts have the address {shown(name)}. Give a user name."
        return None, f"No account has the name or address {shown(name)}."

    def scopes_of(self, account: Any) -> frozenset[str]:
        """Return the names of the scopes that `account` may give to a token."""
        if account.pk not in self._scopes:
            held = Scope.objects.held_by(account).values_list("name", flat=True)
            self._scopes[account.pk] = frozenset(held)
        return self._scopes[account.pk]


def check_tokens(found: Iterable[ForeignToken], options: ImportOptions) -> CheckedTokens:
    """Sort the tokens of a source by what happens to them. Nothing is changed in the database."""
    checked, accounts, now = CheckedTokens(), Accounts(), timezone.now()
    places: dict[str, str] = {}
    sound: list[ForeignToken] = []
    for token in found:
        if token.is_revoked:
            checked.revoked += 1
        elif token.expires_at <= now:
            checked.expired += 1
        else:
            if token.name:  # otherwise nothing could be read
                check(token, options, accounts)
            if key := token.credential.key:
                first = places.setdefault(key, token.place)
                if first != token.place:
                    token.problems.append(f"This is the same token as {first}.")
            (checked.wrong if token.problems else sound).append(token)
    known = known_keys(places)
    for token in sound:
        (checked.known if token.credential.key in known else checked.new).append(token)
    return checked


def check(token: ForeignToken, options: ImportOptions, accounts: Accounts) -> None:
    """Complete `token` with the options, and add what is wrong with the token to its problems."""
    if token.owner_name:
        token.owner, problem = accounts.find(token.owner_name)
        if problem:
            token.problems.append(problem)
    else:
        token.owner = token.owner or options.owner
        if token.owner is None:
            token.problems.append("It has no owner. --owner names an account for such tokens.")
    if token.owner and not token.owner.is_active:
        token.problems.append(
            f"The account {token.owner.get_username()} is switched off, so its tokens are refused."
        )
    token.environment = token.environment or options.environment
    allowed = [key for key, _ in environments()]
    if token.environment not in allowed:
        token.problems.append(f"This installation has only the environment {' '.join(allowed)}.")
    token.scopes = list(options.scopes or token.scopes)
    if token.owner:
        token.problems += scope_problems(token, accounts.scopes_of(token.owner))
    token.expires_at = min(token.expires_at, options.until)


def scope_problems(token: ForeignToken, held: Collection[str]) -> list[str]:
    """Return what is wrong with the scopes of `token`. Its owner may give it the scopes `held`."""
    if len(token.scopes) > MAX_TOKEN_SCOPES:
        return [f"It has {len(token.scopes)} scopes; {MAX_TOKEN_SCOPES} at most."]
    unknown = sorted(set(token.scopes).difference(held))
    if not unknown:
        return []
    return [
        f"{token.owner.get_username()} can't give a token the scope "
        f"{', '.join(map(shown, unknown[:5]))}. --scope names scopes in place of the tokens' own; "
        "administration adds scopes."
    ]


def known_keys(keys: Iterable[str]) -> set[str]:
    """Return those of `keys` under which tokens are imported, or were imported at first."""
    known: set[str] = set()
    rest = iter(keys)
    while some := list(islice(rest, KEYS_PER_QUERY)):
        found = ImportedToken.objects.filter(Q(key__in=some) | Q(source_key__in=some))
        known.update(*found.values_list("key", "source_key"))
    return known


def ensure_lifetime(until: datetime) -> None:
    """Raise CommandError if `until` has passed, or if MAX_TOKEN_LIFETIME_DAYS forbids it."""
    now, most = timezone.now(), token_settings.MAX_TOKEN_LIFETIME_DAYS
    if until <= now:
        raise CommandError(f"--until is {until:%Y-%m-%d %H:%M:%S %Z}, which has passed.")
    if most is not None and (until - now).days >= most:
        raise CommandError(
            f"Tokens live for {most} days at most here (MAX_TOKEN_LIFETIME_DAYS), and --until is "
            f"{(until - now).days + 1} days from now."
        )
