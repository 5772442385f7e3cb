"""Keep which token made a token. The previous release, which knows no such column, goes on writing rows without."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0009_expiry_index")]

    operations = [
        migrations.AddField(
            model_name="token",
            name="made_by",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="made",
                to="tokens.token",
            ),
        ),
    ]
