"""The URLs of single sign-on. django-allauth includes them below /accounts/."""

from allauth.decorators import rate_limit
from django.urls import path

from accounts.oidc import views

# Each request makes a session and may lead to a request to the provider.
limited = rate_limit(action="login")

urlpatterns = [
    path("oidc/login/", limited(views.begin_sign_on), name="openid_connect_login"),
    path("oidc/callback/", views.callback, name="openid_connect_callback"),
    path("oidc/confirm/", limited(views.confirm_at_provider), name="openid_connect_confirm"),
    path("oidc/logout/", views.logout_from_provider, name="openid_connect_logout"),
]
