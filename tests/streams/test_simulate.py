"""Laws of simulated worlds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson
import pytest

from detector.decode import Batch, Decoder
from detector.events import FUTURE_TOLERANCE_MS, TIME_MAX_MS
from detector.ids import Ids
from detector.schema import AutoDebit, Disbursement, Disposition, IdentityVerification, Login
from streams.simulate import SimulationError, Summary, simulate
from streams.simulate.bulk import write_bulk
from streams.simulate.stories import STORIES
from streams.simulate.world import DAY_MS

SEED, ACCOUNTS, DAYS = 11, 400, 24


def _decoded(path: Path) -> Batch:
    lines = path.read_bytes().splitlines()
    return Decoder(Ids(), TIME_MAX_MS - FUTURE_TOLERANCE_MS).decode(lines)


def _truth(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    started = perf_counter()
    made = simulate(tmp_path_factory.mktemp("world"), SEED, ACCOUNTS, DAYS)
    rate = made.event_count / (perf_counter() - started)
    print(f"seed {SEED}: {made.event_count:,} events, {rate:,.0f} events/s")
    return made


@pytest.fixture(scope="module")
def batch(world: Summary) -> Iterator[Batch]:
    yield _decoded(world.events)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    world: Summary, tmp_path: Path
) -> None:
    again = simulate(tmp_path / "a", SEED, ACCOUNTS, DAYS)
    other = simulate(tmp_path / "b", SEED + 1, ACCOUNTS, DAYS)
    for ours, theirs, differs in ((world, again, False), (world, other, True)):
        for name in ("events", "truth"):
            same = getattr(ours, name).read_bytes() == getattr(theirs, name).read_bytes()
            assert same is not differs


def test_every_line_is_an_event_of_the_contract_with_an_id_of_its_own(
    world: Summary, batch: Batch
) -> None:
    assert batch.dead == []
    assert len({event.event_id for event in batch.events}) == len(batch.events)
    assert world.event_count == len(batch.events)
    assert set(world.counts) == {
        "login", "identity_verification", "disbursement", "auto_debit", "disposition",
    }  # fmt: skip


def test_the_log_is_in_time_order_but_for_the_pass_that_arrives_late(batch: Batch) -> None:
    late, newest = [], 0
    for event in batch.events:
        if event.occurred_at < newest:
            late.append(event)
        newest = max(newest, event.occurred_at)
    assert [type(event) for event in late] == [IdentityVerification]


def test_truth_speaks_only_of_events_that_are_in_the_log(world: Summary, batch: Batch) -> None:
    times = {event.event_id: event.occurred_at for event in batch.events}
    for line in _truth(world.truth):
        assert line["event_ids"], line["story"]
        assert set(line["event_ids"]) <= times.keys(), line["story"]
        assert line["from"] <= line["by"]
        assert line["expect"] in ("alert", "silent")
        assert ("severity" in line) == ("status" in line) == (line["expect"] == "alert")


def test_the_entity_of_a_truth_takes_part_in_its_events(world: Summary, batch: Batch) -> None:
    ids = Ids()
    seen: dict[str, set[str]] = {}
    for event in batch.events:
        names = {str(event.account_id), getattr(event, "device_id", None) or ""}
        names.add(getattr(event, "payee_id", ""))
        ip = getattr(event, "ip", None)
        network = ids.network(ip) if ip else None
        names.add(network[0] if network else "")
        seen[event.event_id] = names
    for line in _truth(world.truth):
        part = [line["entity"]["id"] in seen[each] for each in line["event_ids"]]
        assert any(part), (line["story"], line["entity"])


def test_every_story_is_planted_and_every_typology_has_a_find_and_a_near_miss(
    world: Summary,
) -> None:
    truth = _truth(world.truth)
    assert {line["story"] for line in truth} == {*STORIES, "background"}
    found = {line["typology"] for line in truth if line["expect"] == "alert"}
    missed = {line["typology"] for line in truth if line["expect"] == "silent"}
    assert found == missed
    assert len(found) == 10


def test_stories_begin_when_windows_of_seven_days_are_covered(world: Summary, batch: Batch) -> None:
    first = batch.events[0].occurred_at
    for line in _truth(world.truth):
        if line["story"] != "background":
            assert line["from"] >= first + 7 * DAY_MS


def test_only_the_planted_account_goes_over_its_limit(world: Summary, batch: Batch) -> None:
    over = {
        event.account_id
        for event in batch.events
        if isinstance(event, Disbursement)
        and event.status == "paid"
        and event.outstanding_minor + event.amount_minor > event.credit_limit_minor
    }
    planted = {
        line["account_id"]
        for line in _truth(world.truth)
        if line["typology"] == "over_limit" and line["expect"] == "alert"
    }
    assert over == planted


def test_every_honest_draw_has_its_own_pass_of_its_session_and_device(
    world: Summary, batch: Batch
) -> None:
    told = {each for line in _truth(world.truth) for each in line["event_ids"]}
    passes = {
        event.verification_id: event
        for event in batch.events
        if isinstance(event, IdentityVerification) and event.outcome == "passed"
    }
    draws = [
        event
        for event in batch.events
        if isinstance(event, Disbursement) and event.status == "requested"
    ]
    honest = [draw for draw in draws if draw.event_id not in told]
    assert len(honest) > 500
    for draw in honest:
        check = passes[str(draw.verification_id)]
        assert (check.session_id, check.device_id) == (draw.session_id, draw.device_id)
        assert 0 < draw.occurred_at - check.occurred_at < 600_000
    used = Counter(draw.verification_id for draw in honest)
    assert max(used.values()) == 1


def test_every_failed_obligation_is_told_as_truth(world: Summary, batch: Batch) -> None:
    short = {
        event.obligation_id
        for event in batch.events
        if isinstance(event, AutoDebit) and event.outcome in ("insufficient_balance", "partial")
    }
    ended = {
        event.obligation_id
        for event in batch.events
        if isinstance(event, AutoDebit) and event.outcome in ("success", "settled")
    }
    told = {
        line["note"].split()[1].rstrip(":"): line["status"]
        for line in _truth(world.truth)
        if line["typology"] == "debit_failed" and line["expect"] == "alert"
    }
    assert set(told) == short
    for obligation, status in told.items():
        assert (status == "resolved") == (obligation in ended), obligation


def test_few_logins_fail_and_labels_are_rare(batch: Batch) -> None:
    logins = [event for event in batch.events if isinstance(event, Login)]
    failed = sum(event.outcome == "failure" for event in logins)
    assert 0.01 < failed / len(logins) < 0.08
    labels = sum(isinstance(event, Disposition) for event in batch.events)
    assert 5 < labels < 60


def test_an_honest_world_has_no_stories(tmp_path: Path) -> None:
    made = simulate(tmp_path, SEED, 300, 14, "honest")
    assert {line["story"] for line in _truth(made.truth)} == {"background"}
    assert made.near_misses == 0


def test_progress_is_told_after_each_day(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    simulate(tmp_path, SEED, 300, 14, progress=lambda done, total: told.append((done, total)))
    assert told == [(day, 14) for day in range(1, 15)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, 400, 30, "smal"), "unknown preset"),
        ((-1, 400, 30, "small"), "seed"),
        ((1, 400, 13, "small"), "days must be 14"),
        ((1, 299, 30, "small"), "accounts must be 300"),
        ((1, 400, 30, "busy"), "accounts must be 1200"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_its_cure(
    tmp_path: Path, arguments: tuple[int, int, int, str], words: str
) -> None:
    with pytest.raises(SimulationError, match=words):
        simulate(tmp_path / "none", *arguments)
    assert not (tmp_path / "none").exists()


def test_a_bulk_log_is_valid_in_time_order_and_of_the_stated_mix(tmp_path: Path) -> None:
    path, wanted = tmp_path / "bulk.jsonl", 100_000
    started = perf_counter()
    written = write_bulk(path, wanted, 20_000, SEED)
    print(f"bulk: {written / (perf_counter() - started):,.0f} events/s")
    batch = _decoded(path)
    assert batch.dead == []
    assert written == len(batch.events) == len({event.event_id for event in batch.events})
    assert written == pytest.approx(wanted, rel=0.001)
    times = [event.occurred_at for event in batch.events]
    assert times == sorted(times)
    share = {kind: n / written for kind, n in Counter(map(type, batch.events)).items()}
    expected = {Login: 0.40, IdentityVerification: 0.25, Disbursement: 0.20, AutoDebit: 0.15}
    assert share == pytest.approx(expected, abs=0.002)


def test_a_bulk_log_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    logs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_bulk(tmp_path / name, 5_000, 500, seed)
        logs.append((tmp_path / name).read_bytes())
    assert logs[0] == logs[1] != logs[2]
