"""`lendwatch replay`: event logs through the engine into the files of a run."""

from __future__ import annotations

import argparse
import contextlib
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import orjson

from detector.arrangements import Reliefs
from detector.decode import Decoder
from detector.engine import Engine, check_needs
from detector.events import T
from detector.ids import Ids
from detector.policy import Policy, PolicyError, load_policy
from detector.rulebook import Rulebook, RulebookError, load_rulebook
from streams import __version__, settings
from streams.ahead import ahead
from streams.collecting import seldom_collected
from streams.faults import Fault
from streams.feed_letters import feed_letters
from streams.logs import STDIN, Log, LogError
from streams.memory_used import peak_memory_bytes
from streams.merging import Chunk, chunks
from streams.outputs import OutputFiles
from streams.progress import Report, bytes_read
from streams.stopping import Stop
from streams.times import iso, time_ms

BATCH_LINES = 4096
NO_MODELS, LEARN = "none", "learn"
BATCH_LINES_MAX = 1 << 20
EXIT_OK, EXIT_DEAD_LETTERS, EXIT_FAULT, EXIT_STOPPED = 0, 1, 2, 130
LIBRARIES = ("numpy", "numba", "msgspec", "orjson", "river", "sqlglot")


@dataclass(frozen=True, slots=True)
class Options:
    """What a replay reads and writes. `logs` are paths, or `-` for standard input."""

    logs: Sequence[str]
    out: Path
    policy: Path | None = None
    rulebook: Path | None = None
    as_of_ms: int | None = None  # None: now
    until_ms: int | None = None
    batch_lines: int = BATCH_LINES
    models: str = NO_MODELS  # or LEARN, or the path of recorded versions
    controls: Path | None = None  # which of these judged which event, where that is recorded


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a replay ended: its summary, and what ended it before its time."""

    summary: dict[str, Any]
    error: LogError | None
    stopped: bool

    def exit_status(self, strict: bool) -> int:
        if self.stopped:
            return EXIT_STOPPED
        if self.error is not None:
            return EXIT_FAULT
        dead = strict and self.summary["dead_letters"]["total"] > 0
        return EXIT_DEAD_LETTERS if dead else EXIT_OK


def run(arguments: argparse.Namespace) -> int:
    """The command: replays, prints what came of it, returns the exit status."""
    options = options_of(arguments)
    with bytes_read("replay", options.logs) as report:
        outcome = replay(options, report)
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(outcome.summary, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        print(in_words(outcome.summary, options.out))
    if outcome.error is not None:
        print(f"lendwatch: {outcome.error}", file=sys.stderr)
    return outcome.exit_status(arguments.strict)


def options_of(arguments: argparse.Namespace) -> Options:
    """The arguments of the command line, checked."""
    if arguments.log.count(STDIN) > 1:
        raise Fault("--log: standard input (-) can be read once only")
    if arguments.controls and arguments.models in (NO_MODELS, LEARN):
        raise Fault("--controls: they name recorded versions: give these as --models FILE")
    if not 1 <= arguments.batch_size <= BATCH_LINES_MAX:
        raise Fault(f"--batch-size: between 1 and {BATCH_LINES_MAX}")
    return Options(
        logs=arguments.log,
        out=Path(arguments.out),
        policy=settings.policy_path(arguments.policy),
        rulebook=Path(arguments.rulebook) if arguments.rulebook else None,
        as_of_ms=time_ms(arguments.as_of) if arguments.as_of else None,
        until_ms=time_ms(arguments.until) if arguments.until else None,
        batch_lines=arguments.batch_size,
        models=arguments.models,
        controls=Path(arguments.controls) if arguments.controls else None,
    )


def load(policy: Path | None, rulebook: Path | None) -> tuple[Policy, Rulebook]:
    """The policy and the rulebook under it; Fault with file, line and field if one is bad."""
    try:
        loaded = load_policy(policy)
        Reliefs(loaded)  # it reads files
    except PolicyError as error:
        raise Fault(str(error)) from None
    return loaded, rulebook_under(loaded, rulebook)


def rulebook_under(policy: Policy, folder: Path | None) -> Rulebook:
    """The rulebook of a folder (None: the shipped one) with the policy's parameters laid over."""
    try:
        rulebook = load_rulebook(folder, policy)
        check_needs(rulebook, str(folder or "rulebook"))
        return rulebook
    except (PolicyError, RulebookError) as error:
        raise Fault(str(error)) from None


def replay(options: Options, report: Report | None = None) -> Outcome:
    """Replay the logs into files under `options.out`; what can be read of a broken log is used.

    Fault before anything is written if a log, the policy, the rulebook or the folder is unusable.
    """
    began = time.perf_counter()
    policy, rulebook = load(options.policy, options.rulebook)
    learns, recorded, named, ids = options.models == LEARN, None, None, Ids()
    if not learns and options.models != NO_MODELS:
        from streams.recorded import read_controls, read_versions  # what it imports is slow to

        recorded = read_versions(Path(options.models))
        if options.controls is not None:
            named = read_controls(options.controls, recorded, ids)
    as_of_ms = time.time_ns() // 1_000_000 if options.as_of_ms is None else options.as_of_ms
    with contextlib.ExitStack() as stack:
        stack.enter_context(seldom_collected())
        logs = [stack.enter_context(contextlib.closing(Log(name))) for name in options.logs]
        engine = Engine(rulebook, policy, ids, learns=learns, recorded=recorded, named=named)
        files = OutputFiles(options.out, with_models=learns)
        outputs = stack.enter_context(contextlib.closing(files))
        decoded = chunks(logs, Decoder(ids, as_of_ms), options.batch_lines)
        stream: Iterator[Chunk] = decoded
        if STDIN not in options.logs:  # whose next line may never come
            stream = stack.enter_context(contextlib.closing(ahead(decoded)))
        run_of = _Run(engine, outputs)
        error = None
        with Stop() as stop:
            try:
                for chunk in stop.until_asked(stream):
                    run_of.take(chunk)
                    if report is not None:
                        report(sum(log.bytes_read for log in logs))
            except LogError as broken:
                error = broken
        if options.until_ms is not None and error is None and not stop.asked:
            run_of.go_on_until(options.until_ms)
        summary = {
            "interrupted": stop.asked,
            "error": None if error is None else str(error),
            **run_of.told(time.perf_counter() - began),
            "as_of": as_of_ms,
            "until": options.until_ms,
            "inputs": [_input_told(log) for log in logs],
            "versions": versions(policy, rulebook),
        }
        return Outcome(outputs.finish(summary), error, stop.asked)


class _Run:
    """The loop's own memory: the engine, the files, the newest and the oldest time seen."""

    def __init__(self, engine: Engine, outputs: OutputFiles) -> None:
        self._engine = engine
        self._outputs = outputs
        self._event_count = 0
        self._first_ms: int | None = None
        self._last_ms: int | None = None

    def take(self, chunk: Chunk) -> None:
        found = self._engine.process(chunk.batch, feed_letters(chunk.letters))
        self._outputs.write(found.alerts, found.decisions, found.findings, chunk.letters)
        if self._engine.models is not None:
            self._outputs.write_models(
                [msgspec.json.encode(each) for each in self._engine.models.take_versions()]
            )
        times = chunk.batch.words[:, T]
        if len(times):
            self._event_count += len(times)
            low, high = int(times.min()), int(times.max())
            self._first_ms = low if self._first_ms is None else min(low, self._first_ms)
            self._last_ms = high if self._last_ms is None else max(high, self._last_ms)

    def go_on_until(self, until_ms: int) -> None:
        """Let the clock go on to a time; what falls due by then, that time included, is said."""
        found = self._engine.advance(until_ms + 1)
        self._outputs.write(found.alerts, found.decisions, found.findings, [])

    def told(self, seconds: float) -> dict[str, Any]:
        """What summary.json says of the run."""
        outputs = self._outputs
        return {
            **_engine_told(self._event_count, self._engine.counts()),
            "alerts": {
                "total": outputs.alert_count,
                "revisions": sum(outputs.alert_counts["status"].values()),
                **{f"by_{name}": _sorted(counts) for name, counts in outputs.alert_counts.items()},
            },
            "decisions": {
                "total": sum(outputs.decision_counts["outcome"].values()),
                "degraded": outputs.degraded_count,
                **{f"by_{k}": _sorted(counts) for k, counts in outputs.decision_counts.items()},
            },
            "dead_letters": {
                "total": sum(outputs.dead_counts.values()),
                "by_reason": _sorted(outputs.dead_counts),
            },
            "first_event_at": self._first_ms,
            "last_event_at": self._last_ms,
            "wall_seconds": round(seconds, 3),
            "events_per_second": round(self._event_count / seconds),
            "peak_memory_bytes": peak_memory_bytes(),
        }


def _engine_told(event_count: int, counts: dict[str, Any]) -> dict[str, Any]:
    """The engine's counts, those of events first."""
    own = {name: counts.pop(name) for name in ("repeats", "late", "too_late", "stale", "keyless")}
    by_type = _sorted(counts.pop("events"))
    findings = counts.pop("findings")
    events = {"total": event_count, "by_type": by_type, **own}
    return {"events": events, "findings": findings, "memory": counts}


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _input_told(log: Log) -> dict[str, Any]:
    return {
        "file": log.label,
        "bytes": log.bytes_read,
        "lines": log.line_count,
        "blank_lines": log.blank_count,
        "sha256": log.sha256,
    }


def versions(policy: Policy, rulebook: Rulebook) -> dict[str, str]:
    """Everything that a result can depend on."""
    own = {"lendwatch": __version__, "rulebook": rulebook.version, "policy": policy.version}
    libraries = {name: version(name) for name in LIBRARIES}
    return {**own, "python": platform.python_version(), **libraries}


def in_words(summary: dict[str, Any], out: Path) -> str:
    """The summary in four lines."""
    alerts, decisions, dead = summary["alerts"], summary["decisions"], summary["dead_letters"]
    first, last = iso(summary["first_event_at"]), iso(summary["last_event_at"])
    return "\n".join(
        (
            f"{summary['events']['total']:,} events from {first} to {last}"
            + (" (interrupted)" if summary["interrupted"] else ""),
            f"{alerts['total']:,} alerts in {alerts['revisions']:,} revisions, "
            f"{decisions['total']:,} decisions, {dead['total']:,} dead letters",
            f"{summary['wall_seconds']:.1f} s, {summary['events_per_second']:,} events a second, "
            f"{summary['peak_memory_bytes'] / 2**20:,.0f} MiB at most",
            f"written to {out}",
        )
    )
