"""Give the permissions of Notification to everybody who has those of Notice, its former name.

The old permissions stay, because nodes of the previous release still ask for them.
"""

from typing import Any

from django.conf import settings
from django.db import migrations

ACTIONS = ("add", "change", "delete", "view")


def copy_permissions(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    groups = apps.get_model("auth", "Group").objects.using(database)
    people = apps.get_model(settings.AUTH_USER_MODEL).objects.using(database)
    for action in ACTIONS:
        old = permissions.filter(
            content_type__app_label="tokens", codename=f"{action}_notice"
        ).first()
        if old is None:  # a new database, which gets its permissions after this
            continue
        content_type, _ = content_types.get_or_create(app_label="tokens", model="notification")
        new, _ = permissions.get_or_create(
            content_type=content_type,
            codename=f"{action}_notification",
            defaults={"name": f"Can {action} notification"},
        )
        for group in groups.filter(permissions=old):
            group.permissions.add(new)
        for person in people.filter(user_permissions=old):
            person.user_permissions.add(new)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("tokens", "0017_names"),
    ]

    operations = [migrations.RunPython(copy_permissions, migrations.RunPython.noop)]
