"""What people type about a token."""

import secrets
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from tokens import addresses
from tokens.access import Resource, by_resource
from tokens.lifetime import DEFAULT, LIFETIMES, Lifetime, within
from tokens.models import NAME_LENGTH, Environment, LifetimeTooLong, Scope, TokenLimitReached
from tokens.models.scope import MOST_SCOPES
from tokens.plain import INVISIBLE, NOT_ONE_LINE, is_visible
from tokens.redaction import without_secrets

NO_CONTROL_CHARACTERS = RegexValidator(
    NOT_ONE_LINE, "This is one line of text, without control characters.", inverse_match=True
)


def not_a_token(name: str) -> None:
    """People paste in the wrong field, and names are shown and stored."""
    if without_secrets(name) != name:
        raise ValidationError("This looks like a token's value. Revoke that token if it is one, and try again.")


def not_invisible(name: str) -> None:
    """Nobody could tell such a token from another, or click on its name."""
    if name.strip() and not is_visible(name):
        raise ValidationError(INVISIBLE)


ONE_LINE: list[Callable[[Any], None]] = [NO_CONTROL_CHARACTERS, not_a_token, not_invisible]


def environments() -> list[tuple[str, str]]:
    """Those that a token can be made for: all, or the one that the whole installation is for."""
    return [choice for choice in Environment.choices if settings.TOKEN_ENVIRONMENT in {"", choice[0]}]


def lifetimes() -> dict[str, Lifetime]:
    """The choices of expiration that this installation allows now."""
    return within(settings.MAX_TOKEN_LIFETIME_DAYS, timezone.now())


def default_lifetime() -> str:
    """The key of the one that is chosen for somebody who chooses none."""
    return DEFAULT if DEFAULT in lifetimes() else list(lifetimes())[-1]


class ScopesField(forms.MultipleChoiceField):
    """Names of scopes; the form says which may be chosen."""

    def validate(self, value: list[str]) -> None:
        """Every wrong one is named, because none of them is offered again."""
        if missing := [name for name in value if not self.valid_value(name)]:
            raise ValidationError(not_yours(missing[:MOST_SCOPES]))
        if len(value) > MOST_SCOPES:
            raise ValidationError(f"A token has {MOST_SCOPES} scopes at most: choose fewer.")


def not_yours(names: Collection[str]) -> str:
    return f"Not yours to give now: {', '.join(names)}. The rest of your choice is kept."


class AddressesInput(forms.Textarea):
    """Lines of addresses, and the checkbox of the same name, whose value is one more."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        return "\n".join(filter(None, data.getlist(name)))


class AddressesField(forms.CharField):
    """What is typed, as networks in CIDR form."""

    widget = AddressesInput

    def clean(self, value: Any) -> Any:
        try:
            return addresses.parse(super().clean(value))
        except ValueError as wrong:
            raise ValidationError(list(wrong.args)) from None


class NewTokenForm(forms.Form):
    """When a token that is to be made expires; the nonce has the form make one, however often it is sent."""

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
        if len(lifetimes()) < len(LIFETIMES):
            most = settings.MAX_TOKEN_LIFETIME_DAYS
            self.fields["expires"].help_text = f"Tokens live for {most} day{pluralize(most)} at most here."

    @property
    def lifetime(self) -> Lifetime:
        return lifetimes()[self.cleaned_data["expires"]]


class AccessForm(forms.Form):
    """What a token is called, what it may do, and from where."""

    name = forms.CharField(
        label="Token name",
        max_length=NAME_LENGTH,
        validators=ONE_LINE,
        help_text="What will use it? Give each application and environment its own.",
        widget=forms.TextInput(attrs={"placeholder": "Production API", "autocomplete": "off"}),
        error_messages={"required": "Give the token a name, so that you know it again: “Production API”, say."},
    )
    scopes = ScopesField(
        label="Scopes",
        required=False,
        help_text="What may it do? Choose the least that it needs.",
        widget=forms.CheckboxSelectMultiple,
    )
    allowed_addresses = AddressesField(
        label="Allowed addresses",
        required=False,
        help_text="Where may it be used from? IPv4, IPv6, or networks such as 10.0.0.0/8, one on each line. "
        "Empty means anywhere.",
        widget=AddressesInput(attrs={"class": "mono", "rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )

    def offer(self, scopes: Collection[Scope]) -> None:
        self.offered = list(scopes)
        self.fields["scopes"].choices = [(scope.name, scope.words) for scope in self.offered]  # type: ignore[attr-defined]

    def resources(self) -> list[Resource]:
        """The scopes on offer, by resource."""
        return by_resource(self.offered, self["scopes"].value() or [])

    def refuse(self, names: Collection[str]) -> None:
        """The catalogue changed while the form was on its way: say so, and offer those scopes no more."""
        self.offer([scope for scope in self.offered if scope.name not in names])
        self.add_error("scopes", not_yours(names))

    def add_error(self, field: str | None, error: Any) -> None:
        """Besides, put the focus where the first error is; what is not named here is only wrong by tampering."""
        focused = any("autofocus" in field.widget.attrs for field in self.fields.values())
        if field in {"name", "description", "scopes", "allowed_addresses"} and not focused:
            self.fields[field].widget.attrs["autofocus"] = True
        super().add_error(field, error)

    def access_as_query(self) -> dict[str, str]:
        """The chosen scopes and addresses as a link to the form would have them; see `access_from`."""
        return {
            "scopes": ",".join(self.cleaned_data["scopes"]),
            "allowed_addresses": ",".join(map(addresses.show, self.cleaned_data["allowed_addresses"])),
        }


class TokenForm(NewTokenForm, AccessForm):
    """A new token's name, environment and expiration, what it may do, and from where."""

    environment = forms.ChoiceField(
        label="Environment", choices=environments, initial=lambda: environments()[0][0], widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(Scope.objects.held_by(user).select_related("group"))

    def as_query(self) -> str:
        """The valid form as a link to it would have it; see `prefill`."""
        typed = {key: self.cleaned_data[key] for key in ("name", "environment", "expires")}
        chosen = {key: value for key, value in self.access_as_query().items() if value}
        return urlencode(typed | chosen, safe=":/,")


class UnkeptTextarea(forms.Textarea):
    """What was typed in it does not come back with the answer."""

    def format_value(self, value: Any) -> str:
        return ""


class TroubleshootForm(forms.Form):
    """What somebody sent, or was answered, when a request was refused."""

    pasted = forms.CharField(
        label="Token, header or reference",
        max_length=10_000,
        strip=False,
        help_text="It is read once, for the answer, and neither stored nor logged.",
        widget=UnkeptTextarea(attrs={"class": "mono", "rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Paste what was sent, or the reference of the answer."},
    )


def refusal(policy: TokenLimitReached | LifetimeTooLong) -> str:
    """What to tell somebody who asks for more than this installation allows."""
    if isinstance(policy, LifetimeTooLong):
        return f"Tokens live for {policy.days} day{pluralize(policy.days)} at most here. Choose a shorter expiration."
    return f"You have {policy.limit} active token{pluralize(policy.limit)}, the most allowed. Revoke one first."


def lifetime_label(lifetime: Lifetime) -> SafeString:
    """Return a choice of expiration with its use, and the date in the person's time zone on which it would expire."""
    end = timezone.localtime(lifetime.end(timezone.now()))
    return format_html(
        "{} <small>{}</small> <small>until {}</small>", lifetime.label, lifetime.use, date_format(end, "j M Y")
    )


def prefill(query: dict[str, str]) -> dict[str, Any]:
    """Initial values from a link such as `?name=Deploy&expires=30d&environment=test&scopes=reports:read,reports:write`.

    Unknown values are left out; scopes that are not on offer find no box to tick.
    """
    known: dict[str, Any] = {"name": None, "environment": dict(environments()), "expires": lifetimes()}
    initial: dict[str, Any] = {
        key: query[key] for key, values in known.items() if query.get(key) and (values is None or query[key] in values)
    }
    return initial | {key: value for key, value in access_from(query).items() if value}


def access_from(query: dict[str, str]) -> dict[str, Any]:
    """The scopes and addresses in a link."""
    initial: dict[str, Any] = {}
    if "scopes" in query:
        initial["scopes"] = [name for name in query["scopes"].split(",") if name]
    if "allowed_addresses" in query:
        initial["allowed_addresses"] = query["allowed_addresses"].replace(",", "\n")
    return initial
