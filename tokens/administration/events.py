"""All events in Django admin, of everybody: the list with filters and files."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from tokens.administration.event_filters import DetailsFilter
from tokens.administration.lists import USERNAME, ExportedAdmin
from tokens.audit.export import exact_time
from tokens.audit.log import newest_in_batches
from tokens.models import Event, EventQuerySet, account_name


class EventAdmin(ExportedAdmin):
    """The audit log: what happened to tokens and accounts."""

    list_display = (
        "at", "kind", "detail", "token_name", "identifier", "owner_shown", "actor", "address",
    )  # fmt: skip
    list_filter = ("kind", "at")
    list_select_related = ("owner__token_team", "actor")
    search_fields = (
        "token_name__contains_folded",
        "identifier",
        f"owner__{USERNAME}",
        f"actor__{USERNAME}",
    )
    fields = (*list_display, "user_agent")
    file_name = "events"
    export_columns = (
        "time", "event", "detail", "token_name", "token", "owner", "actor", "address",
        "user_agent",
    )  # fmt: skip

    @admin.display(description="Owner", ordering=f"owner__{USERNAME}")
    def owner_shown(self, event: Event) -> str:
        return account_name(event.owner) if event.owner else "-"

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (DetailsFilter, *self.list_filter)

    def exported_rows(self, rows: EventQuerySet) -> Iterator[dict[str, str]]:
        """Yield the values of each event, newest first. An actor is an account or some words."""
        events = rows.order_by("-at", "-pk").select_related("owner__token_team", "actor")
        for event in newest_in_batches(events):
            values = (
                exact_time(event.at), event.kind, event.detail, event.token_name,
                event.identifier, account_name(event.owner) if event.owner else "",
                event.actor.get_username() if event.actor else event.who,
                event.address or "", event.user_agent,
            )  # fmt: skip
            yield dict(zip(self.export_columns, values, strict=True))
