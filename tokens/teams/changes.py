"""The changes that people make on the page of a team. Each is a function of the request.

A function returns a response, or None for the page of the team. It raises TeamChangeRefused, or
InvalidForm for a form with errors.
"""

from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from tokens.authentication.requests import PageRequest, actor_of
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.models import Membership, TeamChangeRefused
from tokens.rate_limits.counters import hit_invitation
from tokens.teams.forms import InviteForm, NameForm
from tokens.teams.mails import send_invitation_soon
from tokens.views.guards import ask_to_confirm

MAX_KEY_DIGITS = 18  # of a primary key, which each database can compare


class InvalidForm(Exception):
    """Somebody sent a form with errors, which the page shows."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form


def invite_person(request: PageRequest, own: Membership) -> HttpResponse | None:
    """Invite a person by e-mail. The answer does not tell whether the person has an account.

    This needs fresh authentication: a new member can do much with the team's tokens.
    """
    form = InviteForm(request.POST)
    if not form.is_valid():
        raise InvalidForm(form)
    page = reverse("token_teams:team", args=[own.team_id])
    typed = urlencode(form.cleaned_data)
    if response := ask_to_confirm(request, f"{page}?{typed}#invite"):
        return response
    email, role = form.cleaned_data["email"], form.cleaned_data["role"]
    try:
        ensure_few_invitations(request)
        invitation = own.team.invite(email, role, actor_of(request))
    except TeamChangeRefused as refused:
        form.add_error("email", str(refused))
        raise InvalidForm(form) from None
    send_invitation_soon(invitation)
    messages.success(
        request,
        f"{invitation.email} is invited. If the address belongs to an account, a mail is on its "
        "way; the invitation waits on the person's page of teams.",
    )
    return None


def ensure_few_invitations(request: PageRequest) -> None:
    """Count the invitation. Raise TeamChangeRefused if the person invited too many people."""
    try:
        result = hit_invitation(str(request.user.pk))
    except ServiceUnavailable:
        words = "Invitations can't be counted at the moment. Try again in a few seconds."
        raise TeamChangeRefused("unavailable", words) from None
    if not result.admitted:
        words = f"You invited many people lately. Wait {result.retry_after} seconds."
        raise TeamChangeRefused("too_many_at_once", words)


def withdraw(request: PageRequest, own: Membership) -> None:
    """Withdraw an invitation."""
    email = request.POST.get("email", "").replace("\0", "")
    own.team.withdraw(email, actor_of(request))
    messages.success(request, f"The invitation for {email} is withdrawn.")


def change_role(request: PageRequest, own: Membership) -> HttpResponse | None:
    """Give a member another role. To make somebody a manager needs fresh authentication."""
    member, role = member_in(request, own), request.POST.get("role", "")
    if role not in Membership.Role:
        raise Http404
    page = reverse("token_teams:team", args=[own.team_id])
    if role == Membership.Role.MANAGER and (response := ask_to_confirm(request, page)):
        return response
    own.team.change_role(member.user_id, role, actor_of(request))
    messages.success(request, f"{member.name} is a {role} now.")
    return None


def remove(request: PageRequest, own: Membership) -> HttpResponse | None:
    """Remove a member. People who remove themselves go to the list of their teams."""
    member = member_in(request, own)
    if member == own:
        return leave(request, own)
    own.team.remove(member.user_id, actor_of(request))
    messages.success(request, f"{member.name} is not in the team any more.")
    return None


def leave(request: PageRequest, own: Membership) -> HttpResponse:
    """Let the person leave the team."""
    own.team.remove(own.user_id, actor_of(request))
    messages.success(request, f"You left the team “{own.team}”.")
    return redirect("token_teams:list")


def choose_mails(request: PageRequest, own: Membership) -> None:
    """Store whether the person wants mails about the team's tokens."""
    wants_mails = "wants_mails" in request.POST
    Membership.objects.filter(pk=own.pk).update(wants_mails=wants_mails)
    mails = "mails" if wants_mails else "no mails"
    messages.success(request, f"You get {mails} about the tokens of this team.")


def rename(request: PageRequest, own: Membership) -> None:
    """Change the name of the team."""
    form = NameForm(request.POST)
    if not form.is_valid():
        raise InvalidForm(form)
    own.team.rename(form.cleaned_data["name"], actor_of(request))
    messages.success(request, "The name is changed.")


def member_in(request: PageRequest, own: Membership) -> Membership:
    """Return the membership in the same team that the request names. Raise Http404 without one."""
    key = request.POST.get("member", "")
    if not (key.isascii() and key.isdecimal() and len(key) <= MAX_KEY_DIGITS):
        raise Http404
    return get_object_or_404(own.team.memberships.select_related("user"), pk=key)


class TeamChange(NamedTuple):
    """A change on the page of a team, and whether only managers may make it."""

    make: Callable[[PageRequest, Membership], HttpResponse | None]
    needs_manager: bool = True


# By the value of the field `do`.
CHANGES = {
    "invite": TeamChange(invite_person),
    "withdraw": TeamChange(withdraw),
    "role": TeamChange(change_role),
    "remove": TeamChange(remove),
    "rename": TeamChange(rename),
    "leave": TeamChange(leave, needs_manager=False),
    "mails": TeamChange(choose_mails, needs_manager=False),
}
