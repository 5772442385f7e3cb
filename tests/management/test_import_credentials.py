"""Imports of what other programs store: limits of slow hashes, and two imports at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils import timezone

from accounts.models import User
from tokens.management.importing.action import import_all
from tokens.management.importing.check import CheckedTokens
from tokens.management.importing.foreign_token import ForeignToken, credential_of
from tokens.management.importing.installed_packages import MAX_ITERATIONS, credential_of_key
from tokens.models import ImportedToken, Source


def test_a_slow_hash_that_would_keep_others_waiting() -> None:
    hashed = PBKDF2PasswordHasher().encode("a key", "salt", 1000)
    assert credential_of_key("Ab3dEf9h", hashed).slow_hash == hashed
    with pytest.raises(ValueError, match=f"{MAX_ITERATIONS + 1} iterations"):
        credential_of_key("Ab3dEf9h", hashed.replace("$1000$", f"${MAX_ITERATIONS + 1}$"))


@pytest.mark.services
@pytest.mark.django_db
def test_another_import_gives_the_token_to_somebody_else(
    owner: User, teammate: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ForeignToken("line 1", "Billing", credential_of("v" * 20), owner)
    token.expires_at, token.environment = timezone.now() + timedelta(days=30), "live"

    ImportedToken.objects.add(
        token.credential,
        owner=teammate,
        source=Source.FILE,
        name="Billing",
        environment="live",
        expires_at=token.expires_at,
    )

    def too_early(*_: Any) -> Any:
        """Do not see the token, as if the other import had ended right after the query."""
        monkeypatch.undo()
        return ImportedToken.objects.none()

    monkeypatch.setattr(ImportedToken.objects, "filter", too_early)
    checked = CheckedTokens(new=[token])
    import_all(checked, Source.FILE)
    assert (checked.new, checked.known, checked.wrong) == ([], [token], [])
