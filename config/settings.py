"""Tokenry's settings. Everything an operator may change is an environment variable, listed in the README."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config import caches, dotenv, environment, logs
from config.environment import setting

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(mode=0o700, exist_ok=True)

dotenv.load(Path(os.environ.get("ENV_FILE") or BASE_DIR / ".env"))  # the process environment wins over the file


# Server

DEBUG = setting("DEBUG", "false", environment.boolean)
HOST = setting("HOST", "127.0.0.1", environment.host)
PORT = setting("PORT", "8000", environment.whole_number(1, 65535))
WEB_WORKERS = setting("WEB_WORKERS", "1", environment.whole_number(1, 64))
WEB_THREADS = setting("WEB_THREADS", "4", environment.whole_number(1, 256))
REQUEST_SECONDS = setting("REQUEST_SECONDS", "10", environment.whole_number(1, 600))
KEEPALIVE_SECONDS = setting("KEEPALIVE_SECONDS", "75", environment.whole_number(1, 3600))
REDIS_URL = setting("REDIS_URL", "", environment.redis_url, secret=True)
if WEB_WORKERS > 1 and not REDIS_URL:
    raise ImproperlyConfigured(
        f"WEB_WORKERS is {WEB_WORKERS}; it takes 1 while REDIS_URL is not set, because limits counted in each "
        "process alone would not hold."
    )

SITE_URL = setting("SITE_URL", f"http://localhost:{PORT}", environment.site_url)
TRUSTED_PROXIES = setting("TRUSTED_PROXIES", "", environment.networks)
FORWARDED_HEADER = setting("FORWARDED_HEADER", "x-forwarded-for", environment.one_of("x-forwarded-for", "forwarded"))
SITE_HOST = environment.site_host(SITE_URL)
HTTPS = urlsplit(SITE_URL).scheme == "https"
ALLOWED_HOSTS = [*setting("ALLOWED_HOSTS", "127.0.0.1,localhost", environment.hosts), SITE_HOST]
CSRF_TRUSTED_ORIGINS = [SITE_URL]
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
WSGI_APPLICATION = "config.wsgi.application"
ROOT_URLCONF = "config.urls"


# Secrets: given in the environment, or made on the first start and kept in var/

SECRET_KEY = setting(
    "SECRET_KEY",
    lambda: environment.generated_once(VAR_DIR / "secret_key", lambda: secrets.token_urlsafe(64)),
    environment.at_least(32),
    secret=True,
)
TOKEN_PEPPERS = setting(
    "TOKEN_PEPPERS",
    lambda: environment.generated_once(VAR_DIR / "token_peppers", lambda: f"1:{secrets.token_urlsafe(48)}"),
    environment.peppers,
    secret=True,
)


# Tokens

TOKEN_PREFIX = setting("TOKEN_PREFIX", "tkn", environment.token_prefix)
TOKEN_ENVIRONMENT = setting("TOKEN_ENVIRONMENT", "", environment.token_environment)
TOKEN_RATE_LIMIT = setting("TOKEN_RATE_LIMIT", "1000/hour", environment.rate_limit)
FAILED_AUTH_LIMIT = setting("FAILED_AUTH_LIMIT", "60/minute", environment.rate_limit)
MAX_TOKEN_LIFETIME_DAYS = setting("MAX_TOKEN_LIFETIME_DAYS", "", environment.days)
MAX_TOKENS_PER_USER = setting("MAX_TOKENS_PER_USER", "100", environment.whole_number(1, 1_000_000))
TOKEN_RETENTION_DAYS = setting("TOKEN_RETENTION_DAYS", "90", environment.whole_number(1, 36_500))
EVENT_RETENTION_DAYS = setting("EVENT_RETENTION_DAYS", "730", environment.whole_number(1, 36_500))
REQUEST_RETENTION_DAYS = setting("REQUEST_RETENTION_DAYS", "30", environment.whole_number(1, 36_500))
HOUR_RETENTION_DAYS = setting("HOUR_RETENTION_DAYS", "90", environment.whole_number(2, 36_500))
DAY_RETENTION_DAYS = setting("DAY_RETENTION_DAYS", "730", environment.whole_number(30, 36_500))


# Applications

INSTALLED_APPS = [
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "config",
    "accounts",
    "tokens",
    "django.contrib.admin",
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
    "tokens.middleware.TokenMiddleware",
    # What stands below is for pages: requests to /api/ leave the list here, and probes after it.
    "config.probes.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.BodyLimitMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.TooManyTriesMiddleware",
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
                "accounts.registry.layout",
            ],
        },
    },
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # templates/django/forms/field.html
FILE_UPLOAD_HANDLERS: list[str] = []  # no form takes a file, and Django would write one to the disk before any view
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # bytes, of any form or JSON


# Database and counters

DATABASES = {"default": setting("DATABASE_URL", "sqlite:///var/tokenry.sqlite3", environment.database_url, secret=True)}
DATABASE = DATABASES["default"]
DATABASE["CONN_MAX_AGE"] = None  # opening a connection for each request costs more than the request
DATABASE["CONN_HEALTH_CHECKS"] = True  # of pages; a request with a token notices by itself
if DATABASE["ENGINE"] == "django.db.backends.sqlite3":
    DATABASE["NAME"] = BASE_DIR / DATABASE["NAME"]
    DATABASE["NAME"].parent.mkdir(parents=True, exist_ok=True)
    DATABASE["OPTIONS"] = {
        # IMMEDIATE takes the write lock when a transaction begins, so that two writers queue instead of failing.
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASE["ENGINE"] = "config.postgresql"
    # A standby knows nothing of revocations that have not reached it, so no connection is made to one.
    DATABASE["OPTIONS"] = {"connect_timeout": 2, "target_session_attrs": "read-write"} | DATABASE.get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": caches.default(REDIS_URL)}


# Accounts: people sign in by e-mail, through django-allauth, in admin too

SIGNUP_OPEN = setting("SIGNUP_OPEN", "false", environment.boolean)
FRESH_AUTHENTICATION_SECONDS = 60 * setting("FRESH_AUTHENTICATION_MINUTES", "15", environment.whole_number(1, 1440))
FRESH_AUTHENTICATION = "accounts.fresh.confirm_if_stale"  # where tokens finds it
SESSION_COOKIE_AGE = 3600 * setting("SESSION_IDLE_HOURS", "336", environment.whole_number(1, 8760))
SESSION_MAX_SECONDS = 86400 * setting("SESSION_MAX_DAYS", "30", environment.whole_number(1, 365))
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "accounts.passwords.MaximumLengthValidator", "OPTIONS": {"max_length": 128}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.NormalFormValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "token_list"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "add_email": "accounts.forms.AddEmailForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "reauthenticate": "accounts.forms.ConfirmByPasswordForm",
}
ACCOUNT_RATE_LIMITS = {  # the others are allauth's
    # Key: account and address together. First, so that tries which it refuses use up nothing of the whole address.
    "login_failed": "5/5m/key,20/h/key,60/m/ip",
    "login_failed_anywhere": "100/h/key",  # key: the account
    "login": "120/m/ip",  # tries of any kind, good ones too: an address may be a whole office's
    # Whatever has a mail sent, by hour or day too: key is the address that is written to.
    "reset_password": "20/m/ip,100/d/ip,3/h/key,10/d/key",
    "signup": "20/m/ip,100/d/ip",
    "confirm_email": "1/3m/key,10/d/key",
    "manage_email": "10/m/user,50/d/user",
}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"  # else anybody could take any address
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody has this installation write to strangers
ACCOUNT_PREVENT_ENUMERATION = "strict"  # who only asks to move to an address keeps nobody from signing up with it
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]  # no mailed code: whoever reads the mails would confirm by it
ACCOUNT_REAUTHENTICATION_TIMEOUT = FRESH_AUTHENTICATION_SECONDS
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # seconds; of invitations too
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

MFA_FORMS = {
    "authenticate": "accounts.forms.SecondStepForm",
    "reauthenticate": "accounts.forms.ConfirmByCodeForm",
    "activate_totp": "accounts.forms.SetUpAppForm",
    "add_webauthn": "accounts.forms.AddKeyForm",
    "edit_webauthn": "accounts.forms.RenameKeyForm",
    "login_webauthn": "accounts.forms.SignInByKeyForm",
    "authenticate_webauthn": "accounts.forms.SecondStepByKeyForm",
    "reauthenticate_webauthn": "accounts.forms.ConfirmByKeyForm",
}
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # who may sign in at all is decided above
MFA_TOTP_ISSUER = "Tokenry"
MFA_TOTP_PERIOD = 30  # seconds
MFA_TOTP_TOLERANCE = 1  # period before and after; clocks differ
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS


# Transport and cookies: the scheme of SITE_URL decides

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^api/", r"^verify(/|$)"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Cookies do not know ports: other applications on the same host have a `session` and a `csrftoken` of their own.
SESSION_COOKIE_NAME = "__Host-tokenry_session" if HTTPS else "tokenry_session"
CSRF_COOKIE_NAME = "__Host-tokenry_csrftoken" if HTTPS else "tokenry_csrftoken"
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "config.messages.Storage"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    # HSTS for subdomains and preloading would bind every neighbour under the same domain to https: that is
    # for the owner of the domain to decide, not for one application on it.
    "security.W005",
    "security.W021",
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        **{kind: ["'none'"] for kind in ("default-src", "base-uri", "frame-ancestors", "object-src")},
        **{kind: ["'self'"] for kind in ("script-src", "style-src", "img-src", "connect-src", "form-action")},
    }
}


# E-mail

MAILS_ARE_PRINTED: bool  # comes with Django's own mail settings
vars().update(setting("EMAIL_URL", "consolemail://", environment.email_settings, secret=True))
MAIL_FROM = setting("MAIL_FROM", f"Tokenry <tokenry@{environment.mail_domain(SITE_HOST)}>", environment.mail_sender)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = MAIL_FROM


# Static files: compressed and named after their content by collectstatic

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


# Time and language

TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "config.formats"


# Logs, error reports and metrics: whatever looks like a token is masked on its way out

DEFAULT_EXCEPTION_REPORTER = "tokens.redaction.RedactingExceptionReporter"
REQUEST_LOG = setting("REQUEST_LOG", "plain" if DEBUG else "json", environment.one_of("json", "plain", "off"))
LOGGING = logs.LOGGING
METRICS_TOKEN = setting("METRICS_TOKEN", "", environment.bearer_secret, secret=True)
METRICS_ADDRESSES = setting("METRICS_ADDRESSES", "", environment.networks)
