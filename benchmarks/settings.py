"""The installation's own settings, with the peers installed beside it."""

import os

from config.settings import *  # noqa: F403  (all of the installation's)
from config.settings import DATABASE, INSTALLED_APPS, LOGGING, SILENCED_SYSTEM_CHECKS

# The log of requests is written all the same, and not among the answers of ours on stdout.
LOGGING["handlers"]["requests"] = {"class": "logging.FileHandler", "formatter": "bare", "filename": os.devnull}
ROOT_URLCONF = "benchmarks.views"
INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework", "rest_framework.authtoken", "knox", "rest_framework_api_key"]

if os.environ["BENCH_BARE"]:  # the plain view, and the peers in what suits them best: no middleware, no health checks
    INSTALLED_APPS += ["benchmarks"]
    SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "admin.E408", "admin.E409", "admin.E410"]
    DATABASE["CONN_HEALTH_CHECKS"] = False
if os.environ["BENCH_PREPARED"]:
    DATABASE["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 1}
