"""How good a run was, in figures: from its alerts and decisions and the truth of its world.

A disbursement is *honest* if no line of truth that expects an alert (or allows one, `either`) names
it, and its account is in none before it: what a thief does after the first theft is not honest.
An honest disbursement is *disturbed* if an alert that its decision names stands at the end (is not
withdrawn) and advises to hold the money or to step up verification; or if the decision itself was
`challenge` or `decline` and none of its alerts was withdrawn later. Where one was, because late
evidence arrived, the disturbance was *taken back* and is counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from streams.scoring import ALERT, EITHER, WITHDRAWN, Line, Scored, Standing, scored

DAY_MS: Final = 86_400_000
STRICT: Final = frozenset({"challenge", "decline"})
HARD: Final = frozenset({"hold_disbursement", "step_up_verification"})
DISBURSEMENT: Final = "unauthorized_transfer"  # the question that a decision about one answers
PER: Final = 100_000


@dataclass(slots=True)
class Disturbance:
    """What became of honest disbursements."""

    honest: int = 0
    disturbed: int = 0
    taken_back: int = 0
    events: list[str] = field(default_factory=list)  # those disturbed

    @property
    def rate(self) -> float:
        """Disturbed of 100,000."""
        return PER * self.disturbed / self.honest if self.honest else 0.0


@dataclass(slots=True)
class Verdict:
    """All figures of one run."""

    scored: Scored
    disturbance: Disturbance
    days: float  # that the truth spans; the prologue of a world is not among them
    planted_minor: int
    missed_minor: int

    @property
    def missed_value(self) -> float:
        """The share of the planted money that was missed."""
        return self.missed_minor / self.planted_minor if self.planted_minor else 0.0

    @property
    def near_misses_hit(self) -> int:
        """Near misses that were alerted, of all typologies."""
        return sum(score.hits for score in self.scored.table.values())

    def told(self) -> dict[str, Any]:
        """As JSON."""
        disturbance = self.disturbance
        return {
            "typologies": [
                score.told() | {"honest_alerts_a_day": score.honest_alerts / self.days}
                for score in self.scored.table.values()
            ],
            "days": self.days,
            "near_misses_hit": self.near_misses_hit,
            "honest_disbursements": disturbance.honest,
            "disturbed": disturbance.disturbed,
            "disturbed_per_100000": disturbance.rate,
            "taken_back": disturbance.taken_back,
            "planted_minor": self.planted_minor,
            "missed_minor": self.missed_minor,
            "missed_value": self.missed_value,
            "missed": self.scored.missed,
            "hit": self.scored.hit,
        }


def judged(
    truth: Sequence[Line],
    alerts: Mapping[str, Standing],
    decisions: Iterable[Mapping[str, Any]],
    last_ms: int,
) -> Verdict:
    """The verdict; `last_ms` is the time of the log's last event."""
    found = scored(truth, alerts.values())
    first_ms = min((line["from"] for line in truth), default=last_ms)
    planted = _money(line for line in truth if _is_wrong(line) and line["expect"] == ALERT)
    # Money is missed if no line that names it was found.
    missed_lines = {id(line) for line in found.missed}
    saved = _money(line for line in truth if _is_wrong(line) and id(line) not in missed_lines)
    missed = sum(amount for event, amount in planted.items() if event not in saved)
    disturbance = _disturbance(truth, alerts, decisions)
    days = max(1.0, (last_ms - first_ms) / DAY_MS)
    return Verdict(found, disturbance, days, sum(planted.values()), missed)


def _is_wrong(line: Line) -> bool:
    """Whether it tells of a wrong that was done; what is to be withdrawn was none."""
    return line["expect"] in (ALERT, EITHER) and line.get("status") != WITHDRAWN


def _money(lines: Iterable[Line]) -> dict[str, int]:
    """The money at risk by event."""
    return {event: amount for line in lines for event, amount in line.get("amounts", {}).items()}


def _disturbance(
    truth: Sequence[Line], alerts: Mapping[str, Standing], decisions: Iterable[Mapping[str, Any]]
) -> Disturbance:
    wrong = {event for line in truth if _is_wrong(line) for event in line["event_ids"]}
    asked = [each for each in decisions if each["question"] == DISBURSEMENT]
    since: dict[str, int] = {}  # from when on an account is no longer honest
    for each in asked:
        if each["event_id"] in wrong:
            account, at = each["account_id"], each["occurred_at"]
            since[account] = min(at, since.get(account, at))
    told = Disturbance()
    for each in asked:
        if each["occurred_at"] >= since.get(each["account_id"], each["occurred_at"] + 1):
            continue
        told.honest += 1
        about = [alerts[alert_id] for alert_id in each["alert_ids"] if alert_id in alerts]
        stands = any(not one.withdrawn and HARD & set(one.last["actions"]) for one in about)
        strict = each["outcome"] in STRICT
        if stands or (strict and not any(one.withdrawn for one in about)):
            told.disturbed += 1
            told.events.append(each["event_id"])
        elif strict:
            told.taken_back += 1
    return told


@dataclass(frozen=True, slots=True)
class Gates:
    """What a run must keep to; None: not asked."""

    recall_min: float | None = None  # of every typology of which something was planted
    disturbed_max: float | None = None  # of 100,000 honest disbursements
    near_misses_max: int | None = None  # alerted, in all

    def failures(self, verdict: Verdict) -> list[str]:
        """One line for each gate that failed."""
        failed = []
        if self.recall_min is not None:
            failed += [
                f"recall of {score.typology} is {score.recall:.3f}, below {self.recall_min:g}"
                for score in verdict.scored.table.values()
                if score.recall is not None and score.recall < self.recall_min
            ]
        rate = verdict.disturbance.rate
        if self.disturbed_max is not None and rate > self.disturbed_max:
            failed.append(
                f"{rate:.1f} of 100,000 honest disbursements disturbed, over {self.disturbed_max:g}"
            )
        if self.near_misses_max is not None and verdict.near_misses_hit > self.near_misses_max:
            failed.append(
                f"{verdict.near_misses_hit} near misses alerted, over {self.near_misses_max}"
            )
        return failed
