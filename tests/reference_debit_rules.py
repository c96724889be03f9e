"""Rules of the slow engine over debits: what a mandate or an obligation does not cover."""

from __future__ import annotations

from tests.reference_logic import Number, Truth, Unknown, eq, gt, k_and, k_or, lt, plus
from tests.reference_memory import DAY, Entry
from tests.reference_readings import View, differ
from tests.reference_rule import REVIEW, Rule
from tests.reference_windows import (
    age_of_last,
    all_of,
    days_early,
    fed,
    is_after,
    number,
    same,
    since,
    total,
)

TOLERANCE_MINOR = 100


def outcome(entry: Entry, *words: str) -> bool:
    return entry.is_debit and entry.event["outcome"] in words


def debited(see: View) -> Truth:
    return outcome(see.entry, "success", "partial")


def took(see: View) -> Truth:
    return k_and(debited(see), gt(see.told("amount_debited_minor"), 0))


def age_of(see: View, *words: str, read: bool = True) -> Number:
    """Since the newest earlier debit of this obligation with such an outcome."""
    earlier = all_of(see, lambda e: outcome(e, *words), before=True)
    return age_of_last(see, fed(see, same(see, "obligation", earlier), "auto_debit"), read)


def early(see: View) -> Truth:
    return k_and(took(see), days_early(see) > 0)


def closed(see: View) -> Truth:
    closing, reversal = age_of(see, "success", "settled"), age_of(see, "reversed")
    return k_and(
        took(see), not isinstance(closing, Unknown),
        k_or(isinstance(reversal, Unknown), lt(closing, reversal)),
    )  # fmt: skip


def amount(see: View) -> Truth:
    """In all since it was last taken back; once it is overdue only where a penalty is told."""
    taken = same(see, "obligation", all_of(see, lambda e: outcome(e, "success", "partial")))
    assert not isinstance(taken, Unknown)  # every debit tells its obligation
    standing = fed(see, since(see, age_of(see, "reversed", read=False), taken), "auto_debit")
    penalty = see.told("penalty_due_minor")
    if isinstance(penalty, Unknown) and see.entry.t < see.entry.event["overdue_at"]:
        penalty = 0
    most = plus(plus(TOLERANCE_MINOR, see.told("amount_due_minor")), penalty)
    return k_and(debited(see), gt(total(see, standing, "amount_debited_minor"), most))


def maximum(see: View) -> Truth:
    most = see.told("mandate_max_minor")
    return k_and(debited(see), gt(see.told("amount_debited_minor"), most))


def expired(see: View) -> Truth:
    return k_and(took(see), is_after(see, "mandate_valid_until"))


def revoked(see: View) -> Truth:
    return k_and(took(see), is_after(see, "mandate_revoked_at"))


def is_money(entry: Entry) -> bool:
    return entry.is_debit and entry.event["outcome"] in ("success", "partial")


def payer(see: View) -> Truth:
    under = same(see, "mandate", all_of(see, is_money, before=True))
    assert not isinstance(under, Unknown)  # every debit tells its mandate
    its_own = number(see, fed(see, same(see, "payer", under), "auto_debit"))
    others = [entry for entry in under if differ(see.entry.payer, entry.payer)]
    unknown = isinstance(its_own, Unknown)  # a debit that tells no payer differs from none
    of_others = its_own if unknown else number(see, fed(see, others, "auto_debit"))
    return k_and(took(see), eq(its_own, 0), gt(of_others, 0))


DEBIT_RULES = tuple(
    Rule(f"out_of_mandate_debit.{test.__name__}", "account", "debit", "account",
         "critical" if test is revoked else "high", REVIEW, test)
    for test in (early, closed, amount, maximum, expired, revoked, payer)
)  # fmt: skip
DEBIT_QUIET_MS = {"out_of_mandate_debit": DAY}
