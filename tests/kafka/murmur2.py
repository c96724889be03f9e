"""murmur2 as Java's clients have it, written by hand from its description: an oracle."""

from __future__ import annotations

M, SEED, MASK = 0x5BD1E995, 0x9747B28C, 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash of the bytes."""
    whole = len(data) & ~3
    state = SEED ^ len(data)
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * M & MASK
        word = (word ^ word >> 24) * M & MASK
        state = (state * M & MASK) ^ word
    if rest := data[whole:]:
        state = (state ^ int.from_bytes(rest, "little")) * M & MASK
    state = (state ^ state >> 13) * M & MASK
    return state ^ state >> 15
