"""Each owner gets one mail about an import."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue
from tests.notifications.test_receivers import subjects
from tokens.models import ForeignCredential, ImportedToken, Notification, Source, Token
from tokens.notifications.receivers import notify_imported

pytestmark = pytest.mark.django_db(transaction=True)  # signals are sent after the commit
DAY = datetime(2100, 3, 1, tzinfo=UTC)


def import_for(owner: User, count: int, **fields: Any) -> list[Token]:
    """Import tokens of `owner` with the names a0, a1 and so on."""
    settings: dict[str, Any] = {"source": Source.KNOX, "environment": "live", "expires_at": DAY}
    made = [
        ImportedToken.objects.add(
            ForeignCredential(f"sha512:{owner.pk} {timezone.now()}"),
            owner=owner,
            name=f"a{number}",
            **(settings | fields),
        )
        for number in range(count)
    ]
    return [token for token in made if token]


def texts() -> tuple[str, str]:
    """Return the text and the HTML of the only mail."""
    [message] = mail.outbox
    assert isinstance(message, EmailMultiAlternatives)
    return str(message.body), str(message.alternatives[0][0])


def test_one_mail_for_each_owner(owner: User, teammate: User) -> None:
    import_for(owner, 12)
    import_for(teammate, 1)
    notify_imported({owner.pk, teammate.pk})
    assert sorted(subjects()) == [
        "1 imported API token of yours work here now",
        "12 imported API tokens of yours work here now",
    ]
    assert subjects() == []


def test_the_mail_says_what_to_do(owner: User) -> None:
    import_for(owner, 12)
    notify_imported({owner.pk})
    subjects()
    for text in texts():
        assert "12 imported API tokens" in text
        assert "“a0”, “a1”, “a10”, “a11”, “a2”, “a3”, “a4”, “a5”, “a6”, “a7” and 2 more" in text
        assert "django-rest-knox" in text
        assert "1 March 2100, 00:00 UTC" in text
        assert "Your programs need no change now" in text
        assert "http://localhost:8000/settings/tokens/" in text


def test_a_second_import_of_the_same_tokens_sends_nothing(owner: User) -> None:
    import_for(owner, 2)
    notify_imported({owner.pk})
    assert len(subjects()) == 1
    notify_imported({owner.pk})
    assert subjects() == []


def test_two_imports_before_the_mail_are_one_mail(owner: User) -> None:
    for _ in range(2):
        import_for(owner, 1)
        notify_imported({owner.pk})
    assert subjects() == ["2 imported API tokens of yours work here now"]
    assert Notification.objects.filter(sent_at=None).count() == 0


def test_tokens_that_are_renewed_or_ended_are_not_named(owner: User) -> None:
    renewed, revoked, _ = import_for(owner, 3)
    import_for(owner, 1, expires_at=timezone.now())
    Token.objects.renew(renewed, expires_at=DAY, overlap=timedelta(hours=1))
    revoked.revoke()
    notify_imported({owner.pk})
    subjects()
    [body] = [str(message.body) for message in mail.outbox]
    assert "1 imported API token" in body
    assert "Names: “a2”\n" in body


def test_nothing_is_left(owner: User) -> None:
    [token] = import_for(owner, 1)
    notify_imported({owner.pk})
    token.revoke(None)
    Notification.objects.exclude(kind="imported").delete()
    assert subjects() == ["0 imported API tokens of yours work here now"]
    assert "Names" not in texts()[0]


def test_the_mail_with_other_events(owner: User, issue: Issue) -> None:
    import_for(owner, 2)
    issue(name="native")
    notify_imported({owner.pk})
    assert subjects() == ["2 notifications about your API tokens"]
    assert "native" in texts()[0]
    assert "2 imported API tokens" in texts()[0]


def test_somebody_who_has_nothing_imported(owner: User, teammate: User) -> None:
    import_for(owner, 1)
    notify_imported({teammate.pk})
    assert subjects() == []
