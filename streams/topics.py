"""The topics as they should be: names, partitions, replication and settings, each with its reason.

This is data; `topic_changes.py` holds it against a cluster. All topics stamp records by the
broker's clock (`LogAppendTime`): so a log of last year, sent today, is not given to retention at
once, and "now" of a record is one clock's and the same at a second look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detector.events import LINE_MAX_BYTES, TYPES

HOUR_MS, DAY_MS, MIB = 3_600_000, 86_400_000, 1 << 20
STATES = ("account", "device", "network", "payee")
CONTROL = "control"  # the stage of one partition
LEARNER = "learner"  # of one partition too, in a process of its own
ONWARD = ("device", "network", "payee")
# Above the contract's limit, so that what is too large arrives and becomes a dead letter.
RECORD_MAX_BYTES = 2 * LINE_MAX_BYTES
STATE_MAX_BYTES = 8 * MIB  # an alert's 64 events, each with its evidence, all of the longest ids
LETTER_MAX_BYTES = 4 * MIB  # a record as it came, and the headers that say what was wrong


@dataclass(frozen=True, slots=True)
class TopicNames:
    """What every topic of a deployment is called."""

    prefix: str = "lendwatch"

    def input(self, event_type: str) -> str:
        """Where events of a type come in."""
        return f"{self.prefix}.{event_type.replace('_', '-')}.v1"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The five inputs."""
        return tuple(map(self.input, TYPES))

    @property
    def alert(self) -> str:
        """Where alerts go, revision by revision."""
        return f"{self.prefix}.alert.v1"

    @property
    def decision(self) -> str:
        """Where decisions go."""
        return f"{self.prefix}.decision.v1"

    @property
    def dead_letter(self) -> str:
        """Where records go that are no valid event."""
        return f"{self.prefix}.dead-letter.v1"

    def internal(self, name: str) -> str:
        """What only lendwatch itself reads, e.g. `account-state`."""
        return f"{self.prefix}.internal.{name}.v1"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it should be."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


def planned(names: TopicNames, partitions: int, replication: int) -> tuple[Topic, ...]:
    """Every topic of a deployment. `partitions` is for all that is keyed by account or by another
    entity: one worker owns the same number of each, so they are equal."""

    def topic(name: str, count: int, **settings: object) -> Topic:
        common = {
            # A write is safe once all but one replica have it; so one broker may be away.
            "min.insync.replicas": max(1, replication - 1),
            # Better no leader for a while than one that forgot what was acknowledged.
            "unclean.leader.election.enable": "false",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": RECORD_MAX_BYTES,
        }
        words = common | {key.replace("_", "."): value for key, value in settings.items()}
        return Topic(name, count, replication, {key: str(value) for key, value in words.items()})

    def kept(name: str, days: int, count: int = partitions, **settings: object) -> Topic:
        return topic(
            name, count, cleanup_policy="delete", retention_ms=days * DAY_MS, **settings
        )  # fmt: skip

    def latest(name: str, count: int, **settings: object) -> Topic:
        return topic(name, count, **COMPACTED, **settings)

    inner = names.internal
    return (
        # A week: longer than the longest outage that people leave alone, a long holiday.
        *(kept(name, 7) for name in names.inputs),
        # As long as an account's history: the record of what was said, and the learner's ground.
        kept(names.alert, 180),
        kept(names.decision, 180),
        # Original bytes of strangers' mistakes may be personal data: not longer than to mend them.
        kept(names.dead_letter, 30, max_message_bytes=LETTER_MAX_BYTES),
        *(kept(inner(f"{entity}-in"), 7) for entity in ONWARD),
        *(
            latest(inner(f"{entity}-state"), partitions, max_message_bytes=STATE_MAX_BYTES)
            for entity in STATES
        ),
        # Whose state is to be erased: keyed by account, an input of the account stage.
        kept(inner("erasures"), 7),
        # What is counted for the control stage, its state, and what it tells the account stage.
        kept(inner(f"{CONTROL}-in"), 7, count=1),
        latest(inner(f"{CONTROL}-state"), 1, max_message_bytes=STATE_MAX_BYTES),
        latest(inner("facts"), 1),
        # What there is to be learnt, in one order; the learner's memory; versions, a key each.
        kept(inner("features"), 7, count=1),
        latest(inner(f"{LEARNER}-state"), 1, max_message_bytes=STATE_MAX_BYTES),
        latest(inner("weights"), 1, max_message_bytes=LETTER_MAX_BYTES),
        # `lendwatch doctor` writes here, to see that it can, and what the broker's clock says.
        kept(inner("probe"), 1, count=1),
    )


COMPACTED = {
    "cleanup_policy": "compact",
    # Cleaned when a quarter is outdated: a restart reads at most a third more than what is live,
    # and the segment being written.
    "min_cleanable_dirty_ratio": 0.25,
    # Small segments: the newest one is never cleaned, and a restart reads it whole.
    "segment_bytes": 64 * MIB,
    "segment_ms": 6 * HOUR_MS,
    # An erased account is gone from the disk a day after its tombstone, however quiet the topic.
    "max_compaction_lag_ms": DAY_MS,
    # A reader that was away for less than a day still sees the tombstones.
    "delete_retention_ms": DAY_MS,
}

# Settings of which more is safe: a cluster's larger value is somebody's choice and stays.
FLOORS = frozenset(
    {
        "retention.ms",
        "delete.retention.ms",
        "max.message.bytes",
        "min.insync.replicas",
    }
)
