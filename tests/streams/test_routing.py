"""Where a line belongs in Kafka: by its type and its account, without a look at the rest."""

from __future__ import annotations

import pytest

from streams.plain_text import plain
from streams.routing import Route, key_of, partition_of, route
from tests.streams.lines import disbursement, disposition, login


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (login("e1"), Route("login", b"A")),
        (disbursement("e1", account_id="账户"), Route("disbursement", "账户".encode())),
        (disposition("e1", account_id=None, alert_id="AL"), Route("disposition", b"AL")),
        (disposition("e1", account_id=None), Route("disposition", b"x")),
        (b'{"type":"login","account_id":7}', Route("login", None)),
        (b'{"type":"login","account_id":""}', Route("login", None)),
        (b'{"type":"auto_debit","account_id":"A","amount_due_minor":"x"}',
         Route("auto_debit", b"A")),
        (b"{", "not_json"),
        (b"[1]", "not_json"),
        (b"\xff", "not_json"),
        (b"{}", "unknown_type"),
        (b'{"type":"Login"}', "unknown_type"),
        (b'{"type":{}}', "unknown_type"),
    ],
)  # fmt: skip
def test_a_line_has_a_route_or_a_reason(line: bytes, found: Route | str) -> None:
    assert route(line) == found


def test_a_key_is_read_of_any_object() -> None:
    assert key_of(b'{"account_id":"A"}') == b"A" and key_of(b"null") is None


def test_known_keys_are_where_javas_clients_put_them() -> None:
    # As Kafka's own tests of murmur2 have them, made positive, in 1,000 partitions.
    for key, hashed in ((b"21", -973932308), (b"foobar", -790332482), (b"abc", 479470107)):
        assert partition_of(key, 1_000) == (hashed & 0x7FFFFFFF) % 1_000


def test_what_could_steer_a_terminal_is_shown_as_its_code() -> None:
    assert plain("a\x1b[31m\nb\u202e账") == "a\\x1b[31m\\nb\\u202e账"
