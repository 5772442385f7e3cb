"""No sequence of changes leaves a working token without a living owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import User
from tests.records import program
from tests.teams import make_team
from tokens.authentication.policy import check_validity
from tokens.models import (
    AlreadyRenewed,
    MadeWithWorkingToken,
    Membership,
    NothingToHandOver,
    OwnerAway,
    Team,
    Token,
    TokenLimitReached,
    TokenRevoked,
    TransferOffer,
)
from tokens.models.leaving import switch_off, tokens_astray
from tokens.models.offer import TooManyOffers
from tokens.models.transfer import TRANSFER_ERRORS, accept_offer, hand_over, make_offer
from tokens.token_settings import TokenSettings
from tokens.token_settings import token_settings as live_settings

NUMBER = st.integers(0, 15)
RARELY = st.sampled_from([False, False, False, True])  # for what ends much at once
REFUSALS = (
    AlreadyRenewed, MadeWithWorkingToken, NothingToHandOver, OwnerAway, TokenLimitReached,
    TokenRevoked, TooManyOffers, *TRANSFER_ERRORS,
)  # fmt: skip
START = datetime(2027, 1, 1, tzinfo=UTC)


@contextmanager
def perhaps() -> Iterator[None]:
    """Let the step be refused, as a page would. The transaction of the step is undone."""
    try:
        with transaction.atomic():
            yield
    except REFUSALS:
        pass


class Owners(RuleBasedStateMachine):
    """People and teams with tokens, who come and go. `steps` counts what was done."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.travel = time_machine.travel(START, tick=False)
        self.clock = self.travel.start()
        self.made = 0
        for number in range(3):
            self.add_person()
            self.create(number, 90)
            self.program_creates(2 * number, 80)
        self.add_team(0)

    def teardown(self) -> None:
        self.travel.stop()
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def add_person(self) -> User:
        self.made += 1
        return User.objects.create_user(email=f"person{self.made}@example.com")

    def people(self) -> list[User]:
        return list(User.objects.filter(can_sign_in=True).order_by("pk"))

    def pick(self, found: Any, number: int) -> Any:
        """Return one of `found`; None if there are none."""
        rows = list(found)
        return rows[number % len(rows)] if rows else None

    def token(self, number: int) -> Any:
        """Return a token, mostly one that works; None if there is none."""
        tokens = Token.objects.order_by("pk")
        return self.pick(tokens.active() if number < 14 else tokens, number)

    def account(self, number: int) -> Any:
        """Return the account of a person or a team, mostly one that is switched on."""
        accounts = User.objects.order_by("pk")
        chosen = accounts.filter(is_active=True) if number < 14 else accounts
        return self.pick(chosen, number) or self.pick(accounts, number)

    @rule(number=NUMBER)
    def add_team(self, number: int) -> None:
        if Team.objects.count() < 3:
            self.made += 1
            make_team(f"team-{self.made}", managers=(self.pick(self.people(), number),))

    @rule(owner=NUMBER, days=st.integers(1, 90))
    def create(self, owner: int, days: int) -> None:
        account = self.account(owner)
        end = timezone.now() + timedelta(days=days)
        with perhaps():
            Token.objects.issue(owner=account, name="x", environment="live", expires_at=end)

    @rule(token=NUMBER, days=st.integers(1, 90))
    def program_creates(self, token: int, days: int) -> None:
        maker = self.token(token)
        if maker is None or check_validity(maker, timezone.now()):
            return
        end = timezone.now() + timedelta(days=days)
        with perhaps():
            Token.objects.issue(
                owner=maker.owner,
                name="made",
                environment="live",
                expires_at=end,
                actor=program(maker),
            )

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

    @rule(token=NUMBER, receiver=NUMBER)
    def transfer(self, token: int, receiver: int) -> None:
        if found := self.token(token):
            with perhaps():
                hand_over([found], self.account(receiver))

    @rule(giver=NUMBER, receiver=NUMBER)
    def transfer_all(self, giver: int, receiver: int) -> None:
        tokens = Token.objects.owned_by(self.account(giver)).active()
        with perhaps():
            hand_over(list(tokens), self.account(receiver))

    @rule(token=NUMBER, receiver=NUMBER)
    def offer(self, token: int, receiver: int) -> None:
        found, person = self.token(token), self.pick(self.people(), receiver)
        if found is None:
            return
        asked_by = found.owner
        if found.team_id:
            manager = Membership.objects.filter(team=found.team_id, role="manager").first()
            asked_by = manager.user if manager else person
        with perhaps():
            make_offer(found, person.email, asked_by)

    @rule(offer=NUMBER)
    def accept(self, offer: int) -> None:
        found = self.pick(TransferOffer.objects.order_by("pk"), offer)
        if found and found.receiver:
            with perhaps():
                accept_offer(found, found.receiver)

    @rule(offer=NUMBER)
    def decline_or_withdraw(self, offer: int) -> None:
        if found := self.pick(TransferOffer.objects.order_by("pk"), offer):
            found.delete()

    @rule(person=NUMBER, days=st.integers(0, 30))
    def program_switches_off(self, person: int, days: int) -> None:
        live_settings.LEAVER_TOKENS = timedelta(days=days) if days else None
        account = self.pick(self.people(), person)
        account.is_active = False
        account.save()

    @rule(person=NUMBER)
    def program_switches_on(self, person: int) -> None:
        if account := self.pick(User.objects.filter(is_active=False).order_by("pk"), person):
            account.is_active = True
            account.save()

    @rule(person=NUMBER, days=st.integers(0, 30))
    def administrator_switches_off(self, person: int, days: int) -> None:
        until = timezone.now() + timedelta(days=days) if days else None
        switch_off(self.pick(self.people(), person), until)

    @rule(person=NUMBER, sure=RARELY)
    def delete_person(self, person: int, sure: bool) -> None:
        if not sure:
            return
        self.pick(self.people(), person).delete()
        self.add_person()

    @rule(team=NUMBER, sure=RARELY)
    def delete_team(self, team: int, sure: bool) -> None:
        if sure and (found := self.pick(Team.objects.order_by("pk"), team)):
            account = found.account
            found.delete()
            account.delete()

    @rule(hours=st.integers(1, 24 * 5))
    def time_passes(self, hours: int) -> None:
        self.clock.shift(timedelta(hours=hours))

    @invariant()
    def working_tokens_have_living_owners(self) -> None:
        Owners.steps += 1
        now = timezone.now()
        assert {words: list(found) for words, found in tokens_astray().items() if found} == {}
        for token in Token.objects.select_related("owner__token_leaver", "team__account"):
            if check_validity(token, now) is None:
                is_kept = token.owner_leaves_at and token.owner_leaves_at > now
                assert token.owner.is_active or is_kept
                assert token.team is None or token.team.account == token.owner
        for account in User.objects.all():
            count = Token.objects.owned_by(account).active(now).filter(renewed_at=None).count()
            # A revoked successor gives its predecessor back, which adds one for each successor.
            assert count <= 2 * live_settings.MAX_TOKENS_PER_USER


def check(steps: int) -> None:
    """Run the machine again and again, each time anew, until it has made so many steps."""
    chosen = settings(
        max_examples=10,
        stateful_step_count=50,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    Owners.steps = 0
    while Owners.steps < steps:
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
