"""Routes of the HTTP API, version 1."""

from django.urls import path

from tokens.api import views

urlpatterns = [
    path("token", views.calling_token, name="api_token"),
]
