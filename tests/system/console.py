"""A process of the installation's own, beside its servers, that changes what they serve."""

import json
import subprocess
import sys
from typing import Any

from tests.server import ROOT, Server

LOOP = """
import json, sys, time
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db.models import Sum
from django.utils import timezone
from accounts.models import User
from tokens.lifetime import LIFETIMES, OVERLAPS
from tokens.models import DayCount, Event, HourCount, Scope, ScopeCount, Token

for line in sys.stdin:
    print(json.dumps(eval(json.loads(line)), default=str), flush=True)
"""


class Console:
    """Evaluates expressions there; what one of them wrote is committed when it returns."""

    def __init__(self, server: Server) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOOP],
            cwd=ROOT, env=server.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def evaluate(self, expression: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(expression), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, f"the console ended at {expression}"
        return json.loads(answer)

    def issue(self, lifetime: str = "90d", scopes: tuple[str, ...] = (), addresses: tuple[str, ...] = ()) -> str:
        """The value of a new token of the administrator."""
        return str(
            self.evaluate(
                f"Token.objects.issue(owner=User.objects.get(), name='Test', environment='live', scopes={scopes!r},"
                f" allowed_addresses={addresses!r}, expires_at=LIFETIMES[{lifetime!r}].end(timezone.now()))[1].value"
            )
        )

    def renew(self, value: str, overlap: str) -> str:
        """The value of the successor of that token."""
        return str(
            self.evaluate(
                f"Token.objects.renew(Token.objects.get(identifier={value[:24]!r}),"
                f" overlap=OVERLAPS[{overlap!r}].length, expires_at=LIFETIMES['90d'].end(timezone.now()))[1].value"
            )
        )

    def change(self, value: str, method: str) -> Any:
        """What a method of that token returns, such as `revoke()`."""
        return self.evaluate(f"Token.objects.get(identifier={value[:24]!r}).{method}")

    def close(self) -> None:
        self.process.communicate()
