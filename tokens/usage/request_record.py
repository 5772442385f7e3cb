"""The facts about one API request, which are collected for its counts, the log and the metrics."""

import re
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any
from urllib.parse import quote, unquote

from django.utils import timezone

from tokens.core.redaction import hidden_values, redact
from tokens.models import AGENT_LENGTH, FAMILY_LENGTH, PATH_LENGTH, Token
from tokens.problems.problem import AUTHENTICATION_CODES, Problem
from tokens.rate_limits.limits import RateLimitResult

METHOD_LENGTH = 10  # no standard method is longer (RFC 9110 section 9.1)
# Characters that no method has: a method is a token of RFC 9110 section 5.6.2.
NOT_METHOD = re.compile(r"[^!#$%&'*+.^`|~\w-]", re.ASCII)
# A browser's User-Agent also has the names of other browsers: Edge has “Chrome/” and “Safari/”
# too. So the order matters.
BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}


class RequestRecord:
    """The facts about one API request. A fact that is not known yet is empty.

    `token` is set if the client has sent the right secret, and `limits` (the counts of the rate
    limit) if the request was counted. `scopes` and `environment` are what the endpoint requires;
    an empty environment means any. `problem` is set if Tokenry refused the request because of its
    token. For other errors, such as those of a view, only `code` and `reference` are set.
    """

    __slots__ = (
        "address", "agent", "at", "code", "database_seconds", "environment", "limiter_seconds",
        "limits", "method", "path", "problem", "reference", "scopes", "seconds", "started",
        "status", "token",
    )  # fmt: skip

    def __init__(self, meta: Mapping[str, Any], method: str, path: str) -> None:
        """Create the record when the request begins. `meta` is the WSGI environ of the request."""
        self.started = perf_counter()
        self.at = timezone.now()
        self.set_target(method, path)
        self.address: str = meta.get("REMOTE_ADDR", "")
        # Twice the length that is shown. A token at the end is masked before the text is cut; if
        # it were cut first, a part of the token could not be recognized.
        self.agent: str = meta.get("HTTP_USER_AGENT", "")[: 2 * AGENT_LENGTH]
        self.token: Token | None = None
        self.limits: RateLimitResult | None = None
        self.scopes: tuple[str, ...] = ()
        self.environment = ""
        self.problem: Problem | None = None
        self.code = self.reference = ""
        self.status = 0
        self.seconds = self.database_seconds = self.limiter_seconds = 0.0

    def set_target(self, method: str, path: str) -> None:
        """Set the method and the path of the request, cut to the length that is needed later."""
        self.method, self.path = method[:METHOD_LENGTH], path[: 2 * PATH_LENGTH]

    def mask_imported(self) -> None:
        """Mask the values of imported tokens. Only the request's own thread knows the values.

        Call this only for a known token, or a client could choose what the log does not show.
        """
        if hidden_values.get():
            plain = fully_unquoted(self.path)
            if (masked := redact(plain)) != plain:
                self.path = masked
            self.agent = redact(self.agent)

    def refuse(self, problem: Problem) -> None:
        """Store that the request is answered with a problem (an error answer).

        The problem itself is kept only if it is about the token, such as `unknown_token`.
        """
        self.code, self.reference = problem.code, problem.reference
        if problem.code in AUTHENTICATION_CODES:
            problem.forget_frames()
            self.problem = problem

    def finish(self, status: int) -> None:
        """Store the status and the duration of the answer. Call this when the answer is made.

        `status` is the HTTP status that is sent. If there is a problem, its own status is stored,
        which may be another: some gateways know only a few statuses. The limits are forgotten,
        because they are in the answer's headers already.
        """
        self.limits = None
        self.status = self.problem.status if self.problem else status
        self.seconds = perf_counter() - self.started

    @property
    def milliseconds(self) -> float:
        """Return the duration of the answer in milliseconds."""
        return round(1000 * self.seconds, 1)

    @property
    def shown_method(self) -> str:
        """Return the method with question marks for characters that no HTTP method has."""
        return shown_method(self.method)

    @property
    def shown_path(self) -> str:
        """Return the path, percent-encoded and without its query. Tokens in it are masked."""
        return shown_path(self.path)

    @property
    def shown_agent(self) -> str:
        """Return the header User-Agent. Tokens in it are masked."""
        return shown_agent(self.agent)

    @property
    def family(self) -> str:
        """Return the name of the client's program or browser, such as “curl” or “Firefox”."""
        return agent_family(self.agent)


class ShownTexts:
    """Methods, paths and User-Agents of several requests, with tokens masked, for log and pages.

    A text that is in several requests is masked only once. This saves time.

    NOTE: The keys are the texts that clients have sent, so a key may contain a token. Make a new
    object for each batch of requests, so that no token stays in memory.
    """

    def __init__(self) -> None:
        self.methods = CachedResults(shown_method)
        self.paths = CachedResults(shown_path)
        self.agents = CachedResults(shown_agent)
        self.families = CachedResults(agent_family)


class CachedResults(dict[Any, str]):
    """A dictionary with the results of `function`: the keys are its arguments.

    If a key is missing, the function is called.
    """

    def __init__(self, function: Callable[[Any], str]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, argument: Any) -> str:
        result = self[argument] = self._function(argument)
        return result


def shown_method(method: str) -> str:
    """Return `method` with question marks for characters that no HTTP method has."""
    return NOT_METHOD.sub("?", method)


def shown_path(path: str) -> str:
    """Return the path, percent-encoded and cut to PATH_LENGTH characters.

    Tokens in it are masked, even if the client has percent-encoded them several times.
    """
    if "%" in path and redact(plain := fully_unquoted(path)) != plain:
        path = plain
    quoted = quote(path, safe="/:@!$&'()*+,;=~", errors="replace")
    return redact(quoted)[:PATH_LENGTH]


def shown_agent(agent: str) -> str:
    """Return a User-Agent, cut to AGENT_LENGTH characters. Tokens in it are masked."""
    return redact(agent)[:AGENT_LENGTH]


def fully_unquoted(path: str) -> str:
    """Return `path` without percent-encoding, even if it was encoded several times."""
    while (plain := unquote(path)) != path:
        path = plain
    return path


# NOTE: The package ua-parser knows more browsers, and the Sessions page uses it. But it takes
# milliseconds for each new User-Agent. This function runs in the thread that counts all requests,
# and a client could keep that thread busy by sending other User-Agents all the time.
def agent_family(agent: str) -> str:
    """Return the name of the program in a User-Agent header, such as “curl” for “curl/8.5.0”.

    For a browser return its name, such as “Firefox”, or “Browser” if it is not known. Tokens are
    masked.
    """
    if agent.startswith("Mozilla/"):
        return next((name for sign, name in BROWSERS.items() if sign in agent), "Browser")
    name = agent.partition("/")[0].partition(" ")[0]
    return redact("".join(c for c in name if c.isprintable()))[:FAMILY_LENGTH]
