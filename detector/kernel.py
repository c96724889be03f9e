"""The compiled walk of one stage: each event in its place, judged as of its own time.

The account stage sees every event, tells repeats, draws and echoes apart and resolves labels; the
later stages take what it lets go onward. One function walks both: compiled code is expensive to
make, and this way there is one of it. The laws cited by number stand in README.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.clock import advance_clock
from detector.entering import JUDGED, Rows, enter_account
from detector.events import ACCOUNT, CODE, KIND_MASK, OPENING_BIT, OWNER_SHIFT, PAYEE, T
from detector.familiar import label, see_account
from detector.fields import fill_fields
from detector.forgetting import forget_before, horizon_at
from detector.hits import Found, Rules, Scratch, has_space
from detector.jit import compiled, inlined
from detector.judging import abstain_all, judge, recall
from detector.memory import CLOCK_NOW, DAY_MS, RING_MAX, Memory, Row
from detector.names import EVIDENCE_REACH_MS
from detector.places import find_or_add, has_room
from detector.plan import Plan
from detector.reading import absence_cause
from detector.ring import at, count_minute, insert, place_of, rank, unname
from detector.terms import Terms


@inlined
def _mark_opening(m: Memory, r: Row, j: int, w: NDArray[np.int64]) -> None:
    """Law 13: an account's first draw (not to itself) to this payee in 24 hours."""
    if (w[CODE] >> OWNER_SHIFT) & 3 == 1:
        return
    for k in range(j - 1, -1, -1):
        s = at(r, k)
        if m.slots[s, 0] <= w[T] - DAY_MS:
            break
        code = m.slots[s, 2]
        draw = code & KIND_MASK == 8 or code & KIND_MASK == 9
        other = (code >> OWNER_SHIFT) & 3 != 1
        if draw and other and m.slots[s, m.place[ACCOUNT]] == w[ACCOUNT]:
            return
    w[CODE] |= OPENING_BIT
    r.openings += 1


@inlined
def _enter_entity(
    i: int, key_word: int, rows: Rows, m: Memory, plan: Plan, rules: Rules, lateness_ms: int,
    history_ms: int, found: Found,
) -> tuple[int, int, bool]:  # fmt: skip
    """Put an event in a later entity's memory: row, the first position to judge (-1: none), and
    whether the event itself is one; a label only makes others be judged again."""
    w = rows.words[i]
    key, t, kind = w[key_word], w[T], w[CODE] & KIND_MASK
    judged = rows.state[i] == JUDGED
    if key == 0:
        if judged and kind < 16:
            cause = absence_cause(key_word, rows.field_cause[i])
            rows.degraded[i] |= abstain_all(
                plan, rules, w, rows.values[i], rows.causes[i], cause, found
            )
        return 0, -1, True
    row = find_or_add(m, key)
    r = m.rows[row]
    horizon_ms = horizon_at(m.clock[CLOCK_NOW], t, history_ms)
    if horizon_ms > r.horizon_ms:
        forget_before(m, row, horizon_ms)
    if kind >= 60:
        label(m, r, w[ACCOUNT], t, kind == 60)
        speaks = judged and t >= m.clock[CLOCK_NOW] - lateness_ms
        return row, (place_of(m, r, t, 0) if speaks else -1), False
    advance_clock(m, t, w[ACCOUNT])
    j = place_of(m, r, t, rank(kind))
    if (r.count == RING_MAX and j == 0) or t < horizon_ms:
        rows.degraded[i] = 1
        return row, -1, True
    if (kind == 8 or kind == 9) and key_word == PAYEE:
        _mark_opening(m, r, j, w)
    r.first_ms = t if r.first_ms < 0 else min(r.first_ms, t)
    see_account(m, r, w[ACCOUNT], t, kind)
    if kind < 2 and len(m.minutes):
        count_minute(m, row, t, kind == 1)
    too_late = not judged or t < m.clock[CLOCK_NOW] - lateness_ms
    if too_late:
        unname(m, r, j, m.clock[CLOCK_NOW] - lateness_ms - EVIDENCE_REACH_MS)
    j = insert(m, r, j, w, i)
    if too_late:
        rows.degraded[i] = 1
        return row, -1, True
    return row, j, True


@compiled
def walk(
    start: int, order: NDArray[np.int64], key_word: int, rows: Rows, m: Memory, plan: Plan,
    rules: Rules, terms: Terms, absent_ids: NDArray[np.uint8], lateness_ms: int,
    history_ms: int, found: Found, scratch: Scratch,
) -> int:  # fmt: skip
    """Walk the batch rows named by `order` through the stage of `key_word`.

    Each event is put in its place, then judged, then what stands after it is judged again (law 6).
    Returns the position in `order` to go on from: where room ran out, where the clock came into
    another day (time to tidy), or its end.
    """
    day = m.clock[CLOCK_NOW] // DAY_MS
    for position in range(start, len(order)):
        if not has_room(m) or not has_space(found, RING_MAX):
            return position
        if m.clock[CLOCK_NOW] // DAY_MS != day:
            return position
        i = order[position]
        if key_word == ACCOUNT:
            row, first, is_own = enter_account(i, rows, m, absent_ids, lateness_ms, history_ms)
            rows.clock[i] = m.clock[CLOCK_NOW]
        else:
            row, first, is_own = _enter_entity(
                i, key_word, rows, m, plan, rules, lateness_ms, history_ms, found
            )
        if first < 0:
            continue
        r = m.rows[row]
        for j in range(first, r.count):
            again = -1
            w, values, causes = rows.words[i], rows.values[i], rows.causes[i]
            field_cause = rows.field_cause[i]
            if j > first or not is_own:
                again = recall(m, r, j, key_word, r.key, terms, i, found)
                if again < 0:
                    continue
                w, values = found.again_words[again], found.again_values[again]
                causes, field_cause = found.again_causes[again], scratch.not_told
            elif key_word == ACCOUNT:
                fill_fields(w, values, causes, terms)
            degraded = judge(
                m, row, j, plan, rules, w, values, causes, field_cause, i, again, found, scratch
            )
            if again < 0:
                rows.degraded[i] |= degraded
    return len(order)
