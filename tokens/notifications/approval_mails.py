"""Mails to approvers: a scope waits for their decision. Each request is mailed once.

NOTE: A sender claims the requests, and sends the mails without a lock. If the mail server is away,
or if no approver could be told, the claim is given back, and the next mail about an approval or
the daily command tries again.
"""

import logging
from contextlib import closing, suppress
from datetime import datetime

from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives
from django.db import connections
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from tokens.core.accounts import email_of
from tokens.core.running_tests import is_test_run
from tokens.models import Membership, ScopeRequest, owner_name
from tokens.notifications import outbox
from tokens.notifications.emails import make_entry, quoted_name
from tokens.notifications.mail_server import MailServer
from tokens.token_settings import token_settings

log = logging.getLogger(__name__)
MAX_APPROVERS = 20  # who get a mail about one request
MAX_REQUESTS = 200  # in one run


def send_approval_mails(now: datetime) -> int:
    """Send a mail to each approver about the requests that nobody was told about.

    Return the number of mails.
    """
    unsent = ScopeRequest.objects.waiting().filter(mailed_at=None)
    sent = 0
    with closing(MailServer()) as server:
        for wanted in unsent.select_related("token__owner", "asked_by__token_team")[:MAX_REQUESTS]:
            if not unsent.filter(pk=wanted.pk).update(mailed_at=now):
                continue  # another sender has it
            addresses = addresses_of_approvers(wanted)
            results = [send_approval_mail(server, wanted, address) for address in addresses]
            sent += sum(results)
            if server.is_away or (addresses and not any(results)):
                ScopeRequest.objects.filter(pk=wanted.pk).update(mailed_at=None)
            if server.is_away:
                break
    return sent


def send_approval_mail(server: MailServer, wanted: ScopeRequest, address: str) -> bool:
    """Send one mail about `wanted`. Return False if that fails, or if the server is away."""
    if server.is_away:
        return False
    try:
        server.send(approval_mail(wanted, address))
    except Exception as error:  # no error may stop the mails to other approvers
        is_expected = isinstance(error, OSError)  # of the mail server: a traceback says no more
        log.warning("a mail to %s could not be sent: %s", address, error, exc_info=not is_expected)
        return False
    return True


def addresses_of_approvers(wanted: ScopeRequest) -> list[str]:
    """Return the addresses of those who may decide about `wanted`, MAX_APPROVERS at most."""
    users = get_user_model().objects.filter(is_active=True, token_team=None)
    own_team = Membership.objects.filter(team=wanted.token.team_id).values("user")
    others = ~Q(pk=wanted.asked_by_id) & ~Q(pk=wanted.token.owner_id) & ~Q(pk__in=own_team)
    if ScopeRequest.objects.without_approver().filter(pk=wanted.pk).exists():
        people = users.filter(others, is_superuser=True)
    else:
        people = users.filter(others, groups=wanted.approvers_id)
    addresses = map(email_of, people.order_by("pk")[:MAX_APPROVERS])
    return [address for address in addresses if address]


def approval_mail(wanted: ScopeRequest, address: str) -> EmailMultiAlternatives:
    """Return the mail to an approver, with a link to the page that has the button."""
    token = wanted.token
    facts = [
        ("Scope", wanted.scope),
        ("Owner", owner_name(token)),
        ("Asked by", wanted.asker_name or owner_name(token)),
    ]
    path = f"{reverse('tokens:approvals')}#request-{wanted.pk}"
    advice = ["The token works already, without this scope."]
    context = {
        "subject": f"{wanted.scope} for {quoted_name(token)} waits for your approval",
        "entries": [make_entry(token, facts, advice, "Approve or decline", path)],
        "site_url": token_settings.SITE_URL,
    }
    message = EmailMultiAlternatives(
        str(context["subject"]),
        render_to_string("tokens/email/message.txt", context),
        to=[address],
        headers={"Auto-Submitted": "auto-generated"},
    )
    html = render_to_string("tokens/email/message.html", context)
    message.attach_alternative(html, "text/html")
    return message


def send_approval_mails_soon() -> None:
    """Let the thread of the outbox send the mails. While tests run, nothing is sent."""
    with suppress(RuntimeError):  # the process is ending
        if not is_test_run():
            outbox.worker.submit(_send_approvals_in_thread)


def _send_approvals_in_thread() -> None:
    """Send the mails. Log errors and raise none."""
    try:
        send_approval_mails(timezone.now())
    except Exception:
        log.exception("mails to approvers could not be sent")
    finally:
        connections.close_all()
