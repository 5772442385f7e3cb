"""Answer “Whose is this?” to an administrator, for a pasted token, identifier or reference.

Nothing pasted is stored, logged or sent back. The answer names only what the database has.
"""

from typing import NamedTuple

from django.views.decorators.debug import sensitive_variables

from tokens.models import RecentRequest, Token
from tokens.token_settings import token_settings
from tokens.troubleshooting.parser import parse_pasted
from tokens.troubleshooting.report import find_imported

RIGHT_VALUE = "The secret was right: whoever has this text can use the token while it works."
WRONG_VALUE = (
    "The beginning is that of this token, but the secret is wrong: the text is not its value."
)
UNCHECKED_VALUE = "The secret was not checked: the server lacks the pepper of this token."
PUBLIC_BEGINNING = (
    "Only the public beginning was right. It is no secret, and nobody can call the API with it."
)
INCOMPLETE_VALUE = f"{PUBLIC_BEGINNING} The rest is missing, or is no valid value."
BY_REFERENCE = "A request with this reference was sent with the value of this token."
UNKNOWN_BEGINNING = (
    "No token here begins like this. It belongs to another installation, or it was deleted: "
    "tokens are deleted {days} days after they ended. Events stay longer, and can be filtered by "
    "the first 24 characters."
)
UNKNOWN_REFERENCE = (
    "No stored request has this reference. Requests are stored for {days} days, and only those "
    "with the right value of a token. The server's log has the others."
)
NOTHING_FOUND = (
    "There is neither a token nor a reference in this text. Paste the value of a token, its first "
    "24 characters, or the reference at the end of a refused request's instance."
)


class WhoseAnswer(NamedTuple):
    """The answer: what is known about the text (`words`), and the token, or None if unknown.

    `is_proven` is True if the text has the secret value of the token. `request` is the request
    with the pasted reference.
    """

    words: str
    token: Token | None = None
    is_proven: bool = False
    request: RecentRequest | None = None


@sensitive_variables()
def find_whose(pasted: str) -> WhoseAnswer:
    """Return whose the token is that `pasted` has in it, or that a request was sent with."""
    parsed = parse_pasted(pasted, token_settings.PREFIX)
    tokens = Token.objects.select_related("owner", "imported")
    if parsed.reference:
        return find_by_reference(parsed.reference)
    if not parsed.identifier:
        imported = find_imported(pasted)
        token = tokens.filter(pk=imported.pk).first() if imported else None
        return (
            WhoseAnswer(RIGHT_VALUE, token, is_proven=True)
            if token
            else WhoseAnswer(NOTHING_FOUND)
        )
    token = tokens.filter(identifier=parsed.identifier).first()
    if token is None:
        return WhoseAnswer(UNKNOWN_BEGINNING.format(days=token_settings.RETENTION_DAYS))
    if parsed.credential is None:
        is_whole = len(pasted.strip()) == len(parsed.identifier)
        return WhoseAnswer(PUBLIC_BEGINNING if is_whole else INCOMPLETE_VALUE, token)
    if token.pepper not in token_settings.PEPPERS:
        return WhoseAnswer(UNCHECKED_VALUE, token)
    proven = token.is_proven_by(parsed.credential.value)
    return WhoseAnswer(RIGHT_VALUE if proven else WRONG_VALUE, token, is_proven=proven)


def find_by_reference(reference: str) -> WhoseAnswer:
    """Return the token with which the request was sent whose answer had this reference."""
    requests = RecentRequest.objects.filter(reference=reference)
    # SQLite uses the partial index only if the query repeats its condition.
    found = requests.exclude(reference="").select_related("token__owner", "token__imported")
    if request := found.first():
        return WhoseAnswer(BY_REFERENCE, request.token, request=request)
    return WhoseAnswer(UNKNOWN_REFERENCE.format(days=token_settings.REQUEST_RETENTION_DAYS))
