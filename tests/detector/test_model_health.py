"""Laws of the watch over models: drift freezes learning until a person decides; decay is told.

The slow checks share no code with what they check.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.models import decay, drift
from detector.models.decay import DecayTerms, DecayWatch, Precision, chance_below
from detector.models.drift import BINS, SCALES, DriftTerms, Sample, drifted, stability_index
from detector.models.examples import DAY_MS, HOUR_MS, NEGATIVE, POSITIVE, Example
from detector.models.watch import DRIFT, RESUMES, Health, Watch, WatchTerms

SEED = 19
SCALE = SCALES["supervised"]
DRIFT_TERMS = DriftTerms(0.25, 20, 8, 7, 28, 30)
DECAY_TERMS = DecayTerms(0.5, 0.1, 0.001, 7, 90, 30)


def index_by_hand(earlier: list[float], recent: list[float]) -> float:
    """The index, bin by bin, in exact shares."""
    low, width = SCALE
    total = 0.0
    for bin_ in range(BINS):
        shares = []
        for scores in (earlier, recent):
            first = -math.inf if bin_ == 0 else low + bin_ * width
            last = math.inf if bin_ == BINS - 1 else low + (bin_ + 1) * width
            count = sum(first <= one < last for one in scores)
            shares.append(Fraction(2 * count + 1, 2 * len(scores) + BINS))
        total += float(shares[1] - shares[0]) * math.log(shares[1] / shares[0])
    return total


@pytest.mark.parametrize("shift", [0.0, 0.4, 3.0, -9.0])
def test_the_index_is_the_sum_over_fixed_bins(shift: float) -> None:
    draw = np.random.default_rng(SEED)
    earlier, recent = draw.normal(-4.0, 2.0, 500), draw.normal(-4.0 + shift, 2.0, 300)
    found = stability_index(earlier, recent, SCALE)
    assert found == pytest.approx(index_by_hand(earlier.tolist(), recent.tolist()))
    assert (found > 0.25) == (abs(shift) >= 3.0)


def test_chance_alone_makes_an_index_of_some_bins_by_rows_and_no_drift() -> None:
    draw = np.random.default_rng(SEED)
    found = [
        stability_index(draw.normal(0.0, 3.0, 800), draw.normal(0.0, 3.0, 200), SCALE)
        for _ in range(200)
    ]
    assert np.mean(found) == pytest.approx((BINS - 1) * (1 / 800 + 1 / 200), rel=0.3)
    assert max(found) < 0.25


def test_a_sample_is_one_event_an_account_and_no_order_decides_whose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(drift, "ROWS_A_DAY", 20)
    draw = np.random.default_rng(SEED)
    accounts = draw.integers(-(1 << 63), 1 << 63, 300).tolist()
    samples = [Sample(40), Sample(40)]
    for sample, order in zip(samples, (accounts, accounts[::-1]), strict=True):
        for account in [*order, *order]:
            for day in (3, 4):
                sample.add(account, day * DAY_MS, np.array([account % 1000, day], np.float32))
    told = [sample.rows(3, 5) for sample in samples]
    assert told[0] is not None and told[1] is not None and told[0].tolist() == told[1].tolist()
    days = told[0][:, 1].tolist()
    assert days == [3.0] * 20 + [4.0] * 20
    assert told[0][:20, 0].tolist() != told[0][20:, 0].tolist()


def test_a_sample_forgets_an_account_and_old_days() -> None:
    sample = Sample(10)
    for account in (1, 2):
        for day in (1, 15):
            sample.add(account, day * DAY_MS, np.array([account], np.float32))
    sample.drop_account(1)
    sample.forget(20)
    told = sample.rows(0, 99)
    assert told is not None and told.tolist() == [[2.0]]


def levels(inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """A model that says what its first input says."""
    return inputs[:, 0].astype(np.float64)


def lived(watch: Watch, days: range, shift: float, draws: int = 40) -> list[Health]:
    """Days of draws of other accounts each, which a model scores at about -4 + shift."""
    draw, said = np.random.default_rng(SEED + days.start), []
    for day in days:
        watch.look(day * DAY_MS, lambda: {"supervised": levels})
        for k in range(draws):
            row = np.array([draw.normal(-4.0 + shift, 1.5)], np.float32)
            key = int(draw.integers(-(1 << 63), 1 << 63))
            at_ms = day * DAY_MS + k * HOUR_MS // 2
            watch.judged(Example(key, key, at_ms, row, (0.0, float(row[0]), 0.0), False))
        said += watch.take_said()
    return said


def watch_of(terms: DriftTerms | None = DRIFT_TERMS) -> Watch:
    return Watch("unauthorized_transfer", WatchTerms(terms, None), DAY_MS)


def test_scores_that_go_on_as_they_were_never_drift() -> None:
    watch = watch_of()
    assert lived(watch, range(200), 0.0) == []
    assert watch.results[DRIFT] == {"abstain": 65, "clear": 135} and not watch.is_frozen


def test_scores_that_move_and_stay_so_freeze_learning_within_two_weeks_and_a_day() -> None:
    watch = watch_of()
    said = lived(watch, range(100), 0.0) + lived(watch, range(100, 120), 3.0)
    assert [one.status for one in said] == ["open"] and watch.is_frozen
    assert 100 < said[0].at_ms // DAY_MS <= 100 + DRIFT_TERMS.looks + DRIFT_TERMS.recent_days
    assert said[0].began_ms // DAY_MS <= 100 and said[0].observed > 0.25


@pytest.mark.parametrize("looks", [DRIFT_TERMS.looks, 3])
def test_one_day_unlike_the_others_is_no_drift_for_it_is_not_in_a_second_week(looks: int) -> None:
    watch = watch_of(replace(DRIFT_TERMS, looks=looks))
    said = lived(watch, range(100), 0.0) + lived(watch, range(100, 101), 9.0)
    said += lived(watch, range(101, 130), 0.0)
    assert bool(said) == (looks < DRIFT_TERMS.recent_days)


def test_days_that_are_not_in_a_row_do_not_add_up_to_a_drift() -> None:
    watch = watch_of()
    said = lived(watch, range(100), 0.0) + lived(watch, range(100, 101), 9.0)
    said += lived(watch, range(101, 120), 0.0) + lived(watch, range(120, 121), -9.0)
    assert said + lived(watch, range(121, 140), 0.0) == []


def test_nothing_is_said_while_memory_fills_or_where_few_come() -> None:
    watch, few = watch_of(), watch_of()
    assert lived(watch, range(30), 0.0) + lived(watch, range(30, 62), 3.0) == []
    assert set(watch.results[DRIFT]) == {"abstain"}
    assert lived(few, range(100), 0.0, draws=2) + lived(few, range(100, 120), 3.0, draws=2) == []
    assert set(few.results[DRIFT]) == {"abstain"}


def test_a_new_forest_on_another_scale_is_no_drift() -> None:
    sample, draw = Sample(35), np.random.default_rng(SEED)
    for key in range(2_000):
        sample.add(key, key * DAY_MS // 20, np.array([draw.normal()], np.float32))
    for scale in (1.0, 7.0):
        index = drifted(
            sample, DRIFT_TERMS, 0, 100, "supervised", lambda x, of=scale: levels(x) * of
        )
        assert index is not None and index < 0.25


@pytest.mark.parametrize("word", [*RESUMES, "held", "inconclusive", "confirmed_fraud"])
def test_learning_goes_on_when_a_person_says_so_from_the_next_hour_on(word: str) -> None:
    watch = watch_of()
    lived(watch, range(100), 0.0)
    (told,) = lived(watch, range(100, 120), 3.0)
    now = 120 * DAY_MS
    watch.hear(now + HOUR_MS // 2, "another", word)
    watch.hear(now + HOUR_MS // 2, told.alert_id, word)
    assert watch.decide(now) is None and watch.is_frozen
    false_since = watch.decide(now + HOUR_MS)
    assert watch.is_frozen == (word not in RESUMES)
    assert false_since == (told.began_ms if RESUMES.get(word) else None)
    assert [one.status for one in watch.take_said()] == ["resolved"] * (word in RESUMES)


def test_what_a_person_takes_for_the_usual_does_not_freeze_learning_again() -> None:
    watch = watch_of()
    lived(watch, range(100), 0.0)
    (told,) = lived(watch, range(100, 120), 3.0)
    watch.hear(119 * DAY_MS, told.alert_id, "handled")
    watch.decide(120 * DAY_MS)
    watch.take_said()
    assert lived(watch, range(120, 200), 3.0) == []
    assert watch.results[DRIFT]["clear"] > 70


@pytest.mark.parametrize(("n", "share"), [(1, 0.5), (20, 0.7), (40, 0.05), (300, 0.31), (9, 1.0)])
def test_the_chance_of_few_hits_is_the_exact_binomial_one(n: int, share: float) -> None:
    exact = Fraction(share)
    for least in (0.0, 0.4, n * share / 2.0, n * share, n + 1.0):
        expected = sum(
            math.comb(n, k) * exact**k * (1 - exact) ** (n - k) for k in range(n + 1) if k < least
        )
        assert chance_below(least, n, share) == pytest.approx(float(expected), abs=1e-12)


def precision_by_hand(
    labels: list[tuple[int, int, int]], flagged_ms: dict[int, int], today: int, delay_days: int
) -> Precision | None:
    """What is known of (arrival in ms, key, label) at the beginning of a day: all anew."""
    newest = {key: (at_ms, label) for at_ms, key, label in labels if key in flagged_ms}
    first = min(flagged_ms.values(), default=0) // DAY_MS + delay_days
    found: dict[str, list[int]] = defaultdict(list)
    for at_ms, label in newest.values():
        day = at_ms // DAY_MS
        if today - 7 <= day < today:
            found["recent"].append(label)
        elif max(first, today - 97) <= day < today - 7:
            found["usual"].append(label)
    if not flagged_ms or today - 7 - max(first, today - 97) < 30:
        return None
    if not found["recent"] or not sum(found["usual"]):
        return None
    n, usual = len(found["recent"]), sum(found["usual"]) / len(found["usual"])
    by_chance = sum(
        math.comb(n, k) * usual**k * (1.0 - usual) ** (n - k)
        for k in range(n + 1) if k < 0.5 * usual * n
    )  # fmt: skip
    if by_chance > 0.001:
        return None
    return Precision(sum(found["recent"]), n, sum(found["usual"]), len(found["usual"]))


@pytest.mark.parametrize("share", [0.9, 0.6, 0.04])
def test_precision_is_that_of_a_slow_count_day_by_day(share: float) -> None:
    draw, watch, delay_days = np.random.default_rng(SEED), DecayWatch(DECAY_TERMS, 2 * DAY_MS), 2
    flagged_ms: dict[int, int] = {}
    labels: list[tuple[int, int, int]] = []
    due: dict[int, list[tuple[int, int]]] = defaultdict(list)
    told = 0
    for hour in range(24 * 130):
        if hour % 24 == 0:
            expected = precision_by_hand(labels, flagged_ms, hour // 24, delay_days)
            assert watch.precision(hour // 24) == expected
            told += expected is not None
        arrived = due.pop(hour, [])
        labels += [(hour * HOUR_MS, *one) for one in arrived]
        watch.settled(arrived, hour * HOUR_MS + 1)
        for _ in range(3):
            key, margin = int(draw.integers(1 << 62)), float(draw.normal())
            before = set(watch._flagged)
            watch.judged(key, key, hour * HOUR_MS, margin)
            if set(watch._flagged) - before:
                flagged_ms[key] = hour * HOUR_MS
            found_in = int(draw.integers(1, 90)) if draw.random() < share else 90
            if found_in < 90:
                due[hour + found_in].append((key, POSITIVE))
            if found_in > 48:  # silence; some are found out afterwards
                due[hour + 48].append((key, NEGATIVE))
    assert (told > 0) == (share > 0.04)


def decaying(days: int, right: float, right_then: float) -> list[Precision | None]:
    """What is known each day; of what is flagged a share is right, another from `days` on."""
    draw, watch, found = np.random.default_rng(SEED), DecayWatch(DECAY_TERMS, DAY_MS), []
    for day in range(days + 20):
        found.append(watch.precision(day))
        labels = []
        for k in range(60):
            key = day * 1000 + k
            watch.judged(key, key, day * DAY_MS, float(draw.normal()))
            is_right = draw.random() < (right if day < days else right_then)
            labels.append((key, POSITIVE if is_right else NEGATIVE))
        watch.settled(labels, day * DAY_MS + HOUR_MS)
    return found


def test_precision_that_halves_is_seen_within_a_week_and_one_that_stays_is_not() -> None:
    steady = [one for one in decaying(120, 0.6, 0.6) if one is not None]
    assert steady and all(one.recent >= 0.5 * one.usual for one in steady)
    fallen = decaying(120, 0.6, 0.1)[127]
    assert fallen is not None and fallen.recent < 0.5 * fallen.usual


def test_what_is_followed_is_bounded_and_the_shares_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decay, "FLAGGED_MAX", 100)
    draw, watch = np.random.default_rng(SEED), DecayWatch(DECAY_TERMS, DAY_MS)
    for day in range(120):
        keys = draw.integers(1 << 62, size=100).tolist()
        for key in keys:
            watch.judged(key, key, day * DAY_MS, float(draw.normal()))
            assert len(watch._flagged) <= 100
        watch.settled([(key, int(key % 10 < 7)) for key in keys], day * DAY_MS + HOUR_MS)
        watch.forget(day)
    watch.forget_account(keys[-1])
    assert keys[-1] not in watch._flagged
    negatives, positives = watch._counted(0, 120)
    assert positives / (negatives + positives) == pytest.approx(0.7, abs=0.15)
