"""MAX_TOKEN_LIFETIME_DAYS hides longer choices, shows a hint, and refuses longer requests."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.conftest import Issue
from tokens.core.lifetimes import LIFETIMES
from tokens.models import Event, LifetimeTooLong, Token
from tokens.token_settings import TokenSettings

FORM = {"name": "x", "environment": "live", "overlap": "24h", "nonce": "n" * 22}


@pytest.mark.parametrize(
    ("maximum", "offered"),
    [(90, ["30d", "90d"]), (30, ["30d"]), (7, ["7d"]), (5000, [*LIFETIMES])],
)
def test_longer_choices_are_hidden_and_refused(
    issue: Issue,
    owner_client: Client,
    token_settings: TokenSettings,
    maximum: int,
    offered: list[str],
) -> None:
    token, _ = issue()
    token_settings.MAX_TOKEN_LIFETIME_DAYS = maximum
    chosen = "90d" if "90d" in offered else offered[-1]
    for path in (
        "/settings/tokens/new/?expires=8y",
        f"{token.get_absolute_url()}renew/?expires=8y",
    ):
        page = owner_client.get(path).content.decode()
        assert re.findall(r'name="expires" value="(\w+)"', page) == offered
        assert re.findall(r'name="expires" value="(\w+)"[^>]* checked', page) == [chosen]
        assert (f"Tokens live for {maximum} days at most here." in page) == (maximum < 5000)
        address = path.partition("?")[0]
        response = owner_client.post(address, FORM | {"expires": "8y"})
        assert (response.status_code, list(response.context["form"].errors)) == (422, ["expires"])
        response = owner_client.post(
            address, FORM | {"expires": chosen, "nonce": f"{len(address):022}"}
        )
        assert response.status_code == 200
        assert response.context["revealed"].expires_at <= timezone.now() + timedelta(days=maximum)


def test_models_refuse_too(issue: Issue, token_settings: TokenSettings) -> None:
    token, _ = issue()
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 30
    soon = timezone.now() + timedelta(days=30)
    late = timezone.now() + timedelta(days=30, minutes=1)
    with pytest.raises(LifetimeTooLong):
        issue(expires_at=late)
    with pytest.raises(LifetimeTooLong):
        Token.objects.renew(token, expires_at=late, overlap=timedelta(0))
    token.refresh_from_db()
    assert (token.renewed_at, Token.objects.count(), Event.objects.count()) == (None, 1, 1)
    Token.objects.renew(token, expires_at=soon, overlap=timedelta(0))


def test_tokens_with_a_longer_lifetime_are_found(
    issue: Issue, token_settings: TokenSettings
) -> None:
    long, _ = issue(name="long", expires_at=timezone.now() + timedelta(days=31))
    issue(name="short", expires_at=timezone.now() + timedelta(days=30))
    issue(name="gone", expires_at=timezone.now() + timedelta(days=31))[0].revoke()
    assert not Token.objects.exceeding_max_lifetime().exists()
    token_settings.MAX_TOKEN_LIFETIME_DAYS = 30
    assert list(Token.objects.exceeding_max_lifetime()) == [long]
    Token.objects.update(created_at=timezone.now() - timedelta(days=20))
    assert Token.objects.exceeding_max_lifetime().count() == 2


def test_the_limit_is_shown_before_the_form_is_filled_in(
    issue: Issue, owner_client: Client, token_settings: TokenSettings
) -> None:
    token_settings.MAX_TOKENS_PER_USER = 1
    assert b"the most allowed" not in owner_client.get("/settings/tokens/new/").content
    issue()
    assert (
        b"You have 1 active token, the most allowed. Revoke one first."
        in owner_client.get("/settings/tokens/new/").content
    )
