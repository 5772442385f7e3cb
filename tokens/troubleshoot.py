"""Why a request was refused: what somebody pasted, held against what is theirs to know. Nothing pasted is kept.

Only the person's own tokens and requests are looked at. Of all others there is one answer, whether they exist or not.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from tokens import limits
from tokens.access import grants
from tokens.breaker import Down
from tokens.denial import KINDS, moment
from tokens.diagnosis import read
from tokens.findings import Finding, address_notes, refusal, refusals_of, renewal_notes, scope_notes, state_of
from tokens.models import RecentRequest, Token
from tokens.remedies import remedy


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, the first in the pipeline first; what was refused lately; and what is good to know besides."""

    problems: list[Finding]
    refusals: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    token: Token | None = None

    @property
    def works(self) -> bool:
        return self.token is not None and not self.problems

    @property
    def outcome(self) -> str:
        """“works”, “partly” where the next request may be refused as others were, or “refused”."""
        if not self.works:
            return "refused"
        return "partly" if self.standing else "works"

    @property
    def standing(self) -> set[str]:
        """The codes of what would be refused again."""
        return {finding.code for finding in self.refusals if finding.stands}

    @property
    def is_kept_out(self) -> bool:
        """Whether it was used from where it may not be used."""
        return "address_not_allowed" in self.standing

    @property
    def verdict(self) -> str:
        """The whole of it in a few words; for a refusal those that its answer has."""
        if self.outcome == "works":
            return "This token works"
        if self.outcome == "partly" and self.is_kept_out:
            return "This token works, but not from where it was used"
        if self.outcome == "partly":
            return "This token works, but not for all that it was used for"
        first = self.problems[0]
        return KINDS[first.code].title if first.code in KINDS else first.what.rstrip(".")

    @property
    def findings(self) -> list[Finding]:
        """What to do something about."""
        return [*self.problems, *self.refusals]


NOT_YOURS = Finding(
    "This is not one of your tokens.",
    "It is unknown here, or somebody else's: this page says no more. If the answer was unknown_token, it belongs to "
    "another installation, the account is gone, or it ended so long ago that it was deleted.",
)
WRONG_SECRET = Finding(
    "It begins like a token of yours, but the rest is not that token's.",
    "Send the value that was shown when the token was made. If nobody kept it, renew the token.",
    "unknown_token",
)
PADDED = Finding(
    "There is a space or the end of a line around the token that you pasted.",
    "If your program reads it from a file, leave the end of the line out.",
)
WORKS_NOW = Finding("The token itself works now.", "Requests that it may make are answered.")
MORE_BY_REFERENCE = Finding(
    "This says what the code means in general.",
    "Paste the whole answer, or the reference at the end of its instance, to learn what that request failed of.",
)


@sensitive_variables()
def examine(user: AbstractBaseUser, pasted: str, address: str) -> Diagnosis:
    """What there is to say of it to `user`, who asks from `address`."""
    reading = read(pasted, settings.TOKEN_PREFIX)
    if reading.reference:
        return of_request(user, reading.reference) or Diagnosis([*of_code(reading.code), unknown_reference()])
    if reading.code:
        return Diagnosis(of_code(reading.code), notes=[MORE_BY_REFERENCE])
    problems = [Finding(fault.what, fault.action, fault.code) for fault in reading.faults]
    token = Token.objects.owned_by(user).filter(identifier=reading.identifier).select_related("owner").first()
    if token is None:
        unknown = [NOT_YOURS] if reading.identifier else []
        return Diagnosis([*problems, *unknown], notes=failures_from(address))
    proven = reading.credential is not None and token.is_proven_by(reading.credential.value)
    if reading.credential and not proven:
        problems.append(WRONG_SECRET)
    diagnosis = of_token(token, problems, proven, address)
    return replace(diagnosis, notes=[*diagnosis.notes, PADDED]) if reading.padded else diagnosis


def of_token(token: Token, faults: list[Finding], proven: bool, address: str) -> Diagnosis:
    """The person's own token, sent with `faults`; `proven` says that its secret is right all the same."""
    granted, state = grants(token), state_of(token)
    refusals = refusals_of(token, granted)
    latest = {finding.code: finding.request for finding in refusals}
    state = [finding._replace(request=latest.pop(finding.code, None)) for finding in state]
    notes = [*scope_notes(granted), *address_notes(token, address), *renewal_notes(token)]
    if proven and faults:
        notes.insert(0, Finding("The token itself works.", "Nothing is wrong with it but how it is sent."))
    others = [finding for finding in refusals if finding.code in latest]  # said once, where that is how it stands now
    return Diagnosis([*faults, *state], others, [] if state else notes, token)


def of_code(code: str) -> list[Finding]:
    """What the code of an answer means, whoever got it; nothing where there is none."""
    return [Finding(*remedy(code), code)] if code else []


def of_request(user: AbstractBaseUser, reference: str) -> Diagnosis | None:
    """The request of one of the person's tokens that was answered with `reference`, if there was one."""
    requests = RecentRequest.objects.filter(token__owner=user.pk, reference=reference)
    requests = requests.exclude(reference="")  # which has SQLite use the index of those that have one
    request = requests.select_related("token__owner").first()
    if request is None:
        return None
    state = state_of(request.token)
    same = [finding._replace(request=request) for finding in state if finding.code == request.code]
    others = [finding for finding in state if finding.code != request.code]
    first = same or [refusal(request, grants(request.token))]
    works = [] if state or first[0].stands else [WORKS_NOW]
    return Diagnosis([*first, *others], notes=[*works, *renewal_notes(request.token)], token=request.token)


def unknown_reference() -> Finding:
    days = settings.REQUEST_RETENTION_DAYS
    return Finding(
        "No request of your tokens has this reference.",
        "A request is found a second after its answer. One whose token was not proven, or came too fast among many, "
        f"is in the operator's log alone; one older than {days} days is deleted. Paste what was sent instead.",
    )


def failures_from(address: str) -> list[Finding]:
    """Whether requests from the person's own address failed too often."""
    try:
        verdict = limits.peek_failure(address)
    except Down:
        return []
    if verdict.admitted or not address:
        return []
    end = moment(timezone.now() + timedelta(seconds=verdict.retry_after))
    what = f"Requests from {address}, your address now, failed more often than {verdict.words}."
    return [Finding(what, f"Failing ones are answered rate_limited until {end}. A good token is still admitted.")]
