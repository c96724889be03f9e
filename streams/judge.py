"""`lendwatch judge`: what a replay found, held against the truth of a simulated world."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from streams.faults import Fault
from streams.judging import Gates, Verdict, judged
from streams.outputs import ALERTS, DECISIONS, SUMMARY
from streams.scoring import Score, standings

GATE_FAILED = 1
WIDTH_MIN = 110
SHOWN_MAX = 10  # lines of what was missed or wrongly alerted
HOUR_MS, MINUTE_MS, SECOND_MS = 3_600_000, 60_000, 1_000
COLUMNS = (
    "planted", "found", "recall", "near misses", "hit", "honest alerts", "a day", "median",
    "worst",
)  # fmt: skip
TRUTH_FIELDS = frozenset({"typology", "entity", "expect", "from", "by", "event_ids"})


def run(arguments: argparse.Namespace) -> int:
    """The command: prints the figures and which gates failed; returns the exit status."""
    verdict = verdict_of(Path(arguments.run), Path(arguments.truth))
    gates = Gates(arguments.recall_min, arguments.disturbed_max, arguments.near_misses_max)
    failures = gates.failures(verdict)
    if arguments.json:
        told = verdict.told() | {"failed": failures}
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        show(verdict)
    for failure in failures:
        print(f"lendwatch: gate failed: {failure}", file=sys.stderr)
    return GATE_FAILED if failures else 0


def verdict_of(folder: Path, truth: Path) -> Verdict:
    """The verdict on the run in `folder`. Fault where a file cannot be read or is none of ours."""
    summary = _summary(folder / SUMMARY)
    told = list(_records(truth, TRUTH_FIELDS))
    try:
        alerts = standings(_records(folder / ALERTS, frozenset({"alert_id", "evidence"})))
        decisions = _records(folder / DECISIONS, frozenset({"event_id", "question"}))
        return judged(told, alerts, decisions, summary["last_event_at"])
    except (KeyError, TypeError) as error:
        raise Fault(f"{folder}: is no run of a replay: {error}") from None


def _summary(path: Path) -> dict[str, Any]:
    try:
        summary = _record(path, path.read_bytes())
    except OSError as error:
        raise Fault(f"{path}: cannot be read: {error.strerror}") from None
    if summary.get("interrupted"):
        raise Fault(f"{path}: the run was interrupted; only a whole one can be judged")
    return summary


def _records(path: Path, fields: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The records of a file of JSON lines, each of which has these fields."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                record = _record(f"{path}:{number}", line)
                if not fields <= record.keys():
                    missing = ", ".join(sorted(fields - record.keys()))
                    raise Fault(f"{path}:{number}: lacks {missing}")
                yield record
    except OSError as error:
        raise Fault(f"{path}: cannot be read: {error.strerror}") from None


def _record(where: object, text: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError:
        record = None
    if not isinstance(record, dict):
        raise Fault(f"{where}: is no JSON object")
    return record


def show(verdict: Verdict) -> None:
    """The table of typologies, the figures over all, and some of what went wrong."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, WIDTH_MIN)  # a cut name is none
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("typology", no_wrap=True)
    for name in COLUMNS:
        shown.add_column(name, justify="right")
    for score in verdict.scored.table.values():
        wrong = score.found < score.planted or score.hits or score.honest_alerts
        shown.add_row(*_row(score, verdict.days), style="yellow" if wrong else None)
    console.print(shown)
    disturbance = verdict.disturbance
    console.print(
        f"{disturbance.honest:,} honest disbursements, {disturbance.disturbed} disturbed "
        f"({disturbance.rate:.1f} of 100,000), {disturbance.taken_back} disturbed and taken back\n"
        f"missed {100 * verdict.missed_value:.2f} % of the planted money"
    )
    for title, lines in (("missed", verdict.scored.missed), ("alerted", verdict.scored.hit)):
        for line in lines[:SHOWN_MAX]:
            entity = line["entity"]["id"]
            console.print(f"{title}: {line['typology']} of {entity}: {line.get('note', '')}")


def _row(score: Score, days: float) -> list[str]:
    told = score.told()
    recall = "" if score.recall is None else f"{score.recall:.3f}"
    a_day = f"{score.honest_alerts / days:.2f}"
    median, worst = (_span(told[f"{name}_ms_to_detect"]) for name in ("median", "worst"))
    return [
        score.typology, str(score.planted), str(score.found), recall, str(score.near_misses),
        str(score.hits), str(score.honest_alerts), a_day, median, worst,
    ]  # fmt: skip


def _span(ms: int | None) -> str:
    """A time to detect, in the unit that suits it."""
    if ms is None:
        return ""
    for unit, name in ((HOUR_MS, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s")):
        if ms >= unit:
            return f"{ms / unit:.1f} {name}"
    return f"{ms} ms"
