"""Django's SMTP backend, changed to send many mails over one connection."""

from collections.abc import Sequence
from smtplib import SMTPSenderRefused, SMTPServerDisconnected

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

MAX_MAILS = 100  # over one connection, because mail servers also have such a limit
# With this code a mail server says that it closes the connection. The code is its answer to the
# first command of the next mail (RFC 5321 section 3.8).
CLOSING = 421


class EmailBackend(smtp.EmailBackend):
    """Open a new connection after MAX_MAILS mails, and when the server has closed the old one."""

    sent = 0  # mails over the current connection

    def open(self) -> bool | None:
        if self.sent >= MAX_MAILS:
            self.close()
        opened: bool | None = super().open()
        if opened:
            self.sent = 0
        return opened

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send the messages, and return how many were sent.

        If the server has closed a connection on which earlier mails were sent, connect and try
        once more.
        """
        try:
            count = super().send_messages(email_messages)
        except (SMTPServerDisconnected, SMTPSenderRefused) as error:
            if not self.sent or getattr(error, "smtp_code", CLOSING) != CLOSING:
                raise
            self.close()
            self.open()
            count = super().send_messages(email_messages)
        self.sent += count
        return count
