"""The decisions of a batch, in event order: of draws at the end of their way, of debits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detector.alerts import Hit
from detector.costs import Costs
from detector.decisions import (
    DRAW_COLUMNS,
    OUTCOMES,
    Said,
    anomalies,
    draw_decision,
    draw_score,
    outcome_of,
    rules_score,
)
from detector.entering import Rows
from detector.events import AMOUNT, CODE, T, currency_of
from detector.features import Columns
from detector.folding import Folded
from detector.model_risk import ModelRisk
from detector.records import Versions
from detector.told import Told

if TYPE_CHECKING:  # river is slow to import
    from detector.models.draws import DrawModels, Risk


class Decider:
    """Writes the decisions of a batch."""

    def __init__(
        self, columns: Columns, versions: Versions, models: DrawModels | None = None,
        risk: ModelRisk | None = None, costs: Costs | None = None,
    ) -> None:  # fmt: skip
        """`models` and `risk`: both or neither."""
        self._costs = costs
        self._columns = np.array([columns.index[name] for name in DRAW_COLUMNS], np.int64)
        self._versions = versions
        self._models = models
        self._risk = risk

    def decide(
        self, told: Told, rows: Rows, draws: NDArray[np.int64], folded: Sequence[Folded],
        others: Mapping[int, dict[str, Any]],
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The decisions on these rows, draws told for the first time, and `others` between them."""
        anomaly = anomalies(draws, rows.values, self._columns).tolist()
        places = draws.tolist()
        hits = [_hits(folded, row) for row in places]
        said, found = self._said(rows, draws, hits)
        made = dict(others)
        for k, row in enumerate(places):
            alert_ids = [
                alert_id for part in folded if row in part.alert_ids
                for alert_id in part.alert_ids[row]
            ]  # fmt: skip
            risks: dict[str, Hit] = {}
            if self._risk is not None and (said_of := said[k]) is not None:
                score = draw_score(rules_score(hits[k]), anomaly[k], said_of)
                alert_id, risks = self._risk.judge(rows, row, found.get(k), score, said_of.version)
                alert_ids += [alert_id] if risks else []
            event = {
                "event_id": told.event_ids[row], "account_id": told.account_ids[row],
                "occurred_at": int(rows.words[row, T]),
            }  # fmt: skip
            made[row] = draw_decision(
                event, hits[k], anomaly[k], list(dict.fromkeys(alert_ids)),
                is_degraded=bool(rows.degraded[row]), versions=self._versions, said=said[k],
                risks=risks, by_cost=self._by_cost(rows.words[row], said[k]),
            )  # fmt: skip
        return [made[row] for row in sorted(made)]

    def _by_cost(self, words: NDArray[np.int64], said: Said | None) -> str:
        """What a draw's expected loss is worth, where costs and a chance are known."""
        if self._costs is None or said is None or said.score is None:
            return OUTCOMES[0]
        currency = currency_of(int(words[CODE]))
        return self._costs.outcome(said.score, int(words[AMOUNT]), currency)

    def _said(
        self, rows: Rows, draws: NDArray[np.int64], hits: Sequence[Mapping[str, Hit]]
    ) -> tuple[Sequence[Said | None], Mapping[int, Sequence[Risk]]]:
        """What the models say of each draw, and what passed a threshold where one spoke."""
        if self._models is None:
            return [None] * len(draws), {}
        degraded = rows.degraded[draws].tolist()
        rules = np.array([rules_score(each) for each in hits], np.float64)
        outcomes = [
            outcome_of(each, is_degraded=bool(is_degraded))
            for each, is_degraded in zip(hits, degraded, strict=True)
        ]
        scores = self._models.take(rows, draws, rules, outcomes)
        supervised = 1.0 / (1.0 + np.exp(-scores.margin))
        columns = (scores.anomaly, supervised, scores.blended)
        told = [[None if math.isnan(x) else x for x in column.tolist()] for column in columns]
        return list(map(Said, *told, scores.versions.tolist())), scores.risks


def _hits(folded: Sequence[Folded], row: int) -> dict[str, Hit]:
    """The rules that hit on a row, at any stage."""
    found = [part.hits[row] for part in folded if row in part.hits]
    return {name: hit for hits in found for name, hit in hits.items()}
