"""The `lendwatch` command: arguments in, exit status out.

What a command needs is imported inside it, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from streams import __version__
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
    for add in (_add_demo, _add_replay, _add_simulate, _add_import, _add_check):
        add(commands)
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
    until = "the clock runs on to this time (only recorded: no rule waits for a deadline yet)"
    add("--until", metavar="TIME", help=until)
    add("--models", default="none", metavar="FILE|none", help="recorded models (default: none)")
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
    add("--accounts", type=int, default=500, metavar="N", help="borrowers (default: 500)")
    add("--days", type=int, default=30, metavar="N", help="days of life (default: 30)")
    presets = "honest: no crime; small: each story once; busy: four times (default: small)"
    add("--preset", default="small", metavar="NAME", help=presets)
    add("--json", action="store_true", help="print what was made as JSON")


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


def _simulate(arguments: argparse.Namespace) -> int:
    from streams.simulating import run

    return run(arguments)


def _import(arguments: argparse.Namespace) -> int:
    from streams.import_command import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
