from django.db import migrations, models

from tokens.migrations._operations import AddIndexBesideTraffic


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tokens", "0012_counted_as")]

    operations = [
        AddIndexBesideTraffic(
            model_name="token",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", False)),
                fields=["revoked_at"],
                name="token_revoked",
            ),
        ),
        AddIndexBesideTraffic(
            model_name="notice",
            index=models.Index(fields=["made_at"], name="notice_made"),
        ),
    ]
