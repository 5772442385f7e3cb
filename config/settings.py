"""Tokenry's settings. An operator may change those in docs/settings.md (environment variables)."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import account_forms, account_limits, caches, databases, logging_config, transport
from config.environment import (
    dotenv,
    local_settings,
    logo_file,
    service_urls,
    sign_on_variables,
    token_variables,
    variables,
)
from config.environment.secret_values import default_of
from config.environment.variables import setting
from tokens.core import setting_values
from tokens.core.setting_values import boolean, networks, one_of, whole_number

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(mode=0o700, exist_ok=True)

# If a variable is in both, the process environment wins.
dotenv.load_file(Path(os.environ.get("ENV_FILE") or BASE_DIR / ".env"))

# Server

DEBUG = setting("DEBUG", "false", boolean)
HOST = setting("HOST", "127.0.0.1", variables.host)
PORT = setting("PORT", "8000", whole_number(1, 65535))
WEB_WORKERS = setting("WEB_WORKERS", "1", whole_number(1, 64))
WEB_THREADS = setting("WEB_THREADS", "4", whole_number(1, 256))
REQUEST_SECONDS = setting("REQUEST_SECONDS", "10", whole_number(1, 600))
KEEPALIVE_SECONDS = setting("KEEPALIVE_SECONDS", "75", whole_number(1, 3600))
DRAIN_SECONDS = setting("DRAIN_SECONDS", "0", whole_number(0, 3600))
REDIS_URL = setting("REDIS_URL", "", service_urls.redis_url, secret=True)
if WEB_WORKERS > 1 and not REDIS_URL:
    raise ImproperlyConfigured(
        f"WEB_WORKERS is {WEB_WORKERS}; it takes 1 while REDIS_URL is not set, because limits "
        "counted in each process alone would not hold."
    )
SERVE_ONLY = os.environ.get("TOKENRY_SERVE_ONLY", "")  # set by `manage.py serve --only`
SITE_URL = setting("SITE_URL", f"http://localhost:{PORT}", setting_values.site_url)
TRUSTED_PROXIES = setting("TRUSTED_PROXIES", "", networks)
FORWARDED_HEADER = setting(
    "FORWARDED_HEADER", "x-forwarded-for", one_of("x-forwarded-for", "forwarded")
)
SITE_HOST = setting_values.site_host(SITE_URL)
SITE_PATH = setting_values.site_path(SITE_URL)  # such as "/tokens"; usually ""
HTTPS = SITE_URL.startswith("https:")
ALLOWED_HOSTS = [*setting("ALLOWED_HOSTS", "127.0.0.1,localhost", variables.hosts), SITE_HOST]
CSRF_TRUSTED_ORIGINS = [SITE_URL.removesuffix(SITE_PATH)]
CSRF_FAILURE_VIEW = "config.error_pages.csrf_failure"
WSGI_APPLICATION = "config.wsgi.application"
ROOT_URLCONF = "config.urls"
# config/site_path.py removes the path from what Django sees of a request. Django adds it to links.
FORCE_SCRIPT_NAME = SITE_PATH or None
EXTRA_URLS: list[tuple[str, str]] = []  # docs/local-settings.md
PRODUCT_NAME = setting("PRODUCT_NAME", "Tokenry", setting_values.display_name)
LOGO = setting("LOGO", "", logo_file.read_logo)


# Secrets: in the environment or in files; with SQLite, made on the first start and kept in var/

DATABASE = databases.database_settings(BASE_DIR)
SECRET_KEY = setting(
    "SECRET_KEY", default_of("SECRET_KEY", DATABASE), variables.at_least(32), secret=True
)
SECRET_KEY_FALLBACKS = setting("SECRET_KEY_FALLBACKS", "", variables.older_keys, secret=True)
TOKEN_PEPPERS = setting(
    "TOKEN_PEPPERS",
    default_of("TOKEN_PEPPERS", DATABASE, "1:"),
    setting_values.peppers,
    secret=True,
)


# Tokens

METRICS_TOKEN = setting("METRICS_TOKEN", "", variables.bearer_secret, secret=True)
METRICS_ADDRESSES = setting("METRICS_ADDRESSES", "", networks)
VERIFY_SHORTCUT = setting("VERIFY_SHORTCUT", "on", boolean)
TOKENRY = {
    **token_variables.read_token_settings(TOKEN_PEPPERS),
    "API_PREFIXES": ["/api/", "/verify/", "/.well-known/oauth-protected-resource/"],
    "ALL_CHANGES_WAIT": True,
    "BASE_TEMPLATE": "settings.html",
    "FRESH_AUTHENTICATION": "accounts.reauthentication.confirm_if_stale",
    "TEAM_USER": "accounts.teams.make_team_account",
    "HAS_SECOND_FACTOR": "accounts.second_factor.has_second_factor",
    "PRODUCT_NAME": PRODUCT_NAME,
    "SITE_URL": SITE_URL,
    "REDIS_URL": REDIS_URL,
    "REQUEST_LOG": setting(
        "REQUEST_LOG", "plain" if DEBUG else "json", one_of("json", "plain", "off")
    ),
    "METRICS": bool(METRICS_TOKEN or METRICS_ADDRESSES),
}


# Applications

INSTALLED_APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "config.apps.ConfigConfig",
    "accounts",
    "accounts.oidc",
    "tokens",
    "config.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "csp",
    "django_htmx",
    "lucide",
]
MIDDLEWARE = [
    "config.middleware.ProxyMiddleware",
    "config.server.server_parts.PartMiddleware",
    "config.tracing.TracingMiddleware",
    "tokens.middleware.TokenMiddleware",
    # What follows is only for pages: TokenMiddleware answers /api/, ProbeMiddleware the probes.
    "config.health.probes.ProbeMiddleware",
    "config.metrics.PageMetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.BodyLimitMiddleware",
    "config.middleware.TokenInAddressMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.TryAgainMiddleware",
    "accounts.middleware.NotKeptMiddleware",
    "config.middleware.PageCompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SignInMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SessionMiddleware",
    "accounts.oidc.middleware.OnlyProviderMiddleware",
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
                "accounts.extension_points.layout",
            ],
        },
    },
]


# Database and counters

DATABASES = {"default": DATABASE}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": caches.cache_settings(REDIS_URL)}


# Accounts: people sign in by e-mail, with django-allauth, also to Django admin

SIGNUP_OPEN = setting("SIGNUP_OPEN", "false", boolean)
SIGN_ON = sign_on_variables.read_sign_on()
FRESH_AUTHENTICATION_SECONDS = 60 * setting(
    "FRESH_AUTHENTICATION_MINUTES", "15", whole_number(1, 1440)
)
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 3600 * setting("SESSION_IDLE_HOURS", "336", whole_number(1, 8760))
SESSION_MAX_SECONDS = 86400 * setting("SESSION_MAX_DAYS", "30", whole_number(1, 365))
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["accounts.passwords.OneAtATimeHasher"]
VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "accounts.passwords.MaximumLengthValidator", "OPTIONS": {"max_length": 128}},
    {"NAME": f"{VALIDATION}.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.NormalFormValidator"},
]
LOGIN_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
LOGIN_REDIRECT_URL = "tokens:list"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.oidc.people.SignOnAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_FORMS = account_forms.OF_ACCOUNTS
ACCOUNT_RATE_LIMITS = account_limits.LIMITS_OF_ATTEMPTS
ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # otherwise a person could use another's address
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # so that nobody can make us write to strangers
# With "strict", an unconfirmed change of address does not block a sign-up with that address.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = None
# No code by mail, because everybody who can read the person's mails could use such a code.
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
ACCOUNT_REAUTHENTICATION_TIMEOUT = FRESH_AUTHENTICATION_SECONDS
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # seconds; for invitations too
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

MFA_FORMS = account_forms.OF_SECOND_FACTORS
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # ACCOUNT_EMAIL_VERIFICATION decides who may sign in
MFA_TOTP_ISSUER = PRODUCT_NAME
MFA_TOTP_PERIOD = 30  # seconds
MFA_TOTP_TOLERANCE = 1  # periods before and after, because clocks differ
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS


# Transport and cookies: SITE_URL decides

COOKIE_SUFFIX: str  # transport_settings sets it
vars().update(transport.transport_settings(HTTPS, SITE_PATH))
SECURE_REFERRER_POLICY = "same-origin"
MESSAGE_STORAGE = "config.message_storage.Storage"
X_FRAME_OPTIONS = "DENY"
# HSTS for subdomains and preloading would force https on other sites of the same domain.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
FORBIDDEN = ("default-src", "base-uri", "frame-ancestors", "object-src")
OWN_SITE = ("script-src", "style-src", "img-src", "connect-src", "form-action")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {kind: ["'none'"] for kind in FORBIDDEN}
    | {kind: ["'self'"] for kind in OWN_SITE}
}


# E-mail

MAILS_ARE_PRINTED: bool  # email_settings, below, sets it
vars().update(setting("EMAIL_URL", "consolemail://", variables.email_settings, secret=True))
MAIL_FROM = setting(
    "MAIL_FROM",
    variables.default_sender(PRODUCT_NAME, variables.mail_domain(SITE_HOST)),
    variables.mail_sender,
)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = MAIL_FROM


# Static files: collectstatic compresses them and names them after their content

STATIC_URL = f"{SITE_PATH}/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


# Time, language and forms

TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "config.formats"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # templates/django/forms/field.html
# No form takes a file. Django would write an uploaded file to the disk before any view.
FILE_UPLOAD_HANDLERS: list[str] = []
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # bytes of a form or of JSON


# Logs and error reports: everything that looks like a token is masked

DEFAULT_EXCEPTION_REPORTER = "tokens.core.redaction.RedactingExceptionReporter"
LOGGING = logging_config.LOGGING


# The operator's own file, which may change everything above

vars().update(local_settings.read_local_settings(vars()))
