"""What was pasted, and what is wrong with it as it stands."""

import re
from base64 import b64encode, urlsafe_b64encode
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.steps import counted
from tests.values import token_value
from tokens import credential, diagnosis, faults, traces
from tokens.denial import KINDS
from tokens.diagnosis import read

TOKEN = token_value()
IDENTIFIER = TOKEN[:24]
NONE: tuple[str, ...] = ()
NAMES = {fault: name for name, fault in vars(faults).items() if isinstance(fault, faults.Fault)}


def names(text: str) -> tuple[str, ...]:
    """What the faults are called, and the words of those that have no name."""
    return tuple(NAMES.get(fault, fault.what) for fault in read(text, "tkn").faults)


WHOLE = [  # with {} for a good token, and the faults
    ("{}", NONE),
    ("Bearer {}", NONE),
    ("bearer {}", NONE),
    ("Authorization: Bearer {}", NONE),
    ("authorization:Bearer {}\n", NONE),
    ("  Authorization:   Bearer {}  ", NONE),  # space around a header's value does not count (RFC 9110 section 5.5)
    ("> Host: x\r\n> Authorization: Bearer {}\r\n> Accept: */*\r\n>\r\n", NONE),
    ('curl -H "Authorization: Bearer {}" http://localhost/api/v1/token', NONE),
    ("curl -i \\\n  --header 'Authorization: Bearer {}' \\\n  http://localhost/", NONE),
    ("$ curl --oauth2-bearer {} http://localhost/", NONE),
    ("http localhost Authorization:'Bearer {}'", NONE),
    ('headers={"Authorization": "Bearer {}", "Accept": "*/*"}', NONE),
    ("headers={'Authorization': f'Bearer {}'}", NONE),
    ("{ Authorization: `Bearer {}` }", NONE),
    ("TOKENRY_TOKEN={}", NONE),
    ('export TOKENRY_TOKEN="{}"', NONE),
    ("token: {}", NONE),
    ("It says that {} is not known, why?", NONE),
    ("Header: Authorization: Bearer {}", NONE),
    ("api_token={}", NONE),
    ("- api_token: '{}'", NONE),
    ('{"token": "{}"}', NONE),
    ("tool --access-token={}", NONE),
    ("tool --access-token {}", NONE),
    ("The automation: {}", NONE),
    ("X-API-Key: other\nAuthorization: Bearer {}\nX-Other: x", NONE),
    ("X-API-Key: other\ntoken: {}", NONE),
    ("curl -v -H 'Authorization: Bearer {}' $URL\n> GET / HTTP/1.1\n> Authorization: Bearer {}\n>\n", NONE),
    ("curl -H 'Authorization: Bearer {}' $URL\ncurl -H 'Authorization: Bearer {}' $URL", NONE),
    ("curl -H 'Authorization: Bearer {}' $URL && curl -H 'Authorization: Bearer {}' $URL", NONE),
    ("> Authorization: Bearer {}\n>\n< HTTP/1.1 302\n<\n> Authorization: Bearer {}\n>\n", NONE),
    ("X-API-Key: {}", ("NO_HEADER",)),
    ("x-api-key:{}", ("NO_HEADER",)),
    ("GET / HTTP/1.1\r\nHost: x\r\nPrivate-Token: {}\r\n", ("NO_HEADER",)),
    ("Authorisation: Bearer {}", ("NO_HEADER",)),
    ("Authorizaton: Bearer {}", ("NO_HEADER",)),
    ("Autorization: Bearer {}", ("NO_HEADER",)),
    ("Authentication: Bearer {}", ("NO_HEADER",)),
    ("Proxy-Authorization: Bearer {}", ("NO_HEADER",)),
    ("X-Authorization: {}", ("NO_HEADER",)),
    ("Cookie: x={}", ("NO_HEADER",)),
    ("> Cookie: theme=dark; session={}; y=1", ("NO_HEADER",)),
    ('headers={"X-API-Key": "{}", "Accept": "*/*"}', ("NO_HEADER",)),
    ("headers['X-API-Key'] = '{}'", ("NO_HEADER",)),
    ('.setRequestHeader("X-API-Key", "{}")', ("NO_HEADER",)),
    ("curl -H 'X-API-Key: {}' http://localhost/", ("NO_HEADER",)),
    ("curl -H 'Proxy-Authorization: Bearer {}' http://localhost/", ("NO_HEADER",)),
    ("curl -b 'x={}' http://localhost/", ("NO_HEADER",)),
    ("Authorization: Bearer {}\r\nAuthorization: Bearer {}\r\n", ("COMMAS",)),
    ("> Host: x\n> Authorization: Bearer {}\n> Accept: */*\n> authorization: Basic eDp4\n>\n", ("COMMAS",)),
    ("curl -H 'Authorization: Bearer {}' \\\n  --header 'Authorization: Bearer {}' $URL", ("COMMAS",)),
    (" {} ", NONE),
    ("{}\r\n", NONE),
    ("\t{}\n\n", NONE),
    ('"{}"\n', ("QUOTES",)),
    ("Bearer {} ", ("SPACES",)),
    ("Bearer {}\n", ("LINE_BREAKS",)),
    ("Bearer  {}", ("SPACES",)),
    ("Authorization: Bearer  {}", ("SPACES",)),
    ("Bearer\t{}", ("CONTROLS",)),
    ("Bearer {}\x00", ("CONTROLS",)),
    ("\ufeff{}", ("LOOK_ALIKES",)),
    ("Bearer\u00a0{}", ("LOOK_ALIKES",)),
    ("“{}”", ("LOOK_ALIKES",)),
    ('"{}"', ("QUOTES",)),
    ("Bearer '{}'", ("QUOTES",)),
    ("Bearer <{}>", ("QUOTES",)),
    ("Authorization: Bearer {}, Bearer {}", ("COMMAS",)),
    ("Bearer {},", ("COMMAS",)),
    ("Bearer Bearer {}", ("DOUBLED",)),
    ("Authorization: bearer Bearer {}", ("DOUBLED",)),
    ("Authorization: {}", ("NO_SCHEME",)),
    ("Authorization: Token {}", ("OTHER_SCHEME",)),
    ("Token {}", ("OTHER_SCHEME",)),
    ("Bearer{}", ("NO_SPACE",)),
    ("Bearer: {}", ("NO_SPACE",)),
    ("Bearer%20{}", ("NO_SPACE", "PERCENT")),
    ("{}%20", ("PERCENT",)),
    ("curl http://localhost/?access_token={}", ("NO_HEADER", "IN_ADDRESS")),
    ("https://localhost/api/v1/token?access_token={}&x=1", ("IN_ADDRESS",)),
    ("curl -u me:{} http://localhost/", ("BASIC",)),
    ("curl -s -u'me:{}' http://localhost/", ("BASIC",)),
    (f"curl --user={IDENTIFIER}:{{}} http://localhost/", ("BASIC",)),
    ("curl http://localhost/ -u {}:", ("BASIC",)),
    ("curl -H Authorization: Bearer {} http://localhost/", ("UNQUOTED",)),
    ("https://oauth2:{}@localhost/x.git", ("IN_USER",)),
    ("git clone 'https://{}@localhost/x.git'", ("IN_USER",)),
    ("https://{}:x-oauth-basic@localhost/x.git", ("IN_USER",)),
    ("curl -s https://me:{}@localhost/api/v1/token", ("IN_USER",)),
    ("machine localhost login oauth2 password {}", ("NETRC",)),
    ("machine localhost\n  login oauth2\n  password {}\n", ("NETRC",)),
    ("machine localhost login {} password x", ("NETRC",)),
    ("default login me password {}", ("NETRC",)),
    ("my password {}", NONE),
    ("Bearer Bearer  “{}”\n", ("LOOK_ALIKES", "LINE_BREAKS", "DOUBLED", "SPACES")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_a_whole_token_is_found_whatever_is_around_it(text: str, expected: tuple[str, ...]) -> None:
    reading = read(text.replace("{}", TOKEN), "tkn")
    assert names(text.replace("{}", TOKEN)) == expected
    assert reading.credential is not None
    assert (reading.credential.value, reading.identifier) == (TOKEN, IDENTIFIER)


ENCODED = [  # with {} for the Base64 of what comes first
    ("{}", "{}", ("BASE64",)),
    ("{}\n", "  token: {}\n  other: YWJj\n", ("LINE_BREAKS", "BASE64")),
    ("{}", "Authorization: Bearer {}", ("BASE64",)),
    ("{}", '{"data": {"token": "{}"}}', ("BASE64",)),
    ("Bearer {}", "{}", ("BASE64",)),
    (f"{IDENTIFIER}:{{}}", "Authorization: Basic {}", ("BASIC",)),
    ("me:{}", "Basic {}", ("BASIC",)),
    ("me:{}", "> authorization: basic {}\r\n", ("BASIC",)),
]


@pytest.mark.parametrize(("inner", "text", "expected"), ENCODED)
@pytest.mark.parametrize("form", ["plain", "urlsafe", "unpadded", "lines"])
def test_a_token_in_base64_is_decoded(inner: str, text: str, expected: tuple[str, ...], form: str) -> None:
    data = inner.replace("{}", TOKEN).encode()
    encoded = (urlsafe_b64encode if form == "urlsafe" else b64encode)(data).decode()
    if form == "lines" and text == "{}":
        encoded = f"{encoded[:76]}\n{encoded[76:]}\n"
    pasted = text.replace("{}", encoded.rstrip("=") if form == "unpadded" else encoded)
    reading = read(pasted, "tkn")
    assert names(pasted) == expected
    assert reading.credential is not None
    assert reading.credential.value == TOKEN


def test_a_part_of_a_token_in_base64_tells_whose_it_is() -> None:
    reading = read(b64encode(TOKEN.encode()).decode()[:81], "tkn")
    assert (reading.identifier, reading.credential) == (IDENTIFIER, None)
    assert faults.BASE64 in reading.faults


PARTS = [  # and the faults
    (TOKEN[:70], ("It is incomplete: 70 of 73 characters.",)),
    (f"{TOKEN}x", ("It is too long: 74 of 73 characters.",)),
    (f"{TOKEN[:40]}-{TOKEN[41:]}", ("It is mistyped: character 41 is one that tokens never contain.",)),
    (f"{TOKEN[:-1]}{'y' if TOKEN[-1] == 'x' else 'x'}", ("It is mistyped: the checksum does not match.",)),
    (f"Bearer “{TOKEN[:60]}”", ("LOOK_ALIKES", "It is incomplete: 60 of 73 characters.")),
    (
        f"{TOKEN[:40]}а{TOKEN[41:]}",  # a Cyrillic letter
        ("LOOK_ALIKES", "It is mistyped: character 41 is one that tokens never contain."),
    ),
    (IDENTIFIER, ("ONLY_IDENTIFIER",)),
    (credential.mask(IDENTIFIER), ("MASKED",)),
    (f"Authorization: Bearer {IDENTIFIER}…", ("MASKED",)),
]


@pytest.mark.parametrize(("text", "expected"), PARTS)
def test_a_part_of_a_token_tells_whose_it_is(text: str, expected: tuple[str, ...]) -> None:
    reading = read(text, "tkn")
    assert names(text) == expected
    assert (reading.credential, reading.identifier) == (None, IDENTIFIER)


def test_a_token_broken_over_two_lines_is_whole_without_the_break() -> None:
    reading = read(f"Authorization: Bearer {TOKEN[:40]}\r\n{TOKEN[40:]}\r\n", "tkn")
    assert (reading.faults, bool(reading.credential)) == ([faults.LINE_BREAKS], True)


OTHER = (
    "It is another kind of credential, or lacks its beginning: tokens here begin with tkn_live_, tkn_test_ or tkn_dev_."
)
ELSEWHERE = "It begins like a token of another installation: tokens here begin with tkn_live_, tkn_test_ or tkn_dev_."
NOTHING_OF_OURS = [
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", (OTHER,)),
    (token_value("acme"), (ELSEWHERE,)),
    ("Authorization:", ("NO_VALUE",)),
    ("Authorization: Bearer", ("NO_TOKEN",)),
    ("Bearer ", ("NO_TOKEN",)),
    ('curl -H "Authorization: Bearer" http://localhost/', ("NO_TOKEN",)),
    ("curl http://localhost/", ("NO_HEADER",)),
    ("Authorization: Basic dXNlcjpwYXNz", ("BASIC",)),
    ("Authorization: Bearer a b", ("SPACES", OTHER)),
    ("$TOKENRY_TOKEN", ("PLACEHOLDER",)),
    ("%TOKENRY_TOKEN%", ("PLACEHOLDER",)),
    ("Authorization $TOKENRY_TOKEN", ("NO_SCHEME", "PLACEHOLDER")),
    ("curl -u me:$TOKENRY_TOKEN http://localhost/", ("BASIC", "PLACEHOLDER")),
    ("curl -u me: http://localhost/", ("BASIC",)),
    (f"curl -H 'Authorization: Authorization: Bearer {TOKEN}' $URL", ("OTHER_SCHEME", "SPACES")),
    ("Authorization: Bearer <token>", ("PLACEHOLDER",)),
    ("Authorization: Bearer ${{ secrets.TOKENRY_TOKEN }}", ("PLACEHOLDER",)),
    ("Authorization: Bearer {{{ token }}}", ("PLACEHOLDER",)),
    ("$TOKENRY_TOKEN\n", ("PLACEHOLDER",)),
    ("Authorization: Bearer {{ token }}", ("PLACEHOLDER",)),
    ("Authorization: Bearer Bearer $TOKENRY_TOKEN", ("DOUBLED", "PLACEHOLDER")),
    ('curl -H "Authorization: Bearer ${TOKENRY_TOKEN%???}" $URL', ("PLACEHOLDER",)),
    ("""{"Authorization": f"Bearer {os.environ['TOKENRY_TOKEN']}"}""", ("PLACEHOLDER",)),
    ("{ Authorization: `Bearer ${process.env.TOKENRY_TOKEN}` }", ("PLACEHOLDER",)),
    ("Why does it not work?", ("NOTHING",)),
    ("", ("NOTHING",)),
    (" \n", ("NOTHING",)),
]


@pytest.mark.parametrize(("text", "expected"), NOTHING_OF_OURS)
def test_what_is_no_token_of_this_installation(text: str, expected: tuple[str, ...]) -> None:
    reading = read(text, "tkn")
    assert names(text) == expected
    assert (reading.credential, reading.identifier, reading.reference) == (None, "", "")


@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef",
        " 0123456789ABCDEF\n",
        '"0123456789abcdef"',
        "urn:tokenry:denial:0123456789abcdef",
        'HTTP/1.1 401 Unauthorized\r\n\r\n{"code": "x", "instance": "urn:tokenry:denial:0123456789abcdef"}',
        '{"time": "2026-11-24T12:00:00Z", "reference": "0123456789abcdef"}',
    ],
)
def test_a_reference(text: str) -> None:
    reading = read(text, "tkn")
    assert (reading.reference, reading.faults, reading.identifier) == ("0123456789abcdef", [], "")


@pytest.mark.parametrize("text", ["0123456789abcde", "0123456789abcdef0", "urn:tokenry:denial:0123456789abcdef0"])
def test_no_reference(text: str) -> None:
    assert read(text, "tkn").reference == ""


@pytest.mark.parametrize("code", KINDS)
@pytest.mark.parametrize("text", ["{}", ' "{}"\n', '{"detail": "…", "code": "{}"}', "I get {}, why?"])
def test_a_code(text: str, code: str) -> None:
    reading = read(text.replace("{}", code), "tkn")
    assert (reading.code, reading.faults, reading.credential) == (code, [], None)


@pytest.mark.parametrize("text", [f"rate_limited {TOKEN}", "rate_limited_", "xrate_limited", "rate limited"])
def test_no_code(text: str) -> None:
    assert read(text, "tkn").code == ""


PIECES = st.sampled_from(
    [TOKEN, TOKEN[:50], TOKEN[30:], IDENTIFIER, "Bearer", "Authorization:", "curl -H ", "--oauth2-bearer ", "{", "}",
     '"', "'", "$", "%20", "•", ",", "\n", "\t", " ", "=", "?a=", "<", ">", "urn:tokenry:denial:", "0" * 16,
     "X-API-Key: ", "Cookie:", "://", "@",
     "machine ", "login ", "password ", b64encode(TOKEN.encode()).decode(), b64encode(b"me:").decode()]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=10_000), st.lists(PIECES, max_size=40).map("".join))


@given(text=TEXTS, prefix=st.sampled_from(["tkn", "a1"]))
def test_it_never_fails_and_never_repeats_a_secret(text: str, prefix: str) -> None:
    reading = read(text, prefix)
    said = " ".join(f"{fault.what} {fault.action}" for fault in reading.faults) + reading.identifier + repr(reading)
    assert TOKEN[24:34] not in said
    assert TOKEN[30:40] not in said
    assert reading.faults or reading.reference or reading.code or reading.credential
    assert re.fullmatch(r"[0-9a-f]{16}|", reading.reference)


REPEATED = [
    "bearer", "bearer ", "{", "${", "<", "%a", "a_", "tkn_live_", "-", "authorization:", "\n", "?a=", "reference",
    "a-b: ", "x-", "a-", 'a-b":\t', "cookie:", "authorization:\nx:\n", "curl -H authorization:x ",
    '-H"authorization:', "-H ", "cookie: ", "$(", "[", "auth", "on", "a ", "=", '"', "\\\n", "://", "a:", "machine ",
    "login a ", "default login ", "aGVs", "+", b64encode(f"{TOKEN[:30]} ".encode()).decode() + " ",
]  # fmt: skip


LEADS = ("", "Authorization: ", "curl ")
ENDS = (" x", "\n x", f"\n{TOKEN}")


def steps(text: str) -> int:
    """How many it takes to read `text`, whatever is in it."""
    with counted(diagnosis) as counter, counted(traces) as other:
        read(text, "tkn")
    return counter.steps + other.steps


@pytest.mark.parametrize("piece", REPEATED)
def test_twice_the_text_takes_no_more_than_twice_the_steps(piece: str) -> None:
    """No pattern tries again and again: anybody who is signed in may paste 10,000 characters."""
    for lead, end in product(LEADS, ENDS):
        once = piece * (150 // len(piece))
        assert steps(lead + 2 * once + end) < 2.1 * steps(lead + once + end), (lead, end)
