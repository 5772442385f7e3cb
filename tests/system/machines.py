"""What goes on while a backup is made, and a machine that restores the backup."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pyotp
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings

from accounts.models import User
from tests import databases
from tests.conftest import signed_in
from tests.keys import Key
from tests.run import ROOT, patience
from tests.server import PASSWORD, Server, collect_static
from tests.system.calls import call
from tests.system.conftest import Site

PERSON = "person@example.com"
APP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Load:
    """People and programs that work on while a backup is made."""

    def __init__(self, site: Site, value: str) -> None:
        self.site, self.value = site, value
        self.made: list[str] = []
        self.wrong: list[str] = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=work) for work in (self.make, self.use, self.use)]

    def make(self) -> None:
        while not self.stopping.is_set():
            self.made.append(self.site.console.issue())

    def use(self) -> None:
        while not self.stopping.is_set():
            answer = call(self.site.server.port, self.value)
            if answer.status != 200:
                self.wrong.append(answer.code)

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=patience(10))


class Factors:
    """The second factors of a person."""

    def __init__(self, site: Site) -> None:
        with databases.connected(site.installation.database_url):
            user = User.objects.get(email=PERSON)
            TOTP.activate(user, APP_SECRET)
            self.codes = RecoveryCodes.activate(user).get_unused_codes()
            self.key = Key(user, pin=True)
            assert self.key.add(signed_in(user), passwordless=True).status_code == 302

    def check(self, server: Server) -> None:
        """Sign in by each of them at a server."""
        self.by_code(server, pyotp.TOTP(APP_SECRET).now())
        self.by_code(server, self.codes[0])
        with Browser(server) as browser:
            asked = browser.get(
                "/accounts/2fa/webauthn/login/", headers={"X-Requested-With": "XMLHttpRequest"}
            ).json()
            credential = self.key.assertion(asked["request_options"]["publicKey"]["challenge"])
            browser.get("/accounts/login/")
            browser.submit("/accounts/2fa/webauthn/login/", credential=json.dumps(credential))
            assert browser.is_signed_in()

    def by_code(self, server: Server, code: str) -> None:
        with Browser(server) as browser:
            browser.get("/accounts/login/")
            asked = browser.submit("/accounts/login/", login=PERSON, password=PASSWORD)
            assert "/2fa/authenticate/" in str(asked.url)
            browser.submit("/accounts/2fa/authenticate/", code=code)
            assert browser.is_signed_in()


class Browser(httpx.Client):
    """As much of a browser as signing in needs."""

    def __init__(self, server: Server) -> None:
        super().__init__(base_url=server.url, follow_redirects=True, timeout=patience(10))
        self.headers["Origin"] = server.url

    def submit(self, path: str, **form: str) -> httpx.Response:
        return self.post(
            path, data={"csrfmiddlewaretoken": self.cookies["tokenry_csrftoken"], **form}
        )

    def is_signed_in(self) -> bool:
        return self.get("/settings/tokens/").url.path == "/settings/tokens/"


class Machine:
    """Another machine with a fresh clone, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tokenry"
        for name in (
            "accounts",
            "config",
            "static",
            "templates",
            "tokens",
            "manage.py",
            "pyproject.toml",
        ):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (self.root / name).parent.mkdir(exist_ok=True)
            copy(ROOT / name, self.root / name)
        collect_static()
        shutil.copytree(ROOT / "var/static", self.root / "var/static")
        self.server = Server(
            folder, f"sqlite:///{self.root}/var/tokenry.sqlite3", SITE_URL=settings.SITE_URL
        )
        for secret in ("SECRET_KEY", "TOKEN_PEPPERS"):
            del self.server.environment[secret]
        self.server.environment["PYTHONPATH"] = str(self.root)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root, env=self.server.environment,
            timeout=patience(30), capture_output=True, text=True, check=False,
        )  # fmt: skip
