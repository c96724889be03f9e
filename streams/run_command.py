"""`lendwatch run`: the long-running service, until SIGTERM."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from detector.policy import Policy
from detector.rulebook import Rulebook
from streams import __version__, settings
from streams.collecting import seldom_collected
from streams.faults import Fault
from streams.metrics import Metrics
from streams.replay import LEARN, NO_MODELS, load
from streams.service.app import LOOPS, Options, loops_of, vitals_of, worker_of
from streams.service.faulty import Fenced
from streams.service.journal import Journal
from streams.service.loop import StageLoop
from streams.service.page import Page
from streams.service.sampling import refuse_strays
from streams.service.warming import warm
from streams.topic_changes import check_topics
from streams.topics import TopicNames

EXIT_FENCED = 3
STATUSES = ("open", "updated", "withdrawn", "resolved")


def run(arguments: argparse.Namespace) -> int:
    """The command: what can be seen to be wrong is refused before anything is begun."""
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    policy, rulebook = load(
        settings.policy_path(arguments.policy),
        Path(arguments.rulebook) if arguments.rulebook else None,
    )
    stages = stages_of(arguments.stages)
    if arguments.models not in (LEARN, NO_MODELS):
        raise Fault(f"--models: {arguments.models!r} is none of {LEARN}, {NO_MODELS}")
    address = settings.metrics_address(arguments.metrics)
    journal = Journal()
    partitions = check_topics(kafka)
    refuse_strays(kafka, TopicNames(kafka.topic_prefix).inputs, partitions)
    with_models = arguments.models == LEARN
    warm(policy, rulebook, with_models=with_models)
    with tempfile.TemporaryDirectory(prefix="lendwatch-") as folder:
        options = Options(
            kafka, policy, rulebook, stages, partitions, Path(folder), arguments.rebuild,
            with_models,
        )  # fmt: skip
        metrics = metrics_of(rulebook, policy)
        return served(options, loops_of(options, journal, metrics), journal, metrics, address)


def served(
    options: Options, loops: Sequence[StageLoop], journal: Journal, metrics: Metrics,
    address: tuple[str, int] | None,
) -> int:  # fmt: skip
    """Run loops, with their page at an address, until a signal or a fault; the exit status."""
    kafka = options.kafka
    with ExitStack() as open_here:
        worker = worker_of(options, journal, loops)
        if address is not None:
            page = Page(*address, metrics, lambda: vitals_of(loops))
            open_here.enter_context(closing(page))
        journal.tell(
            "started", version=__version__, rulebook=options.rulebook.version,
            policy=options.policy.version, stages=options.stages, partitions=options.partitions,
            app=kafka.app_id, instance=kafka.instance_id, models=options.with_models,
        )  # fmt: skip
        try:
            with seldom_collected():
                worker.execute_from_commandline()
        except SystemExit as end:
            status = int(end.code or 0)
        reason = worker.crash_reason
        if isinstance(reason, Fault):
            journal.tell("must_end", "error", why=str(reason))
            print(f"lendwatch: {reason}", file=sys.stderr)
            status = EXIT_FENCED if isinstance(reason, Fenced) else 2
        journal.tell("ended", status=status)
        return status


def metrics_of(rulebook: Rulebook, policy: Policy) -> Metrics:
    """Metrics that say what runs."""
    metrics = Metrics()
    metrics.build.info({"version": __version__, "python": platform.python_version()})
    metrics.rulebook.info({"version": rulebook.version, "policy": policy.version})
    for typology in rulebook.typologies:  # what is first seen at 1 is no increase to Prometheus
        for status in STATUSES:
            metrics.revisions.labels(typology, status)
    return metrics


def stages_of(told: str | None) -> list[str]:
    """The stages that `--stages` names, in the order of an event's way; left out: all."""
    if told is None:
        return list(LOOPS)
    wanted = [name.strip() for name in told.split(",")]
    for name in wanted:
        if name not in LOOPS:
            raise Fault(f"--stages: {name!r} is none of {', '.join(LOOPS)}")
    return [name for name in LOOPS if name in wanted]
