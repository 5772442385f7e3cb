"""What policies demand, in words for the forms of tokens. So people need not try and fail."""

from collections.abc import Collection, Iterator
from functools import cached_property

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Count

from tokens.models import Environment, Token, TokenPolicy
from tokens.policies.patterns import matches_scope
from tokens.policies.rules import (
    Rules,
    count_in,
    days_in_words,
    other_scopes,
    shortest_lifetime,
    tokens_in_words,
)
from tokens.token_settings import token_settings


class PolicyHints:
    """The policies for tokens of `owner` in some environments, of which the form offers a choice.

    Asks the database once.
    """

    def __init__(self, owner: AbstractBaseUser, environments: Collection[str]) -> None:
        self.owner = owner
        self.environments = environments
        policies = TokenPolicy.objects.for_owner(owner.pk)
        self.policies = [each for each in policies if each.environment in {"", *environments}]
        self.rules = [policy.rules for policy in self.policies]

    @cached_property
    def max_days(self) -> int | None:
        """Return the longest lifetime in days that one of the environments allows; None: any."""
        limits = []
        for environment in self.environments:
            rule = shortest_lifetime(
                rule for rule in self.rules if rule.environment in {"", environment}
            )
            if rule is None:
                return None
            limits.append(rule.max_days or 0)
        return max(limits, default=None)

    @property
    def lifetimes(self) -> list[str]:
        """Return a sentence for each policy with a longest lifetime."""
        return [
            f"{self._policy(rule)}: {days_in_words(rule.max_days)} at most."
            for rule in self.rules
            if rule.max_days is not None
        ]

    @property
    def names(self) -> list[str]:
        """Return a sentence for each policy that wants names of some form."""
        return [
            f"{self._policy(rule)}: names like {rule.name_pattern}."
            for rule in self.rules
            if rule.name_pattern
        ]

    @property
    def addresses(self) -> list[str]:
        """Return a sentence for each policy that wants addresses."""
        return [
            f"{self._policy(rule)}: addresses are needed."
            for rule in self.rules
            if rule.needs_addresses
        ]

    def scope_note(self, name: str) -> str:
        """Return which policy does not allow the scope `name`, or wants it approved, or ""."""
        for rule in self.rules:
            if other_scopes(rule, [name]):
                return f"not allowed by {self._policy(rule, 'policy')}"
        for policy in self.policies:
            if matches_scope(policy.approval_scopes.split(), name):
                return f"needs approval: {self._policy(policy.rules, 'policy')}"
        return ""

    def warnings(self, person: AbstractBaseUser, *, adds: bool = True) -> Iterator[str]:
        """Yield why `person` can't make a token now. `adds`: the owner gets one token more."""
        if demanding := [rule for rule in self.rules if rule.needs_second_factor]:
            ask = token_settings.HAS_SECOND_FACTOR
            if not (ask and ask(person)):
                yield (
                    f"{self._policy(demanding[0])}: you need a second factor to make a token. "
                    "Set one up first."
                )
        limited = [rule for rule in self.rules if rule.max_tokens is not None]
        if adds and limited:
            active = Token.objects.owned_by(self.owner).active().filter(renewed_at=None)
            groups = active.order_by().values_list("environment").annotate(Count("pk"))
            counts = dict(groups)
            for rule in limited:
                if count_in(counts, rule.environment) >= (rule.max_tokens or 0):
                    yield (
                        f"{self._policy(rule)}: {tokens_in_words(rule.max_tokens)} at most, and "
                        "so many exist. Revoke one first."
                    )

    def _policy(self, rule: Rules, word: str = "Policy") -> str:
        """Return the name of the policy, with the environment if the form offers others too."""
        where = ""
        if rule.environment and len(self.environments) > 1:
            where = f" ({Environment(rule.environment).label})"
        return f"{word} “{rule.policy}”{where}"
