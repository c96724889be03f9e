"""The doctor's looks at what flows: the clock, consumer groups, transactions, changelogs."""

from __future__ import annotations

import time
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

from streams.cluster import CONNECT_MAX_MS
from streams.findings import Finding, Patient
from streams.topics import CONTROL, LEARNER, STATES

PROBE_MAX_S = 10
# An event dated over five minutes after its arrival is refused; a tenth of that is worth a word.
SKEW_MAX_MS = 30_000
# The service's transactions end within 10 s, by commit or by the broker's hand.
OPEN_MAX_S = 60


def clock(patient: Patient) -> list[Finding]:
    """Write one record: that it works, and the broker's clock against ours."""
    topic = patient.names.internal("probe")
    if topic not in patient.topics:
        return [Finding("clock", "note", f"not looked at: {topic} is not there")]
    producer = KafkaProducer(**patient.settings.kafka_python(), acks="all",
                             bootstrap_timeout_ms=CONNECT_MAX_MS)  # fmt: skip
    try:
        producer.partitions_for(topic)  # so that only the write is timed
        before = time.time_ns() // 1_000_000
        written = producer.send(topic, b"doctor").get(timeout=PROBE_MAX_S)
        after = time.time_ns() // 1_000_000
    except KafkaTimeoutError:
        cure = "see `replicas`: too few copies may be in step to take a write"
        return [Finding("clock", "wrong", "a record was not acknowledged in time", cure)]
    finally:
        producer.close()
    skew_ms = written.timestamp - (before + after) // 2
    text = f"a record was written in {after - before} ms; the broker's clock is {skew_ms:+,} ms off"
    if abs(skew_ms) <= SKEW_MAX_MS:
        return [Finding("clock", "well", text)]
    cure = "set both clocks by NTP; a wrong broker's clock makes dead letters (future_timestamp)"
    return [Finding("clock", "wrong", text, cure)]


def groups(patient: Patient) -> list[Finding]:
    """Our consumer groups: who is in them, and how far they are behind."""
    app = patient.settings.app_id
    ours = sorted(
        one["group_id"] for one in patient.admin.list_groups() if one["group_id"].startswith(app)
    )
    if not ours:
        text = f"no group {app}-* is known: the service has not run here yet"
        return [Finding("groups", "note", text)]
    found = []
    members = patient.admin.describe_groups(ours)
    for name, committed in patient.admin.list_group_offsets(ours).items():
        lag = _lag(patient, {at: one.offset for at, one in committed.items() if one.offset >= 0})
        count = len(members[name]["members"])
        state = str(members[name].get("group_state", "?"))
        text = f"{name}: {count} members, {state.lower()}, {lag:,} records behind"
        if lag and not count:
            command = "learn" if name == patient.settings.group_id(LEARNER) else "run"
            cure = f"nobody reads: start `lendwatch {command}` with LENDWATCH_APP_ID={app}"
            found.append(Finding("groups", "wrong", text, cure))
        else:
            found.append(Finding("groups", "well", text))
    return found


def _lag(patient: Patient, committed: dict[Any, int]) -> int:
    """Records between what is committed and what can be read; marks of transactions count too."""
    if not committed:
        return 0
    try:
        ends = _ends(patient, list(committed), committed_only=True)
    except UnknownTopicOrPartitionError:  # a topic of the group was deleted
        return 0
    return sum(max(0, ends[at] - offset) for at, offset in committed.items())


def transactions(patient: Patient) -> list[Finding]:
    """Transactions that nobody ends: every careful reader waits behind them."""
    places = [
        TopicPartition(name, one["partition_index"])
        for name, topic in patient.topics.items()
        for one in topic["partitions"]
        if one["leader_id"] >= 0
    ]
    stable = _ends(patient, places, committed_only=True)
    written = _ends(patient, places, committed_only=False)
    waiting = [at for at in places if stable[at] < written[at]]
    if not places:
        return [Finding("transactions", "note", "not looked at: no topic is there, or shown to us")]
    if not waiting:
        return [Finding("transactions", "well", "none is open")]
    now_ms = time.time_ns() // 1_000_000
    found, open_count = [], 0
    for at, state in patient.admin.describe_producers(waiting).items():
        for one in state.active_producers:
            if one.current_transaction_start_offset < 0:
                continue
            open_count += 1
            age_s = (now_ms - one.last_timestamp) // 1000
            if age_s > OPEN_MAX_S:
                found.append(_hanging(patient, at, one.current_transaction_start_offset, age_s))
    return found or [Finding("transactions", "well", f"{open_count} are open, all of them fresh")]


def _hanging(patient: Patient, at: Any, start: int, age_s: int) -> Finding:
    text = f"{at.topic}:{at.partition} waits behind offset {start}, open for {age_s:,} s"
    cure = (
        "if its writer is gone: kafka-transactions.sh --bootstrap-server"
        f" {patient.settings.bootstrap[0]} abort --topic {at.topic} --partition {at.partition}"
        f" --start-offset {start}"
    )
    return Finding("transactions", "wrong", text, cure)


def changelogs(patient: Patient) -> list[Finding]:
    """What a restart has to read: the state topics' bytes on disk."""
    states = [patient.names.internal(f"{entity}-state") for entity in (*STATES, CONTROL, LEARNER)]
    there = [name for name in states if name in patient.topics]
    if not there:
        return [Finding("changelogs", "note", "not looked at: there are none")]
    sizes: dict[tuple[str, int], int] = {}
    for broker in patient.admin.describe_log_dirs(there):
        for folder in broker["log_dirs"]:
            if folder["error_code"]:
                return [Finding("changelogs", "wrong", f"a disk of broker {broker['broker']} fails",
                                "replace the disk; see the broker's log")]  # fmt: skip
            for topic in folder["topics"]:
                for one in topic["partitions"]:
                    place = (topic["name"], one["partition_index"])
                    sizes[place] = max(sizes.get(place, 0), one["partition_size"])
    if not sizes:
        return [Finding("changelogs", "note", "this user may not see their sizes")]
    total, (largest, _) = sum(sizes.values()), max(sizes.items(), key=lambda item: item[1])
    text = f"{total / 1e6:,.1f} MB to read at a restart; the largest is {largest[0]}:{largest[1]}"
    return [Finding("changelogs", "well", text)]


def _ends(patient: Patient, places: list[Any], committed_only: bool) -> dict[Any, int]:
    if not places:
        return {}
    told = patient.admin.list_partition_offsets(
        dict.fromkeys(places, OffsetSpec.LATEST),
        isolation_level="read_committed" if committed_only else "read_uncommitted",
    )
    return {at: one.offset for at, one in told.items()}
