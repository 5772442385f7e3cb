"""The page of scopes that wait for the person's approval."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tokens.authentication.requests import PageRequest, actor_of
from tokens.forms.approvals import DecisionForm
from tokens.models import AlreadyDecided, ScopeRequest
from tokens.pages.approvals import past_decisions, waiting_for
from tokens.pages.rendering import render_page
from tokens.views.guards import ask_to_confirm


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def approvals(request: PageRequest) -> HttpResponse:
    """Show what waits for the person. On POST, approve or decline one request.

    Each decision needs fresh authentication. A request that the person may never decide gets 404.
    """
    if request.method != "POST":
        return show_approvals(request, DecisionForm())
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return show_approvals(request, form, 422)
    seen = ScopeRequest.objects.seen_by(request.user).select_related("token")
    wanted = get_object_or_404(seen, pk=form.cleaned_data["request"])
    if confirm := ask_to_confirm(request, request.path):
        return confirm
    approve = form.cleaned_data["decision"] == DecisionForm.APPROVE
    try:
        wanted.decide(
            request.user,
            approve=approve,
            reason=form.cleaned_data["reason"],
            actor=actor_of(request),
        )
    except AlreadyDecided as error:
        messages.warning(request, missed_words(error.request))
    else:
        what = "approved" if approve else "declined"
        messages.success(request, f"You {what} {wanted.scope} for “{wanted.token.name}”.")
    return redirect("tokens:approvals")


def show_approvals(request: PageRequest, form: DecisionForm, status: int = 200) -> HttpResponse:
    """Return the page with what waits for the person, and with the last decisions."""
    context = {
        "waiting": waiting_for(request.user),
        "past": past_decisions(request.user),
        "form": form,
    }
    return render_page(request, "tokens/approvals.html", context, status=status)


def missed_words(wanted: ScopeRequest) -> str:
    """Return why the person can't decide about `wanted` any more."""
    if wanted.decision in {ScopeRequest.Decision.APPROVED, ScopeRequest.Decision.DECLINED}:
        word = wanted.get_decision_display()
        return f"{word} already: {wanted.decision_in_words}. Nothing was changed now."
    if wanted.decision:
        return f"{wanted.scope} is no longer wanted for “{wanted.token.name}”."
    if wanted.token.expires_at <= timezone.now():
        return f"The token “{wanted.token.name}” has expired, so nothing can be decided."
    return "This request waits for somebody else: nobody decides about what they asked for."
