"""SECRET_KEY is changed on two nodes in three steps, one node at a time, and nobody notices."""

import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pyotp
import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import override_settings

from accounts.models import User
from tests import databases
from tests.run import patience
from tests.server import PASSWORD, Installation, Server

pytestmark = [pytest.mark.long, pytest.mark.services]
APP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
OLD, NEW = secrets.token_urlsafe(48), secrets.token_urlsafe(48)


@pytest.fixture
def nodes(installation: Installation, tmp_path: Path) -> list[Server]:
    """Two nodes of one installation, whose mails are files."""
    installation.settings |= {"EMAIL_URL": f"filemail:///{tmp_path}", "SECRET_KEY": OLD}
    return [installation.server().start(serve=True) for _ in range(2)]


def restart(node: Server, current: str, *older: str) -> None:
    node.environment |= {"SECRET_KEY": current, "SECRET_KEY_FALLBACKS": ",".join(older)}
    node.stop()
    node.start(serve=True)


@pytest.fixture
def browsers() -> Iterator[Callable[[], "Browser"]]:
    """Open a browser; all are closed in the end."""
    with ExitStack() as stack:
        yield lambda: Browser(stack.enter_context(httpx.Client(timeout=patience(10))))


class Browser:
    """A browser, for which both nodes are one site."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def page(self, node: Server, path: str) -> httpx.Response:
        return self.client.get(f"http://localhost:{node.port}{path}")

    def send(self, node: Server, path: str, **typed: str) -> httpx.Response:
        """Open the form at `path`, and send it as the browser would."""
        [form] = set(
            re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', self.page(node, path).text)[:1]
        )
        headers = {"Referer": f"{node.url}{path}", "Origin": node.url}
        return self.client.post(
            f"{node.url}{path}", data={"csrfmiddlewaretoken": form, **typed}, headers=headers
        )

    def sign_in(self, node: Server, email: str, password: str = PASSWORD, code: str = "") -> bool:
        self.send(node, "/accounts/login/", login=email, password=password)
        if code:
            self.send(node, "/accounts/2fa/authenticate/", code=code)
        return self.page(node, "/settings/profile/").status_code == 200


@contextmanager
def busy(browser: Browser, nodes: list[Server]) -> Iterator[list[int]]:
    """Open pages of any running node in a signed-in browser, two at a time, during the block."""
    seen: list[int] = []
    done = threading.Event()

    def look(first: int) -> None:
        number = first
        while not done.is_set():
            number += 1
            try:
                seen.append(browser.page(nodes[number % 2], "/settings/profile/").status_code)
            except httpx.TransportError:  # this node restarts, and a gateway would take the other
                done.wait(0.01)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        done.set()
        for thread in threads:
            thread.join()


def link_in(folder: Path) -> str:
    texts = "\n".join(path.read_text() for path in folder.glob("*.log"))
    return str(
        re.findall(r"http://localhost:\d+(/accounts/password/reset/key/[\w-]+/)", texts)[-1]
    )


CHOSEN = "another correct horse"


def choose_password(browser: Browser, node: Server, link: str) -> None:
    form = browser.page(node, link).headers["Location"]
    answer = browser.send(node, form, password1=CHOSEN, password2=CHOSEN)
    assert answer.status_code == 302, answer.text


def test_three_steps(
    installation: Installation,
    nodes: list[Server],
    browsers: Callable[[], Browser],
    tmp_path: Path,
) -> None:
    first, second = nodes
    with databases.connected(installation.database_url), override_settings(SECRET_KEY=OLD):
        for email in (
            installation.add_person("app@example.com"),
            installation.add_person("idle@example.com"),
        ):
            TOTP.activate(User.objects.get(email=email), APP)
    code = pyotp.TOTP(APP)
    browser, idle = browsers(), browsers()
    assert browser.sign_in(first, installation.email)
    assert idle.sign_in(second, "idle@example.com", code=code.now())
    forgot = installation.add_person("forgot@example.com")
    browsers().send(first, "/accounts/password/reset/", email=forgot)

    with busy(browser, nodes) as seen:
        for current, *older in [OLD, NEW], [NEW, OLD]:
            for node in nodes:
                restart(node, current, *older)
        assert "second factors " in first.manage("rekey")
        # made with the old key, opened while it is a fallback
        choose_password(browsers(), second, link_in(tmp_path))
        for node in nodes:
            restart(node, NEW)

    assert set(seen) == {200}
    assert browsers().sign_in(first, "forgot@example.com", CHOSEN)
    assert browsers().sign_in(second, "app@example.com", code=code.now())
    assert idle.page(first, "/settings/profile/").status_code == 200
    second.environment["SECRET_KEY"] = OLD  # a node that was forgotten
    second.stop()
    with pytest.raises(AssertionError, match="is the key that this database is used with"):
        second.start(serve=True)
