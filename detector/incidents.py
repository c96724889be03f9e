"""Incidents of channels and providers: their life from `open` to `resolved`, as alerts.

The ticks say which intervals of a series are incidents as of now. They are held against what was
told: an incident that is there goes on under its id, where it moved it is told again, and one that
late events explained away is withdrawn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from detector.alerts import WEIGHTS
from detector.control_memory import MINUTE_MS
from detector.money import Told
from detector.obligation_steps import NEVER_MS
from detector.records import EVIDENCE_MAX, LASTING, Versions, case_id, number
from detector.rules import Typology
from detector.treatment import Calendar

LASTS: Final = -1  # in place of an end
TOLD_FIRST: Final = 16  # hits of an incident at which it is told again, then twice as many
SAMPLES_MAX: Final = 256  # of a series, the newest
Interval = tuple[int, int]  # minutes: the first one; the first one after it, or LASTS
Record = dict[str, Any]


@dataclass(slots=True)
class Incident:
    """An incident and what was last told of it."""

    alert_id: str
    typology: str
    entity: tuple[str, str]  # kind, id
    began: int  # minutes
    end: int
    opened_at_ms: int
    status: str = ""
    revision: int = 0
    closed: int = LASTS  # the minute in which its end was seen

    @property
    def is_open(self) -> bool:
        """Whether its alert stands."""
        return self.status in ("open", "updated")


@dataclass(frozen=True, slots=True)
class Measured:
    """What an interval amounts to. `usual`, `tolerated`: shares, when it began; of a feed minutes.

    `event_id`: the newest event of all, which stands for a tick. `is_share`: what is compared with
    them is the share of hits, else their number.
    """

    attempts: int
    hits: int
    amount_minor: int
    usual: float
    tolerated: float
    event_id: str
    is_share: bool = True


@dataclass(slots=True)
class Samples:
    """The newest events that count against somebody, for evidence."""

    kept: deque[tuple[int, str, str]] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))
    currency: str | None = None

    def within(self, began: int, end: int) -> list[str]:
        """Ids of those of some minutes, newest first."""
        return [event_id for event_id, _ in self._of(began, end)][:EVIDENCE_MAX]

    def accounts(self, began: int, end: int) -> int:
        """Of how many accounts they are."""
        return len({account_id for _, account_id in self._of(began, end)})

    def forget(self, is_meant: Callable[[str], bool]) -> None:
        """Drop those of the account whose id is meant."""
        kept = [one for one in self.kept if not is_meant(one[2])]
        self.kept = deque(kept, SAMPLES_MAX)

    def _of(self, began: int, end: int) -> list[tuple[str, str]]:
        return [
            (event_id, account_id) for minute, event_id, account_id in reversed(self.kept)
            if began <= minute and (end == LASTS or minute < end)
        ]  # fmt: skip


def settle(
    told: Sequence[Incident], found: Sequence[Interval]
) -> tuple[list[tuple[Incident, Interval]], list[Incident], list[Interval]]:
    """Which incident each interval is: those that go on, those that are not there, new intervals.

    An interval goes on as the first incident that it overlaps; what is withdrawn may come back.
    """
    left, pairs, fresh = list(told), [], []
    for interval in found:
        match = next((one for one in left if _overlap(interval, (one.began, one.end))), None)
        if match is None:
            fresh.append(interval)
        else:
            left.remove(match)
            pairs.append((match, interval))
    return pairs, [one for one in left if one.status != "withdrawn"], fresh


def _overlap(one: Interval, other: Interval) -> bool:
    ends = [NEVER_MS if end == LASTS else end for _, end in (one, other)]
    return one[0] <= ends[1] and other[0] <= ends[0]


class IncidentAlerts:
    """Writes the revisions of incidents as the contract's records."""

    def __init__(self, calendar: Calendar, versions: Versions) -> None:
        self._calendar = calendar
        self._versions = versions.record

    def record(
        self, incident: Incident, typology: Typology, at_ms: int, measured: Measured,
        samples: Samples,
    ) -> Record:  # fmt: skip
        """One line of `alerts.jsonl`, without `detected_at`, of an incident as it stands."""
        is_over = not incident.is_open
        actions = ["none"] if is_over else list(typology.actions)
        kind, name = incident.entity
        evidence = samples.within(incident.began, incident.end)
        return {
            "alert_id": incident.alert_id,
            "revision": incident.revision,
            "status": incident.status,
            "family": typology.family,
            "typology": incident.typology,
            "severity": typology.severity,
            "entity": {"kind": kind, "id": name},
            "case_id": case_id(
                _number(f"{kind}|{name}"), self._calendar.day(incident.opened_at_ms)
            ),
            "amount_minor": measured.amount_minor if samples.currency else None,
            "currency": samples.currency,
            "act_by": None,
            "expires_at": None,
            "human_review": "required" if LASTING & set(actions) else "not_needed",
            "account_id": None,
            "trigger_event_id": next(iter(evidence), measured.event_id),
            "occurred_at": at_ms,
            "opened_at": incident.opened_at_ms,
            "score": 0.0 if is_over else WEIGHTS[typology.severity],
            "reasons": self._reasons(incident, typology, measured, samples),
            "techniques": list(typology.techniques),
            "evidence": evidence,
            "actions": actions,
            "treatment": None,
            "versions": self._versions,
        }

    @staticmethod
    def _reasons(
        incident: Incident, typology: Typology, measured: Measured, samples: Samples
    ) -> list[Record]:
        share = measured.hits / max(1, measured.attempts)
        seen = {
            "hits": measured.hits, "attempts": measured.attempts, "share": Told(share),
            "usual": Told(measured.usual),
            "amount_minor": Told(measured.amount_minor, samples.currency or ""),
        }  # fmt: skip
        rule = f"{typology.name}@{typology.version}"
        reasons = [{
            "code": typology.name, "text": typology.text.format(**seen),
            "text_zh": typology.text_zh.format(**seen), "rule": rule, "contribution": 1.0,
            "observed": _share(share if measured.is_share else measured.hits),
            "normal": _share(measured.usual),
            "threshold": _share(measured.tolerated),
        }]  # fmt: skip
        edges = [("incident_began", "it began", "故障开始", incident.began)]
        if incident.end != LASTS:
            edges.append(("incident_ended", "it ended", "故障结束", incident.end))
        return reasons + [
            {"code": code, "text": text, "text_zh": text_zh, "rule": rule, "contribution": 0.0,
             "observed": minute * MINUTE_MS, "normal": None, "threshold": None}
            for code, text, text_zh, minute in edges
        ]  # fmt: skip


def incident_id(typology: str, entity: tuple[str, str], cause: str, began: int) -> str:
    """The id of an incident's alert: from what it is, whose, when it first began."""
    text = f"incident|{typology}|{entity[0]}|{entity[1]}|{cause}|{began}"
    return blake2b(text.encode(), digest_size=16, person=b"lendwatch.alert").hexdigest()


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def _share(value: float) -> float | None:
    return None if value != value else number(round(value, 6))
