"""Count the steps of a backtracking matcher of regular expressions.

The number is the same on each machine.

`re` does not count, so a small matcher walks the parsed pattern as `re` does, but without its
optimizations.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from re import _compiler, _parser  # type: ignore[attr-defined]  # the parts of `re`
from types import ModuleType
from typing import Any
from unittest.mock import patch

Next = Callable[[int], bool]  # returns True if the rest of the pattern matches from there
SINGLE = {"LITERAL", "NOT_LITERAL", "ANY", "IN", "AT"}


class Matcher:
    """Match a pattern on a text, and count the steps."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.tree = _parser.parse(pattern.pattern, pattern.flags)
        self.flags, self.text, self.steps = pattern.flags, text, 0
        self.groups: dict[int, str] = {}
        self.compiled: dict[int, re.Pattern[str]] = {}

    def find(self, start: int) -> int:
        """Return the end of the match that begins at `start`, or -1 if there is none."""
        self.end = -1
        self.sequence(list(self.tree), start, self.reach)
        return self.end

    def reach(self, end: int) -> bool:
        self.end = end
        return True

    def find_all(self, *, once: bool) -> None:
        """Go through the text as `findall` and `sub` do, or, with `once`, as `search` does."""
        start = 0
        while start <= len(self.text):
            end = self.find(start)
            if once and end >= 0:
                break
            start = max(end, start + 1)

    def sequence(self, nodes: list[Any], at: int, then: Next) -> bool:
        if not nodes:
            return then(at)
        (kind, value), rest = nodes[0], nodes[1:]
        return self.node(
            str(kind), value, nodes[0], at, lambda end: self.sequence(rest, end, then)
        )

    def node(self, kind: str, value: Any, node: Any, at: int, then: Next) -> bool:  # noqa: PLR0911
        self.steps += 1
        if kind in SINGLE or (kind.startswith("ASSERT") and value[0] < 0):
            end = self.single(node, at)
            return end >= 0 and then(end)
        if kind == "GROUPREF":
            return self.text.startswith(self.groups[value], at) and then(
                at + len(self.groups[value])
            )
        if kind == "BRANCH":
            return any(self.sequence(list(branch), at, then) for branch in value[1])
        if kind == "SUBPATTERN":
            return self.sequence(
                list(value[3]), at, lambda end: self.captured(value[0], at, end, then)
            )
        if kind == "ASSERT":
            return self.sequence(list(value[1]), at, lambda _: True) and then(at)
        if kind == "ASSERT_NOT":
            return not self.sequence(list(value[1]), at, lambda _: True) and then(at)
        least, most, repeated = value
        if kind == "MAX_REPEAT" and len(repeated) == 1 and str(repeated[0][0]) in SINGLE:
            return self.run(node, at, least, then)
        # No pattern of ours has possessive repeats.
        greedy = {"MAX_REPEAT": True, "MIN_REPEAT": False}[kind]
        return self.repeat(list(repeated), at, least, most, then, greedy=greedy)

    def single(self, node: Any, at: int) -> int:
        """Return the end of a character, a run of characters or a position, or -1.

        `re` finds it.
        """
        if id(node) not in self.compiled:
            self.compiled[id(node)] = _compiler.compile(
                _parser.SubPattern(self.tree.state, [node]), self.flags
            )
        found = self.compiled[id(node)].match(self.text, at)
        return found.end() if found else -1

    def captured(self, group: int | None, start: int, end: int, then: Next) -> bool:
        if group is not None:
            self.groups[group] = self.text[start:end]
        return then(end)

    def run(self, node: Any, at: int, least: int, then: Next) -> bool:
        """Match a greedy repeat of single characters, without recursion."""
        end = self.single(node, at)
        self.steps += max(end - at, 0)
        return any(then(place) for place in range(end, at + least - 1, -1))

    def repeat(
        self, nodes: list[Any], at: int, least: int, most: int, then: Next, *, greedy: bool
    ) -> bool:
        self.steps += 1

        def again(end: int) -> bool:
            return (end > at or least > 0) and self.repeat(
                nodes, end, max(least - 1, 0), most - 1, then, greedy=greedy
            )

        if least:
            return self.sequence(nodes, at, again)
        if greedy:
            return (most > 0 and self.sequence(nodes, at, again)) or then(at)
        return then(at) or (most > 0 and self.sequence(nodes, at, again))


class Counter:
    """A replacement for `re` that adds up the steps."""

    def __init__(self) -> None:
        self.steps = 0

    def count(self, pattern: re.Pattern[str], method: str, text: str) -> None:
        matcher = Matcher(pattern, text)
        if method in {"match", "fullmatch"}:
            matcher.find(0)
        else:
            matcher.find_all(once=method == "search")
        self.steps += matcher.steps

    def wrapped(self, value: Any) -> Any:
        """Return `value` with each pattern replaced by a Counted."""
        if isinstance(value, re.Pattern):
            return Counted(self, value)
        return tuple(map(self.wrapped, value)) if type(value) is tuple else value

    def match(self, pattern: str, text: str, flags: int = 0) -> Any:
        return self.wrapped(re.compile(pattern, flags)).match(text)

    def findall(self, pattern: str, text: str, flags: int = 0) -> Any:
        return self.wrapped(re.compile(pattern, flags)).findall(text)

    IGNORECASE = re.IGNORECASE


class Counted:
    """A compiled pattern that reports each use to a Counter."""

    def __init__(self, counter: Counter, pattern: re.Pattern[str]) -> None:
        self.counter, self.pattern = counter, pattern

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def use(*args: Any, **kwargs: Any) -> Any:
            self.counter.count(self.pattern, method, args[-1])
            return getattr(self.pattern, method)(*args, **kwargs)

        return use


@contextmanager
def counted(module: ModuleType) -> Iterator[Counter]:
    """Count the steps of all patterns of `module`, also of those compiled while it runs."""
    counter = Counter()
    patterns = {
        name: counter.wrapped(value) for name, value in vars(module).items() if name.isupper()
    }
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    try:
        with patch.multiple(module, re=counter, **patterns):
            yield counter
    finally:
        sys.setrecursionlimit(limit)
