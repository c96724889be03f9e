"""Episodes of lending: each writes some events near the bounds of one typology."""

from __future__ import annotations

from collections.abc import Callable

from tests.book import IPS, Book
from tests.episodes_of_debits import arrears, debits, insolvent, mandate
from tests.episodes_of_draws import (
    band,
    dormant,
    flood,
    guess,
    induced,
    probe,
    raised,
    remote,
    session,
    stacked,
    swap,
    travel,
)
from tests.reference_memory import DAY, HOUR, MINUTE, SECOND


def noise(book: Book) -> None:
    """Anything at all."""
    rng, account = book.rng, book.account()
    for _ in range(rng.randrange(1, 5)):
        kind = rng.randrange(6)
        if kind == 0:
            book.login(account, rng.choice(("success", "success", "failure")))
        elif kind == 1:
            book.check(account, rng.choice(("passed", "passed", "failed", "error", "timeout")))
        elif kind == 2:
            book.draw(account, rng.choice(("requested", "paid")))
        elif kind == 3:
            book.debit(account, f"o-{account}", rng.choice(("scheduled", "channel_error")))
        elif kind == 4:
            told = rng.choice(book.events)["event_id"] if book.events else "e0"
            words = ("confirmed_fraud", "false_positive", "contacted", "held", "inconclusive")
            book.find(account, told, rng.choice(words))
        else:
            account = book.account()
        book.pass_time(3 * HOUR)


def steady(book: Book, account: str | None = None) -> None:
    """A known borrower: checks and draws that match, days apart."""
    rng = book.rng
    account = account or book.account()
    place = {**book.place(), "ip": rng.choice(IPS)}
    payee = rng.choice(book.payees)
    for _ in range(rng.randrange(1, 5)):
        book.login(account, **place)
        book.check(account, session_id=place["session_id"], device_id=place["device_id"])
        book.now += rng.choice((0, MINUTE))
        book.draw(account, amount_minor=20_000, payee_id=payee, payee_owner="self", **place)
        book.pass_time(8 * DAY)


def bypass(book: Book) -> None:
    """A draw whose checks are absent, half right, failed, or late by a minute."""
    rng, account = book.rng, book.account()
    if rng.random() < 0.6:
        book.login(account)
        book.now += rng.choice((HOUR, 2 * DAY))
    place: dict[str, str | None] = {**book.place()}
    checked: dict[str, dict[str, str | None]] = {
        "right": {**place}, "session": {**place, "device_id": "D9"},
        "device": {**place, "session_id": "S9"}, "neither": {"session_id": "S9"},
        "only session": {**place, "device_id": None},
    }  # fmt: skip
    named = None
    if rng.random() < 0.4:
        book.login(account, session_id=place["session_id"])
    if rng.random() < 0.75:
        outcome = rng.choice(("passed", "passed", "passed", "failed", "timeout"))
        bound = f"d{book.serial + 5}" if rng.random() < 0.2 else None
        ids = checked[rng.choice(list(checked))]
        check = book.check(account, outcome, **ids, disbursement_id=bound)
        named = check["verification_id"] if rng.random() < 0.5 else None
        book.now += rng.choice((0, SECOND, 9 * MINUTE, 10 * MINUTE, 11 * MINUTE, DAY))
    status = rng.choice(("requested", "paid"))
    if rng.random() < 0.2:
        place = {"session_id": None, "device_id": None}
    book.draw(account, status, verification_id=named, **place)


def reuse(book: Book) -> None:
    """One check, named or bound, and two or three draws."""
    rng, account = book.rng, book.account()
    disbursements = [book.new("d") for _ in range(3)]
    bound = rng.random() < 0.4
    check = book.check(account, disbursement_id=disbursements[0] if bound else None)
    alike = {"payee_id": rng.choice(book.payees), "device_id": rng.choice(book.devices)}
    for number, disbursement in enumerate(disbursements[: rng.randrange(2, 4)]):
        named = None if bound and number == 0 else check["verification_id"]
        other = {} if rng.random() < 0.3 else alike
        told = book.draw(account, disbursement_id=disbursement, verification_id=named, **other)
        book.now += rng.choice((MINUTE, 10 * MINUTE, 11 * MINUTE, HOUR))
        if rng.random() < 0.3:
            book.retell(told, rng.choice(("paid", "rejected", "reversed")))


def takeover(book: Book) -> None:
    """A known account, a new device, a new payee, a large amount: each most of the time."""
    rng, account = book.rng, book.account()
    steady(book, account)
    book.now += rng.choice((HOUR, 25 * HOUR, 3 * DAY))
    device = book.new("D") if rng.random() < 0.8 else rng.choice(book.devices)
    payee = book.new("P") if rng.random() < 0.8 else rng.choice(book.payees)
    if rng.random() < 0.5:
        book.login(account, device_id=device)
        book.now += rng.choice((MINUTE, HOUR, 23 * HOUR, 24 * HOUR))
    for _ in range(rng.randrange(1, 3)):
        book.draw(
            account, rng.choice(("requested", "paid")), device_id=device, payee_id=payee,
            payee_owner=rng.choice(("other", "unknown", "self")),
            amount_minor=rng.choice((20_000, 39_000, 40_000, 79_000, 80_000, 95_000)),
        )  # fmt: skip
        book.now += rng.choice((MINUTE, HOUR, DAY))


def burst(book: Book) -> None:
    """Four to seven draws in about half an hour, some told twice, some taken back."""
    rng, account = book.rng, book.account()
    for _ in range(rng.randrange(4, 8)):
        told = book.draw(account, rng.choice(("requested", "paid")))
        book.now += rng.choice((0, MINUTE, 5 * MINUTE, 7 * MINUTE))
        if rng.random() < 0.25:
            book.retell(told, rng.choice(("paid", "paid", "requested", "rejected", "reversed")))
    if rng.random() < 0.4:
        book.now += rng.choice((HOUR, 2 * HOUR, 3 * HOUR))
        burst(book)


def stuffing(book: Book) -> None:
    """Failed logins of eight to fourteen accounts from one place; one gets in, and draws."""
    rng = book.rng
    place = {"device_id": rng.choice(book.devices), "ip": rng.choice(IPS)}
    others = rng.choice((0, 0, 3, 20, 60))
    for number in range(others):
        outcome = "failure" if rng.random() < 0.05 else "success"
        book.login(f"B{number % 30}", outcome, device_id=f"E{number % 7}", ip="192.0.2.8")
        book.now += rng.choice((0, SECOND, 8 * SECOND))
    tried = [f"B{number}" for number in range(rng.choice((9, 10, 11, 12, 13, 13)))]
    for account in tried:
        book.login(account, rng.choice(("failure",) * 12 + ("success",)), **place)
        book.now += rng.choice((0, SECOND, 30 * SECOND, 50 * SECOND))
    if rng.random() < 0.75:
        account = rng.choice(tried)
        book.now += rng.choice((MINUTE, MINUTE, 50 * MINUTE, 70 * MINUTE))
        book.login(account, **place)
        book.now += rng.choice((MINUTE, 5 * HOUR, 23 * HOUR, 25 * HOUR))
        book.draw(account, **place)


def shared(book: Book) -> None:
    """Three to six accounts that draw on one device within days, after a first sight of it."""
    rng = book.rng
    device = rng.choice(book.devices)
    book.login(book.account(), device_id=device)
    book.now += rng.choice((6 * DAY, 8 * DAY, 9 * DAY))
    for number in range(rng.randrange(3, 7)):
        account = f"C{number}"
        if rng.random() < 0.2:
            book.login(account, device_id=device)
        book.draw(account, device_id=device)
        book.now += rng.choice((MINUTE, 9 * HOUR, 30 * HOUR))
    if rng.random() < 0.3:
        crowd(book, device)


def crowd(book: Book, device: str | None = None) -> None:
    """About fifty accounts seen with one device: a broken identifier."""
    rng = book.rng
    device = device or rng.choice(book.devices)
    for number in range(rng.randrange(46, 54)):
        book.login(f"B{number}", device_id=device, ip=rng.choice(IPS))
        book.now += rng.choice((SECOND, MINUTE))
    for _ in range(2):
        book.draw(f"B{rng.randrange(50)}", device_id=device)
        book.now += MINUTE


def mule(book: Book) -> None:
    """Three to nine accounts that draw to one payee in a day or two."""
    rng = book.rng
    payee = rng.choice((book.new("P"), rng.choice(book.payees)))
    if rng.random() < 0.5:
        book.draw(book.account(), payee_id=payee)
        book.now += rng.choice((30 * HOUR, 3 * DAY, 8 * DAY))
    kind = rng.choice((None, "person", "merchant", None))
    for number in range(rng.randrange(3, 10)):
        owner = rng.choice(("other", "other", "unknown", "self"))
        book.draw(f"C{number}", payee_id=payee, payee_owner=owner, payee_kind=kind)
        book.now += rng.choice((MINUTE, HOUR, 5 * HOUR))


def linked(book: Book) -> None:
    """A fraud confirmed, perhaps cleared, then draws on what it touched."""
    rng = book.rng
    found = []
    for account in rng.sample([f"A{n}" for n in range(1, 9)], rng.randrange(1, 3)):
        if rng.random() < 0.3:
            steady(book, account)
        told = book.draw(account, rng.choice(("requested", "paid")), payee_owner="other")
        if rng.random() < 0.3:
            told = book.retell(told, rng.choice(("paid", "reversed", "requested")))
        found.append(told)
        book.now += rng.choice((MINUTE, 10 * HOUR, 30 * HOUR))
    for told in found:
        word = rng.choice(("confirmed_fraud",) * 4 + ("false_positive",))
        book.find(told["account_id"], told["event_id"], word, alert_id="x")
        book.now += rng.choice((0, SECOND, HOUR, 2 * DAY, 50 * DAY))
    for _ in range(rng.randrange(1, 4)):
        told = rng.choice(found)
        alike = {name: told[name] for name in ("payee_id", "device_id", "ip")}
        kept = {name: value for name, value in alike.items() if rng.random() < 0.6}
        account = rng.choice((told["account_id"], "C1", "C2"))
        again = book.draw(account, payee_owner=rng.choice(("other", "self", "unknown")), **kept)
        book.now += rng.choice((MINUTE, HOUR, 26 * HOUR))
        if rng.random() < 0.3:
            word = rng.choice(("false_positive", "confirmed_fraud"))
            book.find(account, again["event_id"], word)


def over(book: Book) -> None:
    """Paid at, just over, or far over the limit; now and then told twice."""
    rng, account = book.rng, book.account()
    told = book.draw(
        account, rng.choice(("requested", "paid")), amount_minor=20_000,
        outstanding_minor=rng.choice((80_000, 80_001, 120_000)),
    )  # fmt: skip
    book.now += rng.choice((MINUTE, HOUR))
    if rng.random() < 0.6:
        book.retell(told, "paid")


def wander(book: Book) -> None:
    """One account on more devices, networks and payees than are kept; old ones come back."""
    rng, account = book.rng, book.account()
    for _ in range(rng.randrange(8, 14)):
        number = rng.randrange(12)
        place = {"device_id": f"W{number}", "ip": f"192.0.{number}.1"}
        if rng.random() < 0.5:
            book.login(account, rng.choice(("success", "success", "failure")), **place)
        payee, owner = f"W{rng.randrange(40)}", rng.choice(("other", "unknown", "self"))
        amount = rng.choice((20_000, 45_000, 90_000))
        book.draw(account, payee_id=payee, payee_owner=owner, amount_minor=amount, **place)
        book.pass_time(11 * HOUR)


def throng(book: Book) -> None:
    """More accounts on one device and one payee than are kept, some of them labelled."""
    rng = book.rng
    alike = {"device_id": rng.choice(book.devices), "payee_id": rng.choice(book.payees)}
    for number in range(rng.randrange(90, 115)):
        told = book.draw(f"T{number}", payee_owner="other", ip=rng.choice(IPS), **alike)
        book.now += rng.choice((SECOND, MINUTE, HOUR, 3 * HOUR))
        if rng.random() < 0.1:
            word = rng.choice(("confirmed_fraud", "confirmed_fraud", "false_positive"))
            book.find(told["account_id"], told["event_id"], word)
    for _ in range(rng.randrange(1, 6)):
        told = book.draw(f"T{rng.randrange(100)}", payee_owner="other", **alike)
        book.find(told["account_id"], told["event_id"], "confirmed_fraud")


EPISODES: dict[str, Callable[[Book], None]] = {
    "noise": noise, "steady": steady, "bypass": bypass, "reuse": reuse, "takeover": takeover,
    "burst": burst, "stuffing": stuffing, "shared": shared, "crowd": crowd, "mule": mule,
    "linked": linked, "over": over, "debits": debits, "wander": wander, "throng": throng,
    "mandate": mandate, "guess": guess, "flood": flood, "induced": induced, "session": session,
    "travel": travel, "remote": remote, "swap": swap, "dormant": dormant, "probe": probe,
    "band": band, "raised": raised, "stacked": stacked, "arrears": arrears,
    "insolvent": insolvent,
}  # fmt: skip
WEIGHTS = {
    "crowd": 0.2,
    "stuffing": 1.5,
    "wander": 0.4,
    "throng": 0.0,
    "probe": 2.0,
}  # the long ones are rare
LONG_WEIGHTS = {**WEIGHTS, "burst": 2.0, "wander": 2.0, "throng": 0.25}
