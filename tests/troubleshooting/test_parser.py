"""The parser of Troubleshoot: what was pasted, and its errors."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from tests.values import token_value
from tokens.authentication import credentials
from tokens.problems.problem import TYPES
from tokens.troubleshooting import credential_errors
from tokens.troubleshooting.parser import parse_pasted

TOKEN = token_value()
IDENTIFIER = TOKEN[:24]
PREFIXES = ("tkn",)
NONE: tuple[str, ...] = ()
NAMES = {
    error: name
    for name, error in vars(credential_errors).items()
    if isinstance(error, credential_errors.CredentialError)
}


def names(text: str) -> tuple[str, ...]:
    """Return the names of the errors, and the text of an error that has no name."""
    return tuple(NAMES.get(error, error.what) for error in parse_pasted(text, PREFIXES).errors)


# A text with {} for a good token, and its errors.
WHOLE = [
    ("{}", NONE),
    ("Bearer {}", NONE),
    ("bearer {}", NONE),
    ("Authorization: Bearer {}", NONE),
    ("authorization:Bearer {}\n", NONE),
    # Spaces around the value of a header do not count (RFC 9110 section 5.5).
    ("  Authorization:   Bearer {}  ", NONE),
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
    (
        "curl -v -H 'Authorization: Bearer {}' $URL\n"
        "> GET / HTTP/1.1\n> Authorization: Bearer {}\n>\n",
        NONE,
    ),
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
    (
        "> Host: x\n> Authorization: Bearer {}\n> Accept: */*\n> authorization: Basic eDp4\n>\n",
        ("COMMAS",),
    ),
    (
        "curl -H 'Authorization: Bearer {}' \\\n  --header 'Authorization: Bearer {}' $URL",
        ("COMMAS",),
    ),
    (" {} ", NONE),
    ("{}\r\n", NONE),
    ("\t{}\n\n", NONE),
    ('"{}"\n', ("IN_QUOTES",)),
    ("Bearer {} ", ("SPACES",)),
    ("Bearer {}\n", ("LINE_BREAKS",)),
    ("Bearer  {}", ("SPACES",)),
    ("Authorization: Bearer  {}", ("SPACES",)),
    ("Bearer\t{}", ("CONTROLS",)),
    ("Bearer {}\x00", ("CONTROLS",)),
    ("\ufeff{}", ("LOOK_ALIKES",)),
    ("Bearer\u00a0{}", ("LOOK_ALIKES",)),
    ("“{}”", ("LOOK_ALIKES",)),
    ('"{}"', ("IN_QUOTES",)),
    ("Bearer '{}'", ("IN_QUOTES",)),
    ("Bearer <{}>", ("IN_QUOTES",)),
    ("Authorization: Bearer {}, Bearer {}", ("COMMAS",)),
    ("Bearer {},", ("COMMAS",)),
    ("Bearer Bearer {}", ("DOUBLED",)),
    ("Authorization: bearer Bearer {}", ("DOUBLED",)),
    ("Authorization: {}", ("NO_SCHEME",)),
    ("Authorization: Token {}", ("OTHER_SCHEME",)),
    ("Token {}", ("OTHER_SCHEME",)),
    ("Bearer{}", ("NO_SPACE",)),
    ("Bearer: {}", ("NO_SPACE",)),
    ("Bearer%20{}", ("NO_SPACE", "PERCENT_ENCODED")),
    ("{}%20", ("PERCENT_ENCODED",)),
    ("curl http://localhost/?access_token={}", ("NO_HEADER", "IN_ADDRESS")),
    ("https://localhost/api/v1/token?access_token={}&x=1", ("IN_ADDRESS",)),
    ("curl -u me:{} http://localhost/", ("BASIC",)),
    ("curl -s -u'me:{}' http://localhost/", ("BASIC",)),
    (f"curl --user={IDENTIFIER}:{{}} http://localhost/", ("BASIC",)),
    ("curl http://localhost/ -u {}:", ("BASIC",)),
    ("curl -H Authorization: Bearer {} http://localhost/", ("UNQUOTED",)),
    ("https://oauth2:{}@localhost/x.git", ("IN_USER_NAME",)),
    ("git clone 'https://{}@localhost/x.git'", ("IN_USER_NAME",)),
    ("https://{}:x-oauth-basic@localhost/x.git", ("IN_USER_NAME",)),
    ("curl -s https://me:{}@localhost/api/v1/token", ("IN_USER_NAME",)),
    ("machine localhost login oauth2 password {}", ("NETRC",)),
    ("machine localhost\n  login oauth2\n  password {}\n", ("NETRC",)),
    ("machine localhost login {} password x", ("NETRC",)),
    ("default login me password {}", ("NETRC",)),
    ("my password {}", NONE),
    ("Bearer Bearer  “{}”\n", ("LOOK_ALIKES", "LINE_BREAKS", "DOUBLED", "SPACES")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_a_whole_token_is_found_in_any_text(text: str, expected: tuple[str, ...]) -> None:
    parsed = parse_pasted(text.replace("{}", TOKEN), PREFIXES)
    assert names(text.replace("{}", TOKEN)) == expected
    assert parsed.credential is not None
    assert (parsed.credential.value, parsed.identifier) == (TOKEN, IDENTIFIER)


# What is encoded, a text with {} for its Base64, and the errors.
ENCODED = [
    ("{}", "{}", ("IS_BASE64",)),
    ("{}\n", "  token: {}\n  other: YWJj\n", ("LINE_BREAKS", "IS_BASE64")),
    ("{}", "Authorization: Bearer {}", ("IS_BASE64",)),
    ("{}", '{"data": {"token": "{}"}}', ("IS_BASE64",)),
    ("Bearer {}", "{}", ("IS_BASE64",)),
    (f"{IDENTIFIER}:{{}}", "Authorization: Basic {}", ("BASIC",)),
    ("me:{}", "Basic {}", ("BASIC",)),
    ("me:{}", "> authorization: basic {}\r\n", ("BASIC",)),
]


@pytest.mark.parametrize(("inner", "text", "expected"), ENCODED)
@pytest.mark.parametrize("form", ["plain", "urlsafe", "unpadded", "lines"])
def test_a_token_in_base64_is_decoded(
    inner: str, text: str, expected: tuple[str, ...], form: str
) -> None:
    data = inner.replace("{}", TOKEN).encode()
    encoded = (urlsafe_b64encode if form == "urlsafe" else b64encode)(data).decode()
    if form == "lines" and text == "{}":
        encoded = f"{encoded[:76]}\n{encoded[76:]}\n"
    pasted = text.replace("{}", encoded.rstrip("=") if form == "unpadded" else encoded)
    parsed = parse_pasted(pasted, PREFIXES)
    assert names(pasted) == expected
    assert parsed.credential is not None
    assert parsed.credential.value == TOKEN


def test_a_part_of_a_token_in_base64_has_its_identifier() -> None:
    parsed = parse_pasted(b64encode(TOKEN.encode()).decode()[:81], PREFIXES)
    assert (parsed.identifier, parsed.credential) == (IDENTIFIER, None)
    assert credential_errors.IS_BASE64 in parsed.errors


# A text and its errors.
PARTS = [
    (TOKEN[:70], ("It is incomplete: 70 of 73 characters.",)),
    (f"{TOKEN}x", ("It is too long: 74 of 73 characters.",)),
    (
        f"{TOKEN[:40]}-{TOKEN[41:]}",
        ("It is mistyped: character 41 is one that tokens never contain.",),
    ),
    (
        f"{TOKEN[:-1]}{'y' if TOKEN[-1] == 'x' else 'x'}",
        ("It is mistyped: the checksum does not match.",),
    ),
    (f"Bearer “{TOKEN[:60]}”", ("LOOK_ALIKES", "It is incomplete: 60 of 73 characters.")),
    (
        f"{TOKEN[:40]}а{TOKEN[41:]}",  # a Cyrillic letter
        ("LOOK_ALIKES", "It is mistyped: character 41 is one that tokens never contain."),
    ),
    (IDENTIFIER, ("ONLY_IDENTIFIER",)),
    (credentials.mask(IDENTIFIER), ("MASKED",)),
    (f"Authorization: Bearer {IDENTIFIER}…", ("MASKED",)),
]


@pytest.mark.parametrize(("text", "expected"), PARTS)
def test_a_part_of_a_token_has_its_identifier(text: str, expected: tuple[str, ...]) -> None:
    parsed = parse_pasted(text, PREFIXES)
    assert names(text) == expected
    assert (parsed.credential, parsed.identifier) == (None, IDENTIFIER)


def test_a_token_broken_over_two_lines_is_whole_without_the_break() -> None:
    parsed = parse_pasted(f"Authorization: Bearer {TOKEN[:40]}\r\n{TOKEN[40:]}\r\n", PREFIXES)
    assert (parsed.errors, bool(parsed.credential)) == ([credential_errors.LINE_BREAKS], True)


BEGINNINGS = "tokens here begin with tkn_live_, tkn_test_ or tkn_dev_."
OTHER = f"It is another kind of credential, or its first characters are missing: {BEGINNINGS}"
ELSEWHERE = f"It begins like a token of another installation: {BEGINNINGS}"
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
    ("$TOKENRY_TOKEN", ("IS_PLACEHOLDER",)),
    ("%TOKENRY_TOKEN%", ("IS_PLACEHOLDER",)),
    ("Authorization $TOKENRY_TOKEN", ("NO_SCHEME", "IS_PLACEHOLDER")),
    ("curl -u me:$TOKENRY_TOKEN http://localhost/", ("BASIC", "IS_PLACEHOLDER")),
    ("curl -u me: http://localhost/", ("BASIC",)),
    (f"curl -H 'Authorization: Authorization: Bearer {TOKEN}' $URL", ("OTHER_SCHEME", "SPACES")),
    ("Authorization: Bearer <token>", ("IS_PLACEHOLDER",)),
    ("Authorization: Bearer ${{ secrets.TOKENRY_TOKEN }}", ("IS_PLACEHOLDER",)),
    ("Authorization: Bearer {{{ token }}}", ("IS_PLACEHOLDER",)),
    ("$TOKENRY_TOKEN\n", ("IS_PLACEHOLDER",)),
    ("Authorization: Bearer {{ token }}", ("IS_PLACEHOLDER",)),
    ("Authorization: Bearer Bearer $TOKENRY_TOKEN", ("DOUBLED", "IS_PLACEHOLDER")),
    ('curl -H "Authorization: Bearer ${TOKENRY_TOKEN%???}" $URL', ("IS_PLACEHOLDER",)),
    ("""{"Authorization": f"Bearer {os.environ['TOKENRY_TOKEN']}"}""", ("IS_PLACEHOLDER",)),
    ("{ Authorization: `Bearer ${process.env.TOKENRY_TOKEN}` }", ("IS_PLACEHOLDER",)),
    ("Why does it not work?", ("NO_CREDENTIAL",)),
    ("", ("NO_CREDENTIAL",)),
    (" \n", ("NO_CREDENTIAL",)),
]


@pytest.mark.parametrize(("text", "expected"), NOTHING_OF_OURS)
def test_what_is_no_token_of_this_installation(text: str, expected: tuple[str, ...]) -> None:
    parsed = parse_pasted(text, PREFIXES)
    assert names(text) == expected
    assert (parsed.credential, parsed.identifier, parsed.reference) == (None, "", "")


@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef",
        " 0123456789ABCDEF\n",
        '"0123456789abcdef"',
        "urn:tokenry:denial:0123456789abcdef",
        "HTTP/1.1 401 Unauthorized\r\n\r\n"
        '{"code": "x", "instance": "urn:tokenry:denial:0123456789abcdef"}',
        '{"time": "2026-11-24T12:00:00Z", "reference": "0123456789abcdef"}',
    ],
)
def test_a_reference(text: str) -> None:
    parsed = parse_pasted(text, PREFIXES)
    assert (parsed.reference, parsed.errors, parsed.identifier) == ("0123456789abcdef", [], "")


@pytest.mark.parametrize(
    "text", ["0123456789abcde", "0123456789abcdef0", "urn:tokenry:denial:0123456789abcdef0"]
)
def test_no_reference(text: str) -> None:
    assert parse_pasted(text, PREFIXES).reference == ""


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize(
    "text", ["{}", ' "{}"\n', '{"detail": "…", "code": "{}"}', "I get {}, why?"]
)
def test_a_code(text: str, code: str) -> None:
    parsed = parse_pasted(text.replace("{}", code), PREFIXES)
    assert (parsed.code, parsed.errors, parsed.credential) == (code, [], None)


@pytest.mark.parametrize(
    "text", [f"rate_limited {TOKEN}", "rate_limited_", "xrate_limited", "rate limited"]
)
def test_no_code(text: str) -> None:
    assert parse_pasted(text, PREFIXES).code == ""
