"""Send many mails over one connection to the mail server."""

from smtplib import SMTPDataError, SMTPRecipientsRefused

import django
from django.core import mail
from django.core.mail import EmailMultiAlternatives

# Errors about a single mail. The server may still take the next mail.
ABOUT_ONE_MAIL = (SMTPRecipientsRefused, SMTPDataError)
MAX_FAILURES = 3  # failures in a row, after which the server counts as away


class MailServer:
    """Sends mails over one connection.

    `is_away` becomes True when MAX_FAILURES mails in a row could not be given to a server. Then
    the caller should stop, because each further mail could wait for a time-out.
    """

    def __init__(self) -> None:
        self._backend = mail.mailers.default if django.VERSION >= (6, 1) else mail.get_connection()
        self._failures = 0

    @property
    def is_away(self) -> bool:
        """Return True if the server failed at least MAX_FAILURES times in a row."""
        return self._failures >= MAX_FAILURES

    def send(self, message: EmailMultiAlternatives) -> None:
        """Send `message`. Raise OSError (the base of smtplib's errors) if that fails."""
        try:
            # Open the connection here, because `send_messages` closes one that it opened itself.
            self._backend.open()
            self._backend.send_messages([message])
        except ABOUT_ONE_MAIL:
            self._failures = 0
            raise
        except OSError:
            self._failures += 1
            self.close()
            raise
        self._failures = 0

    def close(self) -> None:
        """Close the connection. The next mail opens another connection."""
        self._backend.close()
