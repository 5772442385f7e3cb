"""The group “Auditors”, whose members may look at everything in Django admin and change nothing.

An account also needs “Staff status” to open Django admin.
"""

from typing import Any

from django.apps import apps as installed_apps
from django.contrib.auth.management import create_permissions
from django.db import router
from django.db.models import Q

AUDITORS = "Auditors"
# The models at which its members may look: labels of applications, and names. The standalone
# product adds accounts. Other projects decide themselves who may look at people.
visible_models = [
    ("tokens", "token"),
    ("tokens", "event"),
    ("tokens", "scope"),
    ("tokens", "team"),
    ("tokens", "tokenpolicy"),
]


def make_auditors(apps: Any = installed_apps, using: str = "default", **kwargs: Any) -> None:
    """After migrations, make the group with its permissions.

    A group of this name that exists already stays as it is: an administrator may have changed its
    permissions, or it may be another group of the project. `apps` has the models that the
    database has now. While a table is missing, do nothing.
    """
    try:
        groups = apps.get_model("auth", "Group").objects.using(using)
    except LookupError:
        return
    if not router.allow_migrate_model(using, groups.model) or groups.filter(name=AUDITORS):
        return
    # Django makes permissions in a receiver of the same signal, perhaps after this one.
    for label in {label for label, _ in visible_models}:
        create_permissions(
            installed_apps.get_app_config(label), verbosity=0, using=using, apps=apps
        )
    chosen = Q(
        *[
            Q(content_type__app_label=label, content_type__model=model, codename=f"view_{model}")
            for label, model in visible_models
        ],
        _connector=Q.OR,
    )
    permissions = list(apps.get_model("auth", "Permission").objects.using(using).filter(chosen))
    if len(permissions) == len(visible_models):
        groups.create(name=AUDITORS).permissions.set(permissions)
