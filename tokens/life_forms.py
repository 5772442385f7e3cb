"""What people type about a token that exists: to renew it, to change it, or to end all of them."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tokens import addresses
from tokens.access import grants
from tokens.forms import ONE_LINE, AccessForm, NewTokenForm, access_from, lifetimes
from tokens.lifetime import DEFAULT_OVERLAP, OVERLAPS, Overlap
from tokens.models import DESCRIPTION_LENGTH, Scope, Token


class RenewForm(NewTokenForm):
    """How long a token works beside its successor, and when the successor expires."""

    overlap = forms.ChoiceField(
        label="Overlap",
        initial=DEFAULT_OVERLAP,
        help_text="How long the old token works beside the new one, so that you can switch over.",
        widget=forms.RadioSelect,
    )
    instead_of = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, token: Token, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.now()
        if token.expires_at <= now:
            del self.fields["overlap"]  # there is nothing left to keep
        else:
            choices = [(overlap.key, overlap_label(overlap, now, token.expires_at)) for overlap in OVERLAPS.values()]
            self.fields["overlap"].choices = choices  # type: ignore[attr-defined]

    @property
    def overlap_length(self) -> timedelta:
        return OVERLAPS[self.cleaned_data.get("overlap", "now")].length

    def as_query(self) -> str:
        """The valid form as a link to it would have it; see `prefill_renewal`."""
        typed: dict[str, str] = {key: self.cleaned_data[key] for key in ("overlap", "expires") if key in self.fields}
        return urlencode(typed)


def overlap_label(overlap: Overlap, now: datetime, expires_at: datetime) -> SafeString:
    """A choice of overlap with the instant that the old token stops at, its own expiry at the latest."""
    if not overlap.length:
        return format_html("{} <small>it stops at once</small>", overlap.label)
    end = timezone.localtime(min(now + overlap.length, expires_at))
    return format_html("{} <small>until {}</small>", overlap.label, date_format(end, "j M, H:i T"))


def prefill_renewal(query: dict[str, str]) -> dict[str, str]:
    """Initial values from a link such as `?overlap=1h&expires=30d`. Unknown values are left out."""
    known: dict[str, Any] = {"overlap": OVERLAPS, "expires": lifetimes()}
    return {key: query[key] for key, values in known.items() if query.get(key) in values}


class EditForm(AccessForm):
    """What can change about a token."""

    description = forms.CharField(
        label="Description",
        required=False,
        max_length=DESCRIPTION_LENGTH,
        validators=ONE_LINE,
        help_text="What is it for, and who asks when it fails?",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: QueryDict | None = None, *, token: Token, typed: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=as_it_is(token) | (typed or {}))
        self.token = token
        lapsed = [Scope(name=it.name, words=f"{it.words} {it.lapsed}".strip()) for it in grants(token) if it.lapsed]
        self.offer([*Scope.objects.held_by(token.owner).select_related("group"), *lapsed])

    def as_query(self) -> str:
        """What differs from the token, as a link to the form would have it; see `prefill_changes`."""
        typed = {key: self.cleaned_data[key] for key in ("name", "description")} | self.access_as_query()
        return urlencode({key: typed[key] for key in self.changed_data}, safe=":/,")


def as_it_is(token: Token) -> dict[str, Any]:
    """The token as its form shows it."""
    return {
        "name": token.name,
        "description": token.description,
        "scopes": token.scopes,
        "allowed_addresses": "\n".join(map(addresses.show, token.allowed_addresses)),
    }


def prefill_changes(query: dict[str, str]) -> dict[str, Any]:
    """Initial values from a link such as `?name=Deploy&scopes=reports:read`; one that is empty empties its field."""
    return {key: query[key] for key in ("name", "description") if key in query} | access_from(query)


class RevokeAllForm(forms.Form):
    """The number of tokens that are about to end, typed, because nothing brings them back."""

    count = forms.CharField(
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
        error_messages={"required": "Type the number."},
    )

    def __init__(self, *args: Any, count: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = str(count)
        self.fields["count"].label = f"Type {count} to confirm"

    def clean_count(self) -> str:
        typed: str = self.cleaned_data["count"]
        if typed != self.expected:
            raise ValidationError(f"You have {self.expected} of them now: type that number.")
        return typed
