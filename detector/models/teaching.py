"""What learners are taught of what was decided: of draws and debits, and of what became of them.

Who decides tells a pupil, in event order: in a replay a teacher of the learner itself, in a service
somebody who writes it down for a learner in another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np

from detector.entering import Rows
from detector.events import CODE, ID, KIND_MASK, KINDS, OBJECT
from detector.models.examples import Example
from detector.models.learner import Learner

VERDICTS: Final[Mapping[int, bool]] = {  # what people found, and whether it is fraud
    KINDS["confirmed_fraud"]: True, KINDS["label_fraud"]: True,
    KINDS["false_positive"]: False, KINDS["label_cleared"]: False,
    KINDS["customer_confirmed"]: False,
}  # fmt: skip
STEPS: Final[Mapping[int, bool | None]] = {  # a disbursement's own; whether silence means nothing
    KINDS["disbursement_rejected"]: True, KINDS["disbursement_reversed"]: True,
    KINDS["disbursement_paid_echo"]: False, KINDS["disbursement_requested_echo"]: None,
}  # fmt: skip
WORDS_ABOUT: Final[Mapping[int, bool]] = {
    KINDS["held"]: True, KINDS["released"]: False, KINDS["paid_anyway"]: False,
}  # fmt: skip
HEARD: Final = np.array(sorted({*VERDICTS, *STEPS, *WORDS_ABOUT}), np.int64)
SCHEDULED: Final = KINDS["debit_scheduled"]
OUTCOMES: Final[Mapping[int, bool]] = {  # of a debit: whether it failed for want of balance
    KINDS["debit_success"]: False, KINDS["debit_partial"]: True,
    KINDS["debit_insufficient_balance"]: True,
}  # fmt: skip
TARGETS_MAX: Final = 400_000  # event ids by which a disposition may name a draw


class DrawPupil(Protocol):
    """Is told of draws; `row` is one of a batch's `rows`."""

    def judged(self, rows: Rows, row: int, example: Example) -> None:
        """A draw was decided."""

    def hear(self, rows: Rows, row: int) -> None:
        """Something became of a draw: a row of one of the kinds in HEARD."""


class DebitPupil(Protocol):
    """Is told of debits."""

    def judged(self, rows: Rows, row: int, example: Example) -> None:
        """A scheduled debit was decided."""

    def attempted(self, rows: Rows, row: int, key: int, *, is_failure: bool) -> None:
        """An attempt at the debit of this key said yes or no."""


class DrawTeacher:
    """Teaches a learner of draws."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self.targets: dict[int, int] = {}  # id of a disbursement's event: the disbursement's

    def judged(self, rows: Rows, row: int, example: Example) -> None:
        """See DrawPupil."""
        self.teach(int(rows.words[row, ID]), example)

    def teach(self, event: int, example: Example) -> None:
        """A draw that this event told was decided."""
        self._name(event, example.key)
        self._learner.judged(example)

    def hear(self, rows: Rows, row: int) -> None:
        """See DrawPupil."""
        words = rows.words[row]
        self.tell(int(words[CODE]) & KIND_MASK, int(words[ID]), int(words[OBJECT]))

    def tell(self, kind: int, event: int, told: int) -> None:
        """An event of this kind came, about a disbursement or another event."""
        examples = self._learner.examples
        if kind in STEPS:
            self._name(event, told)
            is_doubtful = STEPS[kind]
            if is_doubtful is not None:
                examples.doubt(told, is_doubtful)
            return
        key = self.targets.get(told, told)
        if kind in VERDICTS:
            examples.label(key, VERDICTS[kind])
        else:
            examples.doubt(key, WORDS_ABOUT[kind])

    def _name(self, event: int, key: int) -> None:
        self.targets[event] = key
        if len(self.targets) > TARGETS_MAX:
            del self.targets[next(iter(self.targets))]


class DebitTeacher:
    """Teaches a learner of debits."""

    def __init__(self, learner: Learner) -> None:
        self._learner = learner

    def judged(self, rows: Rows, row: int, example: Example) -> None:
        """See DebitPupil."""
        self.teach(example)

    def teach(self, example: Example) -> None:
        """A scheduled debit was decided."""
        self._learner.judged(example)

    def attempted(self, rows: Rows, row: int, key: int, *, is_failure: bool) -> None:
        """See DebitPupil."""
        self.tell(key, is_failure=is_failure)

    def tell(self, key: int, *, is_failure: bool) -> None:
        """An attempt said yes or no; the first one that does is the label."""
        if self._learner.examples.is_waiting(key):
            self._learner.examples.label(key, is_failure)
