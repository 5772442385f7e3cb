"""Locks: how a change keeps other transactions from changing the tokens of the same owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import models, transaction

if TYPE_CHECKING:
    from tokens.models.token import Token


class LockingQuerySet(models.QuerySet["Token"]):
    """A query for tokens that can lock the tokens of an owner."""

    @contextmanager
    def locked_for(self, *owner_pks: Any) -> Iterator[list[Any]]:
        """Open a transaction in which nobody else can change the tokens of these owners.

        `owner_pks` are the primary keys of their accounts. Yield these accounts in the same order.
        The transaction ends with the `with` block. Raise User.DoesNotExist if an account was
        deleted.
        """
        # NOTE: Locks are always taken in the same order: first the owners by ascending primary
        # key, then scopes, then tokens by ascending primary key. So two transactions never wait
        # for each other for ever (a deadlock). The price: changes to the tokens of one owner run
        # one after the other. `no_key` lets other transactions insert rows that refer to the
        # owner. SQLite has no row locks; there the transaction locks the whole database.
        with transaction.atomic():
            lockable = get_user_model().objects.select_for_update(no_key=True)
            accounts = {pk: lockable.get(pk=pk) for pk in sorted(set(owner_pks))}
            yield [accounts[pk] for pk in owner_pks]

    @contextmanager
    def locked(self, token: Token) -> Iterator[None]:
        """Lock the tokens of the owner of `token`, as `locked_for` does.

        Raise Token.DoesNotExist if the token has another owner now: then the caller may not
        change the token, and the lock is on the wrong owner.
        """
        with self.locked_for(token.owner_id):
            self.model.objects.only("pk").get(pk=token.pk, owner_id=token.owner_id)
            yield
