# Made by makemigrations, with the first step added.

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Lower


def lower(apps: Any, schema_editor: Any) -> None:
    apps.get_model("accounts", "User").objects.update(email=Lower("email"))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_user_theme_user_time_zone"),
    ]

    operations = [
        migrations.RunPython(lower, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("email", Lower("email"))), name="email_in_lower_case"
            ),
        ),
    ]
