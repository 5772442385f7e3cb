"""The scopes that the views require."""

from typing import Any

from django.db import migrations

SCOPES = {
    "crm:read": "Read contacts",
    "crm:write": "Add, change and delete contacts",
    "reports:read": "Read reports",
}


def add(apps: Any, schema_editor: Any) -> None:
    for name, words in SCOPES.items():
        apps.get_model("tokens", "Scope").objects.get_or_create(
            name=name, defaults={"words": words}
        )


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial"), ("tokens", "0003_api_scopes")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
