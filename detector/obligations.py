"""The obligations of a link: steps and deadlines in, revisions of their alerts out.

An obligation's standing is a fold over its steps as of a time (obligation_states.py), made anew at
each look. It is looked at when a step comes and when a deadline is due; a revision is made where
what is to be said has changed. Its alert's id is a hash of the obligation alone (contract).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from detector.arrangements import Reliefs
from detector.borrowers import LEDGER, Borrower, Borrowers, Key
from detector.exposed import Exposed
from detector.ledgers import Ledger
from detector.limit_advice import LimitAdvice
from detector.obligation_alerts import Moment, ObligationAlerts, alert_id_of
from detector.obligation_calm import calm_until_ms
from detector.obligation_states import Standing, limits_of, standing_at
from detector.obligation_steps import ABOUT_OBLIGATIONS, NEVER_MS, Obligation, Step, take_terms
from detector.outages import Fact, Outages
from detector.policy import Policy
from detector.records import Versions
from detector.rulebook import Rulebook
from detector.schema import AutoDebit, Disposition
from detector.treatment import Calendar, Contacts
from detector.trials import Trials

Records = list[dict[str, Any]]


class Obligations:
    """All obligations of a link that may still change."""

    def __init__(
        self, rulebook: Rulebook, policy: Policy, calendar: Calendar, contacts: Contacts,
        versions: Versions,
    ) -> None:  # fmt: skip
        self._limits = limits_of(
            rulebook.typologies, rulebook.parameters, hears_answers=policy.sources["disposition"]
        )
        self._writer = ObligationAlerts(
            rulebook.typologies, self._limits, calendar, contacts, versions
        )
        self._advice = LimitAdvice(rulebook, calendar, contacts, versions)
        self._reliefs = Reliefs(policy)
        self._calendar = calendar
        self._has_feed = policy.sources["auto_debit"]
        self.borrowers = Borrowers(policy.lateness_ms)
        self._outages = Outages()
        self._exposed = Exposed()
        self.trials = Trials(calendar, rulebook, has_feed=self._has_feed)

    def debit(
        self, key: Key, event: AutoDebit, mandate: int, chance: float, clock_ms: int,
        *, is_judged: bool,
    ) -> Records:  # fmt: skip
        """Take a debit event; the revisions it makes, as of the clock that it found or set.

        `key`: hashes of account and obligation; `chance`: of failing, of a scheduled one.
        """
        borrowers = self.borrowers
        borrowers.arrivals += 1
        at_ms, arrival, self.trials.clock_ms = event.occurred_at, borrowers.arrivals, clock_ms
        borrower = borrowers.known(key[0], event.account_id, at_ms)
        obligation = borrower.obligations.get(key[1])
        if obligation is None or at_ms > obligation.kept_until_ms():
            borrowers.count += obligation is None
            obligation = Obligation(
                arrival, event.account_id, event.channel, event.currency,
                event.amount_due_minor, event.due_at, event.overdue_at, (at_ms, arrival),
            )  # fmt: skip
            borrower.obligations[key[1]] = obligation
            borrower.ledger.note_due(event.due_at)
        debited = event.amount_debited_minor
        step = Step(at_ms, arrival, event.outcome, debited, event.event_id, mandate)
        obligation.add(step)
        channel = obligation.channel
        take_terms(obligation, event, (at_ms, arrival), chance)
        if event.outcome == "channel_error" or obligation.channel != channel:
            self._exposed.add(key, obligation)
        if is_judged:
            self.trials.take_step(obligation, step)
        by = Moment(at_ms, event.event_id)
        return self._look(key, borrower, obligation, clock_ms, by, speaks=is_judged)

    def disposition(
        self, account: int, event: Disposition, clock_ms: int, *, is_judged: bool
    ) -> Records:
        """Take what people found or did; the revisions it makes, as of the clock."""
        self.borrowers.arrivals += 1
        word, at_ms, self.trials.clock_ms = event.disposition, event.occurred_at, clock_ms
        if word in ("confirmed_fraud", "false_positive"):
            return self._verdict(account, event) if is_judged else []
        by, records = Moment(at_ms, event.event_id), Records()
        until_ms = -1 if event.until_at is None else event.until_at
        is_hardship = word == "hardship_granted"
        if is_hardship and until_ms >= 0:
            ledger = self.borrowers.known(account, event.account_id or "", at_ms).ledger
            if at_ms >= ledger.hardship_from_ms:
                ledger.hardship_from_ms, ledger.hardship_until_ms = at_ms, until_ms
        found = self.borrowers.get(account)
        if word not in ABOUT_OBLIGATIONS or found is None:
            return records
        named = self._named(account, found, event)
        for number, obligation in sorted(found.obligations.items(), key=lambda one: one[1].born):
            if number == named or (is_hardship and named is None and not obligation.is_paid):
                arrival = self.borrowers.arrivals
                obligation.add(Step(at_ms, arrival, word, 0, event.event_id, until_ms=until_ms))
            elif not is_hardship:
                continue
            key = account, number
            records += self._look(key, found, obligation, clock_ms, by, speaks=is_judged)
        return records

    def is_under_hardship(self, account: int, event: Disposition) -> bool:
        """Whether the borrower, or the obligation that is named, is under hardship or relief."""
        borrower = self.borrowers.get(account)
        if borrower is None:
            return False
        named = self._named(account, borrower, event)
        return any(
            self._standing(borrower, obligation, event.occurred_at).is_hardship
            for number, obligation in borrower.obligations.items()
            if not obligation.is_paid and named in (None, number)
        )

    def channel_of(self, account: int, event: Disposition) -> str | None:
        """The channel of the obligation that is named; None: none that is remembered."""
        borrower = self.borrowers.get(account)
        named = None if borrower is None else self._named(account, borrower, event)
        obligation = None if named is None else self.of((account, named))
        if obligation is None or event.occurred_at > obligation.kept_until_ms():
            return None
        return obligation.channel

    def is_due_before(self, clock_ms: int) -> bool:
        """Whether some deadline is before a time; it may turn out that nothing is to be said."""
        return self.borrowers.is_due_before(clock_ms)

    def hear(self, facts: Sequence[Fact], at_ms: int) -> Records:
        """Take word of outages, at a tick; what it changes of obligations, oldest first.

        The final standing rests on the outages alone, whenever they are heard of.
        """
        channels = [fact.channel for fact in facts if self._outages.hear(fact)]
        concerned = [
            (obligation.born, key, obligation)
            for channel in dict.fromkeys(channels)
            for key in self._exposed.of(channel)
            if (obligation := self.of(key)) is not None
        ]
        records, self.trials.clock_ms = Records(), at_ms
        for _, key, obligation in sorted(concerned, key=lambda one: one[:2]):
            by = Moment(at_ms, obligation.steps[-1].event_id)
            borrower = self.borrowers.get(key[0])
            if borrower is not None:
                records += self._look(key, borrower, obligation, at_ms, by, speaks=True)
        return records

    def expose_again(self, key: Key, obligation: Obligation) -> None:
        """Take an obligation of an earlier life."""
        self._exposed.add_again(key, obligation, self._limits.missed_after_ms)

    def forget(self) -> None:
        """Drop what is kept of obligations that are no longer remembered."""
        self._exposed.forget(lambda key: self.of(key) is not None)

    def fire_before(self, clock_ms: int) -> tuple[int, Records] | None:
        """The next deadline before a time at which something is to be said: when, and what.

        None where nothing more is due. To be asked until then.
        """
        while (deadline := self.borrowers.due_before(clock_ms)) is not None:
            due_ms, _, account, number = deadline
            records = self._fire((account, number), due_ms)
            if records:
                return due_ms, records
        return None

    def of(self, key: Key) -> Obligation | None:
        """An obligation, if it is remembered."""
        borrower = self.borrowers.get(key[0])
        return None if borrower is None else borrower.obligations.get(key[1])

    def _verdict(self, account: int, event: Disposition) -> Records:
        borrower = self.borrowers.known(account, event.account_id or "", event.occurred_at)
        records = self._advice.verdict(account, borrower.ledger, event)
        if borrower.ledger.freeze is not None:
            self.borrowers.wait_for_ledger(account, borrower.ledger)
        return records

    def _standing(self, borrower: Borrower, obligation: Obligation, at_ms: int) -> Standing:
        ledger = borrower.ledger
        reliefs = self._reliefs.of(obligation.account_id, obligation.channel)
        if ledger.hardship_until_ms >= 0:
            reliefs.append((ledger.hardship_from_ms, ledger.hardship_until_ms + 1))
        outages = self._outages.of(obligation.channel)
        return standing_at(obligation, at_ms, self._limits, reliefs, outages)

    def _look(
        self, key: Key, borrower: Borrower, obligation: Obligation, clock_ms: int, by: Moment,
        *, speaks: bool,
    ) -> Records:  # fmt: skip
        # A step may be dated ahead of a clock that does not follow it.
        at_ms, records = max(clock_ms, obligation.newest_ms), Records()
        next_ms, is_answered = self._calm_until_ms(borrower, obligation, at_ms), False
        if next_ms >= 0:
            obligation.is_paid = next_ms == NEVER_MS
        else:
            standing = self._standing(borrower, obligation, at_ms)
            obligation.is_paid, next_ms = standing.is_paid, standing.next_ms
            is_answered = standing.facts.answered
            if standing.is_put_off:
                self._exposed.add(key, obligation)
            if speaks and self._has_feed and (standing.state or obligation.is_open):
                records = self._speak(key, borrower, obligation, standing, by)
        self.borrowers.wait_for(key, obligation, next_ms if self._has_feed else NEVER_MS)
        self.borrowers.touch(key)
        self.borrowers.standings.note(key, obligation, is_answered=is_answered)
        return records

    def _calm_until_ms(self, borrower: Borrower, obligation: Obligation, at_ms: int) -> int:
        channel = obligation.channel
        is_plain = borrower.ledger.hardship_until_ms < 0 and not self._outages.of(channel)
        is_plain = is_plain and not self._reliefs.of(obligation.account_id, channel)
        return calm_until_ms(obligation, at_ms, self._limits, is_plain=is_plain)

    def _speak(
        self, key: Key, borrower: Borrower, obligation: Obligation, standing: Standing, by: Moment
    ) -> Records:
        was_open, before = obligation.is_open, obligation.said
        if not standing.state:
            assert before is not None  # what is open was said
            status, state = "resolved", before[0]
        elif was_open and standing.saying == before:
            return []
        else:
            status, state = "updated" if was_open else "open", standing.state
        obligation.revision, obligation.status = obligation.revision + 1, status
        if obligation.opened_at_ms < 0:
            obligation.opened_at_ms = by.at_ms
        ledger = borrower.ledger
        said = [self._writer.record(key, obligation, state, standing, by, ledger.cure_days)]
        obligation.said = (state, *standing.saying[1:])
        if state == "debit_missed":
            self._exposed.add(key, obligation)
        facts = standing.facts
        if standing.is_paid and facts.failures:
            ledger.note_cure(self._calendar.local(facts.paid_ms).day)
            self.borrowers.touch((key[0], LEDGER))
        if state == "overdue" and status == "resolved" and standing.is_paid:
            said += self._advice.cured(key, ledger, obligation, by)
        if standing.state == "overdue" and not standing.is_system_caused:
            if obligation.was_overdue_ms < 0:
                obligation.was_overdue_ms = obligation.overdue_ms
                self.trials.passed(obligation)
                said += self._advice.overdue(key[0], ledger, borrower.obligations, by)
                self.borrowers.touch((key[0], LEDGER))
        elif 0 <= facts.paid_ms <= obligation.was_overdue_ms:
            obligation.was_overdue_ms = -1  # it was paid in time, as came out late
        return said

    def _fire(self, key: Key, due_ms: int) -> Records:
        borrower = self.borrowers.get(key[0])
        if borrower is None:
            return []
        if key[1] == LEDGER:
            return self._fire_ledger(key[0], borrower.ledger, due_ms)
        obligation = borrower.obligations.get(key[1])
        is_meant = obligation is not None and obligation.waits_ms == due_ms
        if obligation is None or not is_meant or self.borrowers.drop_if_over(key, due_ms):
            return []
        by, self.trials.clock_ms = Moment(due_ms, obligation.steps[-1].event_id), due_ms + 1
        at_ms, after_ms = (max(t, obligation.newest_ms) for t in (due_ms, due_ms + 1))
        at, after = (self._standing(borrower, obligation, t).saying for t in (at_ms, after_ms))
        # What only a too-late step has changed is not for a deadline to say.
        return self._look(key, borrower, obligation, after_ms, by, speaks=at != after)

    def _fire_ledger(self, account: int, ledger: Ledger, due_ms: int) -> Records:
        records = Records()
        if ledger.freeze is not None and ledger.freeze.expires_ms <= due_ms:
            records = self._advice.expired(account, ledger)
            self.borrowers.touch((account, LEDGER))
        if not self.borrowers.drop_if_over((account, LEDGER), due_ms):
            self.borrowers.wait_for_ledger(account, ledger)
        return records

    @staticmethod
    def _named(account: int, borrower: Borrower, event: Disposition) -> int | None:
        """The obligation that a disposition speaks of, by any of its events or by its alert."""
        for number, obligation in borrower.obligations.items():
            if event.target_event_id is not None and any(
                step.event_id == event.target_event_id for step in obligation.steps
            ):
                return number
            if event.alert_id is not None and event.alert_id == alert_id_of((account, number)):
                return number
        return None
