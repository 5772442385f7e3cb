"""The installation's own settings, with fixed secrets and quick passwords."""

import os

os.environ.setdefault("SECRET_KEY", "tests-" + "k" * 50)
os.environ.setdefault("TOKEN_PEPPERS", "1:" + "p" * 40)
os.environ["EMAIL_URL"] = "memorymail://"
os.environ["ENV_FILE"] = os.devnull  # .env is for the developer's own installation

from config.settings import *  # noqa: F403
from config.settings import CACHES, REDIS_URL
from tests import run

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# Empty: each client of a test has WhiteNoise look at every file in there, and it warns where the folder is missing.
STATIC_ROOT = run.FOLDER / "static"
if REDIS_URL:
    CACHES["default"]["KEY_PREFIX"] = run.KEY_PREFIX
