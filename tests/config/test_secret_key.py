"""SECRET_KEY changes in steps, node by node, and nobody notices."""

import re
from io import StringIO

import pyotp
import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.messages import add_message
from django.contrib.sessions.models import Session
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts import encryption
from accounts.models import User
from accounts.sessions import SessionStore
from config.message_storage import CookieStorage
from tests.conftest import forget_tries, signed_in
from tests.server import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECOND = "/accounts/2fa/authenticate/"
OLD, NEW, OTHER = "old" * 20, "new" * 20, "other" * 20
NEW_PASSWORD = "another correct horse"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def before(settings: Settings) -> None:
    """There is one key."""
    use(settings, OLD)
    forget_tries()


def use(settings: Settings, *keys: str) -> None:
    """Have the node these keys, the current one first."""
    settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS = keys


def sign_in(code: str = "") -> Client:
    client = Client(headers={"User-Agent": "Firefox/130.0"})
    client.post("/accounts/login/", {"login": "owner@example.com", "password": PASSWORD})
    if code:
        client.post(SECOND, {"code": code})
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/settings/profile/").status_code == 200


def rekey() -> str:
    said = StringIO()
    call_command("rekey", stdout=said)
    return said.getvalue()


def test_a_session_passes_between_nodes_of_each_step(owner: User, settings: Settings) -> None:
    """It keeps its key: another request of the same browser may be on its way with it."""
    client = sign_in()
    key = client.session.session_key
    for keys in [OLD], [OLD, NEW], [NEW, OLD], [OLD, NEW], [NEW, OLD], [NEW]:
        use(settings, *keys)
        assert is_signed_in(client)
        assert client.session.session_key == key
    use(settings, OLD)
    assert not is_signed_in(client)


def test_signing_in_and_the_list_of_sessions_end_no_other_session(
    owner: User, settings: Settings
) -> None:
    """Both look at the person's other sessions, which an older key signed."""
    there = sign_in()
    use(settings, NEW, OLD)
    here = sign_in()
    assert here.get("/settings/sessions/").content.decode().count("Firefox") == 2
    assert is_signed_in(there)
    assert UserSession.objects.filter(user=owner).count() == 2


def test_another_password_still_gives_the_session_another_key(
    owner: User, settings: Settings
) -> None:
    client = signed_in(owner)
    use(settings, NEW, OLD)
    typed = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    old_cookie = client.session.session_key
    assert client.post("/accounts/password/change/", typed).status_code == 302
    assert is_signed_in(client)
    assert not Session.objects.filter(pk=old_cookie).exists()


def test_signing_in_still_gives_a_session_another_key(owner: User, settings: Settings) -> None:
    use(settings, NEW, OLD)
    client = Client()
    store = SessionStore()
    store["planted"] = True
    store.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = str(store.session_key)
    client.post("/accounts/login/", {"login": "owner@example.com", "password": PASSWORD})
    assert is_signed_in(client)
    assert client.session.session_key != store.session_key
    assert not Session.objects.filter(pk=store.session_key).exists()


@pytest.mark.parametrize(("made", "used"), [([OLD], [NEW, OLD]), ([NEW, OLD], [OLD, NEW])])
def test_links_in_mails(
    owner: User,
    settings: Settings,
    mailoutbox: list[EmailMessage],
    made: list[str],
    used: list[str],
) -> None:
    use(settings, *made)
    signed_in(owner).post("/accounts/email/", {"email": "new@example.com", "action_add": ""})
    Client().post("/accounts/password/reset/", {"email": owner.email})
    paths = {
        kind: re.findall(
            rf"http://localhost:8000(/accounts/{kind}/\S+)",
            "\n".join(str(mail.body) for mail in mailoutbox),
        )
        for kind in ("password/reset/key", "confirm-email")
    }
    use(settings, *used)
    client = Client()
    form = client.get(paths["password/reset/key"][0])["Location"]
    assert (
        client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}).status_code
        == 302
    )
    client.post(paths["confirm-email"][0])
    owner.refresh_from_db()
    assert owner.check_password(NEW_PASSWORD)
    assert EmailAddress.objects.get(email="new@example.com").verified


@pytest.mark.parametrize(("made", "used"), [([OLD], [NEW, OLD]), ([NEW, OLD], [OLD, NEW])])
def test_a_notice_for_the_next_page(settings: Settings, made: list[str], used: list[str]) -> None:
    use(settings, *made)
    request, answer = RequestFactory().get("/"), HttpResponse()
    storage = CookieStorage(request)
    vars(request)["_messages"] = storage
    add_message(request, 20, "Done.")
    storage.update(answer)
    use(settings, *used)
    following = RequestFactory().get("/")
    following.COOKIES = {name: cookie.value for name, cookie in answer.cookies.items()}
    assert [each.message for each in CookieStorage(following)] == ["Done."]


@pytest.fixture
def codes(owner: User) -> list[str]:
    """The recovery codes of the owner, who has an app too."""
    TOTP.activate(owner, SECRET)
    return list(RecoveryCodes.activate(owner).get_unused_codes())


def test_second_factors_move_when_they_are_used(codes: list[str], settings: Settings) -> None:
    use(settings, NEW, OLD)
    assert is_signed_in(sign_in(pyotp.TOTP(SECRET).now()))
    assert is_signed_in(sign_in(codes[0]))
    use(settings, NEW)
    assert not is_signed_in(sign_in(codes[0]))  # it was used
    assert is_signed_in(sign_in(codes[1]))
    assert encryption.is_current(Authenticator.objects.get(type="totp").data["secret"])
    assert is_signed_in(sign_in(codes[2]))


def test_a_wrong_code_moves_nothing(codes: list[str], settings: Settings) -> None:
    before = list(Authenticator.objects.order_by("pk").values_list("data", flat=True))
    use(settings, NEW, OLD)
    assert not is_signed_in(sign_in("000000"))
    assert list(Authenticator.objects.order_by("pk").values_list("data", flat=True)) == before


def test_rekey_moves_the_rest(codes: list[str], owner: User, settings: Settings) -> None:
    idle = sign_in(codes[0])
    passkey = {"name": "gAAAAA, my key", "credential": {"id": "gAAAAA"}}
    Authenticator.objects.create(user=owner, type="webauthn", data=passkey)
    use(settings, NEW, OLD)
    assert rekey() == "Moved to the current SECRET_KEY: second factors 2, sessions 1.\n"
    assert rekey() == "Moved to the current SECRET_KEY: second factors 0, sessions 0.\n"
    passkeys = Authenticator.objects.filter(type="webauthn")
    assert passkeys.get().data == passkey
    passkeys.delete()
    use(settings, NEW)
    assert is_signed_in(idle)
    assert not is_signed_in(sign_in(codes[0]))
    assert is_signed_in(sign_in(pyotp.TOTP(SECRET).now()))


def test_rekey_encrypts_rows_from_before_encryption(owner: User) -> None:
    Authenticator.objects.create(user=owner, type="totp", data={"secret": SECRET})
    assert "second factors 1, " in rekey()
    assert SECRET not in str(Authenticator.objects.get().data)
    assert is_signed_in(sign_in(pyotp.TOTP(SECRET).now()))


def test_rekey_moves_codes_of_another_origin(owner: User, settings: Settings) -> None:
    """allauth keeps recovery codes that came from other software as a list."""
    kept = {"migrated_codes": ["11111111", "22222222"]}
    TOTP.activate(owner, SECRET)
    Authenticator.objects.create(user=owner, type="recovery_codes", data=kept)
    rekey()
    use(settings, NEW, OLD)
    assert "second factors 2, " in rekey()
    use(settings, NEW)
    assert is_signed_in(sign_in("22222222"))


def test_rekey_names_whose_factors_no_key_opens(
    codes: list[str], teammate: User, settings: Settings
) -> None:
    use(settings, NEW)
    TOTP.activate(teammate, SECRET)
    use(settings, OTHER, NEW)
    said = StringIO()
    with pytest.raises(CommandError, match=r"decrypts the second factors of these accounts \(1\)"):
        call_command("rekey", stdout=said)
    assert said.getvalue().endswith("\nowner@example.com\n")
    use(settings, OTHER)
    assert TOTP(Authenticator.objects.get(user=teammate)).validate_code(pyotp.TOTP(SECRET).now())


def test_rekey_does_not_undo_what_a_request_writes_meanwhile(
    owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sign_in()
    use(settings, NEW, OLD)

    def interrupted(store: SessionStore) -> bool:
        monkeypatch.undo()
        use(settings, NEW, OLD)
        session = client.session
        session["written"] = "meanwhile"
        session.save()
        return store.renew_hash()

    monkeypatch.setattr(SessionStore, "renew_hash", interrupted)
    assert rekey().endswith("sessions 0.\n")
    assert client.session["written"] == "meanwhile"
    use(settings, NEW)
    assert client.session["written"] == "meanwhile"
