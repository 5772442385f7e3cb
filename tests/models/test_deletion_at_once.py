"""An account is deleted while its tokens change: the two wait for each other in one order."""

import threading

import pytest
from django.db import connection

from accounts.models import User
from tests.conftest import Issue
from tests.run import patience
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_deletion_locks_the_account_before_its_tokens(issue: Issue, owner: User) -> None:
    """Else a transfer, which locks the account first, and the deletion could deadlock."""
    token, _ = issue()

    def delete() -> None:
        User.objects.get(pk=owner.pk).delete()
        connection.close()

    deleting = threading.Thread(target=delete)
    with Token.objects.locked_for(owner.pk):
        deleting.start()
        deleting.join(timeout=1)  # it waits for the account
        free = Token.objects.select_for_update(nowait=True).filter(pk=token.pk)
        assert len(free) == 1  # raises OperationalError if the deletion has locked the token
    deleting.join(timeout=patience(6))
    assert not User.objects.filter(pk=owner.pk).exists()
    assert not Token.objects.exists()
