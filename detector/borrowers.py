"""Who owes: obligations and ledgers by account, their deadlines, and what changed of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from detector.deadlines import Deadline, Deadlines
from detector.ledgers import Ledger
from detector.obligation_states import facts_of
from detector.obligation_steps import Obligation

LEDGER: Final = 0  # in place of an obligation's hash, which is never 0
Key = tuple[int, int]  # hashes of account and obligation


class Borrower:
    """An account's obligations, by the hash of their id, and its ledger."""

    __slots__ = ("ledger", "obligations")

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.obligations: dict[int, Obligation] = {}


class Standings:
    """How many obligations have an alert that stands, by what it says and whether anybody acted:
    kept as they change, so that nobody need count them."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, bool]] = Counter()
        self._of: dict[Key, tuple[str, bool]] = {}

    def note(self, key: Key, obligation: Obligation, *, is_answered: bool) -> None:
        """An obligation as it stands now. `is_answered`: see Facts."""
        self.drop(key)
        if obligation.is_open and obligation.said is not None:
            self._of[key] = told = obligation.said[0], is_answered
            self.counts[told] += 1

    def drop(self, key: Key) -> None:
        """Its alert stands no longer, or it is forgotten."""
        if (told := self._of.pop(key, None)) is not None:
            self.counts[told] -= 1


class Borrowers:
    """All that is remembered of obligations. `lateness_ms`: how late a step may be judged."""

    def __init__(self, lateness_ms: int) -> None:
        self.count = 0  # obligations
        self.arrivals = 0  # steps ever taken
        self._lateness_ms = lateness_ms
        self.standings = Standings()
        self._all: dict[int, Borrower] = {}
        self._deadlines = Deadlines()
        self._touched: set[Key] | None = None  # None: nobody asks for changes

    def get(self, account: int) -> Borrower | None:
        """A borrower, if remembered."""
        return self._all.get(account)

    def known(self, account: int, account_id: str, at_ms: int) -> Borrower:
        """A borrower, remembered from now on, of whom something happened at a time."""
        borrower = self._all.get(account)
        if borrower is None:
            borrower = self._all[account] = Borrower(Ledger(self.arrivals, account_id))
            borrower.ledger.newest_ms = at_ms
            self.wait_for_ledger(account, borrower.ledger)
        borrower.ledger.newest_ms = max(borrower.ledger.newest_ms, at_ms)
        self.touch((account, LEDGER))
        return borrower

    def wait_for(self, key: Key, obligation: Obligation, next_ms: int) -> None:
        """Look at an obligation again at a deadline, or where it may be dropped."""
        waits_ms = min(next_ms, obligation.kept_until_ms() + self._lateness_ms)
        if waits_ms != obligation.waits_ms:
            obligation.waits_ms = waits_ms
            self._deadlines.add((waits_ms, 2 * obligation.born + 1, *key))
            if self._deadlines.is_cluttered(self.count + len(self._all)):
                self._remake_deadlines()

    def wait_for_ledger(self, account: int, ledger: Ledger) -> None:
        """Look at a ledger again where a freeze ends, or where it may be dropped."""
        due_ms = ledger.kept_until_ms() + self._lateness_ms
        if ledger.freeze is not None:
            due_ms = min(due_ms, ledger.freeze.expires_ms)
        self._deadlines.add((due_ms, 2 * ledger.born, account, LEDGER))

    def is_due_before(self, clock_ms: int) -> bool:
        """Whether a deadline is before a time."""
        return self._deadlines.next_ms < clock_ms

    def due_before(self, clock_ms: int) -> Deadline | None:
        """The next deadline before a time; None where there is none."""
        return self._deadlines.pop_before(clock_ms)

    def drop_if_over(self, key: Key, due_ms: int) -> bool:
        """Drop an obligation, or a ledger without any, that nothing judged can reach any more."""
        account, number = key
        borrower = self._all[account]
        if number != LEDGER:
            if due_ms < borrower.obligations[number].kept_until_ms() + self._lateness_ms:
                return False
            del borrower.obligations[number]
            self.count -= 1
            self.standings.drop(key)
            self.touch(key)
        ledger = borrower.ledger
        is_over = ledger.kept_until_ms() + self._lateness_ms <= due_ms and ledger.freeze is None
        if is_over and not borrower.obligations:
            del self._all[account]
            self.touch((account, LEDGER))
        return number != LEDGER or is_over

    def drop(self, account: int) -> None:
        """Drop all that is remembered of an account."""
        borrower = self._all.pop(account, None)
        if borrower is not None:
            self.count -= len(borrower.obligations)
            for number in (LEDGER, *borrower.obligations):
                self.standings.drop((account, number))
                self.touch((account, number))

    def touch(self, key: Key) -> None:
        """Note that something changed."""
        if self._touched is not None:
            self._touched.add(key)

    def changes(self) -> Iterator[tuple[Key, Obligation | Ledger | None]]:
        """What changed since this was last asked; None where it was dropped."""
        touched, self._touched = self._touched, set()
        for account, number in sorted(touched or ()):
            borrower = self._all.get(account)
            if borrower is None:
                yield (account, number), None
            elif number == LEDGER:
                yield (account, number), borrower.ledger
            else:
                yield (account, number), borrower.obligations.get(number)

    def restore(
        self, told: Mapping[Key, Obligation], ledgers: Mapping[int, Ledger], arrivals: int
    ) -> None:
        """Take the obligations of an earlier run, and how many steps it had taken.

        Raises:
            KeyError: an obligation without its account's ledger.
        """
        self.arrivals, self.count = arrivals, len(told)
        self._all = {account: Borrower(ledger) for account, ledger in ledgers.items()}
        for (account, number), obligation in told.items():
            self._all[account].obligations[number] = obligation
            if obligation.is_open:
                is_answered = facts_of(obligation).answered
                self.standings.note((account, number), obligation, is_answered=is_answered)
        self._remake_deadlines()

    def _remake_deadlines(self) -> None:
        self._deadlines.remake(
            (one.waits_ms, 2 * one.born + 1, account, number)
            for account, borrower in self._all.items()
            for number, one in borrower.obligations.items()
        )
        for account, borrower in self._all.items():
            self.wait_for_ledger(account, borrower.ledger)
