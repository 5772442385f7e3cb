"""What the page of an account says about its tokens."""

from html import unescape

from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from tests.conftest import Issue, page_of
from tokens.models import Event

LIST = "/admin/tokens/token/?status=working&amp;q=owner%40example.com"


def test_links_to_the_working_tokens(issue: Issue, owner: User, admin_client: Client) -> None:
    path = f"/admin/accounts/user/{owner.pk}/change/"
    assert '<div class="readonly">Nothing</div>' in page_of(admin_client.get(path))
    issue(name="CI")
    token, _ = issue(name="Nightly")
    assert f'<a href="{LIST}">2 API tokens</a>' in page_of(admin_client.get(path))
    assert admin_client.get(unescape(LIST)).context["cl"].result_count == 2
    token.revoke(None)
    assert f'<a href="{LIST}">1 API token</a>' in page_of(admin_client.get(path))


def test_the_question_about_tokens_is_no_change(
    issue: Issue, owner: User, admin_client: Client
) -> None:
    issue()
    path = f"/admin/accounts/user/{owner.pk}/change/"
    admin_client.post(path, {"email": owner.email, "name": owner.name})
    assert not LogEntry.objects.exists()
    assert not Event.objects.filter(kind="administered").exists()
    admin_client.post(path, {"email": owner.email, "name": "Renamed"})
    assert LogEntry.objects.get().get_change_message() == "Changed Name."
    assert Event.objects.filter(kind="administered").count() == 1
