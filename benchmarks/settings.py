"""Tokenry's settings, with the peers installed too."""

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASE, INSTALLED_APPS, LOGGING, SILENCED_SYSTEM_CHECKS

# The request log is written all the same, but not to stdout, which has the answers to jobs.
LOGGING["handlers"]["requests"] = {
    "class": "logging.FileHandler",
    "formatter": "bare",
    "filename": os.devnull,
}
ROOT_URLCONF = "benchmarks.views"
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "rest_framework",
    "rest_framework.authtoken",
    "knox",
    "rest_framework_api_key",
]

# For the plain view, and for the peers: no middleware and no health checks, which suits them best.
if os.environ["BENCH_BARE"]:
    INSTALLED_APPS += ["benchmarks"]
    SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "admin.E408", "admin.E409", "admin.E410"]
    DATABASE["CONN_HEALTH_CHECKS"] = False
if os.environ["BENCH_PREPARED"]:
    DATABASE["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 1}
