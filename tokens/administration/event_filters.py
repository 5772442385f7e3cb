"""The filter form beside the list of all events in Django admin."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from tokens.administration.lists import USERNAME
from tokens.audit.log import day_field, midnight
from tokens.authentication.credentials import IDENTIFIER_LENGTH


def exact_field(label: str) -> forms.CharField:
    """Return a form field for a whole name of an account."""
    return forms.CharField(label=label, required=False, max_length=254)


class EventFilterForm(forms.Form):
    """Days, accounts, a token and an address. An empty field does not restrict the events.

    Events on both days are included. The names of accounts and the address must be whole.
    """

    since = day_field("From")
    until = day_field("To")
    owner = exact_field(f"Owner ({USERNAME})")
    actor = exact_field(f"Actor ({USERNAME})")
    token = forms.RegexField(
        rf"^\w{{{IDENTIFIER_LENGTH}}}$",
        label="Token",
        required=False,
        # The browser cuts a pasted value to its public beginning, so no secret is in the URL.
        widget=forms.TextInput({"maxlength": IDENTIFIER_LENGTH}),
        error_messages={"invalid": f"Write the first {IDENTIFIER_LENGTH} characters."},
    )
    address = forms.GenericIPAddressField(label="Address", required=False)

    def clean(self) -> dict[str, Any]:
        """Return the values of the filters. Add an error if `until` is before `since`."""
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first one.")
        return self.cleaned_data


class DetailsFilter(admin.ListFilter):
    """Filters events by the fields of EventFilterForm. A wrong field shows no events."""

    title = "details"
    template = "admin/tokens/details_filter.html"
    parameter_names = tuple(EventFilterForm.base_fields)

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        typed = {
            name: params.pop(name)[-1].strip() for name in self.parameter_names if name in params
        }
        self.used_parameters.update(typed)
        self.form = EventFilterForm(typed, auto_id="filter_%s", label_suffix="")

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.parameter_names)

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        """Yield the other parameters of the URL, which the form sends too."""
        names = {*self.parameter_names, "p", "e"}  # not the page, nor the mark of an error
        for name, value in changelist.params.items():
            if name not in names:
                yield {"name": name, "value": value}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.form.is_valid():
            return queryset.none()
        chosen = self.form.cleaned_data
        conditions = {
            "at__gte": midnight(chosen["since"]) if chosen["since"] else None,
            "at__lt": midnight(chosen["until"] + timedelta(days=1)) if chosen["until"] else None,
            f"owner__{USERNAME}": chosen["owner"],
            f"actor__{USERNAME}": chosen["actor"],
            "identifier": chosen["token"],
            "address": chosen["address"],
        }
        return queryset.filter(**{key: value for key, value in conditions.items() if value})
