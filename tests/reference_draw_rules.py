"""Rules of the slow engine over an account's draws and checks, of the laws 20a to 20h.

Each is judged at the account stage and reads what that stage keeps.
"""

from __future__ import annotations

from tests.reference_logic import (
    Number,
    Truth,
    Unknown,
    eq,
    ge,
    gt,
    k_and,
    k_or,
    le,
    lt,
    minus,
    ne,
    plus,
    times,
)
from tests.reference_memory import DAY, HOUR, MINUTE, SECOND, Entry
from tests.reference_readings import View
from tests.reference_rule import HOLD, REVIEW, STEP_UP, Rule
from tests.reference_windows import (
    Found,
    age_of_first,
    age_of_last,
    all_of,
    by,
    draws,
    failed_check,
    fed,
    good_login,
    least,
    new_signals,
    newest,
    number,
    same,
    shows,
    signals,
    since,
    since_draw,
    total,
    travel_kmh,
    until,
    whole,
)

# -- checks --


def guessing(see: View) -> Truth:
    passed = fed(see, all_of(see, lambda e: e.passed_check, 30 * MINUTE), "identity_verification")
    last, first = age_of_last(see, passed, read=False), age_of_first(see, passed, read=False)

    def failures(age: Number, *methods: str) -> Number:
        failed = all_of(see, lambda e: failed_check(e) and (not methods or by(e, *methods)))
        found = until(see, age, failed, 15 * MINUTE, absent=True)
        return number(see, fed(see, found, "identity_verification"))

    guesses = [failures(age, "otp", "bank_card", "password") for age in (last, first)]
    return k_or(
        ge(guesses[0], 5), ge(guesses[1], 5),
        k_and(
            k_or(ge(failures(last), 5), ge(failures(first), 5)),
            lt(see.age("device"), DAY), gt(see.entity_age(), DAY),
        ),
    )  # fmt: skip


def is_answered_code(entry: Entry) -> bool:
    return (entry.passed_check or failed_check(entry)) and by(entry, "otp")


def flood(see: View) -> Truth:
    codes = fed(see, all_of(see, is_answered_code, 10 * MINUTE), "identity_verification")
    return k_and(is_answered_code(see.entry), ge(number(see, codes), 8))


# -- what draws have in common --


def long_without_draw(see: View) -> Truth:
    """90 days since the last draw; where there was none, since the account is known."""
    age = since_draw(see)
    return k_or(ge(age, 90 * DAY), k_and(isinstance(age, Unknown), ge(see.entity_age(), 90 * DAY)))


def takes_of_limit(see: View, share: float) -> Truth:
    return ge(see.told("amount_minor"), times(share, see.told("credit_limit_minor")))


def takes_of_left(see: View, share: float) -> Truth:
    left = minus(see.told("credit_limit_minor"), see.told("outstanding_minor"))
    return ge(see.told("amount_minor"), times(share, left))


# -- the borrower led, or another's hand --


def induced(see: View) -> Truth:
    recent = draws(see, HOUR)
    drawn = total(see, recent, "amount_minor")
    owed_less = minus(see.told("credit_limit_minor"), see.told("outstanding_minor"))
    left = minus(plus(owed_less, drawn), see.told("amount_minor"))
    sharing = all_of(see, lambda e: good_login(e) and shows(e, "screen_sharing"), DAY)
    return k_and(
        ge(see.age("device"), DAY),
        k_or(ge(number(see, recent), 3), long_without_draw(see)),
        ge(drawn, times(0.8, left)),
        k_or(
            gt(number(see, fed(see, same(see, "session", sharing), "login")), 0),
            k_and(lt(see.age("payee"), DAY), gt(see.entity_age(), DAY)),
        ),
    )


def remote_control(see: View) -> Truth:
    def aided(span_ms: int | None) -> Found:
        logins = all_of(see, lambda e: good_login(e) and shows(e, "accessibility_service"), span_ms)
        return fed(see, same(see, "device", logins), "login")

    held = all_of(
        see, lambda e: good_login(e) and shows(e, "remote_control", "screen_sharing"), HOUR
    )
    recent = whole(see, aided(30 * DAY), see.entry.t - 30 * DAY)
    first = age_of_first(see, aided(None))
    on_device = fed(see, same(see, "device", all_of(see, good_login)), "login")
    without = on_device if isinstance(on_device, Unknown) else until(
        see, first, on_device, see.entry.t + 1, absent=True
    )  # fmt: skip
    hour = see.terms.local_hour(see.entry.t)
    night = hour >= 22 or hour < 6
    long, drain = long_without_draw(see), takes_of_left(see, 0.8)
    return k_and(
        k_or(
            gt(number(see, fed(see, held, "login")), 0),
            k_and(
                gt(number(see, aided(HOUR)), 0),
                k_or(
                    eq(number(see, recent), number(see, aided(None))),
                    k_and(lt(first, 30 * DAY), gt(number(see, without), 0)),
                ),
            ),
        ),
        k_or(k_and(night, k_or(long, drain)), k_and(long, drain)),
    )


# -- another's device, place or session --


def hijack(see: View) -> Truth:
    events = [*all_of(see, lambda e: e.is_login or e.is_check, DAY), *see.draws(DAY)]
    feeds = ("login", "identity_verification", "disbursement")
    seen = fed(see, same(see, "session", events), *feeds)
    devices = (
        seen if isinstance(seen, Unknown) else len({e.device for e in see.counts(seen)} - {None})
    )
    logins = fed(see, same(see, "session", all_of(see, lambda e: e.is_login, DAY)), "login")
    new = logins if isinstance(logins, Unknown) else new_signals(see.counts(logins))
    return k_or(ge(devices, 2), ge(new, 1))


def travel(see: View) -> Truth:
    missing = "login" in see.terms.missing_sources
    return gt(see.fed("login", 0) if missing else travel_kmh(see, DAY, 500), 900)


def sim_swap(see: View) -> Truth:
    swaps = fed(
        see, all_of(see, lambda e: e.is_login and "sim_changed" in signals(e), 3 * DAY), "login"
    )
    age = age_of_first(see, swaps)

    def passes(*methods: str) -> Number:
        passed = all_of(see, lambda e: e.passed_check and (not methods or by(e, *methods)), 3 * DAY)
        return number(see, fed(see, since(see, age, passed), "identity_verification"))

    return k_and(
        gt(number(see, swaps), 0), lt(see.age("device"), plus(age, SECOND)),
        k_or(takes_of_limit(see, 0.5), k_and(gt(passes(), 0), eq(passes(), passes("otp")))),
    )  # fmt: skip


def awakening(see: View) -> Truth:
    logins = fed(see, all_of(see, good_login, DAY), "login")
    age = age_of_first(see, logins)
    active = sorted([*all_of(see, good_login), *see.draws(see.entry.t + 1)], key=lambda e: e.place)
    before = until(see, age, active, 90 * DAY)
    if not isinstance(age, Unknown):
        before = whole(see, before, see.entry.t - int(age) - 90 * DAY)
    return k_and(
        gt(number(see, logins), 0), eq(number(see, before), 0),
        ge(minus(see.entity_age(), age), 90 * DAY),
        lt(see.age("device"), plus(age, SECOND)),
        k_or(takes_of_limit(see, 0.5), ne(see.told("payee_owner"), "self")),
    )  # fmt: skip


# -- amounts and limits --


def probe(see: View) -> Truth:
    def tiny(name: str) -> Truth:
        alike = same(see, name, draws(see, HOUR, before=True))
        smallest = least(see, alike, "amount_minor")
        share = times(0.02, see.told("credit_limit_minor"))
        return k_and(lt(see.age(name), DAY), le(smallest, share))

    return k_and(
        takes_of_limit(see, 0.5), gt(see.entity_age(), DAY), k_or(tiny("payee"), tiny("device"))
    )


STEP_UP_MINOR = 5_000_000


def evasion(see: View) -> Truth:
    below = [
        e for e in see.draws(DAY) if 0.85 * STEP_UP_MINOR <= e.event["amount_minor"] < STEP_UP_MINOR
    ]
    count = number(see, fed(see, below, "disbursement"))
    amount = see.told("amount_minor")
    return k_and(
        ge(amount, 0.85 * STEP_UP_MINOR), lt(amount, STEP_UP_MINOR), ge(count, 3)
    )  # fmt: skip


def raise_drain(see: View) -> Truth:
    before = newest(see, draws(see, 7 * DAY, before=True), "credit_limit_minor")
    return k_and(
        not see.terms.in_campaign(see.entry.t),
        ge(see.told("credit_limit_minor"), times(1.5, before)), takes_of_left(see, 0.9),
    )  # fmt: skip


def above_cap(see: View) -> Truth:
    return gt(see.told("credit_limit_minor"), 20_000_000)


def stacking(see: View) -> Truth:
    recent, limit = draws(see, 7 * DAY), see.told("credit_limit_minor")
    owed = plus(see.told("outstanding_minor"), see.told("amount_minor"))
    grown = minus(owed, least(see, recent, "outstanding_minor"))
    return k_and(ge(number(see, recent), 3), gt(limit, 0), ge(grown, times(0.6, limit)))


# -- the list --

WARN = ("warn_customer",)
DRAW_RULES = (
    Rule("verification_guessing.failures", "account", "draw", "account", "high", STEP_UP, guessing),
    Rule("otp_flood.codes", "account", "check", "account", "high", STEP_UP, flood),
    Rule("induced_borrowing.drained", "account", "draw", "account", "high", WARN, induced),
    Rule("session_hijack.second_place", "account", "draw", "account", "high", STEP_UP, hijack),
    Rule("impossible_travel.speed", "account", "draw", "account", "high", STEP_UP, travel),
    Rule("remote_control.night_drain", "account", "draw", "account", "critical", HOLD,
         remote_control),
    Rule("sim_swap.new_device", "account", "draw", "account", "critical", HOLD, sim_swap),
    Rule("dormant_awakening.new_device", "account", "draw", "account", "high", REVIEW, awakening),
    Rule("probe_then_drain.pair", "account", "draw", "account", "high", HOLD, probe),
    Rule("threshold_evasion.band", "account", "draw", "account", "medium", REVIEW, evasion),
    Rule("limit_raise_drain.drained", "account", "draw", "account", "high", REVIEW, raise_drain),
    Rule("limit_above_cap.cap", "account", "draw", "account", "medium", REVIEW, above_cap),
    Rule("rapid_stacking.utilisation", "account", "draw", "account", "low", REVIEW, stacking),
)  # fmt: skip
DRAW_QUIET_MS = {rule.typology: DAY for rule in DRAW_RULES} | {"rapid_stacking": 7 * DAY}
