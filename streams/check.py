"""`lendwatch check`: policy and rulebook validated, and the rulebook's own tests run.

The tests are the rulebook's and run under its own numbers and the shipped policy: an overlay that
changes a number of this deployment makes no test wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from detector.decode import Batch, Decoder
from detector.engine import Engine
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.policy import Policy
from detector.preludes import PRELUDES
from detector.rulebook import Rulebook
from detector.rules import StoryTest
from detector.stories import story_lines, story_policy
from detector.toml_file import ConfigError
from streams import settings
from streams.faults import Fault
from streams.replay import load, rulebook_under

EXIT_OK, EXIT_FAILED = 0, 1
RESULTS = ("hit", "clear", "abstain", "error")
NOT_JUDGED = "not judged"
FEED_OF = {  # without which a typology that has no rules says nothing; of others: auto_debit
    "contact_breach": "disposition", "complaint_spike": "disposition",
    "provider_outage": "identity_verification",
    "provider_fail_open": "identity_verification", "feed_silent": "identity_verification",
    "feed_broken": "login",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule said at the last event of a story, and what the story says it should."""

    rule: str
    name: str
    expect: str
    found: str
    place: str  # file:line

    @property
    def passed(self) -> bool:
        return self.expect == self.found


def run(arguments: argparse.Namespace) -> int:
    """The command: checks, prints the table, returns the exit status."""
    folder = Path(arguments.rulebook) if arguments.rulebook else None
    policy, rulebook = load(settings.policy_path(arguments.policy), folder)
    verdicts = list(check(folder))
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if arguments.json:
        told = {
            "rules": len(rulebook.rules),
            "passed": len(verdicts) - len(failed),
            "failed": len(failed),
            "versions": {"rulebook": rulebook.version, "policy": policy.version},
            "tests": [asdict(verdict) | {"passed": verdict.passed} for verdict in verdicts],
        }
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        _show(rulebook, verdicts, failed)
    return EXIT_FAILED if failed else EXIT_OK


def check(folder: Path | None) -> Iterator[Verdict]:
    """Run every story of the rulebook of a folder (None: the shipped one); Fault if one is bad."""
    policy, rulebook = load(None, folder)
    off = {rule.id for rule in rulebook.rules if rule.status == "off"}
    for test in rulebook.tests:
        if test.rule in off:
            continue
        try:
            own_policy = story_policy(test, policy)
        except ConfigError as error:
            raise Fault(str(error)) from None
        own_rulebook = rulebook_under(own_policy, folder) if test.policy else rulebook
        found = result_of(test, own_policy, own_rulebook)
        yield Verdict(test.rule, test.name, test.expect, found, f"{test.file}:{test.line}")


def result_of(test: StoryTest, policy: Policy, rulebook: Rulebook) -> str:
    """What the test's rule says of the story's last event, or what stands at the story's end.

    The latter of a typology without rules. `NOT_JUDGED` where the rule did not look at it at all.
    """
    ids = Ids()
    typology = rulebook.typologies.get(test.rule)
    by_models = typology is not None and typology.kind == "model"
    engine = Engine(rulebook, policy, ids, learns=by_models)
    decoder, lines = Decoder(ids, TIME_MAX_MS), story_lines(test)
    if typology is not None and not by_models:
        return _standing(test, engine, _decoded(decoder, lines, test), policy, rulebook)
    engine.process(_decoded(decoder, lines[:-1], test))
    before = engine.counts()["findings"][test.rule]
    engine.process(_decoded(decoder, lines[-1:], test))
    after = engine.counts()["findings"][test.rule]
    return next((name for name in RESULTS if after[name] > before[name]), NOT_JUDGED)


def _standing(
    test: StoryTest, engine: Engine, batch: Batch, policy: Policy, rulebook: Rulebook
) -> str:
    """Whether an alert of the test's typology stands at the story's end.

    The clock goes on between its events, as it does where others have events too; its prelude is
    one batch.
    """
    if not policy.sources[FEED_OF.get(rulebook.typologies[test.rule].name, "auto_debit")]:
        return "abstain"
    standing: dict[str, dict[str, Any]] = {}
    said: list[dict[str, Any]] = []
    past = len(PRELUDES[test.prelude]()) if test.prelude else 0
    for start, stop in pairwise((0, *range(past, len(batch.events) + 1))):
        if start >= past:
            said += engine.advance(batch.events[start].occurred_at).alerts
        one = slice(start, stop)
        said += engine.process(
            Batch(batch.events[one], batch.words[one], batch.positions[one], [])
        ).alerts
    if test.until_ms is not None:
        said += engine.advance(test.until_ms + 1).alerts
    for alert in said:
        standing[alert["alert_id"]] = alert
    found = any(
        alert["typology"] == test.rule and alert["status"] in ("open", "updated")
        for alert in standing.values()
    )
    return "hit" if found else "clear"


def _decoded(decoder: Decoder, lines: Sequence[bytes], test: StoryTest) -> Batch:
    batch = decoder.decode(lines)
    if batch.dead:
        dead = batch.dead[0]
        raise Fault(f"{test.file}:{test.line}: events: {dead.path}: {dead.reason}")
    return batch


def _show(rulebook: Rulebook, verdicts: Sequence[Verdict], failed: Sequence[Verdict]) -> None:
    console = Console()
    table = Table("rule", "status", "tests", "result")
    for rule_id, status in _tested(rulebook):
        own = [verdict for verdict in verdicts if verdict.rule == rule_id]
        bad = sum(not verdict.passed for verdict in own)
        told = f"[red]{bad} failed[/red]" if bad else "[green]passed[/green]" if own else "not run"
        table.add_row(rule_id, status, str(len(own)), told)
    console.print(table)
    for verdict in failed:
        place = f"{verdict.place}: {verdict.rule}: {verdict.name}"
        console.print(f"{place}: expected {verdict.expect}, got {verdict.found}", markup=False,
                      highlight=False, soft_wrap=True)  # fmt: skip
    console.print(f"{len(verdicts) - len(failed)} passed, {len(failed)} failed", highlight=False)


def _tested(rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    yield from ((rule.id, rule.status) for rule in rulebook.rules)
    for name, typology in rulebook.typologies.items():
        if typology.kind != "rules":
            yield name, "live"
