"""Networks as they are compared: IPv4 /24 and IPv6 /48."""

from __future__ import annotations

import ipaddress
from typing import Final

from detector.toml_section import Section

NETWORKS_MAX: Final = 65_536  # of one list entry: an IPv4 /8, an IPv6 /32
_BITS: Final = {4: 24, 6: 48}


def canonical_networks(section: Section, key: str) -> frozenset[str]:
    """The canonical networks that a list of ranges covers; a range may be wider, not narrower."""
    found: set[str] = set()
    for index, text in enumerate(section.texts(key)):
        entry = f"entry {index + 1}"
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise section.error(key, f'{entry} is no network, such as "203.0.113.0/24"') from None
        bits = _BITS[network.version]
        wide = network.supernet(new_prefix=min(bits, network.prefixlen))
        if str(wide) != text.lower():
            raise section.error(key, f"{entry} is no IPv4 /24, IPv6 /48 or wider", str(wide))
        if 1 << (bits - network.prefixlen) > NETWORKS_MAX:
            raise section.error(key, f"{entry} covers more than {NETWORKS_MAX} networks")
        found.update(str(part) for part in network.subnets(new_prefix=bits))
    return frozenset(found)
