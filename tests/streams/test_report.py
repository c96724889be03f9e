"""The report: its numbers are those of the run's files, and it needs nothing but itself."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest

from streams.cli import main
from streams.explain_run import Run, lines
from streams.explain_values import Clock
from streams.report import figures
from streams.scoring import scores, standings
from tests.streams.conftest import World
from tests.streams.lines import login
from tests.streams.test_explain import HOSTILE, history, replayed

BYTES_MAX = 2 << 20
VOID = {"meta", "input", "br", "rect"}


class Page(HTMLParser):
    """What of a page the tests look at: whether its tags nest, rows by typology, both languages."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: dict[str, list[str]] = {}
        self.languages: Counter[str] = Counter()
        self._row: list[str] | None = None
        self._is_number = False
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if told.get("lang") and tag == "span":
            self.languages[str(told["lang"])] += 1
        if "data-typology" in told:
            self._row = self.rows.setdefault(str(told["data-typology"]), [])
        self._is_number = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._row is not None and self._is_number and data.strip():
            self._row.append(data.strip())


def reported(run: Path, out: Path, *words: str) -> str:
    assert main(["report", "--run", str(run), "--out", str(out), *words]) == 0
    return out.read_text("utf-8")


@pytest.fixture(scope="module")
def text(world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report") / "report.html"
    return reported(world.run, out, "--truth", str(world.truth))


def test_the_found_table_is_scorings(world: World, text: str) -> None:
    alerts = standings(lines(world.run / "alerts.jsonl"))
    table = scores(lines(world.truth), alerts.values())
    shown = {
        score.typology: [
            f"{count:,}" for count in (
                score.planted, score.found, score.near_misses, score.left_alone,
                score.honest_alerts,
            )
        ]
        for score in table
    }  # fmt: skip
    assert Page(text).rows == shown and len(shown) > 5


def test_marks_agree_with_the_table(world: World, text: str) -> None:
    table = scores(lines(world.truth), standings(lines(world.run / "alerts.jsonl")).values())
    marked = [one for one in table if one.typology not in ("debit_failed", "deferred")]
    found = sum(score.found for score in marked)
    missed = sum(score.planted for score in marked) - found
    assert f"filled where found ({found}), hollow where missed ({missed})" in text
    assert text.count('class="mark"') == found and text.count('class="mark hollow"') == missed


def test_it_is_one_small_file_that_asks_for_nothing_else(text: str) -> None:
    assert len(text.encode()) < BYTES_MAX
    assert not re.search(r"""(?:src|href)\s*=\s*["']?[^"'#]""", text)
    assert not re.search(r"url\(|@import|https?://", text)


def test_both_languages_are_whole(text: str) -> None:
    languages = Page(text).languages
    assert languages["en"] == languages["zh-CN"] > 300
    for title in ("Found, against the truth", "发现情况与真实情况对照", "重点案件", "扣款失败"):
        assert title in text


def test_without_truth_nothing_is_said_of_it(world: World, tmp_path: Path) -> None:
    told = reported(world.run, tmp_path / "r.html")
    for word in ("planted", "near miss", "simulat", "植入", "模拟数据"):
        assert word not in told.replace("{planted}", "")
    assert "What the data looked like" in told


def test_what_a_log_says_is_escaped(tmp_path: Path) -> None:
    run = replayed(tmp_path / "a", history())
    told = reported(run, tmp_path / "r.html")
    assert "<script>alert" not in told and "&lt;script&gt;alert" in told
    assert HOSTILE not in told and told.count("<script>") == 1
    Page(told)


def test_a_repeat_counts_once_and_a_dead_letter_never(tmp_path: Path) -> None:
    late = login("far", 40 * 86_400_000)  # after --as-of
    lines = [login("e1"), login("e1"), late, b"{}", login("e2", 1)]
    told = reported(replayed(tmp_path / "a", lines), tmp_path / "r.html")
    assert "Dead letters: 2" in told
    (hours,) = re.findall(r'id="hours-\d+".*?highest (\d+)', told, re.DOTALL)
    assert hours == "2"


def test_without_its_log_a_report_says_so_and_shows_what_was_counted(tmp_path: Path) -> None:
    run = replayed(tmp_path / "a", history())
    (tmp_path / "a" / "events.jsonl").unlink()
    told = reported(run, tmp_path / "r.html")
    assert "The log cannot be shown" in told and "d-new" in told
    assert "By hour of the local day" not in told


def test_an_empty_log_has_a_report(tmp_path: Path) -> None:
    told = reported(replayed(tmp_path / "a", []), tmp_path / "r.html")
    assert "No alert stands." in told and "No debit failed" in told
    Page(told)


def test_the_command_says_what_it_wrote_or_what_is_wrong(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "r.html"
    reported(world.run, out, "--json")
    told = orjson.loads(capsys.readouterr().out)
    assert told == {"report": str(out), "bytes": out.stat().st_size}
    words = ["report", "--run", str(world.run), "--out", str(tmp_path / "none" / "r.html")]
    assert main(words) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "report"])
def test_the_commands_help_with_an_example_and_their_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = capsys.readouterr().out
    assert f"example:\n  lendwatch {command}" in told and "exit status:\n  0" in told


def test_counts_at_the_top_are_the_runs(world: World, text: str) -> None:
    summary = Run(world.run).summary
    assert f"<b>{summary['events']['total']:,}</b>" in text
    assert f"<b>{summary['decisions']['by_question']['unauthorized_transfer']:,}</b>" in text


def test_a_thin_past_is_not_drawn_and_rates_are_told_without_it() -> None:
    clock, day_ms = Clock("Asia/Shanghai"), figures.DAY_MS
    first_ms = 200 * day_ms
    summary = {"first_event_at": first_ms, "last_event_at": first_ms + 109 * day_ms}
    first = clock.local(first_ms).toordinal()
    busy = {first + n: 1_000 for n in range(100, 110)}
    thin = {first + n: 99 for n in range(100)}
    shown = figures.days_shown(summary, clock, {**thin, **busy})
    assert shown == range(first + 100, first + 110)
    assert figures.span_days(summary, shown) == 10
    assert figures.days_shown(summary, clock, {**busy, first: 100}).start == first
