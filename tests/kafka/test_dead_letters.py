"""Dead letters on a real broker: counted, shown without their values, and sent again."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from streams.cli import main
from streams.dead_letters import ATTEMPT, ERROR_HEADERS, letter_headers
from streams.topics import TopicNames
from tests.kafka.broker import Cluster
from tests.kafka.records import applied, read, write

Captured = pytest.CaptureFixture[str]
OWN = [("trace", b"\x00\xff"), ("trace", b"twice")]
SECRET = b'{"type":"login","name":"\x1b[31mZhang San"}'


@pytest.fixture
def letters(broker: Cluster, prefix: str, capsys: Captured) -> TopicNames:
    """Three letters of logins and one that claims to come from elsewhere."""
    applied(broker.bootstrap)
    names = TopicNames(prefix)
    for at, reason in enumerate(("wrong_type", "wrong_type", "not_json")):
        put(broker, names, at, reason, names.input("login"), SECRET)
    put(broker, names, 3, "wrong_type", "__consumer_offsets", b"forged")
    capsys.readouterr()
    return names


def put(broker: Cluster, names: TopicNames, at: int, reason: str, topic: str, value: bytes) -> None:
    headers = letter_headers(
        OWN, reason=reason, exception="DecodeFault", message="account_id: is missing",
        topic=topic, partition=2, offset=100 + at,
    )  # fmt: skip
    write(broker.bootstrap, names.dead_letter, [value], headers, key=b"A")


def dlq(broker: Cluster, *words: str) -> int:
    return main(["dlq", *words, "--bootstrap", broker.bootstrap])


def listed(broker: Cluster, capsys: Captured, *words: str) -> dict[str, Any]:
    assert dlq(broker, "list", "--json", *words) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_letters_are_counted_by_reason_and_topic(
    broker: Cluster, letters: TopicNames, capsys: Captured
) -> None:
    login = letters.input("login")
    told = listed(broker, capsys, "--last", "1")
    assert told["total"] == 4
    assert {"reason": "wrong_type", "topic": login, "count": 2} in told["counts"]
    assert [one["source"] for one in told["newest"]] == ["2:103"]
    assert listed(broker, capsys, "--reason", "not_json")["total"] == 1
    assert listed(broker, capsys, "--topic", login)["total"] == 3
    assert dlq(broker, "list") == 0
    shown = capsys.readouterr().out
    assert "4 dead letters" in shown and "account_id: is missing" in shown
    assert "Zhang San" not in shown


def test_a_value_is_shown_only_where_it_is_asked_for(
    broker: Cluster, letters: TopicNames, capsys: Captured
) -> None:
    place = listed(broker, capsys)["newest"][0]["place"]
    assert dlq(broker, "show", place) == 0
    shown = capsys.readouterr().out
    assert f"value_bytes  {len(SECRET)}" in shown and "Zhang San" not in shown
    assert dlq(broker, "show", place, "--value") == 0
    shown = capsys.readouterr().out
    assert "Zhang San" in shown and "\x1b" not in shown
    assert dlq(broker, "show", place, "--value", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert base64.b64decode(told["value_base64"]) == SECRET
    assert dlq(broker, "show", "0:999999") == 1
    assert dlq(broker, "show", "first") == 2


def test_a_letter_goes_back_as_it_came_with_a_count(
    broker: Cluster, letters: TopicNames, capsys: Captured
) -> None:
    login = letters.input("login")
    assert dlq(broker, "redrive", "--reason", "not_json", "--dry-run") == 0
    assert read(broker.bootstrap, login) == []
    assert dlq(broker, "redrive", "--reason", "not_json") == 0
    (back,) = read(broker.bootstrap, login)
    assert (back.key, back.value) == (b"A", SECRET)
    assert list(back.headers) == [*OWN, (ATTEMPT, b"1")]
    assert not {name for name, _ in back.headers} & set(ERROR_HEADERS)
    # It dies again: its new letter holds the count, and is left alone once that is enough.
    again = letter_headers(
        back.headers, reason="not_json", exception="E", message="m", topic=login, partition=0,
        offset=1,
    )  # fmt: skip
    write(broker.bootstrap, letters.dead_letter, [SECRET], again)
    capsys.readouterr()
    words = ("redrive", "--reason", "not_json", "--max-attempts", "1", "--json")
    assert dlq(broker, *words) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["sent"] == 1 and told["left_out"] == {"was sent again 1 times already": 1}


def test_a_forged_header_does_not_choose_where_we_write(
    broker: Cluster, letters: TopicNames, capsys: Captured
) -> None:
    assert dlq(broker, "redrive", "--topic", "__consumer_offsets") == 1
    told = capsys.readouterr().out
    assert "0 sent again" in told and "came from no input topic (__consumer_offsets)" in told


def test_named_letters_alone_are_sent(
    broker: Cluster, letters: TopicNames, capsys: Captured
) -> None:
    place = listed(broker, capsys)["newest"][0]["place"]
    assert dlq(broker, "redrive", place, place) == 0
    assert "1 sent again" in capsys.readouterr().out
    assert dlq(broker, "redrive", "0:999999") == 2
    assert dlq(broker, "redrive") == 2
    assert "PARTITION:OFFSET, --reason, --topic, or --all" in capsys.readouterr().err
