"""Where an obligation stands at a time: a fold over its steps, and the deadlines that may move it.

A deadline d has passed at a time t where d < t: what is due at d comes after the events at d.
Nothing here is remembered between two looks, so a late step needs no special care.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from detector.obligation_steps import (
    ANSWERS,
    ATTEMPTS,
    NEVER_MS,
    REFUSED,
    SHORT,
    Obligation,
    Step,
)  # fmt: skip
from detector.outages import held_until_ms, missed_after_ms, outage_of
from detector.rules import Typology

STATES: Final = (
    "deferred", "plan_broken", "overdue", "mandate_invalid", "account_frozen", "debit_missed",
    "overdue_imminent", "debit_unhandled", "debit_failed", "shortfall_forecast",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the life cycle, as the rulebook has them; spans in ms.

    `states`: those that the rulebook has a file of; another one is never said.
    """

    states: frozenset[str]
    missed_after_ms: int
    unhandled_after_ms: int
    unhandled_again_ms: int
    imminent_before_ms: int
    imminent_share: float  # of the time from due to overdue
    plan_grace_ms: int
    mandate_review_ms: int  # before overdue
    frozen_review_ms: int
    forecast_chance: float
    forecast_ahead_ms: int
    error_held_ms: int  # what follows a rail's own error waits so long for word of an outage


def limits_of(
    typologies: Mapping[str, Typology], parameters: Mapping[str, float], *, hears_answers: bool
) -> Limits:
    """The limits of a rulebook. `hears_answers`: there is a feed of dispositions."""
    states = {name for name in STATES if name in typologies}
    if not hears_answers:  # silence would be no evidence
        states.discard("debit_unhandled")

    def of(name: str) -> float:
        return parameters[name] if name.partition(".")[0] in states else 0.0

    return Limits(
        states=frozenset(states),
        missed_after_ms=int(of("debit_missed.after_ms")),
        unhandled_after_ms=int(of("debit_unhandled.after_ms")),
        unhandled_again_ms=int(of("debit_unhandled.again_ms")),
        imminent_before_ms=int(of("overdue_imminent.at_most_ms")),
        imminent_share=of("overdue_imminent.share"),
        plan_grace_ms=int(of("plan_broken.after_ms")),
        mandate_review_ms=int(of("mandate_invalid.review_before_ms")),
        frozen_review_ms=int(of("account_frozen.review_before_ms")),
        forecast_chance=of("shortfall_forecast.chance"),
        forecast_ahead_ms=int(of("shortfall_forecast.ahead_ms")),
        error_held_ms=int(of("debit_failed.error_held_ms")),
    )


class Facts(msgspec.Struct, gc=False):
    """What the steps tell, whatever the time."""

    failures: int = 0
    attempts: int = 0
    debited_minor: int = 0
    paid_ms: int = -1  # -1: not paid
    failed_first_ms: int = -1  # -1: never
    failed_last_ms: int = -1
    answered: bool = False  # since the latest failure
    last_attempt: Step | None = None
    last_in_time: Step | None = None  # the last attempt that was not after overdue
    is_scheduled: bool = False  # before it was overdue
    is_system_fault: bool = False  # a person said so
    plan: Step | None = None  # the newest
    hardship: Step | None = None  # the newest that was granted
    errors_ms: tuple[int, ...] = ()  # the rail's own, before any failure


def facts_of(obligation: Obligation) -> Facts:
    """The fold over the steps."""
    facts = Facts()
    for step in obligation.steps:
        word = step.word
        if word in ANSWERS:
            facts.answered = True
            facts.plan = step if word == "plan_agreed" else facts.plan
            facts.hardship = step if word == "hardship_granted" else facts.hardship
        facts.is_system_fault |= word == "system_fault"
        facts.is_scheduled |= word == "scheduled" and step.at_ms <= obligation.overdue_ms
        if word in ATTEMPTS:
            facts.attempts += 1
            facts.last_attempt = step
            if step.at_ms <= obligation.overdue_ms:
                facts.last_in_time = step
        if word == "channel_error" and facts.failures == 0:
            facts.errors_ms = (*facts.errors_ms, step.at_ms)
        if word in SHORT:
            facts.failures += 1
            facts.failed_first_ms = step.at_ms if facts.failures == 1 else facts.failed_first_ms
            facts.failed_last_ms, facts.answered = step.at_ms, False
        _pay(facts, step, obligation.due_minor)
    return facts


def _pay(facts: Facts, step: Step, due_minor: int) -> None:
    if step.word in ("partial", "success"):
        facts.debited_minor += step.debited_minor
    paid = step.word in ("success", "settled") or (
        step.word == "partial" and facts.debited_minor >= due_minor
    )
    if paid and facts.paid_ms < 0:
        facts.paid_ms = step.at_ms
    elif step.word == "reversed":
        facts.paid_ms, facts.debited_minor = -1, 0  # it takes back all that was debited before


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Where an obligation stands at a time. `state` "": nothing is to be said of it."""

    at_ms: int
    state: str
    is_raised: bool  # the state's second degree
    is_system_caused: bool
    deferred_until_ms: int  # -1: nothing defers it; NEVER_MS: until it ends
    is_hardship: bool  # what defers it is no mere plan
    next_ms: int  # the deadline that may move it; NEVER_MS: none
    facts: Facts
    is_put_off: bool = False  # by an outage

    @property
    def is_paid(self) -> bool:
        """Whether it is paid, settled, or its partials add up."""
        return self.facts.paid_ms >= 0

    @property
    def saying(self) -> tuple[str, int, int, int, bool, bool]:
        """What a new revision must change."""
        facts = self.facts
        return (
            self.state, int(self.is_raised), facts.failures, facts.debited_minor, self.is_paid,
            self.is_system_caused,
        )  # fmt: skip


def standing_at(
    obligation: Obligation, at_ms: int, limits: Limits, reliefs: Sequence[tuple[int, int]],
    outages: Sequence[tuple[int, int]] = (),
) -> Standing:  # fmt: skip
    """Where an obligation stands at a time, the deadlines before it passed.

    `reliefs`: from when, until when the policy relieves it. `outages`: those of its channel that
    are known, after when, up to when; in order.
    """
    facts = facts_of(obligation)
    if facts.paid_ms >= 0:
        return Standing(at_ms, "", False, False, -1, False, NEVER_MS, facts)
    pauses = list(_pauses(obligation, facts, limits, reliefs))
    running = [pause for pause in pauses if pause[0] < at_ms <= pause[1]]
    deadlines = _Deadlines(obligation, facts, limits, outages)
    state, is_raised = deadlines.state_at(at_ms)
    if state and running:
        state, is_raised = _deferred(state, limits), False
    caused = _is_system_caused(facts, state)
    caused |= state != "" and any(outage_of(at_ms, outages) for at_ms in facts.errors_ms)
    edges = [edge for pause in pauses for edge in pause[:2]]
    coming = [d for d in (*edges, *deadlines.all()) if at_ms <= d < NEVER_MS]
    return Standing(
        at_ms, state, is_raised or (state == "overdue" and caused), caused,
        max((pause[1] for pause in running), default=-1), any(pause[2] for pause in running),
        min(coming, default=NEVER_MS), facts, deadlines.is_put_off,
    )  # fmt: skip


def _is_system_caused(facts: Facts, state: str) -> bool:
    """Whether it stands as it does by the rail's doing or ours."""
    if facts.is_system_fault or state == "debit_missed":
        return True
    last = facts.last_in_time
    if last is None:  # never tried: only where we know that it should have been
        return state == "overdue" and facts.is_scheduled
    return state == "overdue" and last.word == "channel_error"


def _deferred(state: str, limits: Limits) -> str:
    """What a pause makes of a state: nothing presses, and no forecast is told."""
    if state == "shortfall_forecast":
        return ""
    return "deferred" if "deferred" in limits.states else state


def _pauses(
    obligation: Obligation, facts: Facts, limits: Limits, reliefs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, bool]]:
    """What defers it: after when, to when (included), whether it is more than a plan."""
    for from_ms, until_ms in reliefs:
        yield from_ms - 1, until_ms - 1, True
    if obligation.is_hardship:
        yield -1, NEVER_MS, True
    if facts.hardship is not None:
        until_ms = facts.hardship.until_ms
        yield facts.hardship.at_ms - 1, until_ms if until_ms >= 0 else NEVER_MS, True
    if facts.plan is not None:
        until_ms = facts.plan.until_ms
        until_ms = until_ms + limits.plan_grace_ms if until_ms >= 0 else NEVER_MS
        yield facts.plan.at_ms - 1, until_ms, False


def imminent_ms(obligation: Obligation, limits: Limits) -> int:
    """When a failed one is about to be overdue."""
    due_ms, overdue_ms = obligation.due_ms, obligation.overdue_ms
    share_ms = int(max(0, overdue_ms - due_ms) * limits.imminent_share)
    return overdue_ms - min(share_ms, limits.imminent_before_ms)


class _Deadlines:
    """When an unpaid obligation comes into which state, if nothing happens."""

    def __init__(
        self, obligation: Obligation, facts: Facts, limits: Limits,
        outages: Sequence[tuple[int, int]],
    ) -> None:  # fmt: skip
        self._facts = facts
        self._limits = limits
        due_ms, overdue_ms = obligation.due_ms, obligation.overdue_ms
        last, failed_ms = facts.last_attempt, facts.failed_last_ms
        has_failed = facts.failures > 0
        self.overdue_ms = overdue_ms
        self.broken_ms = NEVER_MS
        if facts.plan is not None and facts.plan.until_ms >= 0:
            self.broken_ms = facts.plan.until_ms + limits.plan_grace_ms
        self.imminent_ms = imminent_ms(obligation, limits)
        self.missed_ms, self.is_put_off = NEVER_MS, False
        if (last is None and facts.is_scheduled) or (last and last.word == "channel_error"):
            since_ms, after_ms = due_ms if last is None else last.at_ms, limits.missed_after_ms
            # An outage may go on and on: what is about to be overdue is said all the same.
            latest_ms = max(since_ms + after_ms, self.imminent_ms)
            self.missed_ms = min(missed_after_ms(since_ms, after_ms, outages), latest_ms)
            self.is_put_off = self.missed_ms > since_ms + after_ms
        errors_ms = facts.errors_ms if has_failed else ()
        self.held_ms = held_until_ms(errors_ms, limits.error_held_ms, outages)
        self.refused = last.word if last is not None and last.word in REFUSED else ""
        is_mandate = self.refused == "mandate_invalid"
        before_ms = limits.mandate_review_ms if is_mandate else limits.frozen_review_ms
        self.review_ms = overdue_ms - before_ms if self.refused else NEVER_MS
        waits = failed_ms >= 0 and not facts.answered
        waits = waits and last is not None and last.at_ms == failed_ms and last.word in SHORT
        self.unhandled_ms = failed_ms + limits.unhandled_after_ms if waits else NEVER_MS
        self.again_ms = failed_ms + limits.unhandled_again_ms if waits else NEVER_MS
        feared = obligation.chance >= limits.forecast_chance and facts.attempts == 0
        feared = feared and facts.is_scheduled and "shortfall_forecast" in limits.states
        self.forecast_ms = due_ms - limits.forecast_ahead_ms if feared else NEVER_MS

    def all(self) -> Iterator[int]:
        """Every deadline; those that are past too."""
        yield from (
            self.overdue_ms, self.broken_ms, self.missed_ms, self.imminent_ms, self.review_ms,
            self.unhandled_ms, self.again_ms, self.forecast_ms, self.held_ms,
        )  # fmt: skip

    def state_at(self, at_ms: int) -> tuple[str, bool]:
        """The weightiest state at a time, and whether it is in its second degree."""
        for state, is_in, is_raised in self._candidates(at_ms):
            if is_in and state in self._limits.states:
                return state, is_raised
        return "", False

    def _candidates(self, at_ms: int) -> Iterator[tuple[str, bool, bool]]:
        has_failed = self._facts.failures > 0
        yield "plan_broken", self.broken_ms < at_ms, False
        yield "overdue", self.overdue_ms < at_ms, False
        yield self.refused, self.refused != "", self.review_ms < at_ms
        yield "debit_missed", self.missed_ms < at_ms, False
        yield "overdue_imminent", has_failed and self.imminent_ms < at_ms, False
        yield "debit_unhandled", self.unhandled_ms < at_ms, self.again_ms < at_ms
        yield "debit_failed", has_failed and self.held_ms < at_ms, False
        yield "shortfall_forecast", self.forecast_ms < at_ms, False
