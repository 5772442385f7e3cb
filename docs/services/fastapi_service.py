"""A FastAPI service. Start: uvicorn fastapi_service:app --no-proxy-headers --port 9000"""

import os
import re

import httpx
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

PROBLEM_TYPE = "application/problem+json"
PROBLEM = {"title": "Tokens can't be checked now", "status": 503, "code": "unavailable"}
HEADERS = {"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store", "Retry-After": "2"}
UNAVAILABLE = httpx.Response(503, headers=HEADERS, json=PROBLEM)
# Headers of a refusal that the client gets.
PASSED_ON = re.compile("cache-control|content-type|link|retry-after|token-.*|www-.*|.*ratelimit.*")


class TokenryMiddleware:
    """Let a request in only if Tokenry allows it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.tokenry = httpx.AsyncClient(base_url=os.environ["TOKENRY_URL"], timeout=2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # not a request: the server starts or stops
            return await self.app(scope, receive, send)
        answer = await self.ask(scope)
        if answer.status_code == 200 and "X-Auth-User" in answer.headers:
            scope.setdefault("state", {})["user"] = answer.headers["X-Auth-User"]
            return await self.app(scope, receive, send)
        headers = {key: text for key, text in answer.headers.items() if PASSED_ON.fullmatch(key)}
        return await Response(answer.content, answer.status_code, headers)(scope, receive, send)

    async def ask(self, scope: Scope) -> httpx.Response:
        """Return Tokenry's answer about this request."""
        method = scope.get("method", "WEBSOCKET")
        needed = "reports:read" if method in {"GET", "HEAD"} else "reports:write"
        headers = [
            *[pair for pair in scope["headers"] if pair[0] in {b"authorization", b"user-agent"}],
            (b"X-Forwarded-For", scope["client"][0].encode()),
            (b"X-Original-Method", method.encode()),
            (b"X-Original-URI", scope["raw_path"]),
        ]
        try:
            answer = await self.tokenry.get("/verify", params={"scope": needed}, headers=headers)
        except httpx.HTTPError:
            return UNAVAILABLE
        is_problem = answer.headers.get("Content-Type") == PROBLEM_TYPE
        return answer if is_problem or "X-Auth-User" in answer.headers else UNAVAILABLE


# The service itself.
app = FastAPI()
app.add_middleware(TokenryMiddleware)


@app.api_route("/reports", methods=["GET", "HEAD", "POST"])
async def reports(request: Request) -> dict[str, str]:
    return {"user": request.state.user}
