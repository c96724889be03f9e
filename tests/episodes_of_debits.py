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
