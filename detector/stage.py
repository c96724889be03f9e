"""One stage: its memory, its compiled features and rules, and the walk of a batch through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.catalogue import STANDING_SUFFIX
from detector.entering import Rows
from detector.events import SOURCE_MISSING, WORDS
from detector.expressions import STACK_MAX
from detector.features import Columns, compile_plan, kept_columns, rule_features
from detector.hits import EVIDENCE_MAX, TRIGGERS, Found, Rules, Scratch
from detector.kernel import walk
from detector.memory import (
    CLOCK_NOW,
    CLOCK_PENDING_MS,
    CLOCK_SINCE,
    DAY_MS,
    KEY_WORDS,
    NOT_YET,
    RING_MAX,
    STAGES,
    TURN,
)  # fmt: skip
from detector.policy import Policy
from detector.rulebook import Rulebook
from detector.rules import Rule, compile_rules
from detector.store import Store
from detector.terms import Terms
from detector.told import NAMED

AGAIN_ROOM: Final = 1024  # events judged again between two visits of Python
FINDINGS_ROOM: Final = 2048
EVICTED: Final = ("event", "familiar", "entity")  # what a stage's memory lets go of


@dataclass(slots=True, frozen=True)
class Finding:
    """A rule's result on one event: batch row, row among those judged again (-1: its own)."""

    row: int
    again: int
    rule: Rule
    result: int
    evidence: tuple[int, ...]


@dataclass(slots=True)
class Walked:
    """What a walk found, in event order. Row k of the `again` arrays is an event judged again."""

    findings: list[Finding] = field(default_factory=list)
    again_source: list[int] = field(default_factory=list)  # the late batch row
    again_words: list[NDArray[np.int64]] = field(default_factory=list)
    again_values: list[NDArray[np.float64]] = field(default_factory=list)
    again_causes: list[NDArray[np.uint8]] = field(default_factory=list)


class StagePlan:
    """What the stages of one name have in common: compiled rules and features, room to work in.

    Stages that share one are for one thread.
    """

    def __init__(
        self, name: str, rulebook: Rulebook, columns: Columns, policy: Policy, terms: Terms,
        decided_by: Sequence[str], partitions: int,
    ) -> None:  # fmt: skip
        """`decided_by`: the columns that decisions read; `partitions`: of the account stage."""
        self.name = name
        self.key_word = KEY_WORDS[STAGES.index(name)]
        self.rules = tuple(
            rule for rule in rulebook.rules if rule.stage == name and rule.status != "off"
        )
        later = STAGES[STAGES.index(name) + 1 :]
        read_later = {c for rule in rulebook.rules if rule.stage in later for c in rule.reads}
        exported = read_later | set(decided_by)
        self.plan = compile_plan(
            name, rulebook.features, columns, policy, exported, partitions
        )  # fmt: skip
        self.kept = kept_columns(name, rulebook.features)
        self.compiled = _compiled_rules(self, rulebook, columns)
        self.terms = terms
        self.lateness_ms = policy.lateness_ms
        self.history_ms = policy.history_ms
        self.found = _found(len(columns.names), len(self.rules))
        self.evicted = np.zeros(len(EVICTED), np.int64)
        self.scratch = _scratch()

    def is_kept(self, rule: Rule) -> bool:
        """Whether a rule can be judged again here (law 6)."""
        return not rule.reads_standing and all(name in self.kept for name in rule.reads)


class Stage:
    """A stage of the engine: `walk` takes a batch's rows through it."""

    def __init__(self, plan: StagePlan) -> None:
        """An empty stage."""
        self.name = plan.name
        self.key_word = plan.key_word
        self.rules = plan.rules
        self.store = Store(plan.name)
        self._plan = plan

    @property
    def clock_ms(self) -> int:
        """The newest time handled; negative before the first event."""
        return int(self.store.memory.clock[0])

    @property
    def results(self) -> NDArray[np.int64]:
        """(rules, 4): how often each rule hit, was clear, abstained, erred."""
        return self._plan.found.results

    @property
    def evicted(self) -> NDArray[np.int64]:
        """How many of each of EVICTED the memory let go of: events of full rings, entries of full
        familiar sets, entities that nothing reached within the policy's history."""
        return self._plan.evicted

    def advance(self, clock_ms: int) -> None:
        """Let the clock go on to a time without an event; never back.

        Where there was none before, the stage has been watching since then (law 18).
        """
        clock = self.store.memory.clock
        if clock[CLOCK_SINCE] < 0:
            clock[CLOCK_SINCE] = clock_ms
        clock[CLOCK_NOW] = max(int(clock[CLOCK_NOW]), clock_ms)
        if clock[CLOCK_PENDING_MS] <= clock[CLOCK_NOW] + DAY_MS:
            clock[CLOCK_PENDING_MS] = NOT_YET

    def forget(self) -> None:
        """Drop entities of which nothing would be kept (law 28)."""
        if self.clock_ms >= 0:
            horizon_ms = (self.clock_ms - self._plan.history_ms) // DAY_MS * DAY_MS
            self._plan.evicted[2] += self.store.drop_before(horizon_ms)

    def named_words(self) -> NDArray[np.bool_]:
        """Which of told.NAMED can be asked for of an event in this stage's memory."""
        kept = {*self.store.memory.keep.tolist(), self.key_word}
        return np.array([word in kept for word in NAMED], bool)

    def words_of(self, slots: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Slots of rings, of entities with these keys, as rows of words; 0 where not kept."""
        words = np.zeros((len(slots), len(WORDS)), np.int64)
        words[:, self.store.memory.keep] = slots
        words[:, self.key_word] = keys
        return words

    def is_kept(self, rule: Rule) -> bool:
        """Whether a rule can be judged again here (law 6)."""
        return self._plan.is_kept(rule)

    @property
    def day(self) -> int:
        """The day (UTC) that the clock is in."""
        return self.clock_ms // DAY_MS

    def walk(
        self, rows: Rows, order: NDArray[np.int64] | None, absent_ids: NDArray[np.uint8]
    ) -> Walked:
        """Take the rows (all at the account stage, else those of `order`) through the stage."""
        walked, position = Walked(), 0
        if order is None:
            order = np.arange(len(rows.words))
        self.begin_batch()
        while position < len(order):
            position = self.walk_on(rows, order, position, absent_ids, walked)
        return walked

    def begin_batch(self) -> None:
        """To be called before the first `walk_on` of a batch."""
        self.store.memory.clock[TURN] += 1

    def walk_on(
        self, rows: Rows, order: NDArray[np.int64], position: int,
        absent_ids: NDArray[np.uint8], walked: Walked,
    ) -> int:  # fmt: skip
        """Walk from a position on, as far as the clock stays in its day.

        The event that moves it into another is the last. Gives the position to go on from; what
        was found is added to `walked`.
        """
        plan, day = self._plan, self.day
        while position < len(order) and self.day == day:
            self.store.make_room()
            position = walk(
                position, order, self.key_word, rows, self.store.memory, plan.plan,
                plan.compiled, plan.terms, absent_ids, plan.lateness_ms, plan.history_ms,
                plan.found, plan.scratch,
            )  # fmt: skip
            self._take_away(walked)
            plan.evicted[:2] += self.store.take_evicted()
        return position

    def _take_away(self, walked: Walked) -> None:
        found = self._plan.found
        findings, _, again = (int(n) for n in found.n)
        base = len(walked.again_source)
        for row, at, rule, result, start, n in found.findings[:findings].tolist():
            evidence = tuple(found.evidence[start : start + n].tolist())
            place = at if at < 0 else base + at
            walked.findings.append(Finding(row, place, self.rules[rule], result, evidence))
        if again:
            walked.again_source += found.again_source[:again].tolist()
            walked.again_words += list(found.again_words[:again].copy())
            walked.again_values += list(found.again_values[:again].copy())
            walked.again_causes += list(found.again_causes[:again].copy())
        found.n[:] = 0


def _compiled_rules(stage: StagePlan, rulebook: Rulebook, columns: Columns) -> Rules:
    rules = stage.rules
    programs = compile_rules(rules, columns.index)
    by_trigger: list[list[int]] = [
        [place for place, rule in enumerate(rules) if rule.on == trigger] for trigger in TRIGGERS
    ]
    standing = {
        name for rule in rules if rule.reads_standing
        for name in rule.reads if name.endswith(STANDING_SUFFIX)
    }  # fmt: skip
    asked = {name.removesuffix(STANDING_SUFFIX) for name in standing}
    starts, features = rule_features([rule.reads for rule in rules], rulebook.features, stage.name)
    return Rules(
        ops=programs.ops, args=programs.args, consts=programs.consts,
        starts=np.asarray(programs.starts, np.int64),
        trigger_starts=np.cumsum([0, *(len(group) for group in by_trigger)]).astype(np.int64),
        trigger_rules=_ints([place for group in by_trigger for place in group]),
        feature_starts=_ints(starts), features=_ints(features),
        kept=np.array([stage.is_kept(rule) for rule in rules], np.uint8),
        standing=np.array([rule.reads_standing for rule in rules], np.uint8),
        live=np.array([rule.status == "live" for rule in rules], np.uint8),
        marking=np.array(
            [rule.status == "live" and rule.typology in asked for rule in rules], np.uint8
        ),
        standing_columns=_ints(sorted(columns.index[name] for name in standing)),
    )  # fmt: skip


def _ints(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _found(columns: int, rules: int) -> Found:
    worst = (RING_MAX + 1) * max(rules, 1)
    findings = worst + FINDINGS_ROOM
    return Found(
        findings=np.empty((findings, 6), np.int64),
        evidence=np.empty(findings * EVIDENCE_MAX, np.int64),
        again_words=np.empty((AGAIN_ROOM, len(WORDS)), np.int64),
        again_values=np.empty((AGAIN_ROOM, columns)),
        again_causes=np.empty((AGAIN_ROOM, columns), np.uint8),
        again_source=np.empty(AGAIN_ROOM, np.int64),
        n=np.zeros(3, np.int64),
        results=np.zeros((rules, 4), np.int64),
    )


def _scratch() -> Scratch:
    return Scratch(
        found=np.empty(RING_MAX, np.int64),
        voided=np.empty(RING_MAX, np.int64),
        stack_values=np.empty(STACK_MAX),
        stack_causes=np.empty(STACK_MAX, np.uint8),
        not_told=np.full(4, SOURCE_MISSING, np.uint8),
    )
