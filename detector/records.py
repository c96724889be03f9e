"""Alerts and decisions as the contract's records, in the contract's order of fields."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

from detector.alerts import SEVERITIES, WEIGHTS, Hit, Revision
from detector.rulebook import Rulebook
from detector.treatment import Calendar

ACTIONS: Final = (
    "hold_disbursement", "step_up_verification", "warn_customer", "freeze_limit", "reduce_limit",
    "restore_limit", "manual_review", "report_suspicious", "remind", "offer_plan",
    "renew_mandate", "retry_debit", "escalate", "none",
)  # fmt: skip
EXPIRING: Final = frozenset({"hold_disbursement", "freeze_limit"})
LASTING: Final = frozenset({"manual_review", "reduce_limit", "freeze_limit", "report_suspicious"})
EVIDENCE_MAX: Final = 64
SCORE_DIGITS: Final = 9


class Versions:
    """What was in force: rulebook, catalogue of features, models; `record` as in the contract."""

    def __init__(self, rulebook: str, features: str, models: str | None) -> None:
        self.record: dict[str, Any] = {
            "rulebook": rulebook, "features": features, "models": models,
        }  # fmt: skip

    def of_models(self, number: int) -> dict[str, Any]:
        """The record of a decision that a version of the models took part in; 0: none."""
        return {**self.record, "models": str(number)} if number else self.record


def noisy_or(severities: list[str]) -> float:
    """1 - product of (1 - weight), in the order given, so that the bits are always the same."""
    rest = 1.0
    for severity in severities:
        rest *= 1.0 - WEIGHTS[severity]
    return round(1.0 - rest, SCORE_DIGITS)


def reasons_of(hits: Mapping[str, Hit]) -> list[dict[str, Any]]:
    """The reasons of an alert: the weightiest first, each with its share of the score."""
    ordered = sorted(hits.values(), key=lambda hit: (-SEVERITIES.index(hit.severity), hit.rule_id))
    total = sum(WEIGHTS[hit.severity] for hit in ordered)
    reasons = []
    for hit in ordered:
        share = round(WEIGHTS[hit.severity] / total, SCORE_DIGITS)
        reason = dict(hit.reason)
        speaker = "rule" if "rule" in reason else "model"
        reasons.append({
            "code": reason.pop("code"), "text": reason.pop("text"),
            "text_zh": reason.pop("text_zh"), speaker: reason.pop(speaker),
            "contribution": share, **reason,
        })  # fmt: skip
    return reasons


class AlertWriter:
    """Writes the revisions of rule alerts as records."""

    def __init__(
        self, rulebook: Rulebook, calendar: Calendar, hold_ms: int, versions: Versions
    ) -> None:
        self._rulebook = rulebook
        self._calendar = calendar
        self._hold_ms = hold_ms
        self._versions = versions.record

    def record(self, revision: Revision, entity_kind: str) -> dict[str, Any]:
        """One line of `alerts.jsonl`, without `detected_at`."""
        alert, by = revision.alert, revision.by
        typology = self._rulebook.typologies[alert.scope.typology]
        hits = revision.hits
        actions = actions_of(hits) or ["none"]
        of_account = entity_kind == "account"
        return {
            "alert_id": alert.alert_id,
            "revision": revision.revision,
            "status": revision.status,
            "family": typology.family,
            "typology": alert.scope.typology,
            "severity": revision.severity,
            "entity": {"kind": entity_kind, "id": alert.entity_id},
            "case_id": case_id(alert.scope.entity, self._calendar.day(alert.first.occurred_at_ms)),
            "amount_minor": revision.amount_minor,
            "currency": by.currency if revision.amount_minor is not None else None,
            "act_by": by.act_by_ms if hits else None,
            "expires_at": self._expiry(actions, by.occurred_at_ms),
            "human_review": "required" if LASTING & set(actions) else "not_needed",
            "account_id": by.account_id if of_account else None,
            "trigger_event_id": by.event_id,
            "occurred_at": by.occurred_at_ms,
            "opened_at": alert.first.occurred_at_ms,
            "score": noisy_or([hit.severity for _, hit in sorted(hits.items())]),
            "reasons": reasons_of(hits),
            "techniques": list(typology.techniques),
            "evidence": _evidence(hits),
            "actions": actions,
            "treatment": None,
            "versions": self._versions,
        }

    def _expiry(self, actions: list[str], at_ms: int) -> int | None:
        return at_ms + self._hold_ms if EXPIRING & set(actions) else None


def actions_of(hits: Mapping[str, Hit]) -> list[str]:
    """The union of the rules' actions in the contract's order."""
    advised = {action for hit in hits.values() for action in hit.actions}
    return [action for action in ACTIONS if action in advised]


def case_id(entity: int, local_day: int) -> str:
    """The case of an entity and a local day (semantics 17)."""
    text = f"{entity}|{local_day}"
    return blake2b(text.encode(), digest_size=16, person=b"lendwatch.case").hexdigest()


def _evidence(hits: Mapping[str, Hit]) -> list[str]:
    named: dict[str, None] = {}
    for _, hit in sorted(hits.items()):
        named.update(dict.fromkeys(hit.evidence))
    return list(named)[:EVIDENCE_MAX]


def number(value: float) -> int | float | None:
    """A column's value as JSON has it: whole numbers as integers, NaN as null."""
    if value != value:
        return None
    return int(value) if value == int(value) else round(value, SCORE_DIGITS)
