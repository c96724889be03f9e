"""What a link's models add to its state: versions in force, thresholds, and alerts of models.

Kinds, by the first byte of the key:

    M models    which versions were in force when this was written, and where thresholds stand
    R risk      one alert of models that stands at an account
    Q           what else stands there
"""

from __future__ import annotations

from typing import Final

import msgspec

from detector.alert_book import Shelf
from detector.alerts import Alert
from detector.link_models import LinkModels
from detector.newest import Kinds
from detector.sealing import sealed
from detector.state import KEY_BYTES, Record, beside_of, key_of, opened, read_beside

MODELS, RISK, BESIDE = b"M", b"R", b"Q"
OF_MODELS: Final = (MODELS, RISK, BESIDE)


class _InForce(msgspec.Struct, array_like=True):
    versions: dict[str, int]  # by question; 0: none
    thresholds: dict[str, tuple[int, float]]  # by part: draws seen, level


class ModelsState:
    """Writes and reads these records for one link."""

    def __init__(self, models: LinkModels) -> None:
        self._models = models
        self._told: _InForce | None = None
        models.risk.book.take_changed()  # from now on somebody asks

    def changes(self) -> list[Record]:
        """What changed since this was last asked."""
        records = [self._standing(*mark) for mark in self._models.risk.book.take_changed()]
        now = _InForce(self._models.in_force, dict(self._models.thresholds))
        if now != self._told:
            self._told = now
            records.append((MODELS, sealed(now)))
        return records

    def _standing(self, key: int, alert_id: str) -> Record:
        shelf = self._models.risk.book.shelves.get(key, Shelf())
        if alert_id:
            alert = shelf.alerts.get(alert_id)
            name = key_of(RISK, key) + bytes.fromhex(alert_id)
            return name, None if alert is None else sealed(alert)
        return key_of(BESIDE, key), sealed(beside_of(shelf)) if shelf.beside else None

    def restore(self, kinds: Kinds) -> None:
        """Take up what was written.

        Raises:
            StateError: a record is damaged, or of another schema.
        """
        shelves = self._models.risk.book.shelves
        if MODELS in kinds:
            self._told = opened(MODELS, kinds[MODELS].value(0), _InForce)
            assert self._told is not None
            self._models.was_in_force = dict(self._told.versions)
            self._models.stand_at(self._told.thresholds)
        if RISK in kinds:
            alerts = [opened(key, value, Alert) for key, value in kinds[RISK].items()]
            for alert in sorted(alerts, key=lambda one: one.born):
                shelves[alert.scope.key].add(alert)
        if BESIDE in kinds:
            for key, value in kinds[BESIDE].items():
                account = int.from_bytes(key[1 : 1 + KEY_BYTES], "big", signed=True)
                read_beside(key, value, shelves[account])
