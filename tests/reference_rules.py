"""The rules of the slow engine, written by hand over the readings.

A rule takes a `View` (one event at one stage) and says True (hit), False (clear) or Unknown
(abstain). The laws cited are those of detector/README.md.
"""

from __future__ import annotations

from tests.reference_debit_rules import DEBIT_QUIET_MS, DEBIT_RULES
from tests.reference_draw_rules import DRAW_QUIET_MS, DRAW_RULES
from tests.reference_logic import (
    NO_HISTORY,
    Number,
    Truth,
    Unknown,
    eq,
    ge,
    gt,
    k_and,
    k_not,
    k_or,
    known,
    le,
    lt,
    minus,
    ne,
    over,
    plus,
    times,
)
from tests.reference_memory import DAY, HOUR, MINUTE
from tests.reference_readings import View, differ
from tests.reference_rule import HOLD, REVIEW, STEP_UP, Rule


def bypass_none(see: View) -> Truth:
    event = see.entry.event
    named_wrong = k_and(gt(see.named(False), 0), eq(see.named(True), 0))

    def unseen(status: str, span_ms: int) -> Truth:
        return k_and(
            event["status"] == status,
            eq(see.passes(span_ms, right=False), 0),
            k_or(see.covered(span_ms), gt(see.session_logins(), 0)),
        )

    return k_and(
        ge(see.told("amount_minor"), 0),
        k_or(named_wrong, unseen("requested", 10 * MINUTE), unseen("paid", DAY)),
    )


def bypass_partial(see: View) -> Truth:
    event = see.entry.event
    named_wrong = k_and(gt(see.named(False), 0), eq(see.named(True), 0))

    def half_right(status: str, span_ms: int) -> Truth:
        return k_and(
            event["status"] == status,
            gt(see.passes(span_ms, right=False), 0),
            eq(see.passes(span_ms, right=True), 0),
        )

    return k_and(
        ge(see.told("amount_minor"), 0),
        k_not(named_wrong),
        k_or(half_right("requested", 10 * MINUTE), half_right("paid", DAY)),
    )


def reuse_second(see: View) -> Truth:
    reused = see.reused()
    if isinstance(reused, Unknown):
        return reused
    at = see.entry
    first_age: Number = at.t - reused[0].t if reused else NO_HISTORY
    return k_and(
        len(reused) > 0,
        k_or(
            gt(first_age, 10 * MINUTE),
            any(differ(at.payee, other.payee) for other in reused),
            any(differ(at.device, other.device) for other in reused),
        ),
    )


# -- takeover --


def big(see: View) -> Truth:
    amount, limit = see.told("amount_minor"), see.told("credit_limit_minor")
    return k_or(ge(amount, times(2, known(see.entry.normal))), ge(amount, times(0.8, limit)))


def takeover_other(see: View) -> Truth:
    return k_and(
        eq(see.told("payee_owner"), "other"), lt(see.age("device"), DAY),
        lt(see.age("payee"), DAY), gt(see.entity_age(), DAY), big(see),
    )  # fmt: skip


def takeover_unknown(see: View) -> Truth:
    """At the payee stage: what the account stage measured comes with the event."""
    account = see.entry.columns
    return k_and(
        eq(see.told("payee_owner"), "unknown"), lt(account["device_age"], DAY),
        lt(account["payee_age"], DAY), gt(account["account_age"], DAY),
        lt(see.entity_age(), DAY), see.covered(DAY), big(see),
    )  # fmt: skip


def takeover_own_card(see: View) -> Truth:
    limit = see.told("credit_limit_minor")
    return k_and(
        eq(see.told("payee_owner"), "self"), lt(see.age("device"), DAY),
        lt(see.age("payee"), DAY), gt(see.entity_age(), DAY),
        ge(see.told("amount_minor"), times(0.8, limit)),
    )  # fmt: skip


def burst_count(see: View) -> Truth:
    return ge(see.fed("disbursement", len(see.draws(30 * MINUTE))), 5)


def over_limit_paid(see: View) -> Truth:
    owed = plus(see.told("outstanding_minor"), see.told("amount_minor"))
    return gt(owed, see.told("credit_limit_minor"))


# -- stuffing --


def stuffing(see: View) -> Truth:
    """Device and network alike; the population's counts come from the account stage."""
    at = see.entry
    failed = {other.account for other in see.entity.up_to(at, 10 * MINUTE) if other.failed_login}
    own = see.entity.minutes.read(at.t, MINUTE, 10)
    logins, failures = (NO_HISTORY, NO_HISTORY) if own is None else own
    all_10m = at.columns["population_10m"]
    all_7d = at.columns["population_7d"]
    others = minus(all_10m[0], logins)

    def guard(population: tuple[Number, Number]) -> Truth:
        others = minus(population[0], logins)
        elsewhere = over(times(5, minus(population[1], failures)), others)
        guarded: Truth = ge(over(failures, logins), elsewhere)
        return guarded

    share = k_or(k_and(ge(others, 50), guard(all_10m)), k_and(lt(others, 50), guard(all_7d)))
    return k_and(
        at.failed_login, not see.allowed, ge(see.fed("login", len(failed)), 10),
        ge(times(failures, 2), logins), share,
    )  # fmt: skip


def stuffing_drawn(see: View) -> Truth:
    return k_and(
        le(see.login_after_failure(), HOUR),
        le(see.since_login(), DAY),
        le(see.hit_age(), plus(see.since_login(), 70 * MINUTE)),
    )


# -- devices, payees, labels --


def shared_accounts(see: View) -> Truth:
    drawing = {other.account for other in see.draws(7 * DAY)}
    return k_and(
        len(drawing) >= 4, see.newcomers(drawing, 7 * DAY) >= 3,
        see.accounts_seen(7 * DAY) <= 50, not see.allowed, see.covered(7 * DAY),
    )  # fmt: skip


def shared_broken(see: View) -> Truth:
    return see.accounts_seen(7 * DAY) > 50


def mule_payee(see: View) -> Truth:
    event = see.entry.event
    draws = [
        other for other in see.draws(DAY) if other.event["payee_owner"] in ("other", "unknown")
    ]
    accounts = len({other.account for other in draws})
    first = len({other.account for other in draws if other.first_to_payee})
    return k_and(
        ne(see.told("payee_owner"), "self"), event.get("payee_kind") in (None, "person"),
        not see.allowed,
        k_or(
            k_and(
                accounts >= 6, first * 2 >= accounts, ge(accounts, times(5, see.usual_accounts()))
            ),
            k_and(accounts >= 3, lt(see.entity_age(), 7 * DAY), see.covered(7 * DAY)),
        ),
    )  # fmt: skip


def linked_payee(see: View) -> Truth:
    fraud = see.fraud_accounts()
    return k_and(
        ne(see.told("payee_owner"), "self"), not see.allowed, not see.cleared(),
        k_or(k_and(fraud >= 1, see.accounts_seen(7 * DAY) <= 20), fraud >= 2),
    )  # fmt: skip


def linked_device(see: View) -> Truth:
    return k_and(not see.allowed, not see.cleared(), see.fraud_accounts() >= 1)


def linked_network(see: View) -> Truth:
    return k_and(not see.allowed, see.fraud_accounts() >= 1, see.accounts_seen(7 * DAY) <= 20)


# -- the list --

RULES = (
    Rule("verification_bypass.none", "account", "draw", "account", "critical", HOLD, bypass_none),
    Rule("verification_bypass.partial", "account", "draw", "account", "medium", STEP_UP,
         bypass_partial),
    Rule("verification_reuse.second", "account", "draw", "account", "high", STEP_UP, reuse_second),
    Rule("account_takeover.other", "account", "draw", "account", "critical", HOLD, takeover_other),
    Rule("account_takeover.own_card", "account", "draw", "account", "high", STEP_UP,
         takeover_own_card),
    Rule("velocity_burst.count", "account", "draw", "account", "high", REVIEW, burst_count),
    Rule("over_limit.paid", "account", "paid", "account", "high", REVIEW, over_limit_paid),
    Rule("credential_stuffing.device", "device", "login", "device", "high", STEP_UP, stuffing,
         kept=False),
    Rule("credential_stuffing.device_drawn", "device", "draw", "device", "critical", HOLD,
         stuffing_drawn, kept=False),
    Rule("shared_device.accounts", "device", "draw", "device", "high", REVIEW, shared_accounts),
    Rule("shared_device.broken", "device", "draw", "device", "info", (), shared_broken,
         withdraws=True),
    Rule("linked_to_fraud.device", "device", "draw", "account", "high", HOLD, linked_device),
    Rule("credential_stuffing.network", "network", "login", "network", "high", STEP_UP, stuffing,
         kept=False),
    Rule("credential_stuffing.network_drawn", "network", "draw", "network", "critical", HOLD,
         stuffing_drawn, kept=False),
    Rule("linked_to_fraud.network", "network", "draw", "account", "high", HOLD, linked_network),
    Rule("account_takeover.unknown", "payee", "draw", "account", "critical", HOLD,
         takeover_unknown, kept=False),
    Rule("mule_fan_in.payee", "payee", "draw", "payee", "high", HOLD, mule_payee),
    Rule("linked_to_fraud.payee", "payee", "draw", "account", "high", HOLD, linked_payee),
    *DRAW_RULES,
    *DEBIT_RULES,
)  # fmt: skip
QUIET_MS = {
    "verification_bypass": DAY, "verification_reuse": DAY, "account_takeover": DAY,
    "velocity_burst": 2 * HOUR, "over_limit": DAY, "credential_stuffing": 26 * HOUR,
    "shared_device": 7 * DAY, "mule_fan_in": DAY, "linked_to_fraud": DAY,
    **DRAW_QUIET_MS, **DEBIT_QUIET_MS,
}  # fmt: skip
