"""Ids as keyed 64-bit hashes, compared instead of text, so that nobody can forge a match."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.blake2b import HASH_BYTES, KEY_MAX_BYTES, hash_texts, keyed_state

REPLAY_KEY: Final = b"lendwatch.replay"  # no secret: a replay gives everybody the same hashes
NETWORKS_GENERATION: Final = 1 << 15  # addresses at which a generation is full; two are kept

_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"({_OCTET}\.{_OCTET}\.{_OCTET})\.{_OCTET}")


class Ids:
    """Keyed hashes of ids: blake2b of 8 bytes, read as a little-endian signed integer, never 0.

    0 stands for an id that is not there; a text that hashes to 0 is given 1. Raises ValueError for
    a key that is not 1 to 64 bytes, UnicodeEncodeError for a lone surrogate (no event holds one).
    """

    def __init__(self, key: bytes = REPLAY_KEY) -> None:
        if not 1 <= len(key) <= KEY_MAX_BYTES:
            raise ValueError(f"the key of ids has 1 to {KEY_MAX_BYTES} bytes")
        self._keyed = blake2b(digest_size=HASH_BYTES, key=key)
        self._keyed_state = keyed_state(key)
        self._networks: dict[str, tuple[str, int] | None] = {}
        self._older_networks: dict[str, tuple[str, int] | None] = {}

    def hash(self, text: str) -> int:
        """The hash of one id: a signed 64-bit integer, not 0."""
        hasher = self._keyed.copy()
        hasher.update(text.encode())
        return int.from_bytes(hasher.digest(), "little", signed=True) or 1

    def hashes(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The hashes of many ids; 0 for an empty text, which is no id.

        Not cached: compiled, a hash costs little more than a look-up that finds and a third of one
        that does not, and nothing has to be bounded.
        """
        joined = "".join(texts)
        if joined.isascii():
            data, sizes = joined.encode(), map(len, texts)
        else:
            encoded = [text.encode() for text in texts]
            data, sizes = b"".join(encoded), map(len, encoded)
        lengths = np.fromiter(sizes, dtype=np.int64, count=len(texts))
        hashes = hash_texts(self._keyed_state, np.frombuffer(data, dtype=np.uint8), lengths)
        hashes[(hashes == 0) & (lengths > 0)] = 1
        return hashes

    def network(self, ip: str) -> tuple[str, int] | None:
        """The network of an address, cached: its canonical CIDR and that text's hash.

        IPv4 /24, IPv6 /48; an IPv4-mapped address is its IPv4. None if `ip` is no address; a zone
        ("%eth0") means something to one host only, so that an address with one is none.
        """
        networks = self._networks
        if ip in networks:
            return networks[ip]
        if ip in self._older_networks:
            network = self._older_networks[ip]
        else:
            cidr = network_of(ip)
            network = None if cidr is None else (cidr, self.hash(cidr))
        if len(networks) >= NETWORKS_GENERATION:
            self._networks, self._older_networks = {}, networks
        self._networks[ip] = network
        return network


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
