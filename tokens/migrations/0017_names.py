"""Rename a model and a field. The table and the column keep their names: the previous release can go on.

NOTE: The model is renamed in Django's state alone. Otherwise Django would rename its content type,
and Django 6.1 its permissions too, while nodes of the previous release still ask for the old ones.
The next migration gives the new permissions to everybody who has the old ones.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0016_notice_problem")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterModelTable("notice", "tokens_notice"),
                migrations.RenameModel("Notice", "Notification"),
                migrations.AlterField(
                    "notification",
                    "token",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="tokens.token",
                    ),
                ),
                migrations.AlterField(
                    "token",
                    "asks_catalogue",
                    models.BooleanField(default=False, db_column="asks_catalogue"),
                ),
                migrations.RenameField("token", "asks_catalogue", "has_restricted_scopes"),
            ]
        )
    ]
