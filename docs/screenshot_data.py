"""The tokens in the pictures of the README, with a month of use. docs/screenshot.py runs this."""

import random
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from tokens.models import DayCount, Event, Token

# Name, environment, and days: since it was made, until it expires. Then the hours since the last
# use, the requests on a busy day, the description, and the address of its program.
TOKENS = [
    ("Grafana", "live", 300, 200, 30, 40, "", "10.3.4.5"),
    ("Load test", "test", 60, -30, 33 * 24, 900, "", "198.51.100.90"),
    ("Analytics Service", "live", 45, 320, 0.2, 1200, "Reads events for the warehouse",
     "203.0.113.21"),
    ("Production API", "live", 30, 60, 0.1, 4000, "", "198.51.100.23"),
    ("Nightly backup", "live", 30, 60, 5, 20, "Ask Jonas when it fails", "203.0.113.60"),
    ("Mobile backend", "live", 80, 10, 0.1, 2500, "", "203.0.113.7"),
    ("CI pipeline", "test", 26, 4, 0.5, 300, "", "198.51.100.40"),
    ("Staging API", "test", 20, 70, 2, 200, "", "198.51.100.90"),
]  # fmt: skip
chance = random.Random(4)  # noqa: S311
now = timezone.now()
owner = User.objects.get()
for name, environment, made, left, used, busy, description, address in TOKENS:
    token, _ = Token.objects.issue(
        owner=owner,
        name=name,
        environment=environment,
        description=description,
        expires_at=now + timedelta(days=left, minutes=7),
    )
    last_use = now - timedelta(hours=used)
    Token.objects.filter(pk=token.pk).update(
        created_at=now - timedelta(days=made),
        last_used_at=last_use,
        last_used_address=address,
        last_used_agent="python-requests/2.32",
    )
    # The queryset of Event forbids changes.
    QuerySet(Event).filter(identifier=token.identifier).update(at=now - timedelta(days=made))
    for days in range(min(30, made)):
        day = now - timedelta(days=days)
        share = chance.uniform(0.5, 1) * (0.3 if day.weekday() >= 5 else 1)
        if day.date() <= last_use.date():
            DayCount.objects.create(
                token=token, day=day.date(), address=address, family="python-requests",
                status_class=2, requests=int(busy * share), refused=0, last_at=day,
            )  # fmt: skip
Token.objects.renew(
    Token.objects.get(name="Mobile backend"),
    expires_at=now + timedelta(days=90),
    overlap=timedelta(hours=24),
)
