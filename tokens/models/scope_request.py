"""Scopes that wait for approval: who asked, who may approve, and what was decided."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from tokens import signals
from tokens.core.text import one_line
from tokens.models.actor import Actor
from tokens.models.event import Event
from tokens.models.exceptions import AlreadyDecided
from tokens.models.membership import Membership
from tokens.models.owner import account_name
from tokens.models.scope import SCOPE_LENGTH, Scope
from tokens.models.team import Team
from tokens.models.token_policy import TokenPolicy
from tokens.policies.patterns import matches_scope

if TYPE_CHECKING:
    from tokens.models.token import Token

REASON_LENGTH = 100
REMIND_AFTER = timedelta(days=1)  # when a scope that is asked for again is worth another mail
Pair = tuple[str, Any]  # a scope, and the primary key of the group that has to approve it


class ScopeRequestQuerySet(models.QuerySet["ScopeRequest"]):
    """Queries for requests of scopes."""

    def waiting(self) -> Self:
        """Return the requests that nobody has decided."""
        return self.filter(decision="")

    def without_approver(self) -> Self:
        """Return the requests whose group has nobody who may decide. Superusers may then."""
        owner = OuterRef("token__owner")
        able = get_user_model().objects.filter(is_active=True, groups=OuterRef("approvers"))
        able = able.exclude(pk=Coalesce(OuterRef("asked_by"), owner)).exclude(pk=owner)
        own_team = Membership.objects.filter(
            team=OuterRef(OuterRef("token__team")), user=OuterRef("pk")
        )
        # Nobody signs in with the account of a team.
        return self.filter(~Exists(able.filter(~Exists(own_team), token_team=None)))

    def seen_by(self, person: AbstractBaseUser) -> Self:
        """Return the requests that `person` may ever decide: those of their groups.

        Superusers also see the requests of all other groups.
        """
        if getattr(person, "is_superuser", False):
            return self
        return self.filter(approvers__in=Group.objects.filter(user=person.pk))

    def decidable_by(self, person: AbstractBaseUser) -> Self:
        """Return the requests that wait for `person`.

        Nobody decides about their own token, a token of their team, or what they asked for.
        """
        if not person.is_active:
            return self.none()
        foreign = self.waiting().exclude(token__owner=person.pk)
        foreign = foreign.exclude(token__team__in=Team.objects.of(person))
        foreign = foreign.filter(token__expires_at__gt=timezone.now())
        foreign = foreign.filter(Q(asked_by=None) | ~Q(asked_by=person.pk))
        of_group = Q(approvers__in=Group.objects.filter(user=person.pk))
        if getattr(person, "is_superuser", False):
            of_group |= Q(pk__in=self.model.objects.without_approver().values("pk"))
        return foreign.filter(of_group)

    def close(self) -> None:
        """Note that the scopes are not wanted any more, for all requests that still wait."""
        self.waiting().update(decision=ScopeRequest.Decision.WITHDRAWN, decided_at=timezone.now())

    def withdraw(self, name: str) -> None:
        """Close all requests for the scope `name`, which is deleted. No token waits for it."""
        waiting = self.waiting().filter(scope=name)
        pks = sorted(set(waiting.values_list("token", flat=True)))
        tokens = apps.get_model("tokens", "Token").objects
        for token in tokens.select_for_update().filter(pk__in=pks).order_by("pk"):
            put_scopes(token, pending=set(token.pending_scopes) - {name})
        waiting.close()  # after the tokens, because each change locks a token before its requests


class ScopeRequest(models.Model):
    """A scope that a token gets only when somebody of the group `approvers` approves."""

    class Decision(models.TextChoices):
        """What became of a request. A request without a decision waits."""

        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "No longer wanted"

    token = models.ForeignKey(
        "tokens.Token", on_delete=models.CASCADE, related_name="scope_requests"
    )
    scope = models.CharField(max_length=SCOPE_LENGTH)
    approvers = models.ForeignKey(
        Group, on_delete=models.SET_NULL, null=True, related_name="scope_requests"
    )
    policy = models.ForeignKey(
        TokenPolicy, on_delete=models.SET_NULL, null=True, related_name="scope_requests"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=9, choices=Decision.choices, blank=True, default="")
    reason = models.CharField(max_length=REASON_LENGTH, blank=True, default="")
    mailed_at = models.DateTimeField(null=True)  # when a sender claimed the mail to the approvers

    objects = ScopeRequestQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "scope", "approvers"],
                condition=Q(decision=""),
                name="scope_request_once",
            )
        ]
        indexes = [models.Index(fields=["asked_at"], condition=Q(decision=""), name="scope_waits")]

    def __str__(self) -> str:
        return f"{self.scope} for {self.token_id}"

    @property
    def pair(self) -> Pair:
        """Return the scope and the group, which a later request for the same has too."""
        return self.scope, self.approvers_id

    def decide(
        self, person: AbstractBaseUser, *, approve: bool, reason: str = "", actor: Actor | None
    ) -> None:
        """Approve or decline the scope. Write the event, and let the owner be told.

        Raise AlreadyDecided if somebody decided first, or if the scope is not wanted any more.
        """
        tokens = type(self.token).objects
        with tokens.locked_for(self.token.owner_id):
            kept = tokens.filter(pk=self.token_id, owner_id=self.token.owner_id)
            # Only to lock the scopes, before the token: see `locked_for`.
            Scope.objects.are_restricted([name for each in kept for name in each.wanted_scopes])
            token = kept.select_for_update().first()
            decidable = ScopeRequest.objects.decidable_by(person).filter(pk=self.pk)
            if token is None or not decidable.exists():  # None: the token was handed over
                self.refresh_from_db()
                raise AlreadyDecided(self)
            self.decision = self.Decision.APPROVED if approve else self.Decision.DECLINED
            # The stubs expect the accounts of this product; a project has its own model.
            self.decided_by, self.decided_at = person, timezone.now()  # type: ignore[assignment]
            self.reason = reason and one_line(reason, REASON_LENGTH)
            self.save(update_fields=["decision", "decided_by", "decided_at", "reason"])
            others = token.scope_requests.waiting().filter(scope=self.scope)
            pending = set(token.pending_scopes) - {self.scope}
            if not approve:
                others.close()
                put_scopes(token, pending=pending)
            elif not others.exists():
                put_scopes(token, granted={*token.scopes, self.scope}, pending=pending)
            kind = Event.Kind.SCOPE_APPROVED if approve else Event.Kind.SCOPE_DECLINED
            Event.record(kind, token, actor, self.decision_in_words)
            signals.send_after_commit(signals.scope_decided, token=token, request=self)

    @property
    def asker_name(self) -> str:
        """Return what names the person or team that asked, or "" if the account is gone."""
        return account_name(self.asked_by) if self.asked_by else ""

    @staticmethod
    def words_by(name: str) -> str:
        """Return the words of `decision_in_words` that name who decided."""
        return f" by {one_line(name, 60)}"

    @property
    def decision_in_words(self) -> str:
        """Return the scope, who decided, and why, such as “a:write by boss@example.com: no”."""
        who = self.decided_by.get_username() if self.decided_by else "an account that is gone"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.scope}{self.words_by(who)}{reason}"


def joined(names: Collection[str]) -> str:
    """Return the names of scopes as one text, as a token stores them."""
    return " ".join(sorted(names))


def put_scopes(
    token: Token, *, granted: Collection[str] | None = None, pending: Collection[str]
) -> None:
    """Store which scopes `token` has, if they changed, and which wait for approval.

    The caller has locked the scopes, and then the token.
    """
    token.pending_scope = joined(pending)
    if granted is not None:
        token.scope = joined(granted)
        token.has_restricted_scopes = Scope.objects.are_restricted(granted)
    token.save(update_fields=["scope", "pending_scope", "has_restricted_scopes"])


class Plan(NamedTuple):
    """Which scopes a token gets at once, and which wait, for which policies."""

    granted: set[str]
    pending: set[str]
    needed: list[tuple[str, TokenPolicy]]  # approvals that nobody gave yet
    given: list[ScopeRequest]  # approvals of another token that count for this one

    def store_new(self, token: Token, actor: Actor | None) -> None:
        """Insert `token` with these scopes, and its requests for approval.

        Requests of the token that `token` replaces are about `token` from now on.
        """
        token.scope, token.pending_scope = joined(self.granted), joined(self.pending)
        token.save(force_insert=True)
        if token.renewed_from:
            token.renewed_from.scope_requests.waiting().update(token=token)
            token.scope_requests.exclude(scope__in=self.pending).close()
        self.store(token, actor)

    def store(self, token: Token, actor: Actor | None) -> None:
        """Store the requests for approval, and copy the approvals that count for `token`.

        A scope that the token waited for before waits again in the same row. So nobody can fill
        the table by editing a token. The approvers get another mail about it after a day.
        """
        if not self.needed and not self.given:
            return
        now = timezone.now()
        asker = actor.user.pk if actor and actor.user else token.owner_id
        kept = token.scope_requests.exclude(decision=ScopeRequest.Decision.DECLINED)
        rows = {each.pair: each for each in kept.order_by("pk")}
        for name, policy in self.needed:
            row = rows.get((name, policy.approvers_id))
            if row is None or row.decision == ScopeRequest.Decision.APPROVED:
                row = ScopeRequest(token=token, scope=name, approvers_id=policy.approvers_id)
            elif not row.decision:
                continue  # it waits already
            row.decision, row.decided_at, row.policy = "", None, policy
            row.asked_by_id, row.asked_at = asker, now
            if row.mailed_at and row.mailed_at < now - REMIND_AFTER:
                row.mailed_at = None
            row.save()
            rows[row.pair] = row
        for each in self.given:
            if each.pair not in rows:
                # Django has no public way to save a copy as a new row.
                each.pk, each.token, each._state.adding = None, token, True  # noqa: SLF001
                each.save()
        if self.needed:
            signals.send_after_commit(signals.approval_asked, token=token)


def plan_scopes(
    wanted: Collection[str], policies: Sequence[TokenPolicy], source: Token | None = None
) -> Plan:
    """Return which of the scopes `wanted` a token gets at once, and which must wait.

    Approvals of `source` count: the token that is renewed, or with which a program makes the
    token.
    """
    needed = [
        (name, policy)
        for policy in policies
        for name in sorted(wanted)
        if matches_scope(policy.approval_scopes.split(), name)
    ]
    given: list[ScopeRequest] = []
    if needed and source is not None:
        # The newest request counts: an older one may be approved, and its scope edited away since.
        latest = {each.pair: each for each in source.scope_requests.order_by("asked_at", "pk")}
        pairs = {(name, policy.approvers_id) for name, policy in needed}
        given = [latest[pair] for pair in sorted(pairs & latest.keys(), key=str)]
        given = [each for each in given if each.decision == ScopeRequest.Decision.APPROVED]
    have = {each.pair for each in given}
    missing = [
        (name, policy) for name, policy in needed if (name, policy.approvers_id) not in have
    ]
    pending = {name for name, _ in missing}
    return Plan(set(wanted) - pending, pending, missing, given)
