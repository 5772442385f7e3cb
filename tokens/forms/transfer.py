"""The form that hands a token over: to a team, to oneself, or to another person."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import QueryDict

from tokens.core.accounts import email_of
from tokens.core.form_rendering import PageRenderer
from tokens.models import MadeWithWorkingToken, OwnerAway, Team, Token, TokenLimitReached
from tokens.models.offer import MAX_OPEN_OFFERS, TooManyOffers

ME, PERSON = "me", "person"
TEAM_PREFIX = "team:"


class TransferForm(forms.Form):
    """Who gets `token`: a team of `person`, `person` (if a team has the token), or an address.

    `typed` has values that the form shows.
    """

    default_renderer = PageRenderer

    to = forms.ChoiceField(label="New owner", widget=forms.RadioSelect)
    email = forms.EmailField(
        label="Email of the person",
        required=False,
        help_text="Only for another person, who is asked first.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        token: Token,
        person: AbstractBaseUser,
        typed: dict[str, str] | None = None,
    ) -> None:
        super().__init__(data, initial=typed)
        self.person = person
        teams = Team.objects.of(person).exclude(pk=token.team_id).select_related("account")
        self.teams = {f"{TEAM_PREFIX}{team.pk}": team for team in teams}
        choices = [(key, f"Team {team.name} ({team.pk})") for key, team in self.teams.items()]
        if token.owner_id != person.pk:
            choices.append((ME, "Me"))
        choices.append((PERSON, "Another person"))
        # The stubs do not know that this field has choices.
        self.fields["to"].choices = choices  # type: ignore[attr-defined]
        if len(choices) == 1:
            self.initial["to"] = PERSON

    def clean(self) -> dict[str, Any]:
        """Require an address for another person, and not one's own."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("to") == PERSON and not self.has_error("email"):
            email = cleaned.get("email", "")
            if not email:
                raise ValidationError({"email": "Type the email address of the person."})
            if email.lower() == email_of(self.person).lower():
                raise ValidationError({"email": "This is your own address."})
        return cleaned

    @property
    def account(self) -> AbstractBaseUser | None:
        """Return the new owner; None if the token is to be offered. The form must be valid."""
        to = self.cleaned_data["to"]
        return self.person if to == ME else self.teams[to].account if to in self.teams else None

    @property
    def address(self) -> str:
        """Return the address of the person to ask. The form must be valid."""
        return str(self.cleaned_data["email"]).lower()

    def as_query(self) -> str:
        """Return the values of a valid form as a query string, for the form's initial values."""
        values = {"to": self.cleaned_data["to"], "email": self.cleaned_data["email"]}
        return urlencode({key: value for key, value in values.items() if value})


def transfer_error(error: Exception) -> str:
    """Return why a token can't be handed over, as a sentence for a page or a command."""
    match error:
        case TokenLimitReached():
            return (
                f"The new owner would have more than {error.limit} active tokens, the most "
                "allowed. Hand over fewer tokens, or revoke some first."
            )
        case OwnerAway():
            return "The account of the new owner is switched off."
        case MadeWithWorkingToken():
            return (
                f"A program made this token with {error.maker.identifier}, which still works. "
                "Both share one rate limit: hand over that token, and this token moves too."
            )
        case TooManyOffers():
            return f"{MAX_OPEN_OFFERS} offers are open, the most allowed. Withdraw one first."
    return "The token no longer works, or has another owner now."
