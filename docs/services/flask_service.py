"""A Flask service. Start: gunicorn flask_service:app --bind 127.0.0.1:9000"""

import os
import re
from urllib.parse import quote

import httpx
from flask import Flask, Response, g, request

PROBLEM_TYPE = "application/problem+json"
PROBLEM = {"title": "Tokens can't be checked now", "status": 503, "code": "unavailable"}
HEADERS = {"Content-Type": PROBLEM_TYPE, "Cache-Control": "no-store", "Retry-After": "2"}
UNAVAILABLE = httpx.Response(503, headers=HEADERS, json=PROBLEM)
# Headers of a refusal that the client gets.
PASSED_ON = re.compile("cache-control|content-type|link|retry-after|token-.*|www-.*|.*ratelimit.*")
app = Flask(__name__)
tokenry = httpx.Client(base_url=os.environ["TOKENRY_URL"], timeout=2)


@app.before_request
def require_token() -> Response | None:
    """Let a request in only if Tokenry allows it."""
    answer = ask()
    if answer.status_code == 200 and "X-Auth-User" in answer.headers:
        g.user = answer.headers["X-Auth-User"]
        return None
    headers = {key: text for key, text in answer.headers.items() if PASSED_ON.fullmatch(key)}
    return Response(answer.content, answer.status_code, headers)


def ask() -> httpx.Response:
    """Return Tokenry's answer about this request."""
    needed = "reports:read" if request.method in {"GET", "HEAD"} else "reports:write"
    headers = {
        "Authorization": request.headers.get("Authorization", ""),
        "User-Agent": request.headers.get("User-Agent", ""),
        "X-Forwarded-For": request.remote_addr or "",
        "X-Original-Method": request.method,
        "X-Original-URI": quote(request.path),
    }
    sent = httpx.Headers(headers, encoding="latin-1")
    try:
        answer = tokenry.get("/verify", params={"scope": needed}, headers=sent)
    except httpx.HTTPError:
        return UNAVAILABLE
    is_problem = answer.headers.get("Content-Type") == PROBLEM_TYPE
    return answer if is_problem or "X-Auth-User" in answer.headers else UNAVAILABLE


# The service itself.
@app.route("/reports", methods=["GET", "POST"])
def reports() -> dict[str, str]:
    return {"user": g.user}
