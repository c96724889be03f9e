"""The compiled test whether a share is far above its own usual, and since when: Page's CUSUM.

A minute with n attempts of which k hit (failed, or passed) weighs
`k log(p1 / p0) + (n - k) log((1 - p1) / (1 - p0))`, the logarithm of a likelihood ratio, where p0
is the most that is tolerated and p1 = p0 + g (1 - p0): of each attempt a share g is hit beside what
is usual. The statistic of a depth g is the sum of these weights, never under 0 (Page, Continuous
inspection schemes, Biometrika 1954). It is told where one of G depths reaches log(G) + log(A).

**False alarms.** While the share is at most p0 and attempts are independent, the mean time to a
false alarm is at least A minutes: Lorden's bound for one depth (Procedures for reacting to a change
in distribution, Annals of Mathematical Statistics 1971), and the mean of G such statistics keeps it
(Shin, Ramdas and Rinaldo, E-detectors, 2022). Nothing is assumed of how many attempts a minute has,
so a pay-day's peak makes no alarm.

**What is usual** is learnt by the hour of the day (UTC), halved every 14 days, from minutes that no
event can change any more and that were not themselves suspicious; an hour with little of its own is
drawn to the mean of all hours. p0 is `tolerance` times the usual share and three of its standard
errors, and at least `floor`; of passes, the same of what is no pass.

**When it began** is where the statistic last left 0 (Hinkley, Inference about the change-point,
Biometrika 1970). It ends by the same statistic turned round, or after a silence.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.control_memory import (
    ATTEMPTS,
    BEGAN,
    CLOSED_BEGAN,
    CLOSED_END,
    DEPTH,
    DOWN,
    DOWN_BEGAN,
    GRID_MAX,
    HITS,
    LAST,
    OPEN,
    PROVIDER_PASSES,
    TOLERATED,
    UP,
    USUAL,
    WINDOW_MINUTES,
    ControlMemory,
)  # fmt: skip
from detector.jit import inlined

# Columns of a plan's numbers, a row a kind of series.
LEAST, TOLERANCE, FLOOR, THRESHOLD, HISTORY, SILENCE, SHARE_OVER = range(7)
RECOVERED: Final = 6.9  # log(1000): how sure it must be that an incident is over
SHRUNK_BY: Final = 200.0  # attempts of the mean of all hours that an hour is given
ERRORS_OVER: Final = 3.0  # standard errors of what is usual
SHARE_MAX: Final = 0.9
MISS_MIN: Final = 1e-6


@inlined
def set_usual(c: ControlMemory, s: int, minute: int, numbers: NDArray[np.float64]) -> None:
    """What is usual, and what is tolerated, in a minute; NaN without enough history."""
    at = minute & (c.counts.shape[1] - 1)
    hour = (minute // 60) % 24
    attempts, hits = 0.0, 0.0
    for h in range(24):
        attempts += c.hours[s, h, ATTEMPTS]
        hits += c.hours[s, h, HITS]
    if attempts < numbers[HISTORY]:
        c.stats[s, at, USUAL] = np.nan
        c.stats[s, at, TOLERATED] = np.nan
        return
    weight = c.hours[s, hour, ATTEMPTS] + SHRUNK_BY
    mean = (hits + 0.5) / (attempts + 1.0)
    usual = (c.hours[s, hour, HITS] + SHRUNK_BY * mean) / weight
    over = ERRORS_OVER * np.sqrt(usual * (1.0 - usual) / weight)
    if c.kinds[s] == PROVIDER_PASSES:
        miss = max((1.0 - usual - over) / numbers[TOLERANCE], MISS_MIN)
        tolerated = 1.0 - miss
    else:
        tolerated = min(max(numbers[TOLERANCE] * (usual + over), numbers[FLOOR]), SHARE_MAX)
    c.stats[s, at, USUAL] = usual
    c.stats[s, at, TOLERATED] = tolerated


@inlined
def _weight(n: int, k: int, p0: float, depth: float) -> float:
    """The logarithm of the likelihood ratio of a minute."""
    p1 = p0 + depth * (1.0 - p0)
    weight: float = k * np.log(p1 / p0) + (n - k) * np.log((1.0 - p1) / (1.0 - p0))
    return weight


@inlined
def _has_enough(
    c: ControlMemory, s: int, minute: int, began: int, numbers: NDArray[np.float64]
) -> bool:
    """Whether there were enough attempts: in ten minutes, or of passes since they began."""
    size = c.counts.shape[1]
    first = minute - WINDOW_MINUTES + 1
    if c.kinds[s] == PROVIDER_PASSES:
        first = max(began, minute - size + 1)
    n, k = 0, 0
    for m in range(first, minute + 1):
        n += c.counts[s, m & (size - 1), ATTEMPTS]
        k += c.counts[s, m & (size - 1), HITS]
    enough: bool = n >= numbers[LEAST] and k > numbers[SHARE_OVER] * n
    return enough


@inlined
def _rise(
    c: ControlMemory, s: int, minute: int, numbers: NDArray[np.float64],
    grid: NDArray[np.float64],
) -> int:  # fmt: skip
    """A minute without an open incident: the depth at which it is one now; -1 for none."""
    size = c.counts.shape[1]
    at, before = minute & (size - 1), (minute - 1) & (size - 1)
    n, k = c.counts[s, at, ATTEMPTS], c.counts[s, at, HITS]
    p0 = c.stats[s, at, TOLERATED]
    is_fresh = minute - c.marks[s, before, LAST] > numbers[SILENCE] or np.isnan(p0)
    best, depth = numbers[THRESHOLD], -1
    for j in range(GRID_MAX):
        up, began = c.stats[s, before, UP + j], c.marks[s, before, BEGAN + j]
        if is_fresh or up <= 0.0:
            up, began = 0.0, minute
        if n > 0 and grid[j] > 0.0 and not np.isnan(p0):
            up = max(0.0, up + _weight(n, k, p0, grid[j]))
        c.stats[s, at, UP + j] = up
        c.marks[s, at, BEGAN + j] = began
        if up >= best:
            best, depth = up, j
    if depth >= 0 and not _has_enough(c, s, minute, c.marks[s, at, BEGAN + depth], numbers):
        depth = -1
    return depth


@inlined
def _falls(
    c: ControlMemory, s: int, minute: int, numbers: NDArray[np.float64],
    grid: NDArray[np.float64],
) -> int:  # fmt: skip
    """A minute within an open incident: the minute at which it had ended, -1 where it goes on."""
    size = c.counts.shape[1]
    at, before = minute & (size - 1), (minute - 1) & (size - 1)
    n, k = c.counts[s, at, ATTEMPTS], c.counts[s, at, HITS]
    p0, down = c.stats[s, at, TOLERATED], c.stats[s, before, DOWN]
    began = minute if down <= 0.0 else c.marks[s, before, DOWN_BEGAN]
    if n > 0 and not np.isnan(p0):
        down = max(0.0, down - _weight(n, k, p0, grid[c.marks[s, before, DEPTH]]))
    c.stats[s, at, DOWN] = down
    c.marks[s, at, DOWN_BEGAN] = began
    end = -1
    if down >= RECOVERED:
        end = began
    elif minute - c.marks[s, at, LAST] >= numbers[SILENCE]:
        end = c.marks[s, at, LAST] + 1
    return end


@inlined
def fold_minute(
    c: ControlMemory, s: int, minute: int, numbers: NDArray[np.float64],
    grid: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Fold one minute, after the one before it. True where incidents are no longer as they were.

    To be called again, from the oldest such minute on, where late events changed counts.
    """
    size = c.counts.shape[1]
    at, before = minute & (size - 1), (minute - 1) & (size - 1)
    was_open, was_closed = c.marks[s, at, OPEN], c.marks[s, at, CLOSED_BEGAN]
    was_end = c.marks[s, at, CLOSED_END]
    has_any = c.counts[s, at, ATTEMPTS] > 0
    c.marks[s, at, LAST] = minute if has_any else c.marks[s, before, LAST]
    opened, depth, closed, end = c.marks[s, before, OPEN], c.marks[s, before, DEPTH], -1, -1
    if opened < 0:
        depth = _rise(c, s, minute, numbers, grid)
        if depth >= 0:
            opened = c.marks[s, at, BEGAN + depth]
            c.stats[s, at, DOWN] = 0.0
    else:
        end = _falls(c, s, minute, numbers, grid)
        if end >= 0:
            closed, opened = opened, -1
    if opened >= 0 or closed >= 0:
        for j in range(GRID_MAX):
            c.stats[s, at, UP + j] = 0.0
    c.marks[s, at, OPEN] = opened
    c.marks[s, at, DEPTH] = depth
    c.marks[s, at, CLOSED_BEGAN] = closed
    c.marks[s, at, CLOSED_END] = end
    changed: bool = was_open != opened or was_closed != closed or was_end != end
    return changed
