"""The product's settings, with fixed secrets and fast password hashes."""

import os

os.environ.setdefault("SECRET_KEY", "tests-" + "k" * 50)
os.environ.setdefault("TOKEN_PEPPERS", "1:" + "p" * 40)
# Most tests run in a transaction, where nothing is leased. Tests of leases start servers.
os.environ["TOKEN_LEASES"] = "off"
os.environ["VERIFY_SHORTCUT"] = "on"
os.environ["EMAIL_URL"] = "memorymail://"
os.environ["ENV_FILE"] = os.devnull  # .env is for the developer's own installation

from config.settings import *  # noqa: F403
from config.settings import CACHES, REDIS_URL
from tests import run

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
# An empty folder: for each test client WhiteNoise reads all files of the folder, and warns if it
# is missing.
STATIC_ROOT = run.FOLDER / "static"
if REDIS_URL:
    CACHES["default"]["KEY_PREFIX"] = run.KEY_PREFIX
