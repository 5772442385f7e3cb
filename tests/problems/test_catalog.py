"""The catalog has each code of a problem, and docs/refusals.md repeats the actions."""

import re

import pytest

from tests.test_architecture import ROOT
from tokens.problems.catalog import OTHER, REMEDIES, remedy
from tokens.problems.problem import TYPES

REFUSALS = (ROOT / "docs/refusals.md").read_text()
ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| ([\d, ]+) \| .+ \| (.+) \|$", re.MULTILINE)
TABLE = {
    code: (int(status), action.replace("`", ""))
    for codes, statuses, action in ROW.findall(REFUSALS)
    for code, status in zip(re.findall(r"\w+", codes), statuses.split(", "), strict=True)
}


def test_every_code_has_a_remedy() -> None:
    assert REMEDIES.keys() == TYPES.keys() == TABLE.keys()


@pytest.mark.parametrize("code", TYPES)
def test_the_page_has_the_same_action(code: str) -> None:
    assert TABLE[code] == (TYPES[code].status, remedy(code).action)


@pytest.mark.parametrize("code", TYPES)
def test_remedies_are_sentences(code: str) -> None:
    for words in remedy(code):
        assert re.fullmatch(r"[A-Z][^`]+\.", words)


def test_a_code_that_only_a_view_knows() -> None:
    assert remedy("request_failed") == OTHER
