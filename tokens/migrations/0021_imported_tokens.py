# The table of imported tokens: how to find them by their old values.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0020_email_labels"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportedToken",
            fields=[
                (
                    "token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="imported",
                        serialize=False,
                        to="tokens.token",
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("file", "a file"),
                            ("drf-authtoken", "Django REST framework"),
                            ("knox", "django-rest-knox"),
                            ("drf-api-key", "djangorestframework-api-key"),
                            ("django-oauth-toolkit", "django-oauth-toolkit"),
                            ("sanctum", "Laravel Sanctum"),
                        ],
                        max_length=24,
                    ),
                ),
                ("key", models.CharField(max_length=200, unique=True)),
                ("source_key", models.CharField(max_length=200, unique=True)),
                ("slow_hash", models.CharField(blank=True, default="", max_length=255)),
                ("begins_with", models.CharField(blank=True, default="", max_length=24)),
                ("made_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
                    ("imported", "Imported"),
                    ("changed", "Changed"),
                    ("limited", "Rate limit changed"),
                    ("renewed", "Renewed"),
                    ("revoked", "Revoked"),
                    ("signed_up", "Account made"),
                    ("signed_in", "Signed in"),
                    ("signed_out", "Signed out"),
                    ("session_ended", "Session ended"),
                    ("wrong_password", "Wrong password"),
                    ("wrong_code", "Wrong code"),
                    ("password_changed", "Password changed"),
                    ("password_reset", "Password reset by mail"),
                    ("email_added", "New email address asked for"),
                    ("email_changed", "Email address changed"),
                    ("email_removed", "New email address cancelled"),
                    ("factor_added", "Second factor added"),
                    ("factor_removed", "Second factor removed"),
                    ("codes_made", "Recovery codes made"),
                    ("code_used", "Recovery code used"),
                    ("administered", "Account changed in administration"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("expires_30", "Expires in a month"),
                    ("expires_7", "Expires in a week"),
                    ("expires_1", "Expires tomorrow"),
                    ("expired", "Expired"),
                    ("created", "Created"),
                    ("imported", "Imported"),
                    ("renewed", "Renewed"),
                    ("revoked", "Revoked by somebody else"),
                    ("used_revoked", "Used after it was revoked"),
                    ("new_address", "Used from a new address"),
                ],
                max_length=20,
            ),
        ),
    ]
