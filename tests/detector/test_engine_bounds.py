"""Engine and slow engine on bounds that random histories hit too seldom: full rings, old draws."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.book import Book
from tests.comparing import by_reference, difference
from tests.histories import History
from tests.reference_memory import DAY, HOUR, MINUTE
from tests.reference_terms import Terms

Writes = Callable[[Book], None]


def found(write: Writes) -> set[str]:
    """The typologies that both found."""
    book = Book(random.Random(1))
    write(book)
    events = sorted(book.events, key=lambda event: int(event["occurred_at"]))
    history = History(0, "", events, Terms())
    assert difference(history) == []
    return {alert["typology"] for alert in by_reference(history).alerts}


def fill(book: Book, count: int) -> None:
    for _ in range(count):
        book.login("A", "failure", device_id="D1", session_id="S1", device_signals=None)


def asleep(gap_ms: int, failures: int) -> Writes:
    def write(book: Book) -> None:
        fill(book, failures)
        book.now += gap_ms
        book.login("A", device_id="D7", device_signals=None)
        book.now += HOUR
        book.draw("A", device_id="D7", payee_owner="other", amount_minor=60_000)

    return write


@pytest.mark.parametrize("failures", [60, 61, 62, 63, 64, 70])
@pytest.mark.parametrize("more_ms", [-1, 0, 1])
def test_what_left_the_ring_at_the_far_end_of_a_sleep_does_not_hide_it(
    failures: int, more_ms: int
) -> None:
    awake = "dormant_awakening" in found(asleep(90 * DAY + more_ms, failures))
    assert awake == (more_ms >= 0)


@pytest.mark.parametrize("more_ms", [-1, 0, 1])
def test_what_left_the_ring_within_thirty_days_may_have_shown_the_service(more_ms: int) -> None:
    def write(book: Book) -> None:
        book.check("A", device_id="D1", session_id="S1")
        book.now += 61 * DAY
        fill(book, 70)
        book.now += 30 * DAY + more_ms
        shown = ["accessibility_service"]
        book.login("A", device_id="D1", device_signals=shown, occurred_at=book.now - MINUTE)
        book.draw("A", device_id="D1", amount_minor=90_000)

    # The first draw at all, and of all that is left. Seven events left the ring too soon to know,
    # if they are younger than thirty days.
    assert ("remote_control" in found(write)) == (more_ms >= 0)


@pytest.mark.parametrize("more_ms", [-1, 0, 1])
@pytest.mark.parametrize("undone", [False, True])
def test_the_last_draw_is_remembered_when_it_has_left_the_ring(more_ms: int, undone: bool) -> None:
    def write(book: Book) -> None:
        told = book.draw("A", device_id="D1", amount_minor=1_000, payee_id="P1")
        if undone:
            book.retell(told, "reversed")
        fill(book, 70)
        book.now = told["occurred_at"] + 90 * DAY + more_ms
        place = {"device_id": "D1", "session_id": "S5"}
        book.login("A", **place, device_signals=["screen_sharing"], occurred_at=book.now - MINUTE)
        book.draw("A", **place, amount_minor=95_000, payee_id="P1")

    assert ("induced_borrowing" in found(write)) == (more_ms >= 0)


@pytest.mark.parametrize(
    ("east", "far"), [(4.4, False), (4.44, False), (4.46, True), (4.5, True), (-4.46, True)]
)
def test_places_are_kept_to_a_tenth_of_a_degree(east: float, far: bool) -> None:
    def write(book: Book) -> None:
        for device, longitude in (("D1", 0.0), ("D2", east)):
            where = {"latitude": 0.0, "longitude": longitude, "device_signals": None}
            book.login("A", device_id=device, **where)
            book.now += MINUTE
        book.draw("A", device_id="D2")

    assert ("impossible_travel" in found(write)) == far
