"""Faults of a running stack: each is told by its alert, and nobody is called for anything else.

    make drill      # with the rules' own waits: about twenty minutes

test_stack.py runs them with waits of a fifteenth.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import orjson

from streams.topics import TopicNames
from tests.deploy.stack import Stack, drained, fed, feeding, here, standing
from tests.deploy.tools import called
from tests.kafka.records import write
from tests.waiting import wait_until

SILENT_FEED = "identity_verification"
WEEK_S, STEP_S = 7 * 86_400, 60
PAGES = "/pages"
NO_EVENTS = 2_000
CALLED = {"LendwatchDown", "LendwatchNotCommitting"}
SHARE_BEFORE, RATE = 0.5, 10.0
TOLD_MAX_S, BACK_MAX_S = 1_500, 900


class Drill(NamedTuple):
    """What a fault made heard: after how long its alert came, and how long after the fault's end
    the all-clear, where it was awaited."""

    fault: str
    alert: str
    path: str
    told_s: float
    back_s: float | None

    @property
    def text(self) -> str:
        """For a person."""
        back = "" if self.back_s is None else f"; taken back {self.back_s:.0f} s after its end"
        return f"{self.fault}: {self.alert} to {self.path} after {self.told_s:.0f} s{back}"


def split(log: Path, folder: Path, share: float) -> tuple[Path, Path]:
    """A log's beginning, and its rest without the feed that falls silent."""
    lines = log.read_bytes().splitlines(keepends=True)
    first, rest = folder / "first.jsonl", folder / "rest.jsonl"
    begin = int(len(lines) * share)
    first.write_bytes(b"".join(lines[:begin]))
    rest.write_bytes(
        b"".join(line for line in lines[begin:] if orjson.loads(line)["type"] != SILENT_FEED)
    )
    return first, rest


def fed_before(first: Path, stack: Stack) -> None:
    """What was before anybody watches: a log, of which all is done, and last week."""
    fed(stack, first)
    drained(stack, first.read_bytes().count(b"\n"))
    a_week_ago(stack.folder, stack.tsdb)


def a_week_ago(folder: Path, tsdb: Path) -> None:
    """Tell a Prometheus that is not yet begun that the feed spoke at this hour last week."""
    begin_s = int(time.time()) - WEEK_S - 3_600
    name = "job_feed:lendwatch_events:increase1h"
    series = f'{name}{{feed="{SILENT_FEED}",job="lendwatch"}}'
    lines = [f"{series} 500 {begin_s + at}" for at in range(0, 3 * 3_600, STEP_S)]
    text = "\n".join((f"# TYPE {name} gauge", *lines, "# EOF", ""))
    (folder / "week.txt").write_text(text, "utf-8")
    called("promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "week.txt", tsdb)


class Drills:
    """The faults of one stack, whose feed of verifications is silent since Prometheus began."""

    def __init__(self, stack: Stack, told_max_s: float = TOLD_MAX_S) -> None:
        self._stack, self._told_max_s = stack, told_max_s
        self._began, self._began_s = len(stack.receiver.came), time.monotonic()

    def all(self, log: Path) -> Iterator[Drill]:
        """One after another. `log`: what comes while consumers are stalled."""
        yield self.consumer_stalled(log)
        yield self.killed()
        yield self.stopped()
        yield self.filled_with_dead_letters()
        yield self.silent()

    def killed(self) -> Drill:
        """A worker is killed."""
        return self._of_process("worker killed", signal.SIGKILL)

    def stopped(self) -> Drill:
        """A worker's process stands still."""
        return self._of_process("worker stopped", signal.SIGSTOP)

    def consumer_stalled(self, log: Path) -> Drill:
        """A worker answers and reads nothing, while this comes."""
        self._stack.stalled.touch()
        fed(self._stack, log)
        return self._told(
            "consumer stalled", "LendwatchNotCommitting", PAGES, self._stack.stalled.unlink
        )

    def filled_with_dead_letters(self) -> Drill:
        """A feed sends what is no event."""
        prefix = self._stack.variables.get("LENDWATCH_TOPIC_PREFIX", "lendwatch")
        write(self._stack.bootstrap, TopicNames(prefix).input("login"), [b"no event"] * NO_EVENTS)
        return self._told("dead letters", "LendwatchDeadLetters", "/tickets")

    def silent(self) -> Drill:
        """A feed says nothing."""
        return self._told("feed silent", "LendwatchFeedSilent", "/analysts", is_from_begin=True)

    def _of_process(self, fault: str, number: signal.Signals) -> Drill:
        assert self._stack.worker is not None
        self._stack.worker.send_signal(number)
        return self._told(fault, "LendwatchDown", PAGES, self._begun_anew)

    def _begun_anew(self) -> None:
        self._stack.end_worker()
        self._stack.start_worker()

    def _told(
        self, fault: str, alert: str, path: str, mend: Callable[[], None] | None = None,
        *, is_from_begin: bool = False,
    ) -> Drill:  # fmt: skip
        """A fault has begun: await its alert, end it, await the all-clear.

        Without `mend`: the all-clear would come when the alert's own span of time is over.
        """
        receiver = self._stack.receiver
        first, began_s = len(receiver.came), time.monotonic()
        if is_from_begin:
            first, began_s = self._began, self._began_s
        what = f"{fault}: {alert}"
        paths = wait_until(lambda: receiver.of(alert, "firing", first), self._told_max_s, what)
        assert set(paths) == {path}, paths
        told_s, back_s = time.monotonic() - began_s, None
        if mend is not None:
            mend()
            ended_s = time.monotonic()
            wait_until(lambda: receiver.of(alert, "resolved", first), BACK_MAX_S, f"{what}: over")
            back_s = time.monotonic() - ended_s
        return Drill(fault, alert, path, told_s, back_s)

    def heard(self) -> list[tuple[str, str]]:
        """Every alert that somebody was told of since the drills began: path, name; in order."""
        told = (
            (path, one["labels"]["alertname"])
            for path, body in self._stack.receiver.came[self._began :]
            for one in body["alerts"]
        )
        return list(dict.fromkeys(told))


def logins_of(log: Path, folder: Path) -> Path:
    """The last log-ins of a log, under ids of their own, as a log. Not of a later one than was
    sent: the clock would go on to them, and what comes then would be too late."""
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()[-2_000:]]
    logins = [one | {"event_id": f"drill-{at}"} for at, one in enumerate(events)
              if one["type"] == "login"]  # fmt: skip
    (folder / "drill.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in logins))
    return folder / "drill.jsonl"


def main() -> None:
    """One fault after another, on a stack that is fed."""
    with here() as (cluster, folder):
        log = folder / "world/events.jsonl"
        first, rest = split(log, folder, SHARE_BEFORE)

        before = partial(fed_before, first)
        with standing(folder, cluster.bootstrap, before=before) as stack:
            print(stack.places, flush=True)
            drills = Drills(stack)
            with feeding(stack, rest, RATE):
                for drill in drills.all(logins_of(first, folder)):
                    print(drill.text, flush=True)
            heard = drills.heard()
            print("all that was told:", *(f"{path} {name}" for path, name in heard), sep="\n  ")
            assert {name for path, name in heard if path == PAGES} == CALLED, "no other page"


if __name__ == "__main__":
    main()
