"""The activity pages: what happened to the person's account and tokens, to look through and to take away."""

from collections.abc import Iterator
from datetime import UTC

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tokens.activity import Activity, in_batches
from tokens.export import as_csv, as_json_lines
from tokens.models import EventQuerySet
from tokens.requests import PageRequest

COLUMNS = ("time", "event", "detail", "token_name", "token", "by", "address", "user_agent")
FORMATS = {
    "csv": (as_csv, "text/csv; charset=utf-8; header=present"),
    "jsonl": (as_json_lines, "application/jsonl; charset=utf-8"),
}


@login_required
@never_cache
@require_safe
def activity(request: PageRequest) -> HttpResponse:
    """Events, newest first; htmx asks for the filters and the list alone."""
    shown = Activity(request.user, request.GET.dict())
    if shown.held_secret:  # pasted whole into the search: get it out of the address
        return redirect(f"{reverse('activity')}{shown.same}")
    template = "tokens/_activity.html" if request.htmx.target == "activity" else "tokens/activity.html"
    return render(request, template, {"activity": shown}, status=422 if shown.form.errors else 200)


@login_required
@never_cache
@require_safe
def activity_export(request: PageRequest, form: str) -> HttpResponseBase:
    """The events that the page with the same query string shows, all of its pages, as a file."""
    chosen = Activity(request.user, request.GET.dict())
    if chosen.held_secret or chosen.form.errors:
        return redirect(f"{reverse('activity')}{chosen.same}")
    write, content_type = FORMATS[form]
    name = f"activity-{timezone.localdate():%Y-%m-%d}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(write(COLUMNS, rows(chosen.events)), content_type=content_type, headers=headers)


def rows(events: EventQuerySet) -> Iterator[dict[str, str]]:
    """The columns of each event; from where an administrator works stays out, as on the page."""
    for event in in_batches(events):
        values = (
            event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            event.kind,
            event.detail,
            event.token_name,
            event.identifier,
            event.who,
            (event.address or "") if event.shows_origin else "",
            event.user_agent if event.shows_origin else "",
        )
        yield dict(zip(COLUMNS, values, strict=True))
