"""The parser with any text: no exception, no secret in the answer, and linear time."""

import re
from base64 import b64encode
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quicker import first_quickly
from tests.steps import counted
from tests.troubleshooting.test_parser import IDENTIFIER, PREFIXES, TOKEN
from tokens.troubleshooting import parser, token_search
from tokens.troubleshooting.parser import parse_pasted

PIECES = st.sampled_from([
    TOKEN, TOKEN[:50], TOKEN[30:], IDENTIFIER, "Bearer", "Authorization:", "curl -H ",
    "--oauth2-bearer ", "{", "}", '"', "'", "$", "%20", "•", ",", "\n", "\t", " ", "=", "?a=", "<",
    ">", "urn:tokenry:denial:", "0" * 16, "X-API-Key: ", "Cookie:", "://", "@", "machine ",
    "login ", "password ", b64encode(TOKEN.encode()).decode(), b64encode(b"me:").decode(),
])  # fmt: skip
TEXTS = st.one_of(st.text(max_size=10_000), st.lists(PIECES, max_size=40).map("".join))


@given(text=TEXTS, prefixes=st.sampled_from([("tkn",), ("a1", "tkn")]))
def test_it_never_fails_and_never_repeats_a_secret(text: str, prefixes: tuple[str, ...]) -> None:
    parsed = parse_pasted(text, prefixes)
    errors = " ".join(f"{error.what} {error.action}" for error in parsed.errors)
    shown = errors + parsed.identifier + repr(parsed)
    assert TOKEN[24:34] not in shown
    assert TOKEN[30:40] not in shown
    assert parsed.errors or parsed.reference or parsed.code or parsed.credential
    assert re.fullmatch(r"[0-9a-f]{16}|", parsed.reference)


REPEATED = [
    "bearer", "bearer ", "{", "${", "<", "%a", "a_", "tkn_live_", "-", "authorization:", "\n",
    "?a=", "reference", "a-b: ", "x-", "a-", 'a-b":\t', "cookie:", "authorization:\nx:\n",
    "curl -H authorization:x ", '-H"authorization:', "-H ", "cookie: ", "$(", "[", "auth", "on",
    "a ", "=", '"', "\\\n", "://", "a:", "machine ", "login a ", "default login ", "aGVs", "+",
    b64encode(f"{TOKEN[:30]} ".encode()).decode() + " ",
]  # fmt: skip


LEADS = ("", "Authorization: ", "curl ")
ENDS = (" x", "\n x", f"\n{TOKEN}")


def steps(text: str) -> int:
    """Return the number of steps that the parser takes to read `text`."""
    with counted(parser) as counter, counted(token_search) as other:
        parse_pasted(text, PREFIXES)
    return counter.steps + other.steps


@pytest.mark.parametrize("piece", first_quickly(REPEATED, 12))
def test_twice_the_text_takes_no_more_than_twice_the_steps(piece: str) -> None:
    """No pattern backtracks again and again: everybody may paste 10,000 characters."""
    for lead, end in product(LEADS, ENDS):
        once = piece * (150 // len(piece))
        assert steps(lead + 2 * once + end) < 2.1 * steps(lead + once + end), (lead, end)
