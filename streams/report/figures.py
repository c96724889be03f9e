"""The report's numbers out of alerts, decisions and truth; no words yet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streams.explain_values import Clock
from streams.report.gather import middle
from streams.scoring import Score, Standing

Record = Mapping[str, Any]
REPAYMENT: Final = "insufficient_balance"
DAY_MS: Final = 86_400_000
THICK_SHARE: Final = 0.1  # of the busiest day: what has less before it is a thin past
CURE_STEPS_MS: Final = tuple(hours * 3_600_000 for hours in (6, 12, 24, 48, 72))
ENDED: Final = frozenset({"withdrawn", "resolved"})


@dataclass(slots=True)
class DebitState:
    """Instalments in one state; money by currency."""

    typology: str
    status: str
    count: int = 0
    due_first: Counter[str] = field(default_factory=Counter)
    due_now: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Mark:
    """A planted incident: when, of which typology, and whether it was found."""

    at_ms: int
    typology: str
    is_found: bool


def debit_states(alerts: Iterable[Sequence[Record]]) -> list[DebitState]:
    """The states of the instalments whose debit failed, by number."""
    states: dict[tuple[str, str], DebitState] = {}
    for revisions in alerts:
        first, last = revisions[0], revisions[-1]
        if last["family"] != REPAYMENT:
            continue
        key = (last["typology"], last["status"])
        state = states.setdefault(key, DebitState(*key))
        state.count += 1
        for told, amounts in ((first, state.due_first), (last, state.due_now)):
            if told["amount_minor"] is not None:
                amounts[told["currency"]] += told["amount_minor"]
    return sorted(states.values(), key=lambda state: (-state.count, state.typology, state.status))


def cure_times(alerts: Iterable[Sequence[Record]]) -> list[int]:
    """From opening to payment, of the instalments that are paid, in ms."""
    return [
        last["occurred_at"] - last["opened_at"]
        for last in (revisions[-1] for revisions in alerts)
        if last["family"] == REPAYMENT and last["status"] == "resolved"
    ]


def cure_counts(times: Sequence[int]) -> list[int]:
    """How many were cured up to each of CURE_STEPS_MS, and later."""
    counts = [0] * (len(CURE_STEPS_MS) + 1)
    for ms in times:
        counts[sum(ms > step for step in CURE_STEPS_MS)] += 1
    return counts


def cure_median(times: Sequence[int]) -> float:
    """Half were cured within so many ms."""
    return middle(list(times))


def at_risk(alerts: Iterable[Sequence[Record]]) -> Counter[str]:
    """What stands at risk in alerts of unauthorized transfer, by currency.

    Alerts of several entities may speak of one disbursement, so that of each trigger only the
    greatest amount counts.
    """
    greatest: dict[str, tuple[int, str]] = {}
    for revisions in alerts:
        last = revisions[-1]
        told = last["family"] == "unauthorized_transfer" and last["status"] not in ENDED
        if told and last["amount_minor"]:
            amount = (last["amount_minor"], last["currency"])
            event = last["trigger_event_id"]
            greatest[event] = max(amount, greatest.get(event, amount))
    amounts: Counter[str] = Counter()
    for minor, currency in greatest.values():
        amounts[currency] += minor
    return amounts


def advised(decisions: Iterable[Record]) -> tuple[dict[str, Counter[str]], int]:
    """Outcomes by question, and how many decisions were degraded."""
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    degraded = 0
    for decision in decisions:
        outcomes[decision["question"]][decision["outcome"]] += 1
        degraded += bool(decision["degraded"])
    return dict(outcomes), degraded


def marks(truth: Iterable[Record], found: Iterable[Standing], hidden: set[str]) -> list[Mark]:
    """The planted incidents in time, without those of `hidden` typologies."""
    by_key: dict[tuple[str, str, str], list[Standing]] = defaultdict(list)
    for standing in found:
        by_key[_key(standing.last)].append(standing)
    return [
        Mark(line["from"], line["typology"], _is_found(line, by_key[_key(line)]))
        for line in truth
        if line["expect"] == "alert" and line["typology"] not in hidden
    ]


def _is_found(line: Record, same: Sequence[Standing]) -> bool:
    withdrawn = line.get("status") == "withdrawn"
    return any(one.is_about(line) and one.withdrawn == withdrawn for one in same)


def _key(record: Record) -> tuple[str, str, str]:
    return record["typology"], record["entity"]["kind"], record["entity"]["id"]


def in_all(table: Iterable[Score]) -> Score:
    """The sum of the scores of all typologies."""
    whole = Score("")
    for score in table:
        whole.planted += score.planted
        whole.found += score.found
        whole.near_misses += score.near_misses
        whole.left_alone += score.left_alone
        whole.honest_alerts += score.honest_alerts
    return whole


def days_shown(summary: Record, clock: Clock, events_by_day: Mapping[int, int]) -> range:
    """The local days (ordinals) that are worth showing: a thin past before them is left out.

    A log may begin with the few events that are left of earlier months; drawn, they would press
    all that matters into a corner, and rates a day would be told over days without traffic.
    """
    if summary["first_event_at"] is None:
        return range(0)
    first, last = (
        clock.local(summary[name]).toordinal() for name in ("first_event_at", "last_event_at")
    )
    busiest = max(events_by_day.values(), default=0)
    thick = (day for day, count in events_by_day.items() if count >= THICK_SHARE * busiest)
    return range(max(first, min(thick, default=first)), last + 1)


def span_days(summary: Record, shown: range) -> float:
    """How many days those are; a day at least."""
    first, last = summary["first_event_at"], summary["last_event_at"]
    return 1.0 if first is None else max(1.0, min((last - first) / DAY_MS, len(shown)))
