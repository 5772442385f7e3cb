"""Paths and addresses of pages and of the API, which a project mounts where it likes, or not."""

from functools import lru_cache

from django.conf import settings
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse


def absolute_url(site_url: str, path: str) -> str:
    """Return the address, for a mail or a program, of a path that Django has made.

    `site_url` may have a path itself. In a request Django's paths begin with that path; in a
    background thread and in `/verify` they do not. The result is the same in both cases.
    """
    return f"{site_url}/{path.removeprefix(get_script_prefix()).removeprefix('/')}"


def path_if_mounted(name: str) -> str:
    """Return the path of the URL with this name, or "" if the project does not mount it."""
    return path_in(get_urlconf() or settings.ROOT_URLCONF, get_script_prefix(), name)


@lru_cache(maxsize=64)
def path_in(urlconf: str, prefix: str, name: str) -> str:
    """Do the same as `path_if_mounted`, for these URLs below `prefix`, which Django knows.

    A middleware may choose other URLs for a request, so the paths of one request do not fit all.
    """
    try:
        return reverse(name, urlconf)
    except NoReverseMatch:
        return ""
