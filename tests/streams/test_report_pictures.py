"""The report as a browser draws it: four pictures to look at, nothing wider than its screen.

The pictures are left in build/pictures. They are made inside a frame of the wanted width, because a
browser without a screen gives no window narrower than 500 pixels.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.streams.conftest import World
from tests.streams.pictures import spread
from tests.streams.test_explain import history, replayed
from tests.streams.test_report import reported

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = {"wide": 1280, "phone": 390}
WINDOW_MIN_PIXELS = 500
HEIGHT_MAX_PIXELS = 16_000
FRAME = """<!DOCTYPE html><meta charset="utf-8"><style>body{{margin:0;background:#999}}
iframe{{border:0;width:{width}px;height:900px;display:block;margin:0 auto}}</style>
<iframe id="f" srcdoc="{page}"></iframe><script>f.onload = function () {{
  var d = f.contentDocument; d.getElementById("lang-{lang}").click();
  f.style.height = d.documentElement.scrollHeight + "px";
  document.title = d.documentElement.scrollWidth + "x" + d.documentElement.scrollHeight + " "
    + d.querySelector("h1").innerText;
}}</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip("no Chromium; apt-get install chromium fonts-noto-cjk")
    return found


@pytest.fixture(scope="module")
def page(world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report") / "report.html"
    return reported(world.run, out, "--truth", str(world.truth))


def run(browser: str, profile: Path, *words: str) -> str:
    command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--disable-background-networking", "--virtual-time-budget=3000",
               f"--user-data-dir={profile}", *words]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def measured(browser: str, page: str, lang: str, width: int, frame: Path) -> tuple[int, int, str]:
    """How wide and high the page is in a frame of a width, and its title; writes the frame."""
    frame.write_text(FRAME.format(width=width, lang=lang, page=html.escape(page)), "utf-8")
    told = run(browser, frame.parent / "profile", "--dump-dom", frame.as_uri())
    title = re.search(r"<title>(\d+)x(\d+) ([^<]*)", told)
    assert title is not None
    return int(title[1]), int(title[2]), title[3]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_longest_ids_make_nothing_wider(browser: str, lang: str, tmp_path: Path) -> None:
    page = reported(replayed(tmp_path / "a", history()), tmp_path / "r.html")
    scroll_width, _, _ = measured(browser, page, lang, 360, tmp_path / "frame.html")
    assert scroll_width <= 360


@pytest.mark.parametrize("name", WIDTHS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_picture_is_not_blank_and_nothing_is_wider_than_the_screen(
    browser: str, page: str, lang: str, name: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    width, frame, profile = WIDTHS[name], tmp_path / "frame.html", tmp_path / "profile"
    scroll_width, height, title = measured(browser, page, lang, width, frame)
    assert scroll_width <= width
    assert title == {"en": "lendwatch report", "zh": "lendwatch 监测报告"}[lang]
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture = PICTURES / f"report-{lang}-{name}.png"
    size = f"{max(width, WINDOW_MIN_PIXELS)},{min(height, HEIGHT_MAX_PIXELS)}"
    run(browser, profile, f"--window-size={size}", f"--screenshot={picture}", frame.as_uri())
    with capsys.disabled():
        print(f"\npicture: {picture}")
    assert picture.stat().st_size > 50_000
    assert spread(picture) > 10


def test_without_scripts_english_is_shown_and_chinese_a_click_away(page: str) -> None:
    still = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert re.search(r'id="lang-en"[^>]*checked', still)
    assert '<label for="lang-zh"' in still
    assert '#lang-zh:checked ~ * [lang="en"]' in still


@pytest.mark.parametrize(("address", "lang"), [("?lang=zh", "zh-CN"), ("#zh", "zh-CN"), ("", "en")])
def test_the_language_is_the_readers_or_the_one_asked_for(
    browser: str, page: str, address: str, lang: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, "utf-8")
    told = run(browser, tmp_path / "profile", "--lang=en-US", "--dump-dom", file.as_uri() + address)
    assert re.search(rf'<html lang="{lang}"', told)
