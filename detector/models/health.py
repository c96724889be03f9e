"""The health of models: `score_drift` and `model_decay` as alerts, and what people answer to them.

Entity: the model of a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.alerts import WEIGHTS
from detector.entering import REPEAT, Rows
from detector.events import KINDS_OF_TYPE
from detector.models.decay import DecayTerms
from detector.models.drift import DriftTerms
from detector.models.examples import DAY_MS
from detector.models.follower import Follower
from detector.models.watch import DECAY, DRIFT, RESULTS, Health, WatchTerms
from detector.records import Versions, case_id, number
from detector.rulebook import Rulebook
from detector.schema import Disposition, Event
from detector.treatment import Calendar

PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "supervised": ("Supervised model", "监督模型"), "anomaly": ("Anomaly model", "异常模型"),
}  # fmt: skip


def watch_terms(rulebook: Rulebook) -> WatchTerms:
    """What a rulebook says of when a model is not well; what it does not have is not watched."""

    def told(typology: str, name: str) -> float:
        return rulebook.parameters[f"{typology}.{name}"]

    def days(typology: str, name: str) -> int:
        return round(told(typology, name) / DAY_MS)

    drift = decay = None
    if DRIFT in rulebook.typologies:
        spans = [days(DRIFT, name) for name in ("recent_ms", "earlier_ms", "fill_ms")]
        counts = [int(told(DRIFT, name)) for name in ("rows", "looks")]
        drift = DriftTerms(told(DRIFT, "index"), counts[0], counts[1], *spans)
    if DECAY in rulebook.typologies:
        shares = [told(DECAY, name) for name in ("share", "flagged_share", "chance")]
        spans = [days(DECAY, name) for name in ("recent_ms", "usual_ms", "known_ms")]
        decay = DecayTerms(shares[0], shares[1], shares[2], *spans)
    return WatchTerms(drift, decay)


class ModelHealth:
    """Stands between the watch over what a follower learns and people."""

    def __init__(
        self, follower: Follower, rulebook: Rulebook, calendar: Calendar, versions: Versions
    ) -> None:
        self._follower = follower
        self._typologies = rulebook.typologies
        self._calendar = calendar
        self._versions = versions

    def hear(self, events: Sequence[Event], rows: Rows, kinds: NDArray[np.int64]) -> None:
        """Take what people say of alerts in a batch, before the models take it.

        An alert of a model is nobody's, so that what is said of it may come without an account.
        """
        watch = self._follower.watch
        if watch is None:
            return
        low, high = KINDS_OF_TYPE["disposition"]
        said = (kinds >= low) & (kinds <= high) & (rows.state != REPEAT)
        for row in np.flatnonzero(said).tolist():
            event = events[row]
            if isinstance(event, Disposition) and event.alert_id is not None:
                watch.hear(int(rows.clock[row]), event.alert_id, event.disposition)

    def take_alerts(self, event_ids: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
        """The revisions since this was last asked, with the row before which each was said.

        `event_ids`: of the batch's rows.
        """
        said, self._follower.said = self._follower.said, []
        return [(row, self.record(one, event_ids[row], version)) for row, one, version in said]

    def counts(self) -> dict[str, dict[str, int]]:
        """How often each result came, as of a rule; empty where nothing is watched."""
        watch = self._follower.watch
        if watch is None:
            return {}
        return {
            name: {result: counts[result] for result in RESULTS}
            for name, counts in watch.results.items() if name in self._typologies
        }  # fmt: skip

    def record(self, said: Health, event_id: str, version: int) -> dict[str, Any]:
        """One line of `alerts.jsonl`, without `detected_at`.

        `event_id`: the event at which it was said; `version`: of the models in force, 0 for none.
        """
        typology = self._typologies[said.typology]
        is_over = said.status == "resolved"
        return {
            "alert_id": said.alert_id,
            "revision": said.revision,
            "status": said.status,
            "family": typology.family,
            "typology": said.typology,
            "severity": typology.severity,
            "entity": {"kind": "model", "id": said.question},
            "case_id": case_id(_hash(said.question), self._calendar.day(said.opened_ms)),
            "amount_minor": None,
            "currency": None,
            "act_by": None,
            "expires_at": None,
            "human_review": "required" if said.typology == DRIFT and not is_over else "not_needed",
            "account_id": None,
            "trigger_event_id": event_id,
            "occurred_at": said.at_ms,
            "opened_at": said.opened_ms,
            "score": 0.0 if is_over else WEIGHTS[typology.severity],
            "reasons": [self._reason(said, version)],
            "techniques": list(typology.techniques),
            "evidence": [],
            "actions": ["none"] if is_over else list(typology.actions),
            "treatment": None,
            "versions": self._versions.of_models(version),
        }

    def _reason(self, said: Health, version: int) -> dict[str, Any]:
        typology = self._typologies[said.typology]
        name, name_zh = PARTS[said.part]
        seen = {"score": said.observed, "threshold": said.threshold}
        return {
            "code": f"{said.typology}.{said.part}",
            "text": f"{name}: {typology.text.format(**seen)}",
            "text_zh": f"{name_zh}：{typology.text_zh.format(**seen)}",
            "model": f"{said.part}@{version}", "contribution": 1.0,
            "observed": number(said.observed), "normal": number(said.normal),
            "threshold": number(said.threshold),
        }  # fmt: skip


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
