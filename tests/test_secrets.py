"""The value of a token is in the answer that reveals it, and nowhere afterwards."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.views.debug import get_exception_reporter_class
from django.views.decorators.debug import sensitive_variables

from tests.conftest import Issue, bearer
from tokens.authentication import credentials
from tokens.core.redaction import RedactingExceptionReporter, RedactingFormatter
from tokens.models import Event
from tokens.token_settings import TokenSettings

CREATE = {"name": "Production API", "environment": "live", "expires": "90d", "nonce": "n" * 22}


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """Everything that is logged, at DEBUG, SQL included, as the console would show it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(name)s %(message)s"))
    loggers = [
        logging.getLogger(name) for name in ("", "django", "django.db.backends", "django.request")
    ]
    levels = [logger.level for logger in loggers]
    logging.getLogger().addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield stream
    logging.getLogger().removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def database() -> str:
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    return out.getvalue()


def test_after_creating_and_using(owner_client: Client, logs: io.StringIO, settings: Any) -> None:
    settings.DEBUG = True  # Django logs SQL only then
    value = owner_client.post("/settings/tokens/new/", CREATE).context["credential"].value
    settings.DEBUG = False
    secret = value[credentials.IDENTIFIER_LENGTH :]
    assert Client().get("/api/v1/token", headers=bearer(value)).status_code == 200
    Client().get(f"/api/v1/token?access_token={value}")
    Client().get("/api/v1/nowhere", headers=bearer(value))
    Client().get(f"/settings/tokens/{value}/")
    assert "INSERT INTO" in logs.getvalue()

    assert secret not in logs.getvalue()
    assert secret not in database()
    for session in Session.objects.all():
        assert secret not in str(session.get_decoded())
    assert secret not in str(getattr(cache, "_cache", ""))
    for page in ("", "new/", f"{value[:24]}/", f"{value[:24]}/revoke/", "../activity/"):
        assert secret not in owner_client.get(f"/settings/tokens/{page}").content.decode()


@pytest.mark.parametrize(
    "around", ["{}", "Authorization: Bearer  {}", 'curl -H "Authorization: Bearer {}x" /', "“{}"]
)
def test_after_troubleshooting(
    issue: Issue, owner_client: Client, logs: io.StringIO, settings: Any, around: str
) -> None:
    """Nothing of what was pasted is kept or shown, from the first hidden character on."""
    settings.DEBUG = True
    before, (token, value) = database(), issue()
    known = database()
    answer = owner_client.post(
        "/settings/tokens/troubleshoot/", {"pasted": around.replace("{}", value)}
    )
    assert (answer.status_code, vars(answer.wsgi_request)["sensitive_post_parameters"]) == (
        200,
        "__ALL__",
    )
    assert token.identifier in answer.content.decode()
    assert value[24:34] not in answer.content.decode()
    settings.DEBUG = False
    assert "SELECT" in logs.getvalue()
    assert value[24:34] not in logs.getvalue()
    assert before != known == database()
    assert value[24:34] not in known
    assert token.identifier in known
    assert value[24:34] not in "".join(
        str(session.get_decoded()) for session in Session.objects.all()
    )
    assert value[24:34] not in str(getattr(cache, "_cache", ""))


def report(failure: BaseException, **request: Any) -> str:
    """Django's error report of `failure`, in both forms, with the locals of every frame."""
    made = RedactingExceptionReporter(
        RequestFactory().post("/", **request), type(failure), failure, failure.__traceback__
    )
    return made.get_traceback_html() + made.get_traceback_text()


def test_the_reporter_is_ours() -> None:
    kind: object = get_exception_reporter_class(RequestFactory().get("/"))
    assert kind is RedactingExceptionReporter


@pytest.mark.parametrize(
    "broken",
    [
        "tokens.models.Event.record",
        "tokens.views.tokens.render_page",
        "tokens.views.tokens.replace_url",
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_error_report_of_a_failed_create(
    owner_client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, broken: str, debug: bool
) -> None:
    settings.DEBUG = debug
    made: list[str] = []
    generate = credentials.generate

    def remember(*arguments: str) -> credentials.Credential:
        new = generate(*arguments)
        made.append(new.value)
        return new

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"forced while {made[0]} was at hand")

    monkeypatch.setattr(credentials, "generate", remember)
    monkeypatch.setattr(broken, fail)
    with pytest.raises(RuntimeError) as raised:
        owner_client.post("/settings/tokens/new/", CREATE)
    text = report(raised.value)
    assert "forced while" in text
    assert made[0][24:] not in text


@pytest.mark.parametrize(
    ("broken", "sent"),
    [
        ("troubleshooting.views.diagnose", "{hidden}"),
        ("troubleshooting.report.parse_pasted", "{hidden}"),
        ("authentication.credentials.parse", "{hidden}"),
        ("troubleshooting.report.current_problems", "{value} {hidden}"),
    ],
)
def test_error_report_of_a_failed_diagnosis(
    issue: Issue, owner_client: Client, monkeypatch: pytest.MonkeyPatch, broken: str, sent: str
) -> None:
    """Even of a hidden part alone, which the last net does not know for one."""
    _, value = issue()

    @sensitive_variables()
    def fail(*_: object) -> None:
        raise RuntimeError("forced")

    monkeypatch.setattr(f"tokens.{broken}", fail)
    with pytest.raises(RuntimeError) as raised:
        owner_client.post(
            "/settings/tokens/troubleshoot/",
            {"pasted": sent.format(value=value, hidden=value[24:])},
        )
    trace = raised.value.__traceback__
    while trace and not trace.tb_frame.f_code.co_filename.endswith("troubleshooting/views.py"):
        trace = trace.tb_next  # what stands before is the test's own
    text = report(raised.value.with_traceback(trace))
    assert "forced" in text
    assert "diagnose" in text
    assert value[24:34] not in text


@pytest.mark.parametrize(
    "broken",
    [
        "tokens.authentication.policy.check_validity",
        "tokens.models.Token.is_proven_by",
        "tokens.authentication.credentials.parse",
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_error_report_of_a_failed_authentication(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, settings: Any, broken: str, debug: bool
) -> None:
    settings.DEBUG = debug
    _, value = issue()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("forced")

    monkeypatch.setattr(broken, fail)
    with pytest.raises(RuntimeError) as raised:
        Client().get("/api/v1/token", headers=bearer(value))
    text = report(
        raised.value,
        headers=bearer(value),
        data={"token": value},
        QUERY_STRING=f"access_token={value}",
    )
    assert "forced" in text
    assert value[24:] not in text


@pytest.mark.parametrize(
    "broken", ["tokens.authentication.credentials.keyed_mac", "hmac.compare_digest"]
)
def test_error_report_of_a_failed_digest(
    issue: Issue,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
    token_settings: TokenSettings,
    broken: str,
) -> None:
    """A report has each frame's locals, so a function that holds the pepper hides its locals."""
    _, value = issue()

    def fail(*_: object) -> None:
        raise RuntimeError("forced")

    monkeypatch.setattr(broken, fail)
    with pytest.raises(RuntimeError) as raised:
        Client().get("/api/v1/token", headers=bearer(value))
    trace = raised.value.__traceback__
    while trace and not trace.tb_frame.f_code.co_filename.endswith("models/token.py"):
        trace = (
            trace.tb_next
        )  # what stands before has the settings, which Django masks by their names
    text = report(raised.value.with_traceback(trace))
    assert "is_proven_by" in text
    assert token_settings.PEPPERS[1] not in text


def test_a_500_says_nothing(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, logs: io.StringIO
) -> None:
    _, value = issue()

    def fail(*_: object) -> None:
        raise RuntimeError(value)

    monkeypatch.setattr("tokens.authentication.policy.check_validity", fail)
    response = Client(raise_request_exception=False).get("/api/v1/token", headers=bearer(value))
    assert response.json()["code"] == "internal_error"
    assert value[24:] not in response.content.decode()
    assert "RuntimeError" in logs.getvalue()
    assert value[24:] not in logs.getvalue()


def test_the_words_for_it_hide_it(issue: Issue) -> None:
    token, value = issue()
    assert value[24:] not in f"{token} {token!r} {Event.objects.get()} {Event.objects.get()!r}"
