"""Each policy holds at each door: page, API and command, to make a token and to renew one."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.teams import make_team_account
from tests.conftest import Issue, bearer, page_of
from tokens.models import Actor, Event, PolicyBroken, Scope, Team, Token, TokenPolicy
from tokens.token_settings import TokenSettings

FORM = {"environment": "live", "expires": "90d", "nonce": "n" * 22, "overlap": "24h"}
# What each policy demands, and the field that breaks it. The token of the tests breaks them all.
POLICIES: dict[str, tuple[dict[str, Any], str]] = {
    "lifetime": ({"max_days": 30}, "expires"),
    "scopes": ({"allowed_scopes": "b:read"}, "scopes"),
    "addresses": ({"needs_addresses": True}, "allowed_addresses"),
    "number": ({"max_tokens": 1}, "number"),
    "factor": ({"needs_second_factor": True}, "second_factor"),
    "names": ({"name_pattern": "team-*"}, "name"),
}
API_ANSWERS = {
    "scopes": (403, "forbidden"), "number": (409, "conflict"), "factor": (403, "forbidden"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    Scope.objects.bulk_create(Scope(name=name, words=name) for name in ("a:read", "b:read"))


def create_page(old: Token, client: Client, caller: str) -> tuple[str, set[str]]:
    typed = {"name": old.name, "scopes": old.scopes}
    page = client.post("/settings/tokens/new/", FORM | typed)
    assert page.status_code == 422
    return page_of(page), set(page.context["form"].errors)


def renew_page(old: Token, client: Client, caller: str) -> tuple[str, set[str]]:
    page = client.post(f"{old.get_absolute_url()}renew/", FORM)
    assert page.status_code == 422
    return page_of(page), set(page.context["form"].errors)


def create_api(old: Token, client: Client, caller: str) -> tuple[str, set[str]]:
    body = {"name": old.name, "scopes": old.scopes, "expires": "90d"}
    path = "/api/v1/tokens"
    answer = Client().post(path, body, "application/json", headers=bearer(caller)).json()
    fields = {error["field"] for error in answer.get("errors", [])}
    return f"{answer['status']} {answer['code']} {answer}", fields


def create_command(old: Token, client: Client, caller: str) -> tuple[str, set[str]]:
    options = ["--user", "owner@example.com", "--name", old.name, "--scope", "a:read"]
    return command_error("create", *options), set()


def renew_command(old: Token, client: Client, caller: str) -> tuple[str, set[str]]:
    return command_error("renew", old.identifier), set()


def command_error(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("token", *words, stdout=StringIO(), stderr=StringIO())
    return str(error.value)


# Functions that try to make a token. Each returns what was said, and the fields with errors.
DOORS = {
    door.__name__.replace("_", " "): door
    for door in (create_page, renew_page, create_api, create_command, renew_command)
}


def after(days: int) -> Any:
    return timezone.now() + timedelta(days=days)


def renew(value: str) -> Any:
    path = "/api/v1/token/renew"
    return Client().post(path, {}, "application/json", headers=bearer(value))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("door", DOORS)
def test_every_policy_holds_at_every_door(
    owner_client: Client, issue: Issue, policy: str, door: str
) -> None:
    _, caller = issue(scopes=["a:read", "tokens:write"], expires_at=after(365))
    old, _ = issue(name="mine", scopes=["a:read"], expires_at=after(200))
    if policy == "number":  # the renewal of a token that works adds none
        Token.objects.filter(pk=old.pk).update(expires_at=after(-1))
    demands, field = POLICIES[policy]
    TokenPolicy.objects.create(name="House rule", **demands)
    before = (Token.objects.count(), Event.objects.count())
    said, fields = DOORS[door](old, owner_client, caller)
    assert "House rule" in said
    assert "\n" not in said or "page" in door
    if door == "create page":
        assert fields == ({field} if policy not in {"number", "factor"} else {"__all__"})
        assert 'value="mine"' in said  # nothing is lost
    if door == "create api":
        status, code = API_ANSWERS.get(policy, (422, "invalid_request"))
        assert said.startswith(f"{status} {code}")
        assert fields == ({field} if policy not in {"number", "factor"} else set())
    assert (Token.objects.count(), Event.objects.count()) == before


def test_a_renewal_by_the_api_lasts_as_long_as_the_policy_allows(issue: Issue) -> None:
    _, value = issue(scopes=["tokens:renew"], expires_at=after(200))
    TokenPolicy.objects.create(name="Short", max_days=10)
    answer = renew(value)
    assert answer.status_code == 201
    successor = Token.objects.exclude(renewed_from=None).get()
    assert after(9) < successor.expires_at <= after(10)


@pytest.mark.parametrize("policy", ["scopes", "addresses", "factor", "names"])
def test_a_renewal_by_the_api_keeps_policies(issue: Issue, policy: str) -> None:
    _, value = issue(scopes=["a:read", "tokens:renew"])
    TokenPolicy.objects.create(name="House rule", **POLICIES[policy][0])
    answer = renew(value).json()
    code = API_ANSWERS.get(policy, (422, "invalid_request"))
    assert (answer["status"], answer["code"]) == code
    assert "House rule" in str(answer)


def test_what_a_token_has_already_may_stay_and_go(issue: Issue, owner: User) -> None:
    token, _ = issue(name="mine", scopes=["a:read"])
    for name in ("scopes", "addresses", "names", "lifetime", "number"):
        TokenPolicy.objects.create(name=name, **POLICIES[name][0])
    kept: dict[str, Any] = {"name": "mine", "scopes": ["a:read"], "allowed_addresses": []}
    token.change(**kept, description="new")
    token.change(**kept | {"scopes": []}, description="new")
    for changes in ({"name": "other"}, {"scopes": ["a:read"]}, {"allowed_addresses": ["::/0"]}):
        with pytest.raises(PolicyBroken):
            token.change(**kept | {"scopes": []} | changes, description="new")
    token.change(**kept | {"scopes": ["b:read"], "name": "team-x"}, description="new")


def test_editing_by_page_and_api_keeps_policies(issue: Issue, owner_client: Client) -> None:
    token, _ = issue(name="mine")
    _, caller = issue(scopes=["a:read", "tokens:write"], expires_at=after(365))
    TokenPolicy.objects.create(name="Names", name_pattern="team-*")
    TokenPolicy.objects.create(name="Scopes", allowed_scopes="b:read")
    page = owner_client.post(
        f"{token.get_absolute_url()}edit/", {"name": "x", "scopes": ["a:read"]}
    )
    assert (page.status_code, set(page.context["form"].errors)) == (422, {"name", "scopes"})
    answers = [
        Client().patch(
            f"/api/v1/tokens/{token.identifier}", body, "application/json", headers=bearer(caller)
        ).json()
        for body in ({"name": "x"}, {"scopes": ["a:read"]}, {"name": "x", "scopes": ["a:read"]})
    ]  # fmt: skip
    assert [answer["code"] for answer in answers] == [
        "invalid_request", "forbidden", "invalid_request"
    ]  # fmt: skip
    assert [error["field"] for error in answers[2]["errors"]] == ["name", "scopes"]


def test_a_policy_is_for_its_group_and_environment(issue: Issue, owner: User) -> None:
    group = Group.objects.create(name="CI")
    TokenPolicy.objects.create(name="Names", name_pattern="x", group=group, environment="live")
    issue()
    owner.groups.add(group)
    with pytest.raises(PolicyBroken, match="Names"):
        issue()
    issue(environment="test")


def test_who_is_asked_for_a_second_factor(
    issue: Issue, owner: User, teammate: User, token_settings: TokenSettings
) -> None:
    TokenPolicy.objects.create(name="Factor", needs_second_factor=True)
    asked: list[Any] = []

    def answer(user: User) -> bool:
        asked.append(user)
        return True

    token_settings.HAS_SECOND_FACTOR = answer
    maker, _ = issue()
    issue(actor=Actor(teammate))
    issue(actor=Actor(owner, maker))
    assert asked == [owner, teammate, owner]
    token_settings.HAS_SECOND_FACTOR = None
    with pytest.raises(PolicyBroken):
        issue(actor=Actor(teammate))


def test_a_team_needs_a_member_who_acts(
    issue: Issue, teammate: User, token_settings: TokenSettings
) -> None:
    account = make_team_account("ci", "CI")
    Team.objects.create(slug="ci", name="CI", account=account)
    TokenPolicy.objects.create(name="Factor", needs_second_factor=True)
    token_settings.HAS_SECOND_FACTOR = lambda _: True
    token, _ = issue(owner=account, actor=Actor(teammate))
    for actor in (None, Actor(account, token)):
        with pytest.raises(PolicyBroken, match="a member has to make it"):
            issue(owner=account, actor=actor)


def test_a_command_says_which_scope_waits(owner: User, db: None) -> None:
    leads = Group.objects.create(name="Leads")
    TokenPolicy.objects.create(name="Writers", approval_scopes="a:read", approvers=leads)
    note = StringIO()
    options = ["--user", owner.email, "--name", "CI", "--scope", "a:read"]
    call_command("token", "create", *options, stdout=StringIO(), stderr=note)
    assert "Waits for approval: a:read." in note.getvalue()
