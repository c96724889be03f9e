"""What is counted of a stage as it goes is what counting afterwards gives."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from detector.chain import Link
from detector.decode import Decoder
from detector.entering import ENTERED_AS
from detector.events import KINDS
from detector.ids import Ids
from detector.link_state import LinkState
from detector.newest import kinds_of
from detector.obligation_states import STATES
from detector.parts import Parts
from detector.stage import EVICTED
from tests.book import Book
from tests.comparing import FAR_FUTURE_MS, rulebook_of
from tests.detector.chains import Chain
from tests.histories import history
from tests.reference_memory import DAY, HOUR
from tests.reference_terms import Terms

Event = dict[str, Any]
FORGOTTEN_AFTER_MS = 180 * DAY  # an obligation, then, whatever was said of it


def lines_of(events: list[Event]) -> list[bytes]:
    return [orjson.dumps(event) for event in events]


def standing(said: dict[str, list[bytes]]) -> Counter[str]:
    """Obligations whose alert stands, by the newest revision of each that was said."""
    newest: dict[str, Event] = {}
    for record in map(orjson.loads, said["alerts"]):
        newest[record["alert_id"]] = record
    return Counter(
        one["typology"] for one in newest.values()
        if one["typology"] in STATES and one["status"] in ("open", "updated")
    )  # fmt: skip


def counted(chain: Chain) -> Counter[str]:
    """What the account stage's links say of it."""
    states: Counter[str] = Counter()
    for (stage, _), link in chain.links.items():
        if stage == "account" and link.repayment is not None:
            for (state, _), count in link.repayment.standings.items():
                assert count >= 0
                states[state] += count
    return +states


@pytest.mark.parametrize("shard", range(4))
def test_obligations_open_by_state_are_those_whose_alert_stands(shard: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(shard, 40, 4):
        print(f"seed {seed}")
        rng, one = random.Random(seed), history(seed, long=seed % 7 == 0)
        began_ms = one.events[0]["occurred_at"]
        chain = Chain(one.terms, partitions=2)
        lines = lines_of([
            event for event in one.events if event["occurred_at"] < began_ms + FORGOTTEN_AFTER_MS
        ])  # fmt: skip
        while lines:
            size = rng.randrange(1, 60)
            chain.process_at_account(lines[:size])
            del lines[:size]
            if rng.random() < 0.3:
                chain.restart()
            assert counted(chain) == standing(chain.by_stage["account"])
            seen += counted(chain)
    assert len(seen) >= 2, seen


def test_an_obligation_is_answered_once_somebody_acted_since_its_latest_failure() -> None:
    def failed(attempt: int, at_ms: int) -> Event:
        return {
            "type": "auto_debit", "event_id": f"e{attempt}", "account_id": "A",
            "occurred_at": at_ms,
            "debit_id": f"d{attempt}", "obligation_id": "o", "mandate_id": "m", "channel": "bank",
            "amount_due_minor": 100, "amount_debited_minor": 0, "currency": "CNY",
            "outcome": "insufficient_balance", "attempt": attempt, "due_at": START_MS,
            "overdue_at": START_MS + 20 * DAY,
        }  # fmt: skip

    contact = {
        "type": "disposition", "event_id": "c", "account_id": "A",
        "occurred_at": START_MS + 2 * HOUR, "target_event_id": "e1", "disposition": "contacted",
    }  # fmt: skip
    chain, told = Chain(Terms()), []
    for event in (failed(1, START_MS + HOUR), contact, failed(2, START_MS + 3 * HOUR)):
        chain.process_at_account(lines_of([event]))
        chain.restart()
        repayment = chain.links["account", 0].repayment
        assert repayment is not None
        told.append({key: count for key, count in repayment.standings.items() if count})
    unanswered, answered = {("debit_failed", False): 1}, {("debit_failed", True): 1}
    assert told == [unanswered, answered, unanswered]
    chain.links["account", 0].erase("A")
    assert not any(repayment.standings.values())


START_MS = 1_767_571_200_000


def written(write: Callable[[Book], None]) -> list[Event]:
    book = Book(random.Random(1))
    write(book)
    return book.events


def test_each_event_enters_as_one_thing_and_a_verdict_that_finds_its_draw_is_a_label() -> None:
    def write(book: Book) -> None:
        login = book.login("A")
        draw = book.draw("A")
        book.events += [login, draw, {**login, "event_id": "n", "account_id": "B"}]
        book.now += HOUR
        verdict = {"type": "disposition", "disposition": "confirmed_fraud", "account_id": "A"}
        for name, target in (("v1", draw["event_id"]), ("v2", "nobody")):
            book.events.append(verdict | {
                "event_id": name, "occurred_at": book.now, "target_event_id": target
            })  # fmt: skip
        nobody = {**verdict, "event_id": "v3", "occurred_at": book.now, "alert_id": "x"}
        del nobody["account_id"]
        book.events.append(nobody)
        book.now += 3 * DAY
        book.login("A")
        book.login("B")  # the clock follows the second account that is so far ahead
        book.login("A", occurred_at=book.now - 2 * DAY)

    events = written(write)
    ids = Ids()
    link = Link("account", Parts(*rulebook_of(Terms()), ids))
    table = link.take(Decoder(ids, FAR_FUTURE_MS).decode(lines_of(events))).entered
    assert table is not None and table.sum() == len(events)
    judged, repeat, _, too_late, keyless = range(len(ENTERED_AS))
    logins = table[KINDS["login_success"]] + table[KINDS["login_failure"]]
    assert (logins[judged], logins[repeat], logins[too_late]) == (4, 1, 1)
    assert table[KINDS["label_fraud"], judged] == 1
    assert table[KINDS["confirmed_fraud"], judged] == 1
    assert table[KINDS["confirmed_fraud"], keyless] == 1
    assert table[:, repeat].sum() == 2


def test_what_a_full_memory_evicts_is_counted_and_what_it_had_room_for_is_not() -> None:
    def write(book: Book) -> None:
        for at in range(70):  # a ring holds 64, an account knows 8 devices
            book.now += 1_000
            book.login("A", device_id=f"D{at % 10}", session_id=None, device_signals=None)
        for at in range(100):  # a device knows 96 accounts
            book.now += 1_000
            book.login(f"B{at}", "success", device_id="X", session_id=None, device_signals=None)

    events = [event | {"outcome": "success", "ip": None} for event in written(write)]
    chain = Chain(Terms())
    for at in range(0, len(events), 50):
        chain.process(lines_of(events[at : at + 50]))
    account, device = (chain.links[name, 0].stage.evicted for name in ("account", "device"))
    assert account.tolist() == [70 - 64, 70 - 8, 0], EVICTED
    assert device.tolist() == [100 - 64, 100 - 96, 0]


def test_entities_that_nothing_reached_within_the_history_are_counted_as_they_go() -> None:
    def write(book: Book) -> None:
        for at in range(50):
            book.login(f"A{at}", "success")
        book.now += 400 * DAY
        for at in range(2):  # the clock follows the second account that is so far ahead
            book.login(f"B{at}", "success")

    ids = Ids()
    link = Link("account", Parts(*rulebook_of(Terms()), ids))
    LinkState(link).restore(kinds_of({}))
    decoder = Decoder(ids, FAR_FUTURE_MS)
    for event in written(write):
        link.take(decoder.decode(lines_of([event])))
    link.advance(link.clock_ms + 2 * DAY)
    held = int(np.count_nonzero(link.stage.store.memory.rows["key"]))
    assert link.stage.evicted.tolist() == [0, 0, 50] and held == 2
