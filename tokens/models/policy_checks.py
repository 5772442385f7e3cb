"""Checks a token against the policies of its owner, before the token is made or changed.

The callers have locked the owner, so that two requests can't both take the last place.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.utils import timezone

from tokens.models.actor import Actor
from tokens.models.exceptions import PolicyBroken
from tokens.models.token_policy import TokenPolicy
from tokens.policies.rules import Planned, Rules, find_breaches
from tokens.token_settings import token_settings

if TYPE_CHECKING:
    from tokens.models.queryset import TokenQuerySet
    from tokens.models.token import Token

NOBODY_ASKED = "A program acts for a team here, so nobody can be asked: a member has to make it."


def policies_for(owner_pk: Any, environment: str) -> list[TokenPolicy]:
    """Return the policies for tokens of this owner in this environment."""
    return list(TokenPolicy.objects.for_owner(owner_pk).in_environment(environment))


def rules_for(owner_pk: Any, environment: str) -> list[Rules]:
    """Return the rules of all policies for tokens of this owner in this environment."""
    return [policy.rules for policy in policies_for(owner_pk, environment)]


def ensure_new_token_keeps_policies(
    token: Token,
    policies: Sequence[TokenPolicy],
    others: TokenQuerySet | None,
    actor: Actor | None,
) -> None:
    """Raise PolicyBroken if `token`, which is not stored yet, would break one of `policies`.

    `others` are the owner's other tokens, or None if the new token replaces one that is active.
    """
    rules = [policy.rules for policy in policies]
    if not rules:
        return
    has_factor, why = None, ""
    if any(rule.needs_second_factor for rule in rules):
        has_factor, why = second_factor_of(token, actor)
    counts = None
    if others is not None and any(rule.max_tokens is not None for rule in rules):
        active = others.active().filter(renewed_at=None).order_by()
        counts = dict(active.values_list("environment").annotate(Count("pk")))
    planned = Planned(
        name=token.name,
        scopes=token.scopes,
        addresses=token.allowed_addresses,
        lifetime=token.expires_at - timezone.now(),
        others=counts,
        has_second_factor=has_factor,
        without_person=why,
    )
    if breaches := find_breaches(rules, planned):
        raise PolicyBroken(breaches)


def ensure_change_keeps_policies(
    kept: Token, name: str, added: Collection[str], addresses: Collection[str]
) -> list[TokenPolicy]:
    """Raise PolicyBroken if a change of the token `kept` would break a policy anew.

    Return the policies; none if the change needs none.

    Only what is new is checked: a name, scopes and addresses that the token has already may break
    a policy that came later.
    """
    renamed, moved = name != kept.name, set(addresses) != set(kept.allowed_addresses)
    if not (renamed or added or moved):
        return []
    planned = Planned(
        name=name if renamed else "", scopes=added, addresses=addresses if moved else None
    )
    policies = policies_for(kept.owner_id, kept.environment)
    if breaches := find_breaches([policy.rules for policy in policies], planned):
        raise PolicyBroken(breaches)
    return policies


def second_factor_of(token: Token, actor: Actor | None) -> tuple[bool, str]:
    """Return whether the person who makes `token` has a second factor.

    Also return why nobody can be asked, or "". Programs and commands act for the owner, who is
    asked then. A team has nobody to ask.
    """
    person = actor.user if actor and actor.user and actor.token is None else None
    if person is None and token.team_id is not None:
        return False, NOBODY_ASKED
    ask = token_settings.HAS_SECOND_FACTOR
    return bool(ask and ask(person or token.owner)), ""
