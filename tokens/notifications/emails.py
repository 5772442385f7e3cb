"""Write the e-mails about tokens, as text and as HTML.

An e-mail never contains the value of a token. Names that people chose are cut to one short line.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.mail import EmailMultiAlternatives
from django.template.defaultfilters import pluralize
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from tokens.core.addresses import absolute_url, path_if_mounted
from tokens.core.text import one_line
from tokens.models import Notification, Token, TokenQuerySet, owner_email
from tokens.notifications.event_words import DETAIL_LABELS, EVENT_WORDS
from tokens.notifications.reminders import Reminder, is_unused
from tokens.token_settings import token_settings

NAME_IN_SUBJECT = 50  # characters of a token's name, at most
MAX_ENTRIES = 20  # tokens in one mail
MAX_IMPORTED_NAMES = 10
MASKED_LENGTH = 29  # characters: the identifier and five bullets, as in the list


class Entry(NamedTuple):
    """What a mail says about one token. `action` is the text of a link, and `url` its address.

    `facts` are names and values, `advice` is sentences.
    """

    name: str
    facts: list[tuple[str, str]]
    advice: list[str]
    action: str
    url: str


def reminder_mail(notifications: Sequence[Notification], now: datetime) -> EmailMultiAlternatives:
    """Return one mail with all reminders that are due to one owner. At least one is needed."""
    notifications = sorted(notifications, key=lambda notification: notification.token.expires_at)
    intro = (
        "Renewing takes two clicks: you get a new token with the same settings, and if the old "
        "token still works, it keeps working for the time that you choose."
    )
    entries = [
        reminder_entry(notification.token, now) for notification in notifications[:MAX_ENTRIES]
    ]
    return build_mail(notifications, reminder_subject(notifications, now), intro, entries)


def event_mail(notifications: Sequence[Notification]) -> EmailMultiAlternatives:
    """Return one mail about what happened to tokens of one owner. At least one event is needed."""
    notifications = without_repeated_imports(notifications)
    entries = [event_entry(notification) for notification in notifications[:MAX_ENTRIES]]
    return build_mail(notifications, event_subject(notifications), "", entries)


def without_repeated_imports(notifications: Sequence[Notification]) -> list[Notification]:
    """Return `notifications`, but only one about imports, because it is about all imported tokens.

    Several of them wait if several imports ran before the mail was sent.
    """
    about_imports = [each for each in notifications if each.kind == Notification.Kind.IMPORTED]
    return [each for each in notifications if each not in about_imports[1:]]


def event_subject(notifications: Sequence[Notification]) -> str:
    """Return the subject of a mail about events, such as “CI pipeline” was created.

    For several tokens the subject has their number.
    """
    tokens = {notification.token_id for notification in notifications}
    kinds = {notification.kind for notification in notifications}
    what = EVENT_WORDS[Notification.Kind(notifications[0].kind)][0]
    if kinds == {Notification.Kind.IMPORTED}:
        return f"{imported_words(notifications[0].token)} of yours work here now"
    if len(notifications) == 1:
        return f"{quoted_name(notifications[0].token)} was {what}"
    if len(kinds) > 1 or len(tokens) < len(notifications):
        return f"{len(notifications)} notifications about your API tokens"
    return f"{len(tokens)} API tokens were {what.replace('it was', 'they were')}"


def build_mail(
    notifications: Sequence[Notification], subject: str, intro: str, entries: list[Entry]
) -> EmailMultiAlternatives:
    """Return a mail to the owner of the tokens. Its text and HTML have the same content.

    The header tells programs not to answer automatically (RFC 3834).
    """
    token = notifications[0].token
    # A person chooses mails in the profile. Members of a team choose on the page of the team.
    choices = "" if token.team_id else path_if_mounted("profile")
    context: dict[str, Any] = {
        "subject": subject,
        "intro": intro,
        "team": token.team and f"{one_line(token.team.name)} ({token.team_id})",
        "entries": entries,
        "others": len(notifications) - len(entries),
        "list_url": absolute_url(token_settings.SITE_URL, reverse("tokens:list")),
        "site_url": token_settings.SITE_URL,
        "choices_url": choices and absolute_url(token_settings.SITE_URL, choices),
    }
    message = EmailMultiAlternatives(
        subject,
        render_to_string("tokens/email/message.txt", context),
        to=list(filter(None, [owner_email(token)])),  # of a team: see recipients.py
        headers={"Auto-Submitted": "auto-generated"},
    )
    html = render_to_string("tokens/email/message.html", context)
    message.attach_alternative(html, "text/html")
    return message


def reminder_subject(notifications: Sequence[Notification], now: datetime) -> str:
    """Return the subject of a mail with reminders, such as “CI pipeline” expires in 7 days.

    For several tokens the subject has their number.
    """
    if len(notifications) == 1:
        token = notifications[0].token
        expires = "has expired" if token.expires_at <= now else f"expires {in_days(token, now)}"
        return f"{quoted_name(token)} {expires}"
    over = sum(notification.kind == Reminder.EXPIRED for notification in notifications)
    soon = len(notifications) - over
    if not over:
        return f"{soon} API tokens expire soon"
    expired = f"{over} API token{pluralize(over)} {pluralize(over, 'has,have')} expired"
    return f"{expired}, {soon} expire{pluralize(soon, 's,')} soon" if soon else expired


def reminder_entry(token: Token, now: datetime) -> Entry:
    """Return the part of a mail about the expiry and last use of `token`, with a link to renew."""
    at = local_time(token.expires_at, token)
    is_over = token.expires_at <= now
    last_use = "never"
    if token.last_used_at:
        address = f" from {token.last_used_address}" if token.last_used_address else ""
        last_use = f"{local_time(token.last_used_at, token)}{address}"
    facts = [
        ("Expired", at) if is_over else ("Expires", f"{in_days(token, now)}, on {at}"),
        ("Last used", last_use),
    ]
    advice = "Not used in 60 days: perhaps no program needs this token any more."
    return make_entry(
        token,
        facts,
        [advice] if is_unused(token, now) else [],
        "Renew token",
        reverse("tokens:renew", args=[token.identifier]),
    )


# In mails to a team the detail of these is who acted, and not an address.
NAMES_ACTOR = {Notification.Kind.CREATED, Notification.Kind.RENEWED}


def event_entry(notification: Notification) -> Entry:
    """Return the part of a mail about what happened to a token, with a link to its page."""
    if notification.kind == Notification.Kind.IMPORTED:
        return import_entry(notification.token)
    token, old = notification.token, notification.token.renewed_from
    is_revoked = notification.kind == Notification.Kind.REVOKED
    says_who = is_revoked or (token.team_id and notification.kind in NAMES_ACTOR)
    _, happened, what_to_do = EVENT_WORDS[Notification.Kind(notification.kind)]
    facts = [(happened, local_time(notification.made_at, token))]
    if notification.detail:
        label = "How" if says_who else DETAIL_LABELS.get(notification.kind, "From")
        facts.append((label, notification.detail))
    advice = [what_to_do]
    if old and notification.kind == Notification.Kind.RENEWED:
        advice.append(predecessor_words(old, token))
    if is_revoked and (made := token.active_descendants.count()):
        advice.append(
            f"{made} token{pluralize(made)} made with this token still "
            f"work{pluralize(made, 's,')}: you can revoke {pluralize(made, 'it,them')} on its "
            "page."
        )
    if notification.kind == Notification.Kind.OFFERED:
        return make_entry(token, facts, advice, "See the offer", reverse("tokens:offers"))
    if notification.kind == Notification.Kind.HANDED_OVER:
        return make_entry(token, facts, advice, "See your tokens", reverse("tokens:list"))
    return make_entry(token, facts, advice, "See the token", token.get_absolute_url())


def tokens_to_replace(token: Token) -> TokenQuerySet:
    """Return the imported tokens of the owner of `token` that work and were not renewed."""
    tokens = Token.objects.filter(owner_id=token.owner_id, imported__isnull=False)
    return tokens.active().filter(renewed_at=None).order_by("name", "pk")


def imported_words(token: Token) -> str:
    """Return in words how many imported tokens its owner should renew, such as 2 API tokens."""
    count = tokens_to_replace(token).count()
    return f"{count} imported API token{pluralize(count)}"


def import_entry(token: Token) -> Entry:
    """Return the part of a mail about all imported tokens of the owner of `token`."""
    tokens = list(tokens_to_replace(token).select_related("imported"))
    names = [f"“{one_line(each.name, NAME_IN_SUBJECT)}”" for each in tokens[:MAX_IMPORTED_NAMES]]
    others = len(tokens) - len(names)
    ends = sorted(each.expires_at for each in tokens)
    facts = [
        ("Names", ", ".join(names) + (f" and {others} more" if others else "")),
        ("From", ", ".join(sorted({each.imported.get_source_display() for each in tokens}))),
    ]
    if tokens:
        last = f"; the last until {local_time(ends[-1], token)}" if ends[0] != ends[-1] else ""
        facts.append(("Work until", local_time(ends[0], token) + last))
    advice = [
        "Your programs need no change now: the values that they have still work until then. "
        "Before that, renew each token: you get a new value, which its program sends as "
        "Authorization: Bearer. Both values work for the time that you choose."
    ]
    url = absolute_url(token_settings.SITE_URL, reverse("tokens:list"))
    return Entry(imported_words(token), facts if tokens else [], advice, "See your tokens", url)


def predecessor_words(old: Token, token: Token) -> str:
    """Return a sentence that says how long `old` still works. `token` has replaced `old`."""
    if old.is_revocable:
        return f"The old token works until {local_time(old.expires_at, token)}."
    return "The old token no longer works."


def make_entry(
    token: Token, facts: list[tuple[str, str]], advice: list[str], action: str, path: str
) -> Entry:
    """Return the part of a mail about `token`, with a link to `path`."""
    known = [
        ("Token", token.masked[:MASKED_LENGTH]),
        ("Environment", token.get_environment_display()),
    ]
    return Entry(
        one_line(token.name),
        known + facts,
        advice,
        action,
        absolute_url(token_settings.SITE_URL, path),
    )


def quoted_name(token: Token) -> str:
    """Return the token's name in quotation marks, short enough for the subject of a mail."""
    return f"“{one_line(token.name, NAME_IN_SUBJECT)}”"


def in_days(token: Token, now: datetime) -> str:
    """Return in words when `token` expires, such as "in 7 days", in the owner's time zone."""
    zone = zone_of(token)
    left = (timezone.localdate(token.expires_at, zone) - timezone.localdate(now, zone)).days
    return {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")


def local_time(at: datetime, token: Token) -> str:
    """Return `at` as text with the name of the time zone, which is that of the token's owner."""
    return date_format(timezone.localtime(at, zone_of(token)), "j F Y, H:i T")


def zone_of(token: Token) -> tzinfo:
    """Return the time zone of the token's owner; UTC if the account has none."""
    try:
        return ZoneInfo(getattr(token.owner, "time_zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
