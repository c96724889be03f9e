"""Events become rows of words, in the order of their lines, whatever stands beside them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from detector import events as e
from detector.decode import Batch, Decoder
from detector.ids import Ids
from detector.rows import provider_code
from detector.schema import AutoDebit, Disbursement, Disposition, IdentityVerification, Login
from tests.detector.lines import AS_OF_MS, BARE, OPTIONAL, TYPES, bare, full

IDS = Ids()
DECODER = Decoder(IDS, AS_OF_MS)
NO_PLACE = e.COORDINATE_NULL << e.LATITUDE_SHIFT | e.COORDINATE_NULL << e.LONGITUDE_SHIFT
CNY = e.currency_code("CNY") << e.CURRENCY_SHIFT


def words(line: bytes) -> dict[str, int]:
    batch = DECODER.decode([line])
    assert batch.dead == []
    return dict(zip(e.WORDS, batch.words[0].tolist(), strict=True))


def row(kind_code: int, **told: int) -> dict[str, int]:
    """A row with `told` in it, and otherwise what a bare event of EVERY has."""
    blank = dict.fromkeys(e.WORDS, 0)
    unknown = dict.fromkeys(("amount", "limit", "outstanding", "normal"), e.NULL_INT)
    every = {
        "t": AS_OF_MS - 1000, "id": IDS.hash("evt_1"), "account": IDS.hash("acc_1"),
        "code": kind_code | (CNY if 8 <= (kind_code & e.KIND_MASK) < 32 else NO_PLACE),
    }  # fmt: skip
    return {**blank, **unknown, **every, **told}


def network(cidr: str) -> int:
    return IDS.hash(cidr)


# --- the words of each type


def test_a_login_tells_device_network_session_signals_and_place() -> None:
    code = (
        e.KINDS["login_success"]
        | e.LOGIN_METHODS.index("otp") << e.METHOD_SHIFT
        | 1 << e.SIGNALS_SHIFT + e.SIGNALS.index("vpn")
        | 1 << e.SIGNALS_SHIFT + e.SIGNALS.index("emulator")
        | 312 + 900 << e.LATITUDE_SHIFT
        | -1215 + 1800 << e.LONGITUDE_SHIFT
    )
    assert words(full("login")) == row(
        0,
        code=code,
        device=IDS.hash("dev_1"),
        network=network("203.0.113.0/24"),
        session=IDS.hash("ses_1"),
    )


def test_a_verification_tells_its_own_id_its_binding_and_its_latency() -> None:
    code = (
        e.KINDS["verification_passed"]
        | e.VERIFICATION_METHODS.index("face") << e.METHOD_SHIFT
        | provider_code("face-one") << e.PROVIDER_SHIFT
    )
    assert words(full("identity_verification")) == row(
        0,
        code=code,
        device=IDS.hash("dev_1"),
        session=IDS.hash("ses_1"),
        object=IDS.hash("dis_1"),
        verification=IDS.hash("ver_1"),
        amount=812,
    )


def test_a_disbursement_tells_everything() -> None:
    code = (
        e.KINDS["disbursement_requested"]
        | e.PAYEE_OWNERS.index("self") << e.OWNER_SHIFT
        | e.PAYEE_KINDS.index("merchant") << e.PAYEE_KIND_SHIFT
    )
    assert words(full("disbursement")) == row(
        code,
        device=IDS.hash("dev_1"),
        network=network("2001:db8::/48"),
        payee=IDS.hash("pay_1"),
        session=IDS.hash("ses_1"),
        object=IDS.hash("dis_1"),
        verification=IDS.hash("ver_1"),
        amount=123_400,
        limit=5_000_000,
        outstanding=0,
    )


def test_a_debit_tells_its_obligation_what_was_debited_and_what_is_due() -> None:
    not_expired, is_revoked = 1 << e.EXPIRED_SHIFT, 2 << e.REVOKED_SHIFT
    assert words(full("auto_debit")) == row(
        e.KINDS["debit_partial"] | not_expired | is_revoked,
        object=IDS.hash("obl_1"),
        amount=210,
        limit=43_210,
        verification=IDS.hash("man_1"),
        session=IDS.hash("acc_2"),
        payee=AS_OF_MS,
        outstanding=5,
        normal=10**15,
    )


def test_a_disposition_tells_its_target() -> None:
    code = e.KINDS["confirmed_fraud"]
    assert words(full("disposition")) == row(code, object=IDS.hash("evt_0"))
    of_an_alert = bare("disposition", target_event_id=..., account_id=..., alert_id="alr_1")
    assert words(of_an_alert) == row(code, account=0)


def test_what_a_source_does_not_know_is_absent_never_filled() -> None:
    login = words(bare("login"))
    assert login == row(e.LOGIN_METHODS.index("otp") << e.METHOD_SHIFT)
    draw = words(bare("disbursement"))
    assert [draw[name] for name in ("device", "network", "session", "verification")] == [0] * 4
    assert draw["code"] >> e.PAYEE_KIND_SHIFT & 3 == 0


@pytest.mark.parametrize(
    ("kind", "field", "told", "code"),
    [
        *(("login", "outcome", word, f"login_{word}") for word in e.LOGIN_OUTCOMES),
        *(
            ("identity_verification", "outcome", word, f"verification_{word}")
            for word in e.VERIFICATION_OUTCOMES
        ),
        *(
            ("disbursement", "status", word, f"disbursement_{word}")
            for word in e.DISBURSEMENT_STATUSES
        ),
        *(("auto_debit", "outcome", word, f"debit_{word}") for word in e.DEBIT_OUTCOMES),
        *(("disposition", "disposition", word, word) for word in e.DISPOSITIONS),
    ],
)
def test_every_outcome_is_a_kind(kind: str, field: str, told: str, code: str) -> None:
    assert words(full(kind, **{field: told}))["code"] & e.KIND_MASK == e.KINDS[code]


@pytest.mark.parametrize(
    ("kind", "field", "known", "shift", "mask"),
    [
        ("login", "method", e.LOGIN_METHODS, e.METHOD_SHIFT, 7),
        ("identity_verification", "method", e.VERIFICATION_METHODS, e.METHOD_SHIFT, 7),
        ("disbursement", "payee_owner", e.PAYEE_OWNERS, e.OWNER_SHIFT, 3),
        ("disbursement", "payee_kind", e.PAYEE_KINDS, e.PAYEE_KIND_SHIFT, 3),
    ],
)
def test_every_word_of_an_enumeration_has_its_place_in_the_code(
    kind: str, field: str, known: tuple[str, ...], shift: int, mask: int
) -> None:
    for index, word in enumerate(known):
        if word:
            assert words(full(kind, **{field: word}))["code"] >> shift & mask == index


def test_every_signal_is_a_bit_and_others_are_ignored() -> None:
    for bit, name in enumerate(e.SIGNALS):
        code = words(full("login", device_signals=[name, "unheard", name]))["code"]
        assert code >> e.SIGNALS_SHIFT & 0xFF == 1 << bit
    code = words(full("login", device_signals=list(e.SIGNALS)))["code"]
    assert code >> e.SIGNALS_SHIFT & 0xFF == 0xFF


@pytest.mark.parametrize(
    ("degrees", "tenths"),
    [
        (0, 0), (-0.0, 0), (31.25, 312), (31.35, 314), (31.249, 312), (-0.05, 0), (-0.15, -2),
        (0.04, 0), (90, 900), (-90, -900), (89.96, 900), (12.3, 123),
    ],
)  # fmt: skip
def test_coordinates_are_rounded_to_tenths_half_to_even(degrees: float, tenths: int) -> None:
    code = words(full("login", latitude=degrees, longitude=degrees))["code"]
    assert code >> e.LATITUDE_SHIFT & 0xFFF == tenths + 900
    assert code >> e.LONGITUDE_SHIFT & 0xFFF == tenths + 1800


def test_coordinates_are_rounded_as_python_rounds_the_product() -> None:
    draw = random.Random(3)
    for degrees in (draw.uniform(-90, 90) for _ in range(300)):
        code = words(full("login", latitude=degrees))["code"]
        assert code >> e.LATITUDE_SHIFT & 0xFFF == round(degrees * 10.0) + 900


def test_one_coordinate_may_be_known_without_the_other() -> None:
    code = words(full("login", latitude=None, longitude=180))["code"]
    assert code >> e.LATITUDE_SHIFT & 0xFFF == e.COORDINATE_NULL
    assert code >> e.LONGITUDE_SHIFT & 0xFFF == 3600


def test_the_largest_integers_keep_their_value() -> None:
    assert words(full("identity_verification", latency_ms=2**63 - 1))["amount"] == 2**63 - 1
    assert words(full("disbursement", amount_minor=10**15))["amount"] == 10**15


# --- the events


def test_an_event_holds_every_field_as_it_was_told() -> None:
    structs = (Login, IdentityVerification, Disbursement, AutoDebit, Disposition)
    for kind, struct in zip(TYPES, structs, strict=True):
        assert DECODER.decode([full(kind)]).events == [struct(**BARE[kind], **OPTIONAL[kind])]
        assert DECODER.decode([bare(kind)]).events == [struct(**BARE[kind])]


def test_null_for_an_optional_field_is_absence() -> None:
    for kind in TYPES:
        nothing: dict[str, Any] = dict.fromkeys(OPTIONAL[kind])
        with_null, without = DECODER.decode([full(kind, **nothing), bare(kind)]).events
        assert with_null == without


# --- the batch


def test_an_empty_batch_is_a_batch() -> None:
    batch = DECODER.decode([])
    assert (batch.events, batch.dead) == ([], [])
    assert batch.words.shape == (0, len(e.WORDS))
    assert batch.positions.shape == (0,)


def test_a_batch_of_dead_letters_alone_is_a_batch() -> None:
    batch = DECODER.decode([b"", b"[]"])
    assert batch.words.shape == (0, len(e.WORDS))
    assert len(batch.dead) == 2


def mixed(seed: int, size: int) -> list[bytes]:
    draw = random.Random(seed)
    lines = []
    for number in range(size):
        make = draw.choice([bare, full])
        changes = {"event_id": f"evt_{number}", "occurred_at": AS_OF_MS - draw.randrange(10**9)}
        lines.append(make(draw.choice(TYPES), **changes) if draw.random() < 0.9 else b"{}")
    return lines


def joined(batches: list[Batch], sizes: list[int]) -> Batch:
    starts = np.repeat(np.cumsum([0, *sizes[:-1]]), [len(batch.events) for batch in batches])
    return Batch(
        [event for batch in batches for event in batch.events],
        np.concatenate([batch.words for batch in batches]),
        np.concatenate([batch.positions for batch in batches]) + starts,
        [],
    )


@pytest.mark.parametrize("cut", [1, 2, 7, 64, 300])
def test_how_the_lines_are_cut_into_batches_changes_nothing(cut: int) -> None:
    lines = mixed(seed=5, size=300)
    whole = DECODER.decode(lines)
    parts = [lines[start : start + cut] for start in range(0, len(lines), cut)]
    again = joined([Decoder(Ids(), AS_OF_MS).decode(part) for part in parts], list(map(len, parts)))
    assert again.events == whole.events
    assert again.words.tolist() == whole.words.tolist()
    assert again.positions.tolist() == whole.positions.tolist()


def test_rows_events_and_positions_stand_in_the_order_of_the_lines() -> None:
    lines = mixed(seed=6, size=200)
    batch = DECODER.decode(lines)
    assert batch.words.dtype == batch.positions.dtype == np.int64
    for event, position, told in zip(batch.events, batch.positions, batch.words, strict=True):
        assert f'"{event.event_id}"'.encode() in lines[position]
        assert told[e.ID] == IDS.hash(event.event_id)
        assert told[e.T] == event.occurred_at
    assert len(batch.events) + len(batch.dead) == len(lines)


def test_money_keeps_its_currency() -> None:
    for line in (full("disbursement", currency="USD"), full("auto_debit", currency="USD")):
        assert e.currency_of(words(line)["code"]) == "USD"
