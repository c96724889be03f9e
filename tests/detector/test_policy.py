"""The policy: the shipped one, overlays laid over it, and errors that name the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.policy import Budget, Campaign, PolicyError, Relief, load_policy


def overlay(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "overlay.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(tmp_path: Path, text: str) -> str:
    """The error's one line, the folder left out."""
    with pytest.raises(PolicyError) as caught:
        load_policy(overlay(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{tmp_path}/", "")


def test_the_shipped_policy_is_the_contracts() -> None:
    policy = load_policy()
    assert policy.timezone == "Asia/Shanghai"
    assert policy.lateness_ms == 86_400_000
    assert all(policy.sources.values()) and len(policy.sources) == 5
    assert policy.budget == Budget(2.0, 3)
    assert (policy.label_delay_days, policy.history_days) == (30, 180)
    empty = (policy.absent_fields, policy.allow_payees, policy.allow_devices)
    assert not any(empty) and not policy.allow_networks and not policy.rule_status
    assert policy.relief == () and policy.campaigns == ()


def test_an_overlay_merges_tables_key_by_key_and_replaces_lists(tmp_path: Path) -> None:
    policy = load_policy(overlay(tmp_path, """
lateness_hours = 12.5
[sources]
auto_debit = false
fields = { "disbursement.device_id" = false, "login.ip" = true }
[allow]
payees = ["P9"]
[parameters]
step_up_amount_minor = 100
"velocity_burst.count" = 6
[rules]
"velocity_burst.count" = "shadow"
[budget]
contacts_per_day = 1
"""))  # fmt: skip
    assert policy.lateness_ms == 45_000_000
    assert policy.sources["auto_debit"] is False and policy.sources["login"] is True
    assert policy.absent_fields == {"disbursement.device_id"}
    assert policy.allow_payees == {"P9"} and policy.allow_devices == frozenset()
    assert policy.parameters == {"step_up_amount_minor": 100.0, "velocity_burst.count": 6.0}
    assert policy.rule_status == {"velocity_burst.count": "shadow"}
    assert policy.budget == Budget(2.0, 1)
    assert policy.timezone == "Asia/Shanghai"


def test_a_dotted_name_needs_no_quotes(tmp_path: Path) -> None:
    quoted = load_policy(overlay(tmp_path, '[parameters]\n"velocity_burst.count" = 6\n'))
    plain = load_policy(overlay(tmp_path, "[parameters]\nvelocity_burst.count = 6\n"))
    table = load_policy(overlay(tmp_path, "[parameters.velocity_burst]\ncount = 6\n"))
    assert quoted == plain == table
    assert quoted.version == plain.version == table.version


def test_a_parameter_may_be_a_duration_and_is_then_in_ms(tmp_path: Path) -> None:
    policy = load_policy(overlay(tmp_path, '[parameters]\nnew_ms = "1h30m"\n'))
    assert policy.parameters["new_ms"] == 5_400_000
    assert policy.durations == {"new_ms"}


def test_networks_are_canonical_and_wider_ranges_are_spread_out(tmp_path: Path) -> None:
    text = '[allow]\nnetworks = ["203.0.113.0/24", "10.1.0.0/23", "2001:db8:1::/48"]\n'
    assert load_policy(overlay(tmp_path, text)).allow_networks == {
        "203.0.113.0/24", "10.1.0.0/24", "10.1.1.0/24", "2001:db8:1::/48",
    }  # fmt: skip


def test_relief_and_campaigns_are_intervals_of_time(tmp_path: Path) -> None:
    policy = load_policy(overlay(tmp_path, """
[[relief]]
name = "flood"
from = 2026-07-01T00:00:00+08:00
until = 2026-07-02T00:00:00+08:00
channels = ["bank_a"]
[[relief]]
name = "named"
from = 2026-07-01T00:00:00Z
until = 2026-07-02T00:00:00Z
accounts_file = "accounts.txt"
[[campaign]]
name = "spring"
from = 1970-01-01T00:00:01Z
until = 1970-01-01T00:00:02.5Z
"""))  # fmt: skip
    july_ms = 1_782_864_000_000
    assert policy.relief[0] == Relief(
        "flood", july_ms - 28_800_000, july_ms + 57_600_000, frozenset({"bank_a"}), None
    )
    assert policy.relief[1].accounts_file == tmp_path / "accounts.txt"  # a path; nothing is read
    assert policy.campaigns == (Campaign("spring", 1000, 2500),)


def test_the_version_follows_what_is_in_force_and_nothing_else(tmp_path: Path) -> None:
    shipped = load_policy().version
    assert len(shipped) == 12
    assert load_policy(overlay(tmp_path, "# nothing\n")).version == shipped
    assert load_policy(overlay(tmp_path, "lateness_hours = 24.0\n")).version == shipped
    assert load_policy(overlay(tmp_path, "lateness_hours = 23\n")).version != shipped
    assert load_policy(overlay(tmp_path, '[allow]\npayees = ["P"]\n')).version != shipped


REFUSALS = {
    "timezon = 'Asia/Shanghai'":
        'overlay.toml:1: timezon: unknown key (nearest: "timezone")',
    "timezone = 'Asia/Shangai'":
        'overlay.toml:1: timezone: unknown time zone (nearest: "Asia/Shanghai")',
    "timezone = 8":
        "overlay.toml:1: timezone: must be text, found an integer",
    "lateness_hours = '24'":
        "overlay.toml:1: lateness_hours: must be a number, found text",
    "lateness_hours = -1":
        "overlay.toml:1: lateness_hours: must be from 0 to 168",
    "lateness_hours = nan":
        "overlay.toml:1: lateness_hours: must be from 0 to 168",
    "lateness_hours = true":
        "overlay.toml:1: lateness_hours: must be a number, found true or false",
    "sources = 1":
        "overlay.toml:1: sources: must be a table, found an integer",
    "[sources]\n\nlogins = true":
        'overlay.toml:3: sources.logins: unknown key (nearest: "login")',
    "[sources]\nlogin = 'yes'":
        "overlay.toml:2: sources.login: must be true or false, found text",
    '[sources.fields]\n"disbursement.device" = false':
        "overlay.toml:2: sources.fields.disbursement.device: is no field of an event "
        '(nearest: "disbursement.device_id")',
    '[sources.fields]\n"login.event_id" = false':
        "overlay.toml:2: sources.fields.login.event_id: is no field of an event "
        '(nearest: "login.device_id")',
    '[sources.fields]\nlogin.ip = 0':
        "overlay.toml:2: sources.fields.login.ip: must be true or false, found an integer",
    "[allow]\npayee = []":
        'overlay.toml:2: allow.payee: unknown key (nearest: "payees")',
    "[allow]\npayees = 'P1'":
        "overlay.toml:2: allow.payees: must be a list of texts, found text",
    "[allow]\npayees = ['P1', 3]":
        "overlay.toml:2: allow.payees: entry 2 must be text, found an integer",
    "[allow]\ndevices = ['D', 'D']":
        'overlay.toml:2: allow.devices: "D" is there twice',
    "[allow]\ndevices = ['']":
        "overlay.toml:2: allow.devices: entry 1 is no id (1 to 128 characters)",
    "[allow]\nnetworks = ['203.0.113.7']":
        "overlay.toml:2: allow.networks: entry 1 is no IPv4 /24, IPv6 /48 or wider "
        '(nearest: "203.0.113.0/24")',
    "[allow]\nnetworks = ['203.0.113.7/24']":
        "overlay.toml:2: allow.networks: entry 1 is no IPv4 /24, IPv6 /48 or wider "
        '(nearest: "203.0.113.0/24")',
    "[allow]\nnetworks = ['carrier']":
        'overlay.toml:2: allow.networks: entry 1 is no network, such as "203.0.113.0/24"',
    "[allow]\nnetworks = ['0.0.0.0/0']":
        "overlay.toml:2: allow.networks: entry 1 covers more than 65536 networks",
    "[parameters]\ncount = 'many'":
        'overlay.toml:2: parameters.count: is no duration, such as "90s", "30m", "2h" or "7d"',
    "[parameters]\ncount = [1]":
        "overlay.toml:2: parameters.count: must be a number or a duration, found a list",
    "[parameters]\ncount = inf":
        "overlay.toml:2: parameters.count: must be a finite number of at most 1e18",
    "[rules]\nsome = 'lve'":
        'overlay.toml:2: rules.some: unknown status "lve" (nearest: "live")',
    "[rules]\nsome = true":
        "overlay.toml:2: rules.some: must be text, found true or false",
    "[budget]\ncontacts_per_day = 3.0":
        "overlay.toml:2: budget.contacts_per_day: must be an integer, found a number with a point",
    "[budget]\ncontact_per_day = 3":
        'overlay.toml:2: budget.contact_per_day: unknown key (nearest: "contacts_per_day")',
    "[learning]\nlabel_delay_days = 0":
        "overlay.toml:2: learning.label_delay_days: must be from 1 to 365",
    "[memory]\nhistory_days = 'all'":
        "overlay.toml:2: memory.history_days: must be a number, found text",
    "[relief]\nname = 'x'":
        "overlay.toml:1: relief: must be an array of tables, [[relief]], found a table",
    "[[relief]]\nname = 'x'\nuntil = 2026-01-01T00:00:00Z":
        'overlay.toml:1: relief[1]: lacks "from"',
    "[[campaign]]\nname = 'x'\nfrom = 2026-01-01\nuntil = 2026-01-02":
        "overlay.toml:3: campaign[1].from: must be a date-time with its offset, such as "
        "2026-03-01T00:00:00+08:00",
    "[[campaign]]\nname='a'\nfrom=2026-01-01T00:00:00Z\nuntil=2026-01-02T00:00:00Z\n"
    "[[campaign]]\nname='b'\nfrom=2026-01-02T00:00:00Z\nuntil=2026-01-01T00:00:00Z":
        "overlay.toml:8: campaign[2].until: must be after from",
    "[[relief]]\nname='a'\nfrom=2026-01-01T00:00:00Z\nuntil=2026-01-02T00:00:00Z\n"
    "channels=['b']\naccounts_file='f'":
        "overlay.toml:6: relief[1].accounts_file: stands beside channels: give one of the two",
    "[rules\n":
        "overlay.toml:1: is not TOML: Expected ']' at the end of a table declaration",
    "timezone = 'a'\ntimezone = 'b'":
        "overlay.toml:2: is not TOML: Cannot overwrite a value",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSALS, ids=lambda text: text[:30].replace("\n", " "))
def test_what_is_wrong_is_named_by_file_line_and_field(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text) == REFUSALS[text]


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"absent\.toml:1: cannot be read: No such file"):
        load_policy(tmp_path / "absent.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b"# ok\n# \xe9\n")
    with pytest.raises(PolicyError, match=r"latin\.toml:2: is not UTF-8"):
        load_policy(path)
