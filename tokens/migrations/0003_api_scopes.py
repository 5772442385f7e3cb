"""The scopes of Tokenry's own API."""

from typing import Any

from django.db import migrations

SCOPES = {
    "tokens:read": "See your tokens",
    "tokens:write": "Create, change and revoke tokens, none with more rights than its own",
    "tokens:renew": "Renew itself",
    "tokens:introspect": "Ask whether a token is valid, and what it may do",
}


def add(apps: Any, schema_editor: Any) -> None:
    scope = apps.get_model("tokens", "Scope")
    for name, words in SCOPES.items():
        scope.objects.get_or_create(name=name, defaults={"words": words})


class Migration(migrations.Migration):
    dependencies = [("tokens", "0002_scopes_and_limits")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
