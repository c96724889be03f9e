"""The loop of one stage: read, judge, and write it all in one transaction; over and over.

Each turn either ends whole or leaves nothing. What fails so that nothing is in doubt is undone and
begun anew from what is committed, in this process; a doubt ends the process (README.md).
"""

from __future__ import annotations

import threading
import time
from typing import Final

from confluent_kafka import KafkaException

from streams.faults import Fault
from streams.service.assignment import Assignment
from streams.service.changelog import Changelog, Interrupted
from streams.service.faulty import Again, Fenced, kafka_error_in, sorted_out
from streams.service.meters import StageMeters
from streams.service.rebuilding import Rebuilding
from streams.service.turns import Plan, Turns

BACK_OFF_S: Final = (0.2, 5.0)
WELL_S: Final = 60.0  # a life of this length was no failure to begin


class StageLoop:
    """Runs until it is asked to stop, or must not go on."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._stop = threading.Event()
        self._tell = plan.journal.tell
        changelog = Changelog(plan.settings, plan.state_topic, self._stop.is_set)
        self._rebuilding = Rebuilding(
            plan.stage, plan.inputs, changelog, plan.journal, plan.make_partition,
            plan.make_intake, self._stop.is_set,
        )  # fmt: skip
        self._assigned = Assignment(plan.stage, plan.make_partition, changelog, plan.journal)

    @property
    def meters(self) -> StageMeters:
        """What it tells of itself."""
        return self._plan.meters

    def stop(self) -> None:
        """Ask it to end after its transaction."""
        self._stop.set()

    def run(self) -> None:
        """Run.

        Raises:
            Fault: it must not go on; the text says why, and the cure.
        """
        back_off_s = BACK_OFF_S[0]
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                self._live()
            except Again as again:
                self._plan.meters.begun_anew()
                self._tell("begins_anew", "warning", stage=self._plan.stage, why=again.why)
            except Interrupted:
                break
            self._assigned.forget()
            if time.monotonic() - began_s > WELL_S:
                back_off_s = BACK_OFF_S[0]
            self._stop.wait(back_off_s)
            back_off_s = min(2 * back_off_s, BACK_OFF_S[1])

    def _live(self) -> None:
        """From joining the group until asked to stop, or until something fails."""
        plan = self._plan
        turns = Turns(plan, self._assigned, self._rebuilding, self._stop)
        try:
            turns.start()
            while not self._stop.is_set():
                turns.turn()
        except KafkaException as error:
            raise self._undone(turns, error) from error
        except SystemError as error:
            if (cause := kafka_error_in(error)) is None:
                raise
            raise self._undone(turns, cause) from error
        except (Fault, Again, Interrupted):
            turns.undo()
            raise
        finally:
            turns.close()
        self._tell("left", stage=plan.stage)

    def _undone(self, turns: Turns, error: KafkaException) -> Exception:
        found = self._sorted_out(error)
        if isinstance(found, Fenced):
            return self._fenced(turns, found)
        if isinstance(found, Again):
            try:
                turns.undo()
            except KafkaException as second:
                # Not known to be undone, by us; the next life's start undoes it, or is refused.
                self._tell("not_undone", "warning", stage=self._plan.stage, why=str(second))
                worse = self._sorted_out(second)
                return self._fenced(turns, worse) if isinstance(worse, Fenced) else found
        return found

    def _sorted_out(self, error: KafkaException) -> Exception:
        return sorted_out(error.args[0], self._plan.settings, self._plan.stage)

    def _fenced(self, turns: Turns, found: Fenced) -> Exception:
        """What to raise where a place was refused: by another process's doing, or by the broker's,
        which then has undone what was begun."""
        if found.is_sure:
            return found
        try:
            is_replaced = turns.is_replaced()
        except KafkaException:
            return found  # a doubt
        ended = "the broker ended a transaction that was open for too long"
        return found if is_replaced else Again(ended)
