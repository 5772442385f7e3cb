"""The token pages inside the project's own page, for people who sign in by name."""

import re
from collections import Counter
from datetime import timedelta
from unittest import mock

from django.conf import settings
from django.http import HttpResponse
from django.test import override_settings
from django.urls import get_script_prefix
from django.utils import timezone

from tests.support import ProjectTest
from tokens.models import Notification, Token
from tokens.notifications.emails import event_mail
from tokens.testing import issue, token_client

PAGES = "/settings/tokens/"
NEW = {"name": "CI", "environment": "live", "expires": "90d", "nonce": "n" * 22}


class PagesTest(ProjectTest):
    def setUp(self) -> None:
        super().setUp()
        self.user.set_password("correct horse")
        self.user.save()
        self.client.force_login(self.user)

    def create(self) -> HttpResponse:
        return self.client.post(f"{PAGES}new/", NEW)

    def test_pages_stand_inside_the_page_of_the_project(self) -> None:
        self.create()
        own = f"{PAGES}{Token.objects.get().identifier}/"
        paths = [
            PAGES, f"{PAGES}new/", f"{PAGES}activity/", f"{PAGES}help/", f"{PAGES}troubleshoot/",
            f"{PAGES}revoke-all/", own, f"{own}edit/", f"{own}renew/", f"{own}revoke/",
        ]  # fmt: skip
        for path in paths:
            page = self.client.get(path)
            self.assertContains(page, "<header>Office</header>", msg_prefix=path)
            self.assertContains(page, 'class="tokenry"', msg_prefix=path)
            self.assertContains(page, "tokens/tokenry.css", msg_prefix=path)
            # htmx would put the answer into an element of the project with the same id.
            ids = Counter(re.findall(r'\sid="([^"]+)"', page.text))
            self.assertEqual(set(ids.values()), {1}, (path, ids.most_common(1)))

    def test_no_name_of_ours_is_needed(self) -> None:
        issue(self.user)
        self.create()
        token = Token.objects.first()
        own = f"{PAGES}{token.identifier}/"
        pages = [PAGES, own, f"{PAGES}help/", f"{PAGES}activity/", f"{PAGES}troubleshoot/"]
        texts = [self.client.get(path).text for path in [*pages, "/tokens/v1/docs"]]
        kind = Notification.Kind.CREATED
        mail = event_mail([Notification(token=token, kind=kind, made_at=timezone.now())])
        html = mail.alternatives[0][0]
        document = self.client.get("/tokens/v1/openapi.json")
        self.assertEqual(document.json()["info"]["title"], "API tokens")
        for text in [*texts, mail.subject, mail.body, html, document.text]:
            self.assertNotIn("Tokenry", text)
            self.assertNotIn("TOKENRY", text)

    def test_a_name_and_a_colour_of_ones_own(self) -> None:
        changes = {"PRODUCT_NAME": "Office keys", "ACCENT_COLOR": "#0a7d4f"}
        with override_settings(TOKENRY={**settings.TOKENRY, **changes}):
            document = self.client.get("/tokens/v1/openapi.json")
            self.assertEqual(document.json()["info"]["title"], "Office keys")
            for path in (PAGES, f"{PAGES}help/", "/tokens/v1/docs"):
                page = self.client.get(path)
                [address] = re.findall(r'href="(\S+/accent\.css\?v=\w+)"', page.text)
                styles = self.client.get(address.removeprefix(get_script_prefix().rstrip("/")))
                self.assertContains(styles, "light-dark(#0a7d4f")
        self.assertNotContains(self.client.get(PAGES), "accent.css")

    def test_a_stranger_signs_in_first(self) -> None:
        self.client.logout()
        self.assertIn("/login/?next=", self.client.get(PAGES)["Location"])

    def test_a_new_token_is_shown_once_and_works(self) -> None:
        page = self.create()
        [value] = re.findall(r"tkn_live_\w{64}", page.text)[:1]
        self.assertNotContains(self.client.get(PAGES), value)
        answer = token_client(value).get("/tokens/v1/token")
        self.assertEqual(answer.json()["owner"], {"id": str(self.user.pk), "email": ""})

    def test_a_form_of_htmx_gets_a_part_of_the_page(self) -> None:
        answer = self.client.post(f"{PAGES}new/", NEW, headers={"HX-Request": "true"})
        self.assertContains(answer, "You won't be able to see it again", html=False)
        self.assertNotContains(answer, "Office")

    def test_a_revoked_token_is_refused_at_once(self) -> None:
        [value] = re.findall(r"tkn_live_\w{64}", self.create().text)[:1]
        self.client.post(f"{PAGES}{value[:24]}/revoke/")
        self.assert_problem(token_client(value).get("/tokens/v1/token"), 401, "revoked_token")

    def test_an_old_sign_in_confirms_with_the_password(self) -> None:
        later = timezone.now() + timedelta(hours=1)
        with mock.patch("time.time", later.timestamp):
            page = self.create()["Location"].removeprefix(settings.FORCE_SCRIPT_NAME or "")
            self.assertIn(f"{PAGES}confirm/?next=", page)
            self.assertContains(self.client.get(page), "Type your password")
            confirmed = self.client.post(page, {"password": "correct horse"})
            self.assertIn(f"{PAGES}new/", confirmed["Location"])
            self.assertEqual(self.create().status_code, 200)

    def test_somebody_elses_token_does_not_exist(self) -> None:
        self.create()
        identifier = Token.objects.get().identifier
        self.client.force_login(type(self.user).objects.create_user("bob"))
        for end in ("", "edit/", "renew/", "revoke/", "narrow/", "calendar.ics"):
            self.assertEqual(self.client.get(f"{PAGES}{identifier}/{end}").status_code, 404)
