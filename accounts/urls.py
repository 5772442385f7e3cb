"""The account pages, under /settings/."""

from django.contrib.auth.decorators import login_required
from django.urls import path
from django.views.decorators.cache import never_cache

from accounts import views

urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("profile/delete/", views.delete_account, name="delete_account"),
    path("security/", login_required(never_cache(views.SecurityView.as_view())), name="security"),
    path("sessions/", views.sessions, name="sessions"),
    path("theme/", views.theme, name="theme"),
]
