"""Laws of the models: scoring is pure and equal to river's own, learning is bounded and goes on."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.models import blend, examples
from detector.models.blend import PARTS, Blend, BlendLearner
from detector.models.contest import losses
from detector.models.deviations import DEVIATION_MAX, DIRECTIONS, DeviationLearner, Deviations
from detector.models.examples import DAY_MS, HOUR_MS, Example, Examples
from detector.models.forest import LEAVES, NODES, Forest, ForestWeights, fit
from detector.models.inputs import DEBIT_INPUTS, DRAW_INPUTS, Reader
from detector.models.learner import Learner, Terms, Version, decoded, encoded
from detector.models.scorer import Scorer
from detector.policy import load_policy
from detector.rulebook import load_rulebook

NAMES = [one.name for one in DRAW_INPUTS]
SEED = 7


def rows_of(n: int, seed: int = SEED) -> NDArray[np.float32]:
    """Inputs with a tenth that is not known."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(n, len(NAMES))).astype(np.float32)
    rows[draw.random(rows.shape) < 0.1] = np.nan
    return rows


def labels_of(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """A truth that a forest can find: two inputs together."""
    known = np.nan_to_num(rows)
    found: NDArray[np.bool_] = (known[:, 0] > 0.5) & (known[:, 3] < 0.0)
    return found


def walked(weights: ForestWeights, row: NDArray[np.float32]) -> float:
    """One row through a forest, by plain Python."""
    total = weights.base
    for tree in range(len(weights.leaves) // LEAVES):
        k = 0
        while k < NODES:
            feature = weights.features[tree * NODES + k]
            threshold = weights.thresholds[tree * NODES + k]
            goes_right = threshold is not None and float(row[feature]) > threshold
            k = 2 * k + (2 if goes_right else 1)
        total += weights.leaves[tree * LEAVES + k - NODES]
    return total


@pytest.fixture(scope="module")
def forest() -> ForestWeights:
    rows = rows_of(2000)
    return fit(NAMES, rows, labels_of(rows))


def test_a_forest_scores_each_row_by_itself_as_a_walk_by_hand_does(forest: ForestWeights) -> None:
    rows = rows_of(50, seed=8)
    whole = Forest(forest).margins(rows)
    assert whole.tolist() == [Forest(forest).margins(rows[k : k + 1])[0] for k in range(50)]
    assert whole == pytest.approx([walked(forest, row) for row in rows], abs=1e-9)


def test_a_forest_finds_what_two_inputs_say_together(forest: ForestWeights) -> None:
    rows = rows_of(1000, seed=9)
    found = Forest(forest).margins(rows) > 0.0
    assert (found == labels_of(rows)).mean() > 0.97


def test_the_same_examples_make_the_same_forest_to_the_bit(forest: ForestWeights) -> None:
    rows = rows_of(2000)
    assert fit(NAMES, rows, labels_of(rows)) == forest


def test_examples_of_one_kind_make_no_forest() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        fit(NAMES, rows_of(10), np.zeros(10, np.bool_))


def test_a_forest_of_another_shape_is_refused(forest: ForestWeights) -> None:
    with pytest.raises(ValueError, match="not of as many trees"):
        Forest(msgspec.structs.replace(forest, features=forest.features[1:]))


def test_deviations_are_those_of_rivers_scaler_in_the_risky_direction() -> None:
    learner = DeviationLearner(NAMES)
    for row in rows_of(300):
        learner.learn(row.tolist())
    rows = rows_of(40, seed=10)
    found = Deviations(learner.weights(), NAMES).deviations(rows)
    for k, row in enumerate(rows.tolist()):
        told = {n: row[NAMES.index(n)] for n in DIRECTIONS if not math.isnan(row[NAMES.index(n)])}
        scaled = learner._scaler.transform_one(told)
        expected = [
            min(max(scaled.get(name, 0.0) * sign, 0.0), DEVIATION_MAX)
            for name, sign in DIRECTIONS.items()
        ]
        assert found[k].tolist() == pytest.approx(expected, abs=1e-9)


def test_an_input_never_seen_deviates_by_nothing() -> None:
    learner = DeviationLearner(NAMES)
    for row in rows_of(300):
        row[NAMES.index("device_age")] = np.nan
        learner.learn(row.tolist())
    rows = rows_of(20, seed=11)
    found = Deviations(learner.weights(), NAMES).deviations(rows)
    assert not found[:, list(DIRECTIONS).index("device_age")].any()


def test_deviations_taken_up_again_go_on_as_if_never_laid_down() -> None:
    rows = rows_of(200)
    straight, first = DeviationLearner(NAMES), DeviationLearner(NAMES)
    for row in rows:
        straight.learn(row.tolist())
    for row in rows[:90]:
        first.learn(row.tolist())
    again = DeviationLearner(NAMES, first.weights())
    for row in rows[90:]:
        again.learn(row.tolist())
    assert again.weights() == straight.weights()


def taught(learner: BlendLearner, start: int, stop: int) -> None:
    """Teach the examples from `start` to `stop` of one sequence."""
    draw = np.random.default_rng(SEED)
    for k, (*parts, chance) in enumerate(draw.random((stop, 4)).tolist()):
        if k >= start:
            learner.learn((parts[0], parts[1] * 4 - 2, parts[2]), chance < parts[0])


def test_an_input_lifts_a_score_by_what_its_usual_value_would_take_from_it(
    forest: ForestWeights,
) -> None:
    model, rows = Forest(forest), rows_of(20, seed=4)
    negatives = rows_of(2000)[~labels_of(rows_of(2000))]
    for column in (0, 3):
        ordered = sorted(negatives[:, column].tolist(), key=lambda x: (not math.isnan(x), x))
        assert forest.usual[column] == pytest.approx(ordered[(len(ordered) - 1) // 2])
    for row in rows:
        lifts = model.lifts(row)
        for column in (0, 3, 5):
            other, usual = row.copy(), forest.usual[column]
            other[column] = np.nan if usual is None else usual
            expected = walked(forest, row) - walked(forest, other)
            assert lifts[column] == pytest.approx(expected, abs=1e-9)


def test_a_blend_is_rivers_logistic_regression_where_no_weight_is_below_nothing() -> None:
    learner = BlendLearner()
    taught(learner, 0, 500)
    weights = learner.weights()
    assert min(weights.weights) > 0.0
    parts = np.random.default_rng(3).random((30, 3))
    found = Blend(weights).scores(parts)
    told = [learner._model.predict_proba_one(dict(zip(PARTS, row, strict=True)))[True]
            for row in parts.tolist()]  # fmt: skip
    assert found == pytest.approx(told, abs=1e-9)


def test_contributions_and_the_intercept_add_up_to_the_log_odds() -> None:
    learner = BlendLearner()
    taught(learner, 0, 200)
    model, parts = Blend(learner.weights()), np.random.default_rng(3).random((10, 3))
    total = model.contributions(parts).sum(axis=1) + model.weights.intercept
    assert 1.0 / (1.0 + np.exp(-total)) == pytest.approx(model.scores(parts), abs=1e-12)


def test_what_is_left_out_of_the_teaching_does_not_change_the_chance() -> None:
    """Once all are taught, then an eighth of the negatives: the chance goes on near the truth."""
    draw, learner = np.random.default_rng(SEED), BlendLearner()
    for rate in (1.0, 0.125):
        before = chance_of(learner)
        learner.at_rates(rate, 1.0)
        assert chance_of(learner) == pytest.approx(before)
        for is_positive, kept in draw.random((20_000, 2)).tolist():
            if is_positive < 0.2 or kept < rate:
                learner.learn((0.0, 0.0, 0.0), is_positive < 0.2)
        assert chance_of(learner) == pytest.approx(0.2, rel=0.4)


def chance_of(learner: BlendLearner) -> float:
    """What a blend says of a row of which no part says anything."""
    return float(Blend(learner.weights()).scores(np.zeros((1, 3)))[0])


def test_no_part_counts_against_another() -> None:
    weights = blend.BlendWeights(1, 0.0, [-5.0, 1.0, 1.0])
    model = Blend(weights)
    low, high = model.scores(np.array([[0.0, 1.0, 0.5], [1.0, 1.0, 0.5]]))
    assert low == high


def test_a_blend_taken_up_again_goes_on_as_if_never_laid_down() -> None:
    straight, first = BlendLearner(), BlendLearner()
    taught(straight, 0, 300)
    taught(first, 0, 120)
    again = BlendLearner(first.weights())
    taught(again, 120, 300)
    assert again.weights() == straight.weights()


def test_a_repayment_model_reads_no_device_address_session_or_place() -> None:
    features = {feature.name: feature for feature in load_rulebook(None, load_policy()).features}
    fields = {"amount_due_minor", "days_early"}
    read = {name for one in DEBIT_INPUTS for name in one.columns} - fields
    assert {features[name].purpose for name in read} == {"repayment"}
    assert not any(features[name].rests_on_device for name in read)


def test_an_input_is_what_its_kind_says_and_not_known_where_a_column_is_not() -> None:
    places = {name: k for k, name in enumerate(sorted({c for i in DRAW_INPUTS for c in i.columns}))}
    values = np.full((2, len(places)), np.nan)
    told = {"amount_minor": 9_900.0, "normal_amount_minor": 4_900.0, "account_draws_24h": 3.0,
            "account_draws_30d": 30.0, "payee_frauds_7d": 1.0, "payee_draws_7d": 6.0,
            "credit_limit_minor": 1_000.0, "outstanding_minor": 5_000.0}  # fmt: skip
    for name, value in told.items():
        values[1, places[name]] = value
    read = Reader(DRAW_INPUTS, places).read(np.array([1, 0]), values)
    known = dict(zip(NAMES, read[0].tolist(), strict=True))
    expected = {"amount": math.log(10_000), "amount_to_normal": math.log(2), "burst":
                math.log(3.5 / 1.5), "payee_rate_7d": math.log(1.1 / 11),
                "payee_draws_7d": math.log(7), "amount_to_left": math.log(100)}  # fmt: skip
    assert {k: v for k, v in known.items() if not math.isnan(v)} == pytest.approx(expected)
    assert np.isnan(read[1]).all()


def example(key: int, hour: int, account: int = 1, *, is_doubtful: bool = False) -> Example:
    inputs = np.full(2, key, np.float32)
    return Example(key, account, hour * HOUR_MS, inputs, None, is_doubtful)


def memory(delay_hours: int = 10) -> Examples:
    return Examples(2, delay_hours * HOUR_MS, unlabelled_is_negative=True)


def test_silence_is_a_negative_only_when_the_label_delay_is_over() -> None:
    held = memory()
    held.add(example(5, hour=0))
    assert held.take_ready(10 * HOUR_MS) == []
    assert [one.key for one in held.take_ready(11 * HOUR_MS)] == [5]
    assert (held.negatives, held.positives) == (1, 0)


def test_what_was_advised_against_or_held_is_never_learnt_from_in_silence() -> None:
    held = memory()
    held.add(example(1, hour=0, is_doubtful=True))
    held.add(example(2, hour=0))
    held.doubt(2, True)
    held.add(example(3, hour=0, is_doubtful=True))
    held.doubt(3, False)
    assert [one.key for one in held.take_ready(99 * HOUR_MS)] == [3]


def test_who_is_told_both_ways_is_set_aside() -> None:
    held = memory()
    held.add(example(1, hour=0))
    held.label(1, True)
    held.label(1, False)
    held.label(1, True)
    assert (held.negatives, held.positives) == (0, 0)


def test_a_fraud_told_after_silence_was_taken_for_an_answer_is_one() -> None:
    held = memory()
    held.add(example(1, hour=0))
    held.take_ready(99 * HOUR_MS)
    held.label(1, True)
    assert (held.negatives, held.positives) == (0, 1)


@pytest.mark.parametrize("whose", ["account", "payee", "device"])
def test_one_account_payee_or_device_teaches_no_more_than_its_share(whose: str) -> None:
    held, most = memory(), dict(zip(("account", "payee", "device"), examples.MOST, strict=True))
    for key in range(1, 2 * most[whose]):
        of = dict.fromkeys(most, key) | {whose: 7}  # all else differs
        inputs = np.full(2, key, np.float32)
        held.add(Example(key, of["account"], 0, inputs, None, False, of["payee"], of["device"]))
        held.label(key, True)
    assert held.positives == most[whose]
    held.label(1, False)  # told both ways: set aside, and there is room again
    held.add(Example(9999, 7, 0, np.zeros(2, np.float32), None, False, 7, 7))
    held.label(9999, True)
    assert held.positives == most[whose]


def test_memory_levels_off_and_the_correction_says_what_was_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(examples, "PENDING_MAX", 400)
    monkeypatch.setattr(examples, "KEPT_MAX", (60, 20))
    held, draw = memory(), np.random.default_rng(SEED)
    for hour in range(400):
        for key in draw.integers(0, 1 << 62, 20).tolist():
            held.add(example(key, hour, account=key))
            if key % 10 == 0:
                held.label(key, True)
        held.take_ready(hour * HOUR_MS)
        assert held.positives <= 20 and held.negatives <= 60 and len(held._known) <= 500
    parts = [held.kept(canaries=canaries) for canaries in (False, True)]
    labels = np.concatenate([labels for _, labels in parts])
    assert len(labels) == held.positives + held.negatives
    share = labels.sum() / (~labels).sum() * math.exp(held.correction())
    assert share == pytest.approx(held.seen[1] / held.seen[0])


def test_an_account_that_is_forgotten_is_in_no_example() -> None:
    held = memory()
    for key in range(6):
        held.add(example(key, hour=0, account=key % 2))
    held.label(0, True)
    held.label(1, True)
    held.forget_account(1)
    held.take_ready(99 * HOUR_MS)
    assert {one.account for one in held._known.values()} == {0}


def lived(learner: Learner, scorer: Scorer, days: int) -> list[Version]:
    """Days of draws of which every twentieth is told to be fraud a day later."""
    draw, made, waiting = np.random.default_rng(SEED), [], []
    for hour in range(24 * days):
        for key in [k for at, k in waiting if at == hour]:
            learner.examples.label(key, True)
        version = learner.learn(hour * HOUR_MS)
        if version is not None:
            scorer.take(version)
            made.append(version)
        rows = draw.normal(size=(20, len(NAMES))).astype(np.float32)
        said = scorer.score(rows, np.zeros(20))
        for k, row in enumerate(rows):
            key, margin = int(draw.integers(0, 1 << 62)), float(said.margin[k])
            parts = None if math.isnan(margin) else (0.0, margin, float(said.anomaly[k]))
            learner.judged(Example(key, key, hour * HOUR_MS, row, parts, False))
            if row[0] > 1.6:
                waiting.append((hour + 24, key))
    return made


def test_a_forest_that_does_worse_on_what_neither_saw_does_not_come_into_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once there is enough to try with, forests are fitted to the contrary of what is true."""
    fitted: list[bool] = []

    def misled(
        names: list[str], inputs: NDArray[np.float32], labels: NDArray[np.bool_]
    ) -> ForestWeights:
        fitted.append(len(labels) > 3000)
        return fit(names, inputs, ~labels if fitted[-1] else labels)

    monkeypatch.setattr("detector.models.learner.fit", misled)
    terms = Terms("unauthorized_transfer", DRAW_INPUTS, 2 * DAY_MS, True, True)
    scorer = Scorer(terms.question, NAMES)
    made = lived(Learner(terms), scorer, days=12)
    trials = [version.trial for version in made if version.trial is not None]
    refused = [one for one in trials if not one.is_promoted]
    assert len(refused) == sum(fitted) > 0
    assert all(one.challenger_loss > one.champion_loss for one in refused)
    promoted = [version for version in made if version.forest is not None]
    assert len(promoted) == len(fitted) - sum(fitted)
    rows = rows_of(200)
    margins = scorer.score(rows, np.zeros(200)).margin
    assert np.corrcoef(margins, rows[:, 0] > 1.6)[0, 1] > 0.3


def test_a_trial_is_on_examples_that_are_never_fitted_to() -> None:
    held, draw = memory(), np.random.default_rng(SEED)
    keys = draw.integers(-(1 << 63), 1 << 63, 3000).tolist()
    for key in keys:
        held.add(example(key, hour=0, account=key))
        held.label(key, True)
    fitted, tried = held.kept()[0], held.kept(canaries=True)[0]
    assert len(fitted) + len(tried) == len(keys)
    assert len(tried) / len(keys) == pytest.approx(examples.CANARY_SHARE, rel=0.2)
    assert not set(fitted[:, 0].tolist()) & set(tried[:, 0].tolist())


def test_the_loss_of_an_example_is_the_surprise_at_what_came_true() -> None:
    margins, labels = np.array([0.0, 2.0, -3.0]), np.array([True, False, False])
    chances = 1.0 / (1.0 + np.exp(-margins))
    given = [chances[0], 1.0 - chances[1], 1.0 - chances[2]]
    assert losses(margins, labels) == pytest.approx(-np.log(given))


def test_a_record_of_versions_scores_as_the_run_that_made_it_and_learning_repeats_itself() -> None:
    terms = Terms("unauthorized_transfer", DRAW_INPUTS, 2 * DAY_MS, True, True)
    scorers = [Scorer(terms.question, NAMES) for _ in range(3)]
    made = [lived(Learner(terms), scorer, days=9) for scorer in scorers[:2]]
    assert encoded(made[0]) == encoded(made[1])
    assert any(version.blend for version in made[0])
    for version in decoded(encoded(made[0]).splitlines()):
        scorers[2].take(version)
    rows = rows_of(50)
    first, _, last = [scorer.score(rows, np.full(50, 0.5)) for scorer in scorers]
    for name in ("anomaly", "margin", "blended"):
        assert getattr(first, name).tolist() == getattr(last, name).tolist()
    assert np.corrcoef(last.blended, rows[:, 0] > 1.6)[0, 1] > 0.5


def test_weights_of_another_question_or_other_inputs_are_refused(forest: ForestWeights) -> None:
    scorer = Scorer("unauthorized_transfer", NAMES)
    with pytest.raises(ValueError, match="question"):
        scorer.take(Version("insufficient_balance", 1, 0))
    other = msgspec.structs.replace(forest, inputs=[*NAMES[1:], "another"])
    with pytest.raises(ValueError, match="inputs"):
        scorer.take(Version("unauthorized_transfer", 1, 0, forest=other))
