"""What the activity page shows: filters, a search and a page, read from the address, and the events that match."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils import timezone

from tokens.credential import IDENTIFIER_LENGTH
from tokens.cursor import name_of, place
from tokens.models import GROUPS, Event, EventQuerySet
from tokens.redaction import without_secrets

PAGE_SIZE = 25
BATCH_SIZE = 1000  # events of an export in memory at once
MOST_EXPORTED = 100_000  # in one file, because a thread is busy with a file; days of the filter lead to the others
WHO = {"": "Anybody", "you": "You", "administrator": "An administrator", "nobody": "Nobody signed in"}
WHAT: list[Any] = [("", "Everything"), *GROUPS.items()]


def a_day(label: str) -> forms.DateField:
    """Within what every calendar and database can count."""
    limits = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
    attributes = {"type": "date", "min": "2000-01-01", "max": "2999-12-31"}
    wrong = {"invalid": "Write a date like 2026-11-24."}
    widget = forms.DateInput(format="%Y-%m-%d", attrs=attributes)
    formats = ["%Y-%m-%d"]
    return forms.DateField(
        label=label, required=False, input_formats=formats, validators=limits, widget=widget, error_messages=wrong
    )


class ActivityForm(forms.Form):
    """The filters. All that are empty show everything; days are in the person's time zone, both included."""

    q = forms.CharField(label="Search", required=False, max_length=100, widget=forms.TextInput({"type": "search"}))
    kind = forms.ChoiceField(label="What", required=False, choices=WHAT)
    by = forms.ChoiceField(label="By", required=False, choices=list(WHO.items()))
    since = a_day("From")
    until = a_day("To")
    token = forms.RegexField(rf"^\w{{{IDENTIFIER_LENGTH}}}$", required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        return self.cleaned_data


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the events, newest first, and the query strings of the pages around them."""

    events: list[Event]
    newer: str | None
    older: str | None


class Activity:
    """One view of a person's events. Its number of queries does not depend on how many there are."""

    def __init__(self, user: AbstractBaseUser, params: dict[str, str]) -> None:
        typed = params.get("q", "")
        self.held_secret = without_secrets(typed) != typed
        self.params = {key: params[key] for key in ("before", "after", *ActivityForm.base_fields) if params.get(key)}
        if self.held_secret:
            self.params["q"] = without_secrets(typed)
        self.user = user
        self.form = ActivityForm(self.params)

    @cached_property
    def events(self) -> EventQuerySet:
        """Those that match; none where a filter makes no sense."""
        if not self.form.is_valid():
            return Event.objects.none()
        asked = self.form.cleaned_data
        events = Event.objects.owned_by(self.user).search(asked["q"])
        if asked["kind"]:
            events = events.filter(kind=asked["kind"])
        if asked["token"]:
            events = events.filter(identifier=asked["token"])
        if asked["since"]:
            events = events.filter(at__gte=midnight(asked["since"]))
        if asked["until"]:
            events = events.filter(at__lt=midnight(asked["until"] + timedelta(days=1)))
        if asked["by"]:
            mine, nobodys = Q(actor_id=self.user.pk), Q(actor=None)
            events = events.filter({"you": mine, "nobody": nobodys, "administrator": ~mine & ~nobodys}[asked["by"]])
        return events

    @cached_property
    def page(self) -> Page:
        """Found by where it begins, not by its number: the last page costs what the first does."""
        if after := place(self.params.get("after", "")):
            found = list(self.events.after(*after).reverse()[: PAGE_SIZE + 1])
            events, has_newer, has_older = found[:PAGE_SIZE][::-1], len(found) > PAGE_SIZE, True
        else:
            before = place(self.params.get("before", ""))
            found = list((self.events.before(*before) if before else self.events)[: PAGE_SIZE + 1])
            events, has_newer, has_older = found[:PAGE_SIZE], before is not None, len(found) > PAGE_SIZE
        return Page(
            events,
            newer=self.query(after=name_of(events[0].at, events[0].pk)) if events and has_newer else None,
            older=self.query(before=name_of(events[-1].at, events[-1].pk)) if events and has_older else None,
        )

    @property
    def is_filtered(self) -> bool:
        return any(self.params.get(key) for key in ActivityForm.base_fields)

    def query(self, **changes: str) -> str:
        """The query string of this view with `changes` made to it; it begins with the newest unless they say where."""
        filters = {key: value for key, value in self.params.items() if key not in {"before", "after"}} | changes
        return "?" + urlencode({key: value for key, value in filters.items() if value})

    @property
    def most_exported(self) -> int:
        return MOST_EXPORTED

    @property
    def same(self) -> str:
        return self.query()

    @property
    def without_token(self) -> str:
        return self.query(token="")


def in_batches(events: EventQuerySet) -> Iterator[Event]:
    """Yield the first MOST_EXPORTED, without holding many of them, or a query, while they are sent."""
    left = MOST_EXPORTED
    batch = list(events[: min(left, BATCH_SIZE)])
    while batch:
        yield from batch
        left -= len(batch)
        batch = list(events.before(batch[-1].at, batch[-1].pk)[: min(left, BATCH_SIZE)])


def midnight(day: date) -> datetime:
    """When that day begins where the person is."""
    return datetime.combine(day, time.min, timezone.get_current_timezone())
