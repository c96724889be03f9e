"""What a walk found, and the evidence of it: from here Python takes it away."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.events import ID, T
from detector.jit import compiled, inlined
from detector.matching import matching
from detector.memory import Memory
from detector.names import EVIDENCE_REACH_MS
from detector.plan import OF_RING, Plan
from detector.reading import anchor_age

HIT, CLEAR, ABSTAIN, ERROR, MAYBE = range(5)  # maybe: waits for a standing column
EVIDENCE_MAX: Final = 32  # event ids kept of one finding
NEVER_MS: Final = 4_000_000_000_000  # the age of a hit that never was
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


@compiled
def tell(
    m: Memory, row: int, j: int, plan: Plan, rules: Rules, rule: int, w: NDArray[np.int64],
    values: NDArray[np.float64], outcome: int, source: int, again: int, found: Found,
    scratch: Scratch,
) -> None:  # fmt: skip
    """Append a finding with its evidence."""
    if rules.marking[rule]:
        m.rows[row].marked = 1
    at_evidence = found.n[1]
    n = _gather(m, row, j, plan, rules, rule, w, values, found, scratch)
    finding = found.findings[found.n[0]]
    finding[0], finding[1], finding[2] = source, again, rule
    finding[3], finding[4], finding[5] = outcome, at_evidence, n
    found.n[0] += 1
