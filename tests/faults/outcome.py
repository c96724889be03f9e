"""What was said in the end, by a replay or by the service, in one form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson

from detector.memory import STAGES
from streams.replay import Options, load, replay
from streams.topics import CONTROL, TopicNames
from tests.faults.watching import records

Record = dict[str, Any]
AlertId = str
OF_CONTROL: Final = frozenset({"channel", "provider", "feed"})  # kinds of entities


@dataclass
class Outcome:
    """Alerts and decisions with how often each was said, and dead letters."""

    alerts: dict[AlertId, Record] = field(default_factory=dict)  # newest revision of each
    rules: dict[AlertId, set[str]] = field(default_factory=dict)  # that any revision names
    revisions: Counter[tuple[AlertId, int]] = field(default_factory=Counter)
    decisions: dict[tuple[str, str], Record] = field(default_factory=dict)
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    letters: list[Any] = field(default_factory=list)

    def take_alert(self, record: Record) -> None:
        """A revision of an alert."""
        record.pop("detected_at", None)
        name, revision = record["alert_id"], record["revision"]
        self.revisions[name, revision] += 1
        self.rules.setdefault(name, set()).update(
            reason["rule"].partition("@")[0] for reason in record["reasons"] if reason.get("rule")
        )
        if name not in self.alerts or self.alerts[name]["revision"] <= revision:
            self.alerts[name] = record

    def take_decision(self, record: Record) -> None:
        """A decision."""
        name = record["question"], record["event_id"]
        self.decided[name] += 1
        self.decisions[name] = record

    def but_for(self, typology: str) -> Outcome:
        """All but the alerts of a typology; revisions must still be whole."""
        left = {k: one for k, one in self.alerts.items() if one["typology"] != typology}
        return replace(self, alerts=left)

    @property
    def duplicates(self) -> list[str]:
        """What was said more than once, and revisions that are missing between others."""
        twice = [f"alert {k[0][:8]} revision {k[1]}: {n} times"
                 for k, n in self.revisions.items() if n > 1]  # fmt: skip
        return twice + [f"decision of {k[1]}: {n} times" for k, n in self.decided.items() if n > 1]

    @property
    def gaps(self) -> list[str]:
        """Alerts whose revisions are not 1, 2, 3, ..."""
        most = {name: alert["revision"] for name, alert in self.alerts.items()}
        return [
            f"alert {name[:8]} lacks a revision below {newest}"
            for name, newest in most.items()
            if any((name, k) not in self.revisions for k in range(1, newest + 1))
        ]


def replayed(log: Path, folder: Path) -> Outcome:
    """The truth: the same log through a replay."""
    replay(Options([str(log)], folder))
    outcome = Outcome()
    for line in (folder / "alerts.jsonl").read_bytes().splitlines():
        outcome.take_alert(orjson.loads(line))
    for line in (folder / "decisions.jsonl").read_bytes().splitlines():
        outcome.take_decision(orjson.loads(line))
    outcome.letters = [
        orjson.loads(line) for line in (folder / "dead_letters.jsonl").read_bytes().splitlines()
    ]
    return outcome


def served(bootstrap: str, prefix: str, partitions: int) -> Outcome:
    """What the service has committed."""
    names, outcome = TopicNames(prefix), Outcome()
    for message in whole(bootstrap, names.alert, partitions):
        outcome.take_alert(orjson.loads(message.value()))
    for message in whole(bootstrap, names.decision, partitions):
        outcome.take_decision(orjson.loads(message.value()))
    outcome.letters = list(whole(bootstrap, names.dead_letter, partitions))
    return outcome


def whole(bootstrap: str, topic: str, partitions: int) -> Iterable[Any]:
    """All committed records of a topic."""
    return records(bootstrap, {(topic, k): 0 for k in range(partitions)})


def stages_by_rule() -> Mapping[str, str]:
    """The stage at which each rule of the shipped rulebook is judged."""
    return {rule.id: rule.stage for rule in load(None, None)[1].rules}


def stage_of(alert: Record, rules: Iterable[str], stages: Mapping[str, str]) -> str:
    """The stage whose alert it is: that of its rules; of an obligation's, the first."""
    if alert["entity"]["kind"] in OF_CONTROL:
        return CONTROL
    found = {stages[rule] for rule in rules if rule in stages}
    assert len(found) <= 1, f"an alert of two stages: {sorted(rules)}"
    return found.pop() if found else STAGES[0]
