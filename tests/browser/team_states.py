"""States of the pages of teams, for test_accessibility."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.visit import Visit

TEAMS = "/settings/teams/"
PAGE = f"{TEAMS}billing-ci/"
LEAD = "lead@example.com"
# A person with a team, whose name and addresses are long, and with an invitation to another team.
MAKE_TEAMS = f"""
from datetime import timedelta
from django.utils import timezone
from accounts.models import User
from tokens.models import Actor, Team, Token

lead = User.objects.get(email="{LEAD}")
mate = User.objects.create_user(email="m" * 60 + "@example.com", name="M" * 100)
away = User.objects.create_user(email="away@example.com", is_active=False)
team = Team.make("billing-ci", "Billing CI", {{lead: "manager"}}, Actor(user=lead))
team.add(mate, "member", Actor(user=mate))
team.add(away, "member", Actor(user=away))
team.invite("i" * 60 + "@example.com", "manager", Actor(user=lead))
Team.make("t" * 40, "T" * 100, {{lead: "manager"}}, Actor(user=lead))
other = Team.make("other", "Other", {{mate: "manager"}}, Actor(user=mate))
other.invite(lead.email, "member", Actor(user=mate))
for name in ("Deploy", "n" * 100):
    token, _ = Token.objects.issue(
        owner=team.account, name=name, environment="live",
        expires_at=timezone.now() + timedelta(days=5), actor=Actor(user=mate),
    )
print(token.identifier)
"""


def no_team(visit: Visit) -> None:
    visit.open(TEAMS)
    expect(visit.page.get_by_role("heading", name="You are in no team yet")).to_be_visible()


def team_created_wrongly(visit: Visit) -> None:
    visit.open(f"{TEAMS}new/")
    visit.page.get_by_label("Name", exact=True).fill("2 Bills")
    visit.page.get_by_label("Name", exact=True).press("Tab")
    expect(visit.page.get_by_label("Short name")).to_have_value("bills")
    visit.page.get_by_label("Short name").fill("Upper")
    visit.page.get_by_role("button", name="Create team").click()
    expect(visit.page.get_by_label("Short name")).to_have_attribute("aria-invalid", "true")


def teams(visit: Visit) -> None:
    visit.open(TEAMS)
    expect(visit.page.get_by_role("button", name="Accept")).to_be_visible()


def one_team(visit: Visit) -> None:
    visit.open(PAGE)
    expect(visit.page.get_by_text("switched off")).to_be_visible()


def invitation_refused(visit: Visit) -> None:
    visit.open(PAGE)
    visit.page.get_by_label("Email").fill(LEAD)
    visit.page.get_by_role("button", name="Invite").click()
    expect(visit.page.get_by_text("is in the team already")).to_be_visible()
    expect(visit.page.get_by_label("Email")).to_have_attribute("aria-invalid", "true")


def last_manager(visit: Visit) -> None:
    visit.open(PAGE)
    visit.page.get_by_role("button", name="Leave team").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("A team needs a manager.")


def team_deletion(visit: Visit) -> None:
    visit.open(f"{PAGE}delete/")
    expect(visit.page.get_by_role("button", name="Delete team")).to_be_visible()


def team_tokens(visit: Visit) -> None:
    visit.open("/settings/tokens/")
    owners = visit.page.get_by_role("navigation", name="Owner")
    owners.get_by_role("link", name="Billing CI").press("Enter")
    expect(owners.get_by_role("link", name="Billing CI")).to_have_attribute("aria-current", "true")
    expect(visit.page.get_by_role("link", name="Deploy", exact=True)).to_be_visible()


def new_team_token(visit: Visit) -> None:
    team_tokens(visit)
    visit.page.get_by_role("link", name="Create token").click()
    expect(visit.page.get_by_label("Token name")).to_be_focused()


def team_token(visit: Visit) -> None:
    team_tokens(visit)
    visit.page.get_by_role("link", name="Deploy", exact=True).click()
    expect(visit.page.get_by_role("link", name="Billing CI")).to_be_visible()


def team_activity(visit: Visit) -> None:
    visit.open("/settings/activity/?owner=billing-ci")
    expect(visit.page.get_by_role("heading", name="Joined a team").first).to_be_visible()


TEAM_STATES: dict[Callable[[Visit], None], str] = {
    no_team: "newcomer",
    team_created_wrongly: "newcomer",
    **dict.fromkeys(
        [
            teams,
            one_team,
            invitation_refused,
            last_manager,
            team_deletion,
            team_tokens,
            new_team_token,
            team_token,
            team_activity,
        ],
        "lead",
    ),
}
