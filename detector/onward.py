"""What travels from one stage to the next: an event with all that later stages need of it.

In a service the stages stand on different partitions, so that an event's way is a chain of records:
account, device, network, payee, each keyed by its next entity (by its account where it has none).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alerts import Hit
from detector.entering import Rows, empty_rows
from detector.events import ACCOUNT, CODE, KIND_MASK, UNREAD, WORDS
from detector.folding import Folded
from detector.memory import KEY_WORDS, STAGES
from detector.told import Told

KINDS_NAMED: Final = ("device", "network", "payee")


class Onward(msgspec.Struct, array_like=True):
    """One event on its way. Words and columns are little-endian arrays."""

    event_id: str
    account_id: str
    entities: list[str | None]  # device, network, payee; None: it speaks of another event's
    words: bytes
    places: bytes  # uint16: which columns are told
    values: bytes  # float64
    causes: bytes  # uint8
    field_cause: bytes
    state: int
    decide: int
    degraded: int
    hits: list[tuple[str, str, list[str]]]  # rule id, severity, actions
    alert_ids: list[str]


_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final = msgspec.msgpack.Decoder(Onward)


class OnwardTold:
    """The names of events that came from an earlier stage."""

    def __init__(self, records: Sequence[Onward]) -> None:
        self._records = records
        self.event_ids = [record.event_id for record in records]
        self.account_ids = [record.account_id for record in records]

    def entity(self, kind: str, row: int) -> str | None:
        """The id of a row's entity."""
        return self._records[row].entities[KINDS_NAMED.index(kind)]

    def naming(self, *, logins: bool) -> list[int]:
        """Disbursements, and log-ins if asked."""
        named = []
        for row, record in enumerate(self._records):
            kind = int(np.frombuffer(record.words, np.int64)[CODE]) & KIND_MASK
            if 8 <= kind < 16 or (logins and kind < 4):
                named.append(row)
        return named


def sent(
    order: NDArray[np.int64], stage: str, rows: Rows, told: Told, folded: Sequence[Folded]
) -> Iterator[tuple[int, bytes]]:
    """The records of the rows in `order` for a stage, each with the hash that is its key.

    `folded`: what these rows hit so far, at this stage and at those before it.
    """
    key_word = KEY_WORDS[STAGES.index(stage)]
    for row in order.tolist():
        words = rows.words[row]
        causes = rows.causes[row] & (255 - UNREAD)
        places = np.flatnonzero(~np.isnan(rows.values[row]) | (causes != 0))
        hits = {k: hit for part in folded for k, hit in part.hits.get(row, {}).items()}
        alert_ids = [name for part in folded for name in part.alert_ids.get(row, ())]
        yield int(words[key_word] or words[ACCOUNT]), _encode(Onward(
            told.event_ids[row], told.account_ids[row],
            [told.entity(kind, row) for kind in KINDS_NAMED],
            words.tobytes(), places.astype(np.uint16).tobytes(),
            rows.values[row, places].tobytes(), causes[places].tobytes(),
            rows.field_cause[row].tobytes(), int(rows.state[row]), int(rows.decide[row]),
            int(rows.degraded[row]),
            [(hit.rule_id, hit.severity, list(hit.actions)) for hit in hits.values()],
            list(dict.fromkeys(alert_ids)),
        ))  # fmt: skip


def received(values: Sequence[bytes], columns: int) -> tuple[Rows, OnwardTold, Folded]:
    """Records as a batch of rows, with their names and with what they hit on their way.

    Raises:
        msgspec.DecodeError: a value is no such record.
    """
    records = [_decoder.decode(value) for value in values]
    words = np.frombuffer(b"".join(record.words for record in records), np.int64)
    rows = empty_rows(words.reshape(-1, len(WORDS)).copy(), columns)
    before = Folded()
    for row, record in enumerate(records):
        places = np.frombuffer(record.places, np.uint16)
        rows.values[row, places] = np.frombuffer(record.values, np.float64)
        rows.causes[row, places] = np.frombuffer(record.causes, np.uint8)
        rows.field_cause[row] = np.frombuffer(record.field_cause, np.uint8)
        for rule_id, severity, actions in record.hits:
            before.hits[row][rule_id] = Hit(
                rule_id, 0, "", "", severity, tuple(actions), {}, ()
            )  # fmt: skip
        if record.alert_ids:
            before.alert_ids[row] = record.alert_ids
    rows.state[:] = [record.state for record in records]
    rows.decide[:] = [record.decide for record in records]
    rows.degraded[:] = [record.degraded for record in records]
    rows.onward[:] = 1
    return rows, OnwardTold(records), before
