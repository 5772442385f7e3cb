"""Read what somebody pasted to learn why a request was refused. No database is used.

The text can have the reference or the code of an error answer, a header line, a command, a line
of code or only a token. The result never repeats the text, except the public first characters of
a token.

NOTE: Every signed-in person may paste 10,000 characters, so the time of a regular expression
must not grow faster than the text. test_parser_any_text.py checks that twice the text takes no
more than twice the steps.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tokens.authentication import credentials
from tokens.authentication.credentials import IDENTIFIER_LENGTH, Credential, MalformedToken
from tokens.problems.problem import TYPES
from tokens.troubleshooting import credential_errors
from tokens.troubleshooting.credential_errors import CredentialError
from tokens.troubleshooting.token_search import ANY_TOKEN, reach_of_token, start_of, without_base64

REFERENCE_ALONE = re.compile(r"\W*([0-9a-f]{16})\W*", re.IGNORECASE)
CODE = re.compile(rf"(?<!\w)({'|'.join(TYPES)})(?!\w)")
REFERENCE = re.compile(
    r"(?:urn:tokenry:denial:|\breference\W{1,5})([0-9a-f]{16})(?![0-9a-z])", re.IGNORECASE
)
BLANKS = " \t\r\n"
PROMPT = f"{BLANKS}$>#"
COMMAND = re.compile(r"(?:curl|wget|xh|https?)\s", re.IGNORECASE)
CURL_BEARER = re.compile(r"\s--oauth2-bearer[ =]+[\"']?([^\s\"']*)")
CURL_USER = re.compile(r"\s(?:-u|--user[ =])\s*[\"']?([^\s\"']*)")
HEADER = re.compile(
    r"(?P<quote>[\"'`]?)(?<![\w-])authorization(?P<closed>[\"'`]?)[ \t]*(?::|=>?|(?=\$))[ \t]*"
    r"(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
LITERAL = re.compile(r"[frbu]{0,2}([\"'`])(?P<value>.*?)\1", re.IGNORECASE | re.DOTALL)
# The name of another header, before a token on the same line. It has a hyphen, or is a misspelt
# "authorization", or is "Cookie" with the name of a cookie after it.
OTHER_HEADER = re.compile(
    r"(?:(?<![\w-])(?:[a-z]\w*(?:-\w+)+|auth[a-z]+on|autori[sz]ation)"
    r"(?:[\"'`]\]?[ \t]*(?::|=>?|,)|[ \t]*(?::|=>))"
    r"[ \t]*[\"'`]?(?:[a-z]+[ \t]+)?|(?<![\w-])(?:set-)?cookie[\"'`]?[ \t]*:.*)\Z",
    re.IGNORECASE,
)
# Two Authorization headers in lines of headers that follow each other.
TWICE = re.compile(
    r"^[<>* ]{0,3}authorization:.*\n(?:[<>* ]{0,3}[\w-]+:.*\n)*[<>* ]{0,3}authorization:",
    re.IGNORECASE | re.MULTILINE,
)
OPTION = re.compile(r"-(?:H|-header)[ =]*[\"']?authorization:", re.IGNORECASE)
# A command goes on after a backslash at the end of a line.
COMMAND_END = re.compile(r"\bcurl\s|(?<!\\)(?<!\\\r)\n")
HEADER_END = re.compile(r"\r?\n(?=[<>* ]{0,3}(?:[\w-]+:|\r?\n|\Z))")
PERCENT = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
IN_QUERY = re.compile(r"[?&][\w-]{1,40}=\Z")
IN_USER = re.compile(r"://[^\s/@]*\Z")  # https://user:password@host (RFC 3986 section 3.2.1)
IN_NETRC = re.compile(
    r"(?<!\S)(?:machine\s+\S+|default)\s+(?:(?:login|account|password)\s+\S+\s+){0,2}"
    r"(?:login|password)\s+\Z"
)
KNOWN_SCHEMES = {"bearer", "basic", "token", "digest", "apikey", "api-key", "jwt", "oauth"}
SCHEME = re.compile(r"\s*([a-z][\w-]*):?\s+(?=\S)", re.IGNORECASE)
PLACEHOLDER = re.compile(
    r"\$?\{{1,3}[^{}]{0,200}\}{1,3}|\$\([^()]{0,200}\)|\$[\w:.]+|%\w{2,}%|<[^<>]{0,200}>"
    r"|(?:process\.env|os\.environ|getenv)\S*"
)


def ascii_substitute(found: re.Match[str]) -> str:
    """Return what replaces a character that is not ASCII: "?" for a letter or digit, else "".

    So a token keeps its length if a letter in it only looks like the right one.
    """
    return "?" if found[0].isalnum() else ""


Substitute = str | Callable[[re.Match[str]], str]
# Errors, the characters that cause them, and what replaces these characters. The order matters.
CHARACTERS: tuple[tuple[CredentialError, re.Pattern[str], Substitute], ...] = (
    (credential_errors.MASKED, re.compile("[•…]"), ""),
    (credential_errors.LOOK_ALIKES, re.compile(r"[^\x00-\x7f•…]"), ascii_substitute),
    (credential_errors.LINE_BREAKS, re.compile(r"[\r\n]+"), " "),
    (credential_errors.CONTROLS, re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]"), " "),
    (credential_errors.COMMAS, re.compile(r",.*", re.DOTALL), ""),
    (credential_errors.PERCENT_ENCODED, PERCENT, " "),
    (credential_errors.IN_QUOTES, re.compile(r"[\"'`<>()\[\]{}\\]"), ""),
)


@dataclass(frozen=True, slots=True)
class ParsedInput:
    """What was found in the pasted text. Attributes are empty for what was not found.

    `reference` and `code` are those of an error answer. `identifier` is set for a token of this
    installation. `credential` is set only if the token, without the errors, has the right form.
    `padded` is True if there are blanks around a token that was pasted alone.
    """

    errors: list[CredentialError] = field(default_factory=list)
    reference: str = ""
    code: str = ""
    identifier: str = ""
    credential: Credential | None = None
    padded: bool = False


class SentValue(NamedTuple):
    """The part of the pasted text that a program sends: the value of a header, or a token.

    `errors` are mistakes in the text around this part.
    """

    value: str
    is_header: bool
    errors: list[CredentialError]


def parse_pasted(text: str, prefixes: tuple[str, ...]) -> ParsedInput:
    """Find the reference or code of an error answer, or a token, in `text`. Raise no error.

    The result also has the mistakes in how a token would be sent. Tokens of this installation
    begin with one of `prefixes`.
    """
    code = CODE.search(text)
    if reference := REFERENCE_ALONE.fullmatch(text) or REFERENCE.search(text):
        return ParsedInput(reference=reference[1].lower(), code=code[1] if code else "")
    if code and start_of(text, prefixes) < 0:
        return ParsedInput(code=code[1])
    text, encoded = (text, []) if start_of(text, prefixes) >= 0 else without_base64(text, prefixes)
    value, is_header, errors = find_credential(text, prefixes)
    is_placeholder = start_of(value, prefixes) < 0 and bool(PLACEHOLDER.search(value))
    padded = not is_header and len(value.split()) == 1 and value != value.strip(BLANKS)
    value = value.strip(BLANKS) if padded else value
    value = PLACEHOLDER.sub("placeholder", value) if is_placeholder else value
    more, candidate = clean(value, is_header, prefixes)
    if is_placeholder:
        more.append(credential_errors.IS_PLACEHOLDER)
    errors = sorted({*encoded, *errors, *more}, key=credential_errors.ORDER.index)
    if not candidate or is_placeholder:
        return ParsedInput(errors or [credential_errors.NO_CREDENTIAL])
    return replace(parse_candidate(candidate, prefixes, errors), padded=padded)


def find_credential(text: str, prefixes: tuple[str, ...]) -> SentValue:
    """Find the part of the pasted `text` that a program would send as its credentials."""
    is_command = bool(COMMAND.match(text.lstrip(PROMPT)))
    if option := CURL_BEARER.search(text):
        return SentValue(f"Bearer {option[1]}", True, [])
    if header := HEADER.search(text):
        found = header_value(header, is_command)
        if is_sent_twice(text, is_command):
            return found._replace(errors=[*found.errors, credential_errors.COMMAS])
        return found
    if is_command and (option := CURL_USER.search(text)):
        user, _, password = option[1].partition(":")
        return SentValue(f"Basic {password or user}", True, [])
    return find_alone(text, prefixes, is_command)


def find_alone(text: str, prefixes: tuple[str, ...], is_command: bool) -> SentValue:
    """Find a token in a text without an Authorization header. Also return the mistakes."""
    start = start_of(text, prefixes)
    lead = text[: max(start, 0)]
    value = reach_of_token(text[max(start, 0) :])
    if IN_USER.search(lead) and "@" in value:
        user = re.split("[:@]", value, maxsplit=1)[0]
        return SentValue(user, False, [credential_errors.IN_USER_NAME])
    if IN_NETRC.search(lead):
        return SentValue(value, False, [credential_errors.NETRC])
    in_query = [credential_errors.IN_ADDRESS] if IN_QUERY.search(lead) else []
    if is_command or OTHER_HEADER.search(lead.rpartition("\n")[2]):
        return SentValue(value if lead else "", False, [credential_errors.NO_HEADER, *in_query])
    if is_prose(lead):
        return SentValue(value, False, in_query)
    return SentValue("" if is_chat(text, prefixes) else text, False, [])


def is_sent_twice(text: str, is_command: bool) -> bool:
    """Return True if one request has two Authorization headers."""
    if is_command:
        return any(len(OPTION.findall(command)) > 1 for command in COMMAND_END.split(text))
    return bool(TWICE.search(text))


def header_value(header: re.Match[str], is_command: bool) -> SentValue:
    """Return the value of a header, without the quotes that a shell or a language removes."""
    quote, rest = header["quote"], header["rest"]
    as_code = header["closed"] or is_command or "{" in header.string[: header.start()]
    literal = LITERAL.match(rest)
    if literal and as_code and (header["closed"] or not quote):
        return SentValue(literal["value"], True, [])
    if quote and not header["closed"]:
        return SentValue(rest.partition(quote)[0], True, [])
    if is_command:
        words = rest.split()
        value = " ".join(words[: 2 if words[:1] == ["Bearer"] else 1])
        return SentValue(value, True, [credential_errors.UNQUOTED])
    return SentValue(HEADER_END.split(rest, maxsplit=1)[0].strip(BLANKS), True, [])


def is_prose(lead: str) -> bool:
    """Return True if `lead`, the text before a token, is words or a label such as `TOKEN=`.

    Return False if it is only a scheme, such as Bearer.
    """
    words = re.findall(r"[\w-]+", PERCENT.sub(" ", lead.lower()))
    return not KNOWN_SCHEMES.issuperset(words) or (
        "bearer" not in words and lead.rstrip(f"{BLANKS}\"'`")[-1:] in {":", "="}
    )


def is_chat(text: str, prefixes: tuple[str, ...]) -> bool:
    """Return True if `text` is empty, or is several words among which there is no token."""
    words = text.lower().split()
    several = len(words) > 1 and words[0].strip("\"'`") not in KNOWN_SCHEMES
    return not words or (several and start_of("".join(words), prefixes) < 0)


def clean(
    value: str, is_header: bool, prefixes: tuple[str, ...]
) -> tuple[list[CredentialError], str]:
    """Return the errors in `value`, and the token that is left without them; "" for none."""
    errors = [error for error, pattern, _ in CHARACTERS if pattern.search(value)]
    rest = value
    for _, pattern, substitute in CHARACTERS:
        rest = pattern.sub(substitute, rest)
    more, spaces, rest = after_scheme(rest, is_header, prefixes)
    candidate = "".join(rest.split())
    if re.match(rf"\W*bearer(?:[:=%]|(?:{'|'.join(prefixes)})_)", value, re.IGNORECASE):
        more.append(credential_errors.NO_SPACE)
    if candidate and value.partition(",")[0].count(" ") > spaces:
        more.append(credential_errors.SPACES)
    return errors + more, candidate


def after_scheme(
    text: str, is_header: bool, prefixes: tuple[str, ...]
) -> tuple[list[CredentialError], int, str]:
    """Read the scheme, such as Bearer, at the beginning of `text`.

    Return its errors, the number of spaces that belong to it, and the text after it.
    """
    pattern = rf"\s*((?:bearer(?:[\s:=]+|\Z|(?=(?:{'|'.join(prefixes)})_)))+)"
    if bearers := re.match(pattern, text, re.IGNORECASE):
        count, rest = bearers[1].lower().count("bearer"), text[bearers.end() :]
        doubled = [credential_errors.DOUBLED] if count > 1 else []
        return doubled if rest.strip() else [*doubled, credential_errors.NO_TOKEN], count, rest
    if not text.strip():
        return [credential_errors.NO_VALUE] if is_header else [], 0, ""
    scheme = SCHEME.match(text)
    if scheme and (is_header or scheme[1].lower() in KNOWN_SCHEMES):
        is_basic = scheme[1].lower() == "basic"
        error = credential_errors.BASIC if is_basic else credential_errors.OTHER_SCHEME
        return [error], 1, text[scheme.end() :]
    return [credential_errors.NO_SCHEME] if is_header else [], 0, text


def parse_candidate(
    candidate: str, prefixes: tuple[str, ...], errors: list[CredentialError]
) -> ParsedInput:
    """Parse `candidate`, a text that should be a token. Return all errors and the token.

    `errors` are those found before. The characters that cause them are already removed.
    """
    start = candidate[:IDENTIFIER_LENGTH]
    ours = candidate.startswith(credentials.token_starts(prefixes))
    known = (
        ours and len(start) == IDENTIFIER_LENGTH and not credentials.WRONG_CHARACTER.search(start)
    )
    try:
        credential = credentials.parse(candidate, prefixes)
        return ParsedInput(errors, identifier=start, credential=credential)
    except MalformedToken as error:
        if not ours and ANY_TOKEN.match(candidate):
            errors = [*errors, credential_errors.of_another_installation(prefixes)]
        elif known and candidate == start:
            if credential_errors.MASKED not in errors:
                errors = [*errors, credential_errors.ONLY_IDENTIFIER]
        elif ours or not {credential_errors.OTHER_SCHEME, credential_errors.BASIC} & {*errors}:
            errors = [*errors, credential_errors.malformed(str(error))]
        return ParsedInput(errors, identifier=start if known else "")
