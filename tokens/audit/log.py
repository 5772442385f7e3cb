"""The events of the Activity page, which shows the audit log to the owner of an account.

This module reads the filters and the page from the URL, and queries the events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q, QuerySet
from django.utils import timezone

from tokens.authentication.credentials import IDENTIFIER_LENGTH
from tokens.core.form_rendering import PageRenderer
from tokens.core.pagination import decode_cursor, encode_cursor
from tokens.core.redaction import without_secrets
from tokens.models import GROUPS, Event, EventQuerySet

PAGE_SIZE = 25
EXPORT_BATCH = 1000  # rows of an export that are in memory at the same time
# The greatest number of rows in one exported file, because a thread of the server is busy until
# the file is downloaded. For more rows, people choose other filters and export again.
MAX_EXPORTED = 100_000
ACTOR_CHOICES = {
    "": "Anybody",
    "you": "You",
    "administrator": "An administrator",
    "nobody": "Nobody signed in",
}
# For a team: only programs act with the account of the owner.
TEAM_ACTOR_CHOICES = {**ACTOR_CHOICES, "you": "A program", "member": "A member"}
KIND_CHOICES: list[Any] = [("", "Everything"), *GROUPS.items()]


def day_field(label: str) -> forms.DateField:
    """Return a form field for a date from 2000 to 2999, which each database can store."""
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        validators=[MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))],
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"type": "date", "min": "2000-01-01", "max": "2999-12-31"}
        ),
        error_messages={"invalid": "Write a date like 2026-11-24."},
    )


class ActivityForm(forms.Form):
    """The filters of the Activity page. An empty filter does not restrict the events.

    `since` and `until` are days in the person's time zone. Events on both days are included.
    """

    default_renderer = PageRenderer

    q = forms.CharField(
        label="Search", required=False, max_length=100, widget=forms.TextInput({"type": "search"})
    )
    kind = forms.ChoiceField(label="What", required=False, choices=KIND_CHOICES)
    by = forms.ChoiceField(label="By", required=False, choices=list(ACTOR_CHOICES.items()))
    since = day_field("From")
    until = day_field("To")
    token = forms.RegexField(
        rf"^\w{{{IDENTIFIER_LENGTH}}}$", required=False, widget=forms.HiddenInput
    )

    def clean(self) -> dict[str, Any]:
        """Return the values of the filters. Add an error if `until` is before `since`."""
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        return self.cleaned_data


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events, newest first.

    `newer` and `older` are the query strings of the pages before and after this page, or None.
    """

    events: list[Event]
    newer: str | None
    older: str | None


class Activity:
    """What the Activity page shows: the events of `user` that match the filters in the URL.

    `params` are the parameters of the URL. `team` is the short name of the team whose account
    `user` is, or "". The number of queries does not grow with the number of events.
    """

    def __init__(self, user: AbstractBaseUser, params: dict[str, str], team: str = "") -> None:
        typed = params.get("q", "")
        self.search_had_secret = without_secrets(typed) != typed
        self.params = {
            key: params[key]
            for key in ("before", "after", *ActivityForm.base_fields)
            if params.get(key)
        }
        if self.search_had_secret:
            self.params["q"] = without_secrets(typed)
        self.user, self.team = user, team
        self.form = ActivityForm(self.params)
        if team:
            choices = list(TEAM_ACTOR_CHOICES.items())
            # The stubs do not know that this field has choices.
            self.form.fields["by"].choices = choices  # type: ignore[attr-defined]

    @cached_property
    def events(self) -> EventQuerySet:
        """Return the events that match the filters. Return no events if a filter is invalid."""
        if not self.form.is_valid():
            return Event.objects.none()
        filters = self.form.cleaned_data
        events = Event.objects.owned_by(self.user).select_related("actor")
        events = events.search(filters["q"])
        if filters["kind"]:
            events = events.filter(kind=filters["kind"])
        if filters["token"]:
            events = events.filter(identifier=filters["token"])
        if filters["since"]:
            events = events.filter(at__gte=midnight(filters["since"]))
        if filters["until"]:
            events = events.filter(at__lt=midnight(filters["until"] + timedelta(days=1)))
        if filters["by"]:
            mine, members = Q(actor_id=self.user.pk), Q(for_team=True)
            nobodys = Q(actor=None)
            actors = {
                "you": mine,
                "member": members & ~mine,
                "nobody": nobodys & ~members,
                "administrator": ~mine & ~nobodys & ~members,
            }
            events = events.filter(actors[filters["by"]])
        return events

    @cached_property
    def page(self) -> EventPage:
        """Return the page of events that the URL names.

        NOTE: The URL names the event at which the page begins, not the number of the page. So the
        last page is as fast as the first page, and a new event does not move other events to
        another page.
        """
        if after := decode_cursor(self.params.get("after", "")):
            found = list(self.events.after(*after).reverse()[: PAGE_SIZE + 1])
            events = found[:PAGE_SIZE][::-1]
            has_newer, has_older = len(found) > PAGE_SIZE, True
        else:
            before = decode_cursor(self.params.get("before", ""))
            found = list((self.events.before(*before) if before else self.events)[: PAGE_SIZE + 1])
            events = found[:PAGE_SIZE]
            has_newer, has_older = before is not None, len(found) > PAGE_SIZE
        newer = older = None
        if events and has_newer:
            newer = self.query(after=encode_cursor(events[0].at, events[0].pk))
        if events and has_older:
            older = self.query(before=encode_cursor(events[-1].at, events[-1].pk))
        return EventPage(events, newer, older)

    @property
    def is_filtered(self) -> bool:
        """Return True if the person set a filter."""
        return any(self.params.get(key) for key in ActivityForm.base_fields)

    def query(self, **changes: str) -> str:
        """Return the query string of the page with the present filters, changed by `changes`.

        It leads to the first page, unless `changes` contains `before` or `after`, the parameters
        that name another page.
        """
        filters = {
            "owner": self.team,
            **{key: self.params[key] for key in self.params if key not in {"before", "after"}},
            **changes,
        }
        return "?" + urlencode({key: value for key, value in filters.items() if value})

    @property
    def max_exported(self) -> int:
        """Return the greatest number of events in an exported file. The template shows it."""
        return MAX_EXPORTED

    @property
    def without_token(self) -> str:
        """Return the query string without the filter that shows the events of only one token."""
        return self.query(token="")


def newest_in_batches(events: EventQuerySet) -> Iterator[Event]:
    """Yield the newest MAX_EXPORTED of `events`. They are read from the database in batches."""
    return in_batches(events, lambda last: events.before(last.at, last.pk))


def in_batches(rows: QuerySet[Any], after: Callable[[Any], QuerySet[Any]]) -> Iterator[Any]:
    """Yield the first MAX_EXPORTED of `rows`. `after` returns the rows after a given row.

    NOTE: While a slow client downloads the file, only one batch is in memory, and no query is
    open. Each batch begins after the last row of the batch before.
    """
    left = MAX_EXPORTED
    batch = list(rows[: min(left, EXPORT_BATCH)])
    while batch:
        yield from batch
        left -= len(batch)
        batch = list(after(batch[-1])[: min(left, EXPORT_BATCH)])


def midnight(day: date) -> datetime:
    """Return the time at which `day` begins in the person's time zone."""
    return datetime.combine(day, time.min, timezone.get_current_timezone())
