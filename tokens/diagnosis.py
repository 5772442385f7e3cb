"""What somebody pasted to learn why a request was refused: what it is, and what is wrong with it as it stands. Pure.

It reads the reference or the code of a refusal, a header line, a command, a line of code or a token alone. Nothing that
it says repeats what was pasted, but for a token's public first characters.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tokens import credential, faults
from tokens.credential import IDENTIFIER_LENGTH, Credential, MalformedToken
from tokens.denial import KINDS
from tokens.faults import Fault
from tokens.traces import ANY_TOKEN, decoded, run, start_of

REFERENCE_ALONE = re.compile(r"\W*([0-9a-f]{16})\W*", re.IGNORECASE)
CODE = re.compile(rf"(?<!\w)({'|'.join(KINDS)})(?!\w)")
REFERENCE = re.compile(r"(?:urn:tokenry:denial:|\breference\W{1,5})([0-9a-f]{16})(?![0-9a-z])", re.IGNORECASE)
BLANKS = " \t\r\n"
PROMPT = f"{BLANKS}$>#"
COMMAND = re.compile(r"(?:curl|wget|xh|https?)\s", re.IGNORECASE)
CURL_BEARER = re.compile(r"\s--oauth2-bearer[ =]+[\"']?([^\s\"']*)")
CURL_USER = re.compile(r"\s(?:-u|--user[ =])\s*[\"']?([^\s\"']*)")
HEADER = re.compile(
    r"(?P<quote>[\"'`]?)(?<![\w-])authorization(?P<closed>[\"'`]?)[ \t]*(?::|=>?|(?=\$))[ \t]*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
LITERAL = re.compile(r"[frbu]{0,2}([\"'`])(?P<value>.*?)\1", re.IGNORECASE | re.DOTALL)
# Another header's name before a token in its line: one with a hyphen, or that of ours misspelt. A cookie has a name
# between.
OTHER_HEADER = re.compile(
    r"(?:(?<![\w-])(?:[a-z]\w*(?:-\w+)+|auth[a-z]+on|autori[sz]ation)(?:[\"'`]\]?[ \t]*(?::|=>?|,)|[ \t]*(?::|=>))"
    r"[ \t]*[\"'`]?(?:[a-z]+[ \t]+)?|(?<![\w-])(?:set-)?cookie[\"'`]?[ \t]*:.*)\Z",
    re.IGNORECASE,
)
TWICE = re.compile(  # in lines of headers that follow each other
    r"^[<>* ]{0,3}authorization:.*\n(?:[<>* ]{0,3}[\w-]+:.*\n)*[<>* ]{0,3}authorization:", re.IGNORECASE | re.MULTILINE
)
OPTION = re.compile(r"-(?:H|-header)[ =]*[\"']?authorization:", re.IGNORECASE)
COMMAND_END = re.compile(r"\bcurl\s|(?<!\\)(?<!\\\r)\n")  # a command goes on after a line's last backslash
HEADER_END = re.compile(r"\r?\n(?=[<>* ]{0,3}(?:[\w-]+:|\r?\n|\Z))")
PERCENT = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
IN_QUERY = re.compile(r"[?&][\w-]{1,40}=\Z")
IN_USER = re.compile(r"://[^\s/@]*\Z")  # https://user:password@host (RFC 3986 section 3.2.1)
IN_NETRC = re.compile(
    r"(?<!\S)(?:machine\s+\S+|default)\s+(?:(?:login|account|password)\s+\S+\s+){0,2}(?:login|password)\s+\Z"
)
SCHEMES = {"bearer", "basic", "token", "digest", "apikey", "api-key", "jwt", "oauth"}
SCHEME = re.compile(r"\s*([a-z][\w-]*):?\s+(?=\S)", re.IGNORECASE)
PLACEHOLDER = re.compile(
    r"\$?\{{1,3}[^{}]{0,200}\}{1,3}|\$\([^()]{0,200}\)|\$[\w:.]+|%\w{2,}%|<[^<>]{0,200}>"
    r"|(?:process\.env|os\.environ|getenv)\S*"
)


def alike(found: re.Match[str]) -> str:
    """What stands for a letter that only looks right, so that the length stays; nothing for what can't be seen."""
    return "?" if found[0].isalnum() else ""


# A fault, the characters that show it, and what is read in their place, in this order.
CHARACTERS: tuple[tuple[Fault, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (faults.MASKED, re.compile("[•…]"), ""),
    (faults.LOOK_ALIKES, re.compile(r"[^\x00-\x7f•…]"), alike),
    (faults.LINE_BREAKS, re.compile(r"[\r\n]+"), " "),
    (faults.CONTROLS, re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]"), " "),
    (faults.COMMAS, re.compile(r",.*", re.DOTALL), ""),
    (faults.PERCENT, PERCENT, " "),
    (faults.QUOTES, re.compile(r"[\"'`<>()\[\]{}\\]"), ""),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read. `credential` is the token in it, if that has the right form once the faults are taken away."""

    faults: list[Fault] = field(default_factory=list)
    reference: str = ""
    code: str = ""  # of a refusal
    identifier: str = ""
    credential: Credential | None = None
    padded: bool = False  # with blanks around a value that stands alone


class Found(NamedTuple):
    """The part of a text that is sent: the value of the header, or else what there is of a token."""

    value: str
    is_header: bool
    faults: list[Fault]


def read(text: str, prefix: str) -> Reading:
    """What `text` is, for an installation whose tokens begin with `prefix`. It never fails."""
    code = CODE.search(text)
    if reference := REFERENCE_ALONE.fullmatch(text) or REFERENCE.search(text):
        return Reading(reference=reference[1].lower(), code=code[1] if code else "")
    if code and start_of(text, prefix) < 0:
        return Reading(code=code[1])
    text, encoded = (text, []) if start_of(text, prefix) >= 0 else decoded(text, prefix)
    value, is_header, found = find(text, prefix)
    filled_in = start_of(value, prefix) >= 0 or not PLACEHOLDER.search(value)
    padded = not is_header and len(value.split()) == 1 and value != value.strip(BLANKS)
    value = value.strip(BLANKS) if padded else value
    more, candidate = clean(value if filled_in else PLACEHOLDER.sub("placeholder", value), is_header, prefix)
    if not filled_in:
        more.append(faults.PLACEHOLDER)
    found = sorted({*encoded, *found, *more}, key=faults.ORDER.index)
    if not candidate or not filled_in:
        return Reading(found or [faults.NOTHING])
    return replace(judge(candidate, prefix, found), padded=padded)


def find(text: str, prefix: str) -> Found:
    """Where in `text` the credential is."""
    is_command = bool(COMMAND.match(text.lstrip(PROMPT)))
    if option := CURL_BEARER.search(text):
        return Found(f"Bearer {option[1]}", True, [])
    if header := HEADER.search(text):
        found = header_value(header, is_command)
        return found._replace(faults=[*found.faults, faults.COMMAS]) if is_sent_twice(text, is_command) else found
    if is_command and (option := CURL_USER.search(text)):
        user, _, password = option[1].partition(":")
        return Found(f"Basic {password or user}", True, [])
    return find_alone(text, prefix, is_command)


def find_alone(text: str, prefix: str, is_command: bool) -> Found:
    """What there is of a token where no Authorization header holds it."""
    start = start_of(text, prefix)
    lead = text[: max(start, 0)]
    value = run(text[max(start, 0) :])
    if IN_USER.search(lead) and "@" in value:
        return Found(re.split("[:@]", value, maxsplit=1)[0], False, [faults.IN_USER])
    if IN_NETRC.search(lead):
        return Found(value, False, [faults.NETRC])
    in_query = [faults.IN_ADDRESS] if IN_QUERY.search(lead) else []
    if is_command or OTHER_HEADER.search(lead.rpartition("\n")[2]):
        return Found(value if lead else "", False, [faults.NO_HEADER, *in_query])
    if is_prose(lead):
        return Found(value, False, in_query)
    return Found("" if is_chat(text, prefix) else text, False, [])


def is_sent_twice(text: str, is_command: bool) -> bool:
    """Return whether one request has two Authorization headers."""
    if is_command:
        return any(len(OPTION.findall(command)) > 1 for command in COMMAND_END.split(text))
    return bool(TWICE.search(text))


def header_value(header: re.Match[str], is_command: bool) -> Found:
    """What the header is set to, without the quotes that a shell or a language takes away."""
    quote, rest = header["quote"], header["rest"]
    as_code = header["closed"] or is_command or "{" in header.string[: header.start()]
    literal = LITERAL.match(rest)
    if literal and as_code and (header["closed"] or not quote):
        return Found(literal["value"], True, [])
    if quote and not header["closed"]:
        return Found(rest.partition(quote)[0], True, [])
    if is_command:
        words = rest.split()
        return Found(" ".join(words[: 2 if words[:1] == ["Bearer"] else 1]), True, [faults.UNQUOTED])
    return Found(HEADER_END.split(rest, maxsplit=1)[0].strip(BLANKS), True, [])


def is_prose(lead: str) -> bool:
    """Whether what stands before a token is more than the name of a scheme: words, or a label such as `TOKEN=`."""
    words = re.findall(r"[\w-]+", PERCENT.sub(" ", lead.lower()))
    return not SCHEMES.issuperset(words) or ("bearer" not in words and lead.rstrip(f"{BLANKS}\"'`")[-1:] in {":", "="})


def is_chat(text: str, prefix: str) -> bool:
    """Whether there is nothing, or several words and no trace of a credential."""
    words = text.lower().split()
    several = len(words) > 1 and words[0].strip("\"'`") not in SCHEMES
    return not words or (several and start_of("".join(words), prefix) < 0)


def clean(value: str, is_header: bool, prefix: str) -> tuple[list[Fault], str]:
    """The faults of `value`, and the token that is left without them, "" for none."""
    found = [fault for fault, pattern, _ in CHARACTERS if pattern.search(value)]
    rest = value
    for _, pattern, instead in CHARACTERS:
        rest = pattern.sub(instead, rest)
    more, spaces, rest = after_scheme(rest, is_header, prefix)
    candidate = "".join(rest.split())
    if re.match(rf"\W*bearer(?:[:=%]|{prefix}_)", value, re.IGNORECASE):
        more.append(faults.NO_SPACE)
    if candidate and value.partition(",")[0].count(" ") > spaces:
        more.append(faults.SPACES)
    return found + more, candidate


def after_scheme(text: str, is_header: bool, prefix: str) -> tuple[list[Fault], int, str]:
    """The faults of the scheme, how many spaces belong to it, and what follows it."""
    if bearers := re.match(rf"\s*((?:bearer(?:[\s:=]+|\Z|(?={prefix}_)))+)", text, re.IGNORECASE):
        count, rest = bearers[1].lower().count("bearer"), text[bearers.end() :]
        doubled = [faults.DOUBLED] if count > 1 else []
        return doubled if rest.strip() else [*doubled, faults.NO_TOKEN], count, rest
    if not text.strip():
        return [faults.NO_VALUE] if is_header else [], 0, ""
    scheme = SCHEME.match(text)
    if scheme and (is_header or scheme[1].lower() in SCHEMES):
        return [faults.BASIC if scheme[1].lower() == "basic" else faults.OTHER_SCHEME], 1, text[scheme.end() :]
    return [faults.NO_SCHEME] if is_header else [], 0, text


def judge(candidate: str, prefix: str, found: list[Fault]) -> Reading:
    """The reading of what should be a token, once `found` is taken away."""
    start = candidate[:IDENTIFIER_LENGTH]
    ours = candidate.startswith(credential.beginnings(prefix))
    known = ours and len(start) == IDENTIFIER_LENGTH and not credential.WRONG_CHARACTER.search(start)
    try:
        return Reading(found, identifier=start, credential=credential.parse(candidate, prefix))
    except MalformedToken as wrong:
        if not ours and ANY_TOKEN.match(candidate):
            found = [*found, faults.of_another_installation(prefix)]
        elif known and candidate == start:
            found = found if faults.MASKED in found else [*found, faults.ONLY_IDENTIFIER]
        elif ours or not {faults.OTHER_SCHEME, faults.BASIC} & {*found}:
            found = [*found, faults.malformed(str(wrong))]
        return Reading(found, identifier=start if known else "")
