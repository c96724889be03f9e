"""A rulebook as a whole: loaded, versioned, under a policy, and refused with the place named."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from detector.policy import Policy, load_policy
from detector.rulebook import Rulebook, RulebookError, load_rulebook
from tests.detector.rulebook_refusals import REFUSALS, Change
from tests.detector.small_rulebook import BURST, DEBITS, SHARED, write


@pytest.fixture(name="policy")
def _policy() -> Policy:
    return load_policy()


def load(tmp_path: Path, *changes: Change, overlay: str = "", **files: str) -> Rulebook:
    path = tmp_path / "overlay.toml"
    path.write_text(overlay, encoding="utf-8")
    return load_rulebook(write(tmp_path / "rules", *changes, **files), load_policy(path))


def refusal(tmp_path: Path, *changes: Change, overlay: str = "", **files: str) -> str:
    with pytest.raises(RulebookError) as caught:
        load(tmp_path, *changes, overlay=overlay, **files)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{tmp_path}/", "").replace("rules/", "")


def test_the_shipped_rulebook_loads_under_the_shipped_policy(policy: Policy) -> None:
    book = load_rulebook(None, policy)
    assert len({rule.id for rule in book.rules}) == len(book.rules) > 0
    assert {rule.typology for rule in book.rules} <= set(book.typologies)
    assert len(book.version) == len(book.features_version) == 12


def test_a_rulebook_is_read_in_the_order_of_its_files(tmp_path: Path) -> None:
    book = load(tmp_path, debits=DEBITS)
    assert [feature.name for feature in book.features] == [
        "account_age_ms", "draws", "device_accounts",
    ]  # fmt: skip
    assert [rule.id for rule in book.rules] == ["burst.count", "burst.device"]
    assert list(book.typologies) == ["burst", "debits"]
    assert [test.name for test in book.tests][:2] == ["five", "one"]
    assert book.typologies["debits"].kind == "obligation"
    assert book.typologies["burst"].quiet_ms == 7_200_000


def test_parameters_are_known_by_full_name_and_a_duration_is_in_ms(tmp_path: Path) -> None:
    book = load(tmp_path)
    assert book.parameters == {
        "new_ms": 86_400_000, "cap_minor": 500, "burst.count": 5, "burst.span": 1_800_000,
    }  # fmt: skip
    assert book.rules[0].parameters["count"] == 5
    assert book.rules[0].parameters["new_ms"] == 86_400_000


def test_the_policy_is_laid_over_parameters_and_statuses(tmp_path: Path) -> None:
    overlay = '[parameters]\nburst.count = 7\nburst.span = "1h"\n[rules]\nburst.count = "off"\n'
    book = load(tmp_path, overlay=overlay)
    assert book.parameters["burst.count"] == 7
    assert book.features[1].span_ms == 3_600_000
    assert book.rules[0].parameters["count"] == 7
    assert [rule.status for rule in book.rules] == ["off", "shadow"]


def test_the_version_follows_files_and_parameters(tmp_path: Path) -> None:
    first = load(tmp_path)
    assert load(tmp_path).version == first.version
    comment = load(tmp_path, ("# A comment", "# Another comment"))
    assert comment.version != first.version
    assert comment.features_version == first.features_version
    laid = load(tmp_path, overlay="[parameters]\nburst.count = 7\n")
    assert laid.version != first.version and laid.features_version == first.features_version
    wider = load(tmp_path, ('span = "30m"', 'span = "31m"'))
    assert wider.features_version != first.features_version


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_wrong_is_named_by_file_line_field_and_nearest_name(
    tmp_path: Path, name: str
) -> None:
    change, message = REFUSALS[name]
    assert refusal(tmp_path, change) == message


POLICY_REFUSALS = {
    "[parameters]\nburst.cuont = 3":
        'overlay.toml:2: parameters.burst.cuont: unknown parameter (nearest: "burst.count")',
    "[parameters]\ncount = 3":
        'overlay.toml:2: parameters.count: unknown parameter (nearest: "burst.count")',
    '[parameters]\nburst.count = "5m"':
        "overlay.toml:2: parameters.burst.count: must be a plain number",
    "[parameters]\n\nnew_ms = 24":
        'overlay.toml:3: parameters.new_ms: must be a duration, such as "30m"',
    '[rules]\nburst.cont = "live"':
        'overlay.toml:2: rules.burst.cont: unknown rule (nearest: "burst.count")',
}  # fmt: skip


@pytest.mark.parametrize("overlay", POLICY_REFUSALS)
def test_a_policy_that_does_not_fit_the_rulebook_is_named_in_its_own_file(
    tmp_path: Path, overlay: str
) -> None:
    assert refusal(tmp_path, overlay=overlay) == POLICY_REFUSALS[overlay]


REPAYMENT = ('purpose = "anti_fraud"\ntechniques', 'purpose = "repayment"\ntechniques')


def test_a_repayment_rule_that_reads_a_device_is_refused(tmp_path: Path) -> None:
    said = "which rests on device, network, session or signals"
    assert refusal(tmp_path, REPAYMENT) == (
        f'burst.toml:60: rule[2].when: purpose "repayment" may not read "device_accounts", {said}'
    )
    flag = ("draws >= :count", "has_device = 1")
    assert refusal(tmp_path, REPAYMENT, flag) == (
        f'burst.toml:46: rule[1].when: purpose "repayment" may not read "has_device", {said}'
    )
    same = ('span = ":span"', 'span = ":span"\nsame = ["session"]')
    assert refusal(tmp_path, REPAYMENT, same) == (
        f'burst.toml:47: rule[1].when: purpose "repayment" may not read "draws", {said}'
    )
    named = ("{draws:.0f} draws", "{has_network} draws")
    assert "has_network" in refusal(tmp_path, REPAYMENT, named)


def test_a_repayment_feature_that_rests_on_a_device_is_refused(tmp_path: Path) -> None:
    change = (
        'span = ":span"\npurpose = "anti_fraud"',
        'span = ":span"\ndiffer = ["device"]\npurpose = "repayment"',
    )
    assert refusal(tmp_path, change) == (
        'burst.toml:28: feature[1].differ: purpose "repayment" may not rest on device, network, '
        "session or signals"
    )
    entity = ("span = 604800000\npurpose = \"anti_fraud\"",
              "span = 604800000\npurpose = \"repayment\"")  # fmt: skip
    assert refusal(tmp_path, entity).startswith("burst.toml:34: feature[2].entity: purpose")


def test_a_shared_file_declares_parameters_and_features_only(tmp_path: Path) -> None:
    text = SHARED + '\n[[rule]]\nid = "x.y"\n'
    assert refusal(tmp_path, _shared=text) == "_shared.toml:14: rule: unknown key"


def test_an_obligation_has_no_rules_and_texts_of_its_own(tmp_path: Path) -> None:
    wrong = DEBITS.replace("{failures} failed", "{failure} failed")
    assert refusal(tmp_path, debits=wrong) == (
        'debits.toml:14: typology.text: unknown name "failure" in braces (nearest: "failures")'
    )
    ruled = DEBITS + '\n[[rule]]\nid = "debits.x"\n'
    assert refusal(tmp_path, debits=ruled) == (
        'debits.toml:18: rule[1]: a typology of kind "obligation" has no rules'
    )


def test_a_folder_that_is_not_there_or_holds_nothing_is_refused(
    tmp_path: Path, policy: Policy
) -> None:
    with pytest.raises(RulebookError, match="cannot be read: No such file"):
        load_rulebook(tmp_path / "absent", policy)
    with pytest.raises(RulebookError, match="holds no rulebook file"):
        load_rulebook(tmp_path, policy)


def test_an_error_tells_its_parts(tmp_path: Path) -> None:
    with pytest.raises(RulebookError) as caught:
        load(tmp_path, ("draws >= :count", "darws >= :count"))
    error = caught.value
    assert (Path(error.file).name, error.line, error.field) == ("burst.toml", 46, "rule[1].when")
    assert (error.message, error.nearest) == ('unknown column "darws"', "draws")


@pytest.mark.parametrize("seed", range(4))
def test_a_broken_file_is_refused_in_one_line_and_never_crashes(
    tmp_path: Path, policy: Policy, seed: int
) -> None:
    print(f"seed {seed}")
    chance = random.Random(seed)
    whole = BURST.splitlines()
    words = ("true", "3", "[]", '"x"', "{}", "nan", "2026-01-01", "[{a = 1}]", '"x > 1"')
    refused = 0
    for _ in range(80):
        lines = list(whole)
        place = chance.randrange(len(lines))
        key = lines[place].partition(" = ")[0]
        lines[place] = chance.choice(
            ["", f"{key} = {chance.choice(words)}", lines[place][: chance.randrange(80)],
             chance.choice(whole), f"{lines[place]}\n{chance.choice(whole)}"]
        )  # fmt: skip
        folder = write(tmp_path / "rules", burst="\n".join(lines) + "\n")
        try:
            load_rulebook(folder, policy)
        except RulebookError as error:
            refused += 1
            assert "\n" not in str(error)
            assert 1 <= error.line <= len(whole) + 2
    assert refused > 30
