"""Changes by several threads at the same time, on a real database."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer, signed_in
from tests.records import a_record
from tests.run import patience
from tokens.models import (
    AlreadyRenewed,
    DayCount,
    Event,
    FormAlreadySent,
    NothingToHandOver,
    Scope,
    Token,
    TokenLimitReached,
)
from tokens.models.transfer import hand_over
from tokens.token_settings import TokenSettings
from tokens.usage import aggregation
from tokens.usage.recorder import Recorder
from tokens.usage.request_record import RequestRecord

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 20


def at_once(work: Callable[[int], str]) -> Counter[str]:
    """Call `work` in all threads at the same time. Return how often each answer came."""
    gate = Barrier(THREADS)

    def run(number: int) -> str:
        try:
            gate.wait(timeout=patience(6))
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(run, range(THREADS)))


def test_the_limit_holds(owner: User, token_settings: TokenSettings) -> None:
    token_settings.MAX_TOKENS_PER_USER = 7

    def create(number: int) -> str:
        try:
            Token.objects.issue(
                owner=owner,
                name=str(number),
                environment="live",
                expires_at=timezone.now() + timedelta(days=1),
            )
        except TokenLimitReached:
            return "refused"
        return "made"

    assert at_once(create) == {"made": 7, "refused": 13}
    assert Token.objects.count() == Event.objects.count() == 7


def test_one_form_makes_one_token(owner: User) -> None:
    def create(number: int) -> str:
        try:
            Token.objects.issue(
                owner=owner,
                name=str(number),
                environment="live",
                expires_at=timezone.now() + timedelta(days=1),
                form_nonce="n" * 22,
            )
        except FormAlreadySent:
            return "already sent"
        return "made"

    assert at_once(create) == {"made": 1, "already sent": 19}
    assert Token.objects.count() == Event.objects.count() == 1


def test_one_revocation_is_written_once(issue: Issue) -> None:
    token, _ = issue()
    assert at_once(lambda _: str(Token.objects.get(pk=token.pk).revoke())) == {
        "True": 1,
        "False": 19,
    }
    assert Event.objects.filter(kind="revoked").count() == 1


def test_renewals_at_once_make_one_successor(issue: Issue) -> None:
    token, _ = issue()

    def renew(number: int) -> str:
        mine = Token.objects.get(pk=token.pk)
        try:
            Token.objects.renew(
                mine, expires_at=timezone.now() + timedelta(days=1), overlap=timedelta(hours=1)
            )
        except AlreadyRenewed:
            return "renewed already"
        return "made"

    assert at_once(renew) == {"made": 1, "renewed already": THREADS - 1}
    assert Token.objects.filter(renewed_from=token).count() == 1
    assert Event.objects.filter(kind="renewed").count() == 1


def test_a_lost_successor_is_replaced_once(issue: Issue) -> None:
    token, _ = issue()
    expires_at = timezone.now() + timedelta(days=1)
    lost, _ = Token.objects.renew(token, expires_at=expires_at, overlap=timedelta(hours=1))

    def again(number: int) -> str:
        mine = Token.objects.get(pk=token.pk)
        try:
            Token.objects.renew(
                mine, expires_at=expires_at, overlap=timedelta(hours=1), instead_of=lost.identifier
            )
        except AlreadyRenewed:
            return "renewed already"
        return "made"

    assert at_once(again) == {"made": 1, "renewed already": THREADS - 1}
    assert Token.objects.filter(renewed_from=token, revoked_at=None).count() == 1
    assert [event.kind for event in Event.objects.all()] == [
        "renewed",
        "revoked",
        "renewed",
        "created",
    ]


def test_no_request_is_admitted_after_revoke_has_returned(
    issue: Issue, token_settings: TokenSettings
) -> None:
    token_settings.FAILED_AUTH_LIMIT = "1000/minute"
    token, value = issue()

    def use(number: int) -> str:
        if number == 0:
            token.revoke()
        statuses = [
            Client().get("/api/v1/token", headers=bearer(value)).status_code for _ in range(10)
        ]
        return "refused" if number == 0 and set(statuses) == {401} else "let in or raced"

    assert at_once(use)["refused"] == 1
    assert Client().get("/api/v1/token", headers=bearer(value)).json()["code"] == "revoked_token"


@pytest.mark.parametrize("attempt", range(5))
def test_revoking_all_and_renewing_are_one_after_the_other(
    issue: Issue, owner: User, attempt: int
) -> None:
    """After "revoke all" no token works, or the person is asked to confirm again."""
    token, _ = issue()
    client = signed_in(owner)
    cookies = dict(client.cookies)

    def act(number: int) -> str:
        mine = Client()
        mine.cookies.update(cookies)
        if number % 2:
            path, form = (
                f"{token.get_absolute_url()}renew/",
                {"overlap": "24h", "expires": "90d", "nonce": "n" * 22},
            )
        else:
            path, form = "/settings/tokens/revoke-all/", {"count": "1"}
        return f"{path.split('/')[-2]} {mine.post(path, form).status_code}"

    met = at_once(act)
    if met["revoke-all 302"]:
        assert not met["renew 200"]
        assert not Token.objects.active().exists()
    else:
        assert Token.objects.active().count() == 2


def test_renewing_again_and_editing_wait_for_each_other(issue: Issue) -> None:
    """Both lock the token and its scopes. In different orders PostgreSQL would abort one."""
    names = ["a:read", "a:write"]
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in names)
    token, _ = issue(scopes=names)
    expires_at = timezone.now() + timedelta(days=1)
    lost, _ = Token.objects.renew(token, expires_at=expires_at, overlap=timedelta(hours=1))

    def act(number: int) -> str:
        mine = Token.objects.get(pk=token.pk)
        if number % 4:
            mine.change(name=f"{number}", description="", scopes=mine.scopes, allowed_addresses=[])
            return "changed"
        try:
            Token.objects.renew(
                mine, expires_at=expires_at, overlap=timedelta(hours=1), instead_of=lost.identifier
            )
        except AlreadyRenewed:
            return "renewed already"
        return "made"

    assert at_once(act) == {"changed": 15, "made": 1, "renewed already": 4}


def test_an_account_is_deleted_while_its_usage_is_written(
    owner: User, issue: Issue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both lock the same rows in the same order, so there is no deadlock."""
    recorder, tokens = Recorder(), [issue()[0] for _ in range(5)]
    for token in tokens:
        recorder.record(a_record(token, address=""))
    recorder.flush()
    for token in tokens:
        recorder.record(a_record(token, address=""))
    begun, last_use_row = threading.Event(), aggregation.last_use_row

    def slowly(pk: int, use: RequestRecord) -> Any:
        begun.set()
        return last_use_row(pk, use)

    monkeypatch.setattr(aggregation, "last_use_row", slowly)
    recorder._remembered_uses.clear()

    def flush() -> None:
        recorder.flush()
        connection.close()

    writing = threading.Thread(target=flush)
    writing.start()
    assert begun.wait(timeout=patience(6))
    owner.delete()
    writing.join(timeout=patience(6))
    assert not writing.is_alive()
    assert not Token.objects.exists()
    assert not DayCount.objects.exists()


def test_a_token_is_handed_over_once(issue: Issue, owner: User, teammate: User) -> None:
    """Transfers in both directions at once end, and each token has one owner, with its events."""
    there, _ = issue()
    back, _ = issue(owner=teammate)

    def move(number: int) -> str:
        token, receiver = (there, teammate) if number % 2 else (back, owner)
        try:
            hand_over([token], receiver)
        except NothingToHandOver:
            return "moved before"
        return "moved"

    assert at_once(move) == {"moved": 2, "moved before": THREADS - 2}
    owners = Token.objects.order_by("pk").values_list("owner", flat=True)
    assert list(owners) == [teammate.pk, owner.pk]
    assert Event.objects.filter(kind="received").count() == 2


def test_the_former_owner_does_not_revoke(issue: Issue, owner: User, teammate: User) -> None:
    token, _ = issue()

    def work(number: int) -> str:
        kept = Token.objects.get(pk=token.pk)
        try:
            if number:
                kept.owner = owner  # what a page had read before
                kept.revoke()
            else:
                hand_over([token], teammate)
        except (Token.DoesNotExist, NothingToHandOver):
            return "refused"
        return "done"

    at_once(work)
    events = list(Event.objects.filter(identifier=token.identifier).values_list("kind", "owner"))
    kept = Token.objects.get(pk=token.pk)
    assert (kept.owner_id == teammate.pk) == (("received", teammate.pk) in events)
    assert (kept.revoked_at is not None) == (("revoked", owner.pk) in events)
    assert (kept.revoked_at is None) == (kept.owner_id == teammate.pk)
