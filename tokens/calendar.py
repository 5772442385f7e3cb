"""The expiry of tokens as an iCalendar file (RFC 5545), with alarms. Never a value in it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Component, Event, Timezone

from tokens.models import Token
from tokens.plain import one_line

ALARMS = (timedelta(days=7), timedelta(days=1))  # before expiry
SHOWN = timedelta(minutes=15)  # an end has to be later than the start (RFC 5545 section 3.8.2.2)


def calendar(tokens: Iterable[Token], site_url: str, host: str, now: datetime) -> bytes:
    """One event for each token, which has `changed_at`. Its UID is always the same, so that importing again doubles
    nothing, and its SEQUENCE grows with each change, so that importing again shows that.

    Without tokens there is the time zone alone, because a calendar has to hold something (RFC 5545 section 3.4).
    `host` is the installation's name, and makes UIDs its own; `now` is when the file was made.
    """
    file = Calendar()
    file.add("prodid", "-//Tokenry//API tokens//EN")
    file.add("version", "2.0")
    events: list[Component] = [expiry(token, site_url, host, now) for token in tokens]
    if events:
        file.add("method", "PUBLISH")
    for component in events or [Timezone.from_tzid("UTC")]:
        file.add_component(component)
    content: bytes = file.to_ical()
    return content


def expiry(token: Token, site_url: str, host: str, now: datetime) -> Event:
    """The instant at which the token expires; it keeps nobody busy."""
    name = one_line(token.name)
    changed_at: datetime = token.changed_at  # type: ignore[attr-defined]  # annotated
    event = Event()
    event.add("uid", f"{token.identifier}@{host}")
    event.add("dtstamp", now)
    event.add("created", token.created_at)
    event.add("last-modified", changed_at)
    event.add("sequence", int((changed_at - token.created_at).total_seconds()))
    event.add("dtstart", token.expires_at)
    event.add("dtend", token.expires_at + SHOWN)
    event.add("summary", f"API token “{name}” expires")
    event.add("description", f"{name} ({token.get_environment_display()})\n{token.masked}\nRenew it before it expires.")
    event.add("url", f"{site_url}{token.get_absolute_url()}")
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")
    for before in ALARMS:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"API token “{name}” expires in {before.days} day{'s' if before.days > 1 else ''}")
        alarm.add("trigger", -before)
        event.add_component(alarm)
    return event
