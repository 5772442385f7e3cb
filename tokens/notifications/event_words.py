"""The words of e-mails about what happened to tokens."""

from tokens.models import Notification

# What happened, in words for the subject and for the name of a fact, and what to do.
EVENT_WORDS: dict[Notification.Kind, tuple[str, str, str]] = {
    Notification.Kind.CREATED: (
        "created",
        "Created",
        "If it was not you or your team, revoke the token at once.",
    ),
    Notification.Kind.IMPORTED: ("imported", "Imported", ""),
    Notification.Kind.RENEWED: ("renewed", "Renewed", "This is the new token."),
    Notification.Kind.REVOKED: ("revoked", "Revoked", "Requests with this token fail."),
    Notification.Kind.USED_REVOKED: (
        "used after it was revoked",
        "Used",
        "The request was refused, because this token is revoked. Some program still has the "
        "token. If you do not know this program, somebody else has the token.",
    ),
    Notification.Kind.NEW_ADDRESS: (
        "used from a new address",
        "First used there",
        "If you do not recognise this address, revoke the token.",
    ),
    Notification.Kind.OFFERED: (
        "offered to you",
        "Offered",
        "If you accept, the token acts as you, and whoever has its value can use it. Accept only "
        "if you know the program.",
    ),
    Notification.Kind.HANDED_OVER: (
        "handed over",
        "Handed over",
        "Its programs work on. You can't see or change the token any more.",
    ),
    Notification.Kind.RECEIVED: (
        "handed over to you",
        "Received",
        "Its value is the same as before. If you do not know the token, revoke it.",
    ),
    Notification.Kind.BROKEN_POLICY: (
        "found to break a policy",
        "Found",
        "The token works on, but you can't renew it as it is. Make a token that keeps the policy, "
        "or ask an administrator.",
    ),
    Notification.Kind.SCOPE_DECIDED: (
        "decided about by an approver",
        "Decided",
        "A scope that is approved counts from the next request on.",
    ),
}


# What the detail of a notification is; of other kinds, the address from which it happened.
DETAIL_LABELS: dict[str, str] = {
    Notification.Kind.REVOKED: "How",
    Notification.Kind.HANDED_OVER: "To",
    Notification.Kind.BROKEN_POLICY: "Policy",
    Notification.Kind.SCOPE_DECIDED: "Decision",
}
