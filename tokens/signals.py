"""What other applications in the project may listen to, sent once the change is committed.

Each has `token` and `request` (None from the command line); `token_renewed` has `successor` too, and `token_refused`
has `denial`. `token_refused` is for tokens whose secret was proven. `token_expired` comes from send_expiry_reminders,
once for each token. `token_used` has `use` and no `request`: a process met the token at an address that it had not met
it at before.
"""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import Signal

token_created = Signal()
token_renewed = Signal()
token_revoked = Signal()
token_refused = Signal()
token_expired = Signal()
token_used = Signal()


def after_commit(signal: Signal, *, token: Any, **arguments: Any) -> None:
    """Send `signal` when the transaction is through; a receiver that fails is logged and stops nobody."""
    transaction.on_commit(partial(signal.send_robust, sender=type(token), token=token, **arguments))
