"""No node serves a database with other secrets than the ones it is used with."""

import sys
from io import StringIO
from threading import local

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries, Settings

from config.health import fingerprints
from config.models import Fingerprint
from config.server.start_checks import check_database
from tests.conftest import Issue
from tests.models.test_concurrency import THREADS, at_once

A, B, C = "a" * 40, "b" * 40, "c" * 40
OF_KEY = (
    "Neither SECRET_KEY nor a key in SECRET_KEY_FALLBACKS is the key that this database "
    "is used with."
)
OF_PEPPER = "TOKEN_PEPPERS number 1 does not have the value that this database is used with."


def use(settings: Settings, *keys: str, **peppers: str) -> None:
    """Set the node's secrets: SECRET_KEY first, then the older keys; `p1` is pepper number 1."""
    settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS = keys
    numbered = {int(name[1:]): value for name, value in (peppers or {"p1": A}).items()}
    settings.TOKENRY = {**settings.TOKENRY, "PEPPERS": numbered}


def keys_known() -> list[str]:
    return list(Fingerprint.objects.get(name=fingerprints.KEY).fingerprints)


@pytest.mark.parametrize(
    ("known", "present", "others"),
    [
        ({}, {"K": ["1"]}, []),
        ({"K": ["1"]}, {"K": ["1"]}, []),
        ({"K": ["1"]}, {"K": ["2", "1"]}, []),
        ({"K": ["2", "1"]}, {"K": ["1"]}, []),
        ({"K": ["2", "1"]}, {"K": ["3", "2"]}, []),
        ({"K": ["1"]}, {"K": ["2"]}, ["K"]),
        ({"K": ["2", "1"]}, {"K": ["3", "4"]}, ["K"]),
        ({"K": ["1"], "P 1": ["5"]}, {"K": ["1"]}, []),
        ({"K": ["1"], "P 1": ["5"]}, {"K": ["2"], "P 1": ["6"], "P 2": ["7"]}, ["K", "P 1"]),
    ],
)
def test_others(
    known: dict[str, list[str]], present: dict[str, list[str]], others: list[str]
) -> None:
    assert fingerprints.differing_names(known, present) == others


def test_a_fingerprint_tells_neither_the_value_nor_that_two_secrets_are_alike() -> None:
    made = {fingerprints.fingerprint(name, value) for name in ("X", "Y") for value in (A, B)}
    assert len(made) == 4
    assert {len(each) for each in made} == {32}
    assert not any(A[:4] in each for each in made)


@pytest.mark.django_db
def test_three_steps_of_a_key(settings: Settings) -> None:
    """Make a key a fallback, then current, then alone. A node that skips a step is refused."""
    first, second = (
        fingerprints.fingerprint("SECRET_KEY", A),
        fingerprints.fingerprint("SECRET_KEY", B),
    )
    for keys, known in (
        ([A], [first]),
        ([A, B], [first, second]),
        ([B, A], [second, first]),
        ([B], [second]),
    ):
        use(settings, *keys)
        assert fingerprints.record() == fingerprints.differences() == []
        assert keys_known() == known
    use(settings, A)
    assert fingerprints.record() == fingerprints.differences() == [OF_KEY]
    assert keys_known() == [second]


@pytest.mark.django_db
def test_a_refused_node_records_nothing(settings: Settings) -> None:
    use(settings, A)
    fingerprints.record()
    before = fingerprints.recorded_fingerprints()
    use(settings, B, p1=A, p2=C)
    assert fingerprints.record() == [OF_KEY]
    use(settings, A, B, p1=B, p2=C)
    assert fingerprints.record() == [OF_PEPPER]
    assert fingerprints.recorded_fingerprints() == before


@pytest.mark.django_db
def test_peppers_come_and_go_but_a_number_keeps_its_value(settings: Settings) -> None:
    for peppers in {"p1": A}, {"p1": A, "p2": B}, {"p2": B}, {"p1": A, "p2": B}:
        use(settings, A, **peppers)
        assert fingerprints.record() == []
    use(settings, A, p1=C, p2=B)
    assert fingerprints.record() == [OF_PEPPER]


@pytest.mark.django_db
def test_readiness_asks_once(
    settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    use(settings, A, B, C, p1=A, p2=B)
    fingerprints.record()
    with django_assert_num_queries(1):
        assert fingerprints.differences() == []


@pytest.mark.django_db(transaction=True)  # the command closes its connection
def test_the_server_does_not_start(settings: Settings) -> None:
    use(settings, A)
    check_database(1, print)
    use(settings, B)
    with pytest.raises(CommandError) as raised:
        check_database(1, print)
    assert str(raised.value).startswith(f"{OF_KEY} Put back the value that ")
    assert "\n" not in str(raised.value)
    assert B not in str(raised.value)


@pytest.mark.django_db(transaction=True)
def test_of_nodes_with_secrets_of_their_own_that_start_at_once_one_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = local()
    monkeypatch.setattr(fingerprints, "own_fingerprints", lambda: {fingerprints.KEY: [node.key]})

    def start(number: int) -> str:
        node.key = str(number)
        return " ".join(fingerprints.record())

    assert at_once(start) == {"": 1, OF_KEY: THREADS - 1}
    assert len(keys_known()) == 1


@pytest.mark.django_db(transaction=True)
def test_nodes_with_the_same_secrets_may_start_at_once() -> None:
    assert at_once(lambda _: " ".join(fingerprints.record())) == {"": THREADS}


def accept(*options: str) -> str:
    said = StringIO()
    call_command("accept_secrets", *options, stdout=said)
    return said.getvalue()


def test_a_lost_key_and_a_lost_pepper_are_accepted(
    issue: Issue, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprints.record()
    for _ in range(2):
        issue()
    issue()[0].revoke()
    use(settings, B, p1=C)
    monkeypatch.setattr(sys, "stdin", StringIO("yes\n"))
    with pytest.raises(CommandError, match="add --yes"):
        accept()
    assert len(fingerprints.differences()) == 2
    said = accept("--yes")
    assert f"{OF_KEY} Without that key everybody is signed out" in said
    assert f"{OF_PEPPER} Without that value 2 working tokens are refused." in said
    assert fingerprints.record() == []
    assert accept().count("\n") == 1  # nothing is lost, nobody is asked
