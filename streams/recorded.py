"""Recorded versions of models: read for a replay that repeats their scores."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detector.models.learner import Version, decoded
from streams.faults import Fault


def read_versions(path: Path) -> list[Version]:
    """The versions of a run's `models.jsonl`, in the order in which they were made.

    Raises:
        Fault: the file cannot be read, or a line of it is no version.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Fault(f"--models: {path}: cannot be read: {error.strerror}") from error
    versions: list[Version] = []
    for number, line in enumerate(lines, 1):
        try:
            versions += decoded([line])
        except msgspec.MsgspecError as error:
            raise Fault(
                f"--models: {path}:{number}: is no version of a model; "
                "name the models.jsonl that `replay --models learn` wrote"
            ) from error
    return versions
