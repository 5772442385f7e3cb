"""The kinds of events: what can happen to a token, and what can happen to an account."""

from django.db import models


class TokenKind(models.TextChoices):
    """What can happen to a token."""

    CREATED = "created", "Created"
    IMPORTED = "imported", "Imported"
    CHANGED = "changed", "Changed"
    LIMITED = "limited", "Rate limit changed"
    RENEWED = "renewed", "Renewed"
    REVOKED = "revoked", "Revoked"
    HANDED_OVER = "handed_over", "Handed over"
    RECEIVED = "received", "Received"
    OWNER_LEFT = "owner_left", "Owner left"
    OWNER_BACK = "owner_back", "Owner came back"
    SCOPE_APPROVED = "scope_approved", "Scope approved"
    SCOPE_DECLINED = "scope_declined", "Scope declined"


class AccountKind(models.TextChoices):
    """What can happen to an account. The signals of `accounts.audit_signals` send these values.

    Every value that the signals send needs a member here. Events about teams come from Team.
    """

    SIGNED_UP = "signed_up", "Account made"
    LINKED = "linked", "Linked to single sign-on"
    SIGNED_IN = "signed_in", "Signed in"
    SIGNED_OUT = "signed_out", "Signed out"
    SESSION_ENDED = "session_ended", "Session ended"
    WRONG_PASSWORD = "wrong_password", "Wrong password"
    WRONG_CODE = "wrong_code", "Wrong code"
    PASSWORD_CHANGED = "password_changed", "Password changed"
    PASSWORD_RESET = "password_reset", "Password reset by mail"
    EMAIL_ADDED = "email_added", "New email address asked for"
    EMAIL_CHANGED = "email_changed", "Email address changed"
    EMAIL_REMOVED = "email_removed", "New email address cancelled"
    FACTOR_ADDED = "factor_added", "Second factor added"
    FACTOR_REMOVED = "factor_removed", "Second factor removed"
    CODES_MADE = "codes_made", "Recovery codes made"
    CODE_USED = "code_used", "Recovery code used"
    TEAM_JOINED = "team_joined", "Joined a team"
    ADMINISTERED = "administered", "Account changed in administration"
    # Each is written for the account of the team, and for the person whose place changed.
    TEAM_MADE = "team_made", "Team made"
    TEAM_RENAMED = "team_renamed", "Team renamed"
    TEAM_INVITED = "team_invited", "Invited to a team"
    TEAM_UNINVITED = "team_uninvited", "Invitation to a team withdrawn"
    TEAM_DECLINED = "team_declined", "Invitation to a team declined"
    TEAM_ROLE = "team_role", "Role in a team changed"
    TEAM_LEFT = "team_left", "Left a team"
    TEAM_DELETED = "team_deleted", "Team deleted"


TEAM_KINDS = [kind for kind in AccountKind if kind.startswith("team_")]


GROUPS = {
    "Tokens": TokenKind.choices,
    "Account": [(kind.value, kind.label) for kind in AccountKind if kind not in TEAM_KINDS],
    "Teams": [(kind.value, kind.label) for kind in TEAM_KINDS],
}
EVENT_TYPES = [*TokenKind.choices, *AccountKind.choices]
