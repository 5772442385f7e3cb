"""Tokens that other packages made: once imported, they work with their old clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from io import StringIO
from json import loads
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client, override_settings
from django.utils import timezone
from knox.models import AuthToken
from oauth2_provider.models import AccessToken, Application
from rest_framework.authtoken.models import Token as OldToken
from rest_framework_api_key.models import APIKey

from people.models import User
from tests.support import ProjectTest
from tokens.models import Event, Token
from tokens.usage.recorder import Recorder, recorder

PLACES = {"LEGACY_SCHEMES": "Bearer,Token,Api-Key", "LEGACY_HEADERS": "X-Api-Key"}
SLOW = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
REPORT = "/api/report/"
SECRET = "correct horse"  # of an application


def run_import(source: str, *options: str) -> dict[str, Any]:
    """Import the tokens of a package, with the scope of the report. Return what happened."""
    day = timezone.now().date() + timedelta(days=60)
    out = StringIO()
    arguments = ["import", f"--from-{source}", f"--until={day}", "--json", *options]
    try:
        call_command("token", *arguments, "--scope", "reports:read", stdout=out)
    except CommandError:
        if not out.getvalue():  # otherwise the error is that tokens were left out
            raise
    result: dict[str, Any] = loads(out.getvalue())
    return result


def get_report(**headers: str) -> HttpResponse:
    """Return the answer that an old client gets, which sends `headers`."""
    return Client(headers=headers).get(REPORT)


@contextmanager
def knox_settings(**changes: Any) -> Iterator[None]:
    with override_settings(REST_KNOX=changes):
        yield


@override_settings(TOKENRY={**settings.TOKENRY, **PLACES}, PASSWORD_HASHERS=[SLOW])
class ImportTest(ProjectTest):
    def setUp(self) -> None:
        super().setUp()
        vars(recorder).update(
            vars(Recorder())
        )  # without what it knows about tokens of other tests

    def assert_moves(self, source: str, **headers: str) -> Token:
        """Import the only token of `source`. Check how the client with `headers` fares.

        Return the token.
        """
        before = get_report(**headers)
        self.assertEqual(before.status_code, 401, before.content)
        result = run_import(source, "--owner=ann")
        self.assertEqual((result["imported"], result["left_out"]), (1, []))
        token = Token.objects.using("default").select_related("imported").get()
        self.assertEqual((token.owner_id, token.imported.source), (self.user.pk, source))
        self.assert_works(token, **headers)
        again = run_import(source, "--owner=ann")
        self.assertEqual((again["imported"], again["imported_before"]), (0, 1))
        self.assertEqual(Token.objects.using("default").count(), 1)
        self.assert_is_renewed(token, **headers)
        self.assert_ends(token, **headers)
        return token

    def assert_works(self, token: Token, **headers: str) -> None:
        answer = get_report(**headers)
        self.assertEqual(answer.json(), {"user": "ann", "token": token.name})
        recorder.flush()
        token.refresh_from_db(using="default", fields=["last_used_at"])
        self.assertIsNotNone(token.last_used_at)

    def assert_is_renewed(self, token: Token, **headers: str) -> None:
        successor, new = Token.objects.renew(
            token, expires_at=timezone.now() + timedelta(days=90), overlap=timedelta(hours=1)
        )
        self.assertFalse(hasattr(successor, "imported"))
        for sent in (headers, {"authorization": f"Bearer {new.value}"}):
            self.assertEqual(get_report(**sent).status_code, 200)

    def assert_ends(self, token: Token, **headers: str) -> None:
        Token.objects.filter(pk=token.pk).update(expires_at=timezone.now())
        self.assert_problem(get_report(**headers), 401, "expired_token")

    def test_rest_framework(self) -> None:
        key = OldToken.objects.create(user=self.user).key
        token = self.assert_moves("drf-authtoken", authorization=f"Token {key}")
        self.assertEqual(token.name, "DRF token")

    def test_the_day(self) -> None:
        OldToken.objects.create(user=self.user)
        run_import("drf-authtoken")
        token = Token.objects.using("default").get()
        day = timezone.now().date() + timedelta(days=60)
        self.assertEqual(token.expires_at, datetime.combine(day, time(0), UTC))
        event = Event.objects.using("default").get()
        self.assertEqual((event.kind, event.detail), ("imported", "from Django REST framework"))

    def test_knox(self) -> None:
        _, value = AuthToken.objects.create(self.user)
        token = self.assert_moves("knox", authorization=f"Token {value}")
        self.assertEqual(token.name, f"knox token {value[:8]}")
        self.assertEqual(token.imported.begins_with, value[:8])

    def test_knox_with_a_prefix_and_another_length(self) -> None:
        with knox_settings(AUTH_TOKEN_CHARACTER_LENGTH=40, TOKEN_PREFIX="acme_"):
            _, value = AuthToken.objects.create(self.user, expiry=None)
            self.assertEqual(len(value), 45)
            self.assert_moves("knox", authorization=f"token {value}")

    def test_knox_with_sha256(self) -> None:
        with knox_settings(SECURE_HASH_ALGORITHM="hashlib.sha256"):
            _, value = AuthToken.objects.create(self.user)
            self.assert_moves("knox", authorization=f"Token {value}")

    def test_knox_with_an_algorithm_that_cannot_be_imported(self) -> None:
        with knox_settings(SECURE_HASH_ALGORITHM="hashlib.sha3_512"):
            AuthToken.objects.create(self.user)
            with self.assertRaisesMessage(CommandError, "sha256 or sha512 can be imported"):
                run_import("knox")

    def test_api_keys_in_both_headers(self) -> None:
        row, key = APIKey.objects.create_key(name="Billing")
        token = self.assert_moves("drf-api-key", authorization=f"Api-Key {key}")
        self.assertEqual((token.name, token.imported.begins_with), ("Billing", f"{row.prefix}."))
        Token.objects.filter(pk=token.pk).update(expires_at=timezone.now() + timedelta(days=1))
        self.assert_works(token, **{"x-api-key": key})

    def test_api_keys_of_old_releases(self) -> None:
        _, key = APIKey.objects.create_key(name="Billing")
        APIKey.objects.update(hashed_key=make_password(key))
        self.assert_moves("drf-api-key", authorization=f"Api-Key {key}")

    def test_api_keys_with_another_hash(self) -> None:
        key, _ = APIKey.objects.create_key(name="Billing")
        for stored in ("argon2$argon2id$x", "pbkdf2_sha256$x", "x"):
            APIKey.objects.filter(prefix=key.prefix).update(hashed_key=stored)
            [left_out] = run_import("drf-api-key", "--owner=ann")["left_out"]
            self.assertIn("The hash is neither SHA-512 nor PBKDF2.", left_out["problems"][0])

    def test_api_keys_that_the_package_itself_has_upgraded(self) -> None:
        row, key = APIKey.objects.create_key(name="Billing")
        APIKey.objects.update(
            hashed_key=make_password(key), id=f"{row.prefix}.{make_password('')}"
        )
        self.assertTrue(APIKey.objects.using("default").get().is_valid(key))
        self.assert_moves("drf-api-key", authorization=f"Api-Key {key}")

    def oauth_token(self, **fields: Any) -> str:
        """Return an access token from the package's own endpoint, for client credentials."""
        application = Application.objects.create(
            name="Robot",
            client_type=Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
            client_secret=SECRET,
            **fields,
        )
        form = {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "client_secret": SECRET,
        }
        answer = self.client.post("/o/token/", form)
        self.assertEqual(answer.status_code, 200, answer.content)
        return str(answer.json()["access_token"])

    def test_oauth_tokens_of_applications(self) -> None:
        value = self.oauth_token(user=self.user)
        token = self.assert_moves("django-oauth-toolkit", authorization=f"Bearer {value}")
        self.assertEqual(token.name, "Robot")
        # The package's own expiry is nearer than the day.
        expires = AccessToken.objects.using("default").get().expires
        event = Event.objects.using("default").get(kind="imported")
        self.assertLess(expires, event.at + timedelta(days=1))

    def test_oauth_tokens_of_people(self) -> None:
        value = self.oauth_token()
        AccessToken.objects.update(user=self.user)
        self.assert_moves("django-oauth-toolkit", authorization=f"Bearer {value}")

    @override_settings(OAUTH2_PROVIDER={"COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True})
    def test_oauth_tokens_that_are_stored_as_hashes(self) -> None:
        value = self.oauth_token(user=self.user)
        self.assertEqual(AccessToken.objects.using("default").get().token, "")
        self.assert_moves("django-oauth-toolkit", authorization=f"Bearer {value}")

    def test_what_is_left_out(self) -> None:
        off = User.objects.create_user("off", is_active=False)
        AuthToken.objects.create(off)
        _, ended = AuthToken.objects.create(self.user, expiry=timedelta(seconds=-1))
        result = run_import("knox")
        [left_out] = result["left_out"]
        self.assertRegex(left_out["place"], "^knox token [0-9a-f]{8} of off$")
        self.assertIn("The account off is switched off", left_out["problems"][0])
        self.assertEqual((result["imported"], result["expired"]), (0, 1))
        self.assertNotEqual(get_report(authorization=f"Token {ended}").status_code, 200)

    def test_keys_without_an_owner(self) -> None:
        key, _ = APIKey.objects.create_key(name="Billing")
        APIKey.objects.create_key(name="Old", revoked=True)
        result = run_import("drf-api-key")
        [left_out] = result["left_out"]
        self.assertEqual(left_out["place"], f"the key {key.prefix} (Billing)")
        self.assertIn("--owner", left_out["problems"][0])
        self.assertEqual((result["imported"], result["revoked"]), (0, 1))
        self.assertEqual(run_import("drf-api-key", "--owner=ann")["imported"], 1)

    def test_a_package_that_is_not_installed(self) -> None:
        with self.assertRaisesMessage(CommandError, "docs/import.md shows how to write it"):
            run_import("drf-api-key", "--model=partners.PartnerKey")
        with self.assertRaisesMessage(CommandError, "people.User is no model of"):
            run_import("drf-api-key", "--model=people.User")

    def test_a_dry_run_changes_nothing(self) -> None:
        OldToken.objects.create(user=self.user)
        result = run_import("drf-authtoken", "--dry-run")
        self.assertEqual((result["dry_run"], result["imported"], result["owners"]), (True, 1, 1))
        self.assertFalse(Token.objects.using("default").exists())
