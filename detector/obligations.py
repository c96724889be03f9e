"""The life of an obligation: failed, retried, paid, taken back. One alert an obligation.

An obligation's state is a fold over its steps in event order, made anew at each arrival, so a late
step needs no special care. Its alert's id is a hash of the obligation alone (contract).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from detector.money import Told
from detector.records import EVIDENCE_MAX, Versions, case_id, number
from detector.rulebook import Rulebook
from detector.schema import AutoDebit
from detector.treatment import Calendar, Contacts

TYPOLOGY: Final = "debit_failed"
STEPS_MAX: Final = 64  # of one obligation: the first, and the newest of the others
# An obligation that no step reached for so long begins anew at its next one, and is dropped as soon
# as only such a step could come: what is remembered never depends on when it was tidied up.
QUIET_KEPT_MS: Final = 3 * 86_400_000  # one that never failed
FAILED_KEPT_MS: Final = 180 * 86_400_000  # one with an alert: a reversal may open it again
SHORT: Final = frozenset({"insufficient_balance", "partial"})


@dataclass(slots=True, order=True)
class Step:
    """One event of an obligation; ordered by time, then arrival."""

    at_ms: int
    arrival: int
    outcome: str = field(compare=False)
    debited_minor: int = field(compare=False)
    event_id: str = field(compare=False)


@dataclass(slots=True, frozen=True)
class Standing:
    """Where an obligation stands after all its steps."""

    failures: int
    debited_minor: int
    is_paid: bool
    failed_first_ms: int  # -1: never
    paid_ms: int  # -1: not paid


@dataclass(slots=True)
class Obligation:
    """An obligation and what was last said of it."""

    due_minor: int
    steps: list[Step] = field(default_factory=list)
    revision: int = 0
    status: str = ""
    said: tuple[int, int, bool] | None = None
    opened_at_ms: int = -1
    newest_ms: int = 0
    failed: bool = False  # for want of balance, at some step

    def add(self, step: Step) -> None:
        """Put a step in its place."""
        insort(self.steps, step)
        if len(self.steps) > STEPS_MAX:
            del self.steps[1]
        self.newest_ms = max(self.newest_ms, step.at_ms)

    @property
    def kept_ms(self) -> int:
        """How long after its newest step it is still the same obligation."""
        return FAILED_KEPT_MS if self.revision else QUIET_KEPT_MS

    def standing(self) -> Standing:
        """The fold over the steps."""
        failures, debited, failed_ms, paid_ms = 0, 0, -1, -1
        for step in self.steps:
            if step.outcome in SHORT:
                failures += 1
                failed_ms = step.at_ms if failed_ms < 0 else failed_ms
            if step.outcome in ("partial", "success"):
                debited += step.debited_minor
            paid = step.outcome in ("success", "settled") or (
                step.outcome == "partial" and debited >= self.due_minor
            )
            if paid and paid_ms < 0:
                paid_ms = step.at_ms
            elif step.outcome == "reversed":
                paid_ms, debited = -1, 0  # it takes back all that was debited before
        return Standing(failures, debited, paid_ms >= 0, failed_ms, paid_ms)


class Obligations:
    """All obligations of a stage that may still change."""

    def __init__(
        self, rulebook: Rulebook, calendar: Calendar, contacts: Contacts, versions: Versions
    ) -> None:
        self._typology = rulebook.typologies.get(TYPOLOGY)
        self._calendar = calendar
        self._contacts = contacts
        self._versions = versions.record
        # Least recently stepped first, so that tidying up looks only at what may go.
        self._quiet: dict[tuple[int, int], Obligation] = {}  # without an alert
        self._alerted: dict[tuple[int, int], Obligation] = {}
        self.arrivals = 0  # steps ever taken
        self._touched: set[tuple[int, int]] | None = None  # None: nobody asks for changes

    @property
    def count(self) -> int:
        """How many are remembered."""
        return len(self._quiet) + len(self._alerted)

    def step(
        self, key: tuple[int, int], event: AutoDebit, *, is_judged: bool
    ) -> dict[str, Any] | None:
        """Take a debit event (key: hashes of account and obligation); the revision it makes."""
        obligation = self._quiet.pop(key, None) or self._alerted.pop(key, None)
        if obligation is None or event.occurred_at > obligation.newest_ms + obligation.kept_ms:
            obligation = Obligation(event.amount_due_minor)
        if self._touched is not None:
            self._touched.add(key)
        record = self._follow(key, obligation, event, is_judged=is_judged)
        (self._alerted if obligation.revision else self._quiet)[key] = obligation
        return record

    def _follow(
        self, key: tuple[int, int], obligation: Obligation, event: AutoDebit, *, is_judged: bool
    ) -> dict[str, Any] | None:
        self.arrivals += 1
        obligation.add(Step(
            event.occurred_at, self.arrivals, event.outcome, event.amount_debited_minor,
            event.event_id,
        ))  # fmt: skip
        obligation.failed = obligation.failed or event.outcome in SHORT
        if self._typology is None or not is_judged or not obligation.failed:
            return None
        standing = obligation.standing()
        if obligation.revision == 0 and (standing.is_paid or standing.failures == 0):
            return None
        saying = (standing.failures, standing.debited_minor, standing.is_paid)
        was_open = obligation.status in ("open", "updated")
        if saying == obligation.said or (standing.is_paid and not was_open):
            return None
        obligation.said = saying
        obligation.revision += 1
        obligation.status = "resolved" if standing.is_paid else "updated" if was_open else "open"
        if obligation.opened_at_ms < 0:
            obligation.opened_at_ms = event.occurred_at
        return self._record(key, obligation, standing, event)

    def forget(self, clock_ms: int, lateness_ms: int) -> None:
        """Drop what any step that can still be judged would begin anew."""
        for known in (self._quiet, self._alerted):
            gone = []
            for key, obligation in known.items():
                if obligation.newest_ms + obligation.kept_ms >= clock_ms - lateness_ms:
                    break
                gone.append(key)
            for key in gone:
                del known[key]
            if self._touched is not None:
                self._touched.update(gone)

    def drop(self, account: int) -> None:
        """Drop all obligations of an account."""
        for known in (self._quiet, self._alerted):
            gone = [key for key in known if key[0] == account]
            for key in gone:
                del known[key]
            if self._touched is not None:
                self._touched.update(gone)

    def changes(self) -> Iterator[tuple[tuple[int, int], Obligation | None]]:
        """The obligations that were stepped or forgotten since this was last asked."""
        touched, self._touched = self._touched, set()
        for key in sorted(touched or ()):
            yield key, self._quiet.get(key) or self._alerted.get(key)

    def restore(self, told: Mapping[tuple[int, int], Obligation], arrivals: int) -> None:
        """Take the obligations of an earlier run, and how many steps it had taken."""
        self.arrivals = arrivals
        for key, one in sorted(told.items(), key=lambda item: max(item[1].steps).arrival):
            (self._alerted if one.revision else self._quiet)[key] = one

    def _record(
        self, key: tuple[int, int], obligation: Obligation, standing: Standing, event: AutoDebit
    ) -> dict[str, Any]:
        assert self._typology is not None
        typology = self._typology
        hardship = bool(event.hardship)
        actions = ["none"] if standing.is_paid else ["offer_plan" if hardship else "remind"]
        at_risk = max(0, event.amount_due_minor - standing.debited_minor)
        return {
            "alert_id": alert_id_of(key),
            "revision": obligation.revision,
            "status": obligation.status,
            "family": typology.family,
            "typology": TYPOLOGY,
            "severity": typology.severity,
            "entity": {"kind": "account", "id": event.account_id},
            "case_id": case_id(key[0], self._calendar.day(obligation.opened_at_ms)),
            "amount_minor": 0 if standing.is_paid else at_risk,
            "currency": event.currency,
            "act_by": None if standing.is_paid else event.overdue_at,
            "expires_at": None,
            "human_review": "not_needed",
            "account_id": event.account_id,
            "trigger_event_id": event.event_id,
            "occurred_at": event.occurred_at,
            "opened_at": obligation.opened_at_ms,
            "score": 0.0 if standing.is_paid else 0.25,
            "reasons": self._reasons(standing, event),
            "techniques": list(typology.techniques),
            "evidence": [step.event_id for step in obligation.steps][-EVIDENCE_MAX:],
            "actions": actions,
            "treatment": self._contacts.treatment(key[0], event.occurred_at, hardship=hardship),
            "versions": self._versions,
        }

    def _reasons(self, standing: Standing, event: AutoDebit) -> list[dict[str, Any]]:
        assert self._typology is not None
        currency = event.currency
        seen = {
            "failures": standing.failures,
            "debited_minor": Told(standing.debited_minor, currency),
            "due_minor": Told(event.amount_due_minor, currency),
        }
        rule = f"{TYPOLOGY}@{self._typology.version}"
        reasons = [_reason(
            TYPOLOGY, self._typology.text.format(**seen), self._typology.text_zh.format(**seen),
            rule, 1.0, standing.failures, 0, 1,
        )]  # fmt: skip
        if standing.is_paid:
            cure_ms = max(0, standing.paid_ms - standing.failed_first_ms)
            hours = number(round(cure_ms / 3_600_000, 1))
            reasons.append(_reason(
                "debit_cured", f"paid {hours} hours after the first failure",
                f"首次失败后{hours}小时还清", rule, 0.0, cure_ms, None, None,
            ))  # fmt: skip
        return reasons


def _reason(
    code: str, text: str, text_zh: str, rule: str, contribution: float, observed: int,
    normal: int | None, threshold: int | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "code": code, "text": text, "text_zh": text_zh, "rule": rule,
        "contribution": contribution, "observed": observed, "normal": normal,
        "threshold": threshold,
    }  # fmt: skip


def alert_id_of(key: tuple[int, int]) -> str:
    """The id of an obligation's alert: from account and obligation alone."""
    text = f"obligation|{key[0]}|{key[1]}"
    return blake2b(text.encode(), digest_size=16, person=b"lendwatch.alert").hexdigest()
