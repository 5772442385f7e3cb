"""People and teams with tokens, for the tests that try random changes of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis.stateful import RuleBasedStateMachine, invariant

from accounts.models import User
from tests.records import program
from tests.teams import make_team
from tokens.authentication.policy import check_validity
from tokens.models import (
    AlreadyRenewed,
    Membership,
    Team,
    TeamChangeRefused,
    Token,
    TokenRevoked,
)
from tokens.models.leaving import tokens_astray
from tokens.models.transfer import TRANSFER_ERRORS
from tokens.token_settings import token_settings

REFUSALS = (AlreadyRenewed, TeamChangeRefused, TokenRevoked, *TRANSFER_ERRORS)
START = datetime(2027, 1, 1, tzinfo=UTC)


@contextmanager
def perhaps() -> Iterator[None]:
    """Let the step be refused, as a page would. The transaction of the step is undone."""
    try:
        with transaction.atomic():
            yield
    except REFUSALS:
        pass


def led_teams() -> set[str]:
    """Return the teams that have a manager who can sign in. Does not use `without_manager`."""
    rows = Membership.objects.select_related("user")
    return {row.team_id for row in rows if row.role == "manager" and row.user.is_active}


def works(token: Token) -> bool:
    """Return True if requests with the token, as it is stored now, are admitted."""
    found = Token.objects.select_related("owner__token_leaver").filter(pk=token.pk).first()
    return found is not None and check_validity(found, timezone.now()) is None


def has_not_ended(token: Token) -> bool:
    """Return True if the token is neither revoked nor expired. Its owner may be switched off."""
    return Token.objects.active().filter(pk=token.pk).exists()


@contextmanager
def families_stay_together() -> Iterator[None]:
    """Check that working tokens with a link to each other get new owners together."""
    working = {token.pk: token for token in Token.objects.active()}
    links = [
        (token.pk, other)
        for token in working.values()
        for other in (token.renewed_from_id, token.made_by_id)
        if other in working
    ]
    yield
    owners = dict(Token.objects.values_list("pk", "owner"))
    assert all(owners[one] == owners[other] for one, other in links)


class World(RuleBasedStateMachine):
    """Three people with tokens, some of them renewed, and a team. `steps` counts what was done."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.travel = time_machine.travel(START, tick=False)
        self.clock = self.travel.start()
        self.made = 0
        for _ in range(3):
            person = self.add_person()
            end = timezone.now().replace(month=4)
            maker, _ = Token.objects.issue(
                owner=person, name="x", environment="live", expires_at=end
            )
            Token.objects.issue(
                owner=person, name="made", environment="live", expires_at=end,
                actor=program(maker),
            )  # fmt: skip
            Token.objects.renew(maker, expires_at=end, overlap=timedelta(days=20))
        self.make_team(*self.people()[:2])

    def teardown(self) -> None:
        self.travel.stop()
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def add_person(self) -> User:
        self.made += 1
        return User.objects.create_user(email=f"person{self.made}@example.com")

    def make_team(self, *managers: User) -> None:
        self.made += 1
        make_team(f"team-{self.made}", managers=managers)

    def people(self) -> Any:
        """Return the accounts of people, oldest first."""
        return User.objects.filter(can_sign_in=True).order_by("pk")

    def pick(self, found: Any, number: int) -> Any:
        """Return one of `found`; None if there are none."""
        rows = list(found)
        return rows[number % len(rows)] if rows else None

    def person(self, number: int) -> Any:
        """Return the account of a person, mostly one that is switched on."""
        people = self.people()
        chosen = people.filter(is_active=True) if number < 12 else people
        return self.pick(chosen, number) or self.pick(people, number)

    def account(self, number: int) -> Any:
        """Return the account of a person or a team, mostly one that is switched on."""
        accounts = User.objects.order_by("pk")
        chosen = accounts.filter(is_active=True) if number < 12 else accounts
        return self.pick(chosen, number) or self.pick(accounts, number)

    def token(self, number: int) -> Any:
        """Return a token, mostly one that works; None if there is none."""
        tokens = Token.objects.order_by("pk")
        return self.pick(tokens.active() if number < 14 else tokens, number)

    def team(self, number: int) -> Any:
        """Return a team; None if there is none."""
        return self.pick(Team.objects.order_by("pk"), number)

    @invariant()
    def working_tokens_have_living_owners(self) -> None:
        World.steps += 1
        now = timezone.now()
        assert {words: list(found) for words, found in tokens_astray().items() if found} == {}
        for token in Token.objects.select_related("owner__token_leaver", "team__account"):
            if check_validity(token, now) is None:
                is_kept = token.owner_leaves_at and token.owner_leaves_at > now
                assert token.owner.is_active or is_kept
                assert token.team is None or token.team.account == token.owner
            # Else the token would work on when the account is switched off past the model.
            assert not (token.outlives_owner and token.owner.is_active)

    @invariant()
    def owners_have_room(self) -> None:
        for account in User.objects.all():
            count = Token.objects.owned_by(account).active().filter(renewed_at=None).count()
            # A revoked successor gives its predecessor back, which adds one for each successor.
            assert count <= 2 * token_settings.MAX_TOKENS_PER_USER

    @invariant()
    def administrators_see_teams_without_a_manager(self) -> None:
        teams = set(Team.objects.values_list("pk", flat=True))
        shown = set(Team.objects.without_manager().values_list("pk", flat=True))
        assert shown == teams - led_teams()
