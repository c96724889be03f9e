"""`make quality`: what the parts of a score find on public sets, beside other models."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from detector.models.deviations import DIRECTIONS
from tests.quality import measures, peers
from tests.quality.attacks import ATTACKS, attacked, frauds, show_attack
from tests.quality.budget import show_budgets
from tests.quality.drifts import show_drifts, show_honest_worlds
from tests.quality.judged import Judged, imported, judged
from tests.quality.sets import SETS, DevelopmentSet

HELD_BACK: Final = 0.25  # of the days: the last ones are the test
HEADING: Final = f"{'':36}{'AUC':>8}{'AP':>8}{'P@':>8}{'card P@':>9}{'ATEC':>8}"


def main() -> None:
    """Measure the sets that were given; say of the others that they were not."""
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__)
    for one in SETS:
        parser.add_argument(f"--{one.option}", type=Path, metavar="FILE", help=one.title)
    parser.add_argument("--river", action="store_true", help="river's own models, too (minutes)")
    parser.add_argument(
        "--attacks",
        action="store_true",
        help="what is lost under attack instead (six replays of each set)",
    )
    parser.add_argument(
        "--drifts",
        action="store_true",
        help="what is said of the models' health instead, in a set as it is, in one that is "
        "another from a day on, and in simulated honest worlds",
    )
    arguments = parser.parse_args()
    if arguments.drifts:
        show_honest_worlds()
    for one in SETS:
        path: Path | None = getattr(arguments, one.option)
        if path is None:
            print(f"{one.title}: not measured; give its file with --{one.option}\n")
            continue
        lines = imported(one, path)
        if arguments.attacks or arguments.drifts:
            (show_attacks if arguments.attacks else show_drifts)(one, lines)
            continue
        found = judged(one, lines)
        print(f"{one.title}: {len(found.labels):,} decisions, {found.versions:,} versions")
        if "auto_debit" in one.feeds:
            show_months(found)
        else:
            show(one, found, with_river=arguments.river)
            show_budgets(found)
        print(flush=True)


def show(one: DevelopmentSet, of: Judged, *, with_river: bool) -> None:
    """The table of a set of draws: its last days."""
    cut_ms = cut_of(of.times_ms)
    delay_ms = one.delay_days * measures.DAY_MS
    test, train = of.times_ms >= cut_ms, of.times_ms < cut_ms - delay_ms
    labels = of.labels[test]
    print(f"test: {test.sum():,} draws, {labels.sum():,} frauds; {one.most} a day\n{HEADING}")

    def line(title: str, scores: NDArray[np.float64]) -> None:
        told = np.nan_to_num(scores, nan=0.0)
        where = of.times_ms[test]
        accounts = [of.accounts[k] for k in np.flatnonzero(test)]
        print(
            f"{title:36}{measures.area(told, labels):8.4f}"
            f"{measures.average_precision(told, labels):8.4f}"
            f"{measures.daily_precision(told, labels, where, one.most):8.3f}"
            f"{measures.account_precision(told, labels, where, accounts, one.most):9.3f}"
            f"{measures.atec(told, labels):8.3f}",
            flush=True,
        )

    line("rules", of.rules[test])
    line("anomaly", of.anomaly[test])
    line("supervised", of.supervised[test])
    line("together", of.scores[test])
    line("LightGBM in batch", peers.batch(of, train, test))
    told, was = float(of.scores[test].mean()), float(labels.mean())
    print(f"mean score {told:.4f}, share of frauds {was:.4f}")
    if with_river:
        share = min(1.0, 9.0 * of.labels.mean() / (1.0 - of.labels.mean()))
        for title, make in peers.ANOMALY.items():
            line(title, peers.without_labels(make, of, cut_ms, list(DIRECTIONS)))
        for title, make in peers.SUPERVISED.items():
            taught = share if "forest" in title else 1.0
            line(title, peers.online(make, of, delay_ms, cut_ms, taught))


def cut_of(times_ms: NDArray[np.int64]) -> int:
    """Where the test begins."""
    days = times_ms // measures.DAY_MS
    span = int(days[-1] - days[0]) + 1
    return (int(days[0]) + int(np.ceil(span * (1.0 - HELD_BACK)))) * measures.DAY_MS


def show_attacks(one: DevelopmentSet, lines: list[bytes]) -> None:
    """What the parts find of a set of draws while somebody works against them."""
    truth = frauds([orjson.loads(line) for line in lines])
    print(f"{one.title}\n{'recall at 1 % false alarms':32}{'anomaly':>12}{'supervised':>12}"
          f"{'together':>12}{'AP':>9}")  # fmt: skip
    for name in ATTACKS:
        of = judged(one, attacked(lines, name), truth)
        show_attack(name, of, cut_of(of.times_ms))


def show_months(of: Judged) -> None:
    """Scheduled debits, month by month, against "what failed last time fails again"."""
    last_failed = of.inputs[:, of.names.index("failed_35d")].astype(np.float64)
    months = np.unique(of.times_ms // (25 * measures.DAY_MS), return_inverse=True)[1]
    print(f"{'month':>8}{'debits':>9}{'failed':>8}{'AUC':>8}{'persistence':>13}{'gain':>8}"
          f"{'AP':>8}{'LightGBM':>10}")  # fmt: skip
    for month in range(1, months.max() + 1):
        here, before = months == month, months < month
        labels, scores = of.labels[here], of.scores[here]
        own, base = measures.area(scores, labels), measures.area(last_failed[here], labels)
        batch = measures.area(peers.batch(of, before, here), labels)
        print(f"{month + 1:8}{here.sum():9,}{labels.mean():8.3f}{own:8.4f}{base:13.4f}"
              f"{own - base:+8.4f}{measures.average_precision(scores, labels):8.4f}"
              f"{batch:10.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
