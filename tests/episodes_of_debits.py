"""Episodes of debits near the bounds of what a mandate or an obligation covers."""

from __future__ import annotations

from typing import Any

from tests.book import Book
from tests.reference_memory import DAY, HOUR, MINUTE, SECOND


def debits(book: Book) -> None:
    """The steps of one or two obligations, in a likely order."""
    rng, account = book.rng, book.account()
    obligation = rng.choice((f"o-{account}", book.new("o")))
    book.debit(account, obligation, "scheduled")
    for _ in range(rng.randrange(1, 7)):
        book.now += rng.choice((0, MINUTE, 3 * HOUR, 30 * HOUR))
        words = ("insufficient_balance",) * 4 + ("partial", "partial", "success", "reversed")
        outcome = rng.choice((*words, "settled", "channel_error", "mandate_invalid"))
        paid = {"partial": rng.choice((300, 500, 700)), "success": 1_000}.get(outcome, 0)
        book.debit(account, obligation, outcome, paid)


def tick(book: Book, wait_ms: int) -> None:
    """Time goes by, and others have events too, so that the clock follows."""
    while wait_ms > 0:
        step_ms = min(wait_ms, 20 * HOUR)
        book.now += step_ms
        wait_ms -= step_ms
        if book.rng.random() < 0.9:
            book.login(book.rng.choice(("clock1", "clock2")))


def arrears(book: Book) -> None:
    """Instalments that run into their deadlines, and what people do about them."""
    rng, account = book.rng, book.account()
    due_at = book.now + rng.choice((-HOUR, 0, 5 * HOUR, DAY, 4 * DAY))
    overdue_at = due_at + rng.choice((-HOUR, 2 * HOUR, DAY, 3 * DAY, 8 * DAY))
    terms: dict[str, Any] = {
        "due_at": due_at, "overdue_at": overdue_at, "channel": rng.choice(("bank_a", "bank_b")),
        "hardship": rng.choice((None, None, None, None, None, False, True)),
    }  # fmt: skip
    obligation = rng.choice((f"o-{account}", book.new("o"), book.new("o"), book.new("o")))
    told = []
    for number in range(rng.randrange(1, 9)):
        words = ("insufficient_balance",) * 6 + ("channel_error", "channel_error", "scheduled")
        word = rng.choice((*words, "partial", "mandate_invalid", "account_frozen", "success"))
        word = "scheduled" if number == 0 and rng.random() < 0.6 else word
        balance = rng.choice((None, None, 5, 5_000)) if word == "scheduled" else None
        debited = {"partial": 400, "success": 1_000}.get(word, 0)
        told.append(book.debit(
            account, obligation, word, debited, attempt=number,
            available_balance_minor=balance, **terms,
        ))  # fmt: skip
        book.late(told[-1], share=0.1)
        if rng.random() < 0.4:
            answer(book, account, rng.choice(told)["event_id"])
        edges = (
            4 * HOUR,
            30 * HOUR,
            72 * HOUR,
            overdue_at - book.now,
            due_at + 4 * HOUR - book.now,
        )
        waits = (MINUTE, 50 * MINUTE, HOUR, 3 * HOUR, 11 * HOUR, 25 * HOUR, *edges)
        tick(book, book.beside(max(0, rng.choice(waits))))


def answer(book: Book, account: str, target: str) -> None:
    """What a person did about an obligation, near the edges of hours and days."""
    rng = book.rng
    book.now += rng.choice((0, MINUTE, HOUR))
    if rng.random() < 0.2:
        book.wait_for_hour(rng.choice((8, 22)))
    word = rng.choice((
        "contacted", "contacted", "contacted", "contacted", "plan_agreed", "hardship_granted",
        "system_fault", "unreachable",
    ))  # fmt: skip
    fields: dict[str, Any] = {}
    if word in ("plan_agreed", "hardship_granted"):
        fields["until_at"] = rng.choice((None, book.now + HOUR, book.now + DAY, book.now + 6 * DAY))
    if word == "contacted":
        fields = {
            "contact_channel": rng.choice(("voice", "voice", "voice", "sms", None)),
            "contact_reached": rng.choice((True, True, True, False)),
            "contact_party": rng.choice((None, "borrower", "borrower", "borrower", "other")),
            "contact_consent": rng.choice((None, None, True)),
            "agency_id": rng.choice((None, None, "agency-1")),
        }  # fmt: skip
    target = target if rng.random() < 0.9 else "e0"
    for _ in range(rng.choice((1, 1, 1, 5)) if word == "contacted" else 1):
        told = book.find(account, target, word, **fields)
        book.late(told, share=0.1)
        book.now += rng.choice((SECOND, MINUTE))


def insolvent(book: Book) -> None:
    """Several instalments of one account unpaid past their overdue times, some cured at last."""
    rng, account = book.rng, book.account()
    told = []
    for _ in range(rng.randrange(3, 7)):
        obligation = book.new("o")
        terms = {"due_at": book.now, "overdue_at": book.now + rng.choice((HOUR, 2 * DAY))}
        word = rng.choice(("insufficient_balance",) * 5 + ("channel_error", "success"))
        paid = 1_000 if word == "success" else 0
        told.append((obligation, terms, book.debit(account, obligation, word, paid, **terms)))
        tick(book, rng.choice((HOUR, DAY, 3 * DAY)))
    tick(book, rng.choice((HOUR, 3 * DAY)))
    for obligation, terms, _ in told:
        if rng.random() < 0.4:
            book.debit(account, obligation, rng.choice(("settled", "settled", "reversed")), **terms)
    if rng.random() < 0.3:
        target = told[0][2]["event_id"]
        for word in rng.choice((("confirmed_fraud",), ("confirmed_fraud", "false_positive"))):
            book.find(account, rng.choice((target, target, "e1")), word)
            tick(book, rng.choice((HOUR, 25 * HOUR)))


def mandate(book: Book) -> None:
    """One instalment whose mandate, day, sum or payer is not quite what it should be."""
    rng, account = book.rng, book.account()
    if rng.random() < 0.5:
        book.wait_for_hour(rng.choice((0, 0, 12)))
    due_at = book.beside_time(book.now + rng.choice((-5 * DAY, -2 * DAY, 0, 0, HOUR, DAY)))
    terms: dict[str, Any] = {
        "due_at": due_at, "overdue_at": book.beside(due_at + rng.choice((0, HOUR, 2 * DAY))),
        "mandate_max_minor": rng.choice((None, book.beside(1_000), 500)),
        "mandate_valid_until": rng.choice((None, None, book.now + rng.choice((-1, 0, HOUR)))),
        "mandate_revoked_at": rng.choice((None, None, book.now + rng.choice((-1, 0, HOUR)))),
        "penalty_due_minor": rng.choice((None, None, 0, 50)),
        "mandate_id": rng.choice((f"m-{account}", book.new("m"))),
    }  # fmt: skip
    payers = rng.choice(((None,), ("K1",), ("K1", "K1", "K2"), ("K1", None, "K2", "K3")))
    obligation = rng.choice((f"o-{account}", book.new("o"), book.new("o")))
    for number in range(rng.randrange(1, 6)):
        words = ("success", "success", "partial", "partial", "partial", "reversed", "settled")
        outcome = rng.choice((*words, "insufficient_balance", "scheduled", "mandate_invalid"))
        debited = {
            "partial": rng.choice((0, 100, 400, 500, 600, 700)),
            "success": rng.choice((0, 600, 1_000, 1_000, book.beside(1_100), book.beside(1_150))),
        }.get(outcome, 0)
        told = book.debit(
            account, obligation, outcome, debited, payer_account_id=rng.choice(payers),
            attempt=number, **terms,
        )  # fmt: skip
        book.late(told, share=0.12)
        book.now += rng.choice((0, 0, 1, SECOND, MINUTE, HOUR, DAY))
        if rng.random() < 0.15:
            obligation = book.new("o")
