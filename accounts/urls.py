"""The URLs of the account pages, under /settings/."""

from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from accounts import views

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="profile"), name="settings"),
    path("profile/", views.profile, name="profile"),
    path("profile/address/", views.pending_address, name="pending_address"),
    path("profile/delete/", views.delete_account, name="delete_account"),
    path("security/", login_required(never_cache(views.SecurityView.as_view())), name="security"),
    path("sessions/", views.sessions, name="sessions"),
    path("theme/", views.theme, name="theme"),
    path("time-zone/", views.time_zone, name="time_zone"),
]
