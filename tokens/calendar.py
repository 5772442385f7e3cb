"""The expiry of tokens as an iCalendar file (RFC 5545), with alarms. Never a value in it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event

from tokens.models import Token
from tokens.plain import one_line

ALARMS = (timedelta(days=7), timedelta(days=1))  # before expiry


def calendar(tokens: Iterable[Token], site_url: str, host: str, now: datetime) -> bytes:
    """One event for each token. Its UID is always the same, so that importing again changes and doubles nothing.

    `host` is the installation's name, and makes UIDs its own; `now` is when the file was made.
    """
    file = Calendar()
    file.add("prodid", "-//Tokenry//API tokens//EN")
    file.add("version", "2.0")
    file.add("method", "PUBLISH")
    for token in tokens:
        file.add_component(expiry(token, site_url, host, now))
    content: bytes = file.to_ical()
    return content


def expiry(token: Token, site_url: str, host: str, now: datetime) -> Event:
    """The instant at which the token expires; it keeps nobody busy."""
    name = one_line(token.name)
    event = Event()
    event.add("uid", f"{token.identifier}@{host}")
    event.add("dtstamp", now)
    event.add("dtstart", token.expires_at)
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
