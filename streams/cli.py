"""The `lendwatch` command: arguments in, exit status out.

What a command needs is imported inside it, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from streams import __version__
from streams.do_not_report_command import add_do_not_report
from streams.faults import Fault
from streams.kafka_commands import add_kafka_commands

EXIT_FAULT, EXIT_STOPPED = 2, 130
Command = Callable[[argparse.Namespace], int]


def main(words: Sequence[str] | None = None) -> int:
    """Run the command that `words` (by default those of the process) name."""
    arguments = parser().parse_args(words)
    command: Command = arguments.command
    try:
        return command(arguments)
    except Fault as fault:
        print(f"lendwatch: {fault}", file=sys.stderr)
        return EXIT_FAULT
    except KeyboardInterrupt:
        print("lendwatch: interrupted", file=sys.stderr)
        return EXIT_STOPPED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more can be told, not even at exit.
        sys.stdout = None
        return EXIT_STOPPED


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments, an example and its exit codes."""
    top = argparse.ArgumentParser(
        prog="lendwatch",
        description="Watches a lender's events for unauthorized transfers and failing debits.",
        epilog="lendwatch COMMAND --help tells of one command. Begin with: lendwatch demo",
    )
    top.add_argument("--version", action="version", version=f"lendwatch {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_add_demo, _add_replay, _add_explain, _add_report, _add_simulate, _add_judge,
                _add_import, _add_check):  # fmt: skip
        add(commands)
    add_do_not_report(commands, _command, _add_run)
    add_kafka_commands(commands, _command)
    return top


def _command(
    commands: Any, name: str, run: Command, summary: str, example: str, exits: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}\n\nexit status:\n{exits}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.set_defaults(command=run)
    return made


def _add_replay(commands: Any) -> None:
    add = _command(
        commands,
        "replay",
        _replay,
        "run event logs through the engine into alerts, decisions and dead letters",
        "lendwatch replay --log events.jsonl.zst --out run/",
        "  0    done, also where there were dead letters\n"
        "  1    done, there were dead letters, and --strict was given\n"
        "  2    a log, the policy, the rulebook or an argument is bad\n"
        "  130  interrupted (Ctrl-C, SIGTERM); what was found so far is written",
    ).add_argument
    add("--log", action="append", required=True, metavar="FILE",
        help="event log: .jsonl, .jsonl.gz, .jsonl.zst, or - for standard input; may be repeated,"
        " logs are then merged by time")  # fmt: skip
    add("--out", required=True, metavar="DIR", help="folder to write; an earlier run is replaced")
    _add_rules(add)
    add("--as-of", metavar="TIME",
        help="events dated over 5 minutes after this are dead letters (default: now)")  # fmt: skip
    until = "after the last event the clock runs on to this time: deadlines up to it fire"
    add("--until", metavar="TIME", help=until)
    add("--models", default="none", metavar="FILE|learn|none",
        help="learn: models learn, score and are recorded in models.jsonl; FILE: such a record,"
        " whose scores are repeated (default: none)")  # fmt: skip
    add("--controls", metavar="FILE",
        help="beside --models FILE of a service: which version judged which event, as `lendwatch"
        " models --controls` wrote it")  # fmt: skip
    add("--batch-size", type=int, default=4096, metavar="N",
        help="lines at once (default: 4096); changes the speed, never the result")  # fmt: skip
    add("--strict", action="store_true", help="exit with 1 if there were dead letters")
    add("--json", action="store_true", help="print the summary as JSON")


def _add_rules(add: Callable[..., Any]) -> None:
    add("--policy", metavar="FILE",
        help="policy laid over the shipped one (default: $LENDWATCH_POLICY)")  # fmt: skip
    add("--rulebook", metavar="DIR", help="rulebook to use instead of the shipped one")


def _add_check(commands: Any) -> None:
    add = _command(
        commands,
        "check",
        _check,
        "validate policy and rulebook, and run the rules' own tests",
        "lendwatch check --policy overlay.toml",
        "  0  all is well\n  1  a rule's own test failed\n  2  the policy or the rulebook is bad",
    ).add_argument
    _add_rules(add)
    add("--json", action="store_true", help="print the results as JSON")


def _add_explain(commands: Any) -> None:
    add = _command(
        commands,
        "explain",
        _explain,
        "say all that can be said of one alert: what happened, why, and what would have cleared it",
        "lendwatch explain 3f2a --run run/ --lang zh",
        "  0  done\n  2  no such alert (the nearest are named), or a file is bad",
    ).add_argument
    add("alert_id", metavar="ALERT_ID", help="its id, or as much of it as no other begins with")
    _add_run(add)
    add("--lang", choices=("en", "zh"), default="en", help="language (default: en)")
    add("--json", action="store_true", help="print it as JSON, in both languages")


def _add_report(commands: Any) -> None:
    add = _command(
        commands,
        "report",
        _report,
        "make one HTML file of a run, in English and Chinese, for people to read",
        "lendwatch report --run run/ --out report.html",
        "  0  done\n  2  a file is bad or cannot be written",
    ).add_argument
    _add_run(add)
    add("--truth", metavar="FILE", help="truth of a simulated world, to hold the run against")
    add("--out", required=True, metavar="FILE", help="the HTML file to write")
    add("--json", action="store_true", help="print what was written as JSON")


def _add_run(add: Callable[..., Any]) -> None:
    add("--run", required=True, metavar="DIR", help="folder of the run")
    moved = "the run's log, where it has moved (checked by its SHA-256); may be repeated"
    add("--log", action="append", default=[], metavar="FILE", help=moved)
    _add_rules(add)


def _add_demo(commands: Any) -> None:
    add = _command(
        commands,
        "demo",
        _demo,
        "generate a small world, replay it, and show what was found against its truth",
        "lendwatch demo --out demo/",
        "  0    done\n  2    the folder cannot be used\n  130  interrupted",
    ).add_argument
    add("--out", default="demo", metavar="DIR", help="folder to write to (default: demo)")
    add("--json", action="store_true", help="print the findings as JSON")


def _add_simulate(commands: Any) -> None:
    add = _command(
        commands,
        "simulate",
        _simulate,
        "generate an event log whose truth is known",
        "lendwatch simulate --out world/ --seed 7 --accounts 2000 --days 45",
        "  0    done\n  2    the folder or an argument is bad\n  130  interrupted",
    ).add_argument
    add("--out", required=True, metavar="DIR", help="folder to write to")
    add("--seed", type=int, default=1, metavar="N", help="same seed, same log (default: 1)")
    add("--accounts", type=int, default=1000, metavar="N", help="borrowers (default: 1000)")
    add("--days", type=int, default=30, metavar="N",
        help="full days of life, after a thin past of 150 (default: 30)")  # fmt: skip
    presets = "honest: no crime; small: each story once, and once more each 4,000 accounts;"
    presets += " busy: four times as often; cases: reported cases only; demo: small, and an outage;"
    presets += " incidents, surge: what befalls a channel or feed, and no crime (default: small)"
    add("--preset", default="small", metavar="NAME", help=presets)
    add("--arrival-shuffle", default="0m", metavar="SPAN",
        help="every event reaches the log late by up to this, as 5m (default: 0m)")  # fmt: skip
    add("--late-share", type=float, default=0.0, metavar="SHARE",
        help="this share of the events is late by up to --late-max (default: 0)")  # fmt: skip
    add("--late-max", default="1d", metavar="SPAN", help="as 90m, 6h or 1d (default: 1d)")
    add("--json", action="store_true", help="print what was made as JSON")


def _add_judge(commands: Any) -> None:
    add = _command(
        commands,
        "judge",
        _judge,
        "hold a replay's alerts and decisions against the truth of a simulated world",
        "lendwatch judge --run run/ --truth world/truth.jsonl --recall-min 0.95",
        "  0  done, and every gate that was asked for is kept\n"
        "  1  done, and a gate failed\n"
        "  2  a file cannot be read, or is no run or no truth",
    ).add_argument
    add("--run", required=True, metavar="DIR", help="folder of a replay")
    add("--truth", required=True, metavar="FILE", help="truth.jsonl of the world replayed")
    add("--recall-min", type=float, metavar="SHARE",
        help="gate: the least share found, of each typology that was planted")  # fmt: skip
    add("--disturbed-max", type=float, metavar="N",
        help="gate: the most honest disbursements disturbed, of 100,000")  # fmt: skip
    add("--near-misses-max", type=int, metavar="N", help="gate: the most near misses alerted")
    add("--json", action="store_true", help="print the figures as JSON")


def _add_import(commands: Any) -> None:
    add = _command(
        commands,
        "import",
        _import,
        "turn a log of another system into events, by a mapping",
        "lendwatch import --map synccfd payments.parquet --out events.jsonl",
        "  0  done\n  1  some rows could not be mapped\n  2  a file or the mapping is bad",
    ).add_argument
    add(
        "--map",
        dest="mapping",
        required=True,
        metavar="NAME|FILE",
        help="shipped mapping or TOML file",
    )
    add("source", metavar="FILE", help="the foreign log: CSV, Parquet or JSON lines")
    add("--out", required=True, metavar="FILE", help="the event log to write")
    add("--json", action="store_true", help="print the counts as JSON")


def _replay(arguments: argparse.Namespace) -> int:
    from streams.replay import run

    return run(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from streams.check import run

    return run(arguments)


def _demo(arguments: argparse.Namespace) -> int:
    from streams.demo import run

    return run(arguments)


def _explain(arguments: argparse.Namespace) -> int:
    from streams.explain import run

    return run(arguments)


def _report(arguments: argparse.Namespace) -> int:
    from streams.report.command import run

    return run(arguments)


def _simulate(arguments: argparse.Namespace) -> int:
    from streams.simulating import run

    return run(arguments)


def _judge(arguments: argparse.Namespace) -> int:
    from streams.judge import run

    return run(arguments)


def _import(arguments: argparse.Namespace) -> int:
    from streams.import_command import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
