"""All wiring of the service: settings, rulebook and policy become loops, and loops a faust app."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import faust
import mode

from detector.counted import nothing_counted
from detector.counted_blocks import Come, packed
from detector.counted_grouping import by_minute, together
from detector.ids import Ids
from detector.link_models import DECIDING
from detector.memory import STAGES
from detector.models.lessons import packed_lessons
from detector.parts import Parts
from detector.policy import Policy
from detector.rulebook import Rulebook
from streams.kafka_settings import KafkaSettings
from streams.metrics import Metrics
from streams.service.control import ControlPartition
from streams.service.intake import Intake
from streams.service.journal import Journal, LibraryLines
from streams.service.link_partition import LinkPartition
from streams.service.loop import StageLoop
from streams.service.meters import StageMeters, Vitals
from streams.service.partition import Partition, Taken
from streams.service.readers import BlockReads, CountReads, EventReads, word
from streams.service.sampling import Sampler
from streams.service.stage_topics import StageTopics
from streams.service.turns import Plan
from streams.service.work import Outgoing
from streams.topics import CONTROL, TopicNames

# At equal times of a partition's inputs (semantics 7).
ORDER = ("disposition", "login", "identity_verification", "disbursement", "auto_debit")
# A partition may be ahead of another by this part of the lateness that the next stages allow.
SKEW_SHARE = 4
STOP_MAX_S = 8.5
LOOPS = (*STAGES, CONTROL)
CONTROL_REST_S = 0.5  # it ticks once a minute; half a second later is soon enough


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
    with_models: bool = False


def loops_of(options: Options, journal: Journal, metrics: Metrics | None = None) -> list[StageLoop]:
    """A loop for each stage, which tell these metrics."""
    ids = Ids()
    names = TopicNames(options.kafka.topic_prefix)
    parts = Parts(
        options.rulebook, options.policy, ids, partitions=options.partitions,
        with_models=options.with_models,
    )  # fmt: skip
    common = _Common(options, names, parts, ids, journal, metrics or Metrics())
    return [StageLoop(_plan(common, stage)) for stage in options.stages]


def vitals_of(loops: Sequence[StageLoop]) -> dict[str, Vitals]:
    """How each loop is, by its stage."""
    return {one.meters.stage: one.meters.vitals for one in loops}


def _plan(common: _Common, stage: str) -> Plan:
    if stage == STAGES[0]:
        return _account_plan(common)
    return _control_plan(common) if stage == CONTROL else _later_plan(common, stage)


@dataclass(frozen=True, slots=True)
class _Common:
    """What the loops of a worker have in common."""

    options: Options
    names: TopicNames
    parts: Parts
    ids: Ids
    journal: Journal
    metrics: Metrics


def _account_plan(common: _Common) -> Plan:
    """Events come in, and word of outages."""
    names, ids, options = common.names, common.ids, common.options
    erasures = names.internal("erasures")
    feeds = {erasures: "erasure", **{names.input(feed): feed for feed in ORDER}}
    inputs = tuple(feeds)

    def make_intake() -> Intake[Any]:
        return Intake(inputs, EventReads(ids, erasures), skew_max_ms(options))

    plan = _stage_plan(common, STAGES[0], feeds, make_intake)
    looked_at = Sampler(options.partitions, common.journal).look
    return replace(plan, looked_at=looked_at, facts_topic=names.internal("facts"), tells_come=True)


def _later_plan(common: _Common, stage: str) -> Plan:
    """Blocks of earlier stages come in."""
    feed = common.names.internal(f"{stage}-in")
    return _stage_plan(common, stage, {feed: stage}, partial(_blocks, common.options, feed))


def _stage_plan(
    common: _Common, stage: str, feeds: Mapping[str, str], make_intake: Callable[[], Intake[Any]]
) -> Plan:
    options, parts = common.options, common.parts
    topics = StageTopics.of(common.names, stage, STAGES[STAGES.index(stage) + 1 :])

    def make_partition(number: int) -> Partition:
        return LinkPartition(stage, number, parts, topics, options.partitions)

    def onward(taken: Sequence[Taken], come: Mapping[int, Come]) -> list[Outgoing]:
        parcels = [parcel for one in taken for parcel in one.onward]
        records = [
            Outgoing(topics.onward[later], word(sent.newest_ms), sent.value, sent.partition)
            for later in topics.onward
            for sent in parts.postman.sent(later, [one for one in parcels if one.stage == later])
        ]
        records += _lessons(topics, taken, come) if options.with_models else ()
        if stage == STAGES[0] and come:
            counted = [one.counted for one in taken if one.counted is not None]
            counts = by_minute(together(counted or [nothing_counted()]))
            newest_ms = max(one.clock_ms for one in come.values())
            records.append(Outgoing(topics.counts, word(newest_ms), packed(counts, come), 0))
        return records

    return Plan(
        stage=stage, inputs=tuple(feeds), state_topic=topics.state, settings=options.kafka,
        journal=common.journal, make_partition=make_partition, make_intake=make_intake,
        is_rebuilt=options.is_rebuilt, looked_at=_not_looked_at, onward=onward,
        meters=StageMeters(common.metrics, stage, feeds),
        weights_topic=topics.weights if stage in DECIDING and options.with_models else None,
    )  # fmt: skip


def _lessons(
    topics: StageTopics, taken: Sequence[Taken], come: Mapping[int, Come]
) -> Iterator[Outgoing]:
    """What a deciding stage's partitions have for the learner, as records; `come`: how far those of
    the account stage are thereby."""
    newest_ms = max((one.clock_ms for one in come.values()), default=0)
    told = {one.number: one.lessons for one in taken if one.lessons}
    for value in packed_lessons(told, come):
        yield Outgoing(topics.features, word(newest_ms), value, 0)


def _control_plan(common: _Common) -> Plan:
    """Counts come in, of all partitions to one."""
    options, feed = common.options, common.names.internal(f"{CONTROL}-in")
    topics = StageTopics.of(common.names, CONTROL, ())

    def make_partition(number: int) -> Partition:
        return ControlPartition(number, common.parts, topics)

    return Plan(
        stage=CONTROL, inputs=(feed,), state_topic=topics.state, settings=options.kafka,
        journal=common.journal, make_partition=make_partition,
        make_intake=lambda: Intake((feed,), CountReads(), skew_max_ms(options)),
        is_rebuilt=options.is_rebuilt,
        looked_at=_not_looked_at, onward=lambda *_: [],
        meters=StageMeters(common.metrics, CONTROL, {feed: CONTROL}), rest_s=CONTROL_REST_S,
    )  # fmt: skip


def _blocks(options: Options, topic: str) -> Intake[Any]:
    return Intake((topic,), BlockReads(), skew_max_ms(options))


def skew_max_ms(options: Options) -> int:
    """By how much a partition may be ahead of another of its loop, by event time."""
    return options.policy.lateness_ms // SKEW_SHARE


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
