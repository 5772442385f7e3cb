"""Store sessions in the database, as Django does, but keep them when SECRET_KEY changes."""

from contextlib import suppress
from functools import partial

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.core import signing

from accounts.models import User


class SessionStore(db.SessionStore):
    """Store sessions as Django does, but keep them when SECRET_KEY changes.

    Signatures of sessions contain the name of this class. So the class has the name of Django's
    class.
    """

    def cycle_key(self) -> None:
        """Give the session a new session key, unless only SECRET_KEY has changed.

        Django calls this method at sign-in, and when an older SECRET_KEY made the session's hash
        of the password. In the second case a new session key would do harm: other requests, and
        the list of sessions, would not find the session. While two nodes have different values of
        SECRET_KEY, this would happen on nearly every request.
        """
        if not self.renew_hash():
            super().cycle_key()

    def renew_hash(self) -> bool:
        """Replace the hash of the password in the session, if an older SECRET_KEY made the hash.

        Return True if the hash was replaced.
        """
        user = User.objects.filter(pk=self[SESSION_KEY]).first() if SESSION_KEY in self else None
        if user is None or self.get(HASH_SESSION_KEY) not in set(
            user.get_session_auth_fallback_hash()
        ):
            return False
        self[HASH_SESSION_KEY] = user.get_session_auth_hash()
        return True


def sign_again(row: Session) -> bool:
    """Sign a session again with the current SECRET_KEY, if an older key signed it.

    Return True if the row was changed.
    """
    store = SessionStore()
    read = partial(
        signing.loads, row.session_data, salt=store.key_salt, serializer=store.serializer
    )
    try:
        read(fallback_keys=[])
    except signing.BadSignature:
        with suppress(signing.BadSignature):
            store.update(read())
    if store.is_empty():  # signed with the current key, or with an unknown key
        return False
    store.renew_hash()
    # If the data in the database differ, a request has changed and signed the session meanwhile.
    as_read = Session.objects.filter(pk=row.pk, session_data=row.session_data)
    return as_read.update(session_data=store.encode(dict(store.items()))) == 1
