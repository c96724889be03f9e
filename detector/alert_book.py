"""The alert book of one stage: hits fold into alerts, late evidence amends or withdraws them.

Laws 21, 22 and 24 of README.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from detector.alerts import SEVERITIES, Alert, Hit, Revision, Scope, Subject, Trigger, alert_id_of
from detector.memory import RING_MAX

EVERY_TRIGGER_UP_TO: Final = 16  # each makes a revision; after that at powers of two
TRIGGERS_KEPT: Final = 64  # the earliest, and the newest of the others
FORGET_AFTER_MS: Final = 86_400_000
STANDING_HITS_KEPT: Final = 64  # hit times of a typology at a key, for rules that ask
STANDING_MS: Final = 7 * 86_400_000  # an older hit is as good as none
Mark = tuple[int, str]  # a key; an alert's id, or "" for what else stands there


@dataclass(slots=True)
class Shelf:
    """All that stands at one key of a stage."""

    alerts: dict[str, Alert] = field(default_factory=dict)  # by id, in the order of opening
    hit_times: dict[str, list[int]] = field(default_factory=dict)  # by typology
    stood: dict[tuple[Scope, int], tuple[frozenset[str], int]] = field(default_factory=dict)
    withdrawing: dict[tuple[str, int], int] = field(default_factory=dict)  # events, their times
    _by_scope: dict[Scope, list[Alert]] = field(default_factory=dict)

    @property
    def beside(self) -> int:
        """How many things stand here beside alerts."""
        return len(self.hit_times) + len(self.stood) + len(self.withdrawing)

    @property
    def size(self) -> int:
        """How many things stand here."""
        return len(self.alerts) + self.beside

    def add(self, alert: Alert) -> None:
        """Add an alert, which is opened after all others."""
        self.alerts[alert.alert_id] = alert
        self._by_scope.setdefault(alert.scope, []).append(alert)

    def open(self, alert: Alert) -> None:
        """Add an alert that is opened now."""
        newest = next(reversed(self.alerts.values()), None)
        alert.born = 0 if newest is None else newest.born + 1
        self.add(alert)

    def remove(self, alert: Alert) -> None:
        """Remove an alert."""
        del self.alerts[alert.alert_id]
        left = self._by_scope[alert.scope]
        left.remove(alert)
        if not left:
            del self._by_scope[alert.scope]

    def of(self, scope: Scope) -> Sequence[Alert]:
        """The alerts of a scope, in the order of opening."""
        return self._by_scope.get(scope, ())

    def let_old_go(self) -> None:
        """Drop the marks of events that cannot be judged again: they have left the key's ring,
        since so many that are newer and stand here went through it."""
        reach_ms = _reach_ms({event: at for (_, event), (_, at) in self.stood.items()})
        self.stood = {mark: told for mark, told in self.stood.items() if told[1] >= reach_ms}
        reach_ms = _reach_ms({event: at for (_, event), at in self.withdrawing.items()})
        self.withdrawing = {mark: at for mark, at in self.withdrawing.items() if at >= reach_ms}


def _reach_ms(times: Mapping[int, int]) -> int:
    return sorted(times.values())[-RING_MAX] if len(times) > RING_MAX else 0


class AlertBook:
    """The standing alerts of one stage, by key."""

    def __init__(self, quiet_ms: Mapping[str, int], standing: frozenset[str]) -> None:
        self._quiet_ms = quiet_ms
        self._standing = standing  # typologies whose newest hits rules ask for
        self.shelves: defaultdict[int, Shelf] = defaultdict(Shelf)
        self._changed: set[Mark] | None = None  # None: nobody asks for changes

    def hit(
        self, scope: Scope, entity_id: str, by: Subject, hits: dict[str, Hit]
    ) -> tuple[Alert, Revision | None]:
        """Fold the hits of one event on one scope; the alert, and its revision if it made one."""
        shelf = self.shelves[scope.key]
        if scope.typology in self._standing:
            times = shelf.hit_times.setdefault(scope.typology, [])
            times.append(by.occurred_at_ms)
            del times[:-STANDING_HITS_KEPT]
            self.mark(scope.key)
        alert = self._open_for(scope, by) or shelf.alerts.get(alert_id_of(scope, by.event))
        if alert is None:
            alert = Alert(alert_id_of(scope, by.event), scope, entity_id, by, "open")
            shelf.open(alert)
        self.mark(scope.key, alert.alert_id)
        was_open = alert.revision > 0 and alert.status in ("open", "updated")
        if not was_open:
            alert.triggers.clear()
            alert.seen, alert.severity = 0, "info"
        is_new = by.event not in alert.triggers
        changed = is_new or set(alert.triggers[by.event].hits) != set(hits)
        alert.triggers[by.event] = Trigger(by, hits)
        self._let_go(alert)
        rises = self._rank_up(alert)
        if is_new:
            alert.seen += 1
        speaks = not was_open or rises or (changed and (not is_new or _is_told(alert.seen)))
        if not speaks:
            return alert, None
        return alert, self._revise(alert, "updated" if was_open else "open", by)

    def amend(self, alert: Alert, by: Subject, hits: dict[str, Hit]) -> Revision | None:
        """What stands for one trigger is now `hits`; none: it is no trigger any more."""
        trigger = alert.triggers[by.event]
        if set(trigger.hits) == set(hits):
            return None
        self.mark(alert.scope.key, alert.alert_id)
        if hits:
            trigger.hits = hits
        else:
            del alert.triggers[by.event]
            alert.seen -= 1
        if not alert.triggers:
            return self._revise(alert, "withdrawn", by)
        alert.severity = "info"
        self._rank_up(alert)
        return self._revise(alert, "updated", by)

    def withdraw(self, typology: str, key: int, by: Subject, *, is_hit: bool) -> list[Revision]:
        """Let a `withdraw` rule's hit take back every open alert of a typology at a key.

        An event does so once, however often it is judged again, until it ceases to hit.
        """
        shelf = self.shelves.get(key)
        mark = (typology, by.event)
        if not is_hit:
            if shelf is not None and shelf.withdrawing.pop(mark, None) is not None:
                self.mark(key)
            return []
        shelf = self.shelves[key]
        if mark in shelf.withdrawing:
            return []
        shelf.withdrawing[mark] = by.occurred_at_ms
        shelf.let_old_go()
        self.mark(key)
        revisions = []
        reach_ms = self._quiet_ms[typology] + FORGET_AFTER_MS
        for alert in shelf.alerts.values():
            is_open = alert.status in ("open", "updated")
            near = alert.span()[1] + reach_ms >= by.occurred_at_ms
            if alert.scope.typology == typology and is_open and near:
                for trigger in alert.triggers.values():
                    self._keep_standing(alert.scope, trigger)
                alert.triggers.clear()
                self.mark(key, alert.alert_id)
                revisions.append(self._revise(alert, "withdrawn", by))
        return revisions

    def stands_already(self, scope: Scope, event: int, rules: Collection[str]) -> bool:
        """Whether an event that is no trigger any more (let go, taken back) hit just so before.

        What is found now is what stands from now on.
        """
        shelf = self.shelves.get(scope.key)
        before = shelf.stood.pop((scope, event), None) if shelf is not None else None
        if before is not None:
            self.mark(scope.key)
        if shelf is None or before is None or before[0] != frozenset(rules):
            return False
        shelf.stood[scope, event] = before
        return True

    def standing_for(self, scopes: Iterable[Scope], event: int) -> list[Alert]:
        """The open alerts of these scopes in which this event is a trigger."""
        return [
            alert for scope in scopes for alert in self._alerts_of(scope)
            if alert.status in ("open", "updated") and event in alert.triggers
        ]  # fmt: skip

    def hit_age_ms(self, typology: str, key: int, at_ms: int, never_ms: int) -> int:
        """The age of the newest hit of a typology at a key in the week up to a time."""
        shelf = self.shelves.get(key)
        times = shelf.hit_times.get(typology, ()) if shelf is not None else ()
        recent = [t for t in times if at_ms - STANDING_MS < t <= at_ms]
        return at_ms - max(recent) if recent else never_ms

    def forget(self, clock_ms: int, lateness_ms: int) -> None:
        """Law 24: drop what no event still to be judged could reach."""
        oldest_ms = clock_ms - lateness_ms
        for key, shelf in list(self.shelves.items()):
            beside = shelf.beside
            for alert in list(shelf.alerts.values()):
                reach_ms = self._quiet_ms[alert.scope.typology] + FORGET_AFTER_MS
                if alert.span()[1] + reach_ms < oldest_ms:
                    shelf.remove(alert)
                    self.mark(key, alert.alert_id)
            shelf.withdrawing = {k: t for k, t in shelf.withdrawing.items() if t >= oldest_ms}
            shelf.stood = {k: v for k, v in shelf.stood.items() if v[1] >= oldest_ms}
            shelf.hit_times = {
                name: times for name, times in shelf.hit_times.items()
                if max(times) >= oldest_ms - STANDING_MS
            }  # fmt: skip
            if shelf.beside < beside:
                self.mark(key)
            if not shelf.size:
                del self.shelves[key]

    def drop(self, key: int) -> None:
        """Drop all that stands at a key."""
        shelf = self.shelves.pop(key, None)
        if shelf is not None:
            self.mark(key)
            for alert_id in shelf.alerts:
                self.mark(key, alert_id)

    def take_changed(self) -> list[Mark]:
        """What changed since this was last asked, in order: keys, and alerts by id or the key's
        rest by ""."""
        changed, self._changed = self._changed, set()
        return sorted(changed or ())

    def mark(self, key: int, alert_id: str = "") -> None:
        """Note that something changed at a key: an alert, or what stands there beside alerts."""
        if self._changed is not None:
            self._changed.add((key, alert_id))

    @property
    def count(self) -> int:
        """Alerts that are remembered."""
        return sum(len(shelf.alerts) for shelf in self.shelves.values())

    def _alerts_of(self, scope: Scope) -> Sequence[Alert]:
        shelf = self.shelves.get(scope.key)
        return shelf.of(scope) if shelf is not None else ()

    def _open_for(self, scope: Scope, by: Subject) -> Alert | None:
        quiet = self._quiet_ms[scope.typology]
        for alert in reversed(self._alerts_of(scope)):
            first, last = alert.span()
            is_open = alert.status in ("open", "updated")
            if is_open and first - quiet <= by.occurred_at_ms <= last + quiet:
                return alert
        return None

    def _rank_up(self, alert: Alert) -> bool:
        """Set the severity to the highest of its rules'; whether that is a rise."""
        ranks = [SEVERITIES.index(hit.severity) for hit in alert.hits().values()]
        highest = max(ranks, default=SEVERITIES.index(alert.severity))
        rises = highest > SEVERITIES.index(alert.severity)
        alert.severity = SEVERITIES[highest]
        return rises

    def _keep_standing(self, scope: Scope, trigger: Trigger) -> None:
        subject, rules = trigger.subject, frozenset(trigger.hits)
        shelf = self.shelves[scope.key]
        shelf.stood[scope, subject.event] = (rules, subject.occurred_at_ms)
        shelf.let_old_go()
        self.mark(scope.key)

    def _let_go(self, alert: Alert) -> None:
        if len(alert.triggers) > TRIGGERS_KEPT:
            triggers = alert.triggers
            by_time = sorted(triggers, key=lambda event: triggers[event].subject.occurred_at_ms)
            self._keep_standing(alert.scope, triggers.pop(by_time[1]))

    @staticmethod
    def _revise(alert: Alert, status: str, by: Subject) -> Revision:
        alert.revision += 1
        alert.status = status
        amounts = [
            trigger.subject.amount_minor for trigger in alert.triggers.values()
            if trigger.subject.amount_minor is not None
        ]  # fmt: skip
        amount = sum(amounts) if amounts else None
        return Revision(
            alert, alert.revision, status, by, alert.severity, alert.hits(), amount, alert.seen
        )


def _is_told(seen: int) -> bool:
    return seen <= EVERY_TRIGGER_UP_TO or seen & (seen - 1) == 0
