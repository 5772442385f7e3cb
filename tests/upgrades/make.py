"""Make an installation's data by an old release's own code, for tests/test_upgrade.py.

Run it in a tree of that code:

    git archive 9cc2543 | tar x -C /tmp/old
    cd /tmp/old
    ENV_FILE=/dev/null SECRET_KEY=... TOKEN_PEPPERS=1:... DATABASE_URL=sqlite:////tmp/old.sqlite3 \
        python <clone>/tests/upgrades/make.py <clone>/tests/upgrades/9cc2543

The secrets are made up, and stand in the .json file beside what they protect.
"""

import gzip
import json
import os
import sqlite3
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path.cwd()))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

import pyotp  # noqa: E402
from allauth.mfa.models import Authenticator  # noqa: E402
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from tokens.models import DayCount, Event, HourCount, Scope, Token  # noqa: E402
from tokens.usage import recorder  # noqa: E402

PASSWORD = "correct horse battery staple"
HOST: Any = {"HTTP_HOST": "localhost"}


def person(number: int) -> dict[str, Any]:
    """Make somebody with a password, both kinds of codes, and a session."""
    email, secret = (
        f"person{number}@example.com",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX" + "PQ"[number - 1],
    )
    user = User.objects.create_user(
        email=email, password=PASSWORD, is_superuser=number == 1, is_staff=number == 1
    )
    client = Client(**HOST)
    TOTP.activate(user, secret)
    codes = RecoveryCodes.activate(user).get_unused_codes()
    assert (
        client.post("/accounts/login/", {"login": email, "password": PASSWORD}).status_code == 302
    )
    done = client.post("/accounts/2fa/authenticate/", {"code": pyotp.TOTP(secret).now()})
    assert (done.status_code, done["Location"]) == (302, "/settings/tokens/")
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return {
        "email": email,
        "password": PASSWORD,
        "secret": secret,
        "codes": codes,
        "session": session,
    }


def tokens(owner: User) -> dict[str, str]:
    """Make a token in each state; return their values by what a request with each is answered."""
    now, names = timezone.now(), {}

    def issue(name: str, days: int = 365, **fields: Any) -> Token:
        token, made = Token.objects.issue(
            owner=owner,
            name=name,
            environment="live",
            expires_at=now + timedelta(days=days),
            **fields,
        )
        names[name] = made.value
        return token

    issue("active", scopes=["tokens:read", "reports:read"])
    issue("expiring", 3)
    issue(
        "limited", allowed_addresses=["127.0.0.1/32"], rate_limit="5/hour", description="From here"
    )
    issue("other address", allowed_addresses=["192.0.2.0/24"])
    issue("revoked").revoke()
    expired = issue("expired")
    Token.objects.filter(pk=expired.pk).update(
        created_at=now - timedelta(days=9), expires_at=now - timedelta(days=1)
    )
    old = issue("retiring")
    _, new = Token.objects.renew(
        old, expires_at=now + timedelta(days=90), overlap=timedelta(days=7)
    )
    names["successor"] = new.value
    return names


def main(target: Path) -> None:
    call_command("migrate", verbosity=0)
    Scope.objects.create(name="reports:read", words="Read the reports")
    people = [person(number) for number in (1, 2)]
    for each in people:
        each["tokens"] = tokens(User.objects.get(email=each["email"]))
        each["answers"] = {}
        for name, value in each["tokens"].items():
            answer = Client(**HOST).get(
                "/api/v1/token", headers={"Authorization": f"Bearer {value}"}
            )
            each["answers"][name] = answer.json().get("code", answer.status_code)
    recorder.recorder.flush()
    facts = {
        "at": timezone.now().isoformat(),
        "SECRET_KEY": settings.SECRET_KEY,
        "TOKEN_PEPPERS": os.environ["TOKEN_PEPPERS"],
        "people": people,
        "rows": {
            kind.__name__: kind.objects.count()
            for kind in (Authenticator, DayCount, Event, HourCount, Token, User)
        },
    }
    target.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n")
    with (
        sqlite3.connect(settings.DATABASES["default"]["NAME"]) as database,
        gzip.GzipFile(target.with_suffix(".sql.gz"), "wb", mtime=0) as file,
    ):
        file.write("\n".join(database.iterdump()).encode())


main(Path(sys.argv[1]))
