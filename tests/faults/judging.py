"""The service's outcome held against the truth: what is lost, said twice, or another.

The account stage must be exact. Of a later stage the standing must be the same: which typologies
stand of which entities in the end (partitions race there; README.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from detector.memory import STAGES
from streams.service.app import LOOPS
from streams.times import iso
from tests.faults.outcome import Outcome, Record, stage_of, stages_by_rule

SHOWN_MOST: Final = 12
# It holds an entity's failed log-ins of ten minutes against the population's. A partition knows of
# its own log-ins alone, and counts by the minute bear partitions that are minutes of event time
# apart, not hours as in a compressed log. What differs of it is counted and not failed.
OF_THE_POPULATION: Final = frozenset({"credential_stuffing"})
DEBIT_QUESTION: Final = "insufficient_balance"  # decided at the account stage
Standing = tuple[str, str, str]  # typology, kind of entity, entity


@dataclass
class Verdict:
    """What differs, in words; empty lists where nothing does."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    shifted: Counter[str] = field(default_factory=Counter)  # allowed: other ids, same standing
    exact_count: int = 0
    standing_count: int = 0
    decision_count: int = 0

    @property
    def is_good(self) -> bool:
        """Whether all is as it should be."""
        return not (self.lost or self.duplicated or self.differing)

    @property
    def figures(self) -> str:
        """The line to look for."""
        return (
            f"lost={len(self.lost)} duplicated={len(self.duplicated)}"
            f" differing={len(self.differing)}"
        )

    @property
    def told(self) -> str:
        """What was compared, and the figures."""
        shifted = sum(self.shifted.values())
        return (
            f"{self.exact_count} alerts of the account stage exactly,"
            f" {self.standing_count} standings of later ones ({shifted} alerts there shifted),"
            f" {self.decision_count} decisions: {self.figures}"
        )

    @property
    def table(self) -> str:
        """What differs, one a line, as far as a person reads."""
        rows = []
        for what in ("lost", "duplicated", "differing"):
            found: list[str] = getattr(self, what)
            rows += [f"  {what:<10} {one}" for one in found[:SHOWN_MOST]]
            if len(found) > SHOWN_MOST:
                rows.append(f"  {what:<10} and {len(found) - SHOWN_MOST} more")
        rows += [f"  allowed    {n} {why}" for why, n in sorted(self.shifted.items())]
        return "\n".join(rows)

    def check(self) -> None:
        """Fail with the table where anything is not as it should be."""
        assert self.is_good, f"{self.told}\n{self.table}"


def judged(truth: Outcome, service: Outcome) -> Verdict:
    """The service's outcome against the truth."""
    verdict = Verdict(duplicated=service.duplicates + service.gaps)
    stages = stages_by_rule()
    of_truth, of_service = _by_stage(truth, stages), _by_stage(service, stages)
    _exactly(of_truth[STAGES[0]], of_service[STAGES[0]], verdict)
    for stage in LOOPS[1:]:
        _same_standing(stage, of_truth[stage], of_service[stage], verdict)
    _decisions(truth, service, verdict)
    return verdict


def _by_stage(outcome: Outcome, stages: Mapping[str, str]) -> dict[str, dict[str, Record]]:
    found: dict[str, dict[str, Record]] = {stage: {} for stage in LOOPS}
    for name, alert in outcome.alerts.items():
        found[stage_of(alert, outcome.rules[name], stages)][name] = alert
    return found


def _exactly(truth: dict[str, Record], service: dict[str, Record], verdict: Verdict) -> None:
    verdict.exact_count = len(truth)
    verdict.lost += [_shown(truth[name]) for name in truth.keys() - service.keys()]
    verdict.differing += [f"invented: {_shown(service[k])}" for k in service.keys() - truth.keys()]
    for name in truth.keys() & service.keys():
        if parts := _parts(truth[name], service[name]):
            verdict.differing.append(f"{_shown(truth[name])}: {parts}")


def _same_standing(
    stage: str, truth: dict[str, Record], service: dict[str, Record], verdict: Verdict
) -> None:
    wanted, found = _standing(truth.values()), _standing(service.values())
    verdict.standing_count += len(wanted)
    apart = {one for one in wanted ^ found if one[0] in OF_THE_POPULATION}
    for one in apart:
        word = "lost" if one in wanted else "invented"
        verdict.shifted[f"standings of {one[0]} {word} at the {stage} stage"] += 1
    verdict.lost += [f"{stage}: {' '.join(one)}" for one in sorted(wanted - found - apart)]
    verdict.differing += [
        f"{stage}: invented {' '.join(one)}" for one in sorted(found - wanted - apart)
    ]
    only = truth.keys() ^ service.keys()
    verdict.shifted[f"alerts of the {stage} stage have another id"] += len(only)
    verdict.shifted[f"alerts of the {stage} stage have another content"] += sum(
        bool(_parts(truth[name], service[name])) for name in truth.keys() & service.keys()
    )
    verdict.shifted = +verdict.shifted


def _standing(alerts: Iterable[Record]) -> set[Standing]:
    return {
        (alert["typology"], alert["entity"]["kind"], _whose(alert))
        for alert in alerts if alert["status"] != "withdrawn"
    }  # fmt: skip


def _whose(alert: Record) -> str:
    """An entity; of one that had several incidents, each by when it began."""
    began = [one["observed"] for one in alert["reasons"] if one["code"] == "incident_began"]
    return " since ".join([alert["entity"]["id"], *(iso(at_ms) for at_ms in began)])


def _decisions(truth: Outcome, service: Outcome, verdict: Verdict) -> None:
    wanted, found = truth.decisions, service.decisions
    verdict.decision_count = len(wanted)
    verdict.lost += [f"decision of {k[1]} ({k[0]})" for k in sorted(wanted.keys() - found.keys())]
    verdict.differing += [f"invented: decision of {k[1]}" for k in found.keys() - wanted.keys()]
    for name in wanted.keys() & found.keys():
        if parts := _parts(wanted[name], found[name]):
            if name[0] == DEBIT_QUESTION:
                verdict.differing.append(f"decision of {name[1]}: {parts}")
            else:
                verdict.shifted["decisions of draws have another content"] += 1


def _parts(one: Record, other: Record) -> str:
    """The fields in which two records differ."""
    return ", ".join(
        f"{name} {_short(one.get(name))} is {_short(other.get(name))}"
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name)
    )


def _short(value: Any) -> str:
    return orjson.dumps(value).decode()[:60]


def _shown(alert: Record) -> str:
    return (
        f"{alert['typology']} of {alert['entity']['kind']} {alert['entity']['id']}"
        f" ({alert['alert_id'][:8]}, revision {alert['revision']}, {alert['status']})"
    )
