"""The catalogue of scopes: what a token may be allowed to do. Administrators edit it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q

from tokens.models.words import ScopeNotAllowed
from tokens.plain import INVISIBLE, is_visible
from tokens.policy import SCOPE

SCOPE_LENGTH = 100
MOST_SCOPES = 100  # of one token: headers that gateways pass on have room for no more
MAX_SCOPES = 1000  # in the catalogue: forms offer all of it
NAME = RegexValidator(
    rf"^{SCOPE.pattern}$",
    "A scope is named resource:action in lower case, such as reports:read.",
)


class ScopeQuerySet(models.QuerySet["Scope"]):
    def held_by(self, user: AbstractBaseUser) -> Self:
        """Those that `user` may give to a token: free ones, and those of the user's groups."""
        return self.filter(Q(group=None) | Q(group__in=Group.objects.filter(user=user.pk)))

    def ensure_held(self, user: AbstractBaseUser, names: Collection[str]) -> None:
        """Raise ScopeNotAllowed where `user` may not give one of these to a token."""
        if missing := set(names) - set(self.held_by(user).filter(name__in=names).values_list("name", flat=True)):
            raise ScopeNotAllowed(missing)

    def must_be_asked(self, names: Collection[str]) -> bool:
        """Whether requests with these scopes look into the catalogue: one of them has a group, or was deleted.

        Locks them, so that the answer holds until the transaction ends.
        """
        found = list(self.filter(name__in=names).select_for_update())
        return len(found) < len(set(names)) or any(scope.group_id for scope in found)


class Scope(models.Model):
    """A right by name. One with a group holds only while the token's owner is in it, request by request."""

    name = models.CharField(
        max_length=SCOPE_LENGTH, unique=True, validators=[NAME], help_text="resource:action, such as reports:read"
    )
    words = models.CharField(
        max_length=200, help_text="What a token with it can do, such as “Read reports”. People see it when they choose."
    )
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="scopes",
        help_text="Only members may have it, and only while they are members.",
    )  # fmt: skip

    objects = ScopeQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            if self.group_id is not None:
                self._have_tokens_ask()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            Scope.objects.select_for_update().filter(pk=self.pk).first()  # whoever grants it waits, and sees it gone
            self._have_tokens_ask()
            return super().delete(*args, **kwargs)

    def clean(self) -> None:
        if self.words and not is_visible(self.words):
            raise ValidationError({"words": INVISIBLE})
        if self._state.adding and Scope.objects.count() >= MAX_SCOPES:
            raise ValidationError(f"There are {MAX_SCOPES} scopes, the most that a form can offer. Delete one first.")

    @property
    def resource(self) -> str:
        return self.name.partition(":")[0]

    @property
    def action(self) -> str:
        return self.name.partition(":")[2]

    def _have_tokens_ask(self) -> None:
        """From now on, requests with a token that has this scope look into the catalogue. One too many does no harm."""
        apps.get_model("tokens", "Token").objects.filter(scope__contains=self.name).update(asks_catalogue=True)
