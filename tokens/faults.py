"""What can be wrong with a credential as it is sent, and what to do about it. Pure."""

from typing import NamedTuple

from tokens.credential import IDENTIFIER_LENGTH, TOKEN_LENGTH, beginnings

HEADER_OPTION = '-H "Authorization: Bearer $TOKENRY_TOKEN"'


class Fault(NamedTuple):
    """Something wrong with what was pasted: the code with which such a request is refused, what it is, what to do."""

    code: str
    what: str
    action: str


MASKED = Fault(
    "",
    "This is the masked value, without the secret.",
    "Send the value that was shown when the token was made. If nobody kept it, renew the token.",
)
LOOK_ALIKES = Fault(
    "malformed_header",
    "It has characters that are not plain ASCII: typographic quotes, spaces of no width, or letters that look alike.",
    "Copy the value from where it was first kept, not from a document or a chat.",
)
LINE_BREAKS = Fault(
    "malformed_header",
    "It has a line break.",
    "Send it in one line. A program that reads the token from a file has to leave the end of the line out.",
)
CONTROLS = Fault(
    "malformed_header",
    "It has a tab or another character that can't be seen.",
    "One space follows Bearer; nothing else stands around the token or in it.",
)
COMMAS = Fault(
    "malformed_header",
    "The header is sent twice, or has a comma, by which servers join two.",
    "Send the Authorization header once, with one token.",
)
NO_HEADER = Fault(
    "missing_credentials",
    "It has no Authorization header, and a token is looked for in no other.",
    f"Send the token in that one, with curl so: {HEADER_OPTION}",
)
IN_ADDRESS = Fault(
    "missing_credentials",
    "The token is in an address, where it is not looked at.",
    "Send it in the Authorization header. Renew it too, because addresses are written into logs.",
)
IN_USER = Fault(
    "missing_credentials",
    "The token is in an address, before the @: programs send it as Basic, another scheme than Bearer.",
    f"Send it in the Authorization header, with curl so: {HEADER_OPTION} and with git by its setting "
    "http.extraHeader. Renew it too, because addresses are written into logs.",
)
NETRC = Fault(
    "missing_credentials",
    "This is a line of ~/.netrc: programs send it as Basic, another scheme than Bearer.",
    f"Take the line out, because Python's requests sends it in place of any header, and send the token so: "
    f"{HEADER_OPTION}",
)
UNQUOTED = Fault(
    "missing_credentials",
    "The header has no quotes around it, so that the shell takes it for several words.",
    f"Write it so: {HEADER_OPTION}",
)
NO_VALUE = Fault(
    "missing_credentials",
    "The Authorization header is empty.",
    "Send Bearer, one space and the token. See whether the variable or setting that should hold them is filled in.",
)
OTHER_SCHEME = Fault(
    "missing_credentials", "It has another scheme than Bearer.", "Write Bearer and one space before the token."
)
BASIC = Fault(
    "missing_credentials",
    "It begins with Basic, not with Bearer.",
    "Write Bearer and one space before the token. curl sends Basic for -u, and curl -n and Python's requests for a "
    "host that ~/.netrc names: take the host out of that file.",
)
NO_SCHEME = Fault("missing_credentials", "The word Bearer is missing.", "Write Bearer and one space before the token.")
NO_SPACE = Fault(
    "missing_credentials", "No space follows the word Bearer.", "Write one space between Bearer and the token."
)
NO_TOKEN = Fault(
    "malformed_header",
    "No token follows the word Bearer.",
    "See whether the variable or setting that should hold the token is filled in.",
)
DOUBLED = Fault(
    "malformed_header",
    "The word Bearer is there twice.",
    "Some tools write it by themselves: give those the token alone.",
)
SPACES = Fault(
    "malformed_header",
    "It has extra spaces.",
    "One space follows Bearer; none stands before the token, in it or after it.",
)
PERCENT = Fault(
    "malformed_token",
    "It is encoded as for an address, with %20 or the like.",
    "Send it as it is, without encoding.",
)
BASE64 = Fault(
    "malformed_token",
    "It is a token in Base64, as in the data of a Kubernetes Secret.",
    "Send what it decodes to. A Pod gets the data of its Secret decoded; what takes the value as it is belongs into "
    "stringData.",
)
QUOTES = Fault(
    "malformed_token",
    "It has quotes or brackets around the token.",
    "Send the token without them. In a file of settings, see whether the program takes the quotes for part of it.",
)
PLACEHOLDER = Fault(
    "",
    "It names a variable or a placeholder instead of a token.",
    "Paste what the variable holds. If the name itself is sent, as from within single quotes in a shell, the answer is "
    "malformed_token, or malformed_header where it has spaces.",
)
ONLY_IDENTIFIER = Fault(
    "malformed_token",
    f"These are the {IDENTIFIER_LENGTH} public first characters alone; a token has {TOKEN_LENGTH}.",
    "Send the value that was shown when the token was made. If nobody kept it, renew the token.",
)
NOTHING = Fault("", "There is no token, header or reference in this.", "Paste one of those that are listed below.")

# Which comes first in the answer: the same as in the pipeline.
ORDER = (
    MASKED, LOOK_ALIKES, LINE_BREAKS, CONTROLS, COMMAS, NO_HEADER, IN_ADDRESS, IN_USER, NETRC, UNQUOTED,
    NO_VALUE, OTHER_SCHEME, BASIC, NO_SCHEME, NO_SPACE, NO_TOKEN, DOUBLED, SPACES, PERCENT, BASE64, QUOTES, PLACEHOLDER,
)  # fmt: skip


def malformed(why: str) -> Fault:
    """What is left of it can't be a token; `why` is said by `credential.parse`."""
    return Fault(
        "malformed_token",
        f"It is {why}.",
        "Copy it again, whole, from where it is kept. If nobody kept it, renew the token: no value is shown twice.",
    )


def of_another_installation(prefix: str) -> Fault:
    """It has the form of a token, but not the prefix of those here."""
    *others, last = beginnings(prefix)
    return Fault(
        "malformed_token",
        f"It begins like a token of another installation: tokens here begin with {', '.join(others)} or {last}.",
        "Send it to that installation, or create a token here.",
    )
