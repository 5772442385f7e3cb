"""The simulation in benchmarks/ agrees with the formula that the docs give."""

import pytest

from benchmarks.reads_simulation import (
    LEASE,
    MAX_TAKEN,
    PROCESSES,
    TOKENS,
    Quota,
    anywhere,
    at_home,
    closed_form,
    simulate,
)


@pytest.mark.parametrize(("requests", "nodes"), [(3_000, 1), (30_000, 10), (30_000, 100)])
def test_simulated_reads_are_those_of_the_formula(requests: int, nodes: int) -> None:
    assert simulate(requests, anywhere(nodes)).reads == pytest.approx(
        closed_form(requests, nodes), rel=0.03
    )


def test_a_token_that_stays_at_one_node_is_read_less() -> None:
    home, roaming = simulate(10_000, at_home(10_000)), simulate(10_000, anywhere(100))
    assert home.reads < roaming.reads / 2
    assert home.trips < roaming.trips / 2
    assert home.reads <= TOKENS * PROCESSES / LEASE


def test_a_busy_token_needs_more_than_one_node() -> None:
    few, many = at_home(100), at_home(1_000_000)
    assert set(few) == {PROCESSES}
    assert many[0] > many[10] >= many[-1] == PROCESSES


@pytest.mark.parametrize(
    ("gap", "taken"),
    [(1.0, [1, 1, 1, 1]), (0.1, [2, 2, 2, 2]), (0.001, [2, 4, 8, 16, MAX_TAKEN, MAX_TAKEN])],
)
def test_a_process_takes_what_it_spends_in_a_quarter_of_a_second(
    gap: float, taken: list[int]
) -> None:
    """`gap` lies between two requests."""
    quota, now, seen = Quota(0.0), 0.0, []
    for _ in taken:
        now += gap * quota.taken
        quota.take(now)
        seen.append(quota.taken)
    assert seen == taken
