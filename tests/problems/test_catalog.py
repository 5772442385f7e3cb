"""The catalog has each code of a problem, and the README repeats the actions."""

import re

import pytest

from tests.test_architecture import ROOT
from tokens.problems.catalog import OTHER, REMEDIES, remedy
from tokens.problems.problem import TYPES

README = (ROOT / "README.md").read_text()
ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| ([\d, ]+) \| .+ \| (.+) \|$", re.MULTILINE)
TABLE = {
    code: (int(status), action.replace("`", ""))
    for codes, statuses, action in ROW.findall(README)
    for code, status in zip(re.findall(r"\w+", codes), statuses.split(", "), strict=True)
}


def test_every_code_has_a_remedy() -> None:
    assert REMEDIES.keys() == TYPES.keys() == TABLE.keys()


@pytest.mark.parametrize("code", TYPES)
def test_the_readme_has_the_same_action(code: str) -> None:
    assert TABLE[code] == (TYPES[code].status, remedy(code).action)


@pytest.mark.parametrize("code", TYPES)
def test_remedies_are_sentences(code: str) -> None:
    for words in remedy(code):
        assert re.fullmatch(r"[A-Z][^`]+\.", words)


def test_a_code_that_only_a_view_knows() -> None:
    assert remedy("request_failed") == OTHER
