"""The mail about an invitation to a team.

The mail goes only to an address that belongs to an account. A thread looks for the account, so
that neither the page nor its response time tells who has one. If the mail server fails, the mail
is lost: the page of teams shows the invitation anyway.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives
from django.db import connections, transaction
from django.template.loader import render_to_string
from django.urls import reverse

from tokens.core.accounts import email_of
from tokens.core.addresses import absolute_url
from tokens.core.running_tests import is_test_run
from tokens.core.text import one_line
from tokens.models import Invitation
from tokens.notifications.emails import Entry
from tokens.notifications.mail_server import MailServer
from tokens.token_settings import token_settings
from tokens.usage import metrics

log = logging.getLogger(__name__)
worker = ThreadPoolExecutor(1, "team-mails")


def send_invitation_soon(invitation: Invitation) -> None:
    """Let a thread send the mail about `invitation` after the commit. In tests nothing is sent."""
    transaction.on_commit(partial(_submit, invitation.pk))


def _submit(invitation_pk: int) -> None:
    with suppress(RuntimeError):  # the process is ending
        if not is_test_run():
            worker.submit(_send_invitation_in_thread, invitation_pk)


def _send_invitation_in_thread(invitation_pk: int) -> None:
    try:
        send_invitation(invitation_pk)
    finally:
        connections.close_all()


def send_invitation(invitation_pk: int) -> bool:
    """Send the mail, if the invitation still waits and its address belongs to an account.

    Return True if the mail was sent. Log errors and raise none.
    """
    server = MailServer()
    try:
        waiting = Invitation.objects.select_related("team", "invited_by")
        invitation = waiting.filter(pk=invitation_pk).first()
        if invitation is None or not (account := account_with(invitation.email)):
            return False
        server.send(invitation_mail(invitation, email_of(account)))
    except OSError as error:  # of the mail server or the network: a traceback says no more
        log.warning("a mail about an invitation could not be sent: %s", error)
    except Exception:
        log.exception("a mail about an invitation could not be sent")
    else:
        metrics.observe_mail("tokens", sent=True)
        return True
    finally:
        server.close()
    metrics.observe_mail("tokens", sent=False)
    return False


def account_with(email: str) -> Any:
    """Return a person's active account with this e-mail address, or None."""
    # A project may have given the manager another name than `objects`.
    users = get_user_model()._default_manager.filter(is_active=True, token_team=None)  # noqa: SLF001
    field = get_user_model().get_email_field_name()
    return users.filter(**{f"{field}__iexact": email}).first()


def invitation_mail(invitation: Invitation, to: str) -> EmailMultiAlternatives:
    """Return the mail that tells the person with the address `to` about `invitation`."""
    team = f"“{one_line(invitation.team.name)}”"
    inviter = one_line(invitation.inviter or "A manager")
    subject = f"{inviter} invited you to the team {team}"
    site_url = token_settings.SITE_URL
    entry = Entry(
        f"{invitation.get_role_display()} of {team}",
        [("Invited by", inviter)],
        ["If you accept, you can create, renew and revoke the tokens of the team."],
        "Accept or decline",
        absolute_url(site_url, reverse("token_teams:list")),
    )
    context = {"subject": subject, "intro": f"{subject}.", "entries": [entry], "others": 0}
    context |= {"site_url": site_url}
    message = EmailMultiAlternatives(
        subject,
        render_to_string("tokens/email/message.txt", context),
        to=[to],
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string("tokens/email/message.html", context), "text/html")
    return message
