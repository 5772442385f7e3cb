"""What pages show of scopes that wait for approval."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Min

from tokens.models import Scope, ScopeRequest, Token, TokenPolicy

MAX_SHOWN_REQUESTS = 100
MAX_PAST_DECISIONS = 20


class WaitingScope(NamedTuple):
    """A scope of a token that waits. `words` describe the scope; `by` may approve it."""

    name: str
    words: str
    by: str


def waiting_for(person: AbstractBaseUser) -> list[tuple[ScopeRequest, str]]:
    """Return the oldest requests that wait for `person`, each with the words of its scope."""
    related = ("token__owner", "token__team", "asked_by__token_team", "approvers", "policy")
    found = ScopeRequest.objects.decidable_by(person).select_related(*related)
    requests = list(found[:MAX_SHOWN_REQUESTS])
    words = words_of({each.scope for each in requests})
    return [(each, words.get(each.scope, "")) for each in requests]


def past_decisions(person: AbstractBaseUser) -> list[ScopeRequest]:
    """Return the last decisions about what `person` may decide, the newest first."""
    decided = [ScopeRequest.Decision.APPROVED, ScopeRequest.Decision.DECLINED]
    found = ScopeRequest.objects.seen_by(person).filter(decision__in=decided).order_by()
    # A renewal copies approvals. Copies have the same time: the first one is the decision.
    first = found.values("decided_at").annotate(first=Min("pk")).order_by("-decided_at")
    pks = list(first.values_list("first", flat=True)[:MAX_PAST_DECISIONS])
    related = ("token__owner", "token__team", "decided_by")
    chosen = ScopeRequest.objects.filter(pk__in=pks).select_related(*related)
    return list(chosen.order_by("-decided_at"))


def words_of(names: Any) -> dict[str, str]:
    """Return the descriptions of the scopes `names` in the catalogue."""
    return dict(Scope.objects.filter(name__in=names).values_list("name", "words"))


def waiting_scopes(token: Token) -> list[WaitingScope]:
    """Return the scopes of `token` that wait for approval; no query if there are none."""
    if not token.pending_scope:
        return []
    groups: dict[str, list[str]] = {}
    rows = token.scope_requests.waiting().values_list("scope", "approvers__name")
    for name, group in rows:
        groups.setdefault(name, []).append(group or "an administrator")
    words = words_of(token.pending_scopes)
    return [
        WaitingScope(name, words.get(name, ""), " and ".join(groups.get(name, ["an approver"])))
        for name in token.pending_scopes
    ]


def waiting_action(token: Token, names: Collection[str]) -> str:
    """Return which of the scopes `names` wait for approval, and by whom; "" if none does."""
    return " ".join(
        f"{scope.name} waits for approval by {scope.by}."
        for scope in waiting_scopes(token)
        if scope.name in names
    )


def approvals_badge(person: Any) -> int | None:
    """Return how many scopes wait for `person`; None for somebody who never approves anything."""
    is_approver = TokenPolicy.objects.filter(approvers__in=person.groups.all()).exists()
    if not is_approver and not person.is_superuser:
        return None
    count = ScopeRequest.objects.decidable_by(person).count()
    return count if count or is_approver else None
