"""Tokens, what they may do, and the events in their lives."""

from tokens.models.digest import Digest
from tokens.models.event import NAME_LENGTH, Event, EventQuerySet, origin
from tokens.models.kinds import GROUPS, AccountKind
from tokens.models.notice import KnownAddress, MailChoices, Notice
from tokens.models.queryset import TokenQuerySet
from tokens.models.scope import Scope
from tokens.models.token import DESCRIPTION_LENGTH, Token
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
    "DESCRIPTION_LENGTH",
    "GROUPS",
    "NAME_LENGTH",
    "AccountKind",
    "AlreadyRenewed",
    "Digest",
    "Environment",
    "Event",
    "EventQuerySet",
    "FormAlreadySent",
    "KnownAddress",
    "LifetimeTooLong",
    "MailChoices",
    "Notice",
    "Scope",
    "ScopeNotAllowed",
    "Status",
    "Token",
    "TokenLimitReached",
    "TokenQuerySet",
    "TokenRevoked",
    "WouldWiden",
    "origin",
]
