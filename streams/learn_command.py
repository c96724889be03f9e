"""`lendwatch learn`: the learner of models, until SIGTERM."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from streams import settings
from streams.replay import load
from streams.run_command import metrics_of, served
from streams.service.app import Options
from streams.service.journal import Journal
from streams.service.learning import learner_loop
from streams.topic_changes import check_topics
from streams.topics import LEARNER


def run(arguments: argparse.Namespace) -> int:
    """The command: what can be seen to be wrong is refused before anything is begun."""
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    policy, rulebook = load(
        settings.policy_path(arguments.policy),
        Path(arguments.rulebook) if arguments.rulebook else None,
    )
    address = settings.metrics_address(arguments.metrics)
    journal = Journal()
    partitions = check_topics(kafka)
    with tempfile.TemporaryDirectory(prefix="lendwatch-") as folder:
        options = Options(
            kafka, policy, rulebook, (LEARNER,), partitions, Path(folder), with_models=True
        )
        metrics = metrics_of(rulebook, policy)
        return served(options, [learner_loop(options, journal, metrics)], journal, metrics, address)
