"""Which version judged which event, read from a file: what is wrong is named with file and line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from detector.ids import Ids
from detector.models.learner import Version
from streams.cli import main
from streams.faults import Fault
from streams.recorded import Control, read_controls

DEBITS = "insufficient_balance"
VERSIONS = [Version(DEBITS, 3, 0)]


def written(folder: Path, *lines: bytes) -> Path:
    path = folder / "controls.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_events_are_named_by_their_hash_and_without_a_version_too(tmp_path: Path) -> None:
    one, other = Control(DEBITS, "e1", 3), Control(DEBITS, "e2", 0)
    path = written(tmp_path, msgspec.json.encode(one), msgspec.json.encode(other))
    ids = Ids()
    named = read_controls(path, VERSIONS, ids)
    assert named[DEBITS] == {ids.hash("e1"): 3, ids.hash("e2"): 0}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", "controls.jsonl:2: is no control"),
        (b'{"question":"insufficient_balance","event_id":"e1"}', "controls.jsonl:2: is no control"),
        (msgspec.json.encode(Control(DEBITS, "e1", 4)), "controls.jsonl:2: version: 4"),
        (msgspec.json.encode(Control("weather", "e1", 3)), "controls.jsonl:2: version: 3 of wea"),
    ],
)
def test_a_line_that_cannot_be_followed_is_named(tmp_path: Path, line: bytes, told: str) -> None:
    path = written(tmp_path, msgspec.json.encode(Control(DEBITS, "e0", 3)), line)
    with pytest.raises(Fault, match=told):
        read_controls(path, VERSIONS, Ids())


def test_controls_without_recorded_versions_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--log", "none.jsonl", "--out", str(tmp_path), "--controls", "c.jsonl"]
    assert main(["replay", *words]) == 2
    assert "--models FILE" in capsys.readouterr().err
