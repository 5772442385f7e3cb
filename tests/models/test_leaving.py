"""What happens to tokens when programs or administrators switch the account of the owner off."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.conftest import Issue, bearer
from tokens.core.setting_values import InvalidValue, leaver_tokens
from tokens.models import Event, Leaver, OwnerAway, Token
from tokens.models.leaving import switch_off, tokens_astray
from tokens.token_settings import TokenSettings

WEEK = timedelta(days=7)


@pytest.fixture
def grace(token_settings: TokenSettings) -> None:
    token_settings.LEAVER_TOKENS = WEEK


def save_switched(owner: User, *, on: bool) -> None:
    owner = User.objects.get(pk=owner.pk)
    owner.is_active = on
    owner.save()


def verify(value: str) -> str:
    answer = Client().get("/verify", headers=bearer(value))
    return "ok" if answer.status_code == 200 else str(answer.json()["code"])


def kinds() -> list[str]:
    events = Event.objects.filter(kind__in=["owner_left", "owner_back", "revoked"])
    return list(events.order_by("pk").values_list("kind", flat=True))


def test_without_grace_tokens_are_refused_and_not_revoked(issue: Issue, owner: User) -> None:
    _, value = issue()
    save_switched(owner, on=False)
    assert verify(value) == "inactive_owner"
    save_switched(owner, on=True)
    assert (verify(value), kinds()) == ("ok", [])


@pytest.mark.usefixtures("grace")
def test_with_grace_tokens_work_until_the_day(issue: Issue, owner: User) -> None:
    token, value = issue()
    short, _ = issue(expires_at=timezone.now() + timedelta(days=1))
    save_switched(owner, on=False)
    until = Leaver.objects.get().until
    assert timedelta(0) < timezone.now() + WEEK - until < timedelta(minutes=5)
    assert verify(value) == "ok"
    assert [Token.objects.get(pk=each.pk).expires_at for each in (token, short)] == [
        until,
        short.expires_at,
    ]
    assert kinds() == ["owner_left"] * 2
    assert not any(found.exists() for found in tokens_astray().values())


@pytest.mark.usefixtures("grace")
def test_only_a_switch_begins_the_grace(issue: Issue, owner: User) -> None:
    """To save an account that is switched off already revives no token."""
    _, value = issue()
    User.objects.update(is_active=False)
    save_switched(owner, on=False)
    assert (verify(value), Leaver.objects.count()) == ("inactive_owner", 0)


@pytest.mark.usefixtures("grace")
def test_fields_that_are_not_saved_do_not_count(issue: Issue, owner: User) -> None:
    _, value = issue()
    owner.is_active = False
    owner.save(update_fields=["name"])
    assert (verify(value), Leaver.objects.count()) == ("ok", 0)


@pytest.mark.usefixtures("grace")
def test_switched_on_again(issue: Issue, owner: User) -> None:
    token, value = issue()
    save_switched(owner, on=False)
    save_switched(owner, on=True)
    kept = Token.objects.get(pk=token.pk)
    assert (kept.outlives_owner, Leaver.objects.count()) == (False, 0)
    assert kinds() == ["owner_left", "owner_back"]
    User.objects.update(is_active=False)
    assert verify(value) == "inactive_owner"


@pytest.mark.usefixtures("grace")
def test_a_leaver_gets_no_new_token(issue: Issue, owner: User) -> None:
    token, value = issue(scopes=["tokens:renew", "tokens:write", "tokens:read"])
    save_switched(owner, on=False)
    client, headers = Client(), bearer(value)
    for path, body in (("token/renew", {}), ("tokens", {"name": "x"})):
        answer = client.post(
            f"/api/v1/{path}", body, content_type="application/json", headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "The account of the owner is switched off" in answer.json()["detail"]
    facts = client.get("/api/v1/token", headers=headers).json()
    leaves_at = Leaver.objects.get().until.isoformat()
    assert facts["owner_leaves_at"][:19] == leaves_at[:19]
    listed = client.get("/api/v1/tokens", headers=headers).json()["items"]
    assert [each["owner_leaves_at"][:19] for each in listed] == [leaves_at[:19]]
    with pytest.raises(OwnerAway):
        Token.objects.renew(token, expires_at=timezone.now() + WEEK, overlap=WEEK)
    assert Token.objects.count() == 1


def test_the_api_says_nothing_of_an_owner_who_stays(issue: Issue) -> None:
    _, value = issue()
    facts = Client().get("/api/v1/token", headers=bearer(value)).json()
    assert facts["owner_leaves_at"] is None


def test_an_administrator_ends_the_tokens(issue: Issue, owner: User) -> None:
    token, value = issue()
    switch_off(owner)
    assert verify(value) == "revoked_token"
    assert Event.objects.get(kind="revoked").detail == "owner left"
    assert not User.objects.get(pk=owner.pk).is_active
    assert token.pk


@pytest.mark.usefixtures("grace")
def test_the_choice_of_an_administrator_counts_more_than_the_setting(
    issue: Issue, owner: User
) -> None:
    _, value = issue()
    until = timezone.now() + timedelta(days=30)
    switch_off(owner, until)
    assert (verify(value), Leaver.objects.get().until) == ("ok", until)
    switch_off(owner)  # somebody decides anew
    assert (verify(value), Leaver.objects.count()) == ("revoked_token", 0)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [("end", None), ("grace:1d", timedelta(days=1)), ("grace:90d", timedelta(days=90))],
)
def test_the_setting(value: str, parsed: timedelta | None) -> None:
    assert leaver_tokens(value) == parsed
    assert leaver_tokens(parsed) == parsed


@pytest.mark.parametrize("value", ["", "grace", "grace:0d", "grace:91d", "grace:7", "7d", 7])
def test_wrong_settings(value: object) -> None:
    with pytest.raises(InvalidValue, match="end, or a number of days up to 90: grace:7d"):
        leaver_tokens(value)
