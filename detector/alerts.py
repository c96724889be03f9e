"""What an alert is: scope, subject, hits, triggers, revisions (laws 21-23 of README.md).

An alert is a set of triggers (events that hit) of one scope: typology,
entity, and the key of the stage that judged. Its id is a hash of the scope and its first trigger:
no clock, no counter, no host, no version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

WEIGHTS: Final[Mapping[str, float]] = {
    "critical": 0.95, "high": 0.8, "medium": 0.5, "low": 0.25, "info": 0.1,
}  # fmt: skip
SEVERITIES: Final = ("info", "low", "medium", "high", "critical")


@dataclass(slots=True, frozen=True)
class Scope:
    """What hits fold within: hashes of the entity and of the stage's key."""

    typology: str
    entity_kind: str
    entity: int
    key: int


@dataclass(slots=True, frozen=True)
class Subject:
    """An event that alerts speak of, with the names that outputs need."""

    event: int  # the id's hash
    event_id: str
    account: int
    account_id: str
    occurred_at_ms: int
    amount_minor: int | None
    currency: str | None
    act_by_ms: int | None


@dataclass(slots=True, frozen=True)
class Hit:
    """A rule that hit, with what it saw; it outlives the rulebook that the rule was of.

    `reason` is a reason of the contract without its contribution. `rule_id` may name a model.
    """

    rule_id: str
    version: int
    typology: str
    entity_kind: str
    severity: str
    actions: tuple[str, ...]
    reason: Mapping[str, Any]
    evidence: tuple[str, ...]


@dataclass(slots=True)
class Trigger:
    """An event that stands as a hit, and the rules that say so."""

    subject: Subject
    hits: dict[str, Hit]


@dataclass(slots=True)
class Alert:
    """An alert and its newest revision's standing."""

    alert_id: str
    scope: Scope
    entity_id: str
    first: Subject
    status: str
    revision: int = 0
    triggers: dict[int, Trigger] = field(default_factory=dict)
    seen: int = 0  # triggers that stand, those let go included
    severity: str = "info"
    born: int = 0  # its place in the order of opening at its key

    def span(self) -> tuple[int, int]:
        """The times of the earliest and the latest trigger; the first one's if none stands."""
        times = [trigger.subject.occurred_at_ms for trigger in self.triggers.values()]
        times = times or [self.first.occurred_at_ms]
        return min(times), max(times)

    def hits(self) -> dict[str, Hit]:
        """The newest hit of each rule over all triggers."""
        found: dict[str, Hit] = {}
        for trigger in sorted(self.triggers.values(), key=lambda t: t.subject.occurred_at_ms):
            found.update(trigger.hits)
        return found


@dataclass(slots=True, frozen=True)
class Revision:
    """What became of an alert at one event: enough to write the contract's record."""

    alert: Alert
    revision: int
    status: str
    by: Subject
    severity: str
    hits: Mapping[str, Hit]
    amount_minor: int | None
    triggers: int


def alert_id_of(scope: Scope, event: int) -> str:
    """The id of the alert that this event opens in this scope: 32 hexadecimal digits."""
    text = f"{scope.typology}|{scope.entity_kind}|{scope.entity}|{scope.key}|{event}"
    return blake2b(text.encode(), digest_size=16, person=b"lendwatch.alert").hexdigest()
