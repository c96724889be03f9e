"""Records that are no events, among good ones: all become dead letters, and nothing stalls."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
from confluent_kafka import Producer

from detector.events import LINE_MAX_BYTES
from streams.dead_letters import ERROR_HEADERS, REASON
from streams.routing import Route, route
from streams.topics import RECORD_MAX_BYTES, TopicNames
from tests.faults.clean import started
from tests.faults.judging import Verdict, judged
from tests.faults.logs import Log
from tests.faults.outcome import Outcome
from tests.faults.site import DRAIN_MAX_S, Site

HEADER: Final = ("source", b"faults")
BROKEN: Final = "feed_broken"  # it may be told of the poison; a log without has none
IN_A_ROW: Final = 1_000
Poison = tuple[bytes | None, bytes | None]  # key and value


def poison_of(chance: random.Random, good: bytes) -> Poison:
    """A record that is no event, each time another, made of a good one."""
    event: dict[str, Any] = orjson.loads(good)
    key = event.get("account_id", "nobody").encode()
    lacking = {name: value for name, value in event.items() if name != "event_id"}
    later = event | {"occurred_at": int(time.time() * 1000) + 86_400_000}
    values: list[bytes | None] = [
        good[: len(good) // 2], b"", None, b"\xff\xfe\x00", b"[]", b"{}", good + b"x",
        orjson.dumps(lacking),
        orjson.dumps(event | {"occurred_at": "yesterday"}),
        orjson.dumps(event | {"account_id": ""}),
        orjson.dumps(event | {"type": "surprise"}),
        orjson.dumps(later),
    ]  # fmt: skip
    if chance.random() < 0.01:
        return key, orjson.dumps(event | {"note": "x" * LINE_MAX_BYTES})
    return chance.choice((key, key, None)), chance.choice(values)


def poisoned(
    site: Site, log: Log, truth: Outcome, seed: int, say: Callable[[str], None]
) -> Verdict:
    """One poison in a hundred, and a thousand in a row; then the same alerts, and all letters."""
    chance = random.Random(seed)
    worker = site.worker("w0")
    started(site, log, [worker])
    began_s = time.monotonic()
    sent = _fed(site, log.dense, chance)
    drained_s = site.groups.wait_drained(DRAIN_MAX_S)
    outcome = site.outcome()
    broken = [one for one in outcome.alerts.values() if one["typology"] == BROKEN]
    verdict = judged(truth, outcome.but_for(BROKEN))
    letters = Counter(_original(one) for one in outcome.letters)
    verdict.lost += [f"dead letter {_short(one)}" for one in (sent - letters).elements()]
    verdict.duplicated += [f"dead letter {_short(one)}" for one in (letters - sent).elements()]
    reasons = Counter(dict(one.headers())[REASON].decode() for one in outcome.letters)
    if not worker.is_alive or list(worker.life.told("begins_anew")):
        verdict.differing.append(f"poison hurt the worker:\n{worker.life.words}")
    why = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    say(f"  seed {seed}: {sent.total():,} poison among {len(log.dense):,} events,"
        f" {IN_A_ROW:,} of it in a row: {why}; drained {drained_s:.1f} s after the last,"
        f" {time.monotonic() - began_s:.0f} s in all, no restart;"
        f" {len(broken)} feeds called broken")  # fmt: skip
    return verdict


def _fed(site: Site, lines: Sequence[bytes], chance: random.Random) -> Counter[Poison]:
    """Feed events, and poison after one in a hundred; what of it was sent."""
    names, words = TopicNames(site.prefix), {"message.max.bytes": RECORD_MAX_BYTES}
    producer = Producer(site.settings.confluent_producer() | words)
    sent: Counter[Poison] = Counter()
    for at, line in enumerate(lines):
        found = route(line)
        assert isinstance(found, Route)
        topic = names.input(found.event_type)
        producer.produce(topic, line, found.key)
        if at % 100 == 0:
            for _ in range(IN_A_ROW if at == len(lines) // 200 * 100 else 1):
                one = poison_of(chance, line)
                producer.produce(topic, one[1], one[0], headers=[HEADER])
                sent[one] += 1
            producer.poll(0)
    assert producer.flush(60) == 0
    return sent


def _original(letter: Any) -> Poison:
    """Key and value as they were sent; its headers must hold ours."""
    own = [one for one in letter.headers() if one[0] not in ERROR_HEADERS]
    assert own == [HEADER], "a dead letter has lost its headers"
    return letter.key(), letter.value()


def _short(one: Poison) -> str:
    return f"of {len(one[1] or b'')} bytes: {(one[1] or b'')[:40]!r}"
