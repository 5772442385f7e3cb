"""Find out whether a project's tests run."""

from django.core import mail


def is_test_run() -> bool:
    """Return True while Django's test environment is set up (setup_test_environment).

    Then a background thread must not write: it would write beside the transaction of a test, and
    after the last test into the project's own database.
    """
    return hasattr(mail, "outbox")  # Django documents the attribute for tests
