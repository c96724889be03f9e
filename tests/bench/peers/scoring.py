"""River's anomaly model over money events, and the decision that rests on it."""

from __future__ import annotations

from typing import Any

from judging import MINUTE_MS, Alert, Event
from river import anomaly, compose, preprocessing


class Anomaly:
    """River's half-space trees over money events: scored, then learned, one at a time."""

    def __init__(self) -> None:
        self._model = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1))

    def decide(self, event: Event, alerts: list[Alert]) -> dict[str, Any]:
        """The decision about a draw or a scheduled debit, with its score."""
        amount = event.get("amount_minor", event.get("amount_due_minor", 0))
        limit = event.get("credit_limit_minor") or amount or 1
        features = {
            "amount": float(amount),
            "share": amount / limit,
            "hour": event["occurred_at"] // (60 * MINUTE_MS) % 24,
        }
        score = self._model.score_one(features)
        self._model.learn_one(features)
        return {
            "event_id": event["event_id"],
            "account_id": event["account_id"],
            "occurred_at": event["occurred_at"],
            "score": score,
            "outcome": "review" if alerts else "approve",
        }


def is_decided(event: Event) -> bool:
    """Whether an event is one about which a decision is asked."""
    return event.get("status") == "requested" or event.get("outcome") == "scheduled"
