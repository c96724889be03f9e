"""Arguments, examples and exit codes of the commands that speak to Kafka.

As in `cli.py`, what a command needs is imported inside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

Run = Callable[[argparse.Namespace], int]
MakeCommand = Callable[..., argparse.ArgumentParser]
BAD_SETUP = "  2    the broker cannot be reached or refuses, or an argument is bad"


def add_kafka_commands(commands: Any, make: MakeCommand) -> None:
    """Add `run` and all that goes with it; `make` is how `cli.py` makes one."""
    _add_run(commands, make)
    _add_learn(commands, make)
    _add_models(commands, make)
    _add_topics(_group(commands, "topics", "the topics in Kafka as they should be"), make)
    _add_send(commands, make)
    _add_dead_letters(_group(commands, "dlq", "dead letters: records that are no event"), make)
    _add_alerts(commands, make)
    _add_doctor(commands, make)
    _add_erase(commands, make)


def _group(commands: Any, name: str, summary: str) -> Any:
    group = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:])
    return group.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _later(module: str, function: str) -> Run:
    """A command whose module is imported when it runs."""

    def run(arguments: argparse.Namespace) -> int:
        status: int = getattr(import_module(f"streams.{module}"), function)(arguments)
        return status

    return run


def _add_connection(add: Callable[..., Any]) -> None:
    add("--bootstrap", metavar="HOST:PORT", help="a broker (default: $LENDWATCH_BOOTSTRAP)")
    add("--insecure-dev", action="store_true",
        help="let plain text leave this machine; for development only")  # fmt: skip
    add("--json", action="store_true", help="print the results as JSON")


def _add_topics(group: Any, make: MakeCommand) -> None:
    for name, function, summary, exits in (
        ("plan", "plan", "show how the topics in Kafka differ from the plan",
         "  0    nothing to do\n  1    there are differences"),
        ("apply", "run_apply", "make missing topics and set what differs; delete nothing",
         "  0    the topics are as planned"),
    ):  # fmt: skip
        add = make(
            group, name, _later("topics_command", function), summary,
            f"lendwatch topics {name} --bootstrap kafka:9093 --partitions 48 --replication 3",
            f"{exits}\n{BAD_SETUP}",
        ).add_argument  # fmt: skip
        add("--partitions", type=int, required=True, metavar="N",
            help="of each topic that is keyed by an entity; for good")  # fmt: skip
        add("--replication", type=int, default=3, metavar="R",
            help="copies of each record (default: 3)")  # fmt: skip
        _add_connection(add)


def _add_run(commands: Any, make: MakeCommand) -> None:
    add = make(
        commands, "run", _later("run_command", "run"),
        "run the service: events from Kafka, alerts and decisions to Kafka, until SIGTERM",
        "LENDWATCH_INSTANCE_ID=worker-0 lendwatch run --bootstrap kafka:9093",
        "  0    ended by SIGTERM or SIGINT; all that was done is committed\n"
        "  1    a fault of ours; see the log\n"
        "  2    the set-up is bad, or the state cannot be used; the text says the cure\n"
        "  3    another worker has this one's place",
    ).add_argument  # fmt: skip
    add("--stages", metavar="NAMES",
        help="account,device,network,payee or some of them (default: all)")  # fmt: skip
    add("--policy", metavar="FILE", help="policy overlay (default: $LENDWATCH_POLICY)")
    add("--rulebook", metavar="DIR", help="folder of rulebook files (default: the shipped one)")
    add("--metrics", metavar="HOST:PORT",
        help="serve /metrics, /healthz, /livez and /readyz there"
        " (default: $LENDWATCH_METRICS_PORT on loopback; 0: nowhere)")  # fmt: skip
    add("--models", default="none", metavar="learn|none",
        help="learn: score by the versions that `lendwatch learn` publishes, and tell it what there"
        " is to be learnt (default: none)")  # fmt: skip
    add("--rebuild", action="store_true",
        help="make the state anew from the inputs, saying nothing again")  # fmt: skip
    _add_connection(add)


def _add_learn(commands: Any, make: MakeCommand) -> None:
    add = make(
        commands, "learn", _later("learn_command", "run"),
        "learn models from what `lendwatch run --models learn` decides, until SIGTERM",
        "LENDWATCH_INSTANCE_ID=learner lendwatch learn --bootstrap kafka:9093",
        "  0    ended by SIGTERM or SIGINT; all that was done is committed\n"
        "  1    a fault of ours; see the log\n"
        "  2    the set-up is bad, or the state cannot be used; the text says the cure\n"
        "  3    another learner has this one's place",
    ).add_argument  # fmt: skip
    add("--policy", metavar="FILE", help="policy overlay (default: $LENDWATCH_POLICY)")
    add("--rulebook", metavar="DIR", help="folder of rulebook files (default: the shipped one)")
    add("--metrics", metavar="HOST:PORT",
        help="serve /metrics, /healthz, /livez and /readyz there"
        " (default: $LENDWATCH_METRICS_PORT on loopback; 0: nowhere)")  # fmt: skip
    _add_connection(add)


def _add_models(commands: Any, make: MakeCommand) -> None:
    add = make(
        commands, "models", _later("models_command", "run"),
        "write the versions of models that the learner published, for `replay --models FILE`",
        "lendwatch models --out models.jsonl --controls controls.jsonl --bootstrap kafka:9093",
        f"  0    done\n{BAD_SETUP}",
    ).add_argument  # fmt: skip
    add("--out", required=True, metavar="FILE", help="the file to write: JSON lines")
    add("--controls", metavar="FILE",
        help="write there which version judged which event, for `replay --controls`")  # fmt: skip
    _add_connection(add)


def _add_send(commands: Any, make: MakeCommand) -> None:
    add = make(
        commands, "send", _later("send_command", "run"),
        "replay an event log into Kafka, in its order, by key",
        "lendwatch send --log events.jsonl.zst --bootstrap localhost:9092 --rate 5000",
        "  0    every line was sent\n  1    done, but some lines were no events and not sent\n"
        f"{BAD_SETUP}\n  130  interrupted; what was sent so far is told",
    ).add_argument  # fmt: skip
    add("--log", required=True, metavar="FILE", help=".jsonl, .jsonl.gz, .jsonl.zst, or -")
    add("--rate", type=float, metavar="N", help="events a second (default: as fast as it goes)")
    add("--raw", metavar="TOPIC",
        help="send every line to this topic as it is, also what is no event")  # fmt: skip
    add("--key-check", action="store_true",
        help="compute each key's partition by ourselves and compare; slow")  # fmt: skip
    _add_connection(add)


def _add_dead_letters(group: Any, make: MakeCommand) -> None:
    module = "dlq_command"
    add = make(
        group, "list", _later(module, "run_list"), "count dead letters, and list the newest",
        "lendwatch dlq list --reason wrong_type --last 20", f"  0    done\n{BAD_SETUP}",
    ).add_argument  # fmt: skip
    _add_selection(add)
    add("--last", type=int, default=10, metavar="N", help="newest to list (default: 10)")
    _add_connection(add)
    add = make(
        group, "show", _later(module, "run_show"), "show one dead letter",
        "lendwatch dlq show 3:1207 --value",
        f"  0    done\n  1    there is none at that place\n{BAD_SETUP}",
    ).add_argument  # fmt: skip
    add("place", metavar="PARTITION:OFFSET", help="as `dlq list` tells it")
    add("--value", action="store_true", help="print the value too; it may be personal data")
    _add_connection(add)
    add = make(
        group, "redrive", _later("dlq_redrive", "run"),
        "send dead letters again to the topics that they came from",
        "lendwatch dlq redrive --reason unknown_type --dry-run",
        f"  0    done\n  1    some were left out, and why\n{BAD_SETUP}",
    ).add_argument  # fmt: skip
    add("places", nargs="*", metavar="PARTITION:OFFSET", help="which ones; or select:")
    _add_selection(add)
    add("--all", action="store_true", help="all of them")
    add("--max-attempts", type=int, default=3, metavar="N",
        help="leave out what was sent again this often already (default: 3)")  # fmt: skip
    add("--dry-run", action="store_true", help="only say what would be sent")
    _add_connection(add)


def _add_selection(add: Callable[..., Any]) -> None:
    add("--reason", metavar="WORD", help="only of this reason, e.g. wrong_type")
    add("--topic", metavar="TOPIC", help="only of those that came from this topic")


def _add_alerts(commands: Any, make: MakeCommand) -> None:
    add = make(
        commands, "alerts", _later("alerts_command", "run"), "print alerts as they are committed",
        "lendwatch alerts --follow --severity high",
        f"  0    done\n{BAD_SETUP}\n  130  interrupted",
    ).add_argument  # fmt: skip
    add("--follow", action="store_true", help="wait for more, until Ctrl-C")
    add("--last", type=int, default=20, metavar="N",
        help="begin with the newest N of each partition (default: 20)")  # fmt: skip
    add("--severity", default="info", choices=("info", "low", "medium", "high", "critical"),
        help="this or worse (default: info)")  # fmt: skip
    add("--lang", default="en", choices=("en", "zh"), help="of the reasons (default: en)")
    _add_connection(add)


def _add_doctor(commands: Any, make: MakeCommand) -> None:
    add = make(
        commands, "doctor", _later("doctor_command", "run"),
        "say in words what is wrong with this set-up, and the cure",
        "lendwatch doctor --bootstrap kafka:9093",
        "  0    all is well\n  1    something is wrong, see the cures\n"
        "  2    the broker cannot be reached, or the settings are bad",
    ).add_argument  # fmt: skip
    _add_connection(add)


def _add_erase(commands: Any, make: MakeCommand) -> None:
    add = make(
        commands, "erase", _later("erase_command", "run"),
        "take away all that the service's state holds of accounts",
        "lendwatch erase a0000126 --bootstrap kafka:9093",
        f"  0    the service was asked\n{BAD_SETUP}",
    ).add_argument  # fmt: skip
    add("accounts", nargs="+", metavar="ACCOUNT_ID", help="whose state is erased")
    _add_connection(add)
