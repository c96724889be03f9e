"""What goes wrong with Kafka, sorted by what is to be done about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from streams.faults import Fault
from streams.kafka_settings import KafkaSettings

Result = TypeVar("Result")
RETRY_MAX_S: Final = 60.0
STOPPING_MAX_S: Final = 4.0
CALL_MAX_S: Final = 3.0
LOOK_EVERY_S: Final = 0.5  # at whether the process shall end, while a call lasts
FENCED: Final = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)
# The library calls it final where a question for committed offsets waits for the transaction of an
# owner who died: until that is over, TRANSACTION_TIMEOUT_MS, nobody can say.
UNANSWERED: Final = frozenset({KafkaError._TIMED_OUT})
# What no second try mends: somebody has to set something right.
REFUSED: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError._AUTHENTICATION,
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)


class Fenced(Fault):
    """Another process has our place: this one must end, and has done no harm.

    `is_sure`: no; the broker may have ended our transaction itself (membership.py).
    """

    def __init__(self, text: str, *, is_sure: bool) -> None:
        super().__init__(text)
        self.is_sure = is_sure


class Again(Exception):
    """What was begun is undone; the loop begins anew from what is committed."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Patience:
    """Calls until a call is done: for a minute, or for some seconds once the process shall end."""

    def __init__(self, is_stopping: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping

    def __call__(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Call, and again as long as Kafka says that another try may do it.

        Raises:
            KafkaException: it cannot be done so.
        """
        began_s = time.monotonic()
        while True:
            try:
                return call(*arguments)
            except KafkaException as error:
                most_s = STOPPING_MAX_S if self._is_stopping() else RETRY_MAX_S
                why = error.args[0]
                is_worth_it = why.retriable() or why.code() in UNANSWERED
                # Of messages that were too late the library says _TIMED_OUT too: they stay so.
                is_worth_it &= not why.txn_requires_abort()
                if not is_worth_it or time.monotonic() - began_s > most_s:
                    raise


class Aside:
    """Calls by a thread of its own, which is left behind where a call does not come back.

    The library's `send_offsets_to_transaction` keeps no time-out: with a coordinator that went away
    at the wrong moment it waits for ever (librdkafka, issues 5456 and 5511).
    """

    def __init__(self, name: str, is_stopping: Callable[[], bool]) -> None:
        self.is_lost = False  # a call did not come back: what it was made of is not to be touched
        self._is_stopping = is_stopping
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # A daemon: nobody waits for it at the end. What it was left with it keeps alive.
        Thread(target=self._run, name=name, daemon=True).start()

    def __call__(self, call: Callable[..., Result], *arguments: object) -> Result:
        """Call, and wait as long as anybody would.

        Raises:
            Again: it did not come back.
        """
        result: Future[Result] = Future()
        self._calls.put((result, partial(call, *arguments)))
        began_s = time.monotonic()
        while True:
            try:
                return result.result(LOOK_EVERY_S)
            except FutureTimeout:
                if result.done():  # the call itself raised it
                    raise
                most_s = STOPPING_MAX_S if self._is_stopping() else RETRY_MAX_S
                if time.monotonic() - began_s > most_s:
                    self.is_lost = True
                    name = getattr(call, "__name__", "a call")
                    raise Again(f"the client library does not come back from {name}") from None

    def close(self) -> None:
        """No more calls."""
        self._calls.put(None)

    def _run(self) -> None:
        while (one := self._calls.get()) is not None:
            result, call = one
            try:
                result.set_result(call())
            except BaseException as error:
                result.set_exception(error)
            del one, result, call  # else the last result would live as long as the thread


def kafka_error_in(error: SystemError) -> KafkaException | None:
    """The error of Kafka behind a SystemError. confluent-kafka may call our logger while it raises
    an error of its own, and Python then says that the logger's code went wrong."""
    cause = error.__cause__
    while isinstance(cause, SystemError):
        cause = cause.__cause__
    return cause if isinstance(cause, KafkaException) else None


def sorted_out(error: KafkaError, settings: KafkaSettings, stage: str) -> Exception:
    """What to raise for an error of Kafka: `Fenced` and `Fault` end the process, `Again` does not.

    An error that is no fatal one leaves nothing in doubt: the transaction is aborted, or was never
    begun, and the next one begins from what is committed.
    """
    code, text = error.code(), error.str().split("\n")[0][:200]
    if code in FENCED:
        name = settings.instance_id
        who = f"LENDWATCH_INSTANCE_ID={name}" if name else "this worker's place"
        cure = "give each worker a name of its own" if name else "it was away for too long"
        text = f"{stage}: another worker has taken {who}: {cure} ({error.name()})"
        return Fenced(text, is_sure=code == KafkaError.FENCED_INSTANCE_ID)
    if code in REFUSED:
        return Fault(f"{stage}: Kafka refuses ({error.name()}): {text}; see `lendwatch doctor`")
    if error.fatal():
        return Fault(f"{stage}: Kafka says {error.name()}: {text}")
    return Again(f"{error.name()}: {text}")
