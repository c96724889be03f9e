"""The files of a run: whole lines, whole runs, the hash of what does not change between two."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.merging import Letter
from streams.outputs import OURS, LinesFile, OutputError, OutputFiles, letter_record, prepare
from streams.scoring import scores, standings

ALERT: dict[str, Any] = {
    "alert_id": "a1", "revision": 1, "status": "open", "family": "credit_exposure",
    "typology": "over_limit", "severity": "high", "entity": {"kind": "account", "id": "A"},
    "trigger_event_id": "e1", "occurred_at": 5, "opened_at": 5, "score": 0.8, "evidence": ["e1"],
}  # fmt: skip
DECISION = {"event_id": "e1", "question": "unauthorized_transfer", "outcome": "review",
            "degraded": True}  # fmt: skip
FINDING = {"event_id": "e1", "rules": [], "columns": {}, "missing": {}}
LETTER = Letter("wrong_type", "amount_minor", "log.jsonl", 7, b"\xff{", None, -1)


def run(folder: Path) -> dict[str, Any]:
    files = OutputFiles(folder)
    files.write([ALERT], [DECISION], [FINDING], [LETTER])
    files.write([{**ALERT, "revision": 2, "status": "updated"}], [], [], [])
    assert files.alert_count == 1 and files.degraded_count == 1
    assert files.alert_counts["status"] == {"open": 1, "updated": 1}
    assert files.dead_counts == {"wrong_type": 1}
    return files.finish({"interrupted": False})


def test_files_bear_their_names_only_when_the_run_has_ended(tmp_path: Path) -> None:
    files = OutputFiles(tmp_path, with_models=True)
    files.write([ALERT], [DECISION], [FINDING], [LETTER])
    assert {path.name for path in tmp_path.iterdir()} == {
        name + ".partial" for name in OURS if name != "summary.json"
    }
    files.finish({})
    assert {path.name for path in tmp_path.iterdir()} == set(OURS)


def test_detected_at_stands_in_its_place_and_outside_the_hash(tmp_path: Path) -> None:
    summary = run(tmp_path)
    lines = [orjson.loads(line) for line in (tmp_path / "alerts.jsonl").read_bytes().splitlines()]
    names = list(lines[0])
    assert names[names.index("opened_at") + 1] == "detected_at"
    assert lines[0].pop("detected_at") > 1_500_000_000_000
    lines[1].pop("detected_at")
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    assert summary["outputs"]["alerts.jsonl"]["sha256"] == hashlib.sha256(text).hexdigest()
    assert summary["outputs"]["alerts.jsonl"]["lines"] == 2


def test_the_hash_of_the_other_files_is_of_their_bytes(tmp_path: Path) -> None:
    outputs = run(tmp_path)["outputs"]
    for name in ("decisions.jsonl", "dead_letters.jsonl"):
        raw = (tmp_path / name).read_bytes()
        told = {"lines": 1, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
        assert outputs[name] == told
    assert orjson.loads((tmp_path / "summary.json").read_bytes())["outputs"] == outputs


def test_a_dead_letter_holds_its_bytes_and_its_place() -> None:
    record = letter_record(LETTER)
    assert list(record) == ["reason", "path", "source", "value_base64"]
    assert base64.b64decode(record["value_base64"]) == b"\xff{"
    assert record["source"] == {"file": "log.jsonl", "line": 7}
    cut = letter_record(Letter("too_large", "", "log.jsonl", 1, b"x", 5_000_000_000, -1))
    assert cut["source"]["whole_bytes"] == 5_000_000_000


def test_an_earlier_run_is_replaced_and_nothing_else_is_touched(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "alerts.jsonl.partial").touch()
    prepare(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "thesis.doc").touch()
    (tmp_path / "alerts.jsonl").touch()
    with pytest.raises(OutputError, match=r"holds other files than a run's \(thesis\.doc\)"):
        prepare(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.doc", "alerts.jsonl"}


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="cannot be used for the output"):
            prepare(path)


def test_a_full_disk_is_told_in_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    file = LinesFile.__new__(LinesFile)
    file._path = Path("alerts.jsonl")
    with open("/dev/full", "wb", buffering=0) as full:
        file._file = full
        with pytest.raises(OutputError, match=r"alerts\.jsonl: cannot be written"):
            file.write([b"{}"])


def truth(expect: str, events: list[str], status: str | None = None) -> dict[str, Any]:
    return {
        "typology": "over_limit", "entity": {"kind": "account", "id": "A"}, "expect": expect,
        "from": 5, "by": 5, "event_ids": events, "status": status,
    }  # fmt: skip


def test_scores_hold_what_was_found_against_the_truth() -> None:
    withdrawn = {**ALERT, "alert_id": "a2", "evidence": ["e2"], "trigger_event_id": "e2"}
    stray = {**ALERT, "alert_id": "a3", "evidence": ["e9"], "trigger_event_id": "e9"}
    alerts = [ALERT, withdrawn, {**withdrawn, "status": "withdrawn"}, stray]
    lines = [
        truth("alert", ["e1"]), truth("alert", ["e2"], "withdrawn"), truth("alert", ["e3"]),
        truth("silent", ["e4"]), truth("silent", ["e9"]),
    ]  # fmt: skip
    (score,) = scores(lines, standings(alerts).values())
    assert (score.planted, score.found) == (3, 2)
    assert (score.near_misses, score.left_alone, score.honest_alerts) == (2, 1, 1)
