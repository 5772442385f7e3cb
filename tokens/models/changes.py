"""Changes the settings of a token. This is the inside of `Token.change`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tokens.core import networks
from tokens.models.actor import Actor
from tokens.models.change_words import FIELD_LABELS, change_in_words
from tokens.models.event import Event
from tokens.models.exceptions import TokenRevoked, WouldWiden
from tokens.models.policy_checks import ensure_change_keeps_policies
from tokens.models.scope import Scope
from tokens.models.scope_request import joined, plan_scopes

if TYPE_CHECKING:
    from tokens.models.token import Token


def change_settings(
    token: Token,
    name: str,
    description: str,
    scopes: Collection[str],
    allowed_addresses: Sequence[str],
    *,
    may_widen: bool,
    actor: Actor | None,
) -> list[str]:
    """Do what `Token.change` says."""
    tokens = type(token).objects
    with tokens.locked_for(token.owner_id):
        restricted = Scope.objects.are_restricted(scopes)
        kept = tokens.select_for_update().get(pk=token.pk, owner_id=token.owner_id)
        if kept.revoked_at:
            raise TokenRevoked
        added = set(scopes) - set(kept.wanted_scopes)
        widens = added or networks.widens(kept.allowed_addresses, allowed_addresses)
        if not may_widen and widens:
            raise WouldWiden
        Scope.objects.ensure_held(token.owner, added)
        policies = ensure_change_keeps_policies(kept, name, added, allowed_addresses)
        plan = plan_scopes(added, policies, actor.token if actor else None)
        granted = plan.granted | set(scopes).intersection(kept.scopes)
        new = {
            "name": name,
            "description": description,
            "scope": joined(granted),
            "pending_scope": joined(set(scopes) - granted),
            "addresses": " ".join(allowed_addresses),
        }
        old = {key: getattr(kept, key) for key in new}
        if changed := [FIELD_LABELS.get(key, key) for key in new if new[key] != old[key]]:
            tokens.filter(pk=token.pk).update(**new, has_restricted_scopes=restricted)
            kept.scope_requests.exclude(scope__in=set(scopes) - granted).close()
            plan.store(kept, actor)
            Event.record(Event.Kind.CHANGED, token, actor, change_in_words(old, new))
    token.refresh_from_db()
    return changed
