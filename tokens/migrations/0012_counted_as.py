"""The database has the default, so that the previous release goes on writing rows without the column."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tokens", "0011_made_by_index")]

    operations = [
        migrations.AddField(
            model_name="token",
            name="counted_as",
            field=models.CharField(db_default="", default="", editable=False, max_length=24),
        ),
    ]
