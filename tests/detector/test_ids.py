"""Ids: what they hash to, and which network an address belongs to."""

from __future__ import annotations

import random
from hashlib import blake2b
from ipaddress import ip_address, ip_network

import pytest

from detector import ids as ids_module
from detector.ids import REPLAY_KEY, Ids, network_of

OTHER_KEY = b"another deployment"


def by_hashlib(text: str, key: bytes) -> int:
    digest = blake2b(text.encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "little", signed=True)


@pytest.mark.parametrize("key", [REPLAY_KEY, OTHER_KEY, b"k", bytes(range(64))])
def test_the_compiled_hash_is_the_one_of_hashlib_at_every_length(key: bytes) -> None:
    texts = ["x" * size for size in range(1, 300)] + ["é" * 64, "借" * 128, "\U0001f600" * 128]
    expected = [by_hashlib(text, key) for text in texts]
    ids = Ids(key)
    assert ids.hashes(texts).tolist() == expected
    assert [ids.hash(text) for text in texts] == expected


def test_a_hash_does_not_depend_on_the_texts_beside_it() -> None:
    draw = random.Random(7)
    texts = ["".join(draw.choices("ab1é借", k=draw.randint(1, 140))) for _ in range(500)]
    ids = Ids()
    assert ids.hashes(texts).tolist() == [int(ids.hashes([text])[0]) for text in texts]


def test_the_hashes_of_a_replay_never_change() -> None:
    assert Ids().hash("acc_1") == by_hashlib("acc_1", b"lendwatch.replay")


def test_another_key_gives_other_hashes() -> None:
    assert Ids().hash("acc_1") != Ids(OTHER_KEY).hash("acc_1")


def test_an_absent_id_is_0_and_stays_0_beside_others() -> None:
    hashes = Ids().hashes(["", "a", "", "b", ""]).tolist()
    assert [value == 0 for value in hashes] == [True, False, True, False, True]
    assert Ids().hashes([]).tolist() == []


def test_an_id_whose_hash_would_be_0_is_given_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_zero(_keyed: object, _text: object, sizes: object) -> object:
        return sizes * 0  # type: ignore[operator]

    monkeypatch.setattr(ids_module, "hash_texts", all_zero)
    assert Ids().hashes(["a", "", "b"]).tolist() == [1, 0, 1]


@pytest.mark.parametrize("key", [b"", b"k" * 65])
def test_a_key_that_blake2b_cannot_hold_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 64 bytes"):
        Ids(key)


@pytest.mark.parametrize(
    ("ip", "cidr"),
    [
        ("1.2.3.4", "1.2.3.0/24"),
        ("255.255.255.255", "255.255.255.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),
        ("::ffff:1.2.3.4", "1.2.3.0/24"),
        ("::FFFF:0102:0304", "1.2.3.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:0DB8:0001:ffff::", "2001:db8:1::/48"),
        ("::1", "::/48"),
    ],
)
def test_a_network_is_the_canonical_cidr(ip: str, cidr: str) -> None:
    ids = Ids()
    assert ids.network(ip) == (cidr, ids.hash(cidr))
    assert ids.network(ip) == ids.network(ip)  # from the cache


@pytest.mark.parametrize(
    "text",
    [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1.2.3.4/24",
        "-1.2.3.4", "1.2.3.٤", "１.2.3.4", "fe80::1%eth0", "::ffff:1.2.3.256", "1::2::3",
        "12345::", "localhost", "16909060", "0x1.2.3.4",
    ],
)  # fmt: skip
def test_what_is_no_address_has_no_network(text: str) -> None:
    ids = Ids()
    assert ids.network(text) is None
    assert ids.network(text) is None  # from the cache


def test_networks_agree_with_the_standard_library() -> None:
    draw = random.Random(11)
    for _ in range(2000):
        ip = str(ip_address(draw.getrandbits(32)))
        assert network_of(ip) == str(ip_network(f"{ip}/24", strict=False))
        ip = str(ip_address(draw.getrandbits(128)))
        assert network_of(ip) == str(ip_network(f"{ip}/48", strict=False))


def test_the_cache_of_networks_is_bounded_and_forgets_nothing_true(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ids_module, "NETWORKS_GENERATION", 10)
    ids = Ids()
    for host in range(200):
        assert ids.network(f"10.0.{host}.1") == (f"10.0.{host}.0/24", ids.hash(f"10.0.{host}.0/24"))
        assert ids.network("8.8.8.8") == ("8.8.8.0/24", ids.hash("8.8.8.0/24"))
        assert len(ids._networks) <= 10
        assert len(ids._older_networks) <= 10
