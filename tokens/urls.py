"""The token pages, under /settings/."""

from django.urls import path

from tokens import (
    activity_views,
    bulk_views,
    calendar_views,
    converters,  # noqa: F401  (registers "identifier")
    life_views,
    narrow_views,
    troubleshoot_views,
    views,
)

urlpatterns = [
    path("activity/", activity_views.activity, name="activity"),
    path("activity/export.csv", activity_views.activity_export, {"form": "csv"}, name="activity_csv"),
    path("activity/export.jsonl", activity_views.activity_export, {"form": "jsonl"}, name="activity_jsonl"),
    path("tokens/", views.token_list, name="token_list"),
    path("tokens/new/", views.token_create, name="token_create"),
    path("tokens/revoke-all/", bulk_views.token_revoke_all, name="token_revoke_all"),
    path("tokens/revoke-selected/", bulk_views.token_revoke_selected, name="token_revoke_selected"),
    path("tokens/troubleshoot/", troubleshoot_views.token_troubleshoot, name="token_troubleshoot"),
    path("tokens/calendar.ics", calendar_views.tokens_calendar, name="tokens_calendar"),
    path("tokens/<identifier:identifier>/", views.token_detail, name="token_detail"),
    path("tokens/<identifier:identifier>/edit/", life_views.token_edit, name="token_edit"),
    path("tokens/<identifier:identifier>/narrow/", narrow_views.token_narrow, name="token_narrow"),
    path("tokens/<identifier:identifier>/renew/", life_views.token_renew, name="token_renew"),
    path("tokens/<identifier:identifier>/revoke/", views.token_revoke, name="token_revoke"),
    path("tokens/<identifier:identifier>/calendar.ics", calendar_views.token_calendar, name="token_calendar"),
]
