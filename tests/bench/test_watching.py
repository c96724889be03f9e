"""What is measured between two looks, and when there is nothing left to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench import watching
from tests.bench.processes import peak_bytes, ticks
from tests.bench.watching import Look, Standing, busy_span, watch, whole_span

LOOKS = [
    Look(0.0, 1.0, 5.0, 0, (0,)),
    Look(10.0, 2.0, 6.0, 20, (20,)),
    Look(12.0, 3.0, 6.5, 60, (60,)),
    Look(14.0, 4.0, 7.0, 90, (90,)),
    Look(19.0, 4.5, 7.5, 100, (104,)),
]


def test_the_clock_starts_once_it_is_warm_and_ends_with_the_last_move() -> None:
    span = whole_span(LOOKS, warm=20)
    assert (span.events, span.wall_s, span.worker_cpu_s, span.broker_cpu_s) == (80, 9.0, 2.5, 1.5)
    assert span.per_cpu_s == 32.0 and span.per_wall_s == pytest.approx(80 / 9)


def test_nobody_is_charged_for_the_wait_for_the_timer_of_the_last_commit() -> None:
    span = busy_span(LOOKS, total=100, warm=20)
    assert (span.events, span.wall_s) == (70, 4.0)


def test_where_all_came_in_one_commit_the_whole_span_counts() -> None:
    looks = [LOOKS[1], LOOKS[4]]
    assert busy_span(looks, total=100, warm=20) == whole_span(looks, warm=20)


def test_too_short_a_log_measures_nobody() -> None:
    with pytest.raises(ValueError, match="too short"):
        whole_span(LOOKS[:2], warm=20)


class Scripted:
    """Groups that come further at each look, and then stand."""

    def __init__(self, *standings: Standing) -> None:
        self._left = list(standings)

    def standing(self) -> Standing:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


def watched(
    groups: Any, max_s: float, settled_s: float, heard: list[tuple[int, int]]
) -> list[Look]:
    def report(done: int, of: int) -> None:
        heard.append((done, of))

    return watch(groups, 10, lambda: (1.0, 2.0), max_s, report, settled_s)


def test_watching_ends_when_all_groups_stand_and_not_when_the_inputs_are_consumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.0)
    groups = Scripted(
        Standing(5, (5, 0)), Standing(10, (10, 1)), Standing(10, (10, 1)), Standing(10, (10, 9))
    )
    heard: list[tuple[int, int]] = []
    looks = watched(groups, 5.0, 0.05, heard)
    assert [one.committed for one in looks] == [(5, 0), (10, 1), (10, 9)]
    assert heard[0] == (5, 10) and heard[-1] == (10, 10)


def test_a_contender_that_stands_still_before_the_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_S", 0.0)
    with pytest.raises(TimeoutError, match="3 of 10"):
        watched(Scripted(Standing(3, (3,))), 0.02, 0.0, [])


def test_processor_time_is_read_whatever_a_process_is_called() -> None:
    fields = ["R", "1", "1", "1", "0", "-1", "0", "0", "0", "0", "0", "250", "50", "7", "7"]
    assert ticks("12 (a) b (c) " + " ".join(fields)) == 300
    assert peak_bytes("Name:\tx\nVmHWM:\t  2048 kB\n") == 2048 * 1024
    with pytest.raises(ValueError):
        peak_bytes("Name:\tx\n")
