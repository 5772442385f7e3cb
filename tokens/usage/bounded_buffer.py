"""A list of limited length, to which threads add items, and which another thread empties."""

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class BoundedBuffer(Generic[Item]):
    """A list of at most `limit` items. Items above the limit are dropped and counted.

    All methods may be called by several threads at the same time.
    """

    def __init__(self, limit: int) -> None:
        self.items: list[Item] = []
        self.dropped = 0
        self._limit = limit
        self._lock = threading.Lock()

    def add(self, item: Item) -> None:
        """Add an item, or drop it if the buffer is full."""
        with self._lock:
            if len(self.items) < self._limit:
                self.items.append(item)
            else:
                self.dropped += 1

    def extend(self, items: list[Item]) -> None:
        """Add items in their order. Drop the last of them if the buffer gets full."""
        with self._lock:
            room = max(0, self._limit - len(self.items))
            self.items += items[:room]
            self.dropped += len(items[room:])

    def take(self) -> tuple[list[Item], int]:
        """Empty the buffer. Return its items, and how many items were dropped since last time."""
        with self._lock:
            taken = self.items, self.dropped
            self.items, self.dropped = [], 0
        return taken
