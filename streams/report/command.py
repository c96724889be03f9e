"""`lendwatch report`: one HTML file of a run, in English and Chinese."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from detector.policy import Policy
from detector.rulebook import Rulebook
from streams import settings
from streams.explain_run import Run
from streams.faults import Fault
from streams.replay import load
from streams.report.page import page


def run(arguments: argparse.Namespace) -> int:
    """The command: writes the report, says where it is; returns the exit status."""
    rulebook_folder = Path(arguments.rulebook) if arguments.rulebook else None
    policy, rulebook = load(settings.policy_path(arguments.policy), rulebook_folder)
    truth = Path(arguments.truth) if arguments.truth else None
    out = Path(arguments.out)
    size = write(Run(Path(arguments.run)), policy, rulebook, out, truth, arguments.log)
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps({"report": str(out), "bytes": size}) + b"\n")
    else:
        print(f"written to {out}")
    return 0


def write(
    run: Run, policy: Policy, rulebook: Rulebook, out: Path, truth: Path | None = None,
    logs: Sequence[str] = (),
) -> int:  # fmt: skip
    """Write a run's report to a file; how many bytes it has."""
    text = page(run, policy, rulebook, truth, logs).encode("utf-8", "replace")
    partial = out.with_name(out.name + ".partial")
    try:
        partial.write_bytes(text)
        partial.replace(out)
    except OSError as error:
        raise Fault(f"{out}: cannot be written: {error.strerror}") from None
    return len(text)
