"""All pages, notices, errors and mails of django-allauth have our layout and our words."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import allauth
import pytest
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.urls import urlpatterns
from django.core.mail import EmailMultiAlternatives
from django.shortcuts import resolve_url
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, resolve, reverse

from accounts import allauth_texts, mails
from accounts.adapter import AccountAdapter
from accounts.models import Notification, User
from tests.run import ROOT
from tests.server import PASSWORD

THEIRS = Path(allauth.__file__).parent / "templates"
SPEAKS = re.compile(
    r"\btrans|\bblocktrans|[A-Za-z]{2}"
)  # what is left when tags and elements are taken away
# Signing in and confirming by a mailed code, which allauth lists though they are off.
OFF = {
    "account_confirm_login_code", "account_request_reauthentication_code",
    "account_confirm_reauthentication_code",
}  # fmt: skip
FILES = {"mfa_download_recovery_codes"}
ARGUMENTS: dict[str, list[Any]] = {
    "account_confirm_email": ["key"],
    "account_reset_password_from_key": ["1", "key"],
    "mfa_edit_webauthn": [1],
    "mfa_remove_webauthn": [1],
}
# Codes for features that are off: user names, telephones, several addresses, codes by mail.
NOT_HERE = {
    "phone_password_mismatch", "phone_taken", "unknown_phone", "username_blacklisted",
    "username_password_mismatch", "username_taken", "select_only_one", "invalid_login",
    "invalid_or_expired_key",
}  # fmt: skip
# The same of notices and mails. Sessions are ended on a page of ours.
SENT_BY_NOTHING = {
    "account/messages/login_code_sent.txt", "account/messages/phone_verification_sent.txt",
    "account/messages/phone_verified.txt", "usersessions/messages/sessions_logged_out.txt",
    "account/email/email_confirm", "account/email/login_code", "account/email/password_reset_code",
    "account/email/unknown_account",
}  # fmt: skip
CONTEXT = {
    "email": "ada@example.com", "from_email": "ada@example.com", "to_email": "new@example.com",
    "deleted_email": "new@example.com", "inviter": "boss@example.com", "removed": "recovery codes",
    "activate_url": "http://localhost:8000/activate",
    "password_reset_url": "http://localhost:8000/reset",
}  # fmt: skip


def names(patterns: list[URLPattern | URLResolver]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        elif pattern.name:
            yield pattern.name


def listed(folder: str) -> set[str]:
    """Our applications' templates of that kind in allauth."""
    return {
        str(path.relative_to(THEIRS))
        for app in ("account", "mfa", "usersessions")
        for path in (THEIRS / app / folder).glob("*.txt")
    }


MAILS = (
    {name.rsplit("_", 1)[0] for name in listed("email")} - {"account/email/base"} - SENT_BY_NOTHING
)


def family(name: str) -> Iterator[str]:
    """That template, those that it extends and those that it includes."""
    yield name
    source = Path(get_template(name).origin.name).read_text()  # type: ignore[attr-defined]
    for other in re.findall(r'{% (?:extends|include) "(.+?)"', source):
        yield from family(other)


def is_ours(name: str) -> bool:
    """Whether that template is one of this project, or says and shows nothing by itself."""
    path = Path(get_template(name).origin.name)  # type: ignore[attr-defined]
    if path.is_relative_to(ROOT / "templates"):
        return True
    source = path.read_text()
    tags = " ".join(re.findall(r"{%(.*?)%}", source, re.DOTALL))
    bare = re.sub(r"{[%{].*?[%}]}|<script.*?</script>|<[^>]*>", "", source, flags=re.DOTALL)
    return not re.search(r"\b(block)?trans(late)?\b|\belement\b", tags) and not SPEAKS.search(bare)


@pytest.mark.parametrize("name", sorted(set(names(urlpatterns)) - OFF - FILES))
def test_pages(name: str) -> None:
    view = resolve(reverse(name, args=ARGUMENTS.get(name, []))).func
    template = getattr(getattr(view, "view_class", None), "template_name", None)
    if template:  # else it redirects, or answers a script
        assert [part for part in family(template) if not is_ours(part)] == []


@pytest.mark.parametrize("name", sorted(OFF))
def test_what_is_off_shows_nothing(name: str, client: Client) -> None:
    assert resolve_url("account_login") == client.get(reverse(name))["Location"].partition("?")[0]


def test_the_test_of_pages_can_fail() -> None:
    assert not is_ours("account/email.html")
    assert not is_ours("mfa/index.html")
    assert is_ours("account/base_manage.html")


def test_notices() -> None:
    assert set(allauth_texts.MESSAGES) == listed("messages") - SENT_BY_NOTHING


def test_errors() -> None:
    assert set(allauth_texts.ERRORS) == set(DefaultAccountAdapter.error_messages) - NOT_HERE
    assert set(allauth_texts.MFA_ERRORS) == set(DefaultMFAAdapter.error_messages)


@pytest.fixture
def render(owner: User) -> Any:
    """What a mail looks like when the adapter has sent it."""
    from allauth.core import context
    from django.core import mail

    def send(name: str) -> EmailMultiAlternatives:
        request = RequestFactory().get("/", headers={"User-Agent": "https://evil.example/"})
        with context.request_context(request):
            adapter = AccountAdapter(request)
            if name in allauth_texts.NOTIFICATIONS:
                adapter.send_notification_mail(name, owner, CONTEXT)
            else:
                to = "new@example.com" if name == mails.CONFIRM else owner.email
                EmailAddress.objects.update_or_create(
                    user=owner, email=to, defaults={"verified": False}
                )
                adapter.send_mail(name, to, {**CONTEXT, "user": owner})
        sent = mail.outbox[-1]
        assert isinstance(sent, EmailMultiAlternatives)
        return sent

    return send


@pytest.mark.parametrize("name", sorted(MAILS | {mails.INVITATION, mails.FACTORS_RESET}))
def test_mails(name: str, render: Any) -> None:
    template = "account/email/notification" if name in allauth_texts.NOTIFICATIONS else name
    for part in ("subject", "message"):
        assert [file for file in family(f"{template}_{part}.txt") if not is_ours(file)] == []
    mail = render(name)
    assert "evil.example" not in mail.body
    assert mail.body.startswith("Hello,\n\n")
    assert mail.body.endswith("Tokenry\nhttp://localhost:8000")
    assert not re.search(r"[{}]|&\w+;|example\.com\b.*\bNone\b|\n\n\n", mail.subject + mail.body)
    ((html, kind),) = mail.alternatives
    assert kind == "text/html"
    assert "<h1" in html
    for link in re.findall(r"http://\S+[\w/]", mail.body):
        assert f'href="{link}"' in html


BUTTONS = {
    mails.RESET: "Choose a new password",
    mails.INVITATION: "Choose your password",
    mails.CONFIRM: "Confirm the address",
    mails.CONFIRM_SIGN_UP: "Confirm the address",
    mails.EXISTS: "Choose a new password",
}


@pytest.mark.parametrize("name", sorted(MAILS | BUTTONS.keys()))
def test_a_mail_has_one_button_and_its_facts_in_a_table(name: str, render: Any) -> None:
    ((html, _),) = render(name).alternatives
    buttons = re.findall(r'class="button" href="http://localhost:8000/[^"]*"[^>]*>([^<]*)<', html)
    assert buttons == [BUTTONS.get(name, "Choose a new password")]
    facts = re.findall(r"<th[^>]*>([^<]*)</th>", html)
    expected = ["When", "Address", "Device"] if name in allauth_texts.NOTIFICATIONS else []
    assert facts == expected


def test_mails_speak_of_what_was_asked(render: Any) -> None:
    """No two say the same."""
    bodies = [render(name).body for name in sorted(MAILS)]
    assert len(set(bodies)) == len(MAILS)


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ("/accounts/login/", ["Email", "Password", "Remember me on this device"]),
        ("/accounts/password/reset/", ["Email"]),
        ("/accounts/password/change/", ["Current password", "New password", "New password again"]),
        ("/accounts/email/", ["Email"]),
        ("/accounts/2fa/totp/activate/", ["Code"]),
        ("/accounts/reauthenticate/", ["Password"]),
    ],
)
def test_fields(path: str, labels: list[str], owner: User) -> None:
    client = Client()
    if "login" not in path and "reset" not in path:
        client.post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    form = client.get(path).context["form"]
    assert [str(field.label) for field in form.visible_fields()] == labels
    assert "placeholder" not in form.as_p()


def test_a_mail_that_does_not_exist_is_a_failure(owner: User) -> None:
    with pytest.raises(TemplateDoesNotExist):
        mails.write_mail(Notification(user=owner, kind="account/email/nonsense", to=owner.email))
