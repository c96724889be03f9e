"""Explanations: all is in the run's files, and what is said to clear an alert clears it."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.cli import main
from streams.explain_texts import TEXTS
from streams.explain_values import Told, duration, money, say
from streams.explain_words import FIELDS, WORDS
from streams.outputs import ALERTS
from streams.report.texts import TEXTS as REPORT_TEXTS
from tests.streams.lines import BASE_MS, disbursement, login

DAY_MS = 86_400_000
HOSTILE = "<script>alert('x')</script> [bold]{0}" + "w" * 90  # as long as an id may be, nearly
AS_OF = str(BASE_MS + 30 * DAY_MS)


def verified(event_id: str, at_ms: int, **fields: Any) -> bytes:
    event = {
        "type": "identity_verification", "event_id": event_id, "account_id": "A",
        "occurred_at": BASE_MS + at_ms, "verification_id": f"V-{event_id}", "session_id": "S",
        "device_id": "D", "provider": "face-one", "method": "face", "outcome": "passed",
        "latency_ms": 900,
    }  # fmt: skip
    return orjson.dumps(event | fields)


def history(amount_minor: int = 50_000) -> list[bytes]:
    """Ten usual draws of 200.00, then one from a new device to a new payee of somebody else."""
    lines = []
    for day in range(10):
        at_ms = day * DAY_MS
        lines += [login(f"l{day}", at_ms, device_id="D", session_id="S"),
                  verified(f"v{day}", at_ms + 30_000),
                  disbursement(f"d{day}", at_ms + 60_000)]  # fmt: skip
    at_ms = 12 * DAY_MS
    lines += [
        login("l-new", at_ms, device_id=HOSTILE, session_id="S9"),
        verified("v-new", at_ms + 30_000, device_id=HOSTILE, session_id="S9"),
        disbursement("d-new", at_ms + 60_000, device_id=HOSTILE, session_id="S9", payee_id=HOSTILE,
                     payee_owner="other", amount_minor=amount_minor, status="requested"),
        login("l-other", at_ms + 70_000, account_id="B"),
    ]  # fmt: skip
    for place in range(5):  # a burst whose source tells no device
        at = at_ms + place * 60_000
        fields: dict[str, Any] = {"account_id": "C", "device_id": None, "session_id": None}
        lines += [verified(f"vc{place}", at, account_id="C"),
                  disbursement(f"c{place}", at + 1, **fields)]  # fmt: skip
    return sorted(lines, key=lambda line: orjson.loads(line)["occurred_at"])


def replayed(folder: Path, lines: list[bytes]) -> Path:
    """The run of a log that is written beside it."""
    folder.mkdir(exist_ok=True)
    log = folder / "events.jsonl"
    log.write_bytes(b"\n".join(lines) + b"\n")
    words = ["replay", "--log", str(log), "--out", str(folder / "run"), "--as-of", AS_OF]
    assert main(words) == 0
    return folder / "run"


def alert_of(run: Path, typology: str) -> str:
    alerts = [orjson.loads(line) for line in (run / ALERTS).read_bytes().splitlines()]
    return next((a["alert_id"] for a in alerts if a["typology"] == typology), "")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return replayed(tmp_path_factory.mktemp("explain") / "a", history())


def explained(run: Path, alert_id: str, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert main(["explain", alert_id, "--run", str(run), "--json", *words]) == 0
    return orjson.loads(capsys.readouterr().out)


def both(value: Any) -> Iterator[dict[str, str]]:
    """Everything that is told in two languages."""
    if isinstance(value, dict):
        if value.keys() == {"en", "zh"}:
            yield value
        for part in value.values():
            yield from both(part)
    elif isinstance(value, list):
        for part in value:
            yield from both(part)


def test_all_parts_are_told_in_both_languages(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(run, alert_of(run, "account_takeover"), capsys)
    assert told["title"] == {"en": "Suspected account takeover", "zh": "疑似账户盗用"}
    values = {pair["label"]["en"]: pair["value"]["en"] for pair in told["head"]}
    assert values["Amount at risk"] == "500.00 CNY"
    assert values["Advice"] == "hold the disbursement"
    assert [revision["status"]["en"] for revision in told["history"]] == ["open"]
    (reason,) = told["reasons"]
    assert (reason["observed"]["en"], reason["normal"]["en"]) == ("500.00 CNY", "200.00 CNY")
    assert (reason["threshold"]["en"], reason["share"]["en"]) == ("400.00 CNY", "100%")
    assert all(pair["en"] and pair["zh"] for pair in both(told))
    for pair in both(told):
        assert "用户" not in pair["zh"] and "冻结" not in pair["zh"]


def test_the_timeline_holds_the_accounts_events_of_the_log_and_marks_the_evidence(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    timeline = explained(run, alert_of(run, "account_takeover"), capsys)["timeline"]
    rows = {row["event_id"]: row["is_evidence"] for row in timeline["rows"]}
    assert rows == {"l-new": False, "v-new": False, "d-new": True}
    text = timeline["rows"][-1]["text"]["en"]
    assert text.startswith(f"Disbursement of 500.00 CNY requested, to payee {HOSTILE}")


def test_what_is_said_to_clear_it_clears_it(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(run, alert_of(run, "account_takeover"), capsys)
    (rule,) = told["clearing"]["rules"]
    changes = [change["en"] for change in rule["changes"]]
    assert changes[0] == (
        "amount: under 400.00 CNY (2 × the account's normal amount 200.00 CNY), "
        "instead of 500.00 CNY"
    )
    assert any("how long the account has known this device: 1 d or more" in c for c in changes)
    assert alert_of(replayed(tmp_path / "under", history(39_999)), "account_takeover") == ""
    assert alert_of(replayed(tmp_path / "at", history(40_000)), "account_takeover") != ""


def test_counts_are_told_in_whole_numbers(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(run, alert_of(run, "velocity_burst"), capsys)
    (change,) = told["clearing"]["rules"][0]["changes"]
    assert change["en"] == "draws in the last 30 minutes: 4 or less, instead of 5"


def test_what_was_missing_is_told_with_who_abstained(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = explained(run, alert_of(run, "velocity_burst"), capsys)["missing"]
    assert missing["columns"]["device_age_ms"] == "source_missing"
    (cause,) = [cause["en"] for cause in missing["causes"] if "source" in cause["en"]]
    assert cause.startswith("the source does not carry it: ") and "known this device" in cause
    told = missing["abstained"]["en"]
    assert told.startswith("Rules that could not judge it and abstained: ")
    assert "impossible_travel.speed (for want of:" in told


def test_a_prefix_that_only_one_id_has_is_enough_and_a_wrong_one_names_the_nearest(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alert_id = alert_of(run, "account_takeover")
    assert explained(run, alert_id[:12], capsys)["alert_id"] == alert_id
    wrong = alert_id[:10] + "zz"
    assert main(["explain", wrong, "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and f"nearest: {alert_id}" in error
    assert main(["explain", "", "--run", str(run)]) == 2
    assert main(["explain", alert_id, "--run", str(run / "none")]) == 2
    assert "holds no whole run" in capsys.readouterr().err


def test_a_log_that_changed_or_went_is_said_and_only_ids_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = replayed(tmp_path / "b", history())
    alert_id, log = alert_of(run, "account_takeover"), tmp_path / "b" / "events.jsonl"
    moved = tmp_path / "moved.jsonl"
    moved.write_bytes(log.read_bytes())
    log.write_bytes(log.read_bytes() + b"\n")
    for state in ("is not the one that this run read", "is not there"):
        timeline = explained(run, alert_id, capsys)["timeline"]
        assert state in timeline["note"]["en"] and timeline["rows"] == []
        assert "d-new" in timeline["evidence"]
        log.unlink(missing_ok=True)
    assert explained(run, alert_id, capsys, "--log", str(moved))["timeline"]["rows"]


def test_another_rulebook_than_the_runs_is_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text('[parameters]\n"velocity_burst.count" = 6\n')
    alert_id = alert_of(run, "account_takeover")
    told = explained(run, alert_id, capsys, "--policy", str(overlay))
    assert "is not the one of this run" in told["clearing"]["note"]["en"]
    assert told["clearing"]["rules"] == [] and told["missing"] is None


@pytest.mark.parametrize(
    ("lang", "title"), [("en", "What would have cleared it"), ("zh", "贡献占比")]
)
def test_a_terminal_shows_it_with_no_markup_read_from_ids(
    run: Path, lang: str, title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["explain", alert_of(run, "account_takeover"), "--run", str(run), "--lang", lang]
    capsys.readouterr()
    assert main(words) == 0
    told = capsys.readouterr().out
    assert title in told and "[bold]{0}" in told.replace("\n", "")


def test_an_instalment_has_no_rule_to_clear(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told = explained(world.run, alert_of(world.run, "debit_failed"), capsys)
    assert told["clearing"]["note"] == say("clearing_obligation").told()
    assert any("Debit attempt" in row["text"]["en"] for row in told["timeline"]["rows"])


def test_every_text_puts_in_the_same_names_in_both_languages() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    tables = [TEXTS, REPORT_TEXTS, FIELDS, *WORDS.values()]
    for key, (en, zh) in (entry for table in tables for entry in table.items()):
        assert names(en) == names(zh), key
        assert en and zh and "用户" not in zh and "冻结" not in zh, key


def test_money_and_durations_read_as_people_write_them() -> None:
    assert money(204_000, "CNY").en == "2,040.00 CNY"
    assert money(1_500, "JPY").en == "1,500 JPY" and money(1_500, "KWD").en == "1.500 KWD"
    assert duration(9 * 60_000) == Told("9 min", "9分钟")
    assert duration(26 * 3_600_000) == Told("1 d 2 h", "1天2小时")
    assert duration(DAY_MS + 60_000).en == "1 d"
    assert duration(-5_000).en == "−5 s" and duration(0).en == "0 ms"
