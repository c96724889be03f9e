"""A chain of links, as a service would run it: partitions, records of state, restarts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from detector.chain import Link, LinkOutputs
from detector.decode import Batch, Decoder
from detector.events import ACCOUNT
from detector.ids import Ids
from detector.link_state import LinkState
from detector.memory import STAGES
from detector.newest import kinds_of
from detector.parcels import Parcel
from detector.parts import Parts
from tests.comparing import FAR_FUTURE_MS, rulebook_of

Said = dict[str, list[bytes]]
Log = dict[tuple[str, int], dict[bytes, bytes]]  # by stage and partition


def nothing_said() -> Said:
    return {"alerts": [], "decisions": [], "findings": []}


def gather(said: Said, outputs: Any) -> None:
    for name, records in said.items():
        records += [orjson.dumps(record) for record in getattr(outputs, name)]


class Chain:
    """Four stages of some partitions each, in one process, their state in a log."""

    def __init__(self, terms: Any, partitions: int = 1) -> None:
        self.said, self.partitions = nothing_said(), partitions
        self.by_stage = {name: nothing_said() for name in STAGES}
        ids = Ids()
        self.parts = self.made_parts(terms, ids, partitions)
        self.decoder = Decoder(ids, FAR_FUTURE_MS)
        self.places = [(name, p) for name in STAGES for p in range(partitions)]
        self.log: Log = {place: {} for place in self.places}
        self.links: dict[tuple[str, int], Link] = {}
        self.states: dict[tuple[str, int], LinkState] = {}
        self.restart()

    def made_parts(self, terms: Any, ids: Ids, partitions: int) -> Parts:
        """What its links are made of."""
        return Parts(*rulebook_of(terms), ids, partitions=partitions)

    def restart(self) -> None:
        """All links made again from the log."""
        for place in self.places:
            self.links[place] = Link(place[0], self.parts)
            self.states[place] = LinkState(self.links[place])
            self.states[place].restore(kinds_of(self.log[place]))

    def keep(self, place: tuple[str, int]) -> None:
        """Write what a link changed, as a compacted topic would keep it."""
        for key, value in self.states[place].changes():
            if value is None:
                self.log[place].pop(key, None)
            else:
                self.log[place][key] = value

    def process(self, lines: Sequence[bytes]) -> None:
        """A batch of lines through all stages."""
        batch = self.decoder.decode(lines)
        waiting: dict[tuple[str, int], list[bytes]] = {place: [] for place in self.places}
        parcels: list[Parcel] = []
        for p, part in enumerate(self._split(batch)):
            parcels += self._heard(STAGES[0], p, self.links[STAGES[0], p].take(part))
        for stage in STAGES[1:]:
            for sent in self.parts.postman.sent(stage, [p for p in parcels if p.stage == stage]):
                waiting[stage, sent.partition].append(sent.value)
            for p in range(self.partitions):
                outputs = self.links[stage, p].take_onward(waiting[stage, p])
                parcels += self._heard(stage, p, outputs)

    def process_at_account(self, lines: Sequence[bytes]) -> None:
        """A batch of lines through the account stage alone."""
        for p, part in enumerate(self._split(self.decoder.decode(lines))):
            outputs = self.links[STAGES[0], p].take(part)
            gather(self.by_stage[STAGES[0]], outputs)
            self.keep((STAGES[0], p))

    def advance_accounts(self, clock_ms: int) -> None:
        """The clocks of the account stage go on, as they do while nothing comes."""
        for p in range(self.partitions):
            outputs = self.links[STAGES[0], p].advance(clock_ms)
            gather(self.by_stage[STAGES[0]], outputs)
            self.keep((STAGES[0], p))

    def _heard(self, stage: str, p: int, outputs: LinkOutputs) -> list[Parcel]:
        gather(self.said, outputs)
        gather(self.by_stage[stage], outputs)
        self.keep((stage, p))
        return outputs.onward

    def _split(self, batch: Batch) -> list[Batch]:
        if self.partitions == 1:
            return [batch]
        where = (batch.words[:, ACCOUNT].astype("u8") % self.partitions).tolist()
        split = []
        for p in range(self.partitions):
            rows = [row for row, at in enumerate(where) if at == p]
            events = [batch.events[row] for row in rows]
            split.append(Batch(events, batch.words[rows], batch.positions[rows], []))
        return split
