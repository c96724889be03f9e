"""The state of a link as records of a compacted log: what a take changed, and a link made again."""

from __future__ import annotations

from typing import Final

from detector.chain import Link
from detector.models_state import OF_MODELS, ModelsState
from detector.newest import Kinds
from detector.state import Record, StageState, refusal
from detector.state_repayment import PopulationState, RepaymentState
from detector.state_restoring import StageRestorer

OF_REPAYMENT: Final = (b"N", b"O", b"L", b"C", b"W")
OF_POPULATION: Final = (b"P",)


class LinkState:
    """All that a link knows, as records: one object a (stage, partition), made with its link.

    A record is a key and a value: of one key the newest value counts, and None takes it away. The
    kinds, by the first byte of the key, stand in state.py and state_repayment.py.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._stage = StageState(link.stage, link.book, link.subjects)
        self._repayment = RepaymentState(link.repayment) if link.repayment else None
        self._population = PopulationState() if link.repayment else None
        self._models = ModelsState(link.models) if link.models else None

    def changes(self) -> list[Record]:
        """What the link's calls changed since this was last asked; the header comes last.

        To be asked after each take, advance or erase.
        """
        records: list[Record] = []
        if self._repayment is not None and self._population is not None:
            records += self._repayment.changes()
            records += self._population.changes(self._link.stage.store.memory)
        if self._models is not None:
            records += self._models.changes()
        records += self._stage.changes(self._link.take_touched(), self._link.told)
        return records

    def restore(self, kinds: Kinds) -> None:
        """Fill a fresh link from the newest values of all its keys. Without models, what another
        life's models left is passed over.

        Raises:
            StateError: a record is of another schema, damaged, or of no kind of this stage.
        """
        apart: Kinds = {
            kind: kinds[kind] for kind in (*OF_REPAYMENT, *OF_POPULATION) if kind in kinds
        }
        if self._repayment is None:
            for records in apart.values():
                raise refusal(records.key(0), "of the account stage alone")
        link = self._link
        of_models = {kind: kinds[kind] for kind in OF_MODELS if kind in kinds}
        if self._models is not None:
            self._models.restore(of_models)
        apart |= of_models
        StageRestorer(link.stage, link.book, link.subjects, link.lateness_ms).restore(
            {kind: records for kind, records in kinds.items() if kind not in apart}
        )
        if self._repayment is not None and self._population is not None:
            self._repayment.restore(_objects(apart, OF_REPAYMENT))
            self._population.restore(link.stage.store.memory, _objects(apart, OF_POPULATION))


def _objects(kinds: Kinds, wanted: tuple[bytes, ...]) -> dict[bytes, bytes]:
    return {
        key: value for kind in wanted if kind in kinds for key, value in kinds[kind].items()
    }  # fmt: skip
