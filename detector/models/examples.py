"""The learner's memory: judged events until their labels come, then the labelled ones. Bounded.

A label is positive (fraud; a debit that failed), negative, or never comes; `unlabelled_is_negative`
says what that means after the label delay. What was advised against or held back, and nobody
labelled, is never learnt from: nobody knows what it would have become. An example that is told both
ways is set aside. Which are kept, when there are too many, is decided by their keyed
hash: below a rate that halves whenever the room is full, so that the same events give the same
memory, and a forger cannot choose. Positives are thinned in the same way: were the newest kept, age
itself would look like a sign. `correction` is what that does to the log-odds.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PENDING_MAX: Final = 100_000  # judged events that wait for a label
KEPT_MAX: Final = (20_000, 8_000)  # negatives, positives
CANARY_SHARE: Final = 0.1  # of all examples: none is ever fitted to
# Examples of one account, payee, device, and of one label: nobody teaches alone.
ACCOUNT_MAX, PAYEE_MAX, DEVICE_MAX = MOST = (48, 96, 96)
UNKNOWN, NEGATIVE, POSITIVE = -1, 0, 1


class Example:
    """A judged event: whose, its inputs, what the parts said of it, and what is known of it."""

    __slots__ = ("account", "decided_ms", "device", "inputs", "is_doubtful", "key", "label",
                 "number", "parts", "payee", "was_silent")  # fmt: skip

    def __init__(
        self, key: int, account: int, decided_ms: int, inputs: NDArray[np.float32],
        parts: tuple[float, float, float] | None, is_doubtful: bool, payee: int = 0,
        device: int = 0,
    ) -> None:  # fmt: skip
        """`is_doubtful`: advised against, so that silence means nothing.

        `payee`, `device`: hashes, 0 where there is none.
        """
        self.key, self.account, self.decided_ms = key, account, decided_ms
        self.inputs, self.parts, self.is_doubtful = inputs, parts, is_doubtful
        self.payee, self.device = payee, device
        self.label = UNKNOWN
        self.number = 0  # how many had been learnt with it, once it was
        self.was_silent = False  # its label is what silence means


class Examples:
    """Examples of one question."""

    def __init__(self, inputs: int, delay_ms: int, *, unlabelled_is_negative: bool) -> None:
        """`inputs`: how many an example has; `delay_ms`: how long a label is waited for."""
        self._width = inputs
        self._delay_ms = delay_ms
        self._unlabelled_is_negative = unlabelled_is_negative
        self._known: dict[int, Example] = {}
        self._hours: dict[int, list[int]] = {}  # keys by the hour they were decided in
        self._pending = 0
        self._kept: tuple[dict[int, Example], dict[int, Example]] = ({}, {})
        self._taught: Counter[tuple[int, int, int]] = Counter()  # by whose, id and label
        self._ready: list[Example] = []
        self._settled: list[tuple[int, int]] = []
        self._pending_rate = 1.0
        self.rates = [1.0, 1.0]  # the share of negatives, positives that is kept
        self.learnt = 0  # examples kept so far
        self.seen = [0, 0]  # negatives, positives, whether kept or not

    @property
    def positives(self) -> int:
        """Positives kept."""
        return len(self._kept[POSITIVE])

    @property
    def negatives(self) -> int:
        """Negatives kept."""
        return len(self._kept[NEGATIVE])

    def add(self, example: Example) -> None:
        """A judged event, whose label is waited for. A key that is known is not judged again."""
        if example.key in self._known or not is_sampled(example.key, self._pending_rate):
            return
        self._known[example.key] = example
        self._hours.setdefault(example.decided_ms // HOUR_MS, []).append(example.key)
        self._pending += 1
        if self._pending > PENDING_MAX:
            self._pending_rate /= 2.0
            for other in list(self._known.values()):
                if other.label == UNKNOWN and not is_sampled(other.key, self._pending_rate):
                    self._remove(other)

    def is_waiting(self, key: int) -> bool:
        """Whether an event is known and nobody has said what became of it."""
        example = self._known.get(key)
        return example is not None and example.label == UNKNOWN

    def label(self, key: int, is_positive: bool) -> None:
        """What people found of an event."""
        example = self._known.get(key)
        if example is None:
            return
        told = POSITIVE if is_positive else NEGATIVE
        if example.label == UNKNOWN:
            self._pending -= 1
            self._settle(example, told)
        elif example.label != told:
            self._drop(example)
            if example.was_silent:  # silence was taken for a negative, too early
                self._settle(example, told)

    def doubt(self, key: int, is_doubtful: bool) -> None:
        """An event was held back or rejected (or let go): its silence means nothing (something)."""
        example = self._known.get(key)
        if example is not None and example.label == UNKNOWN:
            example.is_doubtful = is_doubtful

    def take_ready(self, hour_ms: int) -> list[Example]:
        """Those whose label became known since the last time, as of an hour's beginning."""
        last = (hour_ms - self._delay_ms) // HOUR_MS
        for hour in sorted(hour for hour in self._hours if hour < last):
            for key in self._hours.pop(hour):
                self._end_of_waiting(key)
        ready, self._ready = self._ready, []
        return ready

    def take_settled(self) -> list[tuple[int, int]]:
        """Key and label of all that was labelled since the last time, whether kept or not."""
        settled, self._settled = self._settled, []
        return settled

    def kept(self, *, canaries: bool = False) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Inputs and labels of what is kept to be fitted to, or never to be; by time and key."""
        return self._told([one for one in self._all() if is_canary(one.key) == canaries])

    def unfitted(self, learnt: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The same of what nothing was fitted to when so many had been learnt."""
        return self._told(
            [one for one in self._all() if one.number > learnt or is_canary(one.key)]
        )  # fmt: skip

    def _told(self, both: list[Example]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        both.sort(key=lambda e: (e.decided_ms, e.key))
        inputs = np.empty((len(both), self._width), np.float32)
        for k, example in enumerate(both):
            inputs[k] = example.inputs
        return inputs, np.array([example.label == POSITIVE for example in both], np.bool_)

    def span_ms(self) -> int:
        """The time between the oldest and the newest that is kept."""
        times = [e.decided_ms for e in self._all()]
        return max(times) - min(times) if times else 0

    def _all(self) -> list[Example]:
        return [example for kept in self._kept for example in kept.values()]

    def correction(self) -> float:
        """What is added to log-odds learnt from what is kept, so that they are those of all."""
        negatives, positives = self.seen
        kept = (self.negatives, self.positives)
        if 0 in (negatives, positives, *kept):
            return 0.0
        return math.log(positives / negatives) - math.log(kept[1] / kept[0])

    def forget_before(self, oldest_ms: int) -> None:
        """Drop what is older than anything may be kept."""
        for example in [e for e in self._known.values() if e.decided_ms < oldest_ms]:
            self._remove(example)

    def forget_since(self, first_ms: int) -> None:
        """Drop what was decided from a time on."""
        for example in [e for e in self._known.values() if e.decided_ms >= first_ms]:
            self._remove(example)

    def forget_account(self, account: int) -> None:
        """Drop all examples of an account."""
        for example in [e for e in self._known.values() if e.account == account]:
            self._remove(example)

    def _end_of_waiting(self, key: int) -> None:
        """The label delay is over: nobody said anything."""
        example = self._known.get(key)
        if example is None or example.label != UNKNOWN:
            return
        if example.is_doubtful or not self._unlabelled_is_negative:
            self._remove(example)
        else:
            self._pending -= 1
            example.was_silent = True
            self._settle(example, NEGATIVE)

    def _remove(self, example: Example) -> None:
        if example.label == UNKNOWN:
            self._pending -= 1
            del self._known[example.key]
        else:
            self._drop(example)

    def _settle(self, example: Example, label: int) -> None:
        example.label = label
        self.seen[label] += 1
        self._settled.append((example.key, label))
        places = places_of(example)
        is_full = any(self._taught[place] >= MOST[place[0]] for place in places)
        if is_full or not is_sampled(example.key, self.rates[label]):
            self._known.pop(example.key, None)
            return
        self._known[example.key] = example
        self._kept[label][example.key] = example
        self._taught.update(places)
        self.learnt += 1
        example.number = self.learnt
        self._ready.append(example)
        if len(self._kept[label]) > KEPT_MAX[label]:
            self.rates[label] /= 2.0
            for other in list(self._kept[label].values()):
                if not is_sampled(other.key, self.rates[label]):
                    self._drop(other)

    def _drop(self, example: Example) -> None:
        """Take an example out of what is kept."""
        del self._known[example.key]
        self._taught.subtract(places_of(example))
        del self._kept[example.label][example.key]


def places_of(example: Example) -> list[tuple[int, int, int]]:
    """Whose bounds an example counts against."""
    ids = (example.account, example.payee, example.device)
    return [(whose, one, example.label) for whose, one in enumerate(ids) if one]


def is_canary(key: int) -> bool:
    """Whether an example is only ever used to try a version; by other bits than sampling uses."""
    return ((key >> 32) & 0xFFFF) < CANARY_SHARE * 65_536.0


def is_sampled(key: int, rate: float) -> bool:
    """Whether a keyed hash falls into a share of all hashes."""
    return (key & 0xFFFF_FFFF) < rate * 4_294_967_296.0
