"""Laws of model_risk: the budget is kept whatever the scores are; reasons name what carried it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detector.models.inputs import DRAW_INPUTS, KINDS
from detector.models.thresholds import (
    SPEAKERS,
    STEP,
    WARM_UP_DRAWS,
    Threshold,
    Thresholds,
    level_of,
    score_of,
)
from detector.models.wording import NAMES, WORDLESS, Carried, in_words

SEED = 13


def streams(n: int) -> dict[str, list[float]]:
    """Levels from -8 to 8: at random, drifting, in two steps, rising all the time, made against."""
    draw = np.random.default_rng(SEED)
    print("seed", SEED)
    steady = draw.normal(-2.0, 1.5, n).clip(-8.0, 8.0)
    drifting = (draw.normal(-4.0, 1.0, n) + np.linspace(0.0, 8.0, n)).clip(-8.0, 8.0)
    stepped = np.where(np.arange(n) < n // 2, -6.0, 6.0) + draw.random(n)
    return {
        "steady": steady.tolist(), "drifting": drifting.tolist(), "stepped": stepped.tolist(),
        "rising": np.linspace(-8.0, 8.0, n).tolist(),
    }  # fmt: skip


@pytest.mark.parametrize("share", [0.0002, 0.01, 0.1])
@pytest.mark.parametrize("name", ["steady", "drifting", "stepped", "rising"])
def test_the_rate_of_alerts_keeps_to_the_published_bound(name: str, share: float) -> None:
    n = 40_000
    threshold, alerts = Threshold(), 0
    for level in streams(n + WARM_UP_DRAWS)[name]:
        alerts += threshold.is_passed(level, share, is_free=True) is True
    assert abs(alerts / n - share) <= (16.0 + STEP) / (STEP * n)


def test_a_threshold_is_where_it_began_and_what_each_draw_moved_it() -> None:
    levels, share = streams(5_000)["steady"], 0.01
    threshold = Threshold()
    passed = [threshold.is_passed(level, share, is_free=True) for level in levels]
    assert passed[:WARM_UP_DRAWS] == [None] * WARM_UP_DRAWS
    later = [one is True for one in passed[WARM_UP_DRAWS:]]
    expected = max(levels[:WARM_UP_DRAWS]) + STEP * (sum(later) - share * len(later))
    assert threshold.value == pytest.approx(expected)
    assert any(later)


def lived(thresholds: Thresholds, n: int, *, with_hits: bool) -> tuple[int, int]:
    """Draws whose parts agree in part: how many alerts, and how many on a draw with a hit."""
    draw = np.random.default_rng(SEED)
    alerts, on_hits = 0, 0
    for margin, other, hit in draw.random((n, 3)).tolist():
        anomaly = 0.5 * margin + 0.5 * other
        has_hit = with_hits and hit < 0.3
        passed = thresholds.judge(8.0 * margin - 4.0, anomaly, has_hit=has_hit)
        alerts += bool(passed)
        on_hits += bool(passed) and has_hit
    return alerts, on_hits


@pytest.mark.parametrize("with_hits", [True, False])
def test_two_parts_share_one_budget_and_no_draw_with_a_hit_is_an_alert(with_hits: bool) -> None:
    n, share = 40_000, 0.02
    alerts, on_hits = lived(Thresholds(share), n, with_hits=with_hits)
    assert on_hits == 0
    assert alerts / n == pytest.approx(share, rel=0.15)


def test_a_threshold_begins_at_the_highest_of_the_draws_that_could_be_alerts() -> None:
    threshold = Threshold()
    for k in range(2 * WARM_UP_DRAWS - 1):
        assert threshold.is_passed(9.0 if k % 2 else 1.0, 0.01, is_free=k % 2 == 0) is None
    assert threshold.value == 1.0
    assert threshold.is_passed(1.5, 0.01, is_free=True) is True


def test_no_budget_no_alert_and_nothing_to_say() -> None:
    thresholds = Thresholds(0.0)
    assert {str(thresholds.judge(k / 100, 0.5, has_hit=False)) for k in range(500)} == {"None"}


def test_what_no_part_speaks_of_is_not_judged() -> None:
    assert Thresholds(0.1).judge(math.nan, math.nan, has_hit=False) is None


@pytest.mark.parametrize("anomaly", [0.0, 0.3, 0.999])
def test_levels_and_scores_are_two_scales_of_one_thing(anomaly: float) -> None:
    assert score_of("anomaly", level_of(anomaly)) == pytest.approx(anomaly)
    assert score_of("supervised", 0.0) == 0.5
    assert set(SPEAKERS) == {"supervised", "anomaly"}


def test_every_input_of_a_draw_has_a_name_in_both_languages() -> None:
    assert set(NAMES) == {one.name for one in DRAW_INPUTS}
    assert all(en.isascii() and not zh.isascii() for en, zh in NAMES.values())
    told = {one.kind for one in DRAW_INPUTS if one.name not in WORDLESS}
    assert told <= set(KINDS)


@pytest.mark.parametrize(
    ("name", "value", "usual", "english", "chinese"),
    [
        ("amount", math.log(50_100), math.log(20_100),
         "the amount: 500.00 CNY (usually 200.00 CNY)", "金额500.00 CNY（平时200.00 CNY）"),
        ("payee_age", 0.0, math.log1p(3 * 1440.0),
         "the account knows the payee for: 0 min (usually 3 d)",
         "该账户使用该收款方时长0分钟（平时3天）"),
        ("amount_to_normal", math.log(6.2), 0.0,
         "the amount against the account's normal: 6.2× (usually 1×)",
         "金额与该账户平常之比6.2×（平时1×）"),
        ("failed_checks_24h", math.log1p(4), math.nan,
         "failed checks in 24 hours: 4 (usually –)", "近24小时核验失败次数4（平时–）"),
        ("payee_rate_7d", math.log(0.125), math.log(0.02),
         "the payee's rate of fraud, 7 days: 12.5% (usually 2.0%)",
         "该收款方近7天欺诈率12.5%（平时2.0%）"),
        ("payee_owner", 1.0, 0.0, "whose account receives", "收款账户归属"),
    ],
)  # fmt: skip
def test_an_input_is_told_on_the_scale_of_people(
    name: str, value: float, usual: float, english: str, chinese: str
) -> None:
    assert in_words(Carried(name, value, usual, 1.0), "CNY") == (english, chinese)
