"""When to try a debit again, or not at all, and what the advice rests on.

Never between 22:00 and 08:00, never within an hour of a failure for want of balance, never beyond
the number of attempts that is no pestering. On the account's usual pay-day where that is known and
still in time, else just before the next boundary: an account fills up with time, so the latest
attempt that still counts is the likeliest (as Kill Bill's guide to overdue states advises).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from detector.obligation_states import Standing
from detector.obligation_steps import Obligation
from detector.treatment import NIGHT_BEGINS_HOUR, NIGHT_ENDS_HOUR, Calendar

HOUR_MS: Final = 3_600_000
APART_MS: Final = HOUR_MS  # two attempts after a failure for want of balance
ATTEMPTS_MAX: Final = 4  # of one obligation in all, once it has failed for want of balance
BOUNDARY_MARGIN_MS: Final = 2 * HOUR_MS
PAY_HOUR: Final = 10  # local: by then a salary of that day has come
PAY_DAYS_MIN: Final = 2  # cures on one day of the month that make it the usual one
CODE: Final = "retry_advice"


@dataclass(frozen=True, slots=True)
class Advice:
    """When the next attempt is best; None: not at all. The texts say why."""

    at_ms: int | None
    text: str
    text_zh: str

    def reason(self, version: int) -> dict[str, Any]:
        """As a reason of an alert; it adds nothing to the score."""
        return {
            "code": CODE, "text": self.text, "text_zh": self.text_zh, "rule": f"{CODE}@{version}",
            "contribution": 0.0, "observed": self.at_ms, "normal": None, "threshold": None,
        }  # fmt: skip


def usual_pay_day(cure_days: Sequence[int]) -> int | None:
    """The day of the month on which the account's failed debits were mostly paid; None: unknown."""
    counted = Counter(cure_days).most_common(2)
    if not counted or counted[0][1] < PAY_DAYS_MIN:
        return None
    if len(counted) == 2 and counted[1][1] == counted[0][1]:
        return None
    return counted[0][0]


def advice_of(
    obligation: Obligation, standing: Standing, cure_days: Sequence[int], calendar: Calendar
) -> Advice:
    """The advice on the next attempt of an unpaid obligation, as of a standing's time."""
    refusal = _refusal(standing)
    if refusal is not None:
        return Advice(None, *refusal)
    facts, now_ms = standing.facts, standing.at_ms
    if facts.failures == 0 or standing.state == "debit_missed":
        at_ms = calendar.daytime_from_ms(now_ms)
        basis = (
            "no want of balance is known: as soon as the rail works",
            "并非余额不足：通道恢复后即可",
        )
    else:
        at_ms, basis = _after_shortage(obligation, standing, cure_days, calendar)
    if 0 <= obligation.mandate_until_ms < at_ms:
        return Advice(None, "no retry: the mandate ends before it", "不再重试：授权在此之前到期")
    local = calendar.local(at_ms).strftime("%Y-%m-%d %H:%M")
    return Advice(at_ms, f"next attempt best at {local}: {basis[0]}",
                  f"建议下次扣款时间{local}：{basis[1]}")  # fmt: skip


def _refusal(standing: Standing) -> tuple[str, str] | None:
    facts = standing.facts
    if standing.state == "deferred":
        return (
            "no retry: a plan, hardship or relief is running",
            "不再重试：还款计划或困难纾缓进行中",
        )
    if standing.state == "plan_broken":
        return "no retry: a new plan comes first", "不再重试：应先协商新的还款计划"
    last = facts.last_attempt
    if last is not None and last.word == "mandate_invalid":
        return "no retry: the mandate is not valid", "不再重试：授权已失效"
    if last is not None and last.word == "account_frozen":
        return "no retry: the paying account is frozen", "不再重试：付款账户被冻结"
    if facts.failures and facts.attempts >= ATTEMPTS_MAX:
        return (
            f"no retry: {facts.attempts} attempts were made",
            f"不再重试：已扣款{facts.attempts}次",
        )
    return None


def _after_shortage(
    obligation: Obligation, standing: Standing, cure_days: Sequence[int], calendar: Calendar
) -> tuple[int, tuple[str, str]]:
    earliest_ms = max(standing.at_ms, standing.facts.failed_last_ms + APART_MS)
    earliest_ms = calendar.daytime_from_ms(earliest_ms)
    boundary_ms = _boundary_ms(obligation.overdue_ms, calendar)
    is_in_time = boundary_ms >= earliest_ms
    day = usual_pay_day(cure_days)
    if day is not None:
        pay_ms = _pay_day_ms(earliest_ms, day, calendar)
        if pay_ms <= boundary_ms or not is_in_time:
            return pay_ms, (f"day {day}, when this account's failed debits were mostly paid",
                            f"该账户过往多在{day}日补足欠款")  # fmt: skip
    if is_in_time:
        return boundary_ms, ("just before it counts as overdue", "在计为逾期之前")
    return earliest_ms, ("the next hour that is no night", "最近的非夜间时段")


def _boundary_ms(overdue_ms: int, calendar: Calendar) -> int:
    """The latest daytime that leaves a margin before an instant."""
    at_ms = overdue_ms - BOUNDARY_MARGIN_MS
    local = calendar.local(at_ms)
    if NIGHT_ENDS_HOUR <= local.hour < NIGHT_BEGINS_HOUR:
        return at_ms
    evening = local.replace(hour=NIGHT_BEGINS_HOUR - 1, minute=0, second=0, microsecond=0)
    return calendar.ms(evening - timedelta(days=local.hour < NIGHT_ENDS_HOUR))


def _pay_day_ms(from_ms: int, day: int, calendar: Calendar) -> int:
    """The first pay-day's morning at or after an instant; a month without the day has none."""
    local = calendar.local(from_ms).replace(hour=PAY_HOUR, minute=0, second=0, microsecond=0)
    for _ in range(63):  # two months are at most 62 days
        if local.day == day and calendar.ms(local) >= from_ms:
            break
        local += timedelta(days=1)
    return calendar.ms(local)
