"""`lendwatch import`: the command around `streams.importing`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import orjson

from streams.importing import ImportSummary, mapping_path, run_import
from streams.progress import steps_done
from streams.times import iso


def run(arguments: argparse.Namespace) -> int:
    """The command: writes the event log, says what became of the rows; 1 if some were rejected."""
    with steps_done("import", "rows") as report:
        made = run_import(
            mapping_path(arguments.mapping), Path(arguments.source), Path(arguments.out), report
        )
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(_told(made), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        print(in_words(made))
    return 1 if made.rejected else 0


def in_words(made: ImportSummary) -> str:
    """What was written and what was not, for a person."""
    events = ", ".join(f"{count:,} {name}" for name, count in sorted(made.events.items()))
    lines = [f"{made.rows:,} rows: {events or 'no events'} ({made.rows_unused:,} rows unused)"]
    if made.first_ms is not None and made.last_ms is not None:
        lines.append(f"from {iso(made.first_ms)} to {iso(made.last_ms)}")
    lines += [f"rejected: {count:,} {why}" for why, count in sorted(made.rejected.items())]
    lines.append(f"written to {made.out}" + (f" and {made.rejects}" if made.rejects else ""))
    return "\n".join(lines)


def _told(made: ImportSummary) -> dict[str, Any]:
    return {
        "events": str(made.out),
        "rejects": None if made.rejects is None else str(made.rejects),
        "rows": made.rows,
        "rows_unused": made.rows_unused,
        "by_type": dict(made.events),
        "rejected": dict(made.rejected),
        "first_event_at": made.first_ms,
        "last_event_at": made.last_ms,
    }
