"""The database models: tokens, teams, scopes, events, usage, notifications, idempotency keys."""

from tokens.models.actor import Actor
from tokens.models.choices import Environment, Status
from tokens.models.digest import Digest
from tokens.models.event import NAME_LENGTH, Event, EventQuerySet, origin_columns
from tokens.models.event_types import GROUPS, TEAM_KINDS, AccountKind
from tokens.models.exceptions import (
    AlreadyDecided,
    AlreadyRenewed,
    FormAlreadySent,
    LifetimeTooLong,
    MadeWithWorkingToken,
    MissingPepper,
    NothingToHandOver,
    OwnerAway,
    PolicyBroken,
    ScopeNotAllowed,
    TeamChangeRefused,
    TokenLimitReached,
    TokenRevoked,
    WouldWiden,
)
from tokens.models.idempotency import KEY_LENGTH, IdempotencyKey, KeyReused
from tokens.models.imported_token import ForeignCredential, ImportedToken, Source
from tokens.models.job import Job
from tokens.models.leaving import Leaver
from tokens.models.membership import Invitation, Membership
from tokens.models.notification import KnownAddress, MailChoices, Notification
from tokens.models.offer import TransferOffer
from tokens.models.owner import TEAM, account_name, owner_email, owner_name
from tokens.models.queryset import TokenQuerySet
from tokens.models.scope import SCOPE_LENGTH, Scope
from tokens.models.scope_request import ScopeRequest
from tokens.models.team import MAX_MANAGED_TEAMS, SLUG, SLUG_LENGTH, Team, accounts_of
from tokens.models.token import DESCRIPTION_LENGTH, Token
from tokens.models.token_policy import TokenPolicy, TokenPolicyQuerySet, broken_policy_condition
from tokens.models.usage import (
    AGENT_LENGTH,
    FAMILY_LENGTH,
    KEPT_REFUSED,
    PATH_LENGTH,
    REQUIRED_SCOPES_LENGTH,
    Count,
    DayCount,
    HourCount,
    RecentRequest,
    RequirementCount,
    ScopeCount,
    note_uses,
)

__all__ = [
    "AGENT_LENGTH",
    "DESCRIPTION_LENGTH",
    "FAMILY_LENGTH",
    "GROUPS",
    "KEPT_REFUSED",
    "KEY_LENGTH",
    "MAX_MANAGED_TEAMS",
    "NAME_LENGTH",
    "PATH_LENGTH",
    "REQUIRED_SCOPES_LENGTH",
    "SCOPE_LENGTH",
    "SLUG",
    "SLUG_LENGTH",
    "TEAM",
    "TEAM_KINDS",
    "AccountKind",
    "Actor",
    "AlreadyDecided",
    "AlreadyRenewed",
    "Count",
    "DayCount",
    "Digest",
    "Environment",
    "Event",
    "EventQuerySet",
    "ForeignCredential",
    "FormAlreadySent",
    "HourCount",
    "IdempotencyKey",
    "ImportedToken",
    "Invitation",
    "Job",
    "KeyReused",
    "KnownAddress",
    "Leaver",
    "LifetimeTooLong",
    "MadeWithWorkingToken",
    "MailChoices",
    "Membership",
    "MissingPepper",
    "NothingToHandOver",
    "Notification",
    "OwnerAway",
    "PolicyBroken",
    "RecentRequest",
    "RequirementCount",
    "Scope",
    "ScopeCount",
    "ScopeNotAllowed",
    "ScopeRequest",
    "Source",
    "Status",
    "Team",
    "TeamChangeRefused",
    "Token",
    "TokenLimitReached",
    "TokenPolicy",
    "TokenPolicyQuerySet",
    "TokenQuerySet",
    "TokenRevoked",
    "TransferOffer",
    "WouldWiden",
    "account_name",
    "accounts_of",
    "broken_policy_condition",
    "note_uses",
    "origin_columns",
    "owner_email",
    "owner_name",
]
