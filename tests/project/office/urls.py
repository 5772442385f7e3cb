"""The URLs of the project, and those of Tokenry at the end."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import include, path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework.routers import DefaultRouter

from crm import views
from crm.api import api
from tokens.decorators import token_required

router = DefaultRouter()
router.register("contacts", views.ContactViewSet)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("api/login/", obtain_auth_token),
    path("api/status/", views.status),
    path("api/report/", views.report),
    path("api/slow-report/", views.slow_report),
    path("api/summary/", token_required("reports:read")(views.Summary.as_view())),
    path("api/", include(router.urls)),
    path("ninja/", api.urls),
    path("o/", include("oauth2_provider.urls")),
]

urlpatterns += [
    path("settings/tokens/", include("tokens.urls")),
    path("tokens/v1/", include("tokens.api.urls")),  # optional: the HTTP API
    path("gateway/", include("tokens.verify_urls")),  # optional: /gateway/verify
]
