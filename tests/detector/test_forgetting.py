"""Law 28: nothing older than the policy's history is kept of anybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from detector.decode import Decoder
from detector.engine import Engine
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import Rulebook, load_rulebook

DAY_MS, MINUTE_MS, START_MS = 86_400_000, 60_000, 20_500 * 86_400_000
HISTORY_DAYS, FAR_FUTURE_MS = 20, 4_000_000_000_000
PEOPLE = 60
Event = dict[str, Any]


def login(n: int, account: str, at: int) -> Event:
    return {
        "type": "login", "event_id": f"l{n}", "account_id": account, "occurred_at": at,
        "session_id": f"S{n}", "device_id": f"D-{account}", "ip": f"10.{n % 200}.0.1",
        "outcome": "success", "method": "password",
    }  # fmt: skip


def draw(n: int, account: str, at: int) -> Event:
    return {
        "type": "disbursement", "event_id": f"d{n}", "account_id": account, "occurred_at": at,
        "disbursement_id": f"B{n}", "session_id": f"S{n}", "device_id": f"D-{account}",
        "ip": f"10.{n % 200}.0.1", "amount_minor": 5_000, "currency": "CNY",
        "payee_id": f"P-{account}", "payee_owner": "self", "status": "paid",
        "credit_limit_minor": 100_000, "outstanding_minor": 0,
    }  # fmt: skip


def told() -> Iterator[Event]:
    """Many people on the first day, then one who comes every day, then the many again."""
    n = 0
    for person in range(PEOPLE):
        n += 1
        yield login(n, f"A{person}", START_MS + person * MINUTE_MS)
        yield draw(n, f"A{person}", START_MS + (person + 1) * MINUTE_MS)
    for day in range(1, 41):
        for account in ("Z", "Y"):
            n += 1
            yield login(n, account, START_MS + day * DAY_MS)
    for person in range(PEOPLE):
        n += 1
        yield draw(n, f"A{person}", START_MS + 41 * DAY_MS + person * MINUTE_MS)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook(None, load_policy())


def run(rulebook: Rulebook, size: int, history_days: float) -> tuple[Engine, list[Any], list[int]]:
    """The engine at the end, all that it said, and how many accounts it remembered on the way."""
    ids = Ids()
    engine = Engine(rulebook, replace(load_policy(), history_days=history_days), ids)
    decoder = Decoder(ids, FAR_FUTURE_MS)
    lines = [orjson.dumps(event) for event in told()]
    said: list[Any] = []
    remembered = []
    for start in range(0, len(lines), size):
        outputs = engine.process(decoder.decode(lines[start : start + size]))
        said += [outputs.alerts, outputs.decisions, outputs.findings]
        remembered.append(engine.counts()["entities"]["account"])
    return engine, [record for records in said for record in records], remembered


def by_kind(said: list[Any]) -> list[Any]:
    return sorted(map(orjson.dumps, said))


def test_an_entity_that_is_quiet_for_longer_than_the_history_is_dropped(
    rulebook: Rulebook,
) -> None:
    _, _, remembered = run(rulebook, 10, HISTORY_DAYS)
    assert max(remembered) >= PEOPLE
    assert 2 in remembered[remembered.index(max(remembered)) :]
    _, _, kept = run(rulebook, 10, 180)
    assert kept == sorted(kept)


def test_when_it_is_dropped_changes_nothing_that_is_said(rulebook: Rulebook) -> None:
    _, whole, _ = run(rulebook, 10_000, HISTORY_DAYS)  # dropped at the end only
    for size in (1, 7, 50):
        _, said, _ = run(rulebook, size, HISTORY_DAYS)
        assert by_kind(said) == by_kind(whole)


def test_whoever_comes_back_begins_anew(rulebook: Rulebook) -> None:
    engine, said, _ = run(rulebook, 50, HISTORY_DAYS)
    account = engine.stages[0].store.memory
    known = int(account.used[0])
    first = account.rows["first_ms"][:known]
    assert first.min() >= START_MS + (39 - HISTORY_DAYS) * DAY_MS  # of who came on day 40
    _, remembered, _ = run(rulebook, 50, 180)
    assert by_kind(said) != by_kind(remembered)
