"""What goes wrong with Kafka, sorted by what is to be done about it."""

from __future__ import annotations

from threading import Event

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.service import faulty
from streams.service.faulty import Again, Aside, Patience, kafka_error_in


def test_an_error_of_kafka_is_found_behind_pythons_word_about_the_logger() -> None:
    kafka = KafkaException(KafkaError(KafkaError._FENCED))
    first, second = SystemError("getframe"), SystemError("log")
    first.__cause__, second.__cause__ = kafka, first
    assert kafka_error_in(first) is kafka
    assert kafka_error_in(second) is kafka


def test_another_system_error_is_none_of_kafkas() -> None:
    assert kafka_error_in(SystemError("elsewhere")) is None
    other = SystemError("elsewhere")
    other.__cause__ = ValueError("no")
    assert kafka_error_in(other) is None


def test_a_question_that_was_not_answered_in_time_is_asked_again() -> None:
    answers = [KafkaException(KafkaError(KafkaError._TIMED_OUT)), None]

    def ask() -> str:
        if (error := answers.pop(0)) is not None:
            raise error
        return "here"

    assert Patience(lambda: False)(ask) == "here"


def test_messages_that_were_too_late_are_not_waited_for() -> None:
    late = KafkaError(KafkaError._TIMED_OUT, "12 message(s) timed out", False, False, True)
    assert late.txn_requires_abort()
    calls: list[int] = []

    def commit() -> None:
        calls.append(1)
        raise KafkaException(late)

    with pytest.raises(KafkaException):
        Patience(lambda: False)(commit)
    assert len(calls) == 1


def test_a_call_that_does_not_come_back_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop begins anew: the library has a call that keeps no time-out."""
    monkeypatch.setattr(faulty, "RETRY_MAX_S", 0.2)
    monkeypatch.setattr(faulty, "LOOK_EVERY_S", 0.02)
    aside, never = Aside("test", lambda: False), Event()
    assert aside(divmod, 7, 2) == (3, 1) and not aside.is_lost
    with pytest.raises(ZeroDivisionError):
        aside(divmod, 7, 0)
    with pytest.raises(TimeoutError, match="its own"):
        aside(_raise, TimeoutError("its own"))
    with pytest.raises(Again, match="does not come back from wait"):
        aside(never.wait)
    assert aside.is_lost
    never.set()


def _raise(error: Exception) -> None:
    raise error
