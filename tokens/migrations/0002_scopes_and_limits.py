# Made by makemigrations.

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("tokens", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="detail",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="token",
            name="addresses",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="token",
            name="asks_catalogue",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="token",
            name="rate_limit",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AddField(
            model_name="token",
            name="scope",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
                    ("limited", "Rate limit changed"),
                    ("revoked", "Revoked"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Scope",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        help_text="resource:action, such as reports:read",
                        max_length=100,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z][a-z0-9_.-]*:[a-z][a-z0-9_.-]*$",
                                "A scope is named resource:action in lower case, such as reports:read.",
                            )
                        ],
                    ),
                ),
                (
                    "words",
                    models.CharField(
                        help_text="What a token with this scope can do, such as “Read reports”. People see this text when they choose scopes.",
                        max_length=200,
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        help_text="Only tokens of members of this group may have the scope, and only while their owners are members.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="scopes",
                        to="auth.group",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
    ]
