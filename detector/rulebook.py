"""A rulebook: a folder of TOML files, one a typology, read and checked as a whole.

Files whose names begin with "_" declare parameters and features that several typologies share.
Whatever is wrong is refused with one line that names file, line, field and the nearest right name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final

from detector.catalogue import STANDING_SUFFIX, TRIGGERS, TYPES_AT, FeatureSpec
from detector.memory import STAGES
from detector.policy import Policy, lay_over
from detector.rulebook_features import check_anchor, read_feature
from detector.rulebook_rules import Book, Draft, read_rule
from detector.rulebook_sections import Parameter, RulebookError, read_parameters, read_typology
from detector.rules import Rule, StoryTest, Typology
from detector.stories import read_story
from detector.toml_file import TomlFile, nearest_name
from detector.toml_section import Section

__all__ = ["Rulebook", "RulebookError", "load_rulebook"]

SHIPPED: Final = Path(__file__).parent / "rulebook"
_SECTIONS: Final = ("typology", "parameters", "feature", "rule", "test")
_SHARED_SECTIONS: Final = ("parameters", "feature")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A rulebook in force under a policy; everything in the order of file names, then of lines."""

    features: tuple[FeatureSpec, ...]
    rules: tuple[Rule, ...]
    typologies: Mapping[str, Typology] = field(hash=False)
    parameters: Mapping[str, float] = field(hash=False)  # shared bare, others "typology.name"
    tests: tuple[StoryTest, ...]
    version: str  # 12 hex digits over the files' contents and the parameters in force
    features_version: str  # 12 hex digits over the features alone


def load_rulebook(folder: Path | None, policy: Policy) -> Rulebook:
    """The rulebook of a folder (None: the shipped one) under a policy.

    Raises:
        RulebookError: a file is wrong, or the policy names a parameter or rule that is not there.
    """
    shelf = _Shelf(_files(SHIPPED if folder is None else folder))
    parameters = shelf.parameters_under(policy)
    shelf.read_features(parameters)
    drafts = shelf.read_rules(parameters, policy)
    _check_rules_named(policy, [draft.rule.id for draft in drafts])
    rules = tuple(_settled(draft, drafts) for draft in drafts)
    tests = shelf.read_tests(rules, policy)
    return Rulebook(
        features=tuple(shelf.features.values()),
        rules=rules,
        typologies=shelf.typologies,
        parameters=parameters,
        tests=tests,
        version=_digest([*(f"{Path(f.name).name}\n{f.text}" for f in shelf.files),
                         json.dumps(parameters, sort_keys=True)]),
        features_version=_digest(map(_declared, shelf.features.values())),
    )  # fmt: skip


def _files(folder: Path) -> list[TomlFile]:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise RulebookError(str(folder), 1, "", f"cannot be read: {reason}") from error
    if not paths:
        raise RulebookError(str(folder), 1, "", "holds no rulebook file (.toml)")
    return [TomlFile.read(path, RulebookError) for path in paths]


def _is_shared(file: TomlFile) -> bool:
    return Path(file.name).name.startswith("_")


class _Shelf:
    """The files of a rulebook while it is read."""

    def __init__(self, files: list[TomlFile]) -> None:
        self.files = files
        self.features: dict[str, FeatureSpec] = {}
        self.typologies: dict[str, Typology] = {}
        self._tops = [Section(file, (), file.tree) for file in files]
        self._own: dict[str, dict[str, Parameter]] = {}  # by file name
        self._prefix = {f.name: "" if _is_shared(f) else Path(f.name).stem + "." for f in files}
        for top in self._tops:
            top.only(_SHARED_SECTIONS if _is_shared(top.file) else _SECTIONS)
            self._own[top.file.name] = read_parameters(top)

    def parameters_under(self, policy: Policy) -> dict[str, float]:
        """All parameters by full name, the policy's laid over the files'."""
        known: dict[str, Parameter] = {}
        shared: set[str] = set()
        for top in sorted(self._tops, key=lambda top: not _is_shared(top.file)):
            prefix = self._prefix[top.file.name]
            for name, parameter in self._own[top.file.name].items():
                if prefix + name in known or name in shared:
                    raise top.file.error(("parameters", name), f'"{name}" is a parameter twice')
                known[prefix + name] = parameter
                if not prefix:
                    shared.add(name)
        self._known = known
        _check_parameters(policy, known)
        return {name: policy.parameters.get(name, known[name].value) for name in known}

    def scope_of(self, top: Section, parameters: Mapping[str, float]) -> dict[str, float]:
        """The parameters that a file sees, by bare name."""
        prefix = self._prefix[top.file.name]
        shared = {name: value for name, value in parameters.items() if "." not in name}
        own = {name: parameters[prefix + name] for name in self._own[top.file.name]}
        return shared | own

    def read_features(self, parameters: Mapping[str, float]) -> None:
        """All features and typologies."""
        sections: dict[str, Section] = {}
        for top in self._tops:
            scope = self.scope_of(top, parameters)
            if not _is_shared(top.file):
                typology = read_typology(top, scope)
                self.typologies[typology.name] = typology
            for section in top.sections("feature"):
                feature = read_feature(section, scope)
                other = self.features.get(feature.name)
                if other is not None:
                    where = f"{Path(other.file).name}:{other.line}"
                    raise section.error("name", f'feature "{feature.name}" is also at {where}')
                if feature.name in scope:
                    raise section.error("name", f'"{feature.name}" is the name of a parameter')
                self.features[feature.name] = feature
                sections[feature.name] = section
        for name, section in sections.items():
            check_anchor(section, self.features[name], self.features)

    def read_rules(self, parameters: Mapping[str, float], policy: Policy) -> list[Draft]:
        """All rules, each with the stage of its own features."""
        book = Book(self.features, self.typologies)
        drafts: dict[str, Draft] = {}
        for top in self._tops:
            if _is_shared(top.file):
                continue
            typology = self.typologies[Path(top.file.name).stem]
            sections = list(top.sections("rule"))
            if sections and typology.kind != "rules":
                raise sections[0].error("", f'a typology of kind "{typology.kind}" has no rules')
            if not sections and typology.kind == "rules":
                raise top.error("", "lacks a [[rule]]")
            scope = self.scope_of(top, parameters)
            for section in sections:
                draft = read_rule(section, typology, book, scope, policy.rule_status)
                other = drafts.setdefault(draft.rule.id, draft).rule
                if other is not draft.rule:
                    where = f"{Path(other.file).name}:{other.line}"
                    raise section.error("id", f'rule "{other.id}" is also at {where}')
        return list(drafts.values())

    def read_tests(self, rules: tuple[Rule, ...], policy: Policy) -> tuple[StoryTest, ...]:
        """All tests; every rule needs one of each kind that it can show."""
        tests: list[StoryTest] = []
        for top in self._tops:
            if _is_shared(top.file):
                continue
            typology = self.typologies[Path(top.file.name).stem]
            own = [rule for rule in rules if rule.typology == typology.name]
            named = [rule.id for rule in own] if typology.kind == "rules" else [typology.name]
            found = []
            for section in top.sections("test"):
                found.append(read_story(section, named))
                overlay = section.section("policy")
                if overlay is not None:
                    _check_overlay(policy, overlay, self._known, [rule.id for rule in rules])
            _check_tested(top, own, found)
            tests += found
        return tuple(tests)


def _check_parameters(policy: Policy, known: Mapping[str, Parameter]) -> None:
    for name in policy.parameters:
        place = policy.places[f"parameters.{name}"]
        at = (place.file, place.line, f"parameters.{name}")
        if name not in known:
            raise RulebookError(*at, "unknown parameter", nearest_name(name, known))
        if known[name].is_duration != (name in policy.durations):
            wanted = 'a duration, such as "30m"' if known[name].is_duration else "a plain number"
            raise RulebookError(*at, f"must be {wanted}")


def _check_rules_named(policy: Policy, ids: Iterable[str]) -> None:
    known = list(ids)
    for rule_id in policy.rule_status:
        if rule_id not in known:
            place = policy.places[f"rules.{rule_id}"]
            nearest = nearest_name(rule_id, known)
            raise RulebookError(place.file, place.line, f"rules.{rule_id}", "unknown rule", nearest)


def _check_overlay(
    policy: Policy, overlay: Section, known: Mapping[str, Parameter], ids: list[str]
) -> None:
    laid = lay_over(policy, overlay)
    _check_parameters(laid, known)
    _check_rules_named(laid, ids)


def _settled(draft: Draft, drafts: list[Draft]) -> Rule:
    """The rule at the stage where it can be judged, standing columns considered."""
    rule, section = draft.rule, draft.section
    stage = rule.stage
    for name in draft.standing:
        stages = {
            other.rule.stage for other in drafts
            if other.rule.typology == name and not other.standing
        }  # fmt: skip
        if stage in stages:
            continue
        later = [s for s in stages if STAGES.index(s) > STAGES.index(stage)]
        if len(stages) != 1 or not later:
            raise section.error(
                "when", f'"{name}{STANDING_SUFFIX}": no rule of "{name}" is judged '
                f"at the {stage} stage, where this one is",
            )  # fmt: skip
        stage = later[0]
    if TRIGGERS[rule.on] not in TYPES_AT[stage] or (rule.on == "paid" and stage != "account"):
        raise section.error("on", f"{rule.on} events do not all reach the {stage} stage, "
                            "where this rule is judged")  # fmt: skip
    return replace(rule, stage=stage)


def _check_tested(top: Section, rules: list[Rule], tests: list[StoryTest]) -> None:
    shown = {(test.rule, test.expect) for test in tests}
    for section, rule in zip(top.sections("rule"), rules, strict=True):
        can_abstain = rule.expression.nullable or rule.stage != "account"
        for expect in ("hit", "clear", *(["abstain"] if can_abstain else [])):
            if (rule.id, expect) not in shown:
                raise section.error("id", f'rule "{rule.id}" has no [[test]] that expects {expect}')


def _declared(feature: FeatureSpec) -> str:
    said = {f.name: getattr(feature, f.name) for f in fields(feature)}
    return json.dumps({k: v for k, v in said.items() if k not in ("file", "line")}, sort_keys=True)


def _digest(parts: Iterable[str]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode()
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()[:12]
