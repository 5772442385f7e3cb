"""Tokens, what they may do, and the events in their lives."""

from tokens.models.event import NAME_LENGTH, Event, EventQuerySet
from tokens.models.scope import Scope
from tokens.models.token import (
    Digest,
    Environment,
    FormAlreadySent,
    ScopeNotAllowed,
    Status,
    Token,
    TokenLimitReached,
    TokenQuerySet,
)

__all__ = [
    "NAME_LENGTH",
    "Digest",
    "Environment",
    "Event",
    "EventQuerySet",
    "FormAlreadySent",
    "Scope",
    "ScopeNotAllowed",
    "Status",
    "Token",
    "TokenLimitReached",
    "TokenQuerySet",
]
