"""Surges of arrears against a slow look at all that ever happened (law 39)."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest

from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.surges import divergence, same_day_before
from detector.treatment import Calendar
from detector.trials import SHORTAGE, UNPAID, Series, Trial
from tests.detector.attempts import HOUR

SHANGHAI = "Asia/Shanghai"
FIRST = date(2026, 1, 1)
DAYS = 134  # to the middle of May
OBLIGATIONS = 34  # a channel and day
EVERY = 3  # days of the month that have debits
POLICY = load_policy()
Record = dict[str, Any]


def at(day: date, hour: float, zone: str) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return round(midnight.timestamp() * 1000) + int(hour * HOUR)


def world(seed: int, zone: str = SHANGHAI) -> list[Record]:
    """Two channels, debits on every third day of the month; worse on two days of April and May,
    and many unpaid for good on another. Some rails fail, some words come late."""
    rng = random.Random(seed)
    events: list[Record] = []
    bad = {(date(2026, 4, 7), "c1"): "short", (date(2026, 5, 4), "c2"): "short",
           (date(2026, 4, 19), "c2"): "never", (date(2026, 5, 7), "c1"): "never"}  # fmt: skip
    number = 0
    for ahead in range(DAYS):
        day = FIRST + timedelta(days=ahead)
        if day.day % EVERY != 1:
            continue
        for channel in ("c1", "c2"):
            for _ in range(OBLIGATIONS):
                number += 1
                chance = {"short": 0.6, "never": 0.1}.get(bad.get((day, channel), ""), 0.06)
                stays = 0.5 if bad.get((day, channel)) == "never" else 0.02
                events += _life(rng, number, day, channel, zone, chance, stays)
    delayed = [(one["occurred_at"] + rng.choice((0,) * 9 + (40 * 60_000,)), one) for one in events]
    return [one for _, one in sorted(delayed, key=lambda pair: pair[0])]


def _life(
    rng: random.Random, number: int, day: date, channel: str, zone: str, chance: float,
    stays: float,
) -> list[Record]:  # fmt: skip
    first_ms = at(day, rng.choice((0.0, 8.0, 23.5)) + rng.random() * 0.45, zone)
    overdue_ms = at(day + timedelta(days=EVERY), rng.choice((0, 10)), zone)
    steps: list[tuple[int, str]] = []
    if rng.random() < 0.5:
        steps.append((first_ms - 20 * HOUR, "scheduled"))
    if rng.random() < 0.05:
        steps.append((first_ms - HOUR // 2, "channel_error"))
    if rng.random() < stays:
        steps += [(first_ms, "insufficient_balance")]
    elif rng.random() < chance:
        steps += [(first_ms, "insufficient_balance"), (first_ms + 20 * HOUR, "success")]
    else:
        steps += [(first_ms, "success")]
    return [
        {
            "type": "auto_debit", "event_id": f"e{number}-{n}", "account_id": f"a{number}",
            "occurred_at": at_ms, "debit_id": f"d{number}", "obligation_id": f"o{number}",
            "mandate_id": "m", "channel": channel, "amount_due_minor": 1_000 + number % 7,
            "amount_debited_minor": 1_000 + number % 7 if word == "success" else 0,
            "currency": "CNY", "outcome": word, "attempt": int(word != "scheduled"),
            "due_at": first_ms, "overdue_at": overdue_ms,
        }
        for n, (at_ms, word) in enumerate(steps)
    ]  # fmt: skip


def told(
    events: list[Record], sizes: list[int], zone: str = SHANGHAI
) -> tuple[list[Record], Engine]:
    policy = replace(POLICY, timezone=zone, lateness_hours=1)
    ids = Ids()
    engine, decoder = Engine(load_rulebook(None, policy), policy, ids), Decoder(ids, TIME_MAX_MS)
    said, place, turn = [], 0, 0
    while place < len(events):
        size = sizes[turn % len(sizes)]
        lines = [orjson.dumps(one) for one in events[place : place + size]]
        said += engine.process(decoder.decode(lines)).alerts
        place, turn = place + size, turn + 1
    return [one for one in said if one["typology"] == "delinquency_surge"], engine


def slowly(events: list[Record], zone: str) -> list[tuple[Any, ...]]:
    """At each day's end, all obligations looked at anew."""
    local = Calendar(zone)
    lives: defaultdict[str, list[Record]] = defaultdict(list)
    arrived: dict[str, int] = {}  # where the clock stood
    clock = 0
    for event in events:
        clock = max(clock, event["occurred_at"])
        arrived[event["event_id"]] = clock
        lives[event["obligation_id"]].append(event)
    of: defaultdict[tuple[str, str], defaultdict[int, list[tuple[int, str, int]]]]
    of = defaultdict(lambda: defaultdict(list))  # by series and day: known at, what, amount
    for steps in lives.values():
        overdue_ms, channel = steps[0]["overdue_at"], steps[0]["channel"]
        amount = steps[0]["amount_due_minor"]
        answered = [one for one in steps if one["outcome"] in ("success", "insufficient_balance")]
        first = answered[0]
        word = "hit" if first["outcome"] != "success" else "fine"
        day = local.day(first["occurred_at"])
        of[channel, SHORTAGE][day].append((arrived[first["event_id"]], word, amount))
        day = local.day(overdue_ms)
        of[channel, UNPAID][day].append((arrived[steps[0]["event_id"]], "fine", amount))
        if answered[-1]["outcome"] != "success":
            of[channel, UNPAID][day].append((overdue_ms + 1, "unpaid", amount))
    said: list[tuple[Any, ...]] = []
    first_day, last_day = (local.day(one) for one in (events[0]["occurred_at"], clock))
    for series, days in of.items():
        surge: list[int] = []
        revision = 0
        for day in range(first_day, last_day):
            tick_ms = at(date.fromordinal(day + 1), 0, zone)
            n, k = _counts(days[day], tick_ms)
            usual = _usual(days, day, tick_ms)
            is_far = usual is not None and n >= 30 and k / n > usual[1] and (
                n * _kl(k / n, usual[1]) >= -math.log(1e-4)
            )  # fmt: skip
            if not is_far and not surge:
                continue
            revision = revision + 1 if surge else 1
            status = "open" if not surge else "updated"
            ended = None
            if is_far:
                surge.append(day)
            else:
                status, ended = "resolved", at(date.fromordinal(day), 0, zone)
            hits = sum(_counts(days[one], tick_ms)[1] for one in surge)
            money = sum(a for one in surge for t, word, a in days[one]
                        if word != "fine" and t <= tick_ms)  # fmt: skip
            said.append((
                tick_ms, series[0], series[1], revision, status,
                at(date.fromordinal(surge[0]), 0, zone), ended, hits, money,
            ))  # fmt: skip
            surge = surge if is_far else []
    return sorted(said)


def _counts(day: list[tuple[int, str, int]], tick_ms: int) -> tuple[int, int]:
    known = [word for at_ms, word, _ in day if at_ms <= tick_ms]
    return sum(word != "unpaid" for word in known), sum(word != "fine" for word in known)


def _usual(days: Any, day: int, tick_ms: int) -> tuple[float, float] | None:
    today = date.fromordinal(day)
    shares = []
    for back in range(1, 7):
        year, month = divmod(today.year * 12 + today.month - 1 - back, 12)
        if today.day > _length(year, month + 1):
            continue
        n, k = _counts(days[date(year, month + 1, today.day).toordinal()], tick_ms)
        shares += [k / n] if n >= 30 else []
    if len(shares) < 3:
        return None
    return median(shares), max(2 * max(median(shares), 0.01), *shares)


def _length(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(days=1)).day


def _kl(q: float, p: float) -> float:
    return q * math.log(q / p) + ((1 - q) * math.log((1 - q) / (1 - p)) if q < 1 else 0.0)


def as_lines(alerts: list[Record]) -> list[tuple[Any, ...]]:
    """The alerts as the slow look writes them."""
    causes = {"short of balance at the first attempt": SHORTAGE,
              "unpaid at the overdue time": UNPAID}  # fmt: skip
    lines = []
    for one in alerts:
        reasons = {reason["code"]: reason for reason in one["reasons"]}
        share, text = reasons["delinquency_surge"], reasons["delinquency_surge_by"]["text"]
        assert share["observed"] > share["threshold"]
        lines.append((
            one["occurred_at"], one["entity"]["id"], causes[text], one["revision"], one["status"],
            reasons["incident_began"]["observed"],
            reasons["incident_ended"]["observed"] if "incident_ended" in reasons else None,
            int(share["text"].split(" of ")[0]), one["amount_minor"],
        ))  # fmt: skip
    return sorted(lines)


@pytest.mark.parametrize(("seed", "zone"), [(0, SHANGHAI), (1, "Europe/Berlin"), (2, SHANGHAI)])
def test_surges_are_those_of_the_slow_look(seed: int, zone: str) -> None:
    print(f"seed {seed}")
    events = world(seed, zone)
    expected = slowly(events, zone)
    assert {line[4] for line in expected} >= {"open", "resolved"}
    assert {line[2] for line in expected} == {SHORTAGE, UNPAID}
    assert as_lines(told(events, [997], zone)[0]) == expected


def test_what_is_said_of_surges_does_not_depend_on_batches() -> None:
    events = world(3)
    whole, _ = told(events, [len(events)])
    assert whole
    for sizes in ([3, 1, 40], [511]):
        assert told(events, sizes)[0] == whole


def test_an_alert_names_no_debit_of_an_erased_account() -> None:
    _, engine = told(world(0), [4096])
    kept = engine.surges.known[Series("c1", SHORTAGE)].samples.kept
    account = kept[-1][2]
    engine.surges.erase(lambda account_id: account_id == account)
    left = engine.surges.known[Series("c1", SHORTAGE)].samples.kept
    assert account not in {one[2] for one in left} and len(left) > 10


def test_a_month_that_lacks_the_day_is_left_out() -> None:
    found = [date.fromordinal(one) for one in same_day_before(date(2026, 5, 31).toordinal(), 6)]
    assert found == [date(2026, 3, 31), date(2026, 1, 31), date(2025, 12, 31)]


def test_so_many_or_more_are_never_likelier_than_the_bound() -> None:
    """Against the exact tail of the binomial distribution."""
    for n, p in ((30, 0.02), (60, 0.1), (400, 0.05), (1000, 0.3)):
        logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
                + k * math.log(p) + (n - k) * math.log(1 - p) for k in range(n + 1)]  # fmt: skip
        for k in range(math.ceil(n * p) + 1, n + 1):
            exact = sum(math.exp(one) for one in logs[k:])
            assert exact <= math.exp(-n * divergence(k / n, p)) * (1 + 1e-9)


def test_channels_without_a_cause_are_hardly_ever_called_surging() -> None:
    """Four channels over six years, paydays and a share that wanders from month to month."""
    policy = replace(POLICY, timezone=SHANGHAI)
    parts = Engine(load_rulebook(None, policy), policy, Ids()).surges
    rng = np.random.default_rng(5)
    alerts, looks = [], 0
    first = date(2020, 1, 1)
    for ahead in range(6 * 365):
        day = first + timedelta(days=ahead)
        for n, channel in enumerate(("a", "b", "c", "d")):
            month = np.random.default_rng([n, day.year, day.month]).lognormal(0, 0.1)
            share = (0.05 if 10 <= day.day < 17 else 0.08) * month
            of = int(rng.poisson((60, 300, 1_000, 5_000)[n]))
            hits = int(rng.binomial(of, share))
            minute = at(day, 12, SHANGHAI) // 60_000
            series = Series(channel, SHORTAGE)
            trials = [Trial(minute, series, day.toordinal(), of - hits)]
            trials += [Trial(minute, series, day.toordinal(), 1, "e", "a", 1, "CNY")] * hits
            for said in parts.take(trials, np.empty(0, np.int64)):
                alerts += said.alerts
            looks += 1
    opened = [one for one in alerts if one["status"] == "open"]
    print(f"{len(opened)} false surges in {looks} channel-days")
    assert len(opened) <= looks / 3650
