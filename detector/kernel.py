"""The compiled walk of one stage: each event in its place, judged as of its own time.

The account stage sees every event, tells repeats, draws and echoes apart and resolves labels; the
later stages take what it lets go onward. One function walks both: compiled code is expensive to
make, and this way there is one of it. The laws cited by number stand in README.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.fields import Allowed, fill_fields
from detector.events import (
    ACCOUNT, CODE, DEVICE, FIRST_TO_PAYEE_BIT, INPUT_MISSING, KIND_MASK, NETWORK, NORMAL,
    NULL_INT, OBJECT, OPENING_BIT, OWNER_SHIFT, PAYEE, SESSION, SOURCE_MISSING, VERIFICATION,
    AMOUNT, T,
)  # fmt: skip
from detector.familiar import find_known, high, label, see, see_account
from detector.judging import (
    Found, Rules, Scratch, abstain_all, has_space, read_features, recall, run_rules,
)  # fmt: skip
from detector.memory import (
    CLOCK_HOUR, CLOCK_MINUTE, CLOCK_NOW, CLOCK_PENDING_ACCOUNT, CLOCK_PENDING_MS, CLOCK_SINCE,
    RING_MAX, WEEK_HOUR, WEEK_HOURS, WEEK_LOGINS, Memory, Row,
)  # fmt: skip
from detector.reading import DAY_MS, DRAWS_FOR_NORMAL, Plan, absence_cause
from detector.jit import compiled, inlined
from detector.ring import (
    at, count_minute, find_id, find_or_add, find_put_away, has_room, insert, is_repeat,
    mark_echoes, place_of, rank,
)  # fmt: skip

JUDGED, REPEAT, STALE, TOO_LATE, KEYLESS = range(5)
NORMAL_HALF_LIFE_MS: Final = 30 * DAY_MS
LABEL_REACH_MS: Final = 90 * DAY_MS
KNOWN_BEFORE_MS: Final = DAY_MS
USUALLY_MIN: Final = 20


class Rows(NamedTuple):
    """What a batch's events carry along the stages: one entry an event."""

    words: NDArray[np.int64]
    values: NDArray[np.float64]  # columns; NaN is NULL
    causes: NDArray[np.uint8]
    field_cause: NDArray[np.uint8]  # (n, 4): device, network, session, verification
    state: NDArray[np.uint8]  # JUDGED ... by the account stage
    late: NDArray[np.uint8]
    decide: NDArray[np.uint8]  # a draw told for the first time
    onward: NDArray[np.uint8]
    degraded: NDArray[np.uint8]


@inlined
def advance_clock(m: Memory, t: int, account: int) -> None:
    """Law 3: the newest time handled, but no single account jumps it by more than a day."""
    c = m.clock
    c[CLOCK_SINCE] = t if c[CLOCK_SINCE] < 0 else min(c[CLOCK_SINCE], t)
    if c[CLOCK_NOW] < 0:
        c[CLOCK_NOW] = t
        return
    if t <= c[CLOCK_NOW] + DAY_MS:
        c[CLOCK_NOW] = max(c[CLOCK_NOW], t)
        if c[CLOCK_PENDING_MS] <= c[CLOCK_NOW] + DAY_MS:
            c[CLOCK_PENDING_MS] = -1
        return
    if c[CLOCK_PENDING_MS] >= 0 and c[CLOCK_PENDING_ACCOUNT] != account:
        c[CLOCK_NOW] = min(t, c[CLOCK_PENDING_MS])
        if t <= c[CLOCK_NOW] + DAY_MS:
            c[CLOCK_NOW] = t
            c[CLOCK_PENDING_MS] = -1
            return
    c[CLOCK_PENDING_MS] = t
    c[CLOCK_PENDING_ACCOUNT] = account


@inlined
def _count_in(
    pool: NDArray[np.int64], clock: NDArray[np.int64], which: int, unit: int, failed: bool
) -> bool:
    """Count a log-in in its unit of a ring of units; False where it is no longer kept."""
    size = len(pool)
    if clock[which] < 0 or unit - clock[which] > size:
        clock[which] = unit - size
    while clock[which] < unit:
        clock[which] += 1
        pool[clock[which] & (size - 1)] = 0
    if unit <= clock[which] - size:
        return False
    pool[unit & (size - 1), 0] += 1
    pool[unit & (size - 1), 1] += failed
    return True


@inlined
def _count_population(m: Memory, t: int, failed: bool) -> None:
    _count_in(m.population_minutes, m.clock, CLOCK_MINUTE, t // 60_000, failed)
    hour, week = t // 3_600_000, m.clock[WEEK_HOUR]
    kept = _count_in(m.population_hours, m.clock, CLOCK_HOUR, hour, failed)
    if kept and week - WEEK_HOURS < hour <= week:
        m.clock[WEEK_LOGINS] += 1
        m.clock[WEEK_LOGINS + 1] += failed


@inlined
def _field_causes(m: Memory, w: NDArray[np.int64], kind: int, absent: NDArray[np.uint8],
                  causes: NDArray[np.uint8]) -> None:  # fmt: skip
    """Law 19: why each absent id is absent; then count what this event carried."""
    group = 0 if kind < 4 else 1 if kind < 8 else 2
    carried = m.carried[group]
    for k, word in enumerate((DEVICE, NETWORK, SESSION, VERIFICATION)):
        usual = carried[4] >= USUALLY_MIN and 2 * carried[k] >= carried[4]
        missing = usual and not absent[group * 4 + k]
        causes[k] = INPUT_MISSING if missing else SOURCE_MISSING
    for k, word in enumerate((DEVICE, NETWORK, SESSION, VERIFICATION)):
        carried[k] += w[word] != 0
    carried[4] += 1


@inlined
def _normal(r: Row, w: NDArray[np.int64]) -> None:
    """Law 9: what is usual before this draw goes into its words; then the draw is learnt."""
    enough = r.draws >= DRAWS_FOR_NORMAL
    w[NORMAL] = np.int64(np.rint(r.normal_sum / r.normal_weight)) if enough else NULL_INT
    t, amount = w[T], np.float64(w[AMOUNT])
    if r.draws == 0:
        r.normal_ms = t
    age = np.exp2(-np.abs(np.float64(t - r.normal_ms)) / NORMAL_HALF_LIFE_MS)
    if t >= r.normal_ms:
        r.normal_sum = r.normal_sum * age + amount
        r.normal_weight = r.normal_weight * age + 1.0
        r.normal_ms = t
    else:
        r.normal_sum += amount * age
        r.normal_weight += age
    r.draws += 1


@inlined
def _release(m: Memory, r: Row, j: int, w: NDArray[np.int64]) -> None:
    """Law 11: a draw without a verification's id takes that of the pass bound to it."""
    for k in range(j - 1, -1, -1):
        s = at(r, k)
        passed = m.slots[s, 2] & KIND_MASK == 4
        if passed and m.slots[s, m.place[OBJECT]] == w[OBJECT]:
            w[VERIFICATION] = m.slots[s, m.place[VERIFICATION]]
            return


@compiled
def _release_again(m: Memory, r: Row, after: int) -> None:
    for j in range(after + 1, r.count):
        s = at(r, j)
        kind = m.slots[s, 2] & KIND_MASK
        if not (kind == 8 or kind == 9) or m.slots[s, m.place[VERIFICATION]] != 0:
            continue
        for k in range(j - 1, -1, -1):
            p = at(r, k)
            passed = m.slots[p, 2] & KIND_MASK == 4
            if passed and m.slots[p, m.place[OBJECT]] == m.slots[s, m.place[OBJECT]]:
                m.slots[s, m.place[VERIFICATION]] = m.slots[p, m.place[VERIFICATION]]
                break


@inlined
def _remember_account(m: Memory, r: Row, w: NDArray[np.int64], kind: int) -> None:
    """Laws 7, 9 and 13: first seen, normal, familiar; marks the draw to a new payee."""
    t = w[T]
    r.first_ms = t if r.first_ms < 0 else min(r.first_ms, t)
    draw = kind == 8 or kind == 9
    if draw:
        if find_known(m, r, 2, w[PAYEE]) < 0:
            w[CODE] |= FIRST_TO_PAYEE_BIT
        _normal(r, w)
        see(m, r, 2, w[PAYEE], t)
    if kind == 1 or 5 <= kind <= 7:
        return
    if w[DEVICE] != 0:
        see(m, r, 0, w[DEVICE], t)
    if w[NETWORK] != 0:
        see(m, r, 1, w[NETWORK], t)


@inlined
def _known_before(m: Memory, r: Row, kind: int, value: int, t: int) -> bool:
    entry = find_known(m, r, kind, value)
    return entry >= 0 and t - high(m.familiar[entry, 1]) * 1000 > KNOWN_BEFORE_MS


@compiled
def _resolve_label(m: Memory, r: Row, w: NDArray[np.int64], kind: int) -> bool:
    """Law 14: a verdict on a draw becomes a label for its device, network and payee."""
    target = w[OBJECT]
    j = find_id(m, r, target)
    wanted, draw_at, put = 0, -1, -1
    if j >= 0:
        s = at(r, j)
        told = m.slots[s, 2] & KIND_MASK
        if not 8 <= told <= 13:
            return False
        wanted = m.slots[s, m.place[OBJECT]]
        for k in range(r.count):
            other = at(r, k)
            draw = m.slots[other, 2] & KIND_MASK
            if (draw == 8 or draw == 9) and m.slots[other, m.place[OBJECT]] == wanted:
                draw_at = other
        if draw_at < 0:
            put = find_put_away(m, r, 1, wanted)
    else:
        put = find_put_away(m, r, 0, target)
    if draw_at >= 0:
        t, device = m.slots[draw_at, 0], m.slots[draw_at, m.place[DEVICE]]
        network, payee = m.slots[draw_at, m.place[NETWORK]], m.slots[draw_at, m.place[PAYEE]]
    elif put >= 0:
        t, device = m.put_away[put, 2], m.put_away[put, 3]
        network, payee = m.put_away[put, 4], m.put_away[put, 5]
    else:
        return False
    if not 0 <= w[T] - t <= LABEL_REACH_MS:
        return False
    is_fraud = kind == 32
    w[CODE] = 60 if is_fraud else 61
    w[PAYEE] = payee
    w[DEVICE] = 0 if is_fraud and _known_before(m, r, 0, device, t) else device
    w[NETWORK] = 0 if not is_fraud or _known_before(m, r, 1, network, t) else network
    return True


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
def _enter_account(
    i: int, rows: Rows, m: Memory, absent_ids: NDArray[np.uint8], lateness_ms: int
) -> tuple[int, int, bool]:
    """Put an event in its account's memory: row, position (-1: judged by nothing), True."""
    w = rows.words[i]
    kind, t = w[CODE] & KIND_MASK, w[T]
    if w[ACCOUNT] == 0:
        rows.state[i] = KEYLESS
        return 0, -1, True
    row = find_or_add(m, w[ACCOUNT])
    r = m.rows[row]
    if is_repeat(m, r, w):
        rows.state[i] = REPEAT
        return row, -1, True
    advance_clock(m, t, w[ACCOUNT])
    j = place_of(m, r, t, rank(kind))
    told = kind == 8 or kind == 9
    if r.count == RING_MAX and j == 0:
        rows.state[i] = STALE
        rows.degraded[i] = 1
        rows.decide[i] = told and not mark_echoes(m, r, RING_MAX, w)
        return row, -1, True
    rows.late[i] = j < r.count
    if kind < 16:
        _field_causes(m, w, kind, absent_ids, rows.field_cause[i])
    if kind < 2:
        _count_population(m, t, kind == 1)
    if told:
        rows.decide[i] = not mark_echoes(m, r, j, w)
        kind = w[CODE] & KIND_MASK
    _remember_account(m, r, w, kind)
    too_late = t < m.clock[CLOCK_NOW] - lateness_ms
    if not too_late and (kind == 8 or kind == 9) and w[VERIFICATION] == 0:
        _release(m, r, j, w)
    j = insert(m, r, j, w)
    rows.onward[i] = rows.decide[i] or kind < 8 or kind == 10 or kind == 11
    if (kind == 32 or kind == 33) and w[OBJECT] != 0:
        rows.onward[i] = _resolve_label(m, r, w, kind)
    if too_late:
        rows.state[i] = TOO_LATE
        rows.degraded[i] = 1
        return row, -1, True
    if j + 1 < r.count:
        _release_again(m, r, j)
    return row, j, True


@inlined
def _enter_entity(
    i: int, key_word: int, rows: Rows, m: Memory, plan: Plan, rules: Rules, lateness_ms: int,
    found: Found,
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
    if kind >= 60:
        label(m, r, w[ACCOUNT], t, kind == 60)
        speaks = judged and t >= m.clock[CLOCK_NOW] - lateness_ms
        return row, (place_of(m, r, t, 0) if speaks else -1), False
    advance_clock(m, t, w[ACCOUNT])
    j = place_of(m, r, t, rank(kind))
    if r.count == RING_MAX and j == 0:
        rows.degraded[i] = 1
        return row, -1, True
    if (kind == 8 or kind == 9) and key_word == PAYEE:
        _mark_opening(m, r, j, w)
    r.first_ms = t if r.first_ms < 0 else min(r.first_ms, t)
    see_account(m, r, w[ACCOUNT], t, kind)
    if kind < 2 and len(m.minutes):
        count_minute(m, row, t, kind == 1)
    j = insert(m, r, j, w)
    if not judged or t < m.clock[CLOCK_NOW] - lateness_ms:
        rows.degraded[i] = 1
        return row, -1, True
    return row, j, True


@compiled
def walk(
    start: int, order: NDArray[np.int64], key_word: int, rows: Rows, m: Memory, plan: Plan,
    rules: Rules, allowed: Allowed, absent_ids: NDArray[np.uint8], lateness_ms: int, found: Found,
    scratch: Scratch,
) -> int:  # fmt: skip
    """Walk the batch rows named by `order` through the stage of `key_word`.

    Each event is put in its place, then judged, then what stands after it is judged again (law 6).
    Returns the position in `order` to go on from: where room ran out, or its end.
    """
    for position in range(start, len(order)):
        if not has_room(m) or not has_space(found, RING_MAX):
            return position
        i = order[position]
        if key_word == ACCOUNT:
            row, first, is_own = _enter_account(i, rows, m, absent_ids, lateness_ms)
        else:
            row, first, is_own = _enter_entity(
                i, key_word, rows, m, plan, rules, lateness_ms, found
            )
        if first < 0:
            continue
        r = m.rows[row]
        for j in range(first, r.count):
            again = -1
            w, values, causes = rows.words[i], rows.values[i], rows.causes[i]
            field_cause = rows.field_cause[i]
            if j > first or not is_own:
                again = recall(m, r, j, key_word, r.key, allowed, i, found)
                if again < 0:
                    continue
                w, values = found.again_words[again], found.again_values[again]
                causes, field_cause = found.again_causes[again], scratch.not_told
            elif key_word == ACCOUNT:
                fill_fields(w, values, causes, allowed)
            read_features(m, row, j, plan, w, values, causes, field_cause, scratch)
            degraded = run_rules(
                m, row, j, plan, rules, w, values, causes, i, again, found, scratch
            )
            if again < 0:
                rows.degraded[i] |= degraded
    return len(order)
