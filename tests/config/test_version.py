"""The version of Tokenry, where administrators look for it."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from config.version import VERSION


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        ([], f"Tokenry {VERSION}\n"),
        (["--json"], json.dumps({"version": VERSION, "commit": ""}) + "\n"),
    ],
)
def test_the_command_prints_the_version(arguments: list[str], printed: str) -> None:
    out = io.StringIO()
    call_command("tokenry", "version", *arguments, stdout=out)
    assert out.getvalue() == printed


def test_the_command_needs_an_action() -> None:
    with pytest.raises(CommandError, match="ACTION"):
        call_command("tokenry")


def test_the_footer_of_the_administration_has_the_version(
    admin_client: Client, stranger_client: Client
) -> None:
    words = f"Tokenry {VERSION}"
    assert words in admin_client.get("/admin/").content.decode()
    assert words not in stranger_client.get("/admin/login/", follow=True).content.decode()
