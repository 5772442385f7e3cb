"""Explain why a request was refused, from what somebody pasted. Nothing pasted is stored.

NOTE: Only the person's own tokens and requests are read. All other tokens and references get the
same answer, whether they exist or not. Otherwise the page would tell who has which token.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from tokens.authentication import imported_lookup
from tokens.authentication.credentials import Credential
from tokens.authentication.imported_values import MIN_VALUE_LENGTH
from tokens.core.circuit_breaker import ServiceUnavailable
from tokens.core.text import utc_time
from tokens.models import MissingPepper, RecentRequest, Team, Token
from tokens.pages.scope_choices import grants
from tokens.problems.catalog import remedy
from tokens.problems.problem import TYPES
from tokens.rate_limits import counters
from tokens.token_settings import token_settings
from tokens.troubleshooting.checks import (
    CheckResult,
    address_notes,
    check_request,
    current_problems,
    recent_problems,
    renewal_link,
    renewal_notes,
    scope_notes,
)
from tokens.troubleshooting.credential_errors import CredentialError
from tokens.troubleshooting.parser import parse_pasted

MAX_IMPORTED_WORDS = 8  # words of the pasted text that are looked up, each with a query


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The answer of the page Troubleshoot.

    `problems` concern every request with the token, the strongest first. `recent` are problems of
    single recent requests. `notes` are further facts about the token.
    """

    problems: list[CheckResult]
    recent: list[CheckResult] = field(default_factory=list)
    notes: list[CheckResult] = field(default_factory=list)
    token: Token | None = None

    @property
    def works(self) -> bool:
        """Return True if a token was found, and not all of its requests are refused."""
        return self.token is not None and not self.problems

    @property
    def outcome(self) -> str:
        """Return “works”, “refused”, or “partly” if a recent request would be refused again."""
        if not self.works:
            return "refused"
        return "partly" if self.remaining_codes else "works"

    @property
    def remaining_codes(self) -> set[str]:
        """Return the problem codes that recent requests would get if they were sent again."""
        return {result.code for result in self.recent if result.still_applies}

    @property
    def is_address_refused(self) -> bool:
        """Return True if a recent request came from an address that the token does not allow."""
        return "address_not_allowed" in self.remaining_codes

    @property
    def headline(self) -> str:
        """Return the answer in a few words. If there are problems, the first decides."""
        if self.outcome == "works":
            return "This token works"
        if self.outcome == "partly" and self.is_address_refused:
            return "This token works, but not from where it was used"
        if self.outcome == "partly":
            return "This token works, but not for all that it was used for"
        first = self.problems[0]
        title = TYPES[first.code].title if first.code in TYPES else first.what.rstrip(".")
        return first.headline or title

    @property
    def strongest(self) -> CheckResult | None:
        """Return the result that the headline is about, or None if the token works."""
        return None if self.outcome == "works" else self.results[0]

    @property
    def others(self) -> list[CheckResult]:
        """Return all other results."""
        return self.results if self.strongest is None else self.results[1:]

    @property
    def results(self) -> list[CheckResult]:
        """Return all results: `problems`, then `recent`, those that still apply first."""
        return [*self.problems, *sorted(self.recent, key=lambda result: not result.still_applies)]


NOT_YOURS = CheckResult(
    "This is not one of your tokens.",
    "It is unknown here, or it is somebody else's: this page says no more. If the answer was "
    "unknown_token, the token belongs to another installation, its account was deleted, or it "
    "ended so long ago that it was deleted.",
)
WRONG_SECRET = CheckResult(
    "It begins like one of your tokens, but the rest differs.",
    "Send the value that was shown when the token was made. If nobody kept it, renew the token.",
    "unknown_token",
)
UNCHECKED = CheckResult(
    "Its secret can't be checked: the server lacks one of its peppers.",
    "Tell the operator that TOKEN_PEPPERS lacks a pepper. The token works again when the pepper "
    "is put back.",
    "unavailable",
)
PADDED = CheckResult(
    "There is a space or a line break around the token that you pasted.",
    "If your program reads the token from a file, remove the line break.",
)
WORKS_NOW = CheckResult("The token itself works now.", "Requests that it may make are accepted.")
WRONGLY_SENT = CheckResult("The token itself works.", "Only the way in which it is sent is wrong.")
MORE_BY_REFERENCE = CheckResult(
    "This says what the code means in general.",
    "Paste the whole answer, or the reference at the end of its instance, to learn why that "
    "request was refused.",
)


@sensitive_variables()
def diagnose(user: AbstractBaseUser, pasted: str, address: str) -> Diagnosis:
    """Return the answer to `user`, who pasted `pasted`. `address` is the address of the client."""
    parsed = parse_pasted(pasted, token_settings.PREFIX)
    if parsed.reference:
        unknown = Diagnosis([*explain_code(parsed.code), unknown_reference()])
        return diagnose_request(user, parsed.reference) or unknown
    if parsed.code:
        return Diagnosis(explain_code(parsed.code), notes=[MORE_BY_REFERENCE])
    if not parsed.identifier and (imported := find_imported(pasted, user)):
        return diagnose_token(imported, [], True, address)
    tokens = Token.objects.reachable_by(user).select_related("owner", "imported")
    token = tokens.filter(identifier=parsed.identifier).first()
    problems = [explain_error(error, token) for error in parsed.errors]
    if token is None:
        not_yours = [NOT_YOURS] if parsed.identifier else []
        return Diagnosis([*problems, *not_yours], notes=failure_notes(address))
    wrong = check_secret(token, parsed.credential) if parsed.credential else []
    proven = parsed.credential is not None and not wrong
    diagnosis = diagnose_token(token, [*problems, *wrong], proven, address)
    return replace(diagnosis, notes=[*diagnosis.notes, PADDED]) if parsed.padded else diagnosis


@sensitive_variables()
def find_imported(pasted: str, person: AbstractBaseUser | None = None) -> Token | None:
    """Return the imported token whose old value is a word of the text, or None.

    With `person`, only tokens of this person and of the person's teams are found.
    """
    words = [word.strip("\"'`,;") for word in pasted.split()]
    values = [word for word in words if len(word) >= MIN_VALUE_LENGTH]
    with suppress(ServiceUnavailable):
        for value in values[:MAX_IMPORTED_WORDS]:
            token = imported_lookup.find_if_accepted(value)
            if token and (person is None or is_reachable(token, person)):
                return token
    return None


def is_reachable(token: Token, person: AbstractBaseUser) -> bool:
    """Return True if `person` may act for the owner of `token`."""
    return Token.objects.reachable_by(person).filter(pk=token.pk).exists()


def explain_error(error: CredentialError, token: Token | None) -> CheckResult:
    """Return an error of what was pasted, with a headline that names the person's own token."""
    found = CheckResult(error.what, error.action, error.code, is_damage=error.is_damage)
    if token is None:
        return found
    links = (renewal_link(token),) if error.is_damage and token.is_renewable else ()
    headline = about(token, f"This is “{{}}”, but {error.clause}")
    return found._replace(headline=headline, links=links)


def about(token: Token, words: str) -> SafeString:
    """Return `words` with the token's name, isolated because its writing direction may differ."""
    return format_html(words, format_html("<bdi>{}</bdi>", token.name))


@sensitive_variables()
def check_secret(token: Token, sent: Credential) -> list[CheckResult]:
    """Return why `sent` is not the value of `token`; an empty list if it is the value."""
    try:
        if token.is_proven_by(sent.value):
            return []
    except MissingPepper:
        headline = about(token, "This is “{}”, but its secret can't be checked now")
        return [UNCHECKED._replace(headline=headline)]
    headline = about(token, "This begins like “{}”, but the rest differs")
    links = (renewal_link(token),) if token.is_renewable else ()
    return [WRONG_SECRET._replace(headline=headline, links=links)]


def strength(result: CheckResult) -> int:
    """Return the rank of a problem; the lowest is the strongest.

    Nothing helps a token that ended, and no other form of the request helps a damaged value. All
    other problems stay in the order of the pipeline's checks.
    """
    if result.code in {"revoked_token", "expired_token"}:
        return 0
    return 1 if result.is_damage else 2


def diagnose_token(
    token: Token, errors: list[CheckResult], proven: bool, address: str
) -> Diagnosis:
    """Return the answer about `token`, one of the person's own tokens.

    `errors` are mistakes in what was pasted. `proven` is True if the secret was right in spite
    of them. If a problem concerns every request, it is not repeated for a recent request. If there
    are errors, the problems of other requests are left out.
    """
    granted, current = grants(token), current_problems(token)
    recent = [] if errors else recent_problems(token, granted)
    requests = {result.code: result.request for result in recent}
    current = [result._replace(request=requests.pop(result.code, None)) for result in current]
    recent = [result for result in recent if result.code in requests]
    notes = [*scope_notes(granted), *address_notes(token, address), *renewal_notes(token)]
    if proven and errors:
        notes.insert(0, WRONGLY_SENT)
    problems = sorted([*errors, *current], key=strength)
    return Diagnosis(problems, recent, [] if current else notes, token)


def explain_code(code: str) -> list[CheckResult]:
    """Return what the problem code means in general; an empty list if `code` is ""."""
    return [CheckResult(*remedy(code), code)] if code else []


def diagnose_request(user: AbstractBaseUser, reference: str) -> Diagnosis | None:
    """Return why a request was refused: the one whose answer had this `reference`.

    Return None if no request with a token of the person or the person's teams has this reference.
    """
    # A subquery for tokens would read all of them on SQLite, where `team` has no index.
    mine = Q(token__owner=user.pk) | Q(token__team__in=Team.objects.of(user))
    requests = RecentRequest.objects.filter(mine, reference=reference)
    # SQLite uses the partial index only if the query repeats its condition.
    requests = requests.exclude(reference="")
    request = requests.select_related("token__owner").first()
    if request is None:
        return None
    token, code = request.token, request.code
    current = current_problems(token)
    same = [result._replace(request=request) for result in current if result.code == code]
    others = [result for result in current if result.code != code]
    first = same or [check_request(request, grants(token))]
    works = [] if current or first[0].still_applies else [WORKS_NOW]
    return Diagnosis([*first, *others], notes=[*works, *renewal_notes(token)], token=token)


def unknown_reference() -> CheckResult:
    """Return the answer for a reference that no request of the person's tokens has."""
    return CheckResult(
        "No request of your tokens has this reference.",
        "This page knows a request a second after its answer, and for "
        f"{token_settings.REQUEST_RETENTION_DAYS} days. Only the operator's log has requests "
        "whose token was mistyped or unknown, and some requests when very many came at once. "
        "Paste what was sent instead.",
    )


def failure_notes(address: str) -> list[CheckResult]:
    """Return a note if too many requests from the person's address failed, else an empty list."""
    try:
        result = counters.peek_failure(address)
    except ServiceUnavailable:
        return []
    if result.admitted or not address:
        return []
    end = utc_time(timezone.now() + timedelta(seconds=result.retry_after))
    what = f"Too many requests from your present address, {address}, failed."
    action = (
        f"The limit is {result.reached_limits}. Failed requests get rate_limited until {end}. "
        "A valid token still works."
    )
    return [CheckResult(what, action)]
