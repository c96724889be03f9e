"""Incidents of a run: since when, until when, and which instalments a channel's outage held.

What would have gone out without an outage is not guessed: the debits that it hit go once more
through the engine, under the same rules but that which finds outages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.obligation_alerts import alert_id_of
from detector.policy import Policy
from detector.rulebook import Rulebook
from detector.schema import AutoDebit, Disposition, Event
from streams.explain_run import Record, Run
from streams.report.gather import PAID

OUTAGE: Final = "channel_outage"
FORECAST: Final = "shortfall_forecast"  # rests on what else the account did
HELD_MAX: Final = 5_000  # instalments of a run that are looked into
SHORT: Final = frozenset({"insufficient_balance", "partial"})
Key = tuple[str, str]  # account, obligation


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as its last revision has it."""

    last: Record
    began_ms: int
    ended_ms: int | None  # None: it lasts

    @property
    def is_outage(self) -> bool:
        """Whether it holds instalments of a channel."""
        return bool(self.last["typology"] == OUTAGE and self.last["status"] != "withdrawn")

    def holds(self, event: AutoDebit) -> bool:
        """Whether an attempt failed under it."""
        is_in = self.last["entity"]["id"] == event.channel and self.began_ms < event.occurred_at
        is_in &= self.ended_ms is None or event.occurred_at <= self.ended_ms
        return is_in and event.outcome == "channel_error"


def incidents_of(run: Run, rulebook: Rulebook) -> list[Incident]:
    """All incidents of a run by their beginning."""
    kinds = {name for name, one in rulebook.typologies.items() if one.kind == "incident"}
    found = []
    for revisions in run.alerts.values():
        last = revisions[-1]
        if last["typology"] in kinds:
            edges = {reason["code"]: reason["observed"] for reason in last["reasons"]}
            found.append(Incident(last, edges["incident_began"], edges.get("incident_ended")))
    return sorted(found, key=lambda one: (one.began_ms, one.last["alert_id"]))


@dataclass(slots=True)
class Instalment:
    """An instalment that an outage held: its attempts and what came after them."""

    incident: str
    first_ms: int  # of its first attempt in vain
    steps: list[AutoDebit]

    @property
    def fate(self) -> tuple[str, int | None]:
        """What became of it, and when: `paid`, `short` (of balance at first, paid since), or still
        `open`."""
        debited, was_short = 0, False
        for step in self.steps:
            if step.occurred_at < self.first_ms:
                continue
            debited += step.amount_debited_minor
            if step.outcome in PAID or debited >= step.amount_due_minor:
                return "short" if was_short else "paid", step.occurred_at
            was_short |= step.outcome in SHORT
        return "open", None


@dataclass(slots=True)
class Held:
    """Gathers, while the log passes, the instalments that outages hit."""

    outages: Sequence[Incident]
    instalments: dict[Key, Instalment] = field(default_factory=dict)
    left_out: int = 0
    _steps: dict[Key, list[AutoDebit]] = field(default_factory=dict)  # of those not hit
    _answers: list[Disposition] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Keep what an outage may concern."""
        if not self.outages:
            return
        if isinstance(event, Disposition):
            self._answers.append(event)
        elif isinstance(event, AutoDebit):
            self._debit(event)

    def _debit(self, event: AutoDebit) -> None:
        key = event.account_id, event.obligation_id
        if (known := self.instalments.get(key)) is not None:
            known.steps.append(event)
            return
        outage = next((one for one in self.outages if one.holds(event)), None)
        if outage is not None and len(self.instalments) >= HELD_MAX:
            self.left_out += 1
        elif outage is not None:
            steps = [*self._steps.pop(key, ()), event]
            self.instalments[key] = Instalment(outage.last["alert_id"], event.occurred_at, steps)
        elif event.outcome in PAID:
            self._steps.pop(key, None)
        else:
            self._steps.setdefault(key, []).append(event)

    def of(self, incident: Incident) -> dict[Key, Instalment]:
        """Those that an outage held, by their first attempt in vain."""
        name = incident.last["alert_id"]
        own = [one for one in self.instalments.items() if one[1].incident == name]
        return dict(sorted(own, key=lambda one: (one[1].first_ms, one[0])))

    def events(self) -> list[Event]:
        """All that is known of them, by time."""
        accounts = {account for account, _ in self.instalments}
        found: list[Event] = [one for one in self._answers if one.account_id in accounts]
        found += [step for one in self.instalments.values() for step in one.steps]
        return sorted(found, key=lambda event: event.occurred_at)


def alert_ids(keys: Iterable[Key]) -> dict[Key, str]:
    """The ids that the alerts of these instalments have, where they have one."""
    hashed = Ids().hash
    return {key: alert_id_of((hashed(key[0]), hashed(key[1]))) for key in keys}


def without_outages(
    held: Held, rulebook: Rulebook, policy: Policy, until_ms: int
) -> Mapping[str, list[Record]]:
    """What would have been said of the instalments that outages held, by alert: the same rules,
    up to the same time, but nobody looks for outages."""
    if not held.instalments:
        return {}
    typologies = {name: one for name, one in rulebook.typologies.items() if name != OUTAGE}
    ids = Ids()
    engine = Engine(replace(rulebook, typologies=typologies), policy, ids)
    lines = [msgspec.json.encode(event) for event in held.events()]
    batch = Decoder(ids, TIME_MAX_MS).decode(lines)
    said = engine.process(batch).alerts + engine.advance(until_ms).alerts
    wanted = set(alert_ids(held.instalments).values())
    found: dict[str, list[Record]] = {}
    for alert in said:
        if alert["alert_id"] in wanted and alert["typology"] != FORECAST:
            found.setdefault(alert["alert_id"], []).append(alert)
    return found
