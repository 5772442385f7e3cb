from django.db import migrations, models

from tokens.migrations._operations import AddIndexBesideTraffic


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tokens", "0021_imported_tokens")]

    operations = [
        AddIndexBesideTraffic(
            model_name="recentrequest",
            index=models.Index(
                condition=models.Q(("refused", True)),
                fields=["at", "code", "token"],
                name="recent_request_cause",
            ),
        ),
    ]
