"""Whatever looks like a token is masked on its way to a log or a report."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.values import token_value
from tokens import credential
from tokens.redaction import RedactingFormatter, redact

TOKEN = token_value()


@pytest.mark.parametrize("around", ["{}", "Bearer {}", "'{}'", "?access_token={}&x=1", "a{}", "x_{}", "{}{}", "{}\n"])
def test_the_secret_goes(around: str) -> None:
    assert TOKEN[30:] not in redact(around.format(TOKEN, TOKEN))


def test_the_identifier_stays() -> None:
    assert redact(f"token {TOKEN} was used") == f"token {TOKEN[:24]}••• was used"
    assert redact(f"token {TOKEN[:24]} was used") == f"token {TOKEN[:24]} was used"


@given(cut=st.integers(25, 73), prefix=st.from_regex(r"[a-z0-9]{2,6}", fullmatch=True))
def test_a_token_cut_short_is_masked(cut: int, prefix: str) -> None:
    value = credential.generate(prefix, "dev").value
    assert redact(f"<{value[:cut]}>") == f"<{value[:24]}•••>"


def test_logs_and_their_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise KeyError(TOKEN)  # noqa: TRY301
    except KeyError:
        logging.getLogger("tests").exception("seen %s", TOKEN)
    line = RedactingFormatter("%(message)s").format(caplog.records[0])
    assert "KeyError" in line
    assert TOKEN[:24] in line
    assert TOKEN[24:] not in line
