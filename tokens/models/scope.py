"""The catalogue of scopes: what a token can be allowed to do. Administrators edit it."""

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

from tokens.authentication.policy import SCOPE
from tokens.core.text import NOTHING_VISIBLE, is_visible
from tokens.models.exceptions import ScopeNotAllowed

SCOPE_LENGTH = 100
MAX_TOKEN_SCOPES = 100  # of one token, because gateways send its scopes on in one header
MAX_SCOPES = 1000  # in the catalogue, because forms offer the whole catalogue
NAME = RegexValidator(
    rf"^{SCOPE.pattern}$",
    "A scope is named resource:action in lower case, such as reports:read.",
)


class ScopeQuerySet(models.QuerySet["Scope"]):
    """Queries for scopes, and the checks before a token gets scopes.

    NOTE: A scope can be restricted to a group, or deleted, so each request must know whether the
    scopes of its token still count. A query of the catalogue (the table of scopes) for each
    request would be slow, and most scopes are restricted to no group. So each token stores in
    `has_restricted_scopes` whether its requests must query the catalogue. `are_restricted`
    computes this value when a token is made or changed; `Scope.save` and `Scope.delete` set True
    when the catalogue changes. A wrong True costs one query. A wrong False would let a request
    in that must be refused. Therefore only the result of `are_restricted` can set False, and
    locks on the scopes keep a token and the catalogue from changing at the same time.
    """

    def held_by(self, user: AbstractBaseUser) -> Self:
        """Return the scopes that `user` may give to a token.

        These are the scopes without a group, and the scopes of the user's groups.
        """
        return self.filter(Q(group=None) | Q(group__in=Group.objects.filter(user=user.pk)))

    def ensure_held(self, user: AbstractBaseUser, names: Collection[str]) -> None:
        """Raise ScopeNotAllowed if `user` may not give one of the scopes `names` to a token."""
        held = self.held_by(user).filter(name__in=names).values_list("name", flat=True)
        if missing := set(names) - set(held):
            raise ScopeNotAllowed(missing)

    def are_restricted(self, names: Collection[str]) -> bool:
        """Return True if one of the scopes is restricted to a group or was deleted.

        Each request with these scopes must then query the table of scopes. Lock the rows until
        the transaction ends, so that the answer stays true.
        """
        found = list(self.filter(name__in=names).select_for_update())
        return len(found) < len(set(names)) or any(scope.group_id for scope in found)


class Scope(models.Model):
    """A right of a token, with a name such as reports:read.

    A scope with a group is restricted: it counts only while the owner of the token is a member
    of the group. Each request checks this.
    """

    name = models.CharField(
        max_length=SCOPE_LENGTH,
        unique=True,
        validators=[NAME],
        help_text="resource:action, such as reports:read",
    )
    words = models.CharField(
        max_length=200,
        help_text=(
            "What a token with this scope can do, such as “Read reports”. People see this text "
            "when they choose scopes."
        ),
    )
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="scopes",
        help_text="Only tokens of members of this group may have the scope, and only while their "
        "owners are members.",
    )  # fmt: skip

    objects = ScopeQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the scope. If the scope has a group, mark each token with the scope.

        A marked token may use the scope only while its owner is in the group.
        """
        with transaction.atomic():
            super().save(*args, **kwargs)
            if self.group_id is not None:
                self._mark_tokens()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the scope. The next request of a token with the scope finds that it is gone."""
        with transaction.atomic():
            # A transaction that gives this scope to a token waits for the lock, and then finds
            # no scope.
            Scope.objects.select_for_update().filter(pk=self.pk).first()
            self._mark_tokens()
            apps.get_model("tokens", "ScopeRequest").objects.withdraw(self.name)
            return super().delete(*args, **kwargs)

    def clean(self) -> None:
        """Raise ValidationError if `words` is invisible, or if MAX_SCOPES scopes exist already."""
        if self.words and not is_visible(self.words):
            raise ValidationError({"words": NOTHING_VISIBLE})
        if self._state.adding and Scope.objects.count() >= MAX_SCOPES:
            raise ValidationError(
                f"There are {MAX_SCOPES} scopes, the most that a form can offer. Delete one first."
            )

    @property
    def resource(self) -> str:
        """Return the part of the name before the colon."""
        return self.name.partition(":")[0]

    @property
    def action(self) -> str:
        """Return the part of the name after the colon."""
        return self.name.partition(":")[2]

    def _mark_tokens(self) -> None:
        """Store on each token with this scope that its requests must check the scope.

        The condition also finds scopes whose name contains this name. For those tokens the only
        effect is one more query for each request.
        """
        apps.get_model("tokens", "Token").objects.filter(scope__contains=self.name).update(
            has_restricted_scopes=True
        )
