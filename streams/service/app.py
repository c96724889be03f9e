"""All wiring of the service: settings, rulebook and policy become loops, and loops a faust app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faust
import mode

from detector.ids import Ids
from detector.memory import STAGES
from detector.parcels import Parcel
from detector.parts import Parts
from detector.policy import Policy
from detector.rulebook import Rulebook
from streams.kafka_settings import KafkaSettings
from streams.metrics import Metrics
from streams.service.intake import Intake
from streams.service.journal import Journal, LibraryLines
from streams.service.loop import StageLoop
from streams.service.meters import StageMeters, Vitals
from streams.service.partition import Partition, StageTopics
from streams.service.readers import BlockReads, EventReads, word
from streams.service.sampling import Sampler
from streams.service.turns import Plan
from streams.service.work import Outgoing
from streams.topics import TopicNames

# At equal times of a partition's inputs (semantics 7).
ORDER = ("disposition", "login", "identity_verification", "disbursement", "auto_debit")
# A partition may be ahead of another by this part of the lateness that the next stages allow.
SKEW_SHARE = 4
STOP_MAX_S = 8.5


@dataclass(frozen=True, slots=True)
class Options:
    """What a worker runs."""

    kafka: KafkaSettings
    policy: Policy
    rulebook: Rulebook
    stages: Sequence[str]
    partitions: int
    datadir: Path
    is_rebuilt: bool = False


def loops_of(options: Options, journal: Journal, metrics: Metrics | None = None) -> list[StageLoop]:
    """A loop for each stage, which tell these metrics."""
    ids, shown = Ids(), metrics or Metrics()
    names = TopicNames(options.kafka.topic_prefix)
    parts = Parts(options.rulebook, options.policy, ids, partitions=options.partitions)
    return [StageLoop(_plan(options, stage, names, parts, ids, journal, shown))
            for stage in options.stages]  # fmt: skip


def vitals_of(loops: Sequence[StageLoop]) -> dict[str, Vitals]:
    """How each loop is, by its stage."""
    return {one.meters.stage: one.meters.vitals for one in loops}


def _plan(
    options: Options, stage: str, names: TopicNames, parts: Parts, ids: Ids, journal: Journal,
    metrics: Metrics,
) -> Plan:  # fmt: skip
    later = STAGES[STAGES.index(stage) + 1 :]
    topics = StageTopics.of(names, stage, later)
    skew_max_ms = options.policy.lateness_ms // SKEW_SHARE
    erasures = names.internal("erasures")
    inputs: tuple[str, ...] = (names.internal(f"{stage}-in"),)
    feeds = {inputs[0]: stage}
    looked_at = _not_looked_at
    if stage == STAGES[0]:
        feeds = {erasures: "erasure", **{names.input(feed): feed for feed in ORDER}}
        inputs = tuple(feeds)
        looked_at = Sampler(options.partitions, journal).look

    def make_partition(number: int) -> Partition:
        return Partition(stage, number, parts, topics, options.partitions)

    def make_intake() -> Intake[Any]:
        if stage == STAGES[0]:
            return Intake(inputs, EventReads(ids, erasures), skew_max_ms)
        return Intake(inputs, BlockReads(), skew_max_ms)

    def onward(parcels: Sequence[Parcel]) -> list[Outgoing]:
        return [
            Outgoing(topics.onward[later], word(sent.newest_ms), sent.value, sent.partition)
            for later in topics.onward
            for sent in parts.postman.sent(later, [one for one in parcels if one.stage == later])
        ]

    return Plan(
        stage=stage, inputs=inputs, state_topic=topics.state, settings=options.kafka,
        journal=journal, make_partition=make_partition, make_intake=make_intake,
        is_rebuilt=options.is_rebuilt, looked_at=looked_at, onward=onward,
        meters=StageMeters(metrics, stage, feeds),
    )  # fmt: skip


def _not_looked_at(messages: Sequence[Any]) -> None:
    """Blocks are our own: nobody else could put them in a wrong place."""


class StageService(faust.Service):
    """Runs a loop in a thread of its own, which the worker supervises."""

    def __init__(self, stage_loop: StageLoop, **words: Any) -> None:
        self._stage_loop = stage_loop
        self._ended: asyncio.Future[None] | None = None
        super().__init__(**words)

    async def on_started(self) -> None:
        """Begin."""
        self._ended = asyncio.ensure_future(asyncio.to_thread(self._stage_loop.run))

    @faust.Service.task
    async def _watched(self) -> None:
        """A loop that ends of itself ends the worker."""
        while self._ended is None:
            await asyncio.sleep(0.01)
        await asyncio.shield(self._ended)

    async def on_stop(self) -> None:
        """Ask it to end, and give it the time for that."""
        self._stage_loop.stop()
        if self._ended is not None:
            await asyncio.wait([self._ended], timeout=STOP_MAX_S)


def worker_of(options: Options, journal: Journal, loops: Sequence[StageLoop]) -> mode.Worker:
    """A worker: runs the loops until a signal ends it, or until one of them must not go on."""
    app = faust.App(
        options.kafka.app_id,
        **options.kafka.faust(),
        datadir=str(options.datadir),
        store="memory://",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
    )
    app.producer_only = True
    services = [StageService(one) for one in loops]
    logging.getLogger().handlers = [LibraryLines(journal)]
    return faust.Worker(
        app, *services, loglevel=logging.WARNING, override_logging=False,
        redirect_stdouts=False, quiet=True,
    )  # fmt: skip
