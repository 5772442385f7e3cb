"""The User and the first administrator."""

import io
import re

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts.models import User

pytestmark = pytest.mark.django_db


def test_addresses_that_differ_by_case_are_one_account() -> None:
    User.objects.create_user(email="Ada@Example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(email="ada@example.com")
    with pytest.raises(ValidationError):
        User(email="ADA@example.com", password="x").full_clean()
    assert User.objects.get_by_natural_key("ADA@EXAMPLE.COM").email == "ada@example.com"


def test_the_database_itself_takes_lower_case_only() -> None:
    """Else two accounts could differ by case, in spite of `unique`."""
    user = User.objects.create_user(email="ada@example.com")
    for email in ("Ada@example.com", "Else@Example.com"):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create(email=email)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(email="ADA@example.com")


def test_an_account_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs an email address"):
        User.objects.create_user(email="")


def test_without_a_password_nobody_signs_in() -> None:
    assert not User.objects.create_user(email="ada@example.com").has_usable_password()


def test_the_first_administrator_is_made_once() -> None:
    out = io.StringIO()
    call_command("create_first_administrator", stdout=out)
    password = re.findall(r"Password: +(\S{20})\n", out.getvalue())[0]
    assert "manage.py changepassword admin@example.com\n" in out.getvalue()
    user = User.objects.get()
    assert (user.email, user.is_superuser, user.is_staff) == ("admin@example.com", True, True)
    assert user.check_password(password)

    again = io.StringIO()
    call_command("create_first_administrator", stdout=again)
    assert again.getvalue() == ""
    assert User.objects.count() == 1
