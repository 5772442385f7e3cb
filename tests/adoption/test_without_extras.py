"""A project that installs Tokenry without extras, and has no PostgreSQL."""

import os
import subprocess
import sys

from tests.run import ROOT, patience

# None in sys.modules makes an import fail, as if the package were not installed.
PROJECT = """
import sys
MISSING = ["accounts", "allauth", "config", "ninja", "prometheus_client", "psycopg", "psycopg2",
           "pydantic", "rest_framework"]
sys.modules.update(dict.fromkeys(MISSING))

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path
from tokens.decorators import token_required

@token_required("reports:read")
def report(request):
    return HttpResponse(request.user.username)

MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware", "tokens.middleware.TokenMiddleware"]
APPS = ["admin", "auth", "contenttypes", "messages", "sessions", "staticfiles"]
PROCESSORS = ["django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages"]
settings.configure(
    SECRET_KEY="k" * 50, ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE, STATIC_URL="static/",
    INSTALLED_APPS=[*(f"django.contrib.{app}" for app in APPS), "tokens", "django_htmx", "lucide"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": PROCESSORS}}],
    TOKENRY={"PEPPERS": "1:" + "p" * 40},
)
django.setup()
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from tokens.testing import issue, token_client

urlpatterns = [path("report/", report), path("admin/", admin.site.urls),
               path("tokens/", include("tokens.urls")), path("", include("tokens.verify_urls"))]
setup_test_environment()
call_command("migrate", verbosity=0)
user = User.objects.create_superuser("ann")
client = token_client(issue(user, ["reports:read"]))
call_command("check", databases=["default"])
print(client.get("/report/").content, client.get("/verify").status_code)
browser = Client()
browser.force_login(user)
for page in ("/tokens/", "/tokens/new/", "/admin/tokens/token/"):
    print(page, browser.get(page).status_code)
"""


def test_tokens_and_pages_work_without_extras() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROJECT],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4:] == [
        "b'ann' 200",
        "/tokens/ 200",
        "/tokens/new/ 200",
        "/admin/tokens/token/ 200",
    ]
