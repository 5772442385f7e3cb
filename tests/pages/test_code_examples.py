"""The line with which a shell learns the value; tests/system/test_examples.py runs the code."""

import os
import pty
import subprocess
import termios
from pathlib import Path

from tests.run import patience, until
from tests.values import token_value
from tokens.pages.code_examples import SHELL_LINE, VARIABLE


def reads_in_silence(terminal: int) -> None:
    """Fail unless the shell waits for a line that it does not show."""
    mode = termios.tcgetattr(terminal)[3]
    assert mode & termios.ICANON
    assert not mode & termios.ECHO


def everything(terminal: int) -> bytes:
    """Return all output until the other end of the terminal closes."""
    output = b""
    while True:
        try:
            part = os.read(terminal, 1024)
        except OSError:  # Linux's end of a terminal
            part = b""
        if not part:
            return output
        output += part


def test_the_value_is_in_the_environment_but_not_in_the_history(tmp_path: Path) -> None:
    """Type into an interactive bash that keeps every line, also lines that begin with a space."""
    value, history, kept = token_value(), tmp_path / "history", tmp_path / "value"
    terminal, shells_end = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=shells_end, stdout=shells_end, stderr=shells_end, start_new_session=True,
        env={"PATH": os.environ["PATH"], "HISTFILE": str(history), "TERM": "dumb"},
    )  # fmt: skip
    os.close(shells_end)
    os.write(terminal, f"{SHELL_LINE}\n".encode())
    until(lambda: reads_in_silence(terminal), AssertionError)
    os.write(terminal, f"{value}\n".encode())
    os.write(terminal, f"sh -c 'printf %s ${VARIABLE}' > {kept}; exit\n".encode())
    output = everything(terminal).decode()
    shell.wait(patience(3))
    os.close(terminal)
    assert kept.read_text() == value
    assert SHELL_LINE in history.read_text()
    assert value not in output + history.read_text()
