"""One stage of the slow engine: its clock, its entities, the rules it asks, what it has said.

The laws cited are those of detector/README.md.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.reference_alerts import Folder, Judged, Scope
from tests.reference_logic import Unknown
from tests.reference_memory import DAY, Entity, Entry
from tests.reference_readings import View
from tests.reference_rules import RULES, Rule
from tests.reference_terms import Terms

Alerts = list[dict[str, Any]]


class Stage:
    """One stage: its clock, its entities, and the alerts that it has opened (laws 2 to 4, 6)."""

    def __init__(self, name: str, terms: Terms) -> None:
        self.name = name
        self.terms = terms
        self.rules = [rule for rule in RULES if rule.stage == name]
        self.clock_ms: int | None = None
        self.pending: tuple[int, str | None] | None = None
        self.since_ms: int | None = None
        self.entities: dict[str, Entity] = {}
        self.folder = Folder()
        self.hit_times: dict[tuple[str, str], list[int]] = {}  # by typology and key
        self.findings: Counter[tuple[str, str]] = Counter()
        self.found: dict[tuple[str, str], str] = {}  # by rule and event, as it stands

    def entity(self, key: str) -> Entity:
        return self.entities.setdefault(key, Entity())

    def reached(self, key: str, t: int) -> Entity:
        """Law 28: an entity that an event of time t reaches, without what is too old to be kept."""
        entity = self.entity(key)
        if entity.forget_before(self.horizon_ms(t)):
            entity = self.entities[key] = Entity()
        return entity

    def horizon_ms(self, t: int) -> int:
        """Nothing older is kept when an event of time t is in hand."""
        clock_ms = t if self.clock_ms is None else self.clock_ms
        moved_ms = max(clock_ms, t) if t <= clock_ms + DAY else clock_ms
        return (moved_ms - self.terms.history_ms) // DAY * DAY

    # -- law 3: the clock ----------------------------------------------------------------------

    def move_clock(self, t: int, account: str | None) -> None:
        if self.clock_ms is None or t <= self.clock_ms + DAY:
            self.clock_ms = t if self.clock_ms is None else max(self.clock_ms, t)
        elif self.pending is None or self.pending[1] == account:
            self.pending = (t, account)
        else:
            self.clock_ms = max(self.clock_ms, min(self.pending[0], t))
            if t <= self.clock_ms + DAY:
                self.clock_ms, self.pending = max(self.clock_ms, t), None
            else:
                self.pending = (t, account)
        if self.pending is not None and self.pending[0] <= self.clock_ms + DAY:
            self.pending = None

        self.since_ms = t if self.since_ms is None else min(self.since_ms, t)

    def is_too_late(self, t: int) -> bool:
        return self.clock_ms is not None and t < self.clock_ms - self.terms.lateness_ms

    # -- judging -------------------------------------------------------------------------------

    def applies(self, rule: Rule, entry: Entry) -> bool:
        if rule.on == "paid":
            return entry.moves_money and entry.event["status"] == "paid"
        if rule.on == "draw":
            return entry.draw
        return {"login": entry.is_login, "check": entry.is_check, "debit": entry.is_debit}[rule.on]

    def scope(self, rule: Rule, entry: Entry, key: str) -> Scope:
        entity = str(getattr(entry, rule.entity))
        return (rule.typology, rule.entity, entity, self.name, key)

    def judge(self, entry: Entry, key: str, again: bool, judged: Judged) -> Alerts:
        """All rules on one event (again: the kept ones), and what follows for the alerts."""
        entity = self.entity(key)
        if self.name == "account":
            release(entity, entry)
        scopes: dict[Scope, set[str]] = {}
        for rule in self.rules:
            scope = self.scope(rule, entry, key)
            hits = scopes.setdefault(scope, set())
            if again and not rule.kept:
                hits |= self.folder.stood(scope, entry) & {rule.id}
            elif self.applies(rule, entry) and self.ask(rule, entity, entry, key, judged):
                hits.add(rule.id)
        said = self.say(scopes, entry)
        took = [self.folder.taken.get((scope, entry.id)) for scope in scopes]
        judged.alerts |= {id for id in took if id is not None}  # law 23
        return said

    def ask(self, rule: Rule, entity: Entity, entry: Entry, key: str, judged: Judged) -> bool:
        assert self.since_ms is not None
        times = self.hit_times.setdefault((rule.typology, key), [])
        sees = View(
            entity, entry, self.since_ms, self.terms,
            self.terms.allows(self.name, key), times,
        )  # fmt: skip
        result = rule.test(sees)
        unknown = isinstance(result, Unknown)
        self.found[rule.id, entry.id] = "abstain" if unknown else "hit" if result else "clear"
        self.findings[rule.id, self.found[rule.id, entry.id]] += 1
        if isinstance(result, Unknown):
            judged.degraded |= "input_missing" in result.causes
            return False
        if result:
            judged.hits.append(rule)
            times.append(entry.t)
            entry.evidence[rule.id] = sees.evidence()
        return result

    def say(self, scopes: dict[Scope, set[str]], entry: Entry) -> Alerts:
        """Law 23: hits by typology, then what ceases, then what a withdraw rule takes back.

        Such a rule does so where its hit did not stand for the event before (law 22).
        """
        folder = self.folder
        withdrawing = {rule.id for rule in self.rules if rule.withdraws}
        alerting = {scope: frozenset(hits - withdrawing) for scope, hits in scopes.items()}
        said: Alerts = []
        for scope in sorted(scopes, key=lambda scope: (not alerting[scope], scope)):
            said += folder.stand(scope, entry, alerting[scope])
        for scope, hits in sorted(scopes.items()):
            typology, kind, id, stage, key = scope
            mark = (f"{typology} withdrawn", kind, id, stage, key)
            if hits & withdrawing and not folder.stood(mark, entry):
                said += folder.withdraw(typology, kind, id, entry)
            folder.standing[mark, entry.id] = frozenset(hits & withdrawing)
        return said

    def judge_in_order(self, entry: Entry, key: str, judged: Judged) -> Alerts:
        """Law 6: the event itself (no label), then every later entry that can be judged, again."""
        said = [] if entry.label else self.judge(entry, key, again=False, judged=judged)
        for later in self.entity(key).after(entry):
            if later.judged and not self.is_too_late(later.t):
                said += self.judge(later, key, again=True, judged=Judged())
        return said


def release(entity: Entity, entry: Entry) -> None:
    """Law 11: the check that released a disbursement which names none."""
    if entry.type != "disbursement" or entry.event.get("verification_id") is not None:
        return
    bound = [
        other for other in entity.ring
        if other.passed_check and other.disbursement == entry.disbursement
        and other.place < entry.place
    ]  # fmt: skip
    if bound:
        entry.verification = bound[-1].verification
