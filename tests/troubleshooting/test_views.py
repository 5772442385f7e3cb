"""The page Troubleshoot, and its answer for each problem code in docs/refusals.md."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer, page_of
from tests.problems.test_catalog import TABLE
from tests.troubleshooting.refusals import ELSEWHERE, PATH, call, paste
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.problems.problem import TYPES
from tokens.rate_limits import counters
from tokens.usage.recorder import recorder

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.troubleshooting.refusals")]

# What is pasted, and the problem that the request got.
Scene = tuple[str, dict[str, Any]]
Scenery = Callable[[Issue, pytest.MonkeyPatch], Scene]


def with_token(path: str = "/api/v1/token", method: str = "get", **extra: Any) -> Scenery:
    """A request with a good token that the view refuses."""

    def scene(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
        _, value = issue()
        return value, call(f"Bearer {value}", path, method, **extra)

    return scene


def renewing(**sent: Any) -> Scenery:
    """A request to renew with a body that is refused."""

    def scene(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
        _, value = issue(scopes=["tokens:renew"])
        return value, call(f"Bearer {value}", "/api/v1/token/renew", "post", **sent)

    return scene


def conflict(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The token was renewed already."""
    _, value = issue(scopes=["tokens:renew"])
    for _ in range(2):
        problem = call(
            f"Bearer {value}",
            "/api/v1/token/renew",
            "post",
            data="{}",
            content_type="application/json",
        )
    return value, problem


def malformed_token(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    header = f"Bearer {issue()[1][:-3]}"
    return f'curl -H "Authorization: {header}" http://localhost/', call(header)


def expired_token(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    _, value = issue(expires_at=timezone.now())
    return value, call(f"Bearer {value}")


def revoked_token(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    _, value = issue()
    Client().delete("/api/v1/token", headers=bearer(value))
    return value, call(f"Bearer {value}")


def inactive_owner(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The account is active again, because otherwise nobody could open the page."""
    token, value = issue()
    User.objects.filter(pk=token.owner_id).update(is_active=False)
    problem = call(f"Bearer {value}")
    User.objects.filter(pk=token.owner_id).update(is_active=True)
    return value, problem


def wrong_environment(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    _, value = issue(environment="test")
    return value, call(f"Bearer {value}", "/api/live")


def address_not_allowed(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    _, value = issue(allowed_addresses=["203.0.113.0/24"])
    return value, call(f"Bearer {value}")


def rate_limited(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    token, value = issue()
    token.set_rate_limit("1/hour")
    call(f"Bearer {value}")
    return value, call(f"Bearer {value}")


class Silent:
    """Counters that do not answer."""

    def hit(self, *_: object, **__: object) -> None:
        raise ServiceUnavailable

    peek = hit


def unavailable(issue: Issue, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(counters, "get_counters", Silent)
    _, value = issue()
    return value, call(f"Bearer {value}")


NOBODY = "No request of your tokens has this reference"
WORKS = "This token works"
PARTLY = "This token works, but not for all that it was used for"
ADDRESS_REFUSED = "This token works, but not from where it was used"
TITLE = None  # the title of the code
# For each code: the scene, the headline for what was pasted, and the headline for the reference.
ROWS: dict[str, tuple[Scenery, str | None, str | None]] = {
    "missing_credentials": (lambda *_: ("curl http://localhost/", call(None)), TITLE, NOBODY),
    "malformed_header": (lambda *_: ("Authorization: Bearer", call("Bearer")), TITLE, NOBODY),
    "malformed_token": (
        malformed_token,
        "This is “Production API”, but its last 3 characters are missing",
        NOBODY,
    ),
    "unknown_token": (
        lambda *_: (ELSEWHERE, call(f"Bearer {ELSEWHERE}")),
        "This is not one of your tokens",
        NOBODY,
    ),
    "expired_token": (expired_token, TITLE, TITLE),
    "revoked_token": (revoked_token, TITLE, TITLE),
    "inactive_owner": (inactive_owner, WORKS, TITLE),
    "insufficient_scope": (with_token("/api/report"), PARTLY, TITLE),
    "wrong_environment": (wrong_environment, PARTLY, TITLE),
    "address_not_allowed": (address_not_allowed, ADDRESS_REFUSED, TITLE),
    "rate_limited": (rate_limited, TITLE, TITLE),
    "unavailable": (unavailable, TITLE, TITLE),
    "forbidden": (with_token("/api/refuse"), WORKS, TITLE),
    "invalid_request": (
        renewing(data='{"overlap": "soon"}', content_type="application/json"),
        WORKS,
        TITLE,
    ),
    "conflict": (conflict, WORKS, TITLE),
    "unsupported_media_type": (
        renewing(data="overlap=24h", content_type="text/plain"),
        WORKS,
        TITLE,
    ),
    "content_too_large": (
        renewing(data="x" * 3_000_000, content_type="application/json"),
        WORKS,
        TITLE,
    ),
    "bad_request": (with_token("/api/where", HTTP_HOST="elsewhere.example.com"), WORKS, TITLE),
    "internal_error": (with_token("/api/fail"), WORKS, TITLE),
    "not_found": (with_token("/api/miss"), WORKS, TITLE),
    "method_not_allowed": (with_token(method="put"), WORKS, TITLE),
}


@pytest.mark.parametrize("code", TABLE)
def test_each_row_of_the_readme(
    issue: Issue, owner_client: Client, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    scenery, pasted_headline, reference_headline = ROWS[code]
    pasted, problem = scenery(issue, monkeypatch)
    assert problem["code"] == code
    shown = paste(owner_client, pasted)
    assert shown.headline == (pasted_headline or TYPES[code].title)
    assert pasted_headline == WORKS or code in shown.text
    for reference in (problem["instance"], problem["instance"][-16:]):
        shown = paste(owner_client, reference)
        assert shown.headline == (reference_headline or TYPES[code].title)
        assert (code in shown.text) == (reference_headline is None)
    for answer in (str(problem).replace("'", '"'), code):
        shown = paste(owner_client, answer)
        assert (shown.headline, code in shown.text) == (TYPES[code].title, True)


@pytest.mark.parametrize("code", TABLE)
def test_another_person_learns_nothing(
    issue: Issue, teammate_client: Client, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Tokens of others get the same answer as tokens that do not exist, and so do references."""
    pasted, problem = ROWS[code][0](issue, monkeypatch)
    monkeypatch.undo()
    if re.fullmatch(r"tkn_\w{69}", pasted):
        assert paste(teammate_client, pasted) == paste(teammate_client, ELSEWHERE)
    assert paste(teammate_client, problem["instance"]) == paste(teammate_client, "f" * 16)
    never = {**problem, "instance": f"urn:tokenry:denial:{'f' * 16}"}
    assert paste(teammate_client, str(problem)) == paste(teammate_client, str(never))


@pytest.mark.parametrize("method", ["get", "post"])
def test_stranger(stranger_client: Client, method: str) -> None:
    response = getattr(stranger_client, method)(
        PATH, {"pasted": ELSEWHERE} if method == "post" else {}
    )
    assert (response.status_code, response["Location"]) == (302, f"/accounts/login/?next={PATH}")


def test_the_empty_form(owner_client: Client) -> None:
    response = owner_client.get(PATH, {"pasted": ELSEWHERE}, follow=True)
    page = response.content.decode()
    assert "no-store" in response["Cache-Control"]
    attributes = r'name="pasted"[^>]*autocomplete="off"[^>]*spellcheck="false"'
    assert re.search(rf"<textarea {attributes}[^>]*>\s*</textarea>", page)
    assert "What you can paste" in page
    assert "verdict" not in page
    assert ELSEWHERE[:24] not in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Paste what was sent, or the reference of the answer."),
        ("x" * 10_001, "at most 10000 characters"),
        ("\0", "Null characters"),
    ],
)
def test_what_can_not_be_read(owner_client: Client, text: str, words: str) -> None:
    response = owner_client.post(PATH, {"pasted": text})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert "x" * 100 not in response.content.decode()


def test_the_link_of_a_problem_opens_its_answer(
    issue: Issue, owner_client: Client, teammate_client: Client
) -> None:
    _, value = issue(allowed_addresses=["203.0.113.0/24"])
    response = Client().get("/api/v1/token", headers=bearer(value))
    recorder.flush()
    link = re.fullmatch(r'<http://[^/]+(/[^>]+)>; rel="help"', response["Link"])
    assert link is not None
    assert link[1] == f"{PATH}?reference={response.json()['instance'][-16:]}"
    assert TYPES["address_not_allowed"].title in page_of(owner_client.get(link[1]))
    assert NOBODY in page_of(teammate_client.get(link[1]))


def test_only_a_reference_is_read_from_the_query_string(
    issue: Issue, owner_client: Client
) -> None:
    for text in (issue()[1], "revoked_token", "", "f" * 15):
        assert "verdict" not in owner_client.get(PATH, {"reference": text}).content.decode()


def test_htmx_gets_the_content_alone(issue: Issue, owner_client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Target": "tokenry-content"}
    page = owner_client.post(PATH, {"pasted": issue()[1]}, headers=headers).content.decode()
    assert WORKS in page
    assert "<nav" not in page


def test_it_is_linked(issue: Issue, owner_client: Client) -> None:
    link = f'href="{PATH}"'
    assert link in owner_client.get("/settings/tokens/").content.decode()  # without a token
    token, _ = issue()
    for path in ("/settings/tokens/", token.get_absolute_url()):
        assert link in owner_client.get(path).content.decode()
