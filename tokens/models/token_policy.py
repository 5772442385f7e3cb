"""Policies: what administrators demand of the tokens of a group and an environment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Self

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, F, Q
from django.utils import timezone

from tokens.core.text import one_line
from tokens.models.choices import Environment
from tokens.models.event import NAME_LENGTH
from tokens.models.scope import Scope
from tokens.policies import patterns
from tokens.policies.rules import Rules, days_in_words, tokens_in_words
from tokens.token_settings import token_settings

AT_LEAST_ONE = MinValueValidator(1)
NO_SECOND_FACTORS = (
    "This installation can't tell who has a second factor: the setting HAS_SECOND_FACTOR names no "
    "function. Nobody could make a token."
)


class TokenPolicyQuerySet(models.QuerySet["TokenPolicy"]):
    """Queries for policies."""

    def for_owner(self, owner_pk: Any) -> Self:
        """Return the policies for tokens of an owner: those for everybody, and of the groups."""
        return self.filter(Q(group=None) | Q(group__in=Group.objects.filter(user=owner_pk)))

    def in_environment(self, environment: str) -> Self:
        """Return the policies that hold for tokens of this environment."""
        return self.filter(environment__in=["", environment])


class TokenPolicy(models.Model):
    """What is demanded of tokens whose owner is in `group`, in one environment or in all.

    Policies are checked when a token is made, renewed, or gets more. So a request costs nothing
    more. Tokens that exist already stay as they are: administrators see a list of them.
    """

    name = models.CharField(
        max_length=NAME_LENGTH, unique=True, help_text="People read the name where they break it."
    )
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="token_policies",
        help_text="The policy holds for tokens whose owner is in this group; empty: for everybody."
        " The account of a team can be in a group too.",
    )  # fmt: skip
    environment = models.CharField(
        max_length=4, choices=Environment.choices, blank=True, default="",
        help_text="Only tokens of this environment; empty: of each.",
    )  # fmt: skip
    max_days = models.PositiveIntegerField(
        "longest lifetime", null=True, blank=True,
        validators=[AT_LEAST_ONE, MaxValueValidator(36_500)],
        help_text="In days. Forms hide longer choices.",
    )  # fmt: skip
    allowed_scopes = models.TextField(
        blank=True, default="",
        help_text="One on each line: reports:read, or reports:* for all of a resource. Empty: all "
        "scopes.",
    )  # fmt: skip
    needs_addresses = models.BooleanField(
        "addresses required", default=False,
        help_text="Each token must name the addresses that may use it, no network wider than /8 "
        "(IPv6: /16).",
    )  # fmt: skip
    max_tokens = models.PositiveIntegerField(
        "number of active tokens", null=True, blank=True,
        validators=[AT_LEAST_ONE, MaxValueValidator(1_000_000)],
        help_text="Of one owner, in the environment of the policy. Retiring tokens do not count.",
    )  # fmt: skip
    needs_second_factor = models.BooleanField(
        "second factor required", default=False,
        help_text="Whoever makes or renews a token needs a second factor. For a program this is "
        "the owner. Programs and commands then make no tokens of a team.",
    )  # fmt: skip
    name_pattern = models.CharField(
        "names", max_length=NAME_LENGTH, blank=True, default="",
        help_text="Names of tokens must match: * stands for any characters, ? for one, as in "
        "team-*. Capital letters matter. Empty: any name.",
    )  # fmt: skip
    approval_scopes = models.TextField(
        "scopes that need approval", blank=True, default="", db_default="",
        help_text="One on each line, as above. The token works at once, without these scopes, and "
        "gets them when somebody approves.",
    )  # fmt: skip
    approvers = models.ForeignKey(
        Group, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Who may approve: one member of this group, but never whoever asked. If nobody "
        "in the group can, superusers may.",
    )  # fmt: skip
    # Tokens whose owners were told by mail that the token breaks the policy.
    told = models.ManyToManyField("tokens.Token", related_name="+", editable=False)

    objects = TokenPolicyQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name = "policy"
        verbose_name_plural = "policies"

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raise ValidationError for patterns that are wrong, or that match nothing.

        The name becomes one line, because error answers and commands show it.
        """
        errors: dict[str, str] = {}
        self.name = self.name and one_line(self.name, NAME_LENGTH)
        self.allowed_scopes = "\n".join(self.allowed_scopes.split())
        self.approval_scopes = "\n".join(self.approval_scopes.split())
        for field in ("allowed_scopes", "approval_scopes"):
            if message := scope_patterns_error(getattr(self, field).split()):
                errors[field] = message
        if self.approval_scopes and self.approvers_id is None:
            errors["approvers"] = "Name the group whose members may approve these scopes."
        if set(patterns.NOT_IN_NAME_PATTERNS) & set(self.name_pattern):
            errors["name_pattern"] = "Only * and ? have a meaning; brackets can't be used."
        if self.needs_second_factor and token_settings.HAS_SECOND_FACTOR is None:
            errors["needs_second_factor"] = NO_SECOND_FACTORS
        if errors:
            raise ValidationError(errors)

    @property
    def rules(self) -> Rules:
        """Return what the policy demands as plain facts."""
        return Rules(
            policy=self.name,
            environment=self.environment,
            max_days=self.max_days,
            scopes=tuple(self.allowed_scopes.split()),
            needs_addresses=self.needs_addresses,
            max_tokens=self.max_tokens,
            needs_second_factor=self.needs_second_factor,
            name_pattern=self.name_pattern,
        )

    @property
    def in_words(self) -> str:
        """Return what the policy demands in a few words, for a list."""
        words = {
            f"{days_in_words(self.max_days)} at most": self.max_days,
            f"scopes {first_names(self.allowed_scopes)}": self.allowed_scopes,
            "addresses": self.needs_addresses,
            f"{tokens_in_words(self.max_tokens)} at most": self.max_tokens,
            "second factor": self.needs_second_factor,
            f"names like {self.name_pattern}": self.name_pattern,
            f"approval of {first_names(self.approval_scopes)}": self.approval_scopes,
        }
        return "; ".join(text for text, demanded in words.items() if demanded)

    def broken_by(self) -> Q:
        """Return the condition that a token breaks the policy, which need not be saved.

        A second factor is demanded only when a token is made, so no stored token breaks that. Of
        approvals the condition finds tokens for which the group approved nothing. It says nothing
        about whether the token still works.
        """
        broken = Q(pk__in=[])
        if self.max_days is not None:
            broken |= Q(expires_at__gt=F("created_at") + timedelta(days=self.max_days))
        if allowed := self.allowed_scopes.split():
            broken |= Q(scope__regex=patterns.regex_of_other_scopes(allowed))
        if self.needs_addresses:
            broken |= Q(addresses="") | Q(addresses__regex=patterns.WIDE_NETWORK)
        if self.max_tokens is not None:
            broken |= Q(owner__in=self._full_owners())
        if self.name_pattern:
            broken |= ~Q(name__matches=self.name_pattern)
        if wanted := self.approval_scopes.split():
            approved = apps.get_model("tokens", "ScopeRequest").objects.filter(
                decision="approved", approvers=self.approvers_id
            )
            scopes = Q(scope__regex=patterns.regex_of_scopes(wanted))
            broken |= scopes & ~Q(pk__in=approved.order_by().values("token"))
        return self._concerned() & broken

    def _concerned(self) -> Q:
        """Return the condition that the policy is about a token."""
        concerned = Q(environment=self.environment) if self.environment else Q()
        if self.group_id is not None:
            members = get_user_model().objects.filter(groups=self.group_id)
            concerned &= Q(owner__in=members.values("pk"))
        return concerned

    def _full_owners(self) -> Any:
        """Return the owners who have more active tokens than the policy allows."""
        tokens = apps.get_model("tokens", "Token").objects
        active = tokens.filter(self._concerned(), revoked_at=None, renewed_at=None)
        active = active.filter(expires_at__gt=timezone.now()).order_by()
        counted = active.values("owner").annotate(tokens=Count("pk"))
        return counted.filter(tokens__gt=self.max_tokens or 0).values("owner")


def first_names(text: str) -> str:
    """Return the first three words of `text` with commas, and “…” if there are more."""
    names = text.split()
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def scope_patterns_error(names: list[str]) -> str:
    """Return what is wrong with names and patterns of scopes that somebody typed, or ""."""
    if len(names) > patterns.MAX_SCOPE_PATTERNS:
        return f"These are {len(names)}; {patterns.MAX_SCOPE_PATTERNS} at most."
    if wrong := [name for name in names if not patterns.SCOPE_PATTERN.fullmatch(name)]:
        return f"{wrong[0][:60]} is neither a scope, such as reports:read, nor reports:*."
    known = Scope.objects.values_list("name", flat=True)
    if unknown := patterns.unmatched_patterns(names, set(known) if names else ()):
        return f"No scope is called {unknown[0]}. The list of scopes has all of them."
    return ""


def broken_policy_condition(policies: Iterable[TokenPolicy] | None = None) -> Q:
    """Return the condition that a token breaks one of `policies`, by default of all."""
    broken = Q(pk__in=[])
    for policy in TokenPolicy.objects.all() if policies is None else policies:
        broken |= policy.broken_by()
    return broken
