"""Fill in the makers of tokens that were made before the column, in batches, while servers go on writing.

Not beside the change of the table in 0010, whose lock would then last as long as all of this. It may be stopped, and
be run again.
"""

from typing import Any

from django.db import migrations, transaction

BATCH_SIZE = 1000  # tokens locked in one transaction
WITH = "with "  # a token; what events said of the program that did it


def fill(apps: Any, schema_editor: Any) -> None:
    """Take the makers of existing tokens from their events; successors have the maker of their predecessor."""
    last: int | None = 0
    while last is not None:
        with transaction.atomic():
            last = fill_after(last, apps)


def fill_after(last: int, apps: Any) -> int | None:
    """Fill in the next batch of tokens without a maker; return the key of its last one, or None where none is left.

    Tokens are locked in the order of their keys, as everywhere. A predecessor's key is lower than its successor's.
    """
    token, event = (
        apps.get_model("tokens", "Token")._base_manager,
        apps.get_model("tokens", "Event")._base_manager,
    )
    bare = token.filter(made_by=None, pk__gt=last).order_by("pk").select_for_update(no_key=True)
    batch = list(bare.only("pk", "renewed_from_id", "made_by_id")[:BATCH_SIZE])
    told = event.filter(kind="created", detail__startswith=WITH, token__in=batch).values_list(
        "token_id", "detail"
    )
    named = {pk: detail.removeprefix(WITH) for pk, detail in told}
    keys = dict(token.filter(identifier__in=named.values()).values_list("identifier", "pk"))
    earlier = token.filter(pk__in=[each.renewed_from_id for each in batch]).exclude(made_by=None)
    makers = dict(earlier.values_list("pk", "made_by_id"))
    for each in batch:
        each.made_by_id = makers[each.pk] = keys.get(named.get(each.pk)) or makers.get(
            each.renewed_from_id
        )
    token.bulk_update([each for each in batch if each.made_by_id], ["made_by"])
    return batch[-1].pk if batch else None


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tokens", "0013_retention_indexes")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
