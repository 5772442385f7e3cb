"""Test if the response time reveals that an address has an account.

`python benchmarks/enumeration.py` makes 200 interleaved attempts each at sign-in, password reset
and sign-up, in process, with the real password hash and the outbox's thread. A rank-sum test
compares known and unknown addresses. |z| < 4 passes. The exit status is 1 if one of them fails.
"""

import os
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import get_runner, setup_test_environment  # noqa: E402

from accounts import outbox  # noqa: E402
from accounts.models import User  # noqa: E402

TRIES = 200
LIMIT = 4.0
PASSWORD = "correct horse battery staple"
REAL = {
    "PASSWORD_HASHERS": ["accounts.passwords.OneAtATimeHasher"],
    "ACCOUNT_RATE_LIMITS": False,
    "SIGNUP_OPEN": True,
    "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
}


def z_of_rank_sum(known: list[float], unknown: list[float]) -> float:
    """Return the Mann-Whitney U statistic of the two samples as a standard normal deviate."""
    ranks = {value: rank for rank, value in enumerate(sorted(known + unknown), start=1)}
    n, m = len(known), len(unknown)
    u = sum(ranks[value] for value in known) - n * (n + 1) / 2
    return float((u - n * m / 2) / (n * m * (n + m + 1) / 12) ** 0.5)


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name: str, post: Callable[[str], object], known: Callable[[], str]) -> bool:
    """Print the comparison of the two samples, and return True if they do not differ."""
    samples: dict[bool, list[float]] = {True: [], False: []}
    for number in range(-10, TRIES):
        for is_known in (True, False) if number % 2 else (False, True):
            email = known() if is_known else f"nobody-{secrets.token_hex(8)}@example.com"
            taken = timed(lambda email=email: post(email))  # type: ignore[misc]
            if number >= 0:  # the first ones warm up
                samples[is_known].append(taken)
    z = z_of_rank_sum(samples[True], samples[False])
    medians = [1000 * statistics.median(samples[kind]) for kind in (True, False)]
    sys.stdout.write(
        f"{name:16} known {medians[0]:7.2f} ms  unknown {medians[1]:7.2f} ms  z {z:+6.2f}\n"
    )
    return abs(z) < LIMIT


def main() -> int:
    setup_test_environment()
    if settings.DATABASE["ENGINE"].endswith("sqlite3"):
        # Not the database of tests that may run now.
        settings.DATABASE["TEST"]["NAME"] = settings.VAR_DIR / "enumeration.sqlite3"
    runner = get_runner(settings)(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    people = iter(
        [User.objects.create_user(f"known-{n}@example.com", PASSWORD) for n in range(4 * TRIES)]
    )
    client = Client()

    def somebody() -> str:
        return next(people).email

    try:
        with override_settings(**REAL):
            for user in User.objects.all()[:1]:
                user.set_password(PASSWORD)
                User.objects.update(password=user.password)
            passed = [
                compare(
                    "sign-in",
                    lambda e: client.post("/accounts/login/", {"login": e, "password": "x"}),
                    somebody,
                ),
                compare(
                    "password reset",
                    lambda e: client.post("/accounts/password/reset/", {"email": e}),
                    somebody,
                ),
                compare(
                    "sign-up",
                    lambda e: Client().post(
                        "/accounts/signup/", {"email": e, "password1": PASSWORD}
                    ),
                    somebody,
                ),
            ]
    finally:
        outbox.worker.shutdown()
        runner.teardown_databases(databases)
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
