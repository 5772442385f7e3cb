"""The installation's settings with a few views more."""

from config.settings import *  # noqa: F403  (all of the installation's)

ROOT_URLCONF = "tests.system.urls"
