"""The compiled way of an event into its account's memory: what it is, what it changes there.

Repeats, draws and echoes are told apart here, releases and labels resolved; the laws cited by
number stand in README.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.checks import checked, complained_of
from detector.clock import advance_clock, count_population
from detector.events import (
    ACCOUNT,
    AMOUNT,
    CODE,
    DEVICE,
    FIRST_TO_PAYEE_BIT,
    INPUT_MISSING,
    KIND_MASK,
    NETWORK,
    NORMAL,
    NULL_INT,
    OBJECT,
    PAYEE,
    SESSION,
    SOURCE_MISSING,
    VERIFICATION,
    T,
)  # fmt: skip
from detector.familiar import find_known, high, see
from detector.forgetting import forget_before, horizon_at
from detector.jit import compiled, inlined
from detector.memory import (
    CLOCK_NOW,
    DAY_MS,
    RING_MAX,
    Memory,
    Row,
)  # fmt: skip
from detector.names import EVIDENCE_REACH_MS
from detector.places import find_or_add
from detector.ring import (
    at,
    find_id,
    find_put_away,
    insert,
    is_repeat,
    mark_echoes,
    number_bit,
    place_of,
    rank,
    unname,
)  # fmt: skip

JUDGED, REPEAT, STALE, TOO_LATE, KEYLESS = range(5)
ENTERED_AS: Final = ("judged", "repeat", "stale", "too_late", "keyless")  # their names
NORMAL_HALF_LIFE_MS: Final = 30 * DAY_MS
DRAWS_FOR_NORMAL: Final = 3
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
    clock: NDArray[np.int64]  # of the account stage, once this event was handled; at later
    # stages where it stands in time (parcels.py)
    checked: NDArray[np.int64]  # of a draw: who checks its account << 1 | it passed; of a complaint
    # about a verification: whose << 1 | 1; else 0


def empty_rows(words: NDArray[np.int64], columns: int) -> Rows:
    """A batch's rows before their way; `words` are theirs from now on."""
    n = len(words)
    return Rows(
        words=words,
        values=np.full((n, columns), np.nan),
        causes=np.zeros((n, columns), np.uint8),
        field_cause=np.zeros((n, 4), np.uint8),
        state=np.zeros(n, np.uint8),
        late=np.zeros(n, np.uint8),
        decide=np.zeros(n, np.uint8),
        onward=np.zeros(n, np.uint8),
        degraded=np.zeros(n, np.uint8),
        clock=np.zeros(n, np.int64),
        checked=np.zeros(n, np.int64),
    )


def goes_to(stage: str, rows: Rows) -> NDArray[np.int64]:
    """The rows that go to a later stage (law 2)."""
    kinds = rows.words[:, CODE] & KIND_MASK
    onward = rows.onward.astype(bool)
    if stage == "network":
        onward &= (kinds < 4) | (kinds >= 8)
    elif stage == "payee":
        onward &= kinds >= 8
    return np.flatnonzero(onward)


@inlined
def _field_causes(m: Memory, w: NDArray[np.int64], kind: int, absent: NDArray[np.uint8],
                  causes: NDArray[np.uint8]) -> None:  # fmt: skip
    """Law 19: why each absent id is absent; then count what this event carried."""
    group = 0 if kind < 4 else 1 if kind < 8 else 2
    carried = m.carried[group]
    for k in range(4):
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


@compiled
def _bound_check(m: Memory, r: Row, j: int, wanted: int) -> int:
    """Law 11: the id of the newest pass before position j bound to a disbursement; 0: none."""
    verification: int = 0
    for k in range(j - 1, -1, -1):
        s = at(r, k)
        if m.slots[s, CODE] & KIND_MASK == 4 and m.slots[s, m.place[OBJECT]] == wanted:
            verification = m.slots[s, m.place[VERIFICATION]]
            break
    return verification


@compiled
def _release_again(m: Memory, r: Row, after: int) -> None:
    """Law 11 for the draws after a position, which will be judged again."""
    for j in range(after + 1, r.count):
        s = at(r, j)
        kind = m.slots[s, CODE] & KIND_MASK
        if (kind == 8 or kind == 9) and m.slots[s, m.place[VERIFICATION]] == 0:
            wanted = m.slots[s, m.place[OBJECT]]
            m.slots[s, m.place[VERIFICATION]] = _bound_check(m, r, j, wanted)
            r.changed |= number_bit(r, j)


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
def enter_account(
    i: int, rows: Rows, m: Memory, absent_ids: NDArray[np.uint8], lateness_ms: int,
    history_ms: int,
) -> tuple[int, int, bool]:  # fmt: skip
    """Put an event in its account's memory: row, position (-1: judged by nothing), True."""
    w = rows.words[i]
    kind, t = w[CODE] & KIND_MASK, w[T]
    if w[ACCOUNT] == 0:
        rows.state[i] = KEYLESS
        return 0, -1, True
    row = find_or_add(m, w[ACCOUNT])
    r = m.rows[row]
    horizon_ms = horizon_at(m.clock[CLOCK_NOW], t, history_ms)
    if horizon_ms > r.horizon_ms:
        forget_before(m, row, horizon_ms)
    if is_repeat(m, r, w):
        rows.state[i] = REPEAT
        return row, -1, True
    advance_clock(m, t, w[ACCOUNT])
    j = place_of(m, r, t, rank(kind))
    told = kind == 8 or kind == 9
    if (r.count == RING_MAX and j == 0) or t < horizon_ms:
        rows.state[i] = STALE
        rows.degraded[i] = 1
        rows.decide[i] = told and not mark_echoes(m, r, RING_MAX, w)
        return row, -1, True
    rows.late[i] = j < r.count
    if kind < 16:
        _field_causes(m, w, kind, absent_ids, rows.field_cause[i])
    if kind < 2:
        count_population(m, t, kind == 1)
    if told:
        rows.decide[i] = not mark_echoes(m, r, j, w)
        if rows.decide[i]:
            rows.checked[i] = checked(m, r, j, t, kind == 8)
        kind = w[CODE] & KIND_MASK
    _remember_account(m, r, w, kind)
    too_late = t < m.clock[CLOCK_NOW] - lateness_ms
    if not too_late and (kind == 8 or kind == 9) and w[VERIFICATION] == 0:
        w[VERIFICATION] = _bound_check(m, r, j, w[OBJECT])
    if too_late:
        unname(m, r, j, m.clock[CLOCK_NOW] - lateness_ms - EVIDENCE_REACH_MS)
    j = insert(m, r, j, w, i)
    rows.onward[i] = rows.decide[i] or kind < 8 or kind == 10 or kind == 11
    if (kind == 32 or kind == 33) and w[OBJECT] != 0:
        rows.onward[i] = _resolve_label(m, r, w, kind)
    if (kind == 36 or kind == 44) and w[OBJECT] != 0:
        rows.checked[i] = complained_of(m, r, w[OBJECT])
    if too_late:
        rows.state[i] = TOO_LATE
        rows.degraded[i] = 1
        return row, -1, True
    if j + 1 < r.count:
        _release_again(m, r, j)
    return row, j, True
