"""No sequence of changes leaves a working token without a living owner."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from accounts.models import User
from tests.models.owners_world import (
    World,
    families_stay_together,
    has_not_ended,
    led_teams,
    perhaps,
    works,
)
from tests.records import program
from tokens.administration.leaving import DeleteForm, SwitchOffForm
from tokens.forms.goodbye import END, HAND_OVER, KEEP
from tokens.models import Actor, Leaver, Team, Token, TransferOffer
from tokens.models.leaving import switch_off
from tokens.models.offer import OFFER_LIFETIME
from tokens.models.transfer import accept_offer, hand_over, make_offer, may_hand_out
from tokens.pages.goodbye import Goodbye
from tokens.token_settings import TokenSettings
from tokens.token_settings import token_settings as live_settings

NUMBER = st.integers(0, 15)
DAYS = st.integers(1, 30)
OUTCOME = st.sampled_from([HAND_OVER, KEEP, END])
RARELY = st.sampled_from([False, False, False, True])  # for what ends much at once
ROLE = st.sampled_from(["member", "manager"])


class Owners(World):
    """People and teams with tokens, who come and go."""

    @rule(owner=NUMBER, days=st.integers(1, 90))
    def create(self, owner: int, days: int) -> None:
        end = timezone.now() + timedelta(days=days)
        with perhaps():
            Token.objects.issue(
                owner=self.account(owner), name="x", environment="live", expires_at=end
            )

    @rule(token=NUMBER, days=st.integers(1, 90))
    def program_creates(self, token: int, days: int) -> None:
        maker = self.token(token)
        if maker and works(maker):
            end = timezone.now() + timedelta(days=days)
            with perhaps():
                Token.objects.issue(
                    owner=maker.owner, name="made", environment="live", expires_at=end,
                    actor=program(maker),
                )  # fmt: skip

    @rule(token=NUMBER, hours=st.integers(0, 200), by_program=st.booleans())
    def renew(self, token: int, hours: int, by_program: bool) -> None:
        if old := self.token(token):
            end = timezone.now() + timedelta(days=60)
            actor = program(old) if by_program else None
            with perhaps():
                Token.objects.renew(
                    old, expires_at=end, overlap=timedelta(hours=hours), actor=actor
                )

    @rule(token=NUMBER, include_made=st.booleans())
    def revoke(self, token: int, include_made: bool) -> None:
        if found := self.token(token):
            found.revoke()
            if include_made:
                found.revoke_made()
            assert not works(found)

    # Tokens move

    def move(self, tokens: list[Token], receiver: Any) -> None:
        """Hand the tokens over, and check that all of them work for the new owner."""
        with perhaps(), families_stay_together():
            moved = hand_over(tokens, receiver)
            assert {token.pk for token in tokens if works(token)} <= {each.pk for each in moved}
            for token in moved:
                stored = Token.objects.get(pk=token.pk)
                assert (stored.owner_id, works(stored)) == (receiver.pk, True)

    @rule(token=NUMBER, receiver=NUMBER)
    def transfer(self, token: int, receiver: int) -> None:
        if found := self.token(token):
            self.move([found], self.account(receiver))

    @rule(giver=NUMBER, receiver=NUMBER)
    def transfer_all(self, giver: int, receiver: int) -> None:
        tokens = Token.objects.owned_by(self.account(giver)).active()
        self.move(list(tokens), self.account(receiver))

    @rule(token=NUMBER, asked_by=NUMBER, receiver=NUMBER)
    def offer(self, token: int, asked_by: int, receiver: int) -> None:
        found, person = self.token(token), self.person(asked_by)
        if found and not may_hand_out(person, found):
            person = found.owner
        if found and person.can_sign_in:
            with perhaps():
                make_offer(found, self.person(receiver).email, person)

    @rule(offer=NUMBER, person=NUMBER)
    def accept(self, offer: int, person: int) -> None:
        """Accept an offer, mostly one's own."""
        found = self.pick(TransferOffer.objects.order_by("pk"), offer)
        if not found:
            return
        who = found.receiver if found.receiver and person < 12 else self.person(person)
        is_open = (
            found.receiver == who and found.asked_by.is_active and has_not_ended(found.token)
            and may_hand_out(found.asked_by, found.token)
            and timezone.now() < found.made_at + OFFER_LIFETIME
        )  # fmt: skip
        with perhaps(), families_stay_together():
            accept_offer(found, who)
            assert is_open
            assert (Token.objects.get(pk=found.pk).owner, works(found.token)) == (who, True)

    @rule(offer=NUMBER)
    def decline_or_withdraw(self, offer: int) -> None:
        if found := self.pick(TransferOffer.objects.order_by("pk"), offer):
            found.delete()

    # People leave

    @rule(person=NUMBER, days=st.integers(0, 30))
    def program_switches_off(self, person: int, days: int) -> None:
        live_settings.LEAVER_TOKENS = timedelta(days=days) if days else None
        account = self.person(person)
        tokens = list(Token.objects.owned_by(account).active())
        was_on, account.is_active = account.is_active, False
        account.save()
        if was_on:
            assert {works(token) for token in tokens} <= {days > 0}

    @rule(person=NUMBER)
    def somebody_switches_off_past_the_model(self, person: int) -> None:
        account = self.person(person)
        User.objects.filter(pk=account.pk, is_active=True).update(is_active=False)
        if not Leaver.objects.filter(pk=account.pk).exists():
            assert not any(works(token) for token in Token.objects.owned_by(account))

    @rule(person=NUMBER)
    def program_switches_on(self, person: int) -> None:
        if account := self.pick(User.objects.filter(is_active=False).order_by("pk"), person):
            account.is_active = True
            account.save()
            assert all(works(token) for token in Token.objects.owned_by(account).active())

    @rule(person=NUMBER, days=st.integers(0, 30))
    def command_switches_off(self, person: int, days: int) -> None:
        account = self.person(person)
        tokens = list(Token.objects.owned_by(account).active())
        switch_off(account, timezone.now() + timedelta(days=days) if days else None)
        assert {works(token) for token in tokens} <= {days > 0}
        assert {has_not_ended(token) for token in tokens} <= {days > 0}

    @rule(
        person=NUMBER,
        then=st.sampled_from([SwitchOffForm, DeleteForm]),
        sure=RARELY,
        chosen=st.fixed_dictionaries({"outcome": OUTCOME, "to": NUMBER, "days": DAYS}),
        manager=NUMBER,
    )
    def administrator_lets_go(
        self, person: int, then: Any, sure: bool, chosen: dict[str, Any], manager: int
    ) -> None:
        """Fill in the page before somebody is switched off or deleted."""
        if then == DeleteForm and not sure:
            return
        account, to = self.leaver(person), self.account(chosen["to"])
        team = getattr(to, "token_team", None)
        typed = {
            "outcome": chosen["outcome"], "receiver": f"team:{team.pk}" if team else to.email,
            "until": (timezone.now() + timedelta(days=chosen["days"])).date().isoformat(),
        }  # fmt: skip
        blank = then(None, accounts=[account])
        typed |= {
            name: self.pick(blank.fields[name].choices[1:] or [("", "")], manager)[0]
            for name in blank.managers
        }
        self.let_go(then(typed, accounts=[account]), chosen["outcome"])
        if then == DeleteForm:
            self.add_person()

    def leaver(self, number: int) -> Any:
        """Return a person, often one whom a team needs as its last manager."""
        people = self.people() if number % 2 else []
        needed = [person for person in people if Goodbye([person]).teams]
        return self.pick(needed, number // 2) or self.person(number)

    def let_go(self, form: Any, outcome: str) -> None:
        """Send the form, and check that it did what it says."""
        tokens, led = list(form.goodbye.tokens), led_teams()
        promised = {form.managers[name].pk for name in form.managers if form.data[name]}
        if not form.is_valid() or not form.settle(Actor()):
            assert form.errors
            return
        assert led - led_teams() <= {team.pk for team in form.managers.values()} - promised
        assert {works(token) for token in tokens} <= {outcome != END}
        assert {has_not_ended(token) for token in tokens} <= {outcome != END}
        if outcome == HAND_OVER:
            receiver = form.cleaned_data.get("account")
            assert all(Token.objects.get(pk=each.pk).owner == receiver for each in tokens)

    @rule(person=NUMBER, sure=RARELY)
    def program_deletes(self, person: int, sure: bool) -> None:
        if sure:
            self.person(person).delete()
            self.add_person()

    # Teams change

    @rule(number=NUMBER)
    def add_team(self, number: int) -> None:
        if Team.objects.count() < 3:
            self.make_team(*{self.person(number), self.person(number // 2)})

    @rule(team=NUMBER, sure=RARELY)
    def delete_team(self, team: int, sure: bool) -> None:
        if sure and (found := self.team(team)):
            found.dissolve(None)

    @rule(team=NUMBER, person=NUMBER, role=ROLE)
    def join(self, team: int, person: int, role: str) -> None:
        if found := self.team(team):
            found.add(self.person(person), role, None)

    @rule(team=NUMBER, member=NUMBER, role=st.sampled_from(["member", "manager", ""]))
    def change_member(self, team: int, member: int, role: str) -> None:
        """Give a member another role, or remove the member. Mostly one who can sign in."""
        found, led = self.team(team), led_teams()
        if found is None:
            return
        members = found.memberships.order_by("pk")
        chosen = members.filter(user__is_active=True) if member < 12 else members
        membership = self.pick(chosen, member)
        if membership:
            with perhaps():
                if role:
                    found.change_role(membership.user_id, role, None)
                else:
                    found.remove(membership.user_id, None)
            assert led <= led_teams()

    @rule(hours=st.integers(1, 24 * 5))
    def time_passes(self, hours: int) -> None:
        self.clock.shift(timedelta(hours=hours))


def check(steps: int) -> None:
    """Run the machine again and again, each time anew, until it has made so many steps."""
    chosen = settings(
        max_examples=10,
        stateful_step_count=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    World.steps = 0
    while World.steps < steps:
        run_state_machine_as_test(Owners, settings=chosen)


@pytest.mark.django_db
def test_500_steps(token_settings: TokenSettings) -> None:
    token_settings.MAX_TOKENS_PER_USER = 5
    check(500)


@pytest.mark.long
@pytest.mark.django_db
def test_10_000_steps(token_settings: TokenSettings) -> None:
    token_settings.MAX_TOKENS_PER_USER = 5
    check(10_000)
