"""URLs of the token pages: include("tokens.urls"), below any path.

The standalone product mounts the two lists at two places (config/urls.py).
"""

from django.urls import path

from tokens.core import converters  # noqa: F401  # registers a converter of paths
from tokens.troubleshooting import views as troubleshooting
from tokens.views import (
    activity,
    appearance,
    approvals,
    bulk,
    calendar,
    changes,
    confirm,
    help_pages,
    tokens,
    transfer,
    unused_scopes,
)

app_name = "tokens"
activity_patterns = [
    path("activity/", activity.activity, name="activity"),
    path("activity/export.csv", activity.activity_export, {"form": "csv"}, name="activity_csv"),
    path(
        "activity/export.jsonl", activity.activity_export, {"form": "jsonl"}, name="activity_jsonl"
    ),
]
approval_patterns = [path("approvals/", approvals.approvals, name="approvals")]
help_patterns = [
    path("help/", help_pages.guide, name="help"),
    path("accent.css", appearance.accent_sheet, name="accent"),
]
token_patterns = [
    path("", tokens.token_list, name="list"),
    path("confirm/", confirm.token_confirm, name="confirm"),
    path("new/", tokens.token_create, name="create"),
    path("offers/", transfer.token_offers, name="offers"),
    path("revoke-all/", bulk.token_revoke_all, name="revoke_all"),
    path("revoke-selected/", bulk.token_revoke_selected, name="revoke_selected"),
    path("troubleshoot/", troubleshooting.token_troubleshoot, name="troubleshoot"),
    path("calendar.ics", calendar.tokens_calendar, name="all_calendar"),
    path("<identifier:identifier>/", tokens.token_detail, name="detail"),
    path("<identifier:identifier>/edit/", changes.token_edit, name="edit"),
    path("<identifier:identifier>/narrow/", unused_scopes.token_narrow, name="narrow"),
    path("<identifier:identifier>/renew/", changes.token_renew, name="renew"),
    path("<identifier:identifier>/revoke/", tokens.token_revoke, name="revoke"),
    path("<identifier:identifier>/transfer/", transfer.token_transfer, name="transfer"),
    path("<identifier:identifier>/calendar.ics", calendar.token_calendar, name="calendar"),
]
urlpatterns = [*activity_patterns, *approval_patterns, *help_patterns, *token_patterns]
