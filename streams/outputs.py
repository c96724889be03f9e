"""The files of a run: written under `NAME.partial`, renamed at its end, hashed on the way.

A reader that finds `alerts.jsonl` finds whole lines of a run that came to an end of its own. The
SHA-256 of an output is that of its lines without `detected_at`, the one field that differs between
two runs of the same log.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from streams.faults import Fault
from streams.merging import Letter

ALERTS, DECISIONS, DEAD_LETTERS = "alerts.jsonl", "decisions.jsonl", "dead_letters.jsonl"
FINDINGS = "findings.jsonl"
MODELS = "models.jsonl"
SUMMARY = "summary.json"
OURS = (ALERTS, DECISIONS, FINDINGS, DEAD_LETTERS, MODELS, SUMMARY)
PARTIAL = ".partial"
DETECTED_AT_AFTER = "opened_at"  # the field that detected_at follows in the contract


class OutputError(Fault):
    """An output folder that cannot be used; its text is one clear line."""


class LinesFile:
    """One output: JSON lines under a partial name, counted and hashed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.line_count = 0
        self.byte_count = 0
        self._path = folder / name
        self._hash = hashlib.sha256()
        self._file = (folder / (name + PARTIAL)).open("wb", buffering=0)

    def write(self, lines: Sequence[bytes], hashed: Sequence[bytes] | None = None) -> None:
        """Append whole lines in one write; `hashed` are the lines that the SHA-256 is of."""
        if not lines:
            return
        text = b"\n".join(lines) + b"\n"
        view = memoryview(text)
        try:
            while view:  # a raw file may take a part
                view = view[self._file.write(view) :]
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from None
        self._hash.update(text if hashed is None else b"\n".join(hashed) + b"\n")
        self.line_count += len(lines)
        self.byte_count += len(text)

    def finish(self) -> None:
        """Give the file its own name."""
        self.close()
        self._path.with_name(self.name + PARTIAL).replace(self._path)

    def close(self) -> None:
        self._file.close()

    def told(self) -> dict[str, Any]:
        """What summary.json says of this file."""
        return {
            "lines": self.line_count,
            "bytes": self.byte_count,
            "sha256": self._hash.hexdigest(),
        }


class OutputFiles:
    """The files of one run in one folder, and the counts of what went into them.

    OutputError if the folder holds files that are not a run's.
    """

    def __init__(self, folder: Path, *, with_models: bool = False) -> None:
        """`with_models`: versions of models are written, too."""
        self.folder = folder
        self.alert_counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("status", "family", "typology", "severity")
        }
        self.decision_counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("question", "outcome")
        }
        self.alert_count = 0  # by id; the lines of alerts.jsonl are revisions
        self.degraded_count = 0
        self.dead_counts: Counter[str] = Counter()
        prepare(folder)
        self._alerts, self._decisions, self._findings, self._letters = self._files = tuple(
            LinesFile(folder, name) for name in (ALERTS, DECISIONS, FINDINGS, DEAD_LETTERS)
        )
        self._models = LinesFile(folder, MODELS) if with_models else None
        if self._models is not None:
            self._files = (*self._files, self._models)

    def write(
        self,
        alerts: Sequence[Mapping[str, Any]],
        decisions: Sequence[Mapping[str, Any]],
        findings: Sequence[Mapping[str, Any]],
        letters: Sequence[Letter],
    ) -> None:
        """Append what one batch gave."""
        if alerts:
            self._write_alerts(alerts)
        for decision in decisions:
            self.degraded_count += bool(decision["degraded"])
        _count(self.decision_counts, decisions)
        self._decisions.write([orjson.dumps(decision) for decision in decisions])
        self._findings.write([orjson.dumps(finding) for finding in findings])
        self.dead_counts.update(letter.reason for letter in letters)
        self._letters.write([orjson.dumps(letter_record(letter)) for letter in letters])

    def write_models(self, versions: Sequence[bytes]) -> None:
        """Append versions of models, a JSON line each; there is a file for them if any are made."""
        assert self._models is not None or not versions, "versions, and no file for them"
        if self._models is not None:
            self._models.write(versions)

    def _write_alerts(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        now_ms = time.time_ns() // 1_000_000
        for alert in alerts:
            self.alert_count += alert["revision"] == 1
        _count(self.alert_counts, alerts)
        lines = [orjson.dumps(with_detected_at(alert, now_ms)) for alert in alerts]
        self._alerts.write(lines, hashed=[orjson.dumps(alert) for alert in alerts])

    def finish(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Rename the files and write summary.json, which gains their sizes and hashes."""
        for file in self._files:
            file.finish()
        whole = {**summary, "outputs": {file.name: file.told() for file in self._files}}
        partial = self.folder / (SUMMARY + PARTIAL)
        partial.write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n")
        partial.replace(self.folder / SUMMARY)
        return whole

    def close(self) -> None:
        """Let the files go, whatever became of the run."""
        for file in self._files:
            file.close()


def _count(counts: Mapping[str, Counter[str]], records: Sequence[Mapping[str, Any]]) -> None:
    for name, counter in counts.items():
        counter.update(record[name] for record in records)


def with_detected_at(alert: Mapping[str, Any], now_ms: int) -> dict[str, Any]:
    """The alert with the wall clock's time in its place among the contract's fields."""
    told: dict[str, Any] = {}
    for name, value in alert.items():
        told[name] = value
        if name == DETECTED_AT_AFTER:
            told["detected_at"] = now_ms
    assert "detected_at" in told, "an alert without opened_at"
    return told


def letter_record(letter: Letter) -> dict[str, Any]:
    """A dead letter as the contract writes it, its bytes untouched.

    Of a line too long to keep, `source` tells the length of the whole.
    """
    source: dict[str, Any] = {"file": letter.log, "line": letter.line}
    if letter.whole_bytes is not None:
        source["whole_bytes"] = letter.whole_bytes
    return {
        "reason": letter.reason,
        "path": letter.path,
        "source": source,
        "value_base64": base64.b64encode(letter.value).decode("ascii"),
    }


def prepare(folder: Path, ours: Iterable[str] = OURS) -> None:
    """Make the folder ready for a run: made if it is not there, emptied of an earlier run's files.

    OutputError if it is no folder, or holds anything else than files of a run.
    """
    known = {name + end for name in ours for end in ("", PARTIAL)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(path.name for path in folder.iterdir())
        foreign = [name for name in found if name not in known]
        if foreign:
            raise OutputError(
                f"{folder}: holds other files than a run's ({foreign[0]}); name a new folder"
            )
        for name in found:
            (folder / name).unlink()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be used for the output: {error.strerror}") from None
