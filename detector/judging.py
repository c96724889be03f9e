"""The compiled judgement of one event at one stage: its features, then its rules, then what hit."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.events import ID, INPUT_MISSING, KIND_MASK, LIMIT, NORMAL, NULL_INT, OUTSTANDING, T
from detector.expressions import evaluate
from detector.fields import fill_fields
from detector.jit import compiled, inlined
from detector.matching import matching
from detector.memory import Memory, Row
from detector.names import EVIDENCE_REACH_MS
from detector.plan import OF_RING, Plan
from detector.reading import anchor_age, read
from detector.ring import at
from detector.terms import Terms

HIT, CLEAR, ABSTAIN, ERROR, MAYBE = range(5)  # maybe: waits for a standing column
EVIDENCE_MAX: Final = 32  # event ids kept of one finding
NEVER_MS: Final = 4_000_000_000_000  # the age of a hit that never was
ECHO_GROUP: Final = 5  # of the features: those that an echo still reads, after the five types
TRIGGERS: Final = ("login", "identity_verification", "disbursement", "paid", "auto_debit")


class Rules(NamedTuple):
    """The rules of one stage, compiled: programs and what to do with their results."""

    ops: NDArray[np.int16]
    args: NDArray[np.int32]
    consts: NDArray[np.float64]
    starts: NDArray[np.int64]  # (rules + 1)
    trigger_starts: NDArray[np.int64]  # (triggers + 1): rules of a trigger, in `trigger_rules`
    trigger_rules: NDArray[np.int64]
    feature_starts: NDArray[np.int64]  # (rules + 1): ring features a rule reads, its evidence
    features: NDArray[np.int64]
    kept: NDArray[np.uint8]  # may be judged again at this stage
    standing: NDArray[np.uint8]
    live: NDArray[np.uint8]
    marking: NDArray[np.uint8]  # its hits are what a standing column asks for
    standing_columns: NDArray[np.int64]


class Scratch(NamedTuple):
    """Room that one judgement needs and the next one reuses."""

    found: NDArray[np.int64]
    voided: NDArray[np.int64]
    stack_values: NDArray[np.float64]
    stack_causes: NDArray[np.uint8]
    not_told: NDArray[np.uint8]  # field causes of an event that is judged again


class Found(NamedTuple):
    """What a walk found, until Python takes it away."""

    findings: NDArray[np.int64]  # (n, 6): batch row, again row or -1, rule, result, evidence
    evidence: NDArray[np.int64]  # event ids
    again_words: NDArray[np.int64]  # events judged again, as batch rows
    again_values: NDArray[np.float64]
    again_causes: NDArray[np.uint8]
    again_source: NDArray[np.int64]  # the late batch row that made it so
    n: NDArray[np.int64]  # findings, evidence, again
    results: NDArray[np.int64]  # (rules, 4): counts of hit, clear, abstain, error


@inlined
def has_space(f: Found, ring_max: int) -> bool:
    """Whether the findings of one more event fit, with a whole ring judged again."""
    worst = (ring_max + 1) * len(f.results)
    fits: bool = (
        f.n[0] + worst < len(f.findings)
        and f.n[1] + worst * EVIDENCE_MAX < len(f.evidence)
        and f.n[2] + ring_max < len(f.again_words)
    )
    return fits


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
def read_features(
    m: Memory, row: int, j: int, plan: Plan, w: NDArray[np.int64], values: NDArray[np.float64],
    causes: NDArray[np.uint8], field_cause: NDArray[np.uint8], scratch: Scratch,
) -> None:  # fmt: skip
    """Write the columns of every feature of the event's type."""
    kind = w[2] & KIND_MASK
    kind = ECHO_GROUP if kind == 12 or kind == 13 else _type_of(kind)
    for k in range(plan.type_starts[kind], plan.type_starts[kind + 1]):
        f = plan.type_features[k]
        value, cause = read(
            m, row, j, plan, f, w, values, causes, field_cause, scratch.found, scratch.voided
        )
        values[plan.column[f]] = value
        causes[plan.column[f]] = cause


@compiled
def _gather(
    m: Memory, row: int, j: int, plan: Plan, rules: Rules, rule: int, w: NDArray[np.int64],
    values: NDArray[np.float64], found: Found, scratch: Scratch,
) -> int:  # fmt: skip
    """Append the ids of the event and of what the rule's features counted; how many."""
    start, n = found.n[1], 1
    found.evidence[start] = w[ID]
    r = m.rows[row]
    for k in range(rules.feature_starts[rule], rules.feature_starts[rule + 1]):
        f = rules.features[k]
        if plan.aggregate[f] >= OF_RING or plan.unsourced[f]:
            continue
        age = anchor_age(plan, f, values)
        if _lacks_id(plan, f, w) or (plan.is_until[f] and np.isnan(age)):
            continue
        count = matching(m, r, j, plan, f, w, age, scratch.found, scratch.voided)
        for i in range(count):
            if m.slots[scratch.found[i], 0] <= w[T] - EVIDENCE_REACH_MS:
                break
            event_id = m.slots[scratch.found[i], 1]
            known = False
            for e in range(start, start + n):
                known = known or found.evidence[e] == event_id
            if not known and n < EVIDENCE_MAX:
                found.evidence[start + n] = event_id
                n += 1
    found.n[1] = start + n
    return n


@inlined
def _lacks_id(plan: Plan, f: int, w: NDArray[np.int64]) -> bool:
    for k in range(4):  # noqa: SIM110 - a generator cannot be compiled
        if plan.same[f, k] >= 0 and w[plan.same[f, k]] == 0:
            return True
    return False


@inlined
def run_rules(
    m: Memory, row: int, j: int, plan: Plan, rules: Rules, w: NDArray[np.int64],
    values: NDArray[np.float64], causes: NDArray[np.uint8], source: int, again: int,
    found: Found, scratch: Scratch,
) -> int:  # fmt: skip
    """Evaluate the rules of an event; 1 where a live one abstained for want of an input."""
    degraded = 0
    r = m.rows[row]
    for column in rules.standing_columns:
        values[column] = np.nan if r.marked else NEVER_MS  # no hit yet: nothing to wait for
    for trigger in triggers_of(w[2] & KIND_MASK):
        if trigger < 0:
            continue
        for k in range(rules.trigger_starts[trigger], rules.trigger_starts[trigger + 1]):
            rule = rules.trigger_rules[k]
            if again >= 0 and not rules.kept[rule]:
                continue
            result = evaluate(
                rules.ops, rules.args, rules.consts, rules.starts[rule], rules.starts[rule + 1],
                values, causes, scratch.stack_values, scratch.stack_causes,
            )  # fmt: skip
            if np.isnan(result):
                outcome = MAYBE if rules.standing[rule] and r.marked else ABSTAIN
            else:
                outcome = HIT if result != 0.0 else CLEAR
            if outcome != MAYBE and again < 0:
                found.results[rule, outcome] += 1
            if outcome == ABSTAIN and rules.live[rule]:
                degraded |= scratch.stack_causes[0] & INPUT_MISSING != 0
            if outcome in (HIT, MAYBE):
                if rules.marking[rule]:
                    r.marked = 1
                at_evidence = found.n[1]
                n = _gather(m, row, j, plan, rules, rule, w, values, found, scratch)
                finding = found.findings[found.n[0]]
                finding[0], finding[1], finding[2] = source, again, rule
                finding[3], finding[4], finding[5] = outcome, at_evidence, n
                found.n[0] += 1
    return degraded


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
