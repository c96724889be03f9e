"""The slow engine: the laws of detector/README.md in plain Python, to be read beside them.

It takes contract events (dicts, valid, in order of arrival) and gives for each what was said: the
revisions of alerts and the decision. It shares no code with `detector/`, remembers in plain lists
(`reference_memory`), judges stage by stage (`reference_stage`) by hand-written rules
(`reference_rules`, `reference_draw_rules`, `reference_debit_rules`) over plain measurements
(`reference_readings`, `reference_windows`), and folds what was found (`reference_alerts`). Slow on
purpose; where it and an engine differ, one of them breaks a law.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from tests.reference_alerts import Judged, decide
from tests.reference_logic import NO_HISTORY
from tests.reference_memory import (
    DAY,
    HOUR,
    MINUTE,
    POPULATION_HOURS,
    POPULATION_MINUTES,
    SECOND,
    Entity,
    Entry,
    Minutes,
    entry_of,
)
from tests.reference_readings import View
from tests.reference_repayment import Repayment
from tests.reference_stage import Alerts, Stage
from tests.reference_terms import Terms

FIELDS = {
    "device": "device_id", "network": "ip",
    "session": "session_id", "verification": "verification_id",
}  # fmt: skip
USUAL_AFTER = 20


@dataclass
class Output:
    alerts: Alerts = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)


class Reference:
    """The four stages in a row. `handle` takes one event and gives what was said about it."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self.stages = {
            name: Stage(name, self.terms) for name in ("account", "device", "network", "payee")
        }
        self.population = Minutes(POPULATION_MINUTES, POPULATION_HOURS)
        self.carried: Counter[str] = Counter()  # events by type, and by "type.field"
        self.repayment = Repayment(self.terms)
        self.counts: Counter[str] = Counter()
        self.arrivals = 0

    def handle(self, event: dict[str, Any]) -> Output:
        self.arrivals += 1
        entry = entry_of(event, self.arrivals)
        stage = self.stages["account"]
        if entry.account is None:  # law 4: a disposition about an alert of no single account
            return Output()
        entity, horizon_ms = stage.reached(entry.account, entry.t), stage.horizon_ms(entry.t)
        if entity.holds(entry.id):
            self.counts["repeats"] += 1
            return Output()
        stage.move_clock(entry.t, entry.account)
        assert stage.clock_ms is not None
        due = self.repayment.go_on(stage.clock_ms)
        output = self.arrived(entity, entry, horizon_ms)
        output.alerts = due + output.alerts
        return output

    def arrived(self, entity: Entity, entry: Entry, horizon_ms: int) -> Output:
        """The way of an event that is no repeat, once the clock has moved."""
        stage = self.stages["account"]
        entry.causes = {name: self.cause(entry.type, name) for name in FIELDS}
        told_before = self.mark_draw(entity, entry)
        if entity.is_stale(entry) or entry.t < horizon_ms:
            self.counts["stale"] += 1
            return self.decided(entry, told_before, Judged(degraded=True))
        self.count_carried(entry)
        entry.judged = not stage.is_too_late(entry.t)
        self.counts["too_late"] += not entry.judged
        return self.walk(entity, entry, told_before)

    def walk(self, entity: Entity, entry: Entry, told_before: bool) -> Output:
        """The way of a remembered event: account stage, labels, later stages, decision."""
        assert entry.account is not None
        judged = Judged(degraded=not entry.judged)
        self.remember_at_account(entity, entry)
        said: Alerts = []
        clock_ms = self.stages["account"].clock_ms or 0
        if entry.is_debit:
            said += self.repayment.debit(entry, self.chance(entity, entry), clock_ms)
            judged.alerts |= {
                alert["alert_id"] for alert in said if alert["alert_id"][0] != "excessive_retry"
            }
        elif entry.type == "disposition":
            said += self.repayment.disposition(entry, clock_ms)
        if entry.judged:
            self.measure(entity, entry)
            said += self.stages["account"].judge_in_order(entry, entry.account, judged)
        for label, key_of_stage in self.labels(entity, entry):
            for name, key in key_of_stage.items():
                said += self.enter(self.stages[name], key, label, Judged())
        if entry.is_login or entry.is_check or entry.voids or (entry.draw and not told_before):
            said += self.go_on(entry, judged)
        output = self.decided(entry, told_before, judged)
        output.alerts = said
        return output

    # -- the account stage -----------------------------------------------------------------------

    def mark_draw(self, entity: Entity, entry: Entry) -> bool:
        """Law 1: draw or echo. True if its disbursement was told of before, so decided before."""
        if not entry.moves_money:
            return False
        same = [
            other for other in entity.ring
            if other.moves_money and other.disbursement == entry.disbursement
        ]  # fmt: skip
        gone = any(other.disbursement == entry.disbursement for other in entity.put_away)
        entry.draw = not gone and all(other.place > entry.place for other in same)
        if entry.draw and not entity.is_stale(entry):
            for other in same:
                other.draw = False
        return bool(same) or gone

    def cause(self, event_type: str, name: str) -> str:
        """Law 19: what the want of this field in this event would mean."""
        field_name = f"{event_type}.{FIELDS[name]}"
        told, carried = self.carried[event_type], self.carried[field_name]
        usual = told >= USUAL_AFTER and carried * 2 >= told
        missing = field_name in self.terms.absent_fields or not usual
        return "source_missing" if missing else "input_missing"

    def count_carried(self, entry: Entry) -> None:
        self.carried[entry.type] += 1
        for name in FIELDS.values():
            self.carried[f"{entry.type}.{name}"] += entry.event.get(name) is not None

    def remember_at_account(self, entity: Entity, entry: Entry) -> None:
        """Laws 7, 9 and 12: written before the event is judged; its normal is read first."""
        clock_ms = self.stages["account"].clock_ms or 0
        wrong_check = entry.is_check and not entry.passed_check
        if not entry.failed_login and not wrong_check:
            for kind, key in (("device", entry.device), ("network", entry.network)):
                if key is not None:
                    entity.known[kind].see(key, entry.t // SECOND, clock_ms)
        if entry.draw and entry.payee is not None:
            entry.first_to_payee = entity.known["payee"].get(entry.payee) is None
            entity.known["payee"].see(entry.payee, entry.t // SECOND, clock_ms)
            entry.normal = entity.normal()
            entity.draws.append((entry.t, entry.event["amount_minor"]))
        if entry.is_login:
            self.population.count(entry.t, entry.failed_login)
        self.counts["late"] += bool(entity.after(entry))
        entity.put(entry)

    def measure(self, entity: Entity, entry: Entry) -> None:
        """What later stages need of the account stage: ages and the population's logins."""
        stage = self.stages["account"]
        sees = View(entity, entry, stage.since_ms or 0, self.terms, False, [])
        entry.columns["device_age"] = sees.age("device")
        entry.columns["account_age"] = sees.entity_age()
        if entry.draw:
            entry.columns["payee_age"] = sees.age("payee")
        for name, unit, units in (
            ("population_10m", MINUTE, 10), ("population_7d", HOUR, 168),
        ):  # fmt: skip
            counts = self.population.read(entry.t, unit, units)
            entry.columns[name] = (NO_HISTORY, NO_HISTORY) if counts is None else counts

    def chance(self, entity: Entity, entry: Entry) -> float:
        """That a scheduled debit fails: the account's own record of 90 days, and its balance."""
        if entry.event["outcome"] != "scheduled":
            return 0.0
        known = entity.up_to(entry, 90 * DAY) if entry.judged else []
        debits = [other for other in known if other.is_debit]
        words = [other.event["outcome"] for other in debits]
        failed = [e.t for e in debits if e.event["outcome"] in ("insufficient_balance", "partial")]
        chance = (len(failed) + 0.5) / (len(failed) + words.count("success") + 10.0)
        if failed:
            chance += (1.0 - chance) * 0.2 * math.exp(-(entry.t - max(failed)) / (30 * DAY))
        balance, due = entry.event.get("available_balance_minor"), entry.event["amount_due_minor"]
        if balance is not None and due > 0:
            chance = 0.2 * chance + 0.8 * (0.9 if balance < due else 0.1)
        return round(chance, 9)

    def labels(self, entity: Entity, entry: Entry) -> list[tuple[Entry, dict[str, str]]]:
        """Law 14: the label that a disposition makes, and the entities that it goes to."""
        word = entry.event.get("disposition")
        if entry.type != "disposition" or word not in ("confirmed_fraud", "false_positive"):
            return []
        draw = find_draw(entity, entry.event.get("target_event_id"))
        if draw is None or not 0 <= entry.t - draw.t <= 90 * DAY:
            return []
        fraud = word == "confirmed_fraud"
        keys = {"device": draw.device, "network": draw.network if fraud else None}
        for kind in ("device", "network") if fraud else ():
            known = entity.known[kind].get(keys[kind] or "")
            if known is not None and draw.t - known.first * SECOND > DAY:
                keys[kind] = None
        keys["payee"] = draw.payee
        label = replace(entry, label="fraud" if fraud else "cleared")
        return [(label, {name: key for name, key in keys.items() if key is not None})]

    # -- the later stages --------------------------------------------------------------------------

    def go_on(self, entry: Entry, judged: Judged) -> Alerts:
        said: Alerts = []
        keys = {"device": entry.device, "network": entry.network, "payee": entry.payee}
        for name, key in keys.items():
            stage = self.stages[name]
            if name == "network" and entry.is_check:
                continue
            if key is not None:
                said += self.enter(stage, key, entry, judged)
            elif entry.judged and any(stage.applies(rule, entry) for rule in stage.rules):
                judged.degraded |= entry.causes[name] == "input_missing"  # law 19: all abstain
        return said

    def enter(self, stage: Stage, key: str, passing: Entry, judged: Judged) -> Alerts:
        """One event at one later stage, which keeps its own copy of it; of a label none."""
        entry = replace(passing)
        entity, horizon_ms = stage.reached(key, entry.t), stage.horizon_ms(entry.t)
        if entry.label:
            self.write_label(stage, entity, entry)
            too_late = not entry.judged or stage.is_too_late(entry.t)
            return [] if too_late else stage.judge_in_order(entry, key, judged)
        stage.move_clock(entry.t, entry.account)
        if entity.is_stale(entry) or entry.t < horizon_ms:
            judged.degraded = True
            return []
        entry.judged = passing.judged and not stage.is_too_late(entry.t)
        self.remember_at_later(stage, entity, entry)
        if not entry.judged:
            judged.degraded = True
            return []
        return stage.judge_in_order(entry, key, judged)

    def write_label(self, stage: Stage, entity: Entity, label: Entry) -> None:
        """Law 14: the newer label of an account replaces the older; it has no place in the ring."""
        assert label.account is not None
        member = entity.known["account"].member(label.account, stage.clock_ms or 0)
        second = label.t // SECOND
        if member is not None and (member.label_at is None or second >= member.label_at):
            member.label, member.label_at = label.label, second

    def remember_at_later(self, stage: Stage, entity: Entity, entry: Entry) -> None:
        """Laws 8, 12 and 13: the account seen; the minute; the opening."""
        assert entry.account is not None
        second = entry.t // SECOND
        member = entity.known["account"].see(entry.account, second, stage.clock_ms or 0)
        if entry.is_login:
            entity.minutes.count(entry.t, entry.failed_login)
            if member is not None and entry.failed_login:
                member.failed_login = max(member.failed_login or second, second)
            elif member is not None:
                member.good_login = max(member.good_login or second, second)
        entity.put(entry)
        if stage.name == "payee" and entry.draw and entry.event["payee_owner"] != "self":
            entry.opening = not any(
                other.draw and other.account == entry.account
                and other.event["payee_owner"] != "self"
                for other in entity.up_to(entry, DAY, before=True)
            )  # fmt: skip
            entity.openings += entry.opening

    # -- the decision ------------------------------------------------------------------------------

    def decided(self, entry: Entry, told_before: bool, judged: Judged) -> Output:
        """Law 26: once for each disbursement, and for each scheduled debit."""
        scheduled = entry.type == "auto_debit" and entry.event["outcome"] == "scheduled"
        if scheduled or (entry.draw and not told_before):
            return Output(decisions=[decide(entry, judged)])
        return Output()


def find_draw(entity: Entity, target: str | None) -> Entry | None:
    """Law 14: the draw that a target names, itself or by another event of its disbursement."""
    remembered = entity.ring + entity.put_away
    named = next((e for e in remembered if e.id == target and e.disbursement is not None), None)
    if named is None or named.type != "disbursement":
        return None
    same = (e for e in remembered if e.draw and e.disbursement == named.disbursement)
    return next(same, None)
