"""tokens/authentication/change_wait.py: exemptions, transactions, commands, mails, permits."""

from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import get_resolver

from config.urls import CHANGES_NO_DECISION, all_patterns
from tests.authentication.conftest import places_left
from tests.conftest import Issue
from tokens.authentication import change_wait
from tokens.authentication.change_wait import CHANGE_WAIT_SECONDS, WORK_PERMIT
from tokens.core.waiting_places import MAX_PLACES, MAX_QUEUED, WaitingPlaces
from tokens.decorators import changes_no_decision
from tokens.notifications import outbox
from tokens.testing import no_change_wait

FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def nothing_is_kept() -> Iterator[None]:
    yield
    assert (
        places_left(change_wait.page_places)
        == places_left(change_wait.program_places)
        == MAX_PLACES
    )


# What is exempt, and when nothing waits at all


def test_each_exempt_name_is_a_page() -> None:
    names = {pattern.name for pattern in all_patterns(get_resolver().url_patterns)}
    assert names >= CHANGES_NO_DECISION


def test_what_is_exempt() -> None:
    """Whoever exempts another view adds it here, and says why the view changes no decision."""
    exempt = {
        pattern.name
        for pattern in all_patterns(get_resolver().url_patterns)
        if hasattr(pattern.callback, "changes_no_decision")
    }
    programs = {"create_token", "list_tokens", "introspect", "verify"}
    pages = {"create", "troubleshoot", "confirm", "tokens_token_overview"}
    assert exempt == CHANGES_NO_DECISION | pages | programs


def test_the_decorator_keeps_the_view() -> None:
    @changes_no_decision
    def view(request: HttpRequest) -> str:
        """Do something."""
        return "done"

    assert view(HttpRequest()) == "done"
    assert view.__doc__ == "Do something."


@pytest.mark.django_db
def test_only_postgresql_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_wait, "is_on", True)
    assert change_wait.is_needed() == (connection.vendor == "postgresql")
    with no_change_wait():
        assert not change_wait.is_needed()
    assert change_wait.is_on


# A transaction around the middleware


def test_an_open_transaction_is_an_error_and_is_rolled_back(
    issue: Issue, owner_client: Client, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(change_wait, "is_needed", lambda: True)
    owner_client.raise_request_exception = False
    token, _ = issue()
    with transaction.atomic():
        response = owner_client.post(f"/settings/tokens/{token.identifier}/revoke/")
    assert response.status_code == 500
    assert "tokens.testing.no_change_wait()" in caplog.text
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.django_db(transaction=True)
def test_a_connection_without_autocommit_is_an_error_too() -> None:
    transaction.set_autocommit(False)
    try:
        with pytest.raises(ImproperlyConfigured, match="ATOMIC_REQUESTS"):
            change_wait.forbid_open_transaction()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    change_wait.forbid_open_transaction()


@pytest.mark.django_db(transaction=True)
def test_no_connection_is_opened_for_the_look() -> None:
    """A database that is away must not replace the answer of the view."""
    connection.close()
    change_wait.forbid_open_transaction()
    assert connection.connection is None


@pytest.mark.django_db
def test_the_error_names_the_remedy() -> None:
    with pytest.raises(ImproperlyConfigured, match="ATOMIC_REQUESTS"), transaction.atomic():
        change_wait.forbid_open_transaction()


# Commands and mails


@pytest.mark.parametrize(
    ("line", "waits"),
    [
        ("token list", False),
        ("token show {}", False),
        ("token create --user owner@example.com --name A", False),
        ("token revoke {}", True),
        ("token renew {}", True),
        ("prune", True),
        ("prune --dry-run", False),
        ("send_expiry_reminders --dry-run", False),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_commands(issue: Issue, waited: list[float], line: str, waits: bool) -> None:
    token, _ = issue()
    call_command(*line.format(token.identifier).split())
    assert waited == [CHANGE_WAIT_SECONDS] * waits


@pytest.mark.django_db(transaction=True)
def test_a_revocation_is_printed_after_the_wait(
    issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = issue()
    out, printed_before = StringIO(), []
    monkeypatch.setattr(
        change_wait, "wait_without_request", lambda: printed_before.append(out.getvalue())
    )
    call_command("token", "revoke", token.identifier, stdout=out)
    assert printed_before == [""]
    assert "fail from now on" in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_command_that_fails_waits(waited: list[float]) -> None:
    with pytest.raises(Exception, match="No token has"):
        call_command("token", "revoke", "tkn_live_000000000000000")
    assert waited == [CHANGE_WAIT_SECONDS]


@pytest.mark.django_db(transaction=True)
def test_a_mail_waits_until_its_event_holds(
    issue: Issue, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    token, _ = issue()
    token.revoke()
    sent_before: list[int] = []
    monkeypatch.setattr(
        change_wait, "wait_without_request", lambda: sent_before.append(len(mailoutbox))
    )
    outbox.send_event_mails(token.created_at)
    assert sent_before == [0]
    assert mailoutbox
    outbox.send_event_mails(token.created_at)  # nothing is left, and nothing waits
    assert sent_before == [0]


# Permits and places


class Permit:
    """A work permit that notes its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def give_back(self) -> None:
        self.calls.append("give back")

    def take(self) -> None:
        self.calls.append("take")


def unsafe_request(permit: Permit, *, signed_in: bool) -> HttpRequest:
    request = RequestFactory().post("/", **{WORK_PERMIT: permit})  # type: ignore[arg-type]
    request.user = SimpleNamespace(is_authenticated=signed_in)  # type: ignore[assignment]
    return request


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_request_has_no_permit_while_it_waits(waited: list[float], signed_in: bool) -> None:
    permit, places = Permit(), WaitingPlaces()
    request = unsafe_request(permit, signed_in=signed_in)
    assert change_wait.begin(request, None, places)
    assert not permit.calls
    change_wait.finish(request)
    assert permit.calls == ["give back"] * signed_in
    assert waited == [CHANGE_WAIT_SECONDS] * signed_in
    assert places_left(places) == MAX_PLACES


def test_a_request_has_no_permit_while_it_queues(waited: list[float]) -> None:
    places = WaitingPlaces()

    class FreesPlace(Permit):
        def give_back(self) -> None:
            super().give_back()
            places.give_back()  # as another request does meanwhile

    permit = FreesPlace()
    for _ in range(MAX_PLACES):
        assert places.take_free()
    assert change_wait.begin(unsafe_request(permit, signed_in=True), None, places)
    assert permit.calls == ["give back", "take"]


def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    places = WaitingPlaces()
    for _ in range(MAX_PLACES):
        assert places.take_free()
    for _ in range(MAX_QUEUED):
        assert places._queue.acquire(blocking=False)
    assert not places.take_soon()  # at once
    places._queue.release()
    places.give_back()
    assert places.take_soon()


def test_a_session_that_fails_counts_as_somebody(waited: list[float]) -> None:
    class Broken:
        @property
        def is_authenticated(self) -> bool:
            raise OSError("no database")

    request = unsafe_request(Permit(), signed_in=True)
    request.user = Broken()  # type: ignore[assignment]
    assert change_wait.is_identified(request)
    del request.user
    assert not change_wait.is_identified(request)
