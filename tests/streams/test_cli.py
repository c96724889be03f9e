"""The command line: quick help, one clear line for a person's fault, exit codes as told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from streams import __version__
from streams.cli import main
from tests.streams.lines import BASE_MS, disbursement, login

COMMANDS = (
    "demo", "replay", "simulate", "judge", "import", "check", "topics plan", "topics apply", "send",
    "dlq list", "dlq show", "dlq redrive", "alerts", "doctor",
)  # fmt: skip
HEAVY = ("numba", "polars", "numpy", "rich", "sqlglot", "kafka", "confluent_kafka", "faust")
SHIPPED_RULEBOOK = Path(__file__).parents[2] / "detector" / "rulebook"
AS_OF = str(BASE_MS + 86_400_000)


def exit_of(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def written(folder: Path, *lines: bytes) -> str:
    path = folder / "events.jsonl"
    path.write_bytes(b"\n".join(lines))
    return str(path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example_and_its_exit_codes(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_of(*command.split(), "--help") == 0
    told = capsys.readouterr().out
    assert f"example:\n  lendwatch {command}" in told
    assert "exit status:\n  0" in told and "--json" in told


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of("--version") == 0
    assert capsys.readouterr().out == f"lendwatch {__version__}\n"


def test_help_needs_nothing_heavy() -> None:
    program = (
        "import sys; from streams.cli import parser; parser()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"[]\n"


@pytest.mark.parametrize(
    "words",
    [(), ("nonsense",), ("replay",), ("replay", "--log", "x", "--out", "y", "--nonsense")],
)
def test_bad_arguments_exit_with_2(words: tuple[str, ...]) -> None:
    assert exit_of(*words) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--models", "weights.bin"), "--models: weights.bin: cannot be read"),
        (("--as-of", "yesterday"), "'yesterday' is no time"),
        (("--batch-size", "0"), "--batch-size: between 1 and"),
        (("--log", "-", "--log", "-"), "standard input (-) can be read once only"),
        (("--policy", "none.toml"), "none.toml"),
    ],
)
def test_a_persons_fault_is_one_clear_line_and_2(
    tmp_path: Path, words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = written(tmp_path, login("e1"))
    assert main(["replay", "--log", log, "--out", str(tmp_path / "out"), *words]) == 2
    told = capsys.readouterr()
    assert says in told.err and told.err.startswith("lendwatch: ")
    assert told.err.count("\n") == 1 and told.out == ""


def test_replay_prints_its_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, out = written(tmp_path, login("e1"), disbursement("e2", 1), b"{}"), tmp_path / "out"
    words = ["replay", "--log", log, "--out", str(out), "--as-of", AS_OF]
    assert main(words) == 0
    assert "2 events" in capsys.readouterr().out
    assert main([*words, "--json", "--strict"]) == 1
    assert orjson.loads(capsys.readouterr().out) == orjson.loads(
        (out / "summary.json").read_bytes()
    )


def test_replay_takes_the_policy_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LENDWATCH_POLICY", str(tmp_path / "missing.toml"))
    log = written(tmp_path, login("e1"))
    assert main(["replay", "--log", log, "--out", str(tmp_path / "out")]) == 2
    assert "missing.toml" in capsys.readouterr().err


def test_replay_reads_standard_input(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streams.cli", "replay", "--log", "-", "--json",
               "--out", str(tmp_path), "--as-of", AS_OF]  # fmt: skip
    told = subprocess.run(command, input=login("e1") + b"\n\n" + login("e2"), capture_output=True)
    assert told.returncode == 0 and told.stderr == b""
    summary = orjson.loads(told.stdout)
    assert summary["events"]["total"] == 2
    assert summary["inputs"][0]["file"] == "-" and summary["inputs"][0]["lines"] == 3


def test_simulate_writes_a_world_whose_replay_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "--out", str(tmp_path), "--preset", "honest", "--json"]) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert sum(told["counts"].values()) > 1000
    assert Path(told["events"]).exists() and Path(told["truth"]).exists()
    assert main(["simulate", "--out", str(tmp_path), "--days", "1"]) == 2
    assert "days must be" in capsys.readouterr().err


def test_the_shipped_rulebook_passes_its_own_tests(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["check", "--json"])
    told = orjson.loads(capsys.readouterr().out)
    assert [test for test in told["tests"] if not test["passed"]] == []
    assert status == 0 and told["passed"] >= 3 * told["rules"]


def test_a_rule_whose_own_test_fails_is_told_and_exits_with_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "rulebook"
    shutil.copytree(SHIPPED_RULEBOOK, folder)
    file = folder / "velocity_burst.toml"
    file.write_text(file.read_text("utf-8").replace("count = 5", "count = 50"), "utf-8")
    assert main(["check", "--rulebook", str(folder)]) == 1
    told = capsys.readouterr().out
    assert "velocity_burst.toml:" in told and "expected hit, got clear" in told


def test_a_policy_that_changes_a_number_makes_no_test_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text('[parameters]\n"velocity_burst.count" = 50\n')
    assert main(["check", "--policy", str(overlay)]) == 0
    overlay.write_text('[parameters]\n"velocity_burst.cuont" = 50\n')
    assert main(["check", "--policy", str(overlay)]) == 2
    assert "velocity_burst.count" in capsys.readouterr().err


def test_a_bad_rulebook_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "velocity_burst.toml").write_text("[typologie]\n")
    assert main(["check", "--rulebook", str(tmp_path)]) == 2
    assert "velocity_burst.toml:1" in capsys.readouterr().err


def test_a_rulebook_without_what_decisions_read_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(SHIPPED_RULEBOOK, folder)
    (folder / "debit_failed.toml").unlink()
    log = tmp_path / "log.jsonl"
    log.touch()
    words = ["replay", "--log", str(log), "--out", str(tmp_path / "out"), "--rulebook", str(folder)]
    assert main(words) == 2
    assert "debit_failures_90d: decisions read this feature" in capsys.readouterr().err
