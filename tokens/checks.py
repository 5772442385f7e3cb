"""System checks of a project that uses the application: settings, middleware, scopes, peppers."""

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.template import Engine, Node, Template, TemplateDoesNotExist
from django.template.loader_tags import BlockNode, ExtendsNode
from django.utils.version import get_version_tuple

from tokens.decorators import scopes_of_views
from tokens.models import Scope, Token, TokenPolicy
from tokens.models.leaving import tokens_astray
from tokens.token_settings import given_settings, setting_errors, token_settings

OURS = "tokens.middleware.TokenMiddleware"
HTMX = "django_htmx.middleware.HtmxMiddleware"
MAX_IN_MESSAGE = 10  # in a message
PSYCOPG = (3, 3)  # its Connection.wait takes a time-out
BLOCKS = {  # of BASE_TEMPLATE, and what the token pages put there
    "title": "the titles",
    "head": "the styles and scripts",
    "content": "the contents",
}
SITE_URL_HINT = "Set TOKENRY['SITE_URL'] to the address that people open in a browser."


@checks.register()
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    """Find wrong values in the setting TOKENRY, and keys that it does not have."""
    return [checks.Error(message, id="tokens.E001") for message in setting_errors()]


@checks.register()
def check_middleware(**kwargs: Any) -> list[checks.CheckMessage]:
    """Find middleware that is missing."""
    if OURS not in settings.MIDDLEWARE:
        hint = f"Add {OURS!r} at the end of MIDDLEWARE."
        return [checks.Error("MIDDLEWARE lacks TokenMiddleware.", hint=hint, id="tokens.E002")]
    if HTMX not in settings.MIDDLEWARE:
        hint = f"Add {HTMX!r} to MIDDLEWARE."
        return [checks.Error("The token pages need htmx.", hint=hint, id="tokens.E003")]
    return []


@checks.register()
def check_site_url(**kwargs: Any) -> list[checks.CheckMessage]:
    """Warn if mails and examples would name an address on this machine."""
    if settings.DEBUG or "SITE_URL" in given_settings():
        return []
    message = "Mails and code examples link to http://localhost:8000."
    return [checks.Warning(message, hint=SITE_URL_HINT, id="tokens.W001")]


@checks.register()
def check_counters(**kwargs: Any) -> list[checks.CheckMessage]:
    """Warn if several processes would count requests each alone.

    gunicorn and other servers read the number of processes from WEB_CONCURRENCY.
    """
    processes = os.environ.get("WEB_CONCURRENCY", "1")
    if token_settings.REDIS_URL or not processes.isdecimal() or int(processes) < 2:
        return []
    message = (
        f"Each of {processes} processes (WEB_CONCURRENCY) counts the requests of a token alone, "
        f"so a token may make up to {processes} times as many as its rate limit says."
    )
    hint = "Set TOKENRY['REDIS_URL']; then all processes count together."
    return [checks.Warning(message, hint=hint, id="tokens.W002")]


@checks.register()
def check_driver(**kwargs: Any) -> list[checks.CheckMessage]:
    """Find a driver for PostgreSQL that can't limit how long a request waits for the database."""
    if connection.vendor != "postgresql":
        return []
    try:
        if get_version_tuple(version("psycopg")) >= PSYCOPG:
            return []
    except PackageNotFoundError:
        pass
    message = "On PostgreSQL, Tokenry needs psycopg 3.3 or newer."
    hint = "pip install --upgrade 'psycopg[binary]>=3.3.6'"
    return [checks.Error(message, hint=hint, id="tokens.E007")]


@checks.register(checks.Tags.templates)
def check_base_template(**kwargs: Any) -> Iterator[checks.CheckMessage]:
    """Find a BASE_TEMPLATE that does not exist, or has no place for a part of the token pages."""
    try:
        name = token_settings.BASE_TEMPLATE
        base = Engine.get_default().get_template(name)
    except ImproperlyConfigured:  # check_settings says why
        return
    except TemplateDoesNotExist:
        message = f"TOKENRY['BASE_TEMPLATE'] is {name!r}, which does not exist."
        yield checks.Error(message, id="tokens.E008")
        return
    # A project's own tokens/page.html may use other blocks.
    page = Engine.get_default().get_template("tokens/page.html")
    if not Path(page.origin.name).is_relative_to(Path(__file__).parent):
        return
    blocks = blocks_of(base)
    for block, part in BLOCKS.items():
        if block not in blocks:
            message = f"The template {name!r} (TOKENRY['BASE_TEMPLATE']) has no block {block!r}."
            hint = f"Add the block where {part} of the token pages shall be."
            yield checks.Warning(message, hint=hint, id="tokens.W003")


def blocks_of(template: Template) -> set[str]:
    """Return the names of the blocks that `template` and its parents have."""
    blocks: set[str] = set()
    for node in template.nodelist.get_nodes_by_type(Node):
        if isinstance(node, BlockNode):
            blocks.add(node.name)
        elif isinstance(node, ExtendsNode):
            parent = getattr(node.parent_name, "var", None)
            # NOTE: A parent whose name is known only when the page is made may have each block,
            # and so may a template that extends another of the same name.
            if not isinstance(parent, str) or parent == template.name:
                return {*BLOCKS}
            blocks |= blocks_of(template.engine.get_template(parent))
    return blocks


@checks.register(checks.Tags.database)
def check_stored_data(databases: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Find scopes that no token can have, what can't be checked, and wrong owners.

    Nothing is found before the first migration. No scope is missing while a migration waits,
    because the migration may add the scope: `manage.py migrate` runs this check first.
    """
    if not databases or "default" not in databases:
        return []
    try:
        scopes = [] if has_waiting_migrations() else [*unknown_scopes()]
        return [*scopes, *missing_peppers(), *wrong_owners(), *unanswerable_policies()]
    except (DatabaseError, ImproperlyConfigured):
        return []


def has_waiting_migrations() -> bool:
    """Return True if `manage.py migrate` would run a migration."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def unknown_scopes() -> Iterator[checks.CheckMessage]:
    """Yield an error for each scope that a view requires, but the catalogue lacks."""
    required = scopes_of_views | scopes_of_rest_framework()
    known = Scope.objects.filter(name__in=required).values_list("name", flat=True)
    for name in sorted(required.difference(known)):
        hint = "Add the scope in administration or by a migration, or correct the view."
        message = f"A view requires the scope {name!r}, which does not exist."
        yield checks.Error(message, hint=hint, id="tokens.E005")


def scopes_of_rest_framework() -> set[str]:
    """Return the scopes that views of Django REST framework name in `required_scopes`."""
    if not apps.is_installed("rest_framework"):
        return set()
    from rest_framework.views import APIView

    found: set[str] = set()
    views = [APIView]
    while views:
        view = views.pop()
        views += view.__subclasses__()
        required = vars(view).get("required_scopes", ())
        lists = required.values() if isinstance(required, dict) else [required]
        lists = [names for names in lists if isinstance(names, list | tuple)]
        found.update(name for names in lists for name in names)
    return found


def missing_peppers() -> Iterator[checks.CheckMessage]:
    """Yield an error for each pepper (a secret key) that is missing, but working tokens need."""
    for number in Token.objects.missing_peppers():
        hint = "Put the pepper back into TOKENRY['PEPPERS'], or revoke these tokens."
        message = f"Working tokens need the pepper number {number}, which is not set."
        yield checks.Error(message, hint=hint, id="tokens.E006")


def wrong_owners() -> Iterator[checks.CheckMessage]:
    """Yield an error for each way in which working tokens have no living owner."""
    for words, tokens in tokens_astray().items():
        if identifiers := list(tokens.values_list("identifier", flat=True)[:MAX_IN_MESSAGE]):
            message = f"Working tokens {words}: {', '.join(identifiers)}."
            hint = "Hand them over with `manage.py token transfer`, or revoke them."
            yield checks.Error(message, hint=hint, id="tokens.E009")


def unanswerable_policies() -> Iterator[checks.CheckMessage]:
    """Yield a warning for each policy that demands a second factor if nobody knows who has one."""
    if token_settings.HAS_SECOND_FACTOR is None:
        for policy in TokenPolicy.objects.filter(needs_second_factor=True):
            message = (
                f"The policy {policy.name!r} wants a second factor, so nobody can make tokens."
            )
            hint = "Let TOKENRY['HAS_SECOND_FACTOR'] name a function, or change the policy."
            yield checks.Warning(message, hint=hint, id="tokens.W004")
