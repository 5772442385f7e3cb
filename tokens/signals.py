"""Signals about tokens, for other applications in the project.

Signals about changes are sent after the commit. On PostgreSQL, other processes may use the old
row for up to 260 ms after the commit.

Signal          Arguments
token_created   token, actor (a tokens.models.Actor; None for the command line)
token_imported  token, actor (None). Sent instead of token_created.
token_renewed   token, successor (the token that replaces it), actor
token_revoked   token, actor, reason (for example "compromised", or "")
token_offered   token, offer (a TransferOffer), actor
token_transferred  token (of its new owner), giver (the former owner), actor
token_expired   token. Sent once for each token, by `send_expiry_reminders`.
token_refused   token, problem (the error answer), record. Sent only if the secret is right.
approval_asked  token. Scopes of the token wait for approval.
scope_decided   token, request (a ScopeRequest). Somebody approved or declined a scope.
token_used      token, record. Sent when a process sees the token at a new address.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

token_created = Signal()
token_imported = Signal()
token_renewed = Signal()
token_revoked = Signal()
token_offered = Signal()
token_transferred = Signal()
token_refused = Signal()
token_expired = Signal()
token_used = Signal()
approval_asked = Signal()
scope_decided = Signal()


def send_after_commit(signal: Signal, *, token: Any, **arguments: Any) -> None:
    """Send `signal` when the current transaction is committed.

    If a receiver raises an error, the error is logged, and the other receivers still get the
    signal.
    """
    transaction.on_commit(
        partial(signal.send_robust, sender=type(token), token=token, **arguments)
    )
