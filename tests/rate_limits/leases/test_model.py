"""Many processes lease from one model of Redis, in any order, and lose answers and processes."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.rate_limits.leases.model import ModelRedis, Process, Trip
from tokens.rate_limits.limits import parse_rate_limit
from tokens.rate_limits.quota_leases import QUOTA_LEASE_SECONDS, UnspentRequests

LIMITS = st.sampled_from(["3/minute", "1000/minute", "2000/minute", "500/second;3000/minute"])
WHICH = st.integers(0, 1000)  # modulo the number of things
RATES = st.sampled_from([0.91, 1.0, 1.09])  # of clocks within 9 % of each other
IDLE = st.sampled_from([0.0, QUOTA_LEASE_SECONDS])


class Installation(RuleBasedStateMachine):
    """The model itself checks that no window admits more than it counted, or than its quota."""

    def __init__(self) -> None:
        super().__init__()
        self.redis = ModelRedis()
        self.processes = [Process(self.redis, rate) for rate in (0.91, 1.0, 1.09)]
        self.trips: list[Trip] = []  # whose answers are not there yet
        self.returns: list[UnspentRequests] = []  # on their way

    def process(self, which: int) -> Process:
        return self.processes[which % len(self.processes)]

    @rule(seconds=st.floats(0, 0.3) | st.floats(0, 70))
    def pass_time(self, seconds: float) -> None:
        self.redis.now += seconds

    @rule(
        which=WHICH,
        limit=LIMITS,
        requests=st.integers(1, 3) | st.integers(1, 100),
        gap=st.floats(0, 0.02),
    )
    def send(self, which: int, limit: str, requests: int, gap: float) -> None:
        for _ in range(requests):
            self.process(which).hit(("a", parse_rate_limit(limit)))
            self.redis.now += gap

    @rule(which=WHICH, limit=LIMITS)
    def begin_trip(self, which: int, limit: str) -> None:
        process, lease_key = self.process(which), ("a", parse_rate_limit(limit))
        if process.admit_leased(lease_key):
            process.requests += 1
        elif trip := Trip.begin(process, lease_key):  # else the request waits
            process.requests += 1
            self.trips.append(trip)

    @rule(which=WHICH)
    def arrive(self, which: int) -> None:
        """Once, or twice if the connection was lost and the process tried again."""
        if self.trips:
            self.trips[which % len(self.trips)].arrive()

    @rule(which=WHICH)
    def answer(self, which: int) -> None:
        if self.trips and self.trips[which % len(self.trips)].taken:
            self.trips.pop(which % len(self.trips)).answer()

    @rule(which=WHICH)
    def lose_answer(self, which: int) -> None:
        if self.trips:
            self.trips.pop(which % len(self.trips)).end()

    @rule(which=WHICH, idle=IDLE)
    def begin_return(self, which: int, idle: float) -> None:
        self.returns += self.process(which).return_unspent(idle)

    @rule(which=WHICH, is_lost=st.booleans())
    def end_return(self, which: int, is_lost: bool) -> None:
        if self.returns:
            unspent = self.returns.pop(which % len(self.returns))
            if not is_lost:
                self.redis.take_back(unspent)

    @rule(which=WHICH, rate=RATES)
    def kill(self, which: int, rate: float) -> None:
        """Another process begins. What the killed process sent may still arrive."""
        which %= len(self.processes)
        killed, self.processes[which] = self.processes[which], Process(self.redis, rate)
        for trip in self.trips[:]:
            if trip.process is killed:
                self.trips.remove(trip)
                trip.arrive()

    @invariant()
    def no_more_trips_than_requests(self) -> None:
        assert all(process.trips <= process.requests for process in self.processes)


Installation.TestCase.settings = settings(max_examples=80, stateful_step_count=40)
TestNeverMoreThanTheQuota = Installation.TestCase
