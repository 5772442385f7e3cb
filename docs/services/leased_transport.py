"""Use an admission again for as long as Tokenry allows. For httpx.AsyncClient."""

import re
import time

import httpx

LEASE = re.compile(r"ms=(\d+)")


class LeasedTransport(httpx.AsyncHTTPTransport):
    """Send each question to Tokenry, unless a kept admission answers the same question."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, ...], tuple[float, httpx.Headers]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent = time.monotonic()
        self.kept = {key: pair for key, pair in self.kept.items() if sent < pair[0]}
        tokens = request.headers.get_list("Authorization")
        question = (str(request.url), request.headers["X-Forwarded-For"], *tokens)
        if question in self.kept:
            return httpx.Response(200, headers=self.kept[question][1])
        answer = await super().handle_async_request(request)
        lease = LEASE.fullmatch(answer.headers.get("Tokenry-Lease", ""))
        if answer.status_code == 200 and lease:
            self.kept[question] = (sent + int(lease[1]) / 1000, answer.headers)
        return answer
