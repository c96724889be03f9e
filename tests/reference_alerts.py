"""How the slow engine folds hits into alerts (laws 21-24) and decides (26).

An alert's id is a tuple here (scope and first trigger); another engine's ids are compared by
bijection. The laws cited are those of detector/README.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.reference_memory import DAY, Entry
from tests.reference_rules import QUIET_MS, RULES, Rule

RULE = {rule.id: rule for rule in RULES}
SEVERITIES = ("info", "low", "medium", "high", "critical")
WEIGHTS = {"critical": 0.95, "high": 0.8, "medium": 0.5, "low": 0.25, "info": 0.1}
ACTIONS = (
    "hold_disbursement", "step_up_verification", "warn_customer", "freeze_limit", "reduce_limit",
    "restore_limit", "manual_review", "report_suspicious", "remind", "offer_plan",
    "renew_mandate", "retry_debit", "escalate", "none",
)  # fmt: skip  # the contract's order
TRIGGER_LIMIT = 64

Scope = tuple[str, str, str, str, str]  # typology, entity kind, entity id, stage, stage key


def combined(severities: Iterable[str]) -> float:
    """1 - the product of (1 - w) over the rules that hit."""
    return round(1 - math.prod(1 - WEIGHTS[severity] for severity in severities), 9)


@dataclass
class Alert:
    id: tuple[Any, ...]
    scope: Scope
    opened_at: int
    order: int  # of opening
    revision: int = 0
    status: str = ""
    triggers: list[tuple[Entry, frozenset[str]]] = field(default_factory=list)  # by place
    count: int = 0  # of triggers, those no longer kept too
    severity: str = "info"
    actions: list[str] = field(default_factory=list)
    score: float = 0.0

    @property
    def is_open(self) -> bool:
        return self.status in ("open", "updated")

    @property
    def quiet_ms(self) -> int:
        return QUIET_MS[self.scope[0]]

    def reaches(self, t: int) -> bool:
        """Law 21: first - quiet <= t <= last + quiet over the triggers."""
        times = [entry.t for entry, _ in self.triggers]
        return min(times) - self.quiet_ms <= t <= max(times) + self.quiet_ms

    def index(self, entry: Entry) -> int | None:
        ids = [trigger.id for trigger, _ in self.triggers]
        return ids.index(entry.id) if entry.id in ids else None

    def add(self, entry: Entry, rules: frozenset[str]) -> None:
        """A new trigger; the first and the newest 63 are kept."""
        self.triggers = sorted([*self.triggers, (entry, rules)], key=lambda pair: pair[0].place)
        if len(self.triggers) > TRIGGER_LIMIT:
            del self.triggers[1]
        self.count += 1

    def weigh(self) -> None:
        """Law 23, over the distinct rules of the triggers; a withdrawn alert stays as it was."""
        ids = sorted({rule for _, rules in self.triggers for rule in rules})
        if not ids:
            return
        rules = [RULE[rule] for rule in ids]
        self.severity = max((rule.severity for rule in rules), key=SEVERITIES.index)
        advised = {action for rule in rules for action in rule.actions}
        self.actions = [action for action in ACTIONS if action in advised]
        self.score = combined(rule.severity for rule in rules)


class Folder:
    """The alerts of one stage, and what stands for each event on each scope."""

    def __init__(self) -> None:
        self.alerts: dict[tuple[Any, ...], Alert] = {}
        self.standing: dict[tuple[Scope, str], frozenset[str]] = {}
        self.taken: dict[tuple[Scope, str], tuple[Any, ...]] = {}  # the alert that took the hits

    def stood(self, scope: Scope, entry: Entry) -> frozenset[str]:
        return self.standing.get((scope, entry.id), frozenset())

    def stand(self, scope: Scope, entry: Entry, rules: frozenset[str]) -> list[dict[str, Any]]:
        """What now stands for an event on a scope, and the revisions that follow (laws 21, 22)."""
        if rules == self.stood(scope, entry):
            return []
        self.standing[scope, entry.id] = rules
        for alert in self.alerts.values():
            if alert.scope == scope and alert.is_open and alert.index(entry) is not None:
                return [self.change(alert, entry, rules)]
        return self.fold(scope, entry, rules) if rules else []

    def change(self, alert: Alert, entry: Entry, rules: frozenset[str]) -> dict[str, Any]:
        """Other rules for a known trigger, or none: it ceases to be one."""
        index = alert.index(entry)
        assert index is not None
        if rules:
            alert.triggers[index] = (entry, rules)
        else:
            del alert.triggers[index]
            alert.count -= 1
        return self.revise(alert, "updated" if alert.triggers else "withdrawn", entry)

    def fold(self, scope: Scope, entry: Entry, rules: frozenset[str]) -> list[dict[str, Any]]:
        """A new trigger: into the newest opened alert that it reaches, or one of its own."""
        reached = [
            alert for alert in self.alerts.values()
            if alert.scope == scope and alert.is_open and alert.reaches(entry.t)
        ]  # fmt: skip
        own = self.alerts.get((scope, entry.id))
        if not reached and own is not None and own.is_open:
            reached = [own]  # out of its reach, but of its id
        if reached:
            alert = max(reached, key=lambda alert: alert.order)
            before = SEVERITIES.index(alert.severity)
            alert.add(entry, rules)
            self.taken[scope, entry.id] = alert.id
            alert.weigh()
            rose = SEVERITIES.index(alert.severity) > before
            told = alert.count <= 16 or alert.count & (alert.count - 1) == 0
            return [self.revise(alert, "updated", entry)] if told or rose else []
        if own is None:
            own = Alert((scope, entry.id), scope, entry.t, len(self.alerts))
            self.alerts[own.id] = own
        own.triggers, own.count = [], 0
        own.add(entry, rules)
        self.taken[scope, entry.id] = own.id
        return [self.revise(own, "open", entry)]

    def withdraw(self, typology: str, kind: str, id: str, entry: Entry) -> list[dict[str, Any]]:
        """Law 22: every open alert of a typology and entity that is not long past."""
        return [
            self.revise(alert, "withdrawn", entry)
            for alert in self.alerts.values()
            if alert.scope[:3] == (typology, kind, id) and alert.is_open
            and max(trigger.t for trigger, _ in alert.triggers) >= entry.t - alert.quiet_ms - DAY
        ]  # fmt: skip

    def revise(self, alert: Alert, status: str, entry: Entry) -> dict[str, Any]:
        alert.weigh()
        alert.revision += 1
        alert.status = status
        typology, kind, id, _, _ = alert.scope
        rules = {rule for _, rules in alert.triggers for rule in rules}
        named = {id for rule in rules for id in entry.evidence.get(rule, ())}
        return {
            "alert_id": alert.id, "revision": alert.revision, "status": status,
            "typology": typology, "severity": alert.severity, "entity": (kind, id),
            "account_id": id if kind == "account" else None,
            "trigger_event_id": entry.id, "occurred_at": entry.t, "opened_at": alert.opened_at,
            "score": alert.score, "actions": alert.actions, "rules": sorted(rules),
            "evidence": sorted(named) if status == "open" else [],
        }  # fmt: skip


@dataclass
class Judged:
    """What was found about one event on its way, for its decision."""

    hits: list[Rule] = field(default_factory=list)
    alerts: set[tuple[Any, ...]] = field(default_factory=set)  # that took this event's hits
    degraded: bool = False


def decide(entry: Entry, judged: Judged) -> dict[str, Any]:
    """Law 26; the score of law 27 is left out, for its anomaly."""
    hits = [rule for rule in judged.hits if not rule.withdraws]
    holding = [rule for rule in hits if "hold_disbursement" in rule.actions]
    if any(rule.severity == "critical" for rule in holding):
        outcome = "decline"
    elif holding or any("step_up_verification" in rule.actions for rule in hits):
        outcome = "challenge"
    elif judged.degraded or any(rule.severity != "info" for rule in hits):
        outcome = "review"
    else:
        outcome = "approve"
    debit = entry.type == "auto_debit"
    return {
        "event_id": entry.id, "account_id": entry.account, "occurred_at": entry.t,
        "question": "insufficient_balance" if debit else "unauthorized_transfer",
        "outcome": outcome, "degraded": judged.degraded,
        "human_review": "required" if outcome == "decline" else "not_needed",
        "rules": combined(rule.severity for rule in hits),
        "alert_ids": judged.alerts,
    }  # fmt: skip
