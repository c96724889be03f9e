"""A value sealed for a log: the schema's number, a checksum, then the content.

Nothing is written in a form that could run code when it is read.
"""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec

SCHEMA: Final = 5
_HEAD: Final = bytes((SCHEMA,))
HEAD_BYTES: Final = 5
_pack: Final = msgspec.msgpack.Encoder().encode


class SealError(ValueError):
    """A value that cannot be used; the text says why."""


def sealed(content: Any) -> bytes:
    """A value that holds this content, as msgpack."""
    return sealed_bytes(_pack(content))


def sealed_bytes(payload: bytes) -> bytes:
    """A value that holds these bytes."""
    return _HEAD + zlib.crc32(payload).to_bytes(4, "big") + payload


def unsealed(value: bytes, kind: Any) -> Any:
    """The content of a value, of this type.

    Raises:
        SealError: it is of another schema, damaged, or of another type.
    """
    payload = unsealed_bytes(value)
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except msgspec.DecodeError as error:
        raise SealError(f"cannot be read: {error}") from error


def unsealed_bytes(value: bytes) -> bytes:
    """The bytes of a value.

    Raises:
        SealError: it is of another schema, or damaged.
    """
    if not value or value[0] != SCHEMA:
        found = value[0] if value else "none"
        raise SealError(f"schema {found}, this version reads {SCHEMA}")
    payload = value[HEAD_BYTES:]
    if zlib.crc32(payload) != int.from_bytes(value[1:HEAD_BYTES], "big"):
        raise SealError("damaged (checksum)")
    return payload
