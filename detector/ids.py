"""Ids as keyed 64-bit hashes, compared instead of text, so that nobody can forge a match."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

REPLAY_KEY: Final = b"lendwatch.replay"  # no secret: a replay gives everybody the same hashes
KEY_MAX_BYTES: Final = 64
HASH_BYTES: Final = 8
CACHE_GENERATION: Final = 1 << 16  # entries at which a generation is full; two are kept

_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"({_OCTET}\.{_OCTET}\.{_OCTET})\.{_OCTET}")

K = TypeVar("K")
V = TypeVar("V")


class Generations(Generic[K, V]):
    """A bounded memo in two generations: what is in use when one is full lives on in the next.

    `young` holds at most `CACHE_GENERATION` entries and what one batch adds to them.
    """

    def __init__(self) -> None:
        self.young: dict[K, V] = {}
        self.old: dict[K, V] = {}

    def turn_when_full(self) -> None:
        """Begin a new generation if the young one is full; the old one is forgotten."""
        if len(self.young) >= CACHE_GENERATION:
            self.young, self.old = {}, self.young


class Ids:
    """Keyed hashes of ids: blake2b of 8 bytes, read as a little-endian signed integer, never 0.

    0 stands for an id that is not there; a text that hashes to 0 is given 1. Raises ValueError for
    a key that is not 1 to 64 bytes, UnicodeEncodeError for a lone surrogate (no event holds one).
    """

    def __init__(self, key: bytes = REPLAY_KEY) -> None:
        if not 1 <= len(key) <= KEY_MAX_BYTES:
            raise ValueError(f"the key of ids has 1 to {KEY_MAX_BYTES} bytes")
        # Copying a keyed hasher is a third cheaper than making one.
        self._keyed = hashlib.blake2b(digest_size=HASH_BYTES, key=key)
        self._hashes: Generations[str | None, int] = Generations()
        self._networks: Generations[str, tuple[str, int] | None] = Generations()

    def hash(self, text: str) -> int:
        """The hash of one id, cached: a signed 64-bit integer, not 0."""
        return self.column((text,))[0]

    def column(self, texts: Sequence[str | None]) -> list[int]:
        """The hashes of ids that come back, cached; 0 for None."""
        hashes = self._hashes
        hashes.turn_when_full()
        young, old = hashes.young, hashes.old
        missing = set(texts).difference(young)
        if missing:
            young.update([(text, old[text]) for text in missing if text in old])
            unknown = [text for text in missing if text is not None and text not in old]
            young.update(zip(unknown, self.fresh_column(unknown).tolist(), strict=True))
            young[None] = 0
        return list(map(young.__getitem__, texts))

    def fresh_column(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """The hashes of ids that come once (event ids): not cached, they would push others out."""
        copy = self._keyed.copy
        digests: list[bytes] = []
        for text in texts:
            hasher = copy()
            hasher.update(text.encode())
            digests.append(hasher.digest())
        hashes = np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64)
        hashes[hashes == 0] = 1
        return hashes

    def network(self, ip: str) -> tuple[str, int] | None:
        """The network of an address, cached: its canonical CIDR and that text's hash.

        IPv4 /24, IPv6 /48; an IPv4-mapped address is its IPv4. None if `ip` is no address; a zone
        ("%eth0") means something to one host only, so that an address with one is none.
        """
        young = self._networks.young
        if ip in young:
            return young[ip]
        cidr = network_of(ip)
        found = None if cidr is None else (cidr, self.hash(cidr))
        young[ip] = found
        self._networks.turn_when_full()
        return found


def network_of(ip: str) -> str | None:
    """The canonical CIDR that an address belongs to (IPv4 /24, IPv6 /48), None if it is none."""
    usual = _IPV4.fullmatch(ip)
    if usual is not None:
        return f"{usual[1]}.0/24"
    try:
        address = ip_address(ip)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return f"{IPv4Address(int(address) >> 8 << 8)}/24"
    if address.scope_id is not None:
        return None
    if address.ipv4_mapped is not None:
        return network_of(str(address.ipv4_mapped))
    return f"{IPv6Address(int(address) >> 80 << 80)}/48"
