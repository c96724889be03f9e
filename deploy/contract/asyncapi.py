"""The contract for other tools: an AsyncAPI 3 document and a JSON Schema for each record.

`python deploy/contract/asyncapi.py` writes them beside this from the types that the service itself
decodes by (`detector/schema.py`) and those of its outputs (`streams/contract.py`).
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from detector.schema import STRUCTS
from streams import __version__
from streams.contract import OUTPUTS
from streams.dead_letters import ERROR_HEADERS
from streams.topics import TopicNames

HERE = Path(__file__).parent
DIALECT = "http://json-schema.org/draft-07/schema#"
# A disposition names a target, an alert or both; without an account it names an alert.
NAMES_SOMETHING = [
    {"required": list(names), "properties": {name: {"type": "string"} for name in names}}
    for names in (("alert_id",), ("target_event_id", "account_id"))
]


def schema_of(name: str, kind: type[Any]) -> dict[str, Any]:
    """One record's JSON Schema, whole in itself. Fields that it does not name are let pass."""
    (top,), parts = msgspec.json.schema_components([kind], ref_template="#/definitions/{name}")
    title = top["$ref"].rpartition("/")[2]
    made = _portable(parts.pop(title))
    if name in STRUCTS:  # the topic names the type, and it may be left out
        made["required"] = [field for field in made["required"] if field != "type"]
    if name == "disposition":
        made["anyOf"] = NAMES_SOMETHING
    head = {"$schema": DIALECT, "$id": f"urn:lendwatch:{name}:v1", "title": name}
    rest = {"definitions": _portable(parts)} if parts else {}
    return head | {key: value for key, value in made.items() if key != "title"} | rest


def _portable(value: Any) -> Any:
    """Texts without Python's ways: of expressions' anchors, and of indenting."""
    if isinstance(value, dict):
        return {key: _portable_text(key, inner) for key, inner in value.items()}
    return [_portable(inner) for inner in value] if isinstance(value, list) else value


def _portable_text(key: str, value: Any) -> Any:
    if key == "pattern":
        return value.replace(r"\A", "^").replace(r"\Z", "$")
    return (
        inspect.cleandoc(value)
        if key == "description" and isinstance(value, str)
        else _portable(value)
    )


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each record that goes in or comes out."""
    kinds: dict[str, type[Any]] = {**STRUCTS, **OUTPUTS}
    return {name: schema_of(name, kind) for name, kind in kinds.items()}


def document() -> dict[str, Any]:
    """The AsyncAPI document: we receive the events, and send alerts, decisions and dead letters."""
    names = TopicNames()
    addresses = {
        **{name: names.input(name) for name in STRUCTS},
        "alert": names.alert, "decision": names.decision, "dead_letter": names.dead_letter,
    }  # fmt: skip
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "lendwatch", "version": __version__,
            "description": "Events of a lender in; alerts, decisions and dead letters out.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            name: {
                "address": address,
                "messages": {name: {"$ref": f"#/components/messages/{name}"}},
                "bindings": {"kafka": {"topic": address}},
            }
            for name, address in addresses.items()
        },
        "operations": {
            f"{'receive' if name in STRUCTS else 'send'}_{name}": {
                "action": "receive" if name in STRUCTS else "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
            }
            for name in addresses
        },
        "components": {"messages": {name: _message(name) for name in addresses}},
    }  # fmt: skip


def _message(name: str) -> dict[str, Any]:
    key = {"type": "string", "description": "account_id, or the entity's id where there is none"}
    bindings = {"kafka": {"key": key}}
    if name == "dead_letter":
        return {
            "summary": "A record that is no event, with its own bytes, key and headers",
            "contentType": "application/octet-stream",
            "headers": {
                "type": "object",
                "properties": {header: {"type": "string"} for header in ERROR_HEADERS},
            },
            "payload": {}, "bindings": bindings,
        }  # fmt: skip
    payload = {
        "schemaFormat": "application/schema+json;version=draft-07",
        "schema": {"$ref": f"./schemas/{name}.json"},
    }
    return {"name": name, "payload": payload, "bindings": bindings}


def written() -> dict[str, str]:
    """The files by name."""
    files = {f"schemas/{name}.json": schema for name, schema in schemas().items()}
    files["asyncapi.json"] = document()
    return {name: json.dumps(value, indent=1) + "\n" for name, value in files.items()}


if __name__ == "__main__":
    for file, text in written().items():
        (HERE / file).write_text(text, "utf-8")
