"""The rules by which `manage.py prune` deletes old rows: a rule for each kind of row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from tokens.models import (
    DayCount,
    Event,
    HourCount,
    IdempotencyKey,
    Notification,
    RecentRequest,
    RequirementCount,
    ScopeCount,
    Token,
)
from tokens.token_settings import token_settings

# The number of rows that one transaction deletes: few, so that others do not wait long for locks.
DELETE_BATCH = 1000


def delete_tokens(tokens: models.QuerySet[Token], keys: Sequence[int]) -> int:
    """Delete those of `tokens` that have these primary keys. Return how many were deleted.

    Everything that belongs to them is deleted too, except their events. A deleted token may have
    made other tokens through the API. These get another maker (see `remaining_maker`).

    NOTE: All tokens that change are locked first, in the order of their keys. The recorder uses
    the same order when it writes usage, so there is no deadlock.
    """
    with transaction.atomic():
        touched = Q(pk__in=keys) | Q(made_by__in=keys) | Q(renewed_from__in=keys)
        list(Token.objects.filter(touched).order_by("pk").select_for_update().values_list("pk"))
        makers = dict(tokens.filter(pk__in=keys).values_list("pk", "made_by_id"))
        successors = successors_of(makers)
        for key in makers:
            made = Token.objects.filter(made_by=key).exclude(pk__in=makers)
            made.update(made_by=remaining_maker(key, makers, successors))
        return tokens.filter(pk__in=makers).delete()[1].get("tokens.Token", 0)


def successors_of(keys: Iterable[int]) -> dict[int, int]:
    """Return the key of each token's successor, by the token's key, if it was renewed.

    If a token has several successors, take the one that is not revoked. If all are revoked, take
    the one that was revoked last.
    """
    order = F("revoked_at").asc(nulls_last=True)
    found = Token.objects.filter(renewed_from__in=keys).order_by(order)
    # If a token is there several times, dict() keeps the last.
    return dict(found.values_list("renewed_from_id", "pk"))


def remaining_maker(
    key: int, makers: Mapping[int, int | None], successors: Mapping[int, int]
) -> int | None:
    """Return the new maker of the tokens that the deleted token `key` has made, or None.

    The maker of a token is the token that created it through the API. `makers` has the maker of
    each token that is deleted now, and `successors` the renewed token in its place. The new maker
    is the successor of the deleted token. If there is none, the new maker is the maker of the
    deleted token. If the new maker is deleted too, look for another from there in the same way.
    """
    maker: int | None = key
    while maker is not None and maker in makers:
        maker = successors.get(maker) or makers[maker]
    return maker


def delete_rows(rows: models.QuerySet[Any], keys: Sequence[Any]) -> int:
    """Delete those of `rows` that have these primary keys. Return how many were deleted."""
    return rows.filter(pk__in=keys).delete()[0]


class Rule(NamedTuple):
    """A rule for `manage.py prune`: delete those of `rows` whose column `at` is older than `keep`.

    `keep` is a number of days, or the name of a setting with the number. `delete` is the function
    that deletes some rows. A transaction deletes DELETE_BATCH / `weight` rows, so rows that take
    long to delete have a larger weight.
    """

    name: str
    rows: models.QuerySet[Any]
    at: str
    keep: str | int
    delete: Callable[[models.QuerySet[Any], Sequence[Any]], int] = delete_rows
    weight: int = 1

    @property
    def days(self) -> int:
        """Return how many days rows are kept."""
        return self.keep if isinstance(self.keep, int) else int(getattr(token_settings, self.keep))

    @property
    def old_rows(self) -> models.QuerySet[Any]:
        """Return the rows to delete, the oldest first."""
        before = timezone.now() - timedelta(days=self.days)
        return self.rows.filter(**{f"{self.at}__lt": before}).order_by(self.at)

    def prune(self) -> int:
        """Delete all old rows, in several transactions. Return how many this call deleted.

        Several machines may do this at the same time.
        """
        deleted, size = 0, max(1, DELETE_BATCH // self.weight)
        while batch := list(self.old_rows.values_list("pk", flat=True)[:size]):
            deleted += self.delete(self.rows, batch)
        return deleted


ENDED_TOKENS: Any = ("RETENTION_DAYS", delete_tokens, 20)
RULES = [
    Rule("events", Event._base_manager.all(), "at", "EVENT_RETENTION_DAYS"),  # noqa: SLF001
    Rule("expired tokens", Token.objects.filter(revoked_at=None), "expires_at", *ENDED_TOKENS),
    Rule("revoked tokens", Token.objects.exclude(revoked_at=None), "revoked_at", *ENDED_TOKENS),
    Rule("notifications", Notification.objects.all(), "made_at", "RETENTION_DAYS"),
    Rule("requests", RecentRequest.objects.all(), "at", "REQUEST_RETENTION_DAYS"),
    Rule("hours of usage", HourCount.objects.all(), "hour", "HOUR_RETENTION_DAYS"),
    Rule("days of usage", DayCount.objects.all(), "day", "DAY_RETENTION_DAYS"),
    Rule("days of scopes", ScopeCount.objects.all(), "day", "DAY_RETENTION_DAYS"),
    Rule("days of requirements", RequirementCount.objects.all(), "day", "DAY_RETENTION_DAYS"),
    Rule("ended sessions", Session.objects.all(), "expire_date", 1),
    Rule("idempotency keys", IdempotencyKey.objects.all(), "at", 1),
]
if apps.is_installed("accounts"):
    # Mails that could not be sent.
    mails = apps.get_model("accounts", "Notification")._default_manager.all()  # noqa: SLF001
    RULES.append(Rule("mails that were not sent", mails, "made_at", "RETENTION_DAYS"))
if apps.is_installed("allauth.usersessions"):
    # The rows of the Sessions page. No session lasts longer than that.
    seconds = getattr(settings, "SESSION_MAX_SECONDS", settings.SESSION_COOKIE_AGE)
    lists = apps.get_model("usersessions", "UserSession")._default_manager.all()  # noqa: SLF001
    RULES.append(Rule("sessions on lists", lists, "created_at", seconds // 86_400 + 1))
