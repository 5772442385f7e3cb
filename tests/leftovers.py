"""Removal of what a run of the tests leaves behind. The run's ID finds it, even after a kill."""

import shutil
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from time import time

import psycopg
from django.conf import settings
from redis import Redis, RedisError

from tests import databases, run

OLD_SECONDS = 86_400


def remove(run_id: str) -> None:
    """Remove everything that the run with that ID made. If one step fails, the others go on."""
    with ExitStack() as stack:  # goes on after an exception, and raises it at the end
        stack.callback(run.remove_folder, run_id)
        for folder in Path(tempfile.gettempdir()).glob(f"tokenry-{run_id}-*"):
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        if databases.SHARED:
            stack.callback(databases.drop_all, f"tokenry_{run_id}_")
        if settings.REDIS_URL:
            stack.callback(forget, f"tokenry-{run_id}-")


def remove_old() -> None:
    """Remove what runs left behind that were killed a day ago or earlier."""
    for folder in run.FOLDER.parent.iterdir():
        # Another run may remove the same things. An outage of a service must not stop the tests.
        with suppress(OSError, RedisError, psycopg.Error):
            if folder.stat().st_mtime < time() - OLD_SECONDS:
                remove(folder.name)


def forget(prefix: str) -> None:
    """Remove the keys that begin with `prefix`, and no keys of others on the same Redis."""
    with Redis.from_url(settings.REDIS_URL) as redis:
        for key in redis.scan_iter(f"{prefix}*"):
            redis.delete(key)
