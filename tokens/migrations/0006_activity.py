# Made by makemigrations.

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0005_reminders"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="event",
            name="event_owner_at",
        ),
        migrations.AlterField(
            model_name="event",
            name="identifier",
            field=models.CharField(blank=True, max_length=24),
        ),
        migrations.AlterField(
            model_name="event",
            name="kind",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
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
                    ("email_added", "New e-mail address asked for"),
                    ("email_changed", "E-mail address changed"),
                    ("email_removed", "New e-mail address cancelled"),
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
            model_name="event",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="token",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="tokens.token",
            ),
        ),
        migrations.AlterField(
            model_name="event",
            name="token_name",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["owner", "-at", "-id"], name="event_owner"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["owner", "kind", "-at", "-id"], name="event_kind"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["owner", "identifier", "-at", "-id"], name="event_identifier"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["-at", "-id"], name="event_at"),
        ),
    ]
