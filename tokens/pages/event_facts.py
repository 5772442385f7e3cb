"""How pages show an event of the audit log: its icon, and its details as separate texts."""

from tokens.models import AccountKind, Event
from tokens.models.change_words import CHANGE_SEPARATOR

# The name of the icon in Lucide, the icon set, for each kind of event.
EVENT_ICONS: dict[str, str] = {
    Event.Kind.CREATED: "circle-plus",
    Event.Kind.IMPORTED: "import",
    Event.Kind.CHANGED: "pencil",
    Event.Kind.LIMITED: "gauge",
    Event.Kind.SCOPE_APPROVED: "badge-check",
    Event.Kind.SCOPE_DECLINED: "badge-x",
    Event.Kind.RENEWED: "refresh-cw",
    Event.Kind.REVOKED: "ban",
    Event.Kind.HANDED_OVER: "arrow-right-left",
    Event.Kind.RECEIVED: "arrow-right-left",
    Event.Kind.OWNER_LEFT: "user-minus",
    Event.Kind.OWNER_BACK: "user-check",
    AccountKind.SIGNED_UP: "user-plus",
    AccountKind.LINKED: "link",
    AccountKind.SIGNED_IN: "log-in",
    AccountKind.SIGNED_OUT: "log-out",
    AccountKind.SESSION_ENDED: "monitor-x",
    AccountKind.WRONG_PASSWORD: "shield-alert",
    AccountKind.WRONG_CODE: "shield-alert",
    AccountKind.PASSWORD_CHANGED: "lock-keyhole",
    AccountKind.PASSWORD_RESET: "lock-keyhole-open",
    AccountKind.EMAIL_ADDED: "mail-plus",
    AccountKind.EMAIL_CHANGED: "mail-check",
    AccountKind.EMAIL_REMOVED: "mail-x",
    AccountKind.FACTOR_ADDED: "shield-plus",
    AccountKind.FACTOR_REMOVED: "shield-minus",
    AccountKind.CODES_MADE: "list-ordered",
    AccountKind.CODE_USED: "list-checks",
    AccountKind.ADMINISTERED: "user-cog",
    AccountKind.TEAM_MADE: "users-round",
    AccountKind.TEAM_RENAMED: "pencil",
    AccountKind.TEAM_INVITED: "mail-plus",
    AccountKind.TEAM_UNINVITED: "mail-x",
    AccountKind.TEAM_DECLINED: "mail-x",
    AccountKind.TEAM_JOINED: "user-plus",
    AccountKind.TEAM_ROLE: "user-cog",
    AccountKind.TEAM_LEFT: "user-minus",
    AccountKind.TEAM_DELETED: "trash-2",
}


def facts_of(event: Event) -> list[str]:
    """Return the details of `event` as separate texts: a text for each changed setting."""
    if not event.detail:
        return []
    is_change = event.kind == Event.Kind.CHANGED
    return event.detail.split(CHANGE_SEPARATOR) if is_change else [event.detail]
