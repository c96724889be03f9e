"""Laws of simulated worlds."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson
import pytest

from detector.decode import Batch, Decoder
from detector.events import FUTURE_TOLERANCE_MS, TIME_MAX_MS
from detector.ids import Ids
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.schema import AutoDebit, Disbursement, Disposition, IdentityVerification, Login
from streams.faults import Fault
from streams.simulate import Disturbance, SimulationError, Summary, lines, shapes, simulate
from streams.simulate.bulk import write_bulk
from streams.simulate.changes import distance_km
from streams.simulate.stories import STORIES
from streams.simulate.world import DAY_MS, HOUR_MS, MINUTE_MS, START_MS
from streams.simulating import span_ms

SEED, ACCOUNTS, DAYS = 11, 1000, 24


RULED = {  # of each, something is planted
    name for name, one in load_rulebook(None, load_policy()).typologies.items()
    if one.kind == "rules"
} | {"debit_failed"}  # fmt: skip


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
        assert line["expect"] in ("alert", "silent", "either")
        assert line.get("amounts", {}).keys() <= set(line["event_ids"])
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
    assert found - {"deferred"} == missed == RULED  # what is deferred is an instalment with relief


def test_stories_begin_when_windows_of_seven_days_are_covered(world: Summary, batch: Batch) -> None:
    for line in _truth(world.truth):
        if line["story"] != "background":
            assert line["from"] >= START_MS + 7 * DAY_MS


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
        if line["typology"] in ("debit_failed", "deferred") and line["expect"] == "alert"
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
    simulate(tmp_path, SEED, 800, 14, progress=lambda done, total: told.append((done, total)))
    assert told == [(day, 14) for day in range(1, 15)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((1, 400, 30, "smal"), "unknown preset"),
        ((-1, 400, 30, "small"), "seed"),
        ((1, 400, 13, "small"), "days must be 14"),
        ((1, 299, 30, "honest"), "accounts must be 300"),
        ((1, 799, 30, "small"), "accounts must be 800"),
        ((1, 800, 30, "busy"), "accounts must be 3200"),
        ((1, 1_599, 30, "incidents"), "accounts must be 1600"),
        ((1, 600, 111, "surge"), "days must be 112"),
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


def test_a_block_of_lines_says_what_single_events_say() -> None:
    who = lines.who("a1", "h1")
    terms, method = lines.terms("m1", "bank-a", "card1"), lines.METHODS["otp"]
    payee = ("card1", "self", "person")
    obligation = ("o0000009", "m1", "bank-a", "card1")
    place = ',"latitude":31.2,"longitude":121.5'
    pairs = [
        (
            lines.logins(([1], [who], [5]), [7], ["d1"], ["10.0.0.1"], "success", "sso", place),
            shapes.login("e00000001", ("a1", "h1"), 5, "s0000007", "d1", "10.0.0.1", "success",
                         "sso", (31.2, 121.5)),
        ),
        (
            lines.checks(([1], [who], [5]), [3], [7], ["d1"], method, "passed", 80, ""),
            shapes.verification("e00000001", ("a1", "h1"), 5, "v0000003", "s0000007", "d1", "otp",
                                "passed", 80),
        ),
        (
            lines.draws(([1], [who], [5]), [2], [7], ["d1"], ["10.0.0.1"], 900,
                        lines.payee(*payee), 5000, 100, "paid", [3]),
            shapes.disbursement("e00000001", ("a1", "h1"), 5, "w0000002", "s0000007", "d1",
                                "10.0.0.1", 900, payee, "v0000003", 5000, 100, "paid"),
        ),
        (
            lines.debits(([1], [who], [5]), [9], 1, terms, 50, 20, "partial", 6, 8,
                         ',"hardship":true'),
            shapes.auto_debit("e00000001", ("a1", "h1"), 5, obligation, 50, 20, "partial", 1, 6, 8,
                              hardship=True),
        ),
    ]  # fmt: skip
    for (line,), event in pairs:
        assert orjson.loads(line) == event


def test_a_disturbed_log_has_the_same_events_and_truth_in_another_order(
    world: Summary, tmp_path: Path
) -> None:
    plain = world.events.read_bytes().splitlines()
    for name, disturbance, most in (
        ("shuffled", Disturbance(5 * MINUTE_MS), 5 * MINUTE_MS),
        ("late", Disturbance(0, 0.02, DAY_MS), DAY_MS),
    ):
        told = simulate(tmp_path / name, SEED, ACCOUNTS, DAYS, disturbance=disturbance)
        again = simulate(tmp_path / "again", SEED, ACCOUNTS, DAYS, disturbance=disturbance)
        assert told.truth.read_bytes() == world.truth.read_bytes()
        assert told.events.read_bytes() == again.events.read_bytes()
        other = told.events.read_bytes().splitlines()
        assert other != plain and sorted(other) == sorted(plain)
        newest = late = behind = 0
        for event in _decoded(told.events).events:
            behind = max(behind, newest - event.occurred_at)
            late += event.occurred_at < newest
            newest = max(newest, event.occurred_at)
        # One story's pass is 40 minutes late by itself.
        assert behind <= most + 41 * MINUTE_MS
        share = late / len(plain)
        assert share > 0.5 if name == "shuffled" else 0.01 < share < 0.025


def test_every_account_that_is_not_new_has_a_thin_past(batch: Batch) -> None:
    past: Counter[str] = Counter()
    first: dict[str, int] = {}
    for event in batch.events:
        account = str(event.account_id)
        first.setdefault(account, event.occurred_at)
        past[account] += event.occurred_at < START_MS
    known = [account for account in first if account.startswith("a")]
    old = [account for account in known if first[account] < START_MS - 90 * DAY_MS]
    assert 0.9 < len(old) / ACCOUNTS < 0.98
    assert all(1 <= past[account] <= 9 for account in old)
    assert sum(past.values()) < 6 * len(old)
    assert all(past[account] == 0 for account in set(known) - set(old))


def test_nobody_honest_travels_faster_than_an_airliner(world: Summary, batch: Batch) -> None:
    told = {each for line in _truth(world.truth) for each in line["event_ids"]}
    casts = {line["account_id"] for line in _truth(world.truth) if line["story"] != "background"}
    visits: defaultdict[str, list[Login]] = defaultdict(list)
    for event in batch.events:
        if isinstance(event, Login) and event.outcome == "success" and event.event_id not in told:
            visits[str(event.account_id)].append(event)
    flights = 0
    for account, logins in visits.items():
        for one, other in itertools.pairwise(logins):
            places = [(each.latitude, each.longitude) for each in (one, other)]
            if (
                account in casts
                or None in places[0] + places[1]
                or one.device_id == other.device_id
            ):
                continue
            far = distance_km(places[0], places[1])  # type: ignore[arg-type]
            if far > 500:
                flights += 1
                assert far / ((other.occurred_at - one.occurred_at) / HOUR_MS) < 900
    assert flights > 5


def test_tellings_grow_with_the_accounts_and_a_preset_may_tell_the_cases_only(
    tmp_path: Path,
) -> None:
    told = simulate(tmp_path / "big", SEED, 8000, 14)
    stories = Counter(line["story"] for line in _truth(told.truth) if line["expect"] == "alert")
    assert stories["limit_raise_drain"] == 2 and stories["case.shenzhen"] == 4
    cases = simulate(tmp_path / "cases", SEED, 800, 20, "cases")
    assert {line["story"] for line in _truth(cases.truth)} == {
        "background", "case.shenzhen", "case.huang_yi", "case.stolen_phone", "case.slow_ramp",
    }  # fmt: skip


def test_honest_lives_are_as_varied_as_the_detector_must_bear(world: Summary, batch: Batch) -> None:
    casts = {line["account_id"] for line in _truth(world.truth) if line["story"] != "background"}
    honest = [event for event in batch.events if event.account_id not in casts]
    logins = [event for event in honest if isinstance(event, Login)]
    draws = [event for event in honest if isinstance(event, Disbursement)]
    checks = [event for event in honest if isinstance(event, IdentityVerification)]
    debits = [event for event in honest if isinstance(event, AutoDebit)]
    signals = Counter(signal for event in logins for signal in event.device_signals or ())
    assert {"vpn", "sim_changed", "accessibility_service"} <= signals.keys()
    assert 0.3 < sum(event.latitude is None for event in logins) / len(logins) < 0.9
    assert {"failed", "timeout", "passed"} == {event.outcome for event in checks}
    assert {event.payee_kind for event in draws} == {"person", "merchant", "institution"}
    assert {event.status for event in draws} == {"requested", "paid", "rejected"}
    assert {"partial", "channel_error", "settled"} <= {event.outcome for event in debits}
    assert any(event.hardship for event in debits)
    hours = Counter((event.occurred_at - START_MS) // HOUR_MS % 24 for event in draws)
    night = sum(hours[hour] for hour in (22, 23, 0, 1, 2, 3, 4, 5))
    assert 0.02 < night / hours.total() < 0.15


def test_a_span_is_a_number_and_a_unit() -> None:
    told = [span_ms(text) for text in ("0m", "90s", "5m", "6h", "1d")]
    assert told == [0, 90_000, 300_000, 21_600_000, DAY_MS]
    for text in ("", "5", "m", "-5m", "5 m", "1.5h", "31d", "5w"):
        with pytest.raises(Fault, match="is no span"):
            span_ms(text)


def test_a_share_of_late_events_is_a_share(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="share of late events"):
        simulate(tmp_path / "none", disturbance=Disturbance(0, 1.5, DAY_MS))
    assert not (tmp_path / "none").exists()


def test_the_whole_sum_of_a_case_is_as_it_was_reported(world: Summary, batch: Batch) -> None:
    """28 draws of 107,199.01 in all; the SIM card in another handset 81 minutes after the theft."""
    amounts = {
        event.event_id: event.amount_minor
        for event in batch.events
        if isinstance(event, Disbursement) and event.status == "requested"
    }
    (line,) = [
        line
        for line in _truth(world.truth)
        if line["story"] == "case.huang_yi" and line["typology"] == "sim_swap"
    ]
    drawn = [amounts[each] for each in line["event_ids"] if each in amounts]
    assert (len(drawn), sum(drawn)) == (28, 10_719_901)
    assert line["amounts"] == {each: amounts[each] for each in line["amounts"]}
    assert sum(line["amounts"].values()) == 10_719_901
