"""A set through the whole engine: its decisions, what the models read, and what turned out true."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.decode import Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.models.inputs import Reader
from detector.policy import load_policy
from detector.rulebook import load_rulebook
from detector.schema import AutoDebit, Disposition, Event
from streams.importing import mapping_path, run_import
from tests.quality.sets import DevelopmentSet, policy_of

BATCH: Final = 4096


class Listener(Reader):
    """A reader that keeps what it read."""

    def __init__(self, reader: Reader) -> None:
        self.__dict__.update(reader.__dict__)
        self.heard: list[NDArray[np.float32]] = []

    def read(self, rows: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float32]:
        inputs = super().read(rows, values)
        self.heard.append(inputs.copy())
        return inputs


@dataclass(slots=True)
class Judged:
    """One row a decision, in order."""

    times_ms: NDArray[np.int64]
    accounts: list[str]
    labels: NDArray[np.bool_]
    inputs: NDArray[np.float32]
    names: list[str]
    scores: NDArray[np.float64]
    rules: NDArray[np.float64]
    anomaly: NDArray[np.float64]
    supervised: NDArray[np.float64]  # NaN: not yet
    versions: int


def imported(one: DevelopmentSet, path: Path) -> list[bytes]:
    """A set as lines of an event log."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "events.jsonl"
        run_import(mapping_path(one.mapping), path, log)
        return log.read_bytes().splitlines()


def learning_engine(overlay: str) -> Engine:
    """An engine whose models learn, under the text of an overlay of the policy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.toml"
        path.write_text(overlay)
        policy = load_policy(path)
    return Engine(load_rulebook(None, policy), policy, Ids(), learns=True)


def judged(one: DevelopmentSet, lines: list[bytes], truth: set[str] | None = None) -> Judged:
    """A log replayed, models learning. `truth`: what was fraud, where the log does not say so."""
    return _replayed(learning_engine(policy_of(one)), lines, one, truth)


def _replayed(
    engine: Engine, log: list[bytes], one: DevelopmentSet, truth: set[str] | None
) -> Judged:
    assert engine.models is not None
    part = engine.models.debits if "auto_debit" in one.feeds else engine.models.draws
    listener = Listener(part._reader)
    part._reader = listener
    decoder = Decoder(Ids(), TIME_MAX_MS)
    records, bad, subject_of = [], set(), {}
    for start in range(0, len(log), BATCH):
        batch = decoder.decode(log[start : start + BATCH])
        for event in batch.events:
            bad |= _bad(event)
            if isinstance(event, AutoDebit):
                subject_of[event.event_id] = event.debit_id
        records += engine.process(batch).decisions
    bad = bad if truth is None else truth
    subjects = [subject_of.get(record["event_id"], record["event_id"]) for record in records]
    parts = [record["components"] for record in records]
    return Judged(
        times_ms=np.array([record["occurred_at"] for record in records], np.int64),
        accounts=[record["account_id"] for record in records],
        labels=np.array([subject in bad for subject in subjects], np.bool_),
        inputs=np.concatenate(listener.heard), names=listener.names,
        scores=_column([record["score"] for record in records]),
        rules=_column([each["rules"] for each in parts]),
        anomaly=_column([each["anomaly"] for each in parts]),
        supervised=_column([each["supervised"] for each in parts]),
        versions=len(engine.models.take_versions()),
    )  # fmt: skip


def _column(values: list[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if x is None else x for x in values], np.float64)


def _bad(event: Event) -> set[str]:
    """What an event says turned out badly: a draw by its event, a debit by its attempt."""
    if isinstance(event, Disposition) and event.disposition == "confirmed_fraud":
        return {event.target_event_id} if event.target_event_id else set()
    if isinstance(event, AutoDebit) and event.outcome in ("insufficient_balance", "partial"):
        return {event.debit_id}
    return set()
