"""The README's recipe for a typology, followed to the letter."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import orjson
import pytest

from streams.cli import main

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "detector" / "rulebook"
HOUR_MS, MINUTE_MS, START_MS = 3_600_000, 60_000, 1_772_416_800_000


def recipe() -> tuple[str, str]:
    """The file that the README gives, by name and content."""
    section = (ROOT / "README.md").read_text("utf-8").split("### A typology from nothing")[1]
    name = re.search(r"`(\w+\.toml)`:", section)
    block = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert name is not None and block is not None
    return name[1], block[1]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    folder = tmp_path / "mybook"
    shutil.copytree(SHIPPED, folder)
    name, content = recipe()
    assert not (folder / name).exists(), "the recipe's typology is shipped: it shows nothing"
    (folder / name).write_text(content, "utf-8")
    return folder


def log_of_draws(path: Path, payees: int) -> None:
    """A log of one account that draws to so many payees, ten minutes apart."""

    def event(n: int, at: int, kind: str, **fields: object) -> bytes:
        return orjson.dumps(
            {"type": kind, "event_id": f"e{n}{kind[0]}", "account_id": "A", "session_id": f"S{n}",
             "device_id": "D", "occurred_at": at, **fields}
        )  # fmt: skip

    lines = []
    for n in range(payees):
        at = START_MS + n * 10 * MINUTE_MS
        lines += [
            event(n, at - MINUTE_MS, "identity_verification", verification_id=f"V{n}",
                  provider="p", method="face", outcome="passed", latency_ms=1),
            event(n, at, "disbursement", disbursement_id=f"B{n}", amount_minor=1000,
                  currency="CNY", payee_id=f"P{n}", payee_owner="other", status="paid",
                  credit_limit_minor=1_000_000, outstanding_minor=0),
        ]  # fmt: skip
    path.write_bytes(b"\n".join(lines) + b"\n")


def test_the_recipes_typology_passes_its_own_check(
    book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--rulebook", str(book)]) == 0
    assert "many_payees.new" in capsys.readouterr().out


@pytest.mark.parametrize(("payees", "alerts"), [(2, 0), (3, 1)])
def test_the_recipes_typology_alerts_in_a_replay(
    book: Path, tmp_path: Path, payees: int, alerts: int
) -> None:
    log, out = tmp_path / "events.jsonl", tmp_path / "run"
    log_of_draws(log, payees)
    words = ["replay", "--rulebook", str(book), "--log", str(log), "--out", str(out)]
    assert main(words) == 0
    found = [orjson.loads(line) for line in (out / "alerts.jsonl").read_bytes().splitlines()]
    ours = [alert for alert in found if alert["typology"] == "many_payees"]
    assert len({alert["alert_id"] for alert in ours}) == alerts
    for alert in ours:
        assert alert["severity"] == "high"
        assert alert["reasons"][0]["text_zh"] == "1小时内首次向3个收款方借款"
