"""The installation's settings with a few views more."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.system.urls"
