"""Laws of importing: mappings, worked samples, rejects."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from detector.decode import Decoder
from detector.events import FUTURE_TOLERANCE_MS, TIME_MAX_MS
from detector.ids import Ids
from streams.faults import Fault
from streams.foreign import SourceError
from streams.importing import SHIPPED, ImportSummary, mapping_path, run_import
from streams.mapping import load_mapping
from streams.mapping_fields import MappingError

SAMPLES = Path(__file__).parent.parent / "samples"
DAY_MS = 86_400_000

LOGIN = """
[mapping]
name = "logins"

[[event]]
type = "login"
where = { KIND = "L" }
[event.fields]
event_id = "login-{ID}"
account_id = { column = "WHO" }
occurred_at = { column = "AT", unit = "iso", zone = "Asia/Shanghai" }
outcome = { column = "OK", words = { "1" = "success", "0" = "failure" } }
method = "password"
ip = { column = "IP" }
"""
ROWS = """ID,KIND,WHO,AT,OK,IP
1,L,a,2026-01-01 08:00:00,1,203.0.113.7
2,L,b,2026-01-01T00:00:01Z,0,
3,P,c,2026-01-01 08:00:02,1,
"""


def _import(tmp_path: Path, mapping: str, rows: str, name: str = "rows.csv") -> ImportSummary:
    (tmp_path / "m.toml").write_text(mapping)
    source = tmp_path / name
    data = rows.encode()
    source.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return run_import(tmp_path / "m.toml", source, tmp_path / "out.jsonl")


def _events(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def _rejects(summary: ImportSummary) -> list[dict[str, Any]]:
    assert summary.rejects is not None
    return _events(summary.rejects)


def _assert_contract(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    batch = Decoder(Ids(), TIME_MAX_MS - FUTURE_TOLERANCE_MS).decode(lines)
    assert batch.dead == []
    assert len({event.event_id for event in batch.events}) == len(lines)
    times = [event.occurred_at for event in batch.events]
    assert times == sorted(times)


def test_synccfd_becomes_disbursements_and_fraud_labels_a_week_later(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    summary = run_import(
        mapping_path("synccfd"), SAMPLES / "synccfd_first_9000.parquet",
        tmp_path / "out.jsonl", lambda done, total: told.append((done, total)),
    )  # fmt: skip
    source = pl.read_parquet(SAMPLES / "synccfd_first_9000.parquet")
    frauds = source.filter(pl.col("TX_FRAUD") == 1)
    assert summary.events == Counter(disbursement=9_000, disposition=len(frauds))
    assert (summary.rows, summary.rows_unused, summary.rejects) == (9_000, 0, None)
    assert told[-1] == (9_000, 9_000)
    _assert_contract(summary.out)
    events = {event["event_id"]: event for event in _events(summary.out)}
    row = frauds.row(0, named=True)
    paid = events[f"synccfd-{row['TRANSACTION_ID']}"]
    assert paid["amount_minor"] == round(row["TX_AMOUNT"] * 100)
    label = events[f"{paid['event_id']}-label"]
    assert label["target_event_id"] == paid["event_id"]
    assert label["account_id"] == paid["account_id"]
    assert label["occurred_at"] - paid["occurred_at"] == 7 * DAY_MS


def test_uci_statuses_become_debits_that_succeed_fail_and_are_settled(tmp_path: Path) -> None:
    summary = run_import(
        mapping_path("uci_credit_card"), SAMPLES / "uci_credit_card_first_2500.csv",
        tmp_path / "out.jsonl",
    )  # fmt: skip
    assert summary.rows == 2_500
    assert summary.rejects is None
    _assert_contract(summary.out)
    lives: dict[str, list[dict[str, Any]]] = {}
    for event in _events(summary.out):
        lives.setdefault(event["obligation_id"], []).append(event)
    shapes = Counter(tuple(event["outcome"] for event in life) for life in lives.values())
    assert set(shapes) == {
        ("scheduled", "success"),
        ("scheduled", "insufficient_balance"),
        ("scheduled", "insufficient_balance", "settled"),
    }
    assert shapes["scheduled", "success"] > 5 * shapes["scheduled", "insufficient_balance"] > 0
    # The second holder: status of August 2, bill of July 2,682: 5 % of it in cents.
    life = lives["bill-2-2005-08"]
    assert [event["outcome"] for event in life][:2] == ["scheduled", "insufficient_balance"]
    assert {event["amount_due_minor"] for event in life} == {2_682 * 5}


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_mapping_is_sound_and_names_its_source_and_licence(path: Path) -> None:
    mapping = load_mapping(path)
    assert mapping.name == path.stem
    head = mapping.file.tree["mapping"]
    assert head["source"] and head["licence"]


def test_the_example_in_the_documentation_is_a_mapping(tmp_path: Path) -> None:
    import streams.mapping as documented

    assert documented.__doc__ is not None
    lines = documented.__doc__.splitlines()
    example = "\n".join(line[4:] for line in lines if line.startswith("    "))
    # The example leaves out, for brevity, what the contract requires beside.
    rest = """
disbursement_id = "loan-{ID}"
payee_id = { column = "PAYEE" }
payee_owner = "other"
credit_limit_minor = 1000000
outstanding_minor = 0
"""
    path = tmp_path / "example.toml"
    marker = 'currency = "CNY"'
    path.write_text(example.replace(marker, rest + marker))
    assert [event.type for event in load_mapping(path).events] == ["disbursement", "disposition"]


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_times_with_and_without_an_offset_are_placed_and_blanks_are_absent(
    tmp_path: Path, name: str
) -> None:
    summary = _import(tmp_path, LOGIN, ROWS, name)
    first, second = _events(summary.out)
    assert (first["account_id"], first["occurred_at"]) == ("a", 1_767_225_600_000)
    assert (second["occurred_at"], second["outcome"]) == (1_767_225_601_000, "failure")
    assert first["ip"] == "203.0.113.7"
    assert "ip" not in second
    assert (summary.rows, summary.rows_unused) == (3, 1)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson.gz"])
def test_json_lines_are_read_and_a_broken_line_is_not_passed_over(
    tmp_path: Path, name: str
) -> None:
    rows = (
        '{"ID":1,"KIND":"L","WHO":"a","AT":"2026-01-01","OK":1,"IP":null}\n'
        "not json\n"
        '{"ID":"2","KIND":"L","WHO":"b","AT":"2026-01-02","OK":"0"}\n'
    )
    summary = _import(tmp_path, LOGIN.replace('where = { KIND = "L" }', ""), rows, name)
    assert [event["event_id"] for event in _events(summary.out)] == ["login-1", "login-2"]
    (reject,) = _rejects(summary)
    assert (reject["row"], reject["reason"]) == (2, "is missing")


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("1,L,a", "1,L,", "account_id", "is missing"),
        ("08:00:00,1", "08:00:00,9", "outcome", "not among the words"),
        ("2026-01-01 08:00:00", "yesterday", "occurred_at", "no time of the stated unit"),
        ("203.0.113.7", "nowhere", "ip", "out_of_range by the contract"),
    ],
)
def test_a_row_that_cannot_be_mapped_is_counted_and_written_without_its_values(
    tmp_path: Path, old: str, new: str, field: str, reason: str
) -> None:
    summary = _import(tmp_path, LOGIN, ROWS.replace(old, new, 1))
    assert summary.events == Counter(login=1)
    assert summary.rejected == Counter({f"login.{field}: {reason}": 1})
    (reject,) = _rejects(summary)
    assert (reject["row"], reject["event"], reject["field"]) == (1, 1, field)
    assert not {"yesterday", "nowhere", "203.0.113.7"} & set(map(str, reject.values()))


AMOUNT = """
[mapping]
name = "debits"
separator = ";"
[repeat]
step = [
  { at = "2026-01-01T00:00:00Z", column = "A" },
  { at = "2026-01-02T00:00:00Z", column = "B" },
]
[[event]]
type = "auto_debit"
for = "step"
where = { "<column>" = { not = 0 } }
[event.fields]
event_id = "{ID}-<column>"
account_id = "a"
occurred_at = { time = "<at>", delay = "-1h" }
debit_id = "d"
obligation_id = "o"
mandate_id = "m"
channel = "c"
amount_due_minor = { column = "<column>", scale = 100, sign = "SIGN" }
amount_debited_minor = 0
currency = "CNY"
outcome = "scheduled"
attempt = 0
due_at = { time = "<at>" }
overdue_at = { time = "<at>", delay = "3d" }
hardship = { column = "H" }
"""


@pytest.mark.parametrize(
    ("sign", "amounts"),
    [("positive", [1_050, 29]), ("negative", [200]), ("absolute", [1_050, 200, 29])],
)
def test_amounts_become_minor_units_by_scale_and_sign(
    tmp_path: Path, sign: str, amounts: list[int]
) -> None:
    rows = "ID;A;B;H\n1;10.50;-2;true\n2;0;0.29;0\n"
    summary = _import(tmp_path, AMOUNT.replace("SIGN", sign), rows)
    events = _events(summary.out)
    assert [event["amount_due_minor"] for event in events] == amounts
    assert {event["event_id"]: event["hardship"] for event in events}.items() <= {
        "1-A": True, "1-B": True, "2-B": False,
    }.items()  # fmt: skip
    assert all(event["due_at"] - event["occurred_at"] == 3_600_000 for event in events)
    assert sum(summary.rejected.values()) == 3 - len(amounts)


def _edit(old: str, new: str) -> Callable[[], str]:
    assert old in LOGIN, old
    return lambda: LOGIN.replace(old, new, 1)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (_edit("account_id =", "acount_id ="), ["acount_id", 'nearest: "account_id"', ":10:"]),
        (_edit('type = "login"', 'type = "logon"'), ["event[1].type", 'nearest: "login"']),
        (_edit('"success"', '"succes"'), ["words.1", 'nearest: "success"']),
        (_edit('method = "password"', 'method = "pasword"'), ['nearest: "password"']),
        (_edit('method = "password"', ""), ['lacks "method"', "requires of login"]),
        (_edit('method = "password"', "method = 3"), ["must be a word"]),
        (_edit('unit = "iso"', 'unit = "iso", base = "2026-01-01"'), ["base", "does not count"]),
        (_edit('unit = "iso"', 'unit = "hours"'), ["unit"]),
        (_edit("Asia/Shanghai", "Asia/Shangai"), ["zone", "no time zone"]),
        (_edit('unit = "iso"', 'unit = "iso", scale = 1'), ["scale", "unknown key"]),
        (_edit('"L"', "{ abov = 1 }"), ['nearest: "above"']),
        (_edit('"L"', '{ above = "x" }'), ["not ordered"]),
        (_edit('column = "WHO"', 'column = "WHOM"'), ['no column "WHOM"', 'nearest: "WHO"']),
        (_edit('type = "login"', 'type = "login"\nfor = "month"'), ["event[1].for"]),
        (_edit('name = "logins"', 'nam = "logins"'), ["mapping.nam", 'nearest: "name"']),
        (_edit('name = "logins"', 'name = "logins'), ["is not TOML"]),
    ],
)
def test_a_wrong_mapping_is_refused_in_one_line_with_file_field_and_cure(
    tmp_path: Path, mapping: Callable[[], str], words: list[str]
) -> None:
    with pytest.raises(MappingError) as caught:
        _import(tmp_path, mapping(), ROWS)
    text = str(caught.value)
    assert isinstance(caught.value, Fault)
    assert text.startswith(str(tmp_path / "m.toml")) and "\n" not in text
    for word in words:
        assert word in text, text
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"m.toml", "rows.csv"}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("rows.xlsx", b"x", "its ending tells no format"),
        ("rows.parquet", b"not parquet", "is no parquet"),
        ("rows.csv", b"ID,KIND,WHO,AT,OK,IP\n1,L,a,b,1,2,3,4,5\n", "is no csv"),
        ("rows.jsonl.gz", b"\x1f\x8bno", "rows.jsonl.gz"),
    ],
)
def test_a_source_that_cannot_be_read_is_a_fault_that_names_it(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    (tmp_path / "m.toml").write_text(LOGIN)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=words) as caught:
        run_import(tmp_path / "m.toml", tmp_path / name, tmp_path / "out.jsonl")
    assert name in str(caught.value)
    assert not (tmp_path / "out.jsonl").exists()


def test_a_missing_source_and_an_unknown_mapping_name_are_faults(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        run_import(mapping_path("synccfd"), tmp_path / "none.parquet", tmp_path / "out.jsonl")
    with pytest.raises(Fault, match='nearest: "synccfd"'):
        mapping_path("syncfd")


def test_a_failed_import_leaves_an_earlier_output_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_bytes(b"earlier\n")
    with pytest.raises(MappingError):
        _import(tmp_path, LOGIN.replace("WHO", "WHOM"), ROWS)
    assert (tmp_path / "out.jsonl").read_bytes() == b"earlier\n"
