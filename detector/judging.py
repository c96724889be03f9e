"""The compiled judgement of one event at one stage: its features, then its rules, then what hit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.events import (
    INPUT_MISSING,
    KIND_MASK,
    LIMIT,
    NORMAL,
    NULL_INT,
    OUTSTANDING,
    UNREAD,
)  # fmt: skip
from detector.expressions import evaluate
from detector.fields import fill_fields
from detector.hits import (
    ABSTAIN,
    CLEAR,
    HIT,
    MAYBE,
    NEVER_MS,
    Found,
    Rules,
    Scratch,
    tell,
)  # fmt: skip
from detector.jit import compiled, inlined
from detector.memory import Memory, Row
from detector.plan import Plan
from detector.reading import read
from detector.ring import at
from detector.terms import Terms


@inlined
def triggers_of(kind: int) -> tuple[int, int]:
    """Which triggers an event of this kind pulls; -1 for none."""
    if kind < 2:
        return 0, -1
    if 4 <= kind < 8:
        return 1, -1
    if kind == 8:
        return 2, -1
    if kind == 9:
        return 2, 3
    if kind == 13:
        return 3, -1
    if 16 <= kind < 32:
        return 4, -1
    return -1, -1


@inlined
def _type_of(kind: int) -> int:
    return 0 if kind < 4 else 1 if kind < 8 else 2 if kind < 16 else 3 if kind < 32 else 4


@inlined
def _forget_columns(
    plan: Plan, kind: int, values: NDArray[np.float64], causes: NDArray[np.uint8]
) -> None:
    """Mark the columns of an event type's features as not read yet."""
    for k in range(plan.type_starts[kind], plan.type_starts[kind + 1]):
        column = plan.column[plan.type_features[k]]
        values[column] = np.nan
        causes[column] = UNREAD


@compiled
def _read_the_rest(
    m: Memory, row: int, j: int, plan: Plan, w: NDArray[np.int64], values: NDArray[np.float64],
    causes: NDArray[np.uint8], field_cause: NDArray[np.uint8], scratch: Scratch,
) -> None:  # fmt: skip
    """Read what nobody has asked for yet: an event that hit is told with all its columns."""
    kind = _type_of(w[2] & KIND_MASK)
    for k in range(plan.type_starts[kind], plan.type_starts[kind + 1]):
        f = plan.type_features[k]
        column = plan.column[f]
        if causes[column] == UNREAD:
            values[column], causes[column] = read(
                m, row, j, plan, f, w, values, causes, field_cause, scratch.found, scratch.voided
            )


@inlined
def _steps(plan: Plan, rules: Rules, turn: int, kind: int) -> tuple[int, int]:
    """Turn 0: the features that are read whoever asks; 1 and 2: the rules of a trigger."""
    if turn == 0:
        if kind == 12 or kind == 13:
            return 0, 0  # an echo goes no further
        return plan.eager_starts[_type_of(kind)], plan.eager_starts[_type_of(kind) + 1]
    trigger = triggers_of(kind)[turn - 1]
    if trigger < 0:
        return 0, 0
    return rules.trigger_starts[trigger], rules.trigger_starts[trigger + 1]


@inlined
def judge(
    m: Memory, row: int, j: int, plan: Plan, rules: Rules, w: NDArray[np.int64],
    values: NDArray[np.float64], causes: NDArray[np.uint8], field_cause: NDArray[np.uint8],
    source: int, again: int, found: Found, scratch: Scratch,
) -> int:  # fmt: skip
    """Evaluate the rules of an event; 1 where a live one abstained for want of an input.

    A feature is read when a rule first asks for it: most rules are settled by their first term.
    """
    degraded, hits, kind = 0, 0, w[2] & KIND_MASK
    r = m.rows[row]
    _forget_columns(plan, _type_of(kind), values, causes)
    for column in rules.standing_columns:
        values[column] = np.nan if r.marked else NEVER_MS  # no hit yet: nothing to wait for
    for turn in range(3):
        start, stop = _steps(plan, rules, turn, kind)
        for k in range(start, stop):
            rule = rules.trigger_rules[k] if turn else -1
            if turn and again >= 0 and not rules.kept[rule]:
                continue
            result = 0.0
            while True:
                f = plan.eager[k] if turn == 0 else -1
                if turn:
                    result = evaluate(
                        rules.ops, rules.args, rules.consts, rules.starts[rule],
                        rules.starts[rule + 1], values, causes, scratch.stack_values,
                        scratch.stack_causes,
                    )  # fmt: skip
                    if scratch.stack_causes[0] != UNREAD:
                        break
                    f = plan.feature_at[int(result)]
                if plan.anchor[f] >= 0 and causes[plan.anchor[f]] == UNREAD:
                    f = plan.feature_at[plan.anchor[f]]
                value, cause = read(
                    m, row, j, plan, f, w, values, causes, field_cause, scratch.found,
                    scratch.voided,
                )  # fmt: skip
                values[plan.column[f]] = value
                causes[plan.column[f]] = cause
                if turn == 0:
                    break
            if turn == 0:
                continue
            outcome = _outcome(result, rules, rule, r)
            if outcome != MAYBE and again < 0:
                found.results[rule, outcome] += 1
            if outcome == ABSTAIN and rules.live[rule]:
                degraded |= scratch.stack_causes[0] & INPUT_MISSING != 0
            if outcome in (HIT, MAYBE):
                if hits == 0:
                    _read_the_rest(m, row, j, plan, w, values, causes, field_cause, scratch)
                hits += 1
                tell(m, row, j, plan, rules, rule, w, values, outcome, source, again, found,
                     scratch)  # fmt: skip
    return degraded


@inlined
def _outcome(result: float, rules: Rules, rule: int, r: Row) -> int:
    if np.isnan(result):
        return MAYBE if rules.standing[rule] and r.marked else ABSTAIN
    return HIT if result != 0.0 else CLEAR


@inlined
def abstain_all(
    plan: Plan, rules: Rules, w: NDArray[np.int64], values: NDArray[np.float64],
    causes: NDArray[np.uint8], cause: int, found: Found,
) -> int:  # fmt: skip
    """An event without this stage's key: its features are NULL and every rule abstains."""
    kind = _type_of(w[2] & KIND_MASK)
    for k in range(plan.type_starts[kind], plan.type_starts[kind + 1]):
        column = plan.column[plan.type_features[k]]
        values[column] = np.nan
        causes[column] = cause
    degraded = 0
    for trigger in triggers_of(w[2] & KIND_MASK):
        if trigger < 0:
            continue
        for k in range(rules.trigger_starts[trigger], rules.trigger_starts[trigger + 1]):
            rule = rules.trigger_rules[k]
            found.results[rule, ABSTAIN] += 1
            degraded |= rules.live[rule] != 0 and cause & INPUT_MISSING != 0
    return degraded


@inlined
def recall(
    m: Memory, r: Row, j: int, key_word: int, key: int, terms: Terms, source: int,
    found: Found,
) -> int:  # fmt: skip
    """Make a row of the entry at position j, to be judged again; -1 where nothing judges it."""
    s = at(r, j)
    kind = m.slots[s, 2] & KIND_MASK
    if triggers_of(kind)[0] < 0 and kind != 12:
        return -1
    again: int = found.n[2]
    found.n[2] = again + 1
    found.again_source[again] = source
    w = found.again_words[again]
    for word in range(len(w)):
        w[word] = 0
    for word in (LIMIT, OUTSTANDING, NORMAL):
        w[word] = NULL_INT
    for k in range(len(m.keep)):
        w[m.keep[k]] = m.slots[s, k]
    w[key_word] = key
    for column in range(found.again_values.shape[1]):
        found.again_values[again, column] = np.nan
        found.again_causes[again, column] = 0
    fill_fields(w, found.again_values[again], found.again_causes[again], terms)
    return again
