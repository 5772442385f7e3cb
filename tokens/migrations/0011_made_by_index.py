from django.db import migrations, models

from tokens.migrations._operations import AddIndexBesideTraffic


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tokens", "0010_made_by")]

    operations = [
        AddIndexBesideTraffic(
            model_name="token",
            index=models.Index(
                condition=models.Q(("made_by__isnull", False)),
                fields=["made_by"],
                name="token_made_by",
            ),
        ),
    ]
