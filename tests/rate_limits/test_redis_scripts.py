"""The scripts in Redis, and the bytes that call them."""

from typing import Any

import pytest
from redis import Connection

from tests.rate_limits.leases.model import ModelRedis
from tests.services import Redis
from tokens.rate_limits.limits import Window, parse_rate_limit
from tokens.rate_limits.quota_leases import UnspentRequests
from tokens.rate_limits.redis_scripts import (
    COUNT,
    RETURN,
    Script,
    count_frame,
    redis_keys,
    return_frame,
)

TWO = parse_rate_limit("1000/minute;100000/hour")
MINUTE, HOUR = redis_keys("a", TWO)


def run(redis: Redis, script: Script, *arguments: int) -> Any:
    return redis.client.eval(script.text, 2, MINUTE, HOUR, *arguments)


def count(redis: Redis, wanted: int, windows: tuple[Window, ...] = TWO) -> Any:
    (few, short), (many, long) = windows
    return run(redis, COUNT, few, 1000 * short, many, 1000 * long, wanted)


def counts(redis: Redis) -> list[int]:
    return [int(redis.client.get(key) or 0) for key in (MINUTE, HOUR)]


@pytest.mark.parametrize("command", ["EVAL", "EVALSHA"])
@pytest.mark.parametrize("key", ["a", 24 * "k", "failed 2001:db8::/64", "näme"])
def test_frames_are_what_the_client_would_send(command: str, key: str) -> None:
    connection: Any = Connection()  # type: ignore[no-untyped-call]
    packed = connection.pack_command(
        *COUNT.call(command), 2, *redis_keys(key, TWO), 1000, 60_000, 100_000, 3_600_000, 7
    )
    for _ in range(2):
        assert count_frame(command, key, TWO, 7) == b"".join(packed)
    packed = connection.pack_command(
        *RETURN.call(command), 2, *redis_keys(key, TWO), 7, 1_800_000_000_000, 0
    )
    unspent = UnspentRequests(key, TWO, 7, (1_800_000_000_000, 0))
    assert return_frame(command, unspent) == b"".join(packed)


@pytest.mark.parametrize(
    ("quota", "used", "wanted", "taken"),
    [
        (10, 0, 1, 1),
        (10, 9, 32, 1),
        (10, 10, 1, 0),
        (10, 11, 32, 0),  # the limit became smaller
        (1000, 0, 32, 15),
        (1000, 0, 8, 8),
        (1000, 872, 32, 2),
        (1000, 873, 32, 1),
        (1000, 999, 32, 1),
        (1000, 1000, 32, 0),
        (1_000_000, 0, 32, 32),
        (999_999_999, 0, 32, 32),
    ],
)
def test_a_process_gets_at_most_a_64th_of_what_is_left(
    redis: Redis, quota: int, used: int, wanted: int, taken: int
) -> None:
    windows = (Window(quota, 60), Window(999_999_999, 3600))
    redis.client.set(MINUTE, used, px=50_000)
    redis.client.set(HOUR, 5, px=50_000)
    answer = count(redis, wanted, windows)
    assert [answer[0], answer[1], answer[3]] == [taken, used + taken, 5 + taken]
    assert counts(redis) == [used + taken, 5 + taken]
    assert len(answer) == (7 if taken > 1 else 5)

    model = ModelRedis()
    while used:  # bring the model to the same count
        used -= model.count("a", (Window(999_999_999, 60),), used)[0].requests
    assert model.count("a", windows, wanted)[0].requests == taken


def test_unspent_requests_go_back_into_the_windows_that_counted_them(redis: Redis) -> None:
    taken, _, _, _, _, *ends_at = count(redis, 9)
    assert taken == 9
    before = [redis.client.pexpiretime(key) for key in (MINUTE, HOUR)]
    assert before == ends_at
    run(redis, RETURN, 4, *ends_at)
    assert counts(redis) == [5, 5]
    assert [redis.client.pexpiretime(key) for key in (MINUTE, HOUR)] == before


def test_a_window_that_began_anew_takes_nothing_back(redis: Redis) -> None:
    *_, minute, hour = count(redis, 9)
    redis.client.set(MINUTE, 20, pxat=minute + 1)
    run(redis, RETURN, 4, minute, hour)
    assert counts(redis) == [20, 5]
    redis.client.flushall()
    run(redis, RETURN, 4, minute, hour)
    assert redis.client.dbsize() == 0


def test_a_count_never_falls_below_zero(redis: Redis) -> None:
    """As after a restart from an older copy of the data."""
    *_, minute, hour = count(redis, 9)
    redis.client.decrby(MINUTE, 7)
    run(redis, RETURN, 4, minute, hour)
    assert counts(redis) == [2, 5]


def test_a_lifetime_that_was_repaired_is_another_window(redis: Redis) -> None:
    """As after the clock of Redis went back."""
    redis.client.set(MINUTE, 1, px=50_000)
    *_, minute, hour = count(redis, 9)
    redis.client.pexpire(MINUTE, 100_000_000)
    assert count(redis, 1)[2] == 60_000
    run(redis, RETURN, 4, minute, hour)
    assert counts(redis) == [11, 6]


def test_a_server_without_the_command_takes_nothing_back() -> None:
    """Redis before 7 has no PEXPIRETIME."""

    class Older(Redis):
        def command(self) -> list[str]:
            return [*super().command(), "--rename-command", "PEXPIRETIME", ""]

    server = Older()
    try:
        redis = server.start()
        answer = count(redis, 9)
        assert (answer[0], answer[1], answer[3], answer[5:]) == (9, 9, 9, [0, 0])
        run(redis, RETURN, 4, 0, 0)
        run(redis, RETURN, 4, 1_800_000_000_000, 1_800_000_000_000)
        assert counts(redis) == [9, 9]
    finally:
        server.close()
