"""The file .env: an unreadable file ends the start, and no value of the file is printed."""

import os
import string
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from config.environment import dotenv
from tests.elsewhere import Elsewhere

SECRET = "1:" + "s3cr3t-" * 6


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NAME=value", "value"),
        ("  NAME\t= value  ", "value"),
        ("export NAME=value", "value"),
        ("export\tNAME = value", "value"),
        ("# one\r\n\r\n  # two\r\nNAME=value\r\n", "value"),
        ("NAME=", ""),
        ("NAME=a#b=c", "a#b=c"),
        ("NAME=two words", "two words"),
        ('NAME=it\'s "so"', 'it\'s "so"'),
        ("NAME='a # \"b\" \\n $c'", 'a # "b" \\n $c'),
        ("NAME=\"a # 'b' $c\"", "a # 'b' $c"),
        (r'NAME = "a \"b\" \\ c"', r'a "b" \ c'),
        ('NAME=" kept "', " kept "),
        ("NAME=''", ""),
        ("NAME=café €", "café €"),
    ],
)
def test_reads(text: str, value: str) -> None:
    assert dotenv.parse_settings(text) == {"NAME": value}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"A=1\nB {SECRET}", "line 2: this is neither NAME=value"),
        (f"NAME: {SECRET}", "line 1 (NAME): this is neither NAME=value"),
        (f"{SECRET}", "line 1: this is neither NAME=value"),
        (f"name={SECRET}", "line 1: this is neither NAME=value"),
        (f"set NAME={SECRET}", "line 1: this is neither NAME=value"),
        (f"NA ME={SECRET}", "line 1: this is neither NAME=value"),
        (
            f"\ufeffNAME={SECRET}",
            "line 1: this is neither NAME=value",
        ),  # in the middle of a file, say
        (f"NAME='{SECRET}", "line 1 (NAME): the value must end with its closing '"),
        (f"NAME={SECRET}\nNAME2='", "line 2 (NAME2): the value must end with its closing '"),
        (f"NAME='{SECRET}' # new", "line 1 (NAME): the value must end with its closing '"),
        (f'NAME="{SECRET}', 'line 1 (NAME): the value must end with its closing "'),
        (f'NAME="{SECRET}\\"', 'line 1 (NAME): the value must end with its closing "'),
        (f'NAME="{SECRET}\\n"', 'line 1 (NAME): the value must end with its closing "'),
        (f'NAME="{SECRET}"{SECRET}', 'line 1 (NAME): the value must end with its closing "'),
        (f"NAME={SECRET} # new", "line 1 (NAME): a comment needs its own line"),
        (f"NAME= # {SECRET}", "line 1 (NAME): a comment needs its own line"),
        (f"NAME={SECRET}\nexport NAME={SECRET}", "line 2 (NAME): an earlier line sets it already"),
        (f"NAME={SECRET}\t{SECRET}", "line 1 (NAME): the value has a tab"),
        (f"NAME={SECRET}\x1b[0m", "line 1 (NAME): the value has a tab"),
        (f"NAME={SECRET}\x00", "line 1 (NAME): the file is not UTF-8 text"),
        (f"NAME={SECRET}\udce9", "line 1 (NAME): the file is not UTF-8 text"),
    ],
)
def test_refuses_without_the_value(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        dotenv.parse_settings(text)
    assert str(raised.value).startswith(words)
    assert "s3cr3t" not in str(raised.value)


@given(st.text() | st.text("AB_=#'\"\\ \t\r\n\ufeffexport:"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert all(
            "\x00" not in value and "\n" not in value
            for value in dotenv.parse_settings(text).values()
        )


PRINTABLE = st.text(st.characters(exclude_categories=["C"])).map(str.strip)


@given(PRINTABLE)
def test_every_value_can_be_written_in_double_quotes(value: str) -> None:
    escaped = value.replace("\\", r"\\").replace('"', r"\"")
    assert dotenv.parse_settings(f'NAME="{escaped}"') == {"NAME": value}


@given(
    st.text(string.ascii_letters + string.digits + "-_:,./@#%+=!", min_size=1).filter(
        lambda text: text[0] != "#"
    )
)
def test_secrets_and_addresses_need_no_quotes(value: str) -> None:
    assert dotenv.parse_settings(f"NAME={value}") == {"NAME": value}


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENRY_A", "here")
    monkeypatch.delenv("TOKENRY_B", raising=False)
    path = tmp_path / ".env"
    path.write_text("TOKENRY_A=file\nTOKENRY_B=file\n")
    dotenv.load_file(path)
    assert (os.environ["TOKENRY_A"], os.environ.pop("TOKENRY_B")) == ("here", "file")


def test_no_file_is_no_error(tmp_path: Path) -> None:
    dotenv.load_file(tmp_path / ".env")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ImproperlyConfigured, match=rf"^{tmp_path} can't be read: Is a directory\.$"
    ):
        dotenv.load_file(tmp_path)


def start(folder: Path, content: bytes, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of an installation whose .env has `content`."""
    (folder / ".env").write_bytes(content)
    code = "from django.conf import settings; print(settings.TOKENRY['PEPPERS'])"
    return Elsewhere(folder).manage("shell", "--no-imports", "-c", code, **settings)


@pytest.mark.parametrize("form", ["{}\n", "\ufeff{}\r\n", "export {}\n"])
def test_the_pepper_of_the_file_is_used(tmp_path: Path, form: str) -> None:
    done = start(tmp_path, form.format(f"TOKEN_PEPPERS = {SECRET}").encode())
    assert (done.stderr, done.stdout.strip()) == ("", str({1: SECRET.removeprefix("1:")}))
    assert not (tmp_path / "var/token_peppers").exists()


def test_another_file_can_be_named(tmp_path: Path) -> None:
    """As these tests do, which would else run with a developer's own settings."""
    other = tmp_path / "other"
    other.write_text(f"TOKEN_PEPPERS={SECRET}\n")
    done = start(tmp_path, b"TOKEN_PEPPERS=wrong\n", ENV_FILE=str(other))
    assert (done.stderr, done.stdout.strip()) == ("", str({1: SECRET.removeprefix("1:")}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            f"DEBUG=false\nTOKEN_PEPPERS: {SECRET}\n".encode(),
            "line 2 (TOKEN_PEPPERS): this is neither NAME=value",
        ),
        (f"TOKEN_PEPPERS={SECRET}\n".encode("utf-16"), "line 1: the file is not UTF-8 text"),
        (
            f"# Schlüssel\nTOKEN_PEPPERS={SECRET}\n".encode("latin-1"),
            "line 1: the file is not UTF-8 text",
        ),
    ],
)
def test_a_line_that_cannot_be_read_ends_the_start(
    tmp_path: Path, content: bytes, words: str
) -> None:
    done = start(tmp_path, content)
    assert done.returncode == 1
    assert done.stderr.startswith(f"tokenry: {tmp_path}/.env, {words}")
    assert done.stderr.count("\n") == 1
    assert "s3cr3t" not in done.stderr
    assert not (tmp_path / "var/token_peppers").exists()


def test_a_file_that_is_named_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv.load_file(tmp_path / ".env")
    monkeypatch.setenv("ENV_FILE", str(tmp_path / "typo.env"))
    with pytest.raises(
        ImproperlyConfigured, match=r"ENV_FILE is .* takes the path of a file that exists"
    ):
        dotenv.load_file(tmp_path / "typo.env")
