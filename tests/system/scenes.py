"""Every way to take something from a token: by page, API, command and administration."""

import secrets
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
from django.conf import settings
from django.contrib.auth.models import Group

from accounts.models import User
from tests import databases
from tests.conftest import signed_in
from tests.run import patience
from tests.server import Server
from tests.system.cluster import SCOPE, Cluster
from tokens.models import Scope, Token

ELSEWHERE = "192.0.2.1"
RENEWAL = {"expires": "90d", "overlap": "now"}


class Scene:
    """A person with two tokens, one of which is about to lose something, and an administrator."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.email = cluster.installation.add_person(f"{secrets.token_hex(8)}@example.com")
        with databases.connected(cluster.installation.database_url):
            person = User.objects.get(email=self.email)
            person.groups.add(Group.objects.get(name="In"))
            self.person = str(person.pk)
            self.group = str(Group.objects.get(name="Out").pk)
            self.session = session_of(person)
            self.administration = session_of(User.objects.get(email=cluster.installation.email))
        scopes = [SCOPE, "tokens:renew", "tokens:write"]
        self.value, self.other = (
            cluster.installation.issue(email=self.email, scopes=scopes) for _ in range(2)
        )
        self.identifier = self.value[:24]
        with databases.connected(cluster.installation.database_url):
            self.token = str(Token.objects.get(identifier=self.identifier).pk)
            self.scope = str(Scope.objects.get(name=SCOPE).pk)
        self.node: Server = cluster.nodes[0]  # the node that makes the change
        self.answers: list[httpx.Response] = []

    def page(self, path: str, **form: Any) -> None:
        """Send a form as the person."""
        self.send(path, self.session, form)

    def own(self, page: str, **form: Any) -> None:
        """Send the form on a page of the token."""
        self.page(f"/settings/tokens/{self.identifier}/{page}/", **form)

    def admin(self, path: str, **form: Any) -> None:
        """Send a form as the administrator."""
        self.send(f"/admin/{path}/", self.administration, form)

    def let_go(self, then: str) -> None:
        """Switch the owner off, or delete the owner, as the administrator. The tokens end now."""
        path = f"/admin/tokens/token/leaving/?account={self.person}&then={then}"
        self.send(path, self.administration, {"outcome": "end"})

    def send(self, path: str, session: str, form: dict[str, Any]) -> None:
        csrf = secrets.token_hex(16)
        names = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={csrf}"
        sent = {"csrfmiddlewaretoken": csrf, **form}
        self.insist("POST", path, data=sent, headers={"Cookie": names})

    def api(self, method: str, path: str, value: str = "", **options: Any) -> None:
        """Send a request as a program, with the other token unless `value` is another one."""
        headers = {"Authorization": f"Bearer {value or self.other}"}
        self.insist(method, f"/api/v1/{path}", headers=headers, **options)

    def insist(self, method: str, path: str, **options: Any) -> None:
        """Send a request, and send it again while PostgreSQL is too slow, on a busy machine."""
        began = time.monotonic()
        while True:
            answer = httpx.request(
                method, f"{self.node.url}{path}", timeout=patience(10), **options
            )
            self.answers.append(answer)
            if answer.status_code != 503 or time.monotonic() > began + patience(10):
                break
        assert answer.status_code in {200, 201, 204, 302}, answer.text
        assert "/login/?next=" not in answer.headers.get("Location", ""), answer.headers

    def command(self, *words: str) -> None:
        self.node.manage("token", *words)


def session_of(user: User) -> str:
    """Return the cookie of a new session of this person."""
    return str(signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value)


class Change(NamedTuple):
    """A change, and the code that requests meet from then on.

    `admitted`: how many requests may still be admitted. `group`: the group to which the scope is
    restricted before the change. The person is in the group "In" and not in the group "Out".
    """

    code: str
    make: Callable[[Scene], None]
    admitted: int = 0
    group: str = ""


def narrowed(scene: Scene, *scopes: str, addresses: str = "") -> None:
    """Send the form that edits the token."""
    scene.own("edit", name="Test", scopes=list(scopes), allowed_addresses=addresses)


REVOKED, EXPIRED, NARROWED = "revoked_token", "expired_token", "insufficient_scope"
ADDRESS = "address_not_allowed"
CHANGES = {
    "page: revoke": Change(REVOKED, lambda scene: scene.own("revoke")),
    "page: revoke selected": Change(
        REVOKED,
        lambda scene: scene.page("/settings/tokens/revoke-selected/", token=scene.identifier),
    ),
    "page: revoke all": Change(
        REVOKED, lambda scene: scene.page("/settings/tokens/revoke-all/", count="2")
    ),
    "page: fewer scopes": Change(NARROWED, narrowed),
    "page: other addresses": Change(
        ADDRESS, lambda scene: narrowed(scene, SCOPE, addresses=ELSEWHERE)
    ),
    "page: renew": Change(
        EXPIRED, lambda scene: scene.own("renew", nonce=secrets.token_hex(16), **RENEWAL)
    ),
    "page: delete the account": Change(
        "unknown_token", lambda scene: scene.page("/settings/profile/delete/", outcome="end")
    ),
    "API: revoke itself": Change(REVOKED, lambda scene: scene.api("DELETE", "token", scene.value)),
    "API: revoke": Change(
        REVOKED, lambda scene: scene.api("DELETE", f"tokens/{scene.identifier}")
    ),
    "API: revoke by value": Change(
        REVOKED, lambda scene: scene.api("POST", "revoke", data={"token": scene.value})
    ),
    "API: fewer scopes": Change(
        NARROWED,
        lambda scene: scene.api("PATCH", f"tokens/{scene.identifier}", json={"scopes": []}),
    ),
    "API: other addresses": Change(
        ADDRESS,
        lambda scene: scene.api(
            "PATCH", f"tokens/{scene.identifier}", json={"allowed_addresses": [ELSEWHERE]}
        ),
    ),
    "API: renew": Change(
        EXPIRED,
        lambda scene: scene.api("POST", "token/renew", scene.value, json={"overlap": "now"}),
    ),
    "command: revoke": Change(REVOKED, lambda scene: scene.command("revoke", scene.identifier)),
    "command: renew": Change(
        EXPIRED, lambda scene: scene.command("renew", scene.identifier, "--overlap", "now")
    ),
    "admin: revoke": Change(
        REVOKED,
        lambda scene: scene.admin(
            "tokens/token", action="revoke", _selected_action=scene.token, confirmed="yes"
        ),
    ),
    "admin: lower limit": Change(
        "rate_limited",
        lambda scene: scene.admin(f"tokens/token/{scene.token}/change", rate_limit="1/hour"),
        admitted=1,
    ),
    "admin: switch the owner off": Change(REVOKED, lambda scene: scene.let_go("off")),
    "admin: delete the owner": Change("unknown_token", lambda scene: scene.let_go("delete")),
    "admin: leave the group": Change(
        NARROWED,
        lambda scene: scene.admin(
            f"accounts/user/{scene.person}/change", email=scene.email, is_active="on"
        ),
        group="In",
    ),
    "admin: restrict the scope": Change(
        NARROWED,
        lambda scene: scene.admin(
            f"tokens/scope/{scene.scope}/change", words="Read", group=scene.group
        ),
    ),
    "admin: delete the scope": Change(
        NARROWED, lambda scene: scene.admin(f"tokens/scope/{scene.scope}/delete", post="yes")
    ),
}
