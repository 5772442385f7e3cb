"""Keep why a mail could not be sent. The previous release, which knows no such column, goes on writing rows without."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0015_job")]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="problem",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
    ]
