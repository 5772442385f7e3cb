"""What each code means and what to do: said once, for every code, and the same in the README."""

import re

import pytest

from tests.test_architecture import ROOT
from tokens.denial import KINDS
from tokens.remedies import OTHER, REMEDIES, remedy

README = (ROOT / "README.md").read_text()
ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| ([\d, ]+) \| .+ \| (.+) \|$", re.MULTILINE)
TABLE = {
    code: (int(status), action.replace("`", ""))
    for codes, statuses, action in ROW.findall(README)
    for code, status in zip(re.findall(r"\w+", codes), statuses.split(", "), strict=True)
}


def test_every_code_has_one() -> None:
    assert REMEDIES.keys() == KINDS.keys() == TABLE.keys()


@pytest.mark.parametrize("code", KINDS)
def test_the_readme_says_the_same(code: str) -> None:
    assert TABLE[code] == (KINDS[code].status, remedy(code).action)


@pytest.mark.parametrize("code", KINDS)
def test_they_are_sentences(code: str) -> None:
    for words in remedy(code):
        assert re.fullmatch(r"[A-Z][^`]+\.", words)


def test_a_code_of_a_view_that_is_not_ours() -> None:
    assert remedy("request_failed") == OTHER
