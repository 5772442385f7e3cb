"""The pages of teams: my teams, a new team, one team, and its end."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import pluralize
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from tokens.authentication.requests import PageRequest, actor_of
from tokens.models import Invitation, Membership, Team, TeamChangeRefused, Token
from tokens.pages.rendering import render_page
from tokens.teams.changes import CHANGES, InvalidForm
from tokens.teams.forms import InviteForm, NameForm, TeamForm, suggested_slug
from tokens.teams.guards import as_member, where_teams_are_on
from tokens.views.guards import ask_to_confirm

MAX_LISTED_TOKENS = 50  # on the page that deletes a team


@where_teams_are_on
@require_http_methods(["GET", "HEAD", "POST"])
def team_list(request: PageRequest) -> HttpResponse:
    """Show the person's teams and invitations. On POST, accept or decline an invitation."""
    invitations = Invitation.objects.to(request.user).select_related("team", "invited_by")
    if request.method == "POST":
        slug = request.POST.get("team", "").replace("\0", "")
        return answer_invitation(request, get_object_or_404(invitations, team_id=slug).team)
    still_works = Q(
        team__account__tokens__revoked_at=None,
        team__account__tokens__expires_at__gt=timezone.now(),
    )
    memberships = (
        Membership.objects.filter(user_id=request.user.pk)
        .select_related("team")
        .annotate(active_tokens=Count("team__account__tokens", filter=still_works))
        .order_by("team__name", "team_id")
    )
    context = {"memberships": memberships, "invitations": invitations.order_by("team__name")}
    return render_page(request, "tokens/teams/list.html", context)


def answer_invitation(request: PageRequest, team: Team) -> HttpResponse:
    """Accept or decline the person's invitation to `team`, as the button that was used says."""
    accept = request.POST.get("answer") == "accept"
    try:
        team.answer(request.user, accept=accept, actor=actor_of(request))
    except Team.DoesNotExist:
        raise Http404 from None
    if not accept:
        messages.success(request, f"You declined the invitation to “{team}”.")
        return redirect("token_teams:list")
    messages.success(request, f"You are in the team “{team}” now.")
    return redirect("token_teams:team", team.pk)


@where_teams_are_on
@require_http_methods(["GET", "HEAD", "POST"])
def team_create(request: PageRequest) -> HttpResponse:
    """Show the form. On POST, make a team whose manager is the person.

    htmx asks for the form with the name in the URL, to get the short name made from the name.
    """
    if request.method != "POST":
        name, slug = request.GET.get("name", ""), request.GET.get("slug", "")
        form = TeamForm(initial={"name": name, "slug": slug or suggested_slug(name)})
        return render_page(request, "tokens/teams/create.html", {"form": form})
    form = TeamForm(request.POST)
    if form.is_valid():
        try:
            team = Team.make(
                **form.cleaned_data, members={request.user: "manager"}, actor=actor_of(request)
            )
        except TeamChangeRefused as refused:
            form.add_error("slug" if refused.code == "slug_taken" else None, str(refused))
        else:
            messages.success(request, f"“{team}” was created. Invite people, or create a token.")
            return redirect("token_teams:team", team.pk)
    return render_page(request, "tokens/teams/create.html", {"form": form}, status=422)


@as_member
@require_http_methods(["GET", "HEAD", "POST"])
def team_page(request: PageRequest, own: Membership) -> HttpResponse:
    """Show the team. On POST, do what the value of the field `do` says: see CHANGES.

    `own` is the membership of the person. Only managers may make most changes.
    """
    if request.method != "POST":
        return show_team(request, own)
    change = CHANGES.get(request.POST.get("do", ""))
    if change is None:
        raise Http404
    if change.needs_manager and not own.is_manager:
        raise PermissionDenied
    try:
        return change.make(request, own) or redirect("token_teams:team", own.team_id)
    except TeamChangeRefused as refused:
        return show_team(request, own, refused=str(refused))
    except InvalidForm as invalid:
        return show_team(request, own, invalid.form)


def show_team(
    request: PageRequest, own: Membership, form: object = None, refused: str = ""
) -> HttpResponse:
    """Return the page of the team. `form` has errors, and `refused` says why a change failed."""
    team = own.team
    role = request.GET.get("role") or Membership.Role.MEMBER
    typed = {"email": request.GET.get("email", ""), "role": role}
    context = {
        "team": team,
        "own": own,
        "members": team.memberships.select_related("user").order_by("joined_at", "pk"),
        "invitations": team.invitations.order_by("made_at", "pk"),
        "active_tokens": Token.objects.owned_by(team.account).active().count(),
        "invite": form if isinstance(form, InviteForm) else InviteForm(initial=typed),
        "rename": form if type(form) is NameForm else NameForm(initial={"name": team.name}),
        "refused": refused,
    }
    status = 409 if refused else 422 if form else 200
    return render_page(request, "tokens/teams/team.html", context, status=status)


@as_member
@require_http_methods(["GET", "HEAD", "POST"])
def team_delete(request: PageRequest, own: Membership) -> HttpResponse:
    """Show which tokens end with the team. On POST, delete the team, with fresh authentication."""
    if not own.is_manager:
        raise PermissionDenied
    team = own.team
    if request.method == "POST":
        if response := ask_to_confirm(request, request.path):
            return response
        count = team.dissolve(actor_of(request))
        revoked = f" {count} token{pluralize(count)} revoked." if count else ""
        messages.success(request, f"The team “{team.name}” is deleted.{revoked}")
        return redirect("token_teams:list")
    active = Token.objects.owned_by(team.account).active()
    count = active.count()
    context = {
        "team": team,
        "tokens": active.select_related("imported")[:MAX_LISTED_TOKENS],
        "count": count,
        "others": max(0, count - MAX_LISTED_TOKENS),
        "members": team.memberships.count(),
    }
    return render_page(request, "tokens/teams/delete.html", context)
