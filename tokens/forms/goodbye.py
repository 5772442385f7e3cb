"""The choice before accounts are switched off or deleted: hand over, keep until a day, end now."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import transaction
from django.utils import timezone

from tokens.core.form_rendering import PageRenderer
from tokens.core.setting_values import MAX_GRACE_DAYS
from tokens.forms.transfer import TEAM_PREFIX, transfer_error
from tokens.models import Actor, Membership, Team, Token
from tokens.models.leaving import LEFT_REASON
from tokens.models.offer import person_with
from tokens.models.transfer import TRANSFER_ERRORS, hand_over
from tokens.pages.goodbye import Goodbye

HAND_OVER, KEEP, END = "hand_over", "keep", "end"
CHOICES = [
    (HAND_OVER, "Hand over: the tokens work on, with another owner"),
    (KEEP, "Keep until a day: the tokens work until then, nobody can sign in"),
    (END, "End now: requests with the tokens fail straight away"),
]


class GoodbyeForm(forms.Form):
    """What shall happen to the tokens of `accounts`, and to the teams that they alone manage."""

    default_renderer = PageRenderer
    keeps = False  # whether KEEP is a choice

    outcome = forms.ChoiceField(
        label="What happens to the tokens?",
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what happens to the tokens."},
    )
    receiver = forms.CharField(
        label="New owner",
        required=False,
        max_length=254,
        help_text="A team, such as team:billing-ci, or the email of a person.",
        widget=forms.TextInput(attrs={"list": "owners", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, accounts: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.goodbye = Goodbye(accounts)
        self.managers: dict[str, Team] = {}
        if not self.goodbye.count:
            del self.fields["outcome"], self.fields["receiver"]
        elif not self.keeps:
            # The stubs do not know that this field has choices.
            self.fields["outcome"].choices = [  # type: ignore[attr-defined]
                choice for choice in CHOICES if choice[0] != KEEP
            ]
        gone = [account.pk for account in accounts]
        for team in self.goodbye.teams:
            rest = team.memberships.filter(user__is_active=True).exclude(user__in=gone)
            choices = [(str(each.pk), str(each.user)) for each in rest.select_related("user")]
            self.managers[f"manager_{team.pk}"] = team
            self.fields[f"manager_{team.pk}"] = forms.ChoiceField(
                label=f"New manager of the team {team.name}",
                required=False,
                choices=[("", "Nobody (administrators see this)"), *choices],
            )

    @property
    def manager_fields(self) -> list[forms.BoundField]:
        """Return the fields that choose new managers, one for each team."""
        return [self[name] for name in self.managers]

    def clean(self) -> dict[str, Any]:
        """Find the new owner, if the tokens are to be handed over."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("outcome") == HAND_OVER:
            account = self.find_receiver(cleaned.get("receiver", "").strip())
            if account is None or account in self.goodbye.accounts:
                raise ValidationError({"receiver": "There is no such team or active person."})
            cleaned["account"] = account
        return cleaned

    def find_receiver(self, name: str) -> Any:
        """Return the account that `name` names: team:SLUG, or the address of a person; or None."""
        if not name.startswith(TEAM_PREFIX):
            return person_with(name) if name else None
        accounts = get_user_model().objects.filter(is_active=True)
        return accounts.filter(token_team=name.removeprefix(TEAM_PREFIX)).first()

    def as_query(self) -> str:
        """Return the sent values as a query string, for the form's initial values."""
        sent = {name: self.data.get(name, "") for name in self.fields}
        return urlencode({name: value for name, value in sent.items() if value})

    @property
    def locked_pks(self) -> list[Any]:
        """Return the primary keys of the accounts to lock: the leavers', and the new owner's."""
        receiver = self.cleaned_data.get("account")
        return [account.pk for account in (*self.goodbye.accounts, receiver) if account]

    def settle(self, actor: Actor) -> bool:
        """Do what the valid form says. Return False, with an error, if that is impossible.

        Then nothing is done.
        """
        try:
            with transaction.atomic():
                self.promote(actor)  # locks teams, which comes before their accounts
                with Token.objects.locked_for(*self.locked_pks):
                    for account in self.goodbye.accounts:
                        self.let_go(account, actor)
        except TRANSFER_ERRORS as error:
            self.add_error(None, transfer_error(error))
        except ObjectDoesNotExist:  # deleted, or no longer in the team, since the form was checked
            self.add_error(None, "An account or a team changed meanwhile. Choose again.")
        return not self.errors

    def promote(self, actor: Actor) -> None:
        """Make the chosen members managers of their teams.

        Raise Membership.DoesNotExist if one of them has left the team or is switched off.
        """
        for name, team in sorted(self.managers.items()):
            if key := self.cleaned_data.get(name):
                chosen = team.memberships.get(pk=key, user__is_active=True)
                team.change_role(chosen.user_id, Membership.Role.MANAGER, actor)

    def let_go(self, account: Any, actor: Actor) -> None:
        """Hand over or end the tokens of `account`. Subclasses add what happens to the account."""
        tokens = list(Token.objects.owned_by(account).active().order_by("pk"))
        if tokens and self.cleaned_data.get("outcome") == HAND_OVER:
            hand_over(tokens, self.cleaned_data["account"], actor)
        elif self.cleaned_data.get("outcome") != KEEP:
            for token in tokens:
                token.revoke(actor, LEFT_REASON)


class KeepingForm(GoodbyeForm):
    """The form for administrators who switch accounts off: tokens may work until a day."""

    keeps = True
    until = forms.DateField(
        label="Keep until",
        required=False,
        help_text=f"The last day, at most {MAX_GRACE_DAYS} days from now.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.goodbye.count:
            del self.fields["until"]

    def clean_until(self) -> datetime | None:
        """Return the end of the day as an instant. Require a day if the tokens are kept."""
        day = self.cleaned_data["until"]
        if self.cleaned_data.get("outcome") != KEEP:
            return None
        today = timezone.localdate()
        if day is None or not today <= day <= today + timedelta(days=MAX_GRACE_DAYS):
            raise ValidationError(f"Choose a day within the next {MAX_GRACE_DAYS} days.")
        return datetime.combine(day, time(23, 59, 59), timezone.get_current_timezone())


class OwnGoodbyeForm(GoodbyeForm):
    """The form of somebody who deletes the own account: hand over to an own team, or end now."""

    def __init__(self, *args: Any, person: Any, **kwargs: Any) -> None:
        super().__init__(*args, accounts=[person], **kwargs)
        teams = [(f"{TEAM_PREFIX}{team.pk}", str(team)) for team in Team.objects.of(person)]
        if not self.goodbye.count:
            return
        self.fields["outcome"].label = "What happens to your tokens?"
        if teams:
            self.fields["receiver"] = forms.ChoiceField(
                label="New owner", required=False, choices=[("", "Choose a team"), *teams]
            )
        else:
            del self.fields["receiver"]
            # The stubs do not know that this field has choices.
            self.fields["outcome"].choices = [CHOICES[-1]]  # type: ignore[attr-defined]
            self.fields["outcome"].initial = END
