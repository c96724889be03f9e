"""What is no event becomes a dead letter with the contract's reason and path, and nothing else."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from detector.decode import Batch, Decoder
from detector.ids import Ids
from tests.detector.lines import (
    AS_OF_MS,
    STRINGS,
    TYPES,
    VALUES,
    bare,
    full,
    nested,
    with_last,
    with_raw,
)
from tests.detector.strict_checker import FIELDS, verdict

DECODER = Decoder(Ids(), AS_OF_MS)
NOT_JSON = ("not_json", "$")


def judged(line: bytes) -> tuple[str, str] | None:
    """(reason, path) of a line handed over alone; None if it is an event."""
    batch = DECODER.decode([line])
    assert len(batch.events) + len(batch.dead) == 1
    return (batch.dead[0].reason, batch.dead[0].path) if batch.dead else None


# --- the line


@pytest.mark.parametrize(
    "line",
    [
        b"", b" ", b"\n", b"[]", b"[{}]", b"5", b"-1.5", b"null", b"true", b'"text"', b"NaN",
        b"{", b"}", b"{}{}", b"{},", b"nonsense", b"\xff", b"\x00", b"{'a':1}", b'{"a":1,}',
        b'{"a" 1}', b"{a:1}", b'{"a":1', b"\x1f\x8b\x08", b"[" * 100_000, b'{"a":' * 100_000,
    ],
)  # fmt: skip
def test_a_line_that_is_no_object_of_json_is_not_json(line: bytes) -> None:
    assert judged(line) == NOT_JSON


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b"+1", b"tru"])
@pytest.mark.parametrize("name", ["amount_minor", "unknown"])
def test_what_json_does_not_know_is_not_json_in_any_field(name: str, value: bytes) -> None:
    assert judged(with_raw("disbursement", name, value)) == NOT_JSON


@pytest.mark.parametrize("value", [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'{"\xff":1}'])
@pytest.mark.parametrize("name", ["payee_id", "unknown"])
def test_bytes_that_are_no_utf8_are_not_json_even_in_what_is_skipped(
    name: str, value: bytes
) -> None:
    assert judged(with_raw("disbursement", name, value)) == NOT_JSON


@pytest.mark.parametrize("half", ["\\ud800", "\\udc00", "\\ud800\\ud800", "x\\uDBFFy", "\\udfff"])
@pytest.mark.parametrize("name", ["payee_id", "unknown"])
def test_half_a_surrogate_pair_is_not_json_even_in_what_is_skipped(name: str, half: str) -> None:
    assert judged(with_raw("disbursement", name, f'"{half}"')) == NOT_JSON
    assert judged(with_last("disbursement", f'"{half}":1')) == NOT_JSON


def test_a_whole_surrogate_pair_is_text() -> None:
    batch = DECODER.decode([with_raw("disbursement", "payee_id", '"\\ud83d\\ude00"')])
    assert [event.payee_id for event in batch.events] == ["\U0001f600"]  # type: ignore[union-attr]


def test_a_byte_order_mark_is_not_json() -> None:
    assert judged(b"\xef\xbb\xbf" + full("login")) == NOT_JSON
    assert judged(with_raw("login", "unknown", b"\xef\xbb\xbf1")) == NOT_JSON


@pytest.mark.parametrize("name", ["unknown", "device_id"])
def test_a_value_may_nest_five_hundred_deep_and_no_deeper(name: str) -> None:
    fine = None if name == "unknown" else ("wrong_type", "$.device_id")
    assert judged(with_raw("login", name, nested(500))) == fine
    assert judged(with_raw("login", name, nested(501))) == NOT_JSON
    assert judged(with_raw("login", name, nested(100_000))) == NOT_JSON


def test_brackets_in_text_and_beside_each_other_are_not_depth() -> None:
    assert judged(with_raw("login", "unknown", '"\\"' + "[{" * 5000 + '"')) is None
    assert judged(with_raw("login", "unknown", "[" + "[]," * 5000 + "{}]")) is None


def test_a_line_over_one_mebibyte_is_too_large_whatever_it_holds() -> None:
    padding = (1 << 20) - len(with_raw("login", "unknown", '""'))
    assert judged(with_raw("login", "unknown", '"' + "x" * padding + '"')) is None
    too_long = with_raw("login", "unknown", '"' + "x" * (padding + 1) + '"')
    assert judged(too_long) == ("too_large", "$")
    assert judged(b"[" * ((1 << 20) + 1)) == ("too_large", "$")


def test_space_around_and_line_breaks_within_a_value_are_json() -> None:
    spread = full("login").replace(b",", b" ,\r\n\t")
    batch = DECODER.decode([b" \t" + spread + b"\r\n", full("login"), full("login")])
    assert batch.events[0] == batch.events[1] == batch.events[2]


def test_two_events_in_one_line_or_one_event_in_two_are_not_json() -> None:
    one = full("login")
    lines = [one + b"\n" + one, one[:20], one[20:], one]
    assert [letter.reason for letter in DECODER.decode(lines).dead] == ["not_json"] * 3


# --- the type


def test_an_object_without_type_misses_it() -> None:
    assert judged(b"{}") == ("missing_field", "$.type")
    assert judged(bare("login", type=...)) == ("missing_field", "$.type")


@pytest.mark.parametrize("word", ["", "Login", "login ", "logout", "x" * 1000])
def test_a_type_that_is_none_of_the_five_is_unknown(word: str) -> None:
    assert judged(bare("login", type=word)) == ("unknown_type", "$.type")


@pytest.mark.parametrize("value", [None, 5, True, [], {}, ["login"]])
def test_a_type_that_is_no_string_is_of_wrong_type(value: Any) -> None:
    assert judged(bare("login", type=value)) == ("wrong_type", "$.type")


@pytest.mark.parametrize(
    "again",
    ['"type":"login"', '"type":"disbursement"', '"type":null', '"\\u0074ype":"login"',
     '"ty\\u0070e":"login"', '"type" : "login"', '"\\u0074\\u0079\\u0070\\u0065":"login"'],
)  # fmt: skip
def test_a_type_told_twice_is_unknown_however_it_is_written(again: str) -> None:
    assert judged(with_last("login", again)) == ("unknown_type", "$.type")


def test_a_type_within_an_unknown_field_says_nothing() -> None:
    assert judged(with_raw("login", "unknown", '{"type":"x","type":1}')) is None
    assert judged(with_raw("login", "unknown", '"type"')) is None


def test_a_type_may_stand_last_and_be_written_with_escapes() -> None:
    told_last = bare("login", type=...)[:-1] + b',"type":"login"}'
    escaped = bare("login").replace(b'"type":"login"', b'"t\\u0079pe":"l\\u006fgin"')
    assert DECODER.decode([told_last, escaped]).events == DECODER.decode([bare("login")] * 2).events


# --- the fields


EVERY_FIELD = [
    (kind, marked.rstrip("?"), rule, not marked.endswith("?"))
    for kind, fields in FIELDS.items()
    for marked, rule in fields.items()
]


@pytest.mark.parametrize(("kind", "name", "rule", "required"), EVERY_FIELD)
def test_a_required_field_is_missed_and_an_optional_one_is_not(
    kind: str, name: str, rule: tuple[Any, ...], required: bool
) -> None:
    path = f"$.{name}"
    assert judged(full(kind, **{name: ...})) == (("missing_field", path) if required else None)
    assert judged(full(kind, **{name: None})) == (("wrong_type", path) if required else None)


RIGHT_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,), "float": (int, float), "bool": (bool,), "strings": (list,),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "rule", "required"), EVERY_FIELD)
def test_a_value_of_another_type_is_of_wrong_type(
    kind: str, name: str, rule: tuple[Any, ...], required: bool
) -> None:
    right = RIGHT_TYPES.get(rule[0], (str,))
    values: tuple[Any, ...] = ("5", 5, 5.0, True, [], {}, {"a": "b"})
    for value in values:
        if type(value) not in right:
            assert judged(full(kind, **{name: value})) == ("wrong_type", f"$.{name}"), value


@pytest.mark.parametrize(("kind", "name", "rule", "required"), EVERY_FIELD)
def test_a_value_out_of_its_range_is_out_of_range(
    kind: str, name: str, rule: tuple[Any, ...], required: bool
) -> None:
    bad = {
        "int": ["-1", str(rule[-1] + 1) if rule[0] == "int" else "", "-" + "9" * 5000, str(2**63),
                str(2**64), "9" * 5000],
        "float": [f"{rule[-1]}.001", f"-{rule[-1]}.001", "1e999", "-1e999", "9" * 5000],
        "id": ['""', '"' + "x" * 129 + '"', '"' + "\u501f" * 129 + '"'],
        "words": ['""', '"Success"', '"nothing"'],
        "currency": ['""', '"CN"', '"CNYY"', '"cny"', '"C1Y"', '"CNY\\n"', '"\u00c0BC"'],
        "ip": ['""', '"1.2.3"', '"256.1.1.1"', '"01.2.3.4"', '"fe80::1%eth0"', '"1.2.3.4\\n"'],
    }  # fmt: skip
    for value in bad.get(rule[0], ()):
        assert judged(with_raw(kind, name, value)) == ("out_of_range", f"$.{name}"), value[:40]


@pytest.mark.parametrize(("kind", "name", "rule", "required"), EVERY_FIELD)
def test_the_bounds_themselves_are_in_range(
    kind: str, name: str, rule: tuple[Any, ...], required: bool
) -> None:
    if name == "occurred_at":
        return  # its upper bound is the future: see below
    fine = {
        "int": ["0", "-0", str(rule[-1])],
        "float": [f"{rule[-1]}", f"-{rule[-1]}.0", "0", "1e-999", "0." + "3" * 5000],
        "id": ['"x"', '"' + "x" * 128 + '"', '"' + "\U0001f600" * 128 + '"', '"\\u0000"'],
        "words": [f'"{word}"' for word in rule[1:]],
        "currency": ['"AAA"', '"ZZZ"', '"U\\u0053D"'],
        "ip": ['"0.0.0.0"', '"::"', '"::ffff:1.2.3.4"', '"' + "ffff:" * 6 + '255.255.255.255"'],
        "strings": ["[]", '["vpn","vpn"]', '["unheard",""]'],
        "bool": ["true", "false"],
    }
    for value in fine[rule[0]]:
        assert judged(with_raw(kind, name, value)) is None, value[:40]


@pytest.mark.parametrize("value", ["1000.0", "1e3", "1E3", "1e999", "-0.0", "0e0", "1e-1"])
def test_a_number_with_a_point_or_an_exponent_is_no_integer(value: str) -> None:
    expected = ("wrong_type", "$.amount_minor")
    assert judged(with_raw("disbursement", "amount_minor", value)) == expected


@pytest.mark.parametrize("value", ["1e999", "9" * 5000, str(2**64), '"\\u0000"', "[[{}]]", "null"])
def test_unknown_fields_are_not_looked_into(value: str) -> None:
    assert judged(with_raw("login", "unknown", value)) is None


@pytest.mark.parametrize("value", ["[1]", "[null]", "[[]]", '["vpn",null]', '"vpn"', "{}"])
def test_signals_are_a_list_of_strings(value: str) -> None:
    assert judged(with_raw("login", "device_signals", value)) == ("wrong_type", "$.device_signals")


# --- repeated keys


@pytest.mark.parametrize("first", [1, -1, 10**16])
def test_of_a_repeated_key_the_last_counts_where_all_are_well_typed(first: int) -> None:
    line = full("disbursement", amount_minor=first)[:-1] + b',"amount_minor":777}'
    batch = DECODER.decode([line])
    assert [event.amount_minor for event in batch.events] == [777]  # type: ignore[union-attr]
    assert batch.dead == []


def test_of_a_repeated_key_the_last_may_be_out_of_range() -> None:
    line = with_last("disbursement", '"amount_minor":-1')
    assert judged(line) == ("out_of_range", "$.amount_minor")


@pytest.mark.parametrize("other", ['"5"', "null", "1.0", "[]"])
def test_a_repeated_key_with_one_value_of_wrong_type_is_of_wrong_type(other: str) -> None:
    wrong = ("wrong_type", "$.amount_minor")
    assert judged(with_last("disbursement", f'"amount_minor":{other}')) == wrong
    first_wrong = with_raw("disbursement", "amount_minor", other)[:-1] + b',"amount_minor":7}'
    assert judged(first_wrong) == wrong


def test_a_repeated_optional_key_may_end_in_absence() -> None:
    batch = DECODER.decode([with_last("disbursement", '"device_id":null')])
    assert [event.device_id for event in batch.events] == [None]  # type: ignore[union-attr]


# --- between fields, and time


def test_a_disposition_names_an_event_or_an_alert() -> None:
    missing = ("missing_field", "$.target_event_id")
    assert judged(bare("disposition", target_event_id=...)) == missing
    assert judged(bare("disposition", target_event_id=None, alert_id=None)) == missing
    assert judged(bare("disposition", target_event_id=..., alert_id="alr_1")) is None


def test_a_disposition_without_account_names_an_alert() -> None:
    missing = ("missing_field", "$.account_id")
    assert judged(bare("disposition", account_id=...)) == missing
    assert judged(bare("disposition", account_id=None)) == missing
    assert judged(bare("disposition", account_id=..., alert_id="alr_1")) is None
    assert judged(bare("disposition", account_id=None, alert_id="")) == (
        "out_of_range", "$.alert_id",
    )  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
def test_more_than_five_minutes_after_now_is_the_future(kind: str) -> None:
    future = ("future_timestamp", "$.occurred_at")
    assert judged(full(kind, occurred_at=AS_OF_MS + 300_000)) is None
    assert judged(full(kind, occurred_at=AS_OF_MS + 300_001)) == future
    assert judged(full(kind, occurred_at=4_102_444_800_000)) == future
    too_far = ("out_of_range", "$.occurred_at")
    assert judged(full(kind, occurred_at=4_102_444_800_001)) == too_far


def test_a_due_date_may_lie_in_the_future() -> None:
    assert judged(full("auto_debit", due_at=4_102_444_800_000)) is None


# --- what a dead letter says


def test_no_message_holds_a_value_of_the_event() -> None:
    secret = "zq7xsecret"
    lines = [with_raw(kind, name, f'"{secret}"') for kind, name, *_ in EVERY_FIELD]
    lines += [with_raw(kind, name, f'["{secret}"]') for kind, name, *_ in EVERY_FIELD]
    lines += [secret.encode(), b'"' + secret.encode() + b'"', bare("login", type=secret)]
    lines += [with_raw("login", secret, "NaN"), bare("login", **{secret: "\ufeff"}, outcome=5)]
    letters = DECODER.decode(lines).dead
    assert len(letters) > 50
    for letter in letters:
        assert letter.message
        assert secret not in letter.message + letter.path + letter.reason


def test_dead_letters_and_events_keep_the_positions_of_their_lines() -> None:
    lines = [full("login"), b"{}", full("disbursement"), b"", full("disposition"), b"[]"]
    batch = DECODER.decode(lines)
    assert batch.positions.tolist() == [0, 2, 4]
    assert [letter.position for letter in batch.dead] == [1, 3, 5]
    assert batch.words.shape == (3, 14)


# --- fast and slow never disagree


def mutated(draw: random.Random) -> bytes:
    kind = draw.choice(TYPES)
    names = [marked.rstrip("?") for marked in FIELDS[kind]]
    name = draw.choice([*names, "type", "unknown"])
    value = draw.choice(VALUES)
    match draw.randrange(10):
        case 0:
            return with_raw(kind, name, value)
        case 1:
            return full(kind, **{name: ..., draw.choice(names): ...})
        case 2:
            key = draw.choice([name, escaped(name, draw)])
            return with_last(kind, f'"{key}":'.encode() + value)
        case 3:
            return b'{"%s":%s,' % (name.encode(), value) + full(kind)[1:]
        case 4:
            return scrambled(with_raw(kind, name, value), draw)
        case 5:
            return scrambled(bare(kind), draw)
        case 6:
            line = full(kind)
            return line[: draw.randrange(len(line))] + draw.choice([b"", bare(draw.choice(TYPES))])
        case 7:
            key = draw.choice(["type", escaped("type", draw)])
            line = full(kind).replace(b'"type"', f'"{key}"'.encode())
            again = draw.choice(["type", escaped("type", draw), "Type", "types"])
            return line[:-1] + f',"{again}":"{kind}"}}'.encode()
        case 8:
            return with_raw(draw.choice(["login", "disbursement"]), "ip", draw.choice(STRINGS))
        case _:
            at = AS_OF_MS + 300_000 + draw.randint(-2, 2)
            return draw.choice([bare, full])(kind, event_id=f"evt_{draw.random()}", occurred_at=at)


def escaped(name: str, draw: random.Random) -> str:
    at = draw.randrange(len(name))
    return f"{name[:at]}\\u{ord(name[at]):04x}{name[at + 1 :]}"


def scrambled(line: bytes, draw: random.Random) -> bytes:
    changed = bytearray(line)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(changed))
        byte = draw.choice([draw.randrange(256), *b'"\\{}[],:0 9eE.-tn\n'])
        match draw.randrange(3):
            case 0:
                changed[at] = byte
            case 1:
                changed.insert(at, byte)
            case _:
                del changed[at]
    return bytes(changed)


def told(batch: Batch) -> dict[int, tuple[str, Any]]:
    """The verdict of a batch on each position, in the checker's words."""
    verdicts: dict[int, tuple[str, Any]] = {d.position: (d.reason, d.path) for d in batch.dead}
    for position, event in zip(batch.positions.tolist(), batch.events, strict=True):
        verdicts[position] = ("event", msgspec.structs.asdict(event))
    return verdicts


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_says_of_each_line_what_it_says_alone_and_what_the_contract_says(seed: int) -> None:
    draw = random.Random(seed)
    lines = [mutated(draw) for _ in range(1000)]
    whole = DECODER.decode(lines)
    verdicts = told(whole)
    row = 0
    for position, line in enumerate(lines):
        expected = verdict(line, AS_OF_MS)
        assert verdicts[position] == expected, (seed, position)
        alone = DECODER.decode([line])
        assert told(alone) == {0: expected}, (seed, position)
        if expected[0] == "event":
            assert alone.words.tolist() == whole.words[row : row + 1].tolist()
            row += 1
    reasons = Counter(reason for reason, _ in verdicts.values())
    assert len(reasons) == 7, (seed, reasons)  # every reason but too_large, and events


@pytest.mark.parametrize("seed", range(4))
def test_lines_that_the_parser_takes_hide_nothing_for_each_other(seed: int) -> None:
    draw = random.Random(seed)
    lines = [with_raw("login", "unknown", value) for value in (b'"\xff"', nested(501))]
    lines += [mutated(draw) for _ in range(1500)]
    taken = [line for line in lines if parser_takes(line)]
    expected = {line: verdict(line, AS_OF_MS) for line in taken}
    assert {"event", "not_json", "unknown_type", "future_timestamp", "out_of_range"} <= {
        reason for reason, _ in expected.values()
    }
    for _ in range(1500):
        lines = draw.choices(taken, k=draw.randint(2, 4))
        assert told(DECODER.decode(lines)) == {
            position: expected[line] for position, line in enumerate(lines)
        }, seed


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (bare("login").replace(b'"type"', b'"t\\u0079pe"'), []),
        (b"{}", ["missing_field"]),
        (b"[]", ["not_json"]),
        (bare("login", type=...), ["missing_field"]),
    ],
)
def test_a_line_that_does_not_spell_its_type_hides_none_told_twice(
    other: bytes, said: list[str]
) -> None:
    twice = with_last("login", '"type":"login"')
    for lines in ([other, twice], [twice, other]):
        reasons = sorted(letter.reason for letter in DECODER.decode(lines).dead)
        assert reasons == sorted([*said, "unknown_type"])


def parser_takes(line: bytes) -> bool:
    try:
        DECODER._json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


@pytest.mark.parametrize("kind", TYPES)
def test_every_hostile_value_in_every_field_gets_the_verdict_of_the_contract(kind: str) -> None:
    names = [marked.rstrip("?") for marked in FIELDS[kind]]
    lines = [with_raw(kind, name, value) for name in (*names, "unknown") for value in VALUES]
    verdicts = told(DECODER.decode(lines))
    for position, line in enumerate(lines):
        assert verdicts[position] == verdict(line, AS_OF_MS), (position, line[:80])
