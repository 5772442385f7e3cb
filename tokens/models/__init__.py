"""Tokens, what they may do, and the events in their lives."""

from tokens.models.digest import Digest
from tokens.models.event import NAME_LENGTH, Event, EventQuerySet, origin
from tokens.models.idempotency import KEY_LENGTH, IdempotencyKey, KeyReused
from tokens.models.kinds import GROUPS, AccountKind
from tokens.models.notice import KnownAddress, MailChoices, Notice
from tokens.models.queryset import TokenQuerySet
from tokens.models.scope import SCOPE_LENGTH, Scope
from tokens.models.token import DESCRIPTION_LENGTH, Token
from tokens.models.usage import (
    AGENT_LENGTH,
    FAMILY_LENGTH,
    KEPT_REFUSED,
    PATH_LENGTH,
    Count,
    DayCount,
    HourCount,
    RecentRequest,
    ScopeCount,
    note_uses,
)
from tokens.models.words import (
    AlreadyRenewed,
    Environment,
    FormAlreadySent,
    LifetimeTooLong,
    ScopeNotAllowed,
    Status,
    TokenLimitReached,
    TokenRevoked,
    WouldWiden,
)

__all__ = [
    "AGENT_LENGTH",
    "DESCRIPTION_LENGTH",
    "FAMILY_LENGTH",
    "GROUPS",
    "KEPT_REFUSED",
    "KEY_LENGTH",
    "NAME_LENGTH",
    "PATH_LENGTH",
    "SCOPE_LENGTH",
    "AccountKind",
    "AlreadyRenewed",
    "Count",
    "DayCount",
    "Digest",
    "Environment",
    "Event",
    "EventQuerySet",
    "FormAlreadySent",
    "HourCount",
    "IdempotencyKey",
    "KeyReused",
    "KnownAddress",
    "LifetimeTooLong",
    "MailChoices",
    "Notice",
    "RecentRequest",
    "Scope",
    "ScopeCount",
    "ScopeNotAllowed",
    "Status",
    "Token",
    "TokenLimitReached",
    "TokenQuerySet",
    "TokenRevoked",
    "WouldWiden",
    "note_uses",
    "origin",
]
