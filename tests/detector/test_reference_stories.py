"""The slow engine says of every story of the shipped rulebook what the story expects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import detector
from detector.policy import load_policy
from detector.rules import StoryTest
from detector.stories import read_story, story_lines, story_policy
from detector.toml_file import ConfigError, TomlFile
from detector.toml_section import Section
from tests.reference import Reference
from tests.reference_rules import RULES
from tests.reference_terms import Terms

RULEBOOK = Path(detector.__file__).parent / "rulebook"


def stories() -> Iterator[StoryTest]:
    ids = [rule.id for rule in RULES]
    for path in sorted(RULEBOOK.glob("*.toml")):
        file = TomlFile.parse(path.name, path.read_text("utf-8"), ConfigError)
        if "test" in file.tree and "kind" not in file.tree["typology"]:
            for section in Section(file, (), file.tree).sections("test"):
                yield read_story(section, ids)


def terms_of(story: StoryTest) -> Terms:
    policy = story_policy(story, load_policy())
    assert not policy.parameters, "the slow engine knows the shipped numbers alone"
    return Terms(
        missing_sources=frozenset(name for name, there in policy.sources.items() if not there),
        absent_fields=policy.absent_fields, allow_devices=policy.allow_devices,
        allow_networks=policy.allow_networks, allow_payees=policy.allow_payees,
        timezone=policy.timezone,
        campaigns=tuple((one.from_ms, one.until_ms) for one in policy.campaigns),
    )  # fmt: skip


@pytest.mark.parametrize("story", list(stories()), ids=lambda story: f"{story.rule}: {story.name}")
def test_a_story_ends_as_it_says(story: StoryTest) -> None:
    reference = Reference(terms_of(story))
    events = [json.loads(line) for line in story_lines(story)]
    for event in events:
        reference.handle(event)
    stage = next(rule.stage for rule in RULES if rule.id == story.rule)
    found = reference.stages[stage].found.get((story.rule, events[-1]["event_id"]), "abstain")
    assert found == story.expect
