"""The system checks of a project that uses the application."""

from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from tests.conftest import Issue
from tokens import checks
from tokens.core import setting_values
from tokens.decorators import scopes_of_views
from tokens.token_settings import TokenSettings
from tokens.usage.metrics import observe

PEPPER = "p" * 40


def found(messages: Iterable[CheckMessage]) -> list[tuple[str | None, str]]:
    """Return the number and the text of each message."""
    return [(message.id, message.msg) for message in messages]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {},
            "TOKENRY['PEPPERS'] can't be used; it takes 1:<value>,2:<value> with different "
            "numbers and values of at least 32 characters.",
        ),
        (
            {"PEPPERS": "1:short"},
            "TOKENRY['PEPPERS'] can't be used; it takes 1:<value>,2:<value> with different "
            "numbers and values of at least 32 characters.",
        ),
        ({"PEPERS": "x"}, "TOKENRY has no key 'PEPERS'. Did you mean 'PEPPERS'?"),
        (
            {"PREFIX": "TKN"},
            "TOKENRY['PREFIX'] is 'TKN'; it takes 2 to 6 lower-case letters or digits, or a list "
            "such as acme,tkn: new tokens begin with the first prefix, and tokens with any of "
            "them work.",
        ),
        (
            {"RATE_LIMIT": "many"},
            "TOKENRY['RATE_LIMIT'] is 'many'; it takes limits such as 1000/hour, or several: "
            "10/second;1000/hour.",
        ),
        (
            {"LEASES": "maybe"},
            "TOKENRY['LEASES'] is 'maybe'; it takes true or false (or on, off).",
        ),
        (
            {"API_PREFIXES": ["api/"]},
            "TOKENRY['API_PREFIXES'] is ['api/']; it takes a list of paths that begin with a "
            "slash, such as /api/.",
        ),
        *(
            (
                {"PREFIX": wrong},
                f"TOKENRY['PREFIX'] is {wrong!r}; it takes a list of texts, or a text with "
                "commas.",
            )
            for wrong in (None, 7, {"acme"}, ["acme", None])
        ),
        (
            {"ENVIRONMENT": ["live"]},
            "TOKENRY['ENVIRONMENT'] is ['live']; it takes one of live, test, dev, or nothing to "
            "accept tokens of every one.",
        ),
        (
            {"PEPPER_CURRENT": 7},
            "TOKENRY['PEPPER_CURRENT'] can't be used; it takes the number of a pepper: 1.",
        ),
    ],
)
def test_a_wrong_setting_is_named_and_no_pepper_is_quoted(
    settings: Settings, given: dict[str, object], message: str
) -> None:
    base = {} if given == {} else {"PEPPERS": f"1:{PEPPER}"}
    settings.TOKENRY = {**base, **given}
    assert ("tokens.E001", message) in found(checks.check_settings())


@pytest.mark.parametrize(
    ("given", "prefixes"),
    [
        (["/"], ("/",)),
        ("/", ("/",)),
        ("/api", ("/api/",)),
        (("/api/", "/v2/x/"), ("/api/", "/v2/x/")),
        ("", ()),
    ],
)
def test_prefixes_of_an_api(given: object, prefixes: tuple[str, ...]) -> None:
    assert setting_values.path_prefixes(given) == prefixes


def test_metrics_need_their_extra(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TOKENRY = {"PEPPERS": {1: PEPPER}, "METRICS": True}
    assert found(checks.check_settings()) == []
    monkeypatch.setattr(setting_values, "find_spec", lambda _: None)
    settings.TOKENRY = {**settings.TOKENRY}  # forgets the values that were parsed
    message = (
        "TOKENRY['METRICS'] is True; it takes true only if prometheus-client is installed: "
        "pip install 'tokenry[metrics]'."
    )
    assert found(checks.check_settings()) == [("tokens.E001", message)]
    with pytest.raises(ImproperlyConfigured, match=r"tokenry\[metrics\]"):
        observe([])


def test_only_peppers_has_no_default(settings: Settings) -> None:
    settings.TOKENRY = {"PEPPERS": {1: PEPPER}}
    assert found(checks.check_settings()) == []


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda order: [each for each in order if each != checks.OURS], "tokens.E002"),
        (lambda _: [checks.OURS], "tokens.E003"),
        (lambda order: order, None),
        (lambda order: [each for each in order if each != checks.OURS] + [checks.OURS], None),
    ],
    ids=["missing", "no htmx", "early", "last"],
)
def test_middleware(
    settings: Settings,
    token_settings: TokenSettings,
    change: Callable[[list[str]], list[str]],
    number: str | None,
) -> None:
    token_settings.API_PREFIXES = ()
    settings.MIDDLEWARE = change(settings.MIDDLEWARE)
    messages = found(checks.check_middleware())
    assert [each for each, _ in messages] == ([number] if number else [])


def test_the_address_of_the_site(settings: Settings) -> None:
    assert found(checks.check_site_url()) == []
    settings.TOKENRY = {"PEPPERS": f"1:{PEPPER}"}
    assert [number for number, _ in found(checks.check_site_url())] == ["tokens.W001"]
    settings.DEBUG = True
    assert found(checks.check_site_url()) == []


@pytest.mark.parametrize(
    ("processes", "redis_url", "numbers"),
    [("4", "", ["tokens.W002"]), ("1", "", []), ("", "", []), ("4", "redis://localhost", [])],
)
def test_processes_that_count_alone(
    monkeypatch: pytest.MonkeyPatch,
    token_settings: TokenSettings,
    processes: str,
    redis_url: str,
    numbers: list[str],
) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", processes)
    token_settings.REDIS_URL = redis_url
    assert [number for number, _ in found(checks.check_counters())] == numbers


@pytest.mark.parametrize(
    ("vendor", "version", "is_error"),
    [
        ("sqlite", "", False),
        ("postgresql", "", True),
        ("postgresql", "3.2.9", True),
        ("postgresql", "3.3.6", False),
        ("postgresql", "3.10.0", False),
    ],
)
def test_the_driver_of_postgresql(
    monkeypatch: pytest.MonkeyPatch, vendor: str, version: str, is_error: bool
) -> None:
    def installed(name: str) -> str:
        if not version:
            raise PackageNotFoundError(name)
        return version

    monkeypatch.setattr(checks, "connection", SimpleNamespace(vendor=vendor))
    monkeypatch.setattr(checks, "version", installed)
    message = ("tokens.E007", "On PostgreSQL, Tokenry needs psycopg 3.3 or newer.")
    assert found(checks.check_driver()) == [message] * is_error


@pytest.mark.django_db
def test_scopes_that_no_token_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"tokens:read"}
    monkeypatch.setattr(checks, "scopes_of_rest_framework", lambda: {"crm:export"} | known)
    monkeypatch.setattr(checks, "scopes_of_views", {"crm:raed"} | known)
    messages = found(checks.check_stored_data(databases=["default"]))
    assert messages == [
        ("tokens.E005", "A view requires the scope 'crm:export', which does not exist."),
        ("tokens.E005", "A view requires the scope 'crm:raed', which does not exist."),
    ]
    assert found(checks.check_stored_data(databases=None)) == []


@pytest.mark.django_db
def test_a_migration_that_waits_may_add_the_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    """`manage.py migrate` runs the check first, and errors would stop it."""
    monkeypatch.setattr(checks, "scopes_of_views", {"crm:export"})
    monkeypatch.setattr(checks, "scopes_of_rest_framework", set)
    number = "tokens.E005"
    assert [each for each, _ in found(checks.check_stored_data(databases=["default"]))] == [number]
    applied = MigrationRecorder.Migration.objects.filter(app="sessions")
    assert applied.delete()[0] == 1
    assert found(checks.check_stored_data(databases=["default"])) == []


def test_scopes_of_views_are_remembered() -> None:
    from tokens.decorators import token_required

    token_required("odd:name")
    assert "odd:name" in scopes_of_views
    scopes_of_views.discard("odd:name")


@pytest.mark.django_db
def test_peppers_of_working_tokens(
    issue: Issue, token_settings: TokenSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "scopes_of_views", set())
    monkeypatch.setattr(checks, "scopes_of_rest_framework", set)
    issue()
    assert found(checks.check_stored_data(databases=["default"])) == []
    token_settings.PEPPERS = {2: "q" * 40}
    message = "Working tokens need the pepper number 1, which is not set."
    assert found(checks.check_stored_data(databases=["default"])) == [("tokens.E006", message)]
