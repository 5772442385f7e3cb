"""The project as a whole: the installed wheel, system checks and migrations."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection

import tokens
from tests.support import ProjectTest


class InstallationTest(ProjectTest):
    def test_tokenry_is_the_installed_wheel(self) -> None:
        self.assertRegex(version("tokenry"), r"^\d+\.\d+\.\d+$")
        self.assertIn("site-packages", Path(tokens.__file__).parts)
        for name in ("accounts", "config", "allauth", "prometheus_client"):
            self.assertIsNone(find_spec(name), name)

    def test_the_system_checks_find_only_the_missing_address(self) -> None:
        for options in ({}, {"include_deployment_checks": True, "databases": ["default"]}):
            found = {message.id for message in run_checks(**options)}
            ours = {each for each in found if each.startswith("tokens.")}
            self.assertEqual(ours, {"tokens.W001"})

    def test_models_and_migrations_agree(self) -> None:
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)

    def test_the_tables_are_where_the_router_says(self) -> None:
        tables = connection.introspection.table_names()
        self.assertIn("tokens_token", tables)
        self.assertEqual("crm_contact" in tables, "crm" not in settings.DATABASES)
