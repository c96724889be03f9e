"""AsyncAPI document and JSON Schemas say what the contract says and what the service does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import orjson
import pytest

from deploy.contract.asyncapi import document, schemas, written
from detector.events import TIME_MAX_MS
from detector.schema import STRUCTS
from detector.strict import Refused, read_strictly
from streams.contract import OUTPUTS
from streams.topics import TopicNames
from tests.deploy.tools import DEPLOY

ASYNCAPI = Path(__file__).parent / "asyncapi-3.0.0.json"  # published schema, its texts left out
EVENT = {"type", "event_id", "account_id", "occurred_at"}
# The contract's tables: what an event must carry besides, and what it may.
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "login": (
        {"outcome", "method"},
        {"session_id", "device_id", "ip", "latitude", "longitude", "device_signals"},
    ),
    "identity_verification": (
        {"verification_id", "provider", "method", "outcome", "latency_ms"},
        {"session_id", "device_id", "disbursement_id"},
    ),
    "disbursement": (
        {
            "disbursement_id", "amount_minor", "currency", "payee_id", "payee_owner",
            "credit_limit_minor", "outstanding_minor", "status",
        },
        {"session_id", "device_id", "ip", "payee_kind", "verification_id"},
    ),
    "auto_debit": (
        {
            "debit_id", "obligation_id", "mandate_id", "channel", "amount_due_minor",
            "amount_debited_minor", "currency", "outcome", "attempt", "due_at", "overdue_at",
        },
        {
            "available_balance_minor", "penalty_due_minor", "payer_account_id",
            "mandate_max_minor", "mandate_valid_until", "mandate_revoked_at", "hardship",
        },
    ),
    "disposition": (
        {"disposition"},
        {
            "account_id", "target_event_id", "alert_id", "fraud_kind", "until_at",
            "contact_channel", "contact_reached", "contact_party", "contact_consent", "agency_id",
            "analyst",
        },
    ),
}  # fmt: skip
SCHEMAS = schemas()


def says(name: str, value: Any) -> bool:
    """Whether a schema takes a value."""
    return jsonschema.Draft7Validator(SCHEMAS[name]).is_valid(value)


def test_the_files_are_what_the_types_make() -> None:
    for name, text in written().items():
        assert (DEPLOY / "contract" / name).read_text("utf-8") == text
    for schema in SCHEMAS.values():
        jsonschema.Draft7Validator.check_schema(schema)


@pytest.mark.parametrize("name", STRUCTS)
def test_an_events_schema_has_the_contracts_fields_and_asks_for_what_it_asks(name: str) -> None:
    required, optional = FIELDS[name]
    common = EVENT - {"account_id"} if name == "disposition" else EVENT
    assert set(SCHEMAS[name]["properties"]) == common | required | optional | {"person_id"}
    assert set(SCHEMAS[name]["required"]) == (common | required) - {"type"}


def test_the_document_is_an_asyncapi_document_of_all_topics_that_others_use() -> None:
    told = document()
    jsonschema.validate(told, orjson.loads(ASYNCAPI.read_bytes()))
    names = TopicNames()
    wanted = {*names.inputs, names.alert, names.decision, names.dead_letter}
    assert {one["address"] for one in told["channels"].values()} == wanted
    for message in told["components"]["messages"].values():
        if "schema" in message["payload"]:
            assert (DEPLOY / "contract" / message["payload"]["schema"]["$ref"]).is_file()
    received = {name for name in told["operations"] if name.startswith("receive_")}
    assert received == {f"receive_{name}" for name in STRUCTS}


def test_what_a_schema_refuses_the_service_refuses(world: Path) -> None:
    """Events of a world, each with one field taken away, emptied or made too large."""
    lines = (world / "log.jsonl").read_bytes().splitlines()
    by_type: dict[str, dict[str, Any]] = {}
    for line in lines:
        event = orjson.loads(line)
        by_type.setdefault(event["type"], event)
    assert set(by_type) == set(STRUCTS)
    tried = 0
    for name, event in by_type.items():
        assert says(name, event)
        for field in (*event, *FIELDS[name][1]):
            if field in ("type", "device_signals"):
                continue
            for value in (None, "", -1, 1 << 62, True, "x" * 129, 1.5, []):
                changed = event | {field: value}
                assert says(name, changed) == takes(changed), (name, field, value)
                tried += 1
            without = {key: kept for key, kept in event.items() if key != field}
            assert says(name, without) == takes(without), (name, field)
    print(f"{tried} changed events: schema and service agree")


def takes(event: dict[str, Any]) -> bool:
    """Whether the service takes an event. What a schema cannot know of an address is left out."""
    try:
        read_strictly(orjson.dumps(event), TIME_MAX_MS)
    except Refused as refused:
        return refused.path == "ip" and isinstance(event.get("ip"), str) and len(event["ip"]) > 1
    return True


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_a_replay_says_is_what_the_schema_and_the_types_say(
    name: str, world: Path, truth: object
) -> None:
    lines = (world / "run" / f"{name}s.jsonl").read_bytes().splitlines()
    assert len(lines) > 100
    validator = jsonschema.Draft7Validator(SCHEMAS[name])
    for line in lines:
        msgspec.json.decode(line, type=OUTPUTS[name])
    for line in lines[:: max(1, len(lines) // 300)]:
        validator.validate(orjson.loads(line))
