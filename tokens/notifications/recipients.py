"""Who gets the mails about tokens: the owner, or the members of the team that owns the tokens.

NOTE: All members get the same mail, with their addresses in Bcc. The mail server takes this mail
for all of them or for nobody. So a mail that failed is sent again as a whole, and nobody gets it
twice; with a mail for each member, every row would have to know who got it. The price: the times
in the mail are in the time zone of the team's account, UTC in the standalone product. The mail
says so.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.mail import EmailMultiAlternatives

from tokens.core.accounts import email_of
from tokens.models import Membership, Notification, Token
from tokens.models.owner import owner_columns

# The mails that managers get if no member of the team wants mails.
SECURITY = {
    Notification.Kind.CREATED,
    Notification.Kind.IMPORTED,
    Notification.Kind.REVOKED,
    Notification.Kind.USED_REVOKED,
    Notification.Kind.BROKEN_POLICY,
    Notification.Kind.SCOPE_DECIDED,
}
MAX_RECIPIENTS = 100  # of one mail, because mail servers refuse mails to too many addresses


class Recipients(NamedTuple):
    """The addresses that get mails about one owner's tokens. Some get only those of SECURITY."""

    addresses: list[str]
    only_security: bool = False

    def choose(self, notifications: Sequence[Notification]) -> list[Notification]:
        """Return the notifications that the recipients get; none if there are no recipients."""
        if not self.addresses:
            return []
        return [each for each in notifications if not self.only_security or each.kind in SECURITY]

    def address(self, mail: EmailMultiAlternatives) -> None:
        """Address `mail` to the recipients. Several recipients do not see each other."""
        if len(self.addresses) == 1:
            mail.to = self.addresses
        else:
            mail.to, mail.bcc = [], self.addresses
            mail.extra_headers["To"] = "undisclosed-recipients:;"  # RFC 5322 section A.1.3


def recipients_of(token: Token, account: AbstractBaseUser | None = None) -> Recipients:
    """Return who gets a mail about `token`. It goes to `account`, or to the owner if that is None.

    For a team these are the members who want mails. If there are none, the managers get the mails
    of SECURITY. Accounts that are switched off get no mails.
    """
    team = token.team_id if account is None else owner_columns(account)["team_id"]
    if team is None:
        return Recipients(addresses_of([account or token.owner]))
    members = Membership.objects.filter(team_id=team, user__is_active=True)
    # "manager" comes before "member".
    members = members.select_related("user").order_by("role", "pk")
    if wanting := addresses_of(each.user for each in members if each.wants_mails):
        return Recipients(wanting)
    managers = [each.user for each in members if each.role == Membership.Role.MANAGER]
    return Recipients(addresses_of(managers), only_security=True)


def addresses_of(people: Iterable[Any]) -> list[str]:
    """Return the e-mail addresses of at most MAX_RECIPIENTS `people`, each once."""
    addresses = dict.fromkeys(filter(None, map(email_of, people)))
    return list(addresses)[:MAX_RECIPIENTS]
