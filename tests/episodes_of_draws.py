"""Episodes of single accounts near the bounds of what leads up to a draw, on both sides of each."""

from __future__ import annotations

from typing import Any

from tests.book import CITIES, IPS, Book, Event
from tests.reference_memory import DAY, HOUR, MINUTE, SECOND
from tests.reference_windows import distance_km

LIMITS = (100_000, 100_000, 99_999, 12_345, 1_000_007)


def woken(book: Book, account: str | None = None) -> tuple[str, dict[str, Any]]:
    """An account and a place: known for a day or 90 days, drawn on or not, or wholly new."""
    rng = book.rng
    account = account or (book.new("A") if rng.random() < 0.4 else book.account())
    place = {**book.place(), "ip": rng.choice(IPS)}
    if rng.random() < 0.8:
        tell = rng.choice((book.login, book.login, book.draw, book.check))
        tell(account, **place)
        if rng.random() < 0.12:
            fill(book, account)
        book.now = book.beside_time(book.now + rng.choice((HOUR, DAY, 8 * DAY, 90 * DAY, 90 * DAY)))
    if rng.random() < 0.4:
        place["device_id"] = book.new("D")
    return account, place


def fill(book: Book, account: str) -> None:
    """So many events that a ring overflows."""
    rng = book.rng
    steps = rng.choice(((0,), (0, SECOND, MINUTE)))
    for _ in range(rng.choice((40, 62, 63, 64, 70))):
        if rng.random() < 0.2:
            book.login(account, "failure", device_signals=None)
        else:
            book.check(account, "error")
        book.now += rng.choice(steps)


def draw_near(book: Book, account: str, share: float, **fields: Any) -> Event:
    """A draw at a share of the limit, or of what is left of it; now and then taken back."""
    rng = book.rng
    limit = fields.pop("credit_limit_minor", rng.choice(LIMITS))
    owed = fields.pop("outstanding_minor", rng.choice((0, 0, limit // 3)))
    base = rng.choice((limit, limit - owed))
    told = book.draw(
        account, rng.choice(("requested", "paid")),
        **{"amount_minor": max(1, book.beside(share * base)), "credit_limit_minor": limit,
           "outstanding_minor": owed, **fields},
    )  # fmt: skip
    if rng.random() < 0.12:
        book.now += rng.choice((0, 1, MINUTE))
        book.late(book.retell(told, rng.choice(("paid", "rejected", "reversed", "requested"))))
    return told


def guess(book: Book) -> None:
    """Four to seven failed checks, a pass or two, and a draw, each near its quarter of an hour."""
    rng = book.rng
    account, place = woken(book)
    codes = ("otp", "bank_card", "password")
    methods = rng.choice((("otp",), ("face",), codes, codes, ("otp", "face")))
    outcomes = rng.choice(
        (("failed",), ("failed",), ("failed",) * 9 + ("error", "timeout", "passed"))
    )
    passed_at = book.now + 20 * MINUTE
    told = []
    for number in range(rng.choice((4, 5, 5, 6, 7))):
        before_ms = rng.choice((number * MINUTE + 1, 1, 9 * MINUTE, 14 * MINUTE))
        if rng.random() < 0.15:
            before_ms = book.beside(rng.choice((0, 15 * MINUTE)))
        told.append(book.check(
            account, rng.choice(outcomes), occurred_at=passed_at - before_ms,
            method=rng.choice(methods), device_id=place["device_id"],
        ))  # fmt: skip
    book.late(*told)
    book.now = passed_at
    for _ in range(rng.choice((1, 1, 2, 3))):
        book.late(book.check(account, method=rng.choice(methods), device_id=place["device_id"]))
        book.now += rng.choice((0, 1, 10 * MINUTE))
    after_ms = rng.choice((MINUTE, book.beside(30 * MINUTE), book.beside(30 * MINUTE)))
    draw_near(book, account, 0.3, **place, occurred_at=passed_at + after_ms)
    book.now = max(book.now, passed_at + after_ms)


def flood(book: Book) -> None:
    """Seven to ten codes in about ten minutes."""
    rng, account = book.rng, book.account()
    first, count = book.now, rng.randrange(7, 11)
    outcomes = rng.choice((("failed",), ("passed",), ("failed", "failed", "passed", "timeout")))
    for number in range(count):
        at = first + number * MINUTE if number < count - 1 else book.beside(first + 10 * MINUTE)
        method = "otp" if rng.random() < 0.95 else "face"
        told = book.check(account, rng.choice(outcomes), method=method, occurred_at=at)
        book.late(told, share=0.1)
    book.now += 11 * MINUTE


def induced(book: Book) -> None:
    """One to four draws that take nearly all, by a screen that is shared or to a new payee."""
    rng = book.rng
    account, place = woken(book)
    shown = rng.choice((None, ["screen_sharing"], ["screen_sharing", "vpn"], ["rooted"]))
    outcome = rng.choice(("success",) * 5 + ("failure",))
    book.late(book.login(account, outcome, **place, device_signals=shown))
    book.now += rng.choice((MINUTE, HOUR, book.beside(DAY)))
    payee = rng.choice((book.new("P"), rng.choice(book.payees)))
    limit, owed = rng.choice(LIMITS), 0
    count = rng.choice((1, 2, 3, 3, 4))
    for _ in range(count):
        share = rng.choice((0.8, 0.9, 0.3)) / count
        told = draw_near(
            book, account, share, **place, payee_id=payee, credit_limit_minor=limit,
            outstanding_minor=owed,
        )  # fmt: skip
        owed += told["amount_minor"]
        book.now += rng.choice((0, MINUTE, 20 * MINUTE, book.beside(HOUR), book.beside(HOUR // 2)))


def session(book: Book) -> None:
    """One session, now and then on a second device or network, with signals old and new."""
    rng, account = book.rng, book.account()
    id = rng.choice((book.new("S"), rng.choice(book.sessions)))
    devices = rng.choice((["D1"], ["D1"], ["D1", "D1", "D2"], ["D1", None]))
    ips = rng.choice((IPS[:1], IPS[:2], IPS[1:4], (IPS[0], IPS[0], IPS[2]), (None, *IPS[:3])))
    for _ in range(rng.randrange(1, 5)):
        place = {"session_id": id, "device_id": rng.choice(devices), "ip": rng.choice(ips)}
        shown = rng.choice((None, ["rooted"], ["emulator", "rooted"], ["vpn"], ["emulator"]))
        told = book.login(
            account, rng.choice(("success", "success", "failure")), **place, device_signals=shown
        )
        book.late(told)
        book.now += rng.choice((0, MINUTE, HOUR))
        if rng.random() < 0.3:
            book.check(account, session_id=id, device_id=rng.choice(devices))
    book.now += rng.choice((MINUTE, HOUR, book.beside(DAY)))
    place = {"session_id": id, "device_id": rng.choice(devices), "ip": rng.choice(ips)}
    draw_near(book, account, 0.3, **place)


def travel(book: Book) -> None:
    """Log-ins of two or three devices, so far apart that about 900 km/h are needed."""
    rng, account = book.rng, book.account()
    at = rng.choice(CITIES)
    for _ in range(rng.randrange(2, 5)):
        told: dict[str, Any] = {"latitude": at[0], "longitude": at[1], "device_signals": None}
        if rng.random() < 0.2:
            told[rng.choice(("latitude", "longitude", "device_id"))] = None
        if rng.random() < 0.15:
            told["device_signals"] = rng.choice((["vpn"], ["tor", "rooted"], ["rooted"]))
        device = told.pop("device_id", rng.choice(("D1", "D2", "D2", "D3")))
        outcome = rng.choice(("success",) * 7 + ("failure",))
        book.late(book.login(account, outcome, device_id=device, **told))
        there = rng.choice(CITIES)
        hours = distance_km(*at, *there) / 900
        gap_ms = int(hours * HOUR) + rng.choice((-MINUTE, -1_000, 1_000, MINUTE))
        book.now += max(0, rng.choice((gap_ms, gap_ms, 0, HOUR, DAY)))
        at = there
    book.now += rng.choice((MINUTE, HOUR, book.beside(DAY)))
    draw_near(book, account, 0.3)


def remote(book: Book) -> None:
    """A sign of another's hand, and of night, long rest and all of the limit some or none."""
    rng = book.rng
    account, place = woken(book)
    word = rng.choice(("remote_control", "screen_sharing", "accessibility_service"))
    if word == "accessibility_service":
        for _ in range(rng.choice((0, 0, 1, 2))):
            book.late(book.login(account, **place, device_signals=[word]))
            book.now = book.beside_time(book.now + rng.choice((DAY, 30 * DAY - HOUR, 30 * DAY)))
        if rng.random() < 0.25:
            fill(book, account)
    if rng.random() < 0.7:
        book.wait_for_hour(rng.choice((6, 12, 22, 22, 23)))
    drawn_at = book.now + HOUR
    login_at = drawn_at - rng.choice((MINUTE, MINUTE, book.beside(HOUR)))
    outcome = rng.choice(("success",) * 7 + ("failure",))
    told = book.login(account, outcome, **place, device_signals=[word], occurred_at=login_at)
    book.late(told)
    if rng.random() < 0.7:
        book.wait_for_hour(rng.choice((6, 22, 23)))
        told["occurred_at"] = book.now - (drawn_at - login_at)
    else:
        book.now = drawn_at
    draw_near(book, account, rng.choice((0.8, 0.8, 0.2)), **place)


def swap(book: Book) -> None:
    """A re-issued SIM card, passes by code or not, and a draw within about 72 hours."""
    rng = book.rng
    account, place = woken(book)
    at = book.now
    changed = []
    for gap_ms in rng.choice(((0,), (0,), (0, HOUR), (0, 30 * HOUR))):
        device = rng.choice((place["device_id"], place["device_id"], None, "D1"))
        told = book.login(
            account, rng.choice(("success", "success", "failure")), occurred_at=at + gap_ms,
            device_id=device, device_signals=["sim_changed"],
        )  # fmt: skip
        changed.append(told)
    book.late(*changed, share=0.3)
    if rng.random() < 0.3:  # the device comes to be known just before or after it
        first_at = at + rng.choice((-DAY, -SECOND, -1, 0, 1, 999, SECOND))
        book.login(account, occurred_at=first_at, **place, device_signals=None)
    methods = rng.choice((("otp",), ("otp",), ("face",), ("otp", "face"), ()))
    for _ in range(rng.randrange(0, 4) if methods else 0):
        passed_at = at + rng.choice((-HOUR, -1, 0, 0, 1, HOUR, 30 * HOUR))
        told = book.check(account, method=rng.choice(methods), occurred_at=passed_at)
        book.late(told, share=0.15)
    book.now = at + rng.choice((HOUR, 31 * HOUR, book.beside(3 * DAY), book.beside(3 * DAY)))
    draw_near(book, account, rng.choice((0.5, 0.5, 0.1)), **place)


def dormant(book: Book) -> None:
    """Ninety days of sleep or nearly so; a log-in, a draw within about a day."""
    rng = book.rng
    account, place = woken(book)
    slept_at = book.now
    if rng.random() < 0.4:
        rng.choice((book.login, book.draw))(account, **place)
    if rng.random() < 0.3:
        book.debit(account, f"o-{account}", "success", 1_000)
    if rng.random() < 0.3:
        book.login(account, "failure", occurred_at=slept_at + 5 * DAY)
    if rng.random() < 0.15:
        fill(book, account)
        book.now = book.beside_time(book.now + rng.choice((0, 88 * DAY, 90 * DAY, 90 * DAY)))
    else:
        book.now = book.beside_time(slept_at + rng.choice((90 * DAY, 90 * DAY, 80 * DAY)))
    if rng.random() < 0.7:
        place["device_id"] = book.new("D")
    outcome = rng.choice(("success",) * 7 + ("failure",))
    book.late(book.login(account, outcome, **place))
    if rng.random() < 0.2:
        book.login(account, occurred_at=book.now + rng.choice((-1, 0, MINUTE)), **place)
    book.now += rng.choice((MINUTE, 3 * HOUR, book.beside(DAY)))
    owner = rng.choice(("self", "other", "unknown"))
    draw_near(book, account, rng.choice((0.5, 0.5, 0.2)), **place, payee_owner=owner)


def probe(book: Book) -> None:
    """A tiny draw, then a large one within about an hour."""
    rng = book.rng
    account, place = woken(book)
    limit = rng.choice((50_000, 100_000, 99_999, 1_000_007))
    place["payee_id"] = rng.choice((book.new("P"), book.new("P"), rng.choice(book.payees)))
    book.late(draw_near(book, account, rng.choice((0.02, 0.01)), **place, credit_limit_minor=limit))
    book.now += rng.choice((MINUTE, book.beside(HOUR), book.beside(HOUR)))
    change = rng.choice(({}, {}, {"payee_id": book.new("P")}, {"device_id": book.new("D")}))
    draw_near(book, account, 0.5, **{**place, **change}, credit_limit_minor=limit)


def band(book: Book) -> None:
    """Two to five draws just below five million, under a limit about the cap."""
    rng, account = book.rng, book.account()
    limit = rng.choice((20_000_000, 20_000_000, 20_000_001, 19_999_999))
    for _ in range(rng.randrange(2, 6)):
        amounts = (4_250_000, 4_249_999, 4_999_999, 5_000_000, 4_600_000, 4_700_000)
        told = book.draw(
            account, rng.choice(("requested", "paid")), amount_minor=rng.choice(amounts),
            credit_limit_minor=limit,
        )  # fmt: skip
        if rng.random() < 0.15:
            book.late(book.retell(told, rng.choice(("rejected", "reversed", "paid"))))
        book.late(told, share=0.1)
        book.now += rng.choice((MINUTE, 8 * HOUR, book.beside(8 * HOUR), book.beside(12 * HOUR)))


def raised(book: Book) -> None:
    """A limit that grows by about half, and a draw of about nine tenths of what is left."""
    rng, account = book.rng, book.account()
    limit = rng.choice((100_000, 66_667, 3, 20_000_000))
    bounds = [bound for pair in book.campaigns for bound in pair if bound > book.now + 8 * DAY]
    if bounds and rng.random() < 0.6:
        book.now = rng.choice(bounds) - HOUR
    for _ in range(rng.choice((1, 1, 2))):
        told = draw_near(book, account, 0.3, credit_limit_minor=limit)
        book.late(told)
        step_ms = rng.choice((HOUR, HOUR, book.beside(HOUR), book.beside(7 * DAY), 3 * DAY))
        book.now = max(book.now, told["occurred_at"]) + step_ms
        limit = max(1, book.beside(limit * rng.choice((1.5, 1.5, 1.2))))
    draw_near(book, account, rng.choice((0.9, 0.9, 0.4)), credit_limit_minor=limit)


def stacked(book: Book) -> None:
    """Two to five draws that pile up to about six tenths of the limit within a week."""
    rng, account = book.rng, book.account()
    limit, owed = rng.choice(LIMITS), rng.choice((0, 5_000))
    count = rng.randrange(2, 6)
    for _ in range(count):
        told = draw_near(
            book, account, 0.6 / count, credit_limit_minor=limit, outstanding_minor=owed
        )
        owed += told["amount_minor"] + rng.choice((0, 0, -1, 1))
        book.late(told, share=0.1)
        book.now += rng.choice((HOUR, DAY, 3 * DAY, book.beside(7 * DAY), book.beside(DAY)))
