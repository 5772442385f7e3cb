"""Tokens are masked in logs and reports."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.steps import counted
from tests.values import token_value
from tokens.authentication import credentials
from tokens.core import redaction
from tokens.core.redaction import RedactingFormatter, redact, without_secrets

TOKEN = token_value()


@pytest.mark.parametrize(
    "around", ["{}", "Bearer {}", "'{}'", "?access_token={}&x=1", "a{}", "x_{}", "{}{}", "{}\n"]
)
def test_the_secret_goes(around: str) -> None:
    assert TOKEN[30:] not in redact(around.format(TOKEN, TOKEN))


def test_the_identifier_stays() -> None:
    assert redact(f"token {TOKEN} was used") == f"token {TOKEN[:24]}••• was used"
    assert redact(f"token {TOKEN[:24]} was used") == f"token {TOKEN[:24]} was used"


@given(cut=st.integers(25, 73), prefix=st.from_regex(r"[a-z0-9]{2,6}", fullmatch=True))
def test_a_token_cut_short_is_masked(cut: int, prefix: str) -> None:
    value = credentials.generate(prefix, "dev").value
    assert redact(f"<{value[:cut]}>") == f"<{value[:24]}•••>"


STRANGE = ["-", ".", "%", "'", "&", "é", "\\n", " ", "/"]


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("skipped", [0, 1], ids=["inserted", "replaced"])
def test_one_strange_character_saves_nothing_of_the_secret(strange: str, skipped: int) -> None:
    """The strange character may be anywhere in the token."""
    for place in range(len(TOKEN)):
        broken = TOKEN[:place] + strange + TOKEN[place + skipped :]
        for masked in (redact(f"at /x/{broken} now"), without_secrets(broken)):
            shown = [part for at in range(24, 66) if (part := TOKEN[at : at + 8]) in masked]
            assert not shown, (place, masked)


@pytest.mark.parametrize(
    "text",
    [
        f"/settings/tokens/{TOKEN[:24]}/renew/",
        f"{TOKEN[:24]}, {TOKEN[:24]}.",
        "ci_test_results-of-the-nightly-build",
        "sha256:" + "0123456789abcdef" * 4,
        "x" * 100,
        "ABCDEF0123456789" * 4,
    ],
)
def test_what_is_no_token_stays(text: str) -> None:
    assert redact(text) == without_secrets(text) == text


@pytest.mark.parametrize(
    "around", ['{{"path": "{}", "status": 404}}', "KeyError: '{}'", "?token={}&x=1", "<b>{}</b>"]
)
def test_what_stands_around_a_token_stays(around: str) -> None:
    assert redact(around.format(TOKEN)) == around.format(f"{TOKEN[:24]}•••")


@pytest.mark.parametrize(
    "piece", ["tkn_live_", f"{TOKEN[:24]}-", f"{TOKEN[:30]}-/", f"{TOKEN} ", "aB3", "-", "a/", "_"]
)
def test_twice_the_text_takes_no_more_than_twice_the_steps(piece: str) -> None:
    once = piece * (300 // len(piece))
    steps = []
    for text in (once, 2 * once):
        with counted(redaction) as counter:
            without_secrets(text)
        steps.append(counter.steps)
    assert steps[1] < 2.1 * steps[0]


def test_logs_and_their_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError(TOKEN)  # noqa: TRY301
    except KeyError:
        logging.getLogger("tests").exception("seen %s", TOKEN)
    line = RedactingFormatter("%(message)s").format(caplog.records[0])
    assert "KeyError" in line
    assert TOKEN[:24] in line
    assert TOKEN[24:] not in line
