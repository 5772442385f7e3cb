"""A team with a manager and a member, and the clients of people inside and outside of the team."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import signed_in
from tests.server import PASSWORD
from tokens.models import Actor, Team, Token


@pytest.fixture
def manager(db: None) -> User:
    return User.objects.create_user(
        email="manager@example.com", password=PASSWORD, name="Mia Manager"
    )


@pytest.fixture
def member(db: None) -> User:
    return User.objects.create_user(
        email="member@example.com", password=PASSWORD, name="Mo Member"
    )


@pytest.fixture
def outsider(db: None) -> User:
    return User.objects.create_user(email="outsider@example.com")


@pytest.fixture
def team(manager: User, member: User) -> Team:
    made = Team.make("billing-ci", "Billing CI", {manager: "manager"}, Actor(user=manager))
    made.add(member, "member", Actor(user=member))
    return made


@pytest.fixture
def team_token(team: Team, member: User) -> Token:
    token, _ = Token.objects.issue(
        owner=team.account,
        name="Deploy",
        environment="live",
        expires_at=timezone.now() + timedelta(days=90),
        actor=Actor(user=member, address="203.0.113.7", user_agent="Firefox"),
    )
    return token


@pytest.fixture
def clients(manager: User, member: User, outsider: User) -> Callable[[str], Client]:
    """Return a function that returns the client of a person: of a role, or of nobody."""
    people = {"manager": manager, "member": member, "outsider": outsider}
    return lambda role: signed_in(people[role]) if role in people else Client()
