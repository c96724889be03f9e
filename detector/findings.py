"""What stood behind the hits of one event at one stage: every column, as the rules saw it.

An alert says why in a few words; this is the whole, for whoever asks what would have cleared it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detector.alerts import Hit, Subject
from detector.catalogue import FIELDS_OF, STANDING_SUFFIX, FeatureSpec
from detector.events import (
    INPUT_MISSING,
    KIND_MASK,
    KINDS_OF_TYPE,
    NO_HISTORY,
    SOURCE_MISSING,
)  # fmt: skip
from detector.features import Columns

CAUSES: Final = {
    NO_HISTORY: "no_history", SOURCE_MISSING: "source_missing", INPUT_MISSING: "input_missing",
}  # fmt: skip
NULL_CAUSES: Final = NO_HISTORY | SOURCE_MISSING | INPUT_MISSING


class Findings:
    """Writes findings; `columns` are all columns of a rulebook with these features.

    `standing`: the columns that ask for a typology's newest hit, by typology.
    """

    def __init__(self, columns: Columns, features: tuple[FeatureSpec, ...]) -> None:
        self.standing = {
            name.removesuffix(STANDING_SUFFIX): place
            for place, name in enumerate(columns.names)
            if name.endswith(STANDING_SUFFIX)
        }
        self._columns = {
            event_type: [
                (name, columns.index[name])
                for name in (
                    *FIELDS_OF[event_type],
                    *(feature.name for feature in features if event_type in feature.on),
                    *(name for name in columns.names if name.endswith(STANDING_SUFFIX)),
                )
            ]
            for event_type in FIELDS_OF
            if event_type in KINDS_OF_TYPE
        }

    def record(
        self, stage: str, subject: Subject, code: int, hits: Mapping[str, Mapping[str, Hit]],
        values: NDArray[np.float64], causes: NDArray[np.uint8], *, again: bool,
    ) -> dict[str, Any]:  # fmt: skip
        """One line of findings.jsonl; `hits` by alert id, then by rule id."""
        kind = code & KIND_MASK
        event_type = next(
            name for name, (low, high) in KINDS_OF_TYPE.items() if low <= kind <= high
        )
        known: dict[str, float] = {}
        missing: dict[str, str] = {}
        for name, column in self._columns[event_type]:
            value = float(values[column])
            if value == value:
                known[name] = value
            elif (cause := int(causes[column]) & NULL_CAUSES) != 0:
                missing[name] = CAUSES[cause]
        return {
            "event_id": subject.event_id,
            "occurred_at": subject.occurred_at_ms,
            "account_id": subject.account_id,
            "stage": stage,
            "again": again,
            "rules": [
                {"id": rule_id, "version": hit.version, "alert_id": alert_id}
                for alert_id, of_alert in hits.items()
                for rule_id, hit in sorted(of_alert.items())
            ],
            "columns": known,
            "missing": missing,
        }
