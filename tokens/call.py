"""One request by a program: what the pipeline learns of it, for the record, the log and the metrics."""

import re
from time import perf_counter
from urllib.parse import quote, unquote

from django.http import HttpRequest
from django.utils import timezone

from tokens.denial import Denial
from tokens.models import AGENT_LENGTH, FAMILY_LENGTH, PATH_LENGTH, Token
from tokens.redaction import redact

METHOD_LENGTH = 10
NOT_A_WORD = re.compile(r"[^!#$%&'*+.^`|~\w-]", re.ASCII)
BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}


class Call:
    """What is not known stays empty. `denial` is Tokenry's refusal; a view's own failure has a code alone."""

    __slots__ = (
        "address", "agent", "at", "code", "database", "denial", "limiter", "method", "path", "reference", "scopes",
        "seconds", "shown", "started", "status", "token",
    )  # fmt: skip

    def __init__(self, request: HttpRequest) -> None:
        meta = request.META
        self.started = perf_counter()
        self.at = timezone.now()
        self.ask(request.method or "", request.path_info)
        self.address: str = meta.get("REMOTE_ADDR", "")
        self.agent: str = meta.get("HTTP_USER_AGENT", "")[: 2 * AGENT_LENGTH]  # more is never shown
        self.token: Token | None = None  # once its secret is proven
        self.scopes: tuple[str, ...] = ()  # that the endpoint asked for
        self.denial: Denial | None = None
        self.code = self.reference = ""  # of a failure
        self.shown = ""
        self.status = 0
        self.seconds = self.database = self.limiter = 0.0

    def ask(self, method: str, path: str) -> None:
        """It is this that is asked for, kept as far as it is ever shown."""
        self.method, self.path = method[:METHOD_LENGTH], path[: 2 * PATH_LENGTH]

    def end(self, status: int) -> None:
        """It is answered with that status; a refusal keeps its own where a gateway knows fewer."""
        self.status = self.denial.status if self.denial else status
        self.seconds = perf_counter() - self.started

    @property
    def milliseconds(self) -> float:
        return round(1000 * self.seconds, 1)

    @property
    def shown_method(self) -> str:
        """A word, whatever was sent; none of the standard ones is longer (RFC 9110 section 9.1)."""
        return NOT_A_WORD.sub("?", self.method)

    @property
    def shown_path(self) -> str:
        """The path as it was sent, without its query, and with tokens masked, however often they were encoded."""
        if not self.shown:
            path = self.path
            if "%" in path and redact(plain := decoded(path)) != plain:
                path = plain
            self.shown = redact(quote(path, safe="/:@!$&'()*+,;=~", errors="replace"))[:PATH_LENGTH]
        return self.shown

    @property
    def shown_agent(self) -> str:
        """What the program calls itself, with tokens masked."""
        return redact(self.agent)[:AGENT_LENGTH]

    @property
    def family(self) -> str:
        return family(self.agent)


def decoded(path: str) -> str:
    """What is left when nothing in it is encoded any more."""
    while (plain := unquote(path)) != path:
        path = plain
    return path


def family(agent: str) -> str:
    """“python-requests” out of “python-requests/2.32.3”, “Firefox” out of what a browser sends."""
    if agent.startswith("Mozilla/"):
        return next((name for sign, name in BROWSERS.items() if sign in agent), "Browser")
    name = agent.partition("/")[0].partition(" ")[0]
    return redact("".join(c for c in name if c.isprintable()))[:FAMILY_LENGTH]
