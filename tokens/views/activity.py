"""The Activity page, which lists the events of a person's account and tokens, and its export."""

from collections.abc import Iterator

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from tokens.audit.export import as_download, exact_time
from tokens.audit.log import Activity, newest_in_batches
from tokens.models import EventQuerySet
from tokens.pages.event_days import group_by_day
from tokens.pages.page_owner import OwnerRequest
from tokens.pages.rendering import render_page
from tokens.views.guards import of_owner

COLUMNS = ("time", "event", "detail", "token_name", "token", "by", "address", "user_agent")


@of_owner
@require_safe
def activity(request: OwnerRequest) -> HttpResponse:
    """Show the events that match the filters in the URL, newest first.

    htmx gets only the filters and the list, not the rest of the page.
    """
    owner = request.page_owner
    shown = Activity(owner.account, request.GET.dict(), owner.slug)
    if shown.search_had_secret:  # somebody searched for a token's value: remove it from the URL
        return redirect(f"{reverse('tokens:activity')}{shown.query()}")
    template = (
        "tokens/_activity.html" if request.htmx.target == "activity" else "tokens/activity.html"
    )
    context = {"activity": shown, "days": group_by_day(shown.page.events)}
    return render_page(request, template, context, status=422 if shown.form.errors else 200)


@of_owner
@require_safe
def activity_export(request: OwnerRequest, form: str) -> HttpResponseBase:
    """Return a file with all events that match the filters in the URL, not only one page of them.

    `form` is "csv" or "jsonl" (a JSON object on each line). Redirect to the page if a filter is
    wrong, or if the search contains the secret value of a token, which is then removed from the
    URL.
    """
    owner = request.page_owner
    chosen = Activity(owner.account, request.GET.dict(), owner.slug)
    if chosen.search_had_secret or chosen.form.errors:
        return redirect(f"{reverse('tokens:activity')}{chosen.query()}")
    return as_download("activity", form, COLUMNS, exported_rows(chosen.events))


def exported_rows(events: EventQuerySet) -> Iterator[dict[str, str]]:
    """Yield the values of each event by the names of the COLUMNS.

    As on the page, address and User-Agent are left out if an administrator did what the event
    says.
    """
    for event in newest_in_batches(events):
        values = (
            exact_time(event.at),
            event.kind,
            event.detail,
            event.token_name,
            event.identifier,
            event.who,
            (event.address or "") if event.shows_origin else "",
            event.user_agent if event.shows_origin else "",
        )
        yield dict(zip(COLUMNS, values, strict=True))
