"""The decisions of a batch, in event order: of draws at the end of their way, of debits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.decisions import DRAW_COLUMNS, anomalies, draw_decision
from detector.entering import Rows
from detector.events import T
from detector.features import Columns
from detector.folding import Folded
from detector.records import Versions
from detector.told import Told


class Decider:
    """Writes the decisions of a batch."""

    def __init__(self, columns: Columns, versions: Versions) -> None:
        self._columns = np.array([columns.index[name] for name in DRAW_COLUMNS], np.int64)
        self._versions = versions

    def decide(
        self, told: Told, rows: Rows, draws: NDArray[np.int64], folded: Sequence[Folded],
        others: Mapping[int, dict[str, Any]],
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The decisions on these rows, draws told for the first time, and `others` between them."""
        anomaly = anomalies(draws, rows.values, self._columns).tolist()
        made = dict(others)
        for row, score in zip(draws.tolist(), anomaly, strict=True):
            hits = {k: hit for part in folded if row in part.hits
                    for k, hit in part.hits[row].items()}  # fmt: skip
            alert_ids = [
                alert_id for part in folded if row in part.alert_ids
                for alert_id in part.alert_ids[row]
            ]  # fmt: skip
            event = {
                "event_id": told.event_ids[row], "account_id": told.account_ids[row],
                "occurred_at": int(rows.words[row, T]),
            }  # fmt: skip
            made[row] = draw_decision(
                event, hits, score, list(dict.fromkeys(alert_ids)),
                is_degraded=bool(rows.degraded[row]), versions=self._versions,
            )  # fmt: skip
        return [made[row] for row in sorted(made)]
