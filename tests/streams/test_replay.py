"""Replay: the same log gives the same bytes, and every way to end says so."""

from __future__ import annotations

import base64
import gzip
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from detector.models import deviations
from streams.faults import Fault
from streams.logs import LogError
from streams.outputs import ALERTS, DEAD_LETTERS, DECISIONS, SUMMARY
from streams.replay import Options, Outcome, replay
from streams.stopping import Stop
from streams.times import iso, time_ms
from tests.streams.lines import BASE_MS, debit, disbursement, login

OUTPUTS = (ALERTS, DECISIONS, DEAD_LETTERS)
MINUTE_MS = 60_000


def history() -> list[bytes]:
    """Logins and draws of a few accounts, bursts among them; unverified, so that alerts arise."""
    lines = []
    for n in range(300):
        account = f"A{n % 7 if n < 200 else 1}"
        at_ms = n * MINUTE_MS
        make = disbursement if n % 3 == 0 or n >= 200 else login
        lines.append(make(f"e{n}", at_ms, account_id=account))
        if n % 50 == 0:
            lines.append(b'{"type":"login"}')
    return lines


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    path.write_bytes(b"\n".join(history()) + b"\n")
    return path


def replayed(logs: list[Path], out: Path, **options: Any) -> Outcome:
    as_of_ms = options.pop("as_of_ms", BASE_MS + 86_400_000)
    return replay(Options([str(log) for log in logs], out, as_of_ms=as_of_ms, **options))


def hashes(outcome: Outcome, names: tuple[str, ...] = OUTPUTS) -> list[str]:
    return [outcome.summary["outputs"][name]["sha256"] for name in names]


def records(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_any_size_of_batch_gives_the_same_bytes(log: Path, tmp_path: Path) -> None:
    runs = [replayed([log], tmp_path / str(n), batch_lines=n) for n in (1, 7, 4096)]
    assert runs[0].summary["alerts"]["total"] > 0
    assert hashes(runs[0]) == hashes(runs[1]) == hashes(runs[2])


def test_any_form_and_split_of_the_log_gives_the_same_alerts(log: Path, tmp_path: Path) -> None:
    text = log.read_bytes()
    lines = text.splitlines(keepends=True)
    forms = {
        "whole.jsonl.gz": [gzip.compress(text)],
        "whole.jsonl.zst": [zstandard.compress(text)],
        "part.jsonl": [b"".join(lines[:100]), b"".join(lines[100:])],
    }
    expected = hashes(replayed([log], tmp_path / "plain"), (ALERTS, DECISIONS))
    for name, parts in forms.items():
        logs = [tmp_path / f"{n}-{name}" for n in range(len(parts))]
        for path, part in zip(logs, parts, strict=True):
            path.write_bytes(part)
        assert hashes(replayed(logs, tmp_path / "out"), (ALERTS, DECISIONS)) == expected


def test_the_summary_counts_what_the_files_hold(log: Path, tmp_path: Path) -> None:
    outcome = replayed([log], tmp_path)
    summary = orjson.loads((tmp_path / SUMMARY).read_bytes())
    assert summary == outcome.summary
    alerts, decisions = records(tmp_path / ALERTS), records(tmp_path / DECISIONS)
    assert summary["events"]["total"] == 300 == sum(summary["events"]["by_type"].values())
    assert summary["alerts"]["revisions"] == len(alerts)
    assert summary["alerts"]["total"] == len({alert["alert_id"] for alert in alerts})
    assert summary["decisions"]["total"] == len(decisions)
    assert summary["dead_letters"] == {"total": 6, "by_reason": {"missing_field": 6}}
    assert summary["first_event_at"] == BASE_MS
    assert summary["last_event_at"] == BASE_MS + 299 * MINUTE_MS
    assert summary["versions"].keys() >= {"lendwatch", "rulebook", "policy", "python", "numba"}
    assert summary["inputs"][0]["lines"] == 306
    assert outcome.exit_status(strict=False) == 0 and outcome.exit_status(strict=True) == 1


def states(path: Path) -> list[str]:
    return [alert["typology"] for alert in records(path / ALERTS)]


def test_deadlines_after_the_last_event_fire_as_far_as_until_says(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(debit("e1"))
    unhandled_ms = BASE_MS + 30 * 3_600_000
    ends = {None: 1, unhandled_ms - 1: 1, unhandled_ms: 2, unhandled_ms + 1: 2}
    for number, (until_ms, said) in enumerate(ends.items()):
        out = tmp_path / str(number)
        outcome = replayed([path], out, until_ms=until_ms)
        assert states(out) == ["debit_failed", "debit_unhandled"][:said]
        assert outcome.summary["until"] == until_ms
        assert outcome.summary["alerts"]["revisions"] == said
    (_, late) = records(tmp_path / "2" / ALERTS)
    assert (late["occurred_at"], late["trigger_event_id"]) == (unhandled_ms, "e1")


def test_deadlines_stand_between_the_events_where_they_belong_in_any_batch(tmp_path: Path) -> None:
    hour_ms = 3_600_000
    ticks = [login(f"t{n}", n * 10 * hour_ms, account_id=f"T{n % 2}") for n in range(1, 12)]
    draws = [disbursement("d", 35 * hour_ms, account_id="B")]
    lines = sorted(
        [debit("e1"), *ticks, *draws], key=lambda line: orjson.loads(line)["occurred_at"]
    )
    path = tmp_path / "log"
    path.write_bytes(b"\n".join(lines))
    end_ms = BASE_MS + 5 * 86_400_000
    runs = [
        replayed([path], tmp_path / str(n), batch_lines=n, as_of_ms=end_ms) for n in (1, 3, 100)
    ]
    assert hashes(runs[0]) == hashes(runs[1]) == hashes(runs[2])
    told = [(alert["typology"], alert["severity"]) for alert in records(tmp_path / "3" / ALERTS)]
    assert told == [
        ("debit_failed", "low"), ("debit_unhandled", "medium"), ("verification_bypass", "critical"),
        ("overdue_imminent", "medium"), ("overdue", "medium"),
    ]  # fmt: skip


def test_dead_letters_hold_the_original_bytes(tmp_path: Path) -> None:
    bad = [b'{"type":"login"', b"\xff\xfe", b'"' + b"x" * (2 << 20) + b'"']
    path = tmp_path / "log"
    path.write_bytes(b"\n\n".join([login("e1"), *bad, login("e2")]))
    outcome = replayed([path], tmp_path / "out")
    letters = records(tmp_path / "out" / DEAD_LETTERS)
    assert [base64.b64decode(letter["value_base64"]) for letter in letters] == bad
    assert [letter["source"] for letter in letters] == [
        {"file": str(path), "line": line} for line in (3, 5, 7)
    ]
    assert letters[2]["reason"] == "too_large"
    assert outcome.summary["events"]["total"] == 2
    assert outcome.summary["inputs"][0]["blank_lines"] == 4


def test_events_of_the_future_are_dead_letters_by_as_of(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(login("e1", 300_000) + b"\n" + login("e2", 300_001))
    summary = replayed([path], tmp_path / "out", as_of_ms=BASE_MS).summary
    assert summary["events"]["total"] == 1
    assert summary["dead_letters"]["by_reason"] == {"future_timestamp": 1}


def test_of_a_log_cut_short_what_was_read_is_used(log: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(log.read_bytes())[:-100])
    outcome = replayed([cut], tmp_path / "out")
    assert isinstance(outcome.error, LogError) and outcome.exit_status(strict=False) == 2
    assert outcome.summary["events"]["total"] > 100
    assert outcome.summary["error"] == str(outcome.error)
    assert records(tmp_path / "out" / ALERTS)


def test_nothing_is_written_where_a_log_or_the_policy_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text('timezone = "UTC"\nlatness_hours = 3\n')
    log = tmp_path / "log"
    log.touch()
    with pytest.raises(Fault, match=r"none\.jsonl: cannot be read"):
        replayed([log, tmp_path / "none.jsonl"], tmp_path / "out")
    with pytest.raises(Fault, match=r"policy.toml:2: latness_hours: .*lateness_hours"):
        replayed([log], tmp_path / "out", policy=tmp_path / "policy.toml")
    with pytest.raises(Fault, match="cannot be read"):
        replayed([log], tmp_path / "out", rulebook=tmp_path / "none")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_batch_with_what_there_is(
    log: Path, tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    options = Options([str(log)], tmp_path, as_of_ms=BASE_MS + 86_400_000, batch_lines=100)
    outcome = replay(options, report=lambda _: signal.raise_signal(number))
    assert outcome.stopped and outcome.exit_status(strict=True) == 130
    assert outcome.summary["interrupted"] is True
    assert 0 < outcome.summary["events"]["total"] <= 100
    assert len(records(tmp_path / DECISIONS)) == outcome.summary["decisions"]["total"]
    assert signal.getsignal(number) == before


def test_a_signal_ends_a_run_that_waits_for_its_input() -> None:
    def waiting() -> Iterator[int]:
        yield 1
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the wait went on")

    with Stop() as stop:
        assert list(stop.until_asked(waiting())) == [1]
    assert stop.asked


def test_times_are_iso_8601_or_epoch_milliseconds() -> None:
    assert time_ms("1772416800000") == BASE_MS == time_ms("2026-03-02T10:00:00+08:00")
    assert time_ms("2026-03-02") == BASE_MS - 2 * 3_600_000 == time_ms("2026-03-02T00:00:00Z")
    assert iso(BASE_MS) == "2026-03-02T02:00:00.000+00:00"
    for text in ("yesterday", "-1", "2101-01-01", "99999999999999"):
        with pytest.raises(Fault):
            time_ms(text)


def test_a_record_of_models_repeats_the_scores_of_the_run_that_made_it(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deviations, "WARM_UP_DRAWS", 5)
    learnt = replayed([log], tmp_path / "learnt", models="learn")
    record = tmp_path / "learnt" / "models.jsonl"
    assert 0 < len(records(record)) == learnt.summary["outputs"]["models.jsonl"]["lines"]
    again = replayed([log], tmp_path / "again", models=str(record), batch_lines=7)
    assert hashes(again) == hashes(learnt)
    assert not (tmp_path / "again" / "models.jsonl").exists()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"question": 5}',
        '{"question": "unauthorized_transfer", "number": 1}',
        '{"question": "unauthorised_transfer", "number": 1, "from_ms": 0}',
        '{"question": "insufficient_balance", "number": 1, "from_ms": 0, "forest":'
        ' {"inputs": ["x"], "base": 0, "features": [], "thresholds": [], "leaves": []}}',
    ],
)
def test_a_record_of_models_with_a_bad_line_is_refused_by_file_and_line(
    log: Path, tmp_path: Path, text: str
) -> None:
    record = tmp_path / "models.jsonl"
    good = '{"question": "unauthorized_transfer", "number": 1, "from_ms": 0}'
    record.write_text(f"{good}\n{text}\n")
    with pytest.raises(Fault, match=r"models\.jsonl:2: .*models\.jsonl that"):
        replayed([log], tmp_path / "out", models=str(record))
    assert not (tmp_path / "out").exists()
