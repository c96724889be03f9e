"""A deployment under test: its topics, its workers, what is fed to it and what it has said."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from streams.cluster import admin_of
from streams.kafka_settings import KafkaSettings
from streams.topic_changes import apply, changes
from streams.topics import TopicNames, planned
from tests.faults.feeding import Feeder
from tests.faults.logs import Log
from tests.faults.outcome import Outcome, served
from tests.faults.watching import Groups
from tests.faults.workers import SESSION_TIMEOUT_MS, Worker
from tests.kafka.broker import Cluster
from tests.waiting import wait_until

PARTITIONS: Final = 4
SETTLED_MAX_S: Final = 120.0
DRAIN_MAX_S: Final = 900.0


@dataclass
class Site:
    """One deployment, with topics and groups of its own on a cluster that others may use too."""

    cluster: Cluster
    prefix: str
    folder: Path
    partitions: int = PARTITIONS
    workers: list[Worker] = field(default_factory=list)

    @property
    def bootstrap(self) -> str:
        """Its brokers."""
        return self.cluster.bootstrap

    @property
    def settings(self) -> KafkaSettings:
        """What a client needs to know."""
        return KafkaSettings(
            tuple(self.bootstrap.split(",")), app_id=self.prefix, topic_prefix=self.prefix
        )

    @property
    def groups(self) -> Groups:
        """Its consumer groups."""
        return Groups(self.bootstrap, self.prefix, self.partitions)

    def worker(
        self, name: str, named: bool = True, words: Sequence[str] = (),
        instance: str | None = None, command: str = "run",
    ) -> Worker:  # fmt: skip
        """A worker, not yet started. A named one has a LENDWATCH_INSTANCE_ID."""
        environment = {
            "LENDWATCH_BOOTSTRAP": self.bootstrap,
            "LENDWATCH_APP_ID": self.prefix,
            "LENDWATCH_TOPIC_PREFIX": self.prefix,
            "LENDWATCH_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS),
        }
        called = (instance or name) if named else None
        worker = Worker(name, self.folder, environment, called, words, command)
        self.workers.append(worker)
        return worker

    def fed(
        self, lines: Iterable[bytes], rate: float | None = None, *, in_step: bool = False
    ) -> Feeder:
        """A feeder of its inputs; `in_step`: a partition's topics wait for each other."""
        return Feeder(self.settings, lines, rate, self.partitions if in_step else None)

    def warm_up(self, log: Log, first: Worker) -> None:
        """The thin past of a log, all of it there before one worker alone starts."""
        with self.fed(log.warm):
            pass
        first.start()
        self.groups.wait_drained(DRAIN_MAX_S)

    def wait_settled(self, workers: Sequence[Worker], stage: str = "account") -> None:
        """Until these workers between them have all partitions of a stage, restored."""

        def is_shared() -> bool:
            owned = [k for one in workers for k in one.life.owned(stage)]
            return sorted(owned) == list(range(self.partitions)) and all(
                one.life.owned(stage) for one in workers[: self.partitions]
            )

        wait_until(is_shared, SETTLED_MAX_S, "the partitions are shared out")

    def outcome(self) -> Outcome:
        """What it has said so far."""
        return served(self.bootstrap, self.prefix, self.partitions)


@contextmanager
def site_on(cluster: Cluster, partitions: int = PARTITIONS) -> Iterator[Site]:
    """A fresh deployment while entered; its workers end with the block. The journals stay where
    something failed."""
    prefix = f"f{uuid4().hex[:8]}"
    folder = Path(tempfile.mkdtemp(prefix=f"lendwatch-{prefix}-"))
    site = Site(cluster, prefix, folder, partitions)
    topics = planned(TopicNames(prefix), partitions, min(3, max(1, len(cluster.nodes))))
    with admin_of(site.settings) as admin:
        apply(admin, topics, changes(admin, topics))
    is_well = False
    try:
        yield site
        is_well = True
    finally:
        for one in site.workers:
            if one.is_alive:
                one.kill()
        if is_well:
            shutil.rmtree(folder)
        else:
            print(f"the journals of the workers: {folder}")
