"""The settings of a project that adds Tokenry: the part "Tokenry" at the end, and in urls.py.

`make test-project` runs the tests once with each of the variables ATOMIC_REQUESTS,
CRM_DATABASE_URL, REPLICA and SCRIPT_NAME.
"""

from pathlib import Path

import environ

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env("SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "office.urls"
FORCE_SCRIPT_NAME = env("SCRIPT_NAME", default=None)
STATIC_URL = "static/"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

AUTH_USER_MODEL = "people.User"
LOGIN_URL = "login"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "knox",
    "oauth2_provider",
    "rest_framework_api_key",
    "crm",
    "people",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR}/db.sqlite3")}
DATABASES["default"]["ATOMIC_REQUESTS"] = env.bool("ATOMIC_REQUESTS", default=False)
if "CRM_DATABASE_URL" in env:
    DATABASES["crm"] = env.db("CRM_DATABASE_URL")
    DATABASE_ROUTERS = ["office.routers.CrmRouter"]
if env.bool("REPLICA", default=False):
    DATABASES["replica"] = {**DATABASES["default"], "TEST": {"MIRROR": "default"}}
    DATABASE_ROUTERS = ["office.routers.ReplicaRouter"]


# Tokenry

INSTALLED_APPS += ["tokens", "django_htmx", "lucide"]
MIDDLEWARE += [
    "django_htmx.middleware.HtmxMiddleware",
    "tokens.middleware.TokenMiddleware",
]
TOKENRY = {"PEPPERS": env("TOKEN_PEPPERS"), "BASE_TEMPLATE": "base.html"}
TOKENRY["TEAM_USER"] = "people.teams.make_team_account"  # optional: teams own tokens too
