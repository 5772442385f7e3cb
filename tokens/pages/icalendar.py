"""A calendar file (iCalendar, RFC 5545) with an event when each token expires, and with reminders.

The file never contains the secret value of a token.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Component, Event, Timezone

from tokens.core.addresses import absolute_url
from tokens.core.text import one_line
from tokens.models import Token

ALARMS = (timedelta(days=7), timedelta(days=1))  # before expiry
# The end of an event must be later than its start (RFC 5545 section 3.8.2.2).
EVENT_LENGTH = timedelta(minutes=15)


def calendar(tokens: Iterable[Token], site_url: str, host: str, now: datetime) -> bytes:
    """Return a calendar file with an event for each token, as bytes.

    `tokens` must be annotated with `changed_at`, the time of the last change: see
    `with_last_change`. `host` makes the UIDs of the events unique to this installation. `now` is
    the time at which the file is made.

    If a person imports the file again, the calendar adds no second event, because the UID of the
    token's event stays the same. Instead it updates the event, because SEQUENCE grows with each
    change of the token. Without tokens the file contains only a time zone, because a calendar
    needs at least one component (RFC 5545 section 3.4).
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
    """Return the calendar event of the time at which `token` expires.

    The event does not make the person's calendar busy. `host` and `now` are as in `calendar`.
    """
    name = one_line(token.name)
    changed_at: datetime = token.changed_at  # type: ignore[attr-defined]  # annotated
    event = Event()
    event.add("uid", f"{token.identifier}@{host}")
    event.add("dtstamp", now)
    event.add("created", token.created_at)
    event.add("last-modified", changed_at)
    event.add("sequence", int((changed_at - token.created_at).total_seconds()))
    event.add("dtstart", token.expires_at)
    event.add("dtend", token.expires_at + EVENT_LENGTH)
    event.add("summary", f"API token “{name}” expires")
    event.add(
        "description",
        f"{name} ({token.get_environment_display()})\n{token.masked}\nRenew it before it expires.",
    )
    event.add("url", absolute_url(site_url, token.get_absolute_url()))
    event.add("class", "PRIVATE")
    event.add("transp", "TRANSPARENT")
    for before in ALARMS:
        days = f"{before.days} day{'s' if before.days > 1 else ''}"
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"API token “{name}” expires in {days}")
        alarm.add("trigger", -before)
        event.add_component(alarm)
    return event
