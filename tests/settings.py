"""The installation's own settings, with fixed secrets and quick passwords."""

import os

os.environ.setdefault("SECRET_KEY", "tests-" + "k" * 50)
os.environ.setdefault("TOKEN_PEPPERS", "1:" + "p" * 40)

from config.settings import *  # noqa: F403
from config.settings import DATABASE, VAR_DIR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  (WhiteNoise warns where it is missing)
BEAT_SECONDS = 0
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
if "sqlite3" in DATABASE["ENGINE"]:
    DATABASE["TEST"] = {"NAME": VAR_DIR / "test.sqlite3"}  # a file, so that threads meet the locks that users meet
