"""The Lua scripts with which Redis counts requests, and the commands that run these scripts."""

import hashlib
from functools import lru_cache
from typing import NamedTuple

from tokens.rate_limits.limits import Window, WindowCount
from tokens.rate_limits.quota_leases import TakeResult, UnspentRequests

KEY_PREFIX = "tokenry"


class Script(NamedTuple):
    """A Lua script that Redis runs."""

    text: str

    def call(self, command: str) -> tuple[str, str]:
        """Return the first two words of the Redis command that runs this script.

        `command` is EVAL, with the script's text as the second word, or EVALSHA, with its SHA-1.
        """
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        return command, self.text if command == "EVAL" else digest


# Count up to `wanted` requests in all windows of a rate limit. The answer begins with the number
# of requests that were counted: 0 if a window is full. Then, for each window, it has the count and
# the milliseconds until the window has ended. These are PTTL plus 1, because a key still exists in
# the millisecond in which it expires.
#
# NOTE: Redis runs nothing else while a script runs, so a request is counted in all windows or in
# none. A window is a key with a lifetime, and later requests do not change this lifetime. If the
# clock of Redis was set back, a key may live longer than its window. The `if` with PEXPIRE repairs
# this.
#
# If `wanted` is more than 1, the script counts at most a 64th of the requests that are left in the
# fullest window, but at least 1. If it counts more than 1, the answer also has the time at which
# each window ends, in milliseconds on Redis's clock, or 0 if Redis is older than 7 and lacks
# PEXPIRETIME.
COUNT = Script("""
local wanted, left, used, answer = tonumber(ARGV[#ARGV]), math.huge, {}, {}
for i, key in ipairs(KEYS) do
  used[i] = redis.call('GET', key)
  left = math.min(left, ARGV[2 * i - 1] - tonumber(used[i] or 0))
end
local taken = left > 0 and math.max(1, math.min(wanted, math.floor(left / 64))) or 0
answer[1] = taken
for i, key in ipairs(KEYS) do
  local length = tonumber(ARGV[2 * i])
  if taken > 0 then
    if not used[i] then redis.call('SET', key, 0, 'PX', length) end
    used[i] = redis.call('INCRBY', key, taken)
  end
  local time_left = redis.call('PTTL', key)
  if time_left < 0 or time_left > length then
    redis.call('PEXPIRE', key, length)
    time_left = length
  end
  answer[2 * i] = tonumber(used[i] or 0)
  answer[2 * i + 1] = math.min(length, time_left + 1)
end
if taken > 1 then
  for _, key in ipairs(KEYS) do
    local ends_at = redis.pcall('PEXPIRETIME', key)
    answer[#answer + 1] = type(ends_at) == 'number' and ends_at or 0
  end
end
return answer
""")

# Subtract `ARGV[1]` requests, which a process did not use, from each window that has counted them.
# Such a window ends at the millisecond that the process knows. The comparison with the count is
# for a Redis that has lost a part of its data.
RETURN = Script("""
local unspent = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
  if redis.pcall('PEXPIRETIME', key) == tonumber(ARGV[i + 1])
    and tonumber(redis.call('GET', key)) >= unspent then
    redis.call('DECRBY', key, unspent)
  end
end
""")


def redis_keys(key: str, windows: tuple[Window, ...]) -> list[str]:
    """Return the key in Redis for each window. `key` is what is limited, such as an identifier.

    The braces make a Redis cluster store all these keys on the same server.
    """
    return [f"{KEY_PREFIX}:{{{key}}}:{window.seconds}" for window in windows]


def command_frame(*words: str | int) -> bytes:
    """Return the bytes of a Redis command: the number of words, then each word and its length."""
    encoded = [str(word).encode() for word in words]
    parts = [b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded]
    return b"*%d\r\n%b" % (len(parts), b"".join(parts))


def count_frame(command: str, key: str, windows: tuple[Window, ...], wanted: int) -> bytes:
    """Return the bytes of the command that counts up to `wanted` requests of `key`.

    `command` is EVALSHA, or EVAL if Redis does not know the script yet.
    """
    encoded = key.encode()
    return encoded.join(count_frame_parts(command, len(encoded), windows, wanted))


# Commands for tokens with the same limit differ only in the key. All keys have the same length.
@lru_cache(maxsize=1024)
def count_frame_parts(
    command: str, key_length: int, windows: tuple[Window, ...], wanted: int
) -> list[bytes]:
    """Return the parts of the command of `count_frame`. The caller puts the key between them.

    So the parts can be cached for all keys of the same length: `key_length` bytes.
    """
    placeholder = key_length * "\0"
    keys = redis_keys(placeholder, windows)
    numbers = [number for quota, seconds in windows for number in (quota, 1000 * seconds)]
    frame = command_frame(*COUNT.call(command), len(keys), *keys, *numbers, wanted)
    return frame.split(placeholder.encode())


def parse_take_result(answer: list[int], windows: tuple[Window, ...]) -> TakeResult:
    """Return the answer of Redis to the script COUNT, which counts requests, as an object."""
    pairs = zip(windows, answer[1::2], answer[2::2], strict=False)  # the ends of windows follow
    counts = [WindowCount(used, milliseconds / 1000) for _, used, milliseconds in pairs]
    if answer[0] > 1:
        return TakeResult(answer[0], counts, tuple(answer[1 + 2 * len(windows) :]))
    return TakeResult(answer[0], counts)


def return_frame(command: str, unspent: UnspentRequests) -> bytes:
    """Return the bytes of the command that gives unused requests back to Redis.

    `command` is EVALSHA, or EVAL if Redis does not know the script yet.
    """
    keys = redis_keys(unspent.key, unspent.windows)
    call = RETURN.call(command)
    return command_frame(*call, len(keys), *keys, unspent.requests, *unspent.ends_at)
