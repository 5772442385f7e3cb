"""The names of programs and browsers on all pages."""

import pytest

from tokens.core.devices import device
from tokens.templatetags.tokens_agents import register

program = register.filters["program"]


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0", "Chrome"),
    ],
)
def test_a_browser_has_one_name(agent: str, browser: str) -> None:
    assert program(agent) == browser
    assert device(agent) == f"{browser} on Linux"


def test_a_program_has_the_name_that_it_sends() -> None:
    assert program("python-requests/2.32.3") == "python-requests"


def test_no_part_of_a_token_is_shown() -> None:
    token = "tkn_live_4mQ7wXb2ZpT9c1K" + "s" * 49
    for agent in (f"Mozilla/5.0 {token}bot/1.0", f"Mozilla/5.0 {token[:30]}\x1b{token[30:]}/1.0"):
        assert "sss" not in program(agent)


def test_a_counted_request_costs_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes milliseconds, in the recorder's thread, for each agent that a client makes up."""
    monkeypatch.setattr("ua_parser.parse", pytest.fail)
    monkeypatch.setattr("ua_parser.parse_user_agent", pytest.fail)
    assert program("Mozilla/5.0 Firefox/133.0") == "Firefox"
