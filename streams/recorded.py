"""Recorded versions of models: read for a replay that repeats their scores."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detector.models import debits, draws
from detector.models.inputs import DEBIT_INPUTS, DRAW_INPUTS
from detector.models.learner import Version, decoded
from detector.models.scorer import Scorer
from streams.faults import Fault

INPUTS = {draws.QUESTION: DRAW_INPUTS, debits.QUESTION: DEBIT_INPUTS}


def read_versions(path: Path) -> list[Version]:
    """The versions of a run's `models.jsonl`, in the order in which they were made.

    Raises:
        Fault: the file cannot be read, or a line of it is no version that this program can use.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Fault(f"--models: {path}: cannot be read: {error.strerror}") from error
    scorers = {name: Scorer(name, [one.name for one in of]) for name, of in INPUTS.items()}
    versions: list[Version] = []
    for number, line in enumerate(lines, 1):
        try:
            (version,) = decoded([line])
            scorers[version.question].take(version)
        except (msgspec.MsgspecError, KeyError, ValueError) as error:
            raise Fault(
                f"--models: {path}:{number}: is no version of these models; "
                "name the models.jsonl that `replay --models learn` of this program wrote"
            ) from error
        versions.append(version)
    return versions
