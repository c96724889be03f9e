"""Recorded versions of models, and which of them judged what: for a replay that repeats scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from detector.ids import Ids
from detector.models import debits, draws
from detector.models.inputs import DEBIT_INPUTS, DRAW_INPUTS
from detector.models.learner import Version, decoded
from detector.models.scorer import Scorer
from streams.faults import Fault


class Control(msgspec.Struct, frozen=True):
    """Which version of a question's models judged an event; 0: none."""

    question: str
    event_id: str
    version: int


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


def read_controls(
    path: Path, versions: Sequence[Version], ids: Ids
) -> Mapping[str, Mapping[int, int]]:
    """By question: by the hash of an event's id, the version that judged it.

    Raises:
        Fault: the file cannot be read, a line of it is no control, or names another version.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise Fault(f"--controls: {path}: cannot be read: {error.strerror}") from error
    known = {(one.question, one.number) for one in versions} | {(name, 0) for name in INPUTS}
    named: dict[str, dict[int, int]] = {name: {} for name in INPUTS}
    decoder = msgspec.json.Decoder(Control)
    for number, line in enumerate(lines, 1):
        try:
            one = decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise Fault(
                f"--controls: {path}:{number}: is no control: {error}; name a file that"
                " `lendwatch models --controls` wrote"
            ) from error
        if (one.question, one.version) not in known:
            raise Fault(
                f"--controls: {path}:{number}: version: {one.version} of {one.question} is not"
                " among those of --models: name files that were written together"
            )
        named[one.question][ids.hash(one.event_id)] = one.version
    return named
