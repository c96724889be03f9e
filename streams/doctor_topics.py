"""The doctor's looks at brokers, topics, rights and replicas."""

from __future__ import annotations

from collections.abc import Callable

from kafka.errors import AuthorizationError, KafkaError

from streams.findings import Finding, Patient
from streams.rights import service_rights
from streams.topic_changes import changes
from streams.topics import TopicNames, planned

OLDEST_BROKER = (3, 3)  # the first whose KRaft is meant for production
REPLICATION = 3


def broker(patient: Patient) -> list[Finding]:
    """Which brokers answer, and in which version."""
    brokers = patient.cluster["brokers"]
    version = ".".join(map(str, patient.admin.get_broker_version_data(
        brokers[0]["broker_id"]).broker_version))  # fmt: skip
    found = [Finding("broker", "well", f"{len(brokers)} answer, Kafka {version} or newer,"
                     f" by {patient.settings.protocol}")]  # fmt: skip
    if tuple(map(int, version.split("."))) < OLDEST_BROKER:
        found.append(Finding("broker", "wrong", f"Kafka {version} is too old",
                             "move to Kafka 3.3 or newer"))  # fmt: skip
    fenced = [str(one["broker_id"]) for one in brokers if one.get("is_fenced")]
    if fenced:
        found.append(Finding("broker", "wrong", f"broker {', '.join(fenced)} is known but away",
                             "start it, or see its log"))  # fmt: skip
    if not patient.settings.encrypted:
        found.append(Finding("broker", "note", "records travel in plain text"))
    return found


def topics(patient: Patient) -> list[Finding]:
    """The topics against the plan, for the partition count that the inputs have."""
    first = patient.topics.get(patient.names.inputs[0])
    count = len(first["partitions"]) if first else 1
    copies = min(REPLICATION, len(patient.cluster["brokers"]))
    wanted = planned(patient.names, count, copies)
    cure = f"lendwatch topics apply --partitions {count if first else 'N'} --replication {copies}"
    found = []
    differing = changes(patient.admin, wanted)
    missing = [one.topic for one in differing if one.action == "create"]
    if missing:
        listed = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        text = f"{len(missing)} of {len(wanted)} are missing: {listed}"
        found.append(Finding("topics", "wrong", text, cure))
    for one in differing:
        if one.action == "set":
            found.append(Finding("topics", "wrong", f"{one.topic}: {one.what}", cure))
        elif one.action == "refuse":
            what, _, how = one.what.partition(": ")
            found.append(Finding("topics", "wrong", f"{one.topic} {what}", how))
    if not found:
        text = f"all {len(wanted)} are as planned, {count} partitions"
        found.append(Finding("topics", "well", text))
    if copies < REPLICATION:
        text = f"{copies} copies of each record: with {REPLICATION} brokers a loss would do no harm"
        found.append(Finding("topics", "note", text))
    return found


def rights(patient: Patient) -> list[Finding]:
    """What the service must be allowed, as the broker says it of this user."""
    found = []
    inner = patient.names.internal("").removesuffix(".v1")
    lacking: dict[str, list[str]] = {}  # by topic; the internal ones are one by their prefix
    for name, allowed in patient.allowed.items():
        wanting = [right for right in needed(patient.names, name) if right.upper() not in allowed]
        lacking.setdefault(inner if name.startswith(inner) else name, []).extend(wanting)
    for name, wanting in sorted(lacking.items()):
        if wanting:
            found.append(_lacking(patient, sorted(set(wanting)), "topic", name, name == inner))
    app = patient.settings.app_id
    asked = patient.settings.group_id("account")
    if refused(lambda: patient.admin.list_group_offsets([asked])):
        found.append(_lacking(patient, ["Read"], "group", app, True))
    if refused(lambda: patient.admin.describe_transactions([asked])):
        found.append(_lacking(patient, ["Write"], "transactional-id", app, True))
    return found or [Finding("rights", "well", "this user may do what the service has to")]


def _lacking(patient: Patient, what: list[str], kind: str, name: str, prefixed: bool) -> Finding:
    user = patient.settings.username or "NAME"
    operations = " ".join(f"--operation {right}" for right in what)
    pattern = " --resource-pattern-type prefixed" if prefixed else ""
    text = f"no {', '.join(what)} on {kind} {name}{'*' if prefixed else ''}"
    cure = (
        f"kafka-acls.sh --bootstrap-server {patient.settings.bootstrap[0]} --add"
        f" --allow-principal User:{user} {operations} --{kind} {name}{pattern}"
    )
    return Finding("rights", "wrong", text, cure)


def refused(ask: Callable[[], object]) -> bool:
    """Whether a question is refused for want of a right; absence is no refusal."""
    try:
        ask()
    except AuthorizationError:
        return True
    except KafkaError:
        return False
    return False


def needed(names: TopicNames, topic: str) -> tuple[str, ...]:
    """What the service does with a topic."""
    own = [one for one in service_rights(names, "") if (one.kind, one.name) == ("topic", topic)]
    return tuple(sorted({"Describe", *(word for one in own for word in one.operations)}))


def replicas(patient: Patient) -> list[Finding]:
    """Partitions without a leader, or with a copy that is behind."""
    dead, behind = [], []
    for name, topic in patient.topics.items():
        for one in topic["partitions"]:
            place = f"{name}:{one['partition_index']}"
            if one["leader_id"] < 0:
                dead.append(place)
            elif len(one["isr_nodes"]) < len(one["replica_nodes"]):
                behind.append(place)
    found = []
    if dead:
        text = f"{len(dead)} partitions have no leader ({dead[0]}, ...)"
        cure = "start the brokers that hold them; nothing can be read or written there"
        found.append(Finding("replicas", "wrong", text, cure))
    if behind:
        text = f"{len(behind)} partitions have a copy that is behind ({behind[0]}, ...)"
        cure = "start the missing broker, and give it time; one more loss stops writing"
        found.append(Finding("replicas", "wrong", text, cure))
    if not patient.topics:
        return [Finding("replicas", "note", "not looked at: no topic is there, or shown to us")]
    return found or [Finding("replicas", "well", "every partition has its leader and all copies")]
