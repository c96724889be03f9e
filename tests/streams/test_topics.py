"""The plan of topics: equal counts, safe settings, and every name of the contract."""

from __future__ import annotations

from detector.events import LINE_MAX_BYTES, TYPES
from streams.topics import Topic, TopicNames, planned


def plan(partitions: int = 48, replication: int = 3) -> dict[str, Topic]:
    return {topic.name: topic for topic in planned(TopicNames(), partitions, replication)}


def test_the_contracts_names_are_there_and_each_once() -> None:
    names = [topic.name for topic in planned(TopicNames(), 48, 3)]
    assert len(set(names)) == len(names)
    assert {
        "lendwatch.login.v1", "lendwatch.identity-verification.v1", "lendwatch.disbursement.v1",
        "lendwatch.auto-debit.v1", "lendwatch.disposition.v1", "lendwatch.alert.v1",
        "lendwatch.decision.v1", "lendwatch.dead-letter.v1",
    } == {name for name in names if ".internal." not in name}  # fmt: skip
    assert len(TopicNames().inputs) == len(TYPES) == 5
    assert all(name.startswith("dev.internal.") for name in (TopicNames("dev").internal("facts"),))


def test_what_one_worker_owns_together_has_equal_counts() -> None:
    single = {"control-in", "control-state", "facts", "probe"}
    single |= {"features", "learner-state", "weights"}
    for name, topic in plan().items():
        expected = 1 if name.split(".")[-2] in single else 48
        assert topic.partitions == expected and topic.replication == 3, name


def test_a_write_is_safe_with_one_broker_away() -> None:
    for replication, least in ((1, "1"), (2, "1"), (3, "2"), (5, "4")):
        for topic in plan(4, replication).values():
            assert topic.settings["min.insync.replicas"] == least
            assert topic.settings["unclean.leader.election.enable"] == "false"


def test_state_is_compacted_and_never_deleted_and_the_rest_has_an_end() -> None:
    for name, topic in plan().items():
        kept_for_good = name.endswith("-state.v1") or name.endswith((".facts.v1", ".weights.v1"))
        assert topic.settings["cleanup.policy"] == ("compact" if kept_for_good else "delete")
        assert ("retention.ms" in topic.settings) is not kept_for_good


def test_an_event_of_the_largest_size_fits_and_a_larger_one_arrives() -> None:
    topics = plan()
    letters = int(topics["lendwatch.dead-letter.v1"].settings["max.message.bytes"])
    for name in TopicNames().inputs:
        most = int(topics[name].settings["max.message.bytes"])
        assert LINE_MAX_BYTES < most < letters


def test_time_is_the_brokers() -> None:
    assert {topic.settings["message.timestamp.type"] for topic in plan().values()} == {
        "LogAppendTime"
    }
