"""A model of Redis and of processes with leases, with clocks that a test moves."""

from dataclasses import dataclass, field

from tokens.rate_limits.limits import Window, WindowCount
from tokens.rate_limits.quota_leases import (
    PARTS_OF_QUOTA,
    LeaseKey,
    QuotaLease,
    QuotaLeases,
    TakeResult,
    UnspentRequests,
)


@dataclass
class Instance:
    """A window that runs or ran: from the first request that it counts until its end."""

    ends_at: int  # milliseconds of Redis's clock
    count: int = 0  # as Redis knows it
    admitted: int = 0  # requests that processes admitted while it ran


class ModelRedis:
    """What the two scripts do. `now` is in seconds."""

    def __init__(self) -> None:
        self.now = 1.0
        self._instances: dict[tuple[str, int], Instance] = {}

    def running(self, key: str, seconds: int) -> Instance | None:
        instance = self._instances.get((key, seconds))
        # A key still exists in the millisecond in which it expires.
        return instance if instance and int(1000 * self.now) <= instance.ends_at else None

    def count(
        self, key: str, windows: tuple[Window, ...], wanted: int
    ) -> tuple[TakeResult, list[Instance]]:
        """Return the answer, and the windows that counted."""
        now = int(1000 * self.now)
        instances = [
            self.running(key, seconds) or Instance(now + 1000 * seconds) for _, seconds in windows
        ]
        left = min(
            quota - instance.count for (quota, _), instance in zip(windows, instances, strict=True)
        )
        taken = max(1, min(wanted, left // PARTS_OF_QUOTA)) if left > 0 else 0
        if taken:
            for (quota, seconds), instance in zip(windows, instances, strict=True):
                self._instances[key, seconds] = instance
                instance.count += taken
                assert instance.count <= quota
        answer = TakeResult(
            taken,
            [
                WindowCount(instance.count, (instance.ends_at - now + 1) / 1000)
                for instance in instances
            ],
            tuple(instance.ends_at for instance in instances) if taken > 1 else (),
        )
        return answer, instances if taken else []

    def take_back(self, unspent: UnspentRequests) -> None:
        for (_, seconds), ends_at in zip(unspent.windows, unspent.ends_at, strict=True):
            instance = self.running(unspent.key, seconds)
            if instance and instance.ends_at == ends_at:
                instance.count -= unspent.requests


@dataclass
class Process:
    """A process whose clock runs `rate` times as fast as Redis's."""

    redis: ModelRedis
    rate: float
    leases: QuotaLeases = field(default_factory=QuotaLeases)
    requests: int = 0
    trips: int = 0

    @property
    def now(self) -> float:
        return 7000 + self.rate * self.redis.now

    def admit_leased(self, lease_key: LeaseKey) -> bool:
        """Admit a request by a lease. Check that the windows that counted it still run."""
        if self.leases.spend(lease_key, self.now) is None:
            return False
        key, windows = lease_key
        for _, seconds in windows:
            instance = self.redis.running(key, seconds)
            assert instance, "a window ended before its lease"
            admit(instance)
        return True

    def hit(self, lease_key: LeaseKey) -> bool:
        """Count a request, without anything in between. Return True if it is admitted."""
        if self.admit_leased(lease_key):
            self.requests += 1
            return True
        trip = Trip.begin(self, lease_key)
        if trip is None:  # another thread takes, and its answer is not there yet
            return False
        self.requests += 1
        trip.arrive()
        return trip.answer()

    def return_unspent(self, idle_seconds: float) -> list[UnspentRequests]:
        """Return what is now on its way to Redis."""
        unspent = self.leases.remove_unspent(self.now, idle_seconds)
        self.trips += len(unspent)
        return unspent


@dataclass
class Trip:
    """The way of a count to Redis and back."""

    process: Process
    lease_key: LeaseKey
    wanted: int
    sent: float
    taken: TakeResult | None = None
    instances: list[Instance] = field(default_factory=list)

    @classmethod
    def begin(cls, process: Process, lease_key: LeaseKey) -> "Trip | None":
        wanted = process.leases.begin_take(lease_key, process.now)
        if not wanted:
            return None
        process.trips += 1
        return cls(process, lease_key, wanted, process.now)

    def arrive(self) -> None:
        """Let Redis run the script."""
        self.taken, self.instances = self.process.redis.count(*self.lease_key, self.wanted)

    def answer(self) -> bool:
        """Let the process read the answer."""
        assert self.taken
        if self.taken.requests:
            for instance in self.instances:
                admit(instance)
            _, windows = self.lease_key
            now = self.process.now
            lease = QuotaLease.from_answer(windows, self.taken, self.sent, now)
            self.process.leases.add(self.lease_key, lease)
        self.end()
        return self.taken.requests > 0

    def end(self) -> None:
        if self.wanted > 1:
            self.process.leases.end_take(self.lease_key)


def admit(instance: Instance) -> None:
    """Note an admission, which Redis must have counted before."""
    instance.admitted += 1
    assert instance.admitted <= instance.count, "admitted more than was counted"
