"""The form of a new token, and the parts that other forms of tokens share."""

import secrets
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tokens.core import networks
from tokens.core.form_rendering import PageRenderer
from tokens.core.lifetimes import DEFAULT_LIFETIME, LIFETIMES, Lifetime, allowed_lifetimes
from tokens.forms.fields import (
    AddressesField,
    AddressesInput,
    ScopesField,
    unavailable_scopes_message,
)
from tokens.forms.one_line import ONE_LINE_VALIDATORS
from tokens.forms.policy_form import PolicyForm, with_sentences
from tokens.models import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    Environment,
    LifetimeTooLong,
    Scope,
    TokenLimitReached,
)
from tokens.pages.policy_hints import PolicyHints
from tokens.pages.scope_choices import Resource, by_resource
from tokens.token_settings import token_settings

MIN_RESOURCES_TO_FILTER = 12


def environments() -> list[tuple[str, str]]:
    """Return the environments to choose from, as values and labels.

    If the installation has its own environment, it is the only choice.
    """
    return [
        choice for choice in Environment.choices if token_settings.ENVIRONMENT in {"", choice[0]}
    ]


def lifetimes() -> dict[str, Lifetime]:
    """Return the choices of expiration that MAX_TOKEN_LIFETIME_DAYS allows now, by their keys."""
    return allowed_lifetimes(token_settings.MAX_TOKEN_LIFETIME_DAYS, timezone.now())


def default_lifetime() -> str:
    """Return the key of the expiration that is chosen when the form opens."""
    return DEFAULT_LIFETIME if DEFAULT_LIFETIME in lifetimes() else list(lifetimes())[-1]


class NewTokenForm(PolicyForm):
    """The fields that the forms for creating and for renewing a token share.

    The nonce is a random text that the server writes into each form. If the same form is sent
    twice, the nonce is the same, and only one token is made.
    """

    default_renderer = PageRenderer

    expires = forms.ChoiceField(
        label="Expiration",
        choices=lambda: [(key, lifetime_label(lifetime)) for key, lifetime in lifetimes().items()],
        initial=default_lifetime,
        widget=forms.RadioSelect,
    )
    nonce = forms.RegexField(
        r"^[\w-]{16,32}$",
        widget=forms.HiddenInput,
        initial=lambda: secrets.token_urlsafe(16),
        error_messages={"required": "This form is incomplete. Reload the page and send it again."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lifetimes = lifetimes()
        if len(self.lifetimes) < len(LIFETIMES):
            days = token_settings.MAX_TOKEN_LIFETIME_DAYS
            hint = f"Tokens live for {days} day{pluralize(days)} at most here."
            self.fields["expires"].help_text = hint

    def show_policies(self, hints: PolicyHints) -> None:
        """Show what policies demand, and offer only lifetimes that they allow."""
        super().show_policies(hints)
        field: Any = self.fields["expires"]
        field.help_text = with_sentences(field.help_text, hints.lifetimes)
        limits = [token_settings.MAX_TOKEN_LIFETIME_DAYS, hints.max_days]
        max_days = min((days for days in limits if days is not None), default=None)
        self.lifetimes = allowed_lifetimes(max_days, timezone.now())
        field.choices = [(key, lifetime_label(each)) for key, each in self.lifetimes.items()]
        usual = DEFAULT_LIFETIME in self.lifetimes
        field.initial = DEFAULT_LIFETIME if usual else [*self.lifetimes][-1]
        if self.initial.get("expires") not in self.lifetimes:
            self.initial.pop("expires", None)

    @property
    def lifetime(self) -> Lifetime:
        """Return the chosen lifetime. The form must be valid."""
        return self.lifetimes[self.cleaned_data["expires"]]


class AccessForm(PolicyForm):
    """The fields that the forms for creating and for editing a token share."""

    default_renderer = PageRenderer

    name = forms.CharField(
        label="Token name",
        max_length=NAME_LENGTH,
        validators=ONE_LINE_VALIDATORS,
        help_text="Give each application its own token.",
        widget=forms.TextInput(attrs={"placeholder": "Production API", "autocomplete": "off"}),
        error_messages={
            "required": "Give the token a name that you recognise, for example “Production API”."
        },
    )
    description = forms.CharField(
        label="Description",
        required=False,
        max_length=DESCRIPTION_LENGTH,
        validators=ONE_LINE_VALIDATORS,
        help_text="Optional: the purpose, and whom to ask when the token fails.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = ScopesField(
        label="Scopes",
        required=False,
        help_text="What may the token do? Choose only the scopes that the application needs.",
        widget=forms.CheckboxSelectMultiple,
    )
    allowed_addresses = AddressesField(
        label="Allowed addresses",
        required=False,
        help_text="IP addresses that may use the token: IPv4, IPv6, or networks such as "
        "10.0.0.0/8, one on each line. Empty means every address.",
        widget=AddressesInput(
            attrs={
                "class": "mono",
                "rows": 3,
                "inputmode": "url",
                "autocomplete": "off",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )

    def offer(self, scopes: Collection[Scope]) -> None:
        """Let the person choose from `scopes`, and from no others."""
        self.offered = list(scopes)
        choices = [(scope.name, scope.words) for scope in self.offered]
        self.fields["scopes"].choices = choices  # type: ignore[attr-defined]

    def resources(self) -> list[Resource]:
        """Return the scopes to choose from, grouped by resource."""
        return by_resource(self.offered, self["scopes"].value() or [], self.hints.scope_note)

    def has_many_resources(self) -> bool:
        """Return True if there are so many resources that the page shows a field to filter them.

        The template puts that field outside of this form. Otherwise Enter would send the form.
        """
        return len(self.resources()) >= MIN_RESOURCES_TO_FILTER

    def reject_scopes(self, names: Collection[str]) -> None:
        """Add an error for scopes that the owner may not use now, and stop offering these scopes.

        They became unavailable after the form was checked.
        """
        self.offer([scope for scope in self.offered if scope.name not in names])
        self.add_error("scopes", unavailable_scopes_message(names))

    def add_error(self, field: str | None, error: Any) -> None:
        """Add the error, and let the browser put the focus on the first field with an error.

        Only the fields that a person can fill in wrongly get the focus. Other fields have errors
        only if somebody changed the form.
        """
        focused = any("autofocus" in field.widget.attrs for field in self.fields.values())
        if field in {"name", "description", "scopes", "allowed_addresses"} and not focused:
            self.fields[field].widget.attrs["autofocus"] = True
        super().add_error(field, error)

    def access_as_query(self) -> dict[str, str]:
        """Return the scopes and addresses of a valid form as parameters for a URL.

        `prefill_access` reads these parameters again.
        """
        addresses = map(networks.format_network, self.cleaned_data["allowed_addresses"])
        return {
            "scopes": ",".join(self.cleaned_data["scopes"]),
            "allowed_addresses": ",".join(addresses),
        }


class TokenForm(NewTokenForm, AccessForm):
    """The form that creates a token. `user` is the owner."""

    environment = forms.ChoiceField(
        label="Environment",
        choices=environments,
        initial=lambda: environments()[0][0],
        widget=forms.RadioSelect,
    )

    def __init__(self, *args: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(Scope.objects.held_by(user).select_related("group"))
        self.show_policies(PolicyHints(user, [key for key, _ in environments()]))

    def as_query(self) -> str:
        """Return the values of a valid form, except the nonce, as a query string for `prefill`."""
        keys = ("name", "description", "environment", "expires")
        typed = {key: self.cleaned_data[key] for key in keys} | self.access_as_query()
        return urlencode({key: value for key, value in typed.items() if value}, safe=":/,")


def limit_message(error: TokenLimitReached | LifetimeTooLong, owner_has: str = "You have") -> str:
    """Return the error message for a limit of the installation: too many tokens, or too long.

    The sentence about the number of tokens begins with `owner_has`.
    """
    if isinstance(error, LifetimeTooLong):
        days = f"{error.days} day{pluralize(error.days)}"
        return f"Tokens live for {days} at most here. Choose a shorter expiration."
    tokens = f"{error.limit} active token{pluralize(error.limit)}"
    return f"{owner_has} {tokens}, the most allowed. Revoke one first."


def lifetime_label(lifetime: Lifetime) -> SafeString:
    """Return the label of a choice of expiration as HTML: its name, its use, and the last day."""
    end = timezone.localtime(lifetime.end(timezone.now()))
    return format_html(
        "{} <small>{}</small> <small>until {}</small>",
        lifetime.label,
        lifetime.use,
        date_format(end, "j M Y"),
    )


def prefill(query: dict[str, str]) -> dict[str, Any]:
    """Return initial values for TokenForm from a query string.

    An example is `?name=Deploy&expires=30d&scopes=reports:read`. Unknown values are ignored. So
    are scopes that the owner may not use, because the form has no checkbox for them.
    """
    known: dict[str, Any] = {
        "name": None,
        "description": None,
        "environment": dict(environments()),
        "expires": lifetimes(),
    }
    initial: dict[str, Any] = {
        key: query[key]
        for key, values in known.items()
        if query.get(key) and (values is None or query[key] in values)
    }
    return initial | {key: value for key, value in prefill_access(query).items() if value}


def prefill_access(query: dict[str, str]) -> dict[str, Any]:
    """Return initial values for scopes and addresses from the parameters of a URL."""
    initial: dict[str, Any] = {}
    if "scopes" in query:
        initial["scopes"] = [name for name in query["scopes"].split(",") if name]
    if "allowed_addresses" in query:
        initial["allowed_addresses"] = query["allowed_addresses"].replace(",", "\n")
    return initial
