"""The forms that renew a token, edit a token, and revoke all tokens.

To renew means to replace a token by a new one, its successor. The overlap is the time for which
the old token still works beside its successor.
"""

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

from tokens.core import networks
from tokens.core.form_rendering import PageRenderer
from tokens.core.lifetimes import DEFAULT_OVERLAP, OVERLAPS, Overlap
from tokens.forms.tokens import AccessForm, NewTokenForm, lifetimes, prefill_access
from tokens.models import Scope, Token
from tokens.pages.policy_hints import PolicyHints
from tokens.pages.scope_choices import grants


class RenewForm(NewTokenForm):
    """The form that renews `token`: the overlap, and the expiration of the successor.

    An expired token has no overlap. `instead_of` is the identifier of an earlier successor that
    was lost, and that the new one replaces; or "".
    """

    overlap = forms.ChoiceField(
        label="Overlap",
        initial=DEFAULT_OVERLAP,
        help_text="How long the old token works beside the new one, so that you can switch over.",
        widget=forms.RadioSelect,
    )
    instead_of = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, token: Token, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.show_policies(PolicyHints(token.owner, [token.environment]))
        now = timezone.now()
        if token.expires_at <= now:
            del self.fields["overlap"]  # the token has ended already
        else:
            choices = [
                (overlap.key, overlap_label(overlap, now, token.expires_at))
                for overlap in OVERLAPS.values()
            ]
            self.fields["overlap"].choices = choices  # type: ignore[attr-defined]

    @property
    def overlap_length(self) -> timedelta:
        """Return the chosen overlap. It is zero for an expired token. The form must be valid."""
        return OVERLAPS[self.cleaned_data.get("overlap", "now")].length

    def as_query(self) -> str:
        """Return the values of a valid form as a query string, which `prefill_renewal` reads."""
        typed: dict[str, str] = {
            key: self.cleaned_data[key] for key in ("overlap", "expires") if key in self.fields
        }
        return urlencode(typed)


def overlap_label(overlap: Overlap, now: datetime, expires_at: datetime) -> SafeString:
    """Return the label of a choice of overlap as HTML, with the time when the old token ends."""
    if not overlap.length:
        return format_html("{} <small>it stops at once</small>", overlap.label)
    end = timezone.localtime(min(now + overlap.length, expires_at))
    return format_html("{} <small>until {}</small>", overlap.label, date_format(end, "j M, H:i T"))


def prefill_renewal(query: dict[str, str]) -> dict[str, str]:
    """Return initial values for RenewForm from a query string such as `?overlap=1h&expires=30d`.

    Unknown values are ignored.
    """
    known: dict[str, Any] = {"overlap": OVERLAPS, "expires": lifetimes()}
    return {key: query[key] for key, values in known.items() if query.get(key) in values}


class EditForm(AccessForm):
    """The form with which owners edit a token. It shows the present values of `token`.

    `typed` has values to show instead. A scope that the token has stays a choice, even if the
    owner may not use the scope now.
    """

    def __init__(
        self, data: QueryDict | None = None, *, token: Token, typed: dict[str, Any] | None = None
    ) -> None:
        super().__init__(data, initial=current_values(token) | (typed or {}))
        self.token = token
        lapsed = [
            Scope(name=grant.name, words=f"{grant.words} {grant.lapsed}".strip())
            for grant in grants(token)
            if grant.lapsed
        ]
        self.offer([*Scope.objects.held_by(token.owner).select_related("group"), *lapsed])
        self.show_policies(PolicyHints(token.owner, [token.environment]))

    def as_query(self) -> str:
        """Return the changed values of a valid form as a query string for `prefill_changes`."""
        typed = {key: self.cleaned_data[key] for key in ("name", "description")}
        typed |= self.access_as_query()
        return urlencode({key: typed[key] for key in self.changed_data}, safe=":/,")


def current_values(token: Token) -> dict[str, Any]:
    """Return the present values of the token, in the form in which EditForm shows them."""
    return {
        "name": token.name,
        "description": token.description,
        "scopes": token.wanted_scopes,
        "allowed_addresses": "\n".join(map(networks.format_network, token.allowed_addresses)),
    }


def prefill_changes(query: dict[str, str]) -> dict[str, Any]:
    """Return initial values for EditForm from a query string.

    An example is `?name=Deploy&scopes=reports:read`. An empty value empties its field, and a
    missing parameter leaves its field as it is.
    """
    texts = {key: query[key] for key in ("name", "description") if key in query}
    return texts | prefill_access(query)


class RevokeAllForm(forms.Form):
    """The form that confirms the revocation of all active tokens.

    The person types the number of tokens (`count`), because a revoked token never works again.
    """

    default_renderer = PageRenderer

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
            raise ValidationError(f"You have {self.expected} active tokens now: type this number.")
        return typed
