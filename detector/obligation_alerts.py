"""The alert of an obligation as the contract's record: its state, why, what to do, how gently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from detector.alerts import WEIGHTS
from detector.borrowers import Key
from detector.money import Told
from detector.obligation_states import Limits, Standing
from detector.obligation_steps import NEVER_MS, Obligation
from detector.records import EVIDENCE_MAX, LASTING, Versions, case_id, number
from detector.retry_advice import advice_of
from detector.rules import Typology
from detector.treatment import Calendar, Contacts

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Moment:
    """What made a revision: an event, or a deadline after the obligation's last event."""

    at_ms: int
    event_id: str


def alert_id_of(key: Key) -> str:
    """The id of an obligation's alert: from account and obligation alone."""
    text = f"obligation|{key[0]}|{key[1]}"
    return blake2b(text.encode(), digest_size=16, person=b"lendwatch.alert").hexdigest()


class ObligationAlerts:
    """Writes the revisions of obligations' alerts."""

    def __init__(
        self, typologies: Mapping[str, Typology], limits: Limits, calendar: Calendar,
        contacts: Contacts, versions: Versions,
    ) -> None:  # fmt: skip
        self._typologies = typologies
        self._limits = limits
        self._calendar = calendar
        self._contacts = contacts
        self._versions = versions.record

    def record(
        self, key: Key, obligation: Obligation, state: str, standing: Standing, by: Moment,
        cure_days: Sequence[int],
    ) -> dict[str, Any]:  # fmt: skip
        """One line of `alerts.jsonl`, without `detected_at`.

        `state`: what the alert is called; where it is resolved, what it was called before.
        """
        typology, is_over = self._typologies[state], standing.state == ""
        severity, advised = typology.severity, typology.actions
        if standing.is_raised and not is_over:
            severity = typology.raised_severity or severity
            advised = typology.raised_actions or advised
        actions = ["none"] if is_over else list(advised)
        at_risk = max(0, obligation.due_minor - standing.facts.debited_minor)
        return {
            "alert_id": alert_id_of(key),
            "revision": obligation.revision,
            "status": obligation.status,
            "family": typology.family,
            "typology": state,
            "severity": severity,
            "entity": {"kind": "account", "id": obligation.account_id},
            "case_id": case_id(key[0], self._calendar.day(obligation.opened_at_ms)),
            "amount_minor": 0 if standing.is_paid else at_risk,
            "currency": obligation.currency,
            "act_by": None if is_over else self._act_by_ms(obligation, state, by.at_ms),
            "expires_at": None,
            "human_review": "required" if LASTING & set(actions) else "not_needed",
            "account_id": obligation.account_id,
            "trigger_event_id": by.event_id,
            "occurred_at": by.at_ms,
            "opened_at": obligation.opened_at_ms,
            "score": 0.0 if is_over else WEIGHTS[severity],
            "reasons": self._reasons(obligation, typology, standing, by, cure_days),
            "techniques": list(typology.techniques),
            "evidence": [step.event_id for step in obligation.steps][-EVIDENCE_MAX:],
            "actions": actions,
            "treatment": self._contacts.treatment(
                key[0], by.at_ms, hardship=standing.is_hardship,
                is_system_caused=standing.is_system_caused,
                is_deferred=standing.deferred_until_ms >= 0,
            ),
            "versions": self._versions,
        }  # fmt: skip

    @staticmethod
    def _act_by_ms(obligation: Obligation, state: str, at_ms: int) -> int | None:
        """The next boundary: after it the advice comes too late."""
        boundary_ms = obligation.overdue_ms
        if state == "shortfall_forecast":
            boundary_ms = obligation.due_ms
        return boundary_ms if boundary_ms >= at_ms else None

    def _reasons(
        self, obligation: Obligation, typology: Typology, standing: Standing, by: Moment,
        cure_days: Sequence[int],
    ) -> list[dict[str, Any]]:  # fmt: skip
        facts, currency = standing.facts, obligation.currency
        seen: dict[str, Any] = {
            "failures": facts.failures,
            "attempts": facts.attempts,
            "debited_minor": Told(facts.debited_minor, currency),
            "due_minor": Told(obligation.due_minor, currency),
            "left_minor": Told(max(0, obligation.due_minor - facts.debited_minor), currency),
            "hours_left": max(0, obligation.overdue_ms - by.at_ms) / HOUR_MS,
            "chance": obligation.chance,
        }
        observed, threshold = self._measured(obligation, typology.name, standing, by.at_ms)
        reasons = [_reason(
            typology.name, typology.text.format(**seen), typology.text_zh.format(**seen),
            f"{typology.name}@{typology.version}", 1.0, observed, 0, threshold,
        )]  # fmt: skip
        if standing.is_paid and facts.failed_first_ms >= 0:
            reasons.append(_cured(facts.paid_ms, facts.failed_first_ms, typology))
        if standing.state and standing.state != "shortfall_forecast":
            advice = advice_of(obligation, standing, cure_days, self._calendar)
            reasons.append(advice.reason(typology.version))
        return reasons

    def _measured(
        self, obligation: Obligation, state: str, standing: Standing, at_ms: int
    ) -> tuple[float | None, float | None]:
        """What a state rests on, and the value below which it would not be: counts, ms, chances."""
        facts, limits = standing.facts, self._limits
        if state == "shortfall_forecast":
            return obligation.chance, limits.forecast_chance
        if state == "debit_unhandled":
            again = standing.is_raised
            after_ms = limits.unhandled_again_ms if again else limits.unhandled_after_ms
            return max(0, at_ms - facts.failed_last_ms), after_ms
        if state == "debit_missed":
            last = facts.last_attempt
            since_ms = obligation.due_ms if last is None else last.at_ms
            return max(0, at_ms - since_ms), limits.missed_after_ms
        if state in ("overdue", "overdue_imminent"):
            return at_ms, obligation.overdue_ms
        if state == "plan_broken" and facts.plan is not None:
            return max(0, at_ms - facts.plan.until_ms), limits.plan_grace_ms
        if state == "deferred":
            until_ms = standing.deferred_until_ms
            return (until_ms if 0 <= until_ms < NEVER_MS else None), None
        return (facts.failures or 1), 1


def _cured(paid_ms: int, failed_ms: int, typology: Typology) -> dict[str, Any]:
    cure_ms = max(0, paid_ms - failed_ms)
    hours = number(round(cure_ms / HOUR_MS, 1))
    return _reason(
        "debit_cured", f"paid {hours} hours after the first failure",
        f"首次失败后{hours}小时还清", f"{typology.name}@{typology.version}", 0.0, cure_ms, None,
        None,
    )  # fmt: skip


def _reason(
    code: str, text: str, text_zh: str, rule: str, contribution: float, observed: float | None,
    normal: float | None, threshold: float | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "code": code, "text": text, "text_zh": text_zh, "rule": rule,
        "contribution": contribution, "observed": observed, "normal": normal,
        "threshold": threshold,
    }  # fmt: skip
