"""The mistakes that people make when they send a token, as texts: what is wrong, what to do."""

import re
from typing import NamedTuple

from tokens.authentication.credentials import IDENTIFIER_LENGTH, TOKEN_LENGTH, token_starts

LENGTHS = re.compile(r": (\d+) of (\d+) characters")
HEADER_OPTION = '-H "Authorization: Bearer $API_TOKEN"'


class CredentialError(NamedTuple):
    """A mistake in what somebody pasted on the page Troubleshoot.

    `code` is the problem code that such a request gets, "" for none. `what` says what is wrong,
    `action` what to do. `ending` completes “This is the token, but …”; if it is "", `what` does.
    `is_damage` says that a part of the value is missing or wrong, so that no other form of the
    request helps.
    """

    code: str
    what: str
    action: str
    ending: str = ""
    is_damage: bool = False

    @property
    def clause(self) -> str:
        """Return what is wrong, as the end of a sentence about the token."""
        return self.ending or f"{self.what[0].lower()}{self.what[1:].rstrip('.')}"


MASKED = CredentialError(
    "",
    "This is the masked value, without the secret.",
    "Send the value that was shown when the token was made. If nobody kept it, renew the token.",
    "its secret is hidden",
    is_damage=True,
)
LOOK_ALIKES = CredentialError(
    "malformed_header",
    "It has characters that are not plain ASCII: typographic quotes, invisible spaces, or letters "
    "that only look alike.",
    "Copy the value from where it was first kept, not from a document or a chat.",
    "it has characters that are not plain ASCII",
)
LINE_BREAKS = CredentialError(
    "malformed_header",
    "It has a line break.",
    "Send it in one line. A program that reads the token from a file must remove the line break.",
)
CONTROLS = CredentialError(
    "malformed_header",
    "It has a tab or another character that can't be seen.",
    "Write one space after Bearer, and no other blanks around the token or in it.",
)
COMMAS = CredentialError(
    "malformed_header",
    "The header has a comma or is sent twice: servers join two headers with a comma.",
    "Send the Authorization header once, with one token.",
    "the header has a comma or is sent twice",
)
NO_HEADER = CredentialError(
    "missing_credentials",
    "It has no Authorization header. Tokens are read from no other header.",
    f"Send the token in the Authorization header, with curl like this: {HEADER_OPTION}",
    "it is not in the Authorization header",
)
IN_ADDRESS = CredentialError(
    "missing_credentials",
    "The token is in a web address. Tokens are not read from there.",
    "Send it in the Authorization header. Renew it too, because logs contain web addresses.",
    "it is in a web address",
)
IN_USER_NAME = CredentialError(
    "missing_credentials",
    "The token is in a web address, before the @. Programs send it with the scheme Basic, not "
    "Bearer.",
    f"Send it in the Authorization header, with curl like this: {HEADER_OPTION} and with git by "
    "its setting http.extraHeader. Renew it too, because logs contain web addresses.",
    "it is in a web address",
)
NETRC = CredentialError(
    "missing_credentials",
    "This is a line of ~/.netrc. Programs send it with the scheme Basic, not Bearer.",
    "Remove the line, because Python's requests sends it in place of any header. "
    f"Send the token like this: {HEADER_OPTION}",
    "it is in ~/.netrc, which sends it with the scheme Basic",
)
UNQUOTED = CredentialError(
    "missing_credentials",
    "The header has no quotes around it, so the shell splits it into several words.",
    f"Write it like this: {HEADER_OPTION}",
    "the header has no quotes around it",
)
NO_VALUE = CredentialError(
    "missing_credentials",
    "The Authorization header is empty.",
    "Send Bearer, one space and the token. Check that the variable or setting is not empty.",
)
OTHER_SCHEME = CredentialError(
    "missing_credentials",
    "Its scheme is not Bearer.",
    "Write Bearer and one space before the token.",
)
BASIC = CredentialError(
    "missing_credentials",
    "It begins with Basic, not with Bearer.",
    "Write Bearer and one space before the token. curl sends Basic for -u. curl -n and Python's "
    "requests send it for a host in ~/.netrc: remove the host from that file.",
)
NO_SCHEME = CredentialError(
    "missing_credentials",
    "The word Bearer is missing.",
    "Write Bearer and one space before the token.",
)
NO_SPACE = CredentialError(
    "missing_credentials",
    "No space follows the word Bearer.",
    "Write one space between Bearer and the token.",
)
NO_TOKEN = CredentialError(
    "malformed_header",
    "No token follows the word Bearer.",
    "Check that the variable or setting that should hold the token is not empty.",
)
DOUBLED = CredentialError(
    "malformed_header",
    "The word Bearer is there twice.",
    "Some tools add the word themselves: give them only the token.",
)
SPACES = CredentialError(
    "malformed_header",
    "It has extra spaces.",
    "Write one space after Bearer, and none in the token or after it.",
)
PERCENT_ENCODED = CredentialError(
    "malformed_token",
    "It is percent-encoded as in a web address, with %20 for example.",
    "Send it without encoding.",
    "it is percent-encoded",
)
IS_BASE64 = CredentialError(
    "malformed_token",
    "It is a token in Base64, as in the data of a Kubernetes Secret.",
    "Send the decoded value. A Pod gets the data of its Secret decoded. In a manifest, write the "
    "plain value under stringData.",
    "it is in Base64",
)
IN_QUOTES = CredentialError(
    "malformed_token",
    "It has quotes or brackets around the token.",
    "Send the token without them. In a settings file, check whether the program reads the quotes "
    "as part of the value.",
    "it has quotes or brackets around it",
)
IS_PLACEHOLDER = CredentialError(
    "",
    "It names a variable or a placeholder instead of a token.",
    "Paste the value of the variable. If your program sends the name itself, for example from "
    "single quotes in a shell, the answer is malformed_token, or malformed_header if the name has "
    "spaces.",
)
ONLY_IDENTIFIER = CredentialError(
    "malformed_token",
    f"These are only the {IDENTIFIER_LENGTH} public first characters; a token has {TOKEN_LENGTH}.",
    "Send the value that was shown when the token was made. If nobody kept it, renew the token.",
    "all of its secret is missing",
    is_damage=True,
)
NO_CREDENTIAL = CredentialError(
    "",
    "There is no token, header or reference in this.",
    "Paste one of the things that are listed below.",
)

# The order in which errors are shown: the order in which the server checks a request.
ORDER = (
    MASKED, LOOK_ALIKES, LINE_BREAKS, CONTROLS, COMMAS, NO_HEADER, IN_ADDRESS, IN_USER_NAME, NETRC,
    UNQUOTED, NO_VALUE, OTHER_SCHEME, BASIC, NO_SCHEME, NO_SPACE, NO_TOKEN, DOUBLED, SPACES,
    PERCENT_ENCODED, IS_BASE64, IN_QUOTES, IS_PLACEHOLDER,
)  # fmt: skip


def malformed(why: str) -> CredentialError:
    """Return the error of a text that can't be a token. `why` is the message of MalformedToken."""
    return CredentialError(
        "malformed_token",
        f"It is {why}.",
        "Copy the whole value again from where it is kept. If nobody kept it, renew the token: "
        "no value is shown twice.",
        damage(why),
        is_damage=True,
    )


def damage(why: str) -> str:
    """Return `why` as a clause about the token, such as “its last 3 characters are missing”."""
    found = LENGTHS.search(why)
    if not found:
        return f"it is {why}"
    missing = int(found[2]) - int(found[1])
    if missing < 0:
        return f"it has {-missing} character{'' if missing == -1 else 's'} too many"
    if missing == 1:
        return "its last character is missing"
    return f"its last {missing} characters are missing"


def of_another_installation(prefixes: tuple[str, ...]) -> CredentialError:
    """Return the error of a token that begins with none of our `prefixes`."""
    *others, last = token_starts(prefixes)
    return CredentialError(
        "malformed_token",
        "It begins like a token of another installation: "
        f"tokens here begin with {', '.join(others)} or {last}.",
        "Send it to that installation, or create a token here.",
    )
