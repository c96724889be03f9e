"""One life of a stage's loop: a consumer, a producer, and what they have in hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from detector.counted_blocks import Come
from detector.state import Record
from streams.kafka_settings import KafkaSettings
from streams.service.assignment import Assignment, Make
from streams.service.ends import Ends
from streams.service.faulty import CALL_MAX_S, Aside, Patience
from streams.service.hearing import Ears
from streams.service.intake import Intake
from streams.service.journal import LIBRARY, Journal
from streams.service.membership import is_replaced
from streams.service.meters import StageMeters
from streams.service.pace import Pace
from streams.service.partition import Taken
from streams.service.rebuilding import Rebuilding
from streams.service.transaction import Transactions
from streams.service.work import Outgoing, Work

READ_MOST: Final = 4_096
WORK_MOST: Final = 4_096
IDLE_S, HELD_S = 0.1, 0.005  # how long to wait for records: when nothing is held, and when some are
PACE_EVERY_MS: Final = 1_000
RESTORE_MAX_MS: Final = 900_000  # between two looks at the group; a restore is one of the things


# Of what partitions made, and of how far each owned one has come.
Onward = Callable[[Sequence[Taken], Mapping[int, Come]], list[Outgoing]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a loop is made of."""

    stage: str
    inputs: tuple[str, ...]
    state_topic: str
    settings: KafkaSettings
    journal: Journal
    make_partition: Make
    is_rebuilt: bool  # whether the state is made anew from the inputs, whatever the changelog holds
    make_intake: Callable[[], Intake[Any]]
    looked_at: Callable[[Sequence[Any]], None]  # sees the records that arrive
    onward: Onward  # what goes to other stages, as records
    meters: StageMeters
    facts_topic: str | None = None  # whose facts the partitions are told
    weights_topic: str | None = None  # whose versions of models they follow
    tells_come: bool = False  # whether it is told onward, too, how far partitions have come
    rest_s: float = 0.0  # between two turns that had work: who may be late takes more at once


class Turns:
    """One life of the loop: a consumer, a producer and what they have in hand."""

    def __init__(
        self, plan: Plan, assigned: Assignment, rebuilding: Rebuilding, stop: threading.Event
    ) -> None:
        self._plan = plan
        self._rebuilding = rebuilding
        self._assigned = assigned
        self._patience = Patience(stop.is_set)
        self._intake = plan.make_intake()
        aside = Aside(f"{plan.stage}-transactions", stop.is_set)
        self._transactions = Transactions(plan.settings, plan.stage, self._patience, aside)
        self._paces: dict[int, Pace] = {}
        self._begins: list[TopicPartition] = []
        self._rebalances = 0
        self._paced_ms = 0
        self._consumer = Consumer(
            plan.settings.confluent_consumer(plan.stage)
            | {
                "logger": LIBRARY,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
                "max.poll.interval.ms": RESTORE_MAX_MS,
                "queued.min.messages": 10_000,
                "queued.max.messages.kbytes": 8_192,
            }
        )
        self._meters = plan.meters
        self._stop = stop
        self._ears = Ears(plan.settings, plan.facts_topic, plan.weights_topic, stop.is_set)
        self._told_left: frozenset[int] | None = None  # who was last told to have something left
        self._unheard: set[int] = set()  # partitions that were told nothing yet
        # Last: it runs from now on, until `close`.
        self._ends = Ends(plan.settings, plan.stage, plan.meters.ended)

    def start(self) -> None:
        """Hear what is known, take our place as a producer, then at once that in the group: by it
        whoever had our name knows that it was us (membership.py)."""
        self._ears.begin()
        self._transactions.start()
        self._consumer.subscribe(
            list(self._plan.inputs),
            on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke,
        )  # fmt: skip

    def turn(self) -> None:
        """Read what is there, and work on what may be worked on."""
        self._read()
        self._hear()
        now_ms = time.time_ns() // 1_000_000
        self._ends.answer(self._intake.ended)
        works = self._intake.work(WORK_MOST)
        self._ends.hurry(is_held=self._intake.waiting > 0)
        if works:
            self._transact(works)
            self._stop.wait(self._plan.rest_s)
        elif now_ms - self._paced_ms >= PACE_EVERY_MS:
            self._paced_ms = now_ms
            self._go_on(now_ms)
        self._meters.turned(self._assigned.owned, self._intake.reached)

    def undo(self) -> None:
        """Undo what is begun."""
        if self._transactions.abort():
            self._meters.undone()

    def is_replaced(self) -> bool:
        """Whether another process has our name. KafkaException: nobody can say."""
        member_id = self._consumer.memberid() or ""
        return is_replaced(self._plan.settings, self._plan.stage, member_id, self._stop.wait)

    def close(self) -> None:
        """Leave the group, and let go."""
        self._ends.close()
        self._ears.close()
        self._meters.left()
        self._transactions.drop()
        self._consumer.close()

    def _read(self) -> None:
        rebalances = self._rebalances
        messages: list[Any] = self._consumer.consume(1, HELD_S if self._intake.waiting else IDLE_S)
        if messages:
            messages += self._consumer.consume(READ_MOST - 1, 0)
        if self._rebalances != rebalances:
            # Some may be of the time before: read all of it again, from what is committed.
            self._consumer.assign(self._begins)
            return
        records, ends = [], []
        for message in messages:
            error = message.error()
            if error is None:
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ends.append((message.topic(), message.partition(), message.offset()))
            else:
                raise KafkaException(error)
        self._plan.looked_at(records)
        self._meters.read(records)
        self._intake.take(records, time.time_ns() // 1_000_000, ends)
        pausing, resuming = self._intake.full()
        if pausing:
            self._consumer.pause([TopicPartition(*place) for place in pausing])
        if resuming:
            self._consumer.resume([TopicPartition(*place) for place in resuming])
            for place in resuming:  # else it may begin where an earlier pause did
                self._consumer.seek(TopicPartition(*place, self._intake.position(*place)))

    def _transact(self, works: dict[int, Work]) -> None:
        began_s = time.monotonic()
        taken = {number: self._assigned.owned[number].take(one) for number, one in works.items()}
        self._meters.spent("judge", time.monotonic() - began_s)
        offsets = [
            TopicPartition(topic, number, offset)
            for number, work in works.items() for topic, offset in work.offsets.items()
        ]  # fmt: skip
        self._say(works, taken, offsets)

    def _say(
        self, works: dict[int, Work], taken: dict[int, Taken], offsets: list[TopicPartition]
    ) -> None:
        """Write what partitions made of their work, and commit it with these offsets."""
        began_s = time.monotonic()
        # Made before it is begun: readers wait behind an open transaction.
        onward = self._plan.onward(list(taken.values()), self._come())
        self._transactions.begin()
        for number, one in taken.items():
            self._transactions.write(one.said)
            self._write_state(number, one.state)
        self._transactions.write(onward)
        self._transactions.commit(offsets, self._consumer.consumer_group_metadata())
        self._meters.spent("write", time.monotonic() - began_s)
        self._meters.committed(works, taken.values(), offsets)

    def _write_state(self, number: int, records: list[Record]) -> None:
        partition = self._assigned.owned[number]

        def delivered(error: Any, message: Any) -> None:
            if error is None:  # else the commit will fail
                partition.state_offset = message.offset() + 1

        self._transactions.write_state(self._plan.state_topic, number, records, delivered)

    def _go_on(self, now_ms: int) -> None:
        """Let the clocks of drained partitions go on; write where that made anything be said."""
        taken: dict[int, Taken] = {}
        for number, partition in self._assigned.owned.items():
            is_drained = self._intake.is_drained(number, now_ms)
            pace = self._paces.setdefault(number, Pace())
            clock_ms = pace.clock_ms(partition.clock_ms, now_ms, is_drained)
            if clock_ms > partition.clock_ms and (one := partition.advance(clock_ms)):
                taken[number] = one
        is_news = self._plan.tells_come and self._left() != self._told_left
        self._say_at_rest(taken, is_news=is_news)

    def _left(self) -> frozenset[int]:
        """Partitions of which it is not known that nothing is left to read."""
        now_ms = time.time_ns() // 1_000_000
        return frozenset(
            number for number in self._assigned.owned
            if not self._intake.is_drained(number, now_ms)
        )  # fmt: skip

    def _come(self) -> dict[int, Come]:
        """How far each partition has come, where somebody asks for that."""
        if not self._plan.tells_come:
            return {}
        left = self._told_left = self._left()
        return {number: Come(partition.clock_ms, number in left)
                for number, partition in self._assigned.owned.items()}  # fmt: skip

    def _hear(self) -> None:
        """Tell partitions what is new of outages and models; one that came, all that is known."""
        taken = self._ears.tell(self._assigned.owned, self._unheard)
        self._unheard.clear()
        self._say_at_rest(taken)

    def _say_at_rest(self, taken: dict[int, Taken], *, is_news: bool = False) -> None:
        """Write what partitions say without having read anything. `is_news`: how far they have
        come."""
        if taken or is_news:
            # The offsets too: so that an owner who is no longer one is refused.
            places = self._committed(list(taken or self._assigned.owned))
            self._say({}, taken, [place for place in places if place.offset >= 0])

    def _committed(self, numbers: list[int]) -> list[TopicPartition]:
        places = [TopicPartition(topic, k) for topic in self._plan.inputs for k in numbers]
        return list(self._patience(self._consumer.committed, places, CALL_MAX_S))

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        numbers = sorted({place.partition for place in places})
        self._tell_places("assigned", numbers)
        self._meters.assigning()
        # First the offsets: asked so, they wait for transactions that are not over, and so what the
        # changelog then holds is what belongs to them.
        committed = {(p.topic, p.partition): p.offset for p in self._committed(numbers)}
        if self._plan.is_rebuilt:
            member = consumer.consumer_group_metadata()
            self._rebuilding.rebuild(numbers, committed, self._transactions, member)
        self._assigned.take(numbers)
        self._unheard, self._told_left = set(numbers), None
        for number in numbers:
            begins = {topic: max(0, committed[topic, number]) for topic in self._plan.inputs}
            self._intake.begin(number, begins)
            self._paces.pop(number, None)
        self._ends.ask_for(self._intake.places)
        self._begins = [
            TopicPartition(topic, number, offset if offset >= 0 else OFFSET_BEGINNING)
            for (topic, number), offset in committed.items()
        ]
        consumer.assign(self._begins)
        self._meters.assigned(numbers)
        self._rebalances += 1

    def _revoke(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        numbers = sorted({place.partition for place in places})
        self._tell_places("revoked", numbers)
        self._meters.left()
        self._intake.leave(numbers)
        self._ends.ask_for(self._intake.places)
        self._assigned.leave(numbers)
        self._begins = []
        self._rebalances += 1

    def _tell_places(self, event: str, numbers: list[int]) -> None:
        self._plan.journal.tell(event, stage=self._plan.stage, partitions=numbers)
