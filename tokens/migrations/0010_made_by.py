"""Keep which token made a token. The previous release, which knows no such column, goes on writing rows without."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

WITH = "with "  # a token; what events said of the program that did it


def fill(apps: Any, schema_editor: Any) -> None:
    """Take the makers of existing tokens from their events; successors have the maker of their predecessor."""
    token, event = apps.get_model("tokens", "Token"), apps.get_model("tokens", "Event")
    told = event._base_manager.filter(kind="created", detail__startswith=WITH).exclude(token=None)
    makers = dict(told.values_list("token_id", "detail"))
    if not makers:
        return
    keys = dict(token._base_manager.values_list("identifier", "pk"))
    makers = {made: keys.get(detail.removeprefix(WITH)) for made, detail in makers.items()}
    renewed = token._base_manager.exclude(renewed_from=None).order_by("pk")
    for successor, predecessor in renewed.values_list("pk", "renewed_from_id"):
        makers[successor] = makers.get(predecessor)
    for made, maker in makers.items():
        if maker:
            token._base_manager.filter(pk=made).update(made_by_id=maker)


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
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
