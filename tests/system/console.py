"""Changes what servers serve, past them: the tests' own process works on their database."""

import json
import time
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from tests import databases
from tests.server import Installation
from tokens.core.lifetimes import LIFETIMES, OVERLAPS
from tokens.models import DayCount, Event, HourCount, Scope, ScopeCount, Team, Token

NAMES = {
    kind.__name__: kind
    for kind in (
        DayCount, Event, Group, HourCount, Scope, ScopeCount, Session, Sum, Team, Token, User,
    )
} | {"LIFETIMES": LIFETIMES, "OVERLAPS": OVERLAPS, "time": time, "timezone": timezone}  # fmt: skip


class Console:
    """Evaluates expressions; what one of them wrote is committed when it returns."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation

    def evaluate(self, expression: str) -> Any:
        with databases.connected(self.installation.database_url):
            return json.loads(json.dumps(eval(expression, NAMES), default=str))

    def issue(
        self, lifetime: str = "90d", scopes: tuple[str, ...] = (), addresses: tuple[str, ...] = ()
    ) -> str:
        """Return the value of a new token of the administrator."""
        return self.installation.issue(
            lifetime=lifetime, scopes=scopes, allowed_addresses=addresses
        )

    def renew(self, value: str, overlap: str) -> str:
        """Return the value of the successor of that token."""
        expression = (
            f"Token.objects.renew(Token.objects.get(identifier={value[:24]!r}),"
            f" overlap=OVERLAPS[{overlap!r}].length,"
            " expires_at=LIFETIMES['90d'].end(timezone.now()))[1].value"
        )
        return str(self.evaluate(expression))

    def change(self, value: str, method: str) -> Any:
        """Return what a method of that token returns, such as `revoke()`."""
        return self.evaluate(f"Token.objects.get(identifier={value[:24]!r}).{method}")
