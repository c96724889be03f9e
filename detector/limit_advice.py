"""Advice on an account's credit limit: freeze it, reduce it, restore it. A person decides.

A freeze protects the victim of a confirmed fraud; it ends by itself unless a person confirms again.
A reduction asks for a pattern of unpaid obligations, never for one, and never for what the system
or a hardship caused. A restoration undoes either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from detector.alerts import WEIGHTS
from detector.ledgers import FROZEN_FOR_MAX, Freeze, Ledger
from detector.obligation_alerts import Moment
from detector.obligation_steps import Obligation
from detector.records import EVIDENCE_MAX, LASTING, Versions, case_id
from detector.rulebook import Rulebook
from detector.rules import Typology
from detector.schema import Disposition
from detector.treatment import Calendar, Contacts

FREEZE, REDUCTION, RESTORATION = "limit_freeze", "limit_reduction", "limit_restoration"
Records = list[dict[str, Any]]
NEEDED: Final = ("limit_freeze.lasts_ms", "limit_reduction.unpaid", "limit_reduction.share",
                 "limit_reduction.window_ms")  # fmt: skip


class LimitAdvice:
    """Writes the alerts of limit advice; what stands is in the ledgers."""

    def __init__(
        self, rulebook: Rulebook, calendar: Calendar, contacts: Contacts, versions: Versions
    ) -> None:
        self._typologies = rulebook.typologies
        lasts, unpaid, share, window = (rulebook.parameters.get(name, 0.0) for name in NEEDED)
        self._lasts_ms, self._unpaid, self._share = int(lasts), int(unpaid), share
        self._window_ms = int(window)
        self._calendar = calendar
        self._contacts = contacts
        self._versions = versions.record

    def verdict(self, account: int, ledger: Ledger, event: Disposition) -> Records:
        """What a fraud that a person confirmed, or took back, means for the limit."""
        if event.disposition == "confirmed_fraud":
            return self._frozen(account, ledger, event)
        return self._cleared(account, ledger, event)

    def expired(self, account: int, ledger: Ledger) -> Records:
        """A freeze ends: nobody renewed it."""
        freeze = ledger.freeze
        assert freeze is not None
        by = Moment(freeze.expires_ms, freeze.event_id)
        record = self._freeze_record(account, ledger, freeze, by, "resolved")
        ledger.freeze = None
        return [record]

    def overdue(
        self, account: int, ledger: Ledger, obligations: Mapping[int, Obligation], by: Moment
    ) -> Records:
        """One more obligation is unpaid at its overdue time, by the borrower's own doing."""
        since_ms = by.at_ms - self._window_ms
        unpaid = [one for one in obligations.values() if one.was_overdue_ms > since_ms]
        due = sum(since_ms < due_ms <= by.at_ms for due_ms in ledger.dues_ms)
        is_lately = ledger.reduced_ms >= 0 and by.at_ms - ledger.reduced_ms < self._window_ms
        is_relieved = ledger.hardship_from_ms <= by.at_ms <= ledger.hardship_until_ms or any(
            one.is_hardship or (one.is_open and one.said is not None and one.said[0] == "deferred")
            for one in obligations.values()
        )
        enough = len(unpaid) >= self._unpaid and len(unpaid) >= self._share * due
        if not enough or is_lately or is_relieved or REDUCTION not in self._typologies:
            return []
        ledger.reduced_ms = by.at_ms
        evidence = [one.steps[-1].event_id for one in sorted(unpaid, key=lambda one: one.born)]
        seen = {"unpaid": len(unpaid), "due": max(due, len(unpaid))}
        alert_id = _alert_id(REDUCTION, account, by)
        return [self._record(
            REDUCTION, account, ledger, by, alert_id, seen, evidence, observed=len(unpaid),
            threshold=self._unpaid,
        )]  # fmt: skip

    def cured(
        self, key: tuple[int, int], ledger: Ledger, obligation: Obligation, by: Moment
    ) -> Records:
        """An obligation was paid after it had been overdue."""
        if RESTORATION not in self._typologies:
            return []
        alert_id = _alert_id(RESTORATION, key[0], by)
        evidence = [step.event_id for step in obligation.steps]
        late_ms = max(0, by.at_ms - obligation.overdue_ms)
        return [self._record(
            RESTORATION, key[0], ledger, by, alert_id, {"unpaid": 0, "due": 1}, evidence,
            observed=late_ms, threshold=None,
        )]  # fmt: skip

    def _frozen(self, account: int, ledger: Ledger, event: Disposition) -> Records:
        if FREEZE not in self._typologies:
            return []
        by, target = Moment(event.occurred_at, event.event_id), _target(event)
        freeze = ledger.freeze
        if freeze is None:
            alert_id = _alert_id(FREEZE, account, by)
            freeze = ledger.freeze = Freeze(alert_id, 0, by.at_ms, 0, by.event_id, [])
        status = "updated" if freeze.revision else "open"
        freeze.expires_ms = max(freeze.expires_ms, by.at_ms + self._lasts_ms)
        freeze.event_id = by.event_id
        others = [one for one in freeze.targets if one != target]
        freeze.targets = [*others, target][-FROZEN_FOR_MAX:]
        return [self._freeze_record(account, ledger, freeze, by, status)]

    def _cleared(self, account: int, ledger: Ledger, event: Disposition) -> Records:
        """A confirmation is taken back; the freeze goes when it rested on nothing else."""
        freeze, by = ledger.freeze, Moment(event.occurred_at, event.event_id)
        if freeze is None:
            return []
        named = {event.target_event_id, event.alert_id}
        left = [one for one in freeze.targets if one not in named]
        is_whole = event.alert_id == freeze.alert_id
        if left and not is_whole:
            freeze.targets = left
            return []
        records = [self._freeze_record(account, ledger, freeze, by, "withdrawn")]
        ledger.freeze = None
        if RESTORATION in self._typologies:
            alert_id = _alert_id(RESTORATION, account, by)
            records.append(self._record(
                RESTORATION, account, ledger, by, alert_id, {"unpaid": 0, "due": 0},
                list(freeze.targets), observed=None, threshold=None,
            ))  # fmt: skip
        return records

    def _freeze_record(
        self, account: int, ledger: Ledger, freeze: Freeze, by: Moment, status: str
    ) -> dict[str, Any]:
        freeze.revision += 1
        return self._record(
            FREEZE, account, ledger, by, freeze.alert_id, {"unpaid": 0, "due": 0}, freeze.targets,
            observed=len(freeze.targets), threshold=1, standing=(status, freeze),
        )  # fmt: skip

    def _record(
        self, name: str, account: int, ledger: Ledger, by: Moment, alert_id: str,
        seen: Mapping[str, int], evidence: Sequence[str], *, observed: int | None,
        threshold: int | None, standing: tuple[str, Freeze] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        typology: Typology = self._typologies[name]
        status, freeze = standing or ("open", None)
        is_over = status in ("resolved", "withdrawn")
        actions = ["none"] if is_over else list(typology.actions)
        opened_ms = freeze.opened_at_ms if freeze else by.at_ms
        reason = {
            "code": name, "text": typology.text.format(**seen),
            "text_zh": typology.text_zh.format(**seen), "rule": f"{name}@{typology.version}",
            "contribution": 1.0, "observed": observed, "normal": 0, "threshold": threshold,
        }  # fmt: skip
        return {
            "alert_id": alert_id,
            "revision": freeze.revision if freeze else 1,
            "status": status,
            "family": typology.family,
            "typology": name,
            "severity": typology.severity,
            "entity": {"kind": "account", "id": ledger.account_id},
            "case_id": case_id(account, self._calendar.day(opened_ms)),
            "amount_minor": None,
            "currency": None,
            "act_by": None,
            "expires_at": freeze.expires_ms if freeze and not is_over else None,
            "human_review": "required" if LASTING & set(actions) else "not_needed",
            "account_id": ledger.account_id,
            "trigger_event_id": by.event_id,
            "occurred_at": by.at_ms,
            "opened_at": opened_ms,
            "score": 0.0 if is_over else WEIGHTS[typology.severity],
            "reasons": [reason],
            "techniques": list(typology.techniques),
            "evidence": list(dict.fromkeys((by.event_id, *evidence)))[:EVIDENCE_MAX],
            "actions": actions,
            "treatment": self._contacts.treatment(account, by.at_ms, hardship=False),
            "versions": self._versions,
        }


def _target(event: Disposition) -> str:
    return event.target_event_id or event.alert_id or event.event_id


def _alert_id(name: str, account: int, by: Moment) -> str:
    text = f"{name}|{account}|{by.at_ms}|{by.event_id}"
    return blake2b(text.encode(), digest_size=16, person=b"lendwatch.alert").hexdigest()
