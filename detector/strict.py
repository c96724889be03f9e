"""One line read strictly: the slow path, which says what is an event and why a line is not one.

The fast path of decode.py may only take a line that this page takes too, and as the same event.
Of several faults the first counts: the line's, then the type's, then the fields' in the order of
schema.py, then what lies between fields, then the time's. A message is our own words and holds
nothing of the event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from msgspec.inspect import (
    BoolType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    StrType,
    StructType,
    UnionType,
)

from detector.events import DEPTH_MAX, LINE_MAX_BYTES
from detector.ids import network_of
from detector.schema import STRUCTS, Disposition, Event, missing_of_disposition

NOT_JSON: Final = "not_json"
UNKNOWN_TYPE: Final = "unknown_type"
MISSING_FIELD: Final = "missing_field"
WRONG_TYPE: Final = "wrong_type"
OUT_OF_RANGE: Final = "out_of_range"
FUTURE_TIMESTAMP: Final = "future_timestamp"
TOO_LARGE: Final = "too_large"

_Shape = StrType | LiteralType | IntType | FloatType | BoolType | ListType
_Pairs = tuple[tuple[str, Any], ...]


class Refused(Exception):
    """A line that is no event: `reason` (the contract's word), `path` (of the field), `message`."""

    def __init__(self, reason: str, path: str, message: str) -> None:
        super().__init__(reason, path, message)
        self.reason, self.path, self.message = reason, path, message


class _Field(NamedTuple):
    name: str
    required: bool
    shape: _Shape  # without the null of an optional one
    due: str  # what is due, in words
    bounds: str  # within what, in words


def read_strictly(line: bytes, horizon_ms: int) -> Event:
    """The event that `line` is; one dated after `horizon_ms` is in the future. Raises Refused."""
    if len(line) > LINE_MAX_BYTES:
        raise Refused(TOO_LARGE, "$", f"longer than {LINE_MAX_BYTES} bytes")
    pairs = _object(line)
    type_name = _type_name(pairs)
    told: dict[str, list[Any]] = {}
    for name, value in pairs:
        told.setdefault(name, []).append(value)
    values = {field.name: _value(field, told.get(field.name, ())) for field in _FIELDS[type_name]}
    _check_between_fields(type_name, values)
    if values["occurred_at"] > horizon_ms:
        raise Refused(FUTURE_TIMESTAMP, "$.occurred_at", "dated more than 5 minutes after now")
    return STRUCTS[type_name](**values)


# --- the line


def _object(line: bytes) -> _Pairs:
    try:
        text = line.decode()
        _check_depth(line)
        value = _JSON.decode(text)
        if _SURROGATE.search(text):  # half a pair is no text, wherever it stands
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError:  # JSON's, Unicode's and our own
        raise Refused(NOT_JSON, "$", "not a JSON object in UTF-8") from None
    if not isinstance(value, tuple):
        raise Refused(NOT_JSON, "$", "JSON, but not an object")
    return value


def nested_too_deep(line: bytes) -> bool:
    """Whether a field's value nests more than DEPTH_MAX lists and objects."""
    if line.count(b"[") + line.count(b"{") <= DEPTH_MAX + 1:
        return False
    marks = np.frombuffer(_STRING.sub(b"", line), dtype=np.uint8) | 0x20  # "[" is then as "{"
    steps = (marks == ord("{")).astype(np.int32) - (marks == ord("}"))
    return int(steps.cumsum().max(initial=0)) > DEPTH_MAX + 1


def _check_depth(line: bytes) -> None:
    if nested_too_deep(line):
        raise ValueError("nested too deep")


def _integer(digits: str) -> int:
    # The first thirty digits of more already lie beyond every bound, on the same side.
    return int(digits[:30])


def _no_constant(_: str) -> None:
    raise ValueError("no number of JSON")


_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
# Objects become tuples of pairs, so that no repeated key is lost; lists stay lists.
_JSON: Final = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=_integer, parse_constant=_no_constant
)


# --- the type


def _type_name(pairs: _Pairs) -> str:
    names = [value for name, value in pairs if name == "type"]
    if not names:
        raise Refused(MISSING_FIELD, "$.type", "a required field is not there")
    if len(names) > 1:
        raise Refused(UNKNOWN_TYPE, "$.type", "the type is told more than once")
    if not isinstance(names[0], str):
        raise Refused(WRONG_TYPE, "$.type", "a string is due")
    if names[0] not in STRUCTS:
        raise Refused(UNKNOWN_TYPE, "$.type", "none of the five types")
    return names[0]


# --- the fields


def _value(field: _Field, told: Sequence[Any]) -> Any:
    """The value of one field as often as it was told: the last counts where all are well-typed."""
    path = f"$.{field.name}"
    if not told:
        if field.required:
            raise Refused(MISSING_FIELD, path, "a required field is not there")
        return None
    if not all(_well_typed(field, value) for value in told):
        raise Refused(WRONG_TYPE, path, f"{field.due} is due")
    value = told[-1]
    if value is None:
        return None
    if not _in_range(field.shape, value) or (field.name == "ip" and network_of(value) is None):
        raise Refused(OUT_OF_RANGE, path, field.bounds)
    return float(value) if isinstance(field.shape, FloatType) else value


def _well_typed(field: _Field, value: Any) -> bool:
    if value is None:
        return not field.required
    match field.shape:
        case IntType():
            return type(value) is int
        case FloatType():
            return type(value) in (int, float)
        case BoolType():
            return type(value) is bool
        case ListType():
            return type(value) is list and all(type(item) is str for item in value)
        case StrType() | LiteralType():
            return type(value) is str


def _in_range(shape: _Shape, value: Any) -> bool:
    match shape:
        case IntType(ge=lowest, le=highest) | FloatType(ge=lowest, le=highest):
            assert lowest is not None and highest is not None
            return bool(lowest <= value <= highest)
        case LiteralType():
            return value in shape.values
        case StrType(pattern=str() as pattern):
            return re.search(pattern, value) is not None
        case StrType(min_length=int() as shortest, max_length=int() as longest):
            return shortest <= len(value) <= longest
        case _:
            return True


def _check_between_fields(type_name: str, values: dict[str, Any]) -> None:
    if STRUCTS[type_name] is Disposition:
        named = (values[name] for name in ("account_id", "target_event_id", "alert_id"))
        missing = missing_of_disposition(*named)
        if missing is not None:
            raise Refused(MISSING_FIELD, f"$.{missing}", "required where there is no alert_id")


# --- the bounds, read from the classes of schema.py


def _words(shape: _Shape) -> tuple[str, str]:
    match shape:
        case IntType():
            return "an integer", f"outside {shape.ge} to {shape.le}"
        case FloatType():
            return "a number", f"outside {shape.ge} to {shape.le}"
        case BoolType():
            return "true or false", ""
        case ListType():
            return "a list of strings", ""
        case LiteralType():
            return "a string", "none of the words of this field"
        case StrType(pattern=str()):
            return "a string", "not three capital letters"
        case StrType():
            return "a string", f"not {shape.min_length} to {shape.max_length} characters long"


def _fields(struct: type[Event]) -> tuple[_Field, ...]:
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, StructType)
    fields = []
    for field in info.fields:
        types = field.type.types if isinstance(field.type, UnionType) else (field.type,)
        (shape,) = (kind for kind in types if not isinstance(kind, NoneType))
        assert isinstance(shape, _Shape)
        due, bounds = _words(shape)
        if field.name == "ip":
            bounds = "no address of IPv4 or IPv6"
        fields.append(_Field(field.name, field.required, shape, due, bounds))
    return tuple(fields)


_FIELDS: Final = {name: _fields(struct) for name, struct in STRUCTS.items()}
