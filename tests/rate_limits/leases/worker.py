"""A process with counters of its own, which a test tells what to do, line by line.

Run as `python -m tests.rate_limits.leases.worker URL`.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from tests.run import patience
from tokens.core import circuit_breaker
from tokens.rate_limits import redis_counters
from tokens.rate_limits.limits import parse_rate_limit
from tokens.rate_limits.quota_leases import QUOTA_LEASE_SECONDS

THREADS = 4


class Worker:
    """The test's side of such a process."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.rate_limits.leases.worker", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, what: str, *arguments: Any) -> None:
        """Give an order without waiting for the result."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([what, *arguments]) + "\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        """Return the result of the oldest order that has not returned one."""
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


class Orders:
    """What such a process can do."""

    def __init__(self, url: str) -> None:
        self.passed = 0.0
        vars(circuit_breaker)["time"] = SimpleNamespace(monotonic=self.now)
        vars(redis_counters)["seconds_since_boot"] = self.now
        redis_counters.REDIS_WAIT_SECONDS = patience(5)  # many processes share the machine
        self.counters = redis_counters.RedisCounters(url)
        self.pool = ThreadPoolExecutor(THREADS)

    def now(self) -> float:
        return time.monotonic() + self.passed

    def hit(self, notation: str, requests: int) -> list[int]:
        """Return how many requests the windows had counted with each admitted request."""
        windows = parse_rate_limit(notation)

        def hit(_: int) -> int:
            admitted, _windows, counts = self.counters.hit("a", windows, may_lease=True)
            return counts[0].used if admitted else 0

        return [used for used in self.pool.map(hit, range(requests)) if used]

    def pass_time(self, seconds: float) -> None:
        """Move the clock, and do what the recorder's thread does each second."""
        self.passed += seconds
        self.counters.return_unspent(QUOTA_LEASE_SECONDS)


def main() -> None:
    orders = Orders(sys.argv[1])
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(getattr(orders, what)(*arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
