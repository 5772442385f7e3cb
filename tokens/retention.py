"""What `manage.py prune` deletes because of its age: a line for each kind of row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from tokens.models import DayCount, Event, HourCount, IdempotencyKey, Notice, RecentRequest, ScopeCount, Token

BATCH_SIZE = 1000  # rows deleted in one transaction: others never wait for long


def delete_tokens(tokens: models.QuerySet[Token], keys: Sequence[int]) -> int:
    """Delete the tokens of these keys; return how many this call deleted. Events stay, and all else of them goes.

    What a deleted token made is from now on said to be made by its heir. All tokens that change are locked first and
    in order, as whoever writes their usage does.
    """
    with transaction.atomic():
        touched = Q(pk__in=keys) | Q(made_by__in=keys) | Q(renewed_from__in=keys)
        list(Token.objects.filter(touched).order_by("pk").select_for_update().values_list("pk"))
        makers = dict(tokens.filter(pk__in=keys).values_list("pk", "made_by_id"))
        successors = successors_of(makers)
        for key in makers:
            made = Token.objects.filter(made_by=key).exclude(pk__in=makers)
            made.update(made_by=heir(key, makers, successors))
        return tokens.filter(pk__in=makers).delete()[1].get("tokens.Token", 0)


def successors_of(keys: Iterable[int]) -> dict[int, int]:
    """Return the successor of each token that has any: the one that is not revoked, or else the last revoked."""
    found = Token.objects.filter(renewed_from__in=keys).order_by(F("revoked_at").asc(nulls_last=True))
    return dict(found.values_list("renewed_from_id", "pk"))  # of several, the last stays


def heir(key: int, makers: Mapping[int, int | None], successors: Mapping[int, int]) -> int | None:
    """Return the nearest token that is left of those that go, the keys of `makers`: a successor, or else a maker.

    A successor first, because a renewal is the same credential: its page has to show what its predecessor made.
    """
    left: int | None = key
    while left is not None and left in makers:
        left = successors.get(left) or makers[left]
    return left


def delete_rows(rows: models.QuerySet[Any], keys: Sequence[Any]) -> int:
    """Delete the rows of these keys; return how many this call deleted."""
    return rows.filter(pk__in=keys).delete()[0]


class Rule(NamedTuple):
    """Those `rows` go whose column `at` is further back than `keep`: days, or the setting that says how many."""

    name: str
    rows: models.QuerySet[Any]
    at: str
    keep: str | int
    delete: Callable[[models.QuerySet[Any], Sequence[Any]], int] = delete_rows
    times: int = 1  # by how much a row weighs more than others: so many fewer go in one transaction

    @property
    def days(self) -> int:
        return self.keep if isinstance(self.keep, int) else int(getattr(settings, self.keep))

    @property
    def old(self) -> models.QuerySet[Any]:
        """The rows that go, the oldest first."""
        return self.rows.filter(**{f"{self.at}__lt": timezone.now() - timedelta(days=self.days)}).order_by(self.at)

    def prune(self) -> int:
        """Delete them; how many this call deleted. Safe at any time, and on several nodes at once."""
        deleted = 0
        while batch := list(self.old.values_list("pk", flat=True)[: max(1, BATCH_SIZE // self.times)]):
            deleted += self.delete(self.rows, batch)
        return deleted


ENDED: Any = ("TOKEN_RETENTION_DAYS", delete_tokens, 20)
RULES = [
    Rule("events", Event._base_manager.all(), "at", "EVENT_RETENTION_DAYS"),  # noqa: SLF001  (the public one refuses)
    Rule("expired tokens", Token.objects.filter(revoked_at=None), "expires_at", *ENDED),
    Rule("revoked tokens", Token.objects.exclude(revoked_at=None), "revoked_at", *ENDED),
    Rule("notices", Notice.objects.all(), "made_at", "TOKEN_RETENTION_DAYS"),
    Rule("requests", RecentRequest.objects.all(), "at", "REQUEST_RETENTION_DAYS"),
    Rule("hours of usage", HourCount.objects.all(), "hour", "HOUR_RETENTION_DAYS"),
    Rule("days of usage", DayCount.objects.all(), "day", "DAY_RETENTION_DAYS"),
    Rule("days of scopes", ScopeCount.objects.all(), "day", "DAY_RETENTION_DAYS"),
    Rule("ended sessions", Session.objects.all(), "expire_date", 1),
    Rule("idempotency keys", IdempotencyKey.objects.all(), "at", 1),
]
if apps.is_installed("accounts"):  # those that were given up, or that nobody came to send
    mails = apps.get_model("accounts", "Notification")._default_manager.all()  # noqa: SLF001  (Django's own name)
    RULES.append(Rule("mails that were not sent", mails, "made_at", "TOKEN_RETENTION_DAYS"))
if apps.is_installed("allauth.usersessions"):  # a session lasts no longer than SESSION_MAX_DAYS
    lists = apps.get_model("usersessions", "UserSession")._default_manager.all()  # noqa: SLF001
    RULES.append(Rule("sessions on lists", lists, "created_at", settings.SESSION_MAX_SECONDS // 86_400 + 1))
