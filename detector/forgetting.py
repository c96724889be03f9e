"""The compiled forgetting: nothing older than the policy's history is kept of anybody (law 28)."""

from __future__ import annotations

from detector.familiar import high, low
from detector.jit import compiled, inlined
from detector.memory import DAY_MS, MINUTES, Memory
from detector.places import copy_row, give_back_all
from detector.ring import at, let_oldest_go


@inlined
def horizon_of(clock_ms: int, history_ms: int) -> int:
    """The day before whose beginning nothing is kept; -1 before a stage's first event."""
    return (clock_ms - history_ms) // DAY_MS * DAY_MS if clock_ms >= 0 else -1


@inlined
def horizon_at(clock_ms: int, t: int, history_ms: int) -> int:
    """The horizon of an event of time t: of the clock as the event moves it, if it does at once."""
    moved = max(clock_ms, t) if clock_ms < 0 or t <= clock_ms + DAY_MS else clock_ms
    return horizon_of(moved, history_ms)


@inlined
def _begin_anew(m: Memory, row: int) -> None:
    """Leave nothing of an entity but its key and its place."""
    r = m.rows[row]
    give_back_all(m, r)
    if len(m.minutes):
        for k in range(MINUTES):
            m.minutes[row, k, 0] = 0
            m.minutes[row, k, 1] = 0
    r.ring_at, r.ring_size, r.head, r.count = -1, 0, 0, 0
    r.familiar_at, r.familiar_size, r.familiar_count = -1, 0, 0
    r.put_away_count, r.put_away_next = 0, 0
    r.newest_put_away_ms, r.first_ms, r.newest_ms, r.minute_newest = -1, -1, -1, -1
    r.normal_ms, r.normal_sum, r.normal_weight, r.draws = 0, 0.0, 0.0, 0
    r.openings, r.voids, r.marked, r.signals, r.kinds = 0, 0, 0, 0, 0


@inlined
def _is_recent(m: Memory, k: int, horizon_s: int) -> bool:
    """Whether a familiar entry was seen, or labelled, since the horizon."""
    if low(m.familiar[k, 1]) >= horizon_s:
        return True
    labelled = m.familiar.shape[1] > 2
    return labelled and max(high(m.familiar[k, 3]), low(m.familiar[k, 3])) >= horizon_s


@compiled
def forget_before(m: Memory, row: int, horizon_ms: int) -> None:
    """Let go of what an entity did before the horizon."""
    r = m.rows[row]
    r.horizon_ms = horizon_ms
    if r.newest_ms < horizon_ms:
        _begin_anew(m, row)
        return
    while r.count > 0 and m.slots[at(r, 0), 0] < horizon_ms:
        let_oldest_go(m, r)
    kept = 0
    for k in range(r.familiar_at, r.familiar_at + r.familiar_count):
        if _is_recent(m, k, horizon_ms // 1000):
            copy_row(m.familiar, k, r.familiar_at + kept)
            kept += 1
    r.familiar_count = kept
    newest = -1
    for k in range(r.put_away_at, r.put_away_at + r.put_away_count):
        newest = max(newest, m.put_away[k, 2])
    if newest < horizon_ms:
        r.put_away_count, r.put_away_next = 0, 0
    r.first_ms = max(r.first_ms, horizon_ms)
