"""The account stage's state: as its changelog holds it, and as the log alone makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from detector.decode import Decoder
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.memory import STAGES
from detector.parts import Parts
from streams.replay import load
from streams.routing import Route, partition_of, route
from streams.service.link_partition import LinkPartition
from streams.service.stage_topics import StageTopics
from streams.service.work import Work
from streams.topics import TopicNames
from tests.faults.outcome import whole

STAGE = STAGES[0]
BATCH = 2_000
State = dict[tuple[int, bytes], bytes]  # by partition and key


def state_of(bootstrap: str, prefix: str, partitions: int, stage: str = STAGE) -> State:
    """The newest value of each key of a stage's changelog."""
    state: State = {}
    topic = TopicNames(prefix).internal(f"{stage}-state")
    for message in whole(bootstrap, topic, partitions):
        _keep(state, message.partition(), message.key(), message.value())
    return state


def state_from(lines: Sequence[bytes], partitions: int) -> State:
    """The same as a clean run would leave it: each partition's events in order, no Kafka."""
    shares: dict[int, list[bytes]] = {number: [] for number in range(partitions)}
    for line in lines:
        found = route(line)
        assert isinstance(found, Route) and found.key is not None
        shares[partition_of(found.key, partitions)].append(line)
    policy, rulebook = load(None, None)
    ids = Ids()
    parts = Parts(rulebook, policy, ids, partitions=partitions)
    topics = StageTopics.of(TopicNames(), STAGE, STAGES[1:])
    state: State = {}
    for number, share in shares.items():
        partition = LinkPartition(STAGE, number, parts, topics, partitions)
        decoder = Decoder(ids, TIME_MAX_MS)
        for begin in range(0, len(share), BATCH):
            work = Work(batch=decoder.decode(share[begin : begin + BATCH]))
            for key, value in partition.take(work).state:
                _keep(state, number, key, value)
    return state


def differences(clean: Mapping[tuple[int, bytes], bytes], found: State) -> list[str]:
    """How two states differ, in keys and in values."""
    faults = [f"state key {_shown(at)} is lost" for at in clean.keys() - found.keys()]
    faults += [f"state key {_shown(at)} is invented" for at in found.keys() - clean.keys()]
    both = clean.keys() & found.keys()
    faults += [f"state key {_shown(at)} has another value" for at in both if clean[at] != found[at]]
    return sorted(faults)


def _shown(at: tuple[int, bytes]) -> str:
    return f"{at[1].hex()} of partition {at[0]}"


def _keep(state: State, number: int, key: bytes, value: bytes | None) -> None:
    if value is None:
        state.pop((number, key), None)
    else:
        state[number, key] = value
