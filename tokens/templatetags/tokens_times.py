"""Template tags for times and devices in words."""

from datetime import UTC, datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tokens.core.devices import device

register = template.Library()
register.filter(device)

UNITS = (  # minimum distance, unit, name of the unit
    (timedelta(days=730), timedelta(days=365), "year"),
    (timedelta(days=2), timedelta(days=1), "day"),
    (timedelta(hours=1), timedelta(hours=1), "hour"),
    (timedelta(minutes=1), timedelta(minutes=1), "minute"),
)


def relative(at: datetime, now: datetime) -> str:
    """Return the time between `now` and `at`, such as “2 hours ago”, “in 90 days”, “just now”.

    The number is rounded to one unit. Up to two years the largest unit is days.
    """
    distance = abs(at - now)
    for least, unit, word in UNITS:
        if distance >= least:
            count = round(distance / unit)
            words = f"{count} {word}{'s' if count > 1 else ''}"
            return f"in {words}" if at > now else f"{words} ago"
    return "in less than a minute" if at > now else "just now"


@register.simple_tag
def ago(at: datetime) -> SafeString:
    """Return a `<time>` element such as “2 hours ago”. A time in the future is “just now”."""
    now = timezone.now()
    return time_element(at, relative(min(at, now), now))


@register.simple_tag
def from_now(at: datetime) -> SafeString:
    """Return a `<time>` element such as “in 90 days” or “2 hours ago”."""
    return time_element(at, relative(at, timezone.now()))


@register.simple_tag
def day(at: datetime) -> SafeString:
    """Return a `<time>` element with a date, such as “2 Nov 2026”."""
    return time_element(at, date_format(timezone.localtime(at), "j M Y"))


@register.simple_tag
def clock(at: datetime) -> SafeString:
    """Return a `<time>` element with a time of day and zone, and the date if it is not today."""
    local = timezone.localtime(at)
    today = local.date() == timezone.localdate()
    return time_element(at, date_format(local, "H:i T" if today else "j M Y, H:i T"))


@register.simple_tag
def exact(at: datetime) -> SafeString:
    """Return a `<time>` element with a date, a time of day with seconds, and the time zone."""
    return time_element(at, date_format(timezone.localtime(at), "j M Y, H:i:s T"))


def time_element(at: datetime, words: str) -> SafeString:
    """Return a `<time>` element with the text `words`. Its tooltip has the exact time in UTC."""
    exact = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        exact.strftime("%Y-%m-%dT%H:%M:%SZ"),
        exact.strftime("%-d %b %Y, %H:%M:%S"),
        words,
    )
