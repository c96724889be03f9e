"""A small rulebook in two files, and the means to break it in one place."""

from __future__ import annotations

from pathlib import Path

SHARED = """\
[parameters]
new_ms = "24h"
cap_minor = 500

[[feature]]
name = "account_age_ms"
entity = "account"
on = ["disbursement", "auto_debit"]
aggregate = "entity_age"
purpose = "repayment"
text = "age"
text_zh = "时长"
"""

BURST = """\
# A comment, and a text of several lines that looks like a table:
[typology]
name = "burst"
version = 1
family = "unauthorized_transfer"
entity = "account"
purpose = "anti_fraud"
techniques = ["F1047"]
quiet = "2h"
title = "Many draws"
title_zh = "高频借款"
misses = '''
[[rule]]
id = "no rule at all"
'''

[parameters]
count = 5
span = "30m"

[[feature]]
name = "draws"
entity = "account"
on = ["disbursement"]
aggregate = "count"
events = ["disbursement"]
span = ":span"
purpose = "anti_fraud"
text = "draws"
text_zh = "借款笔数"

[[feature]]
name = "device_accounts"
entity = "device"
on = ["login", "disbursement"]
aggregate = "seen_accounts"
span = 604800000
purpose = "anti_fraud"
text = "accounts"
text_zh = "账户数"

[[rule]]
id = "burst.count"
version = 1
on = "disbursement"
when = "draws >= :count AND payee_owner <> 'self'"
severity = "high"
actions = ["manual_review"]
status = "live"
budget_per_day = 50
observed = "draws"
threshold = ":count"
text = "{draws:.0f} draws (limit {count:.0f})"
text_zh = "借款{draws:.0f}笔"

[[rule]]
id = "burst.device"
version = 2
on = "disbursement"
when = "device_accounts > 3 AND burst_hit_age_ms < :new_ms"
severity = "low"
actions = ["none"]
budget_per_day = 5
observed = "device_accounts / 2"
normal = 1
threshold = "3"
text = "{account_age_ms} {new_ms}"
text_zh = "设备"

[[test]]
name = "five"
rule = "burst.count"
expect = "hit"
events = [
  { at = "0m", type = "disbursement" },
  { at = "1m", type = "disbursement", amount_minor = 5 },
]

[[test]]
name = "one"
rule = "burst.count"
expect = "clear"
events = [{ at = "0m", type = "disbursement" }]

[[test]]
name = "no feed"
rule = "burst.count"
expect = "abstain"
policy = { sources = { disbursement = false }, parameters = { "burst.count" = 4 } }
events = [{ at = "0m", type = "disbursement" }]

[[test]]
name = "on a device"
rule = "burst.device"
expect = "hit"
events = [{ at = "0m", type = "disbursement" }]

[[test]]
name = "not on a device"
rule = "burst.device"
expect = "clear"
events = [{ at = "0m", type = "disbursement" }]

[[test]]
name = "no device"
rule = "burst.device"
expect = "abstain"
events = [{ at = "0m", type = "disbursement", device_id = "none" }]
"""
# A rule at the device stage that asks for hits needs one there that does not.
BURST = BURST.replace(" AND burst_hit_age_ms < :new_ms", "")

DEBITS = """\
[typology]
name = "debits"
version = 1
kind = "obligation"
family = "insufficient_balance"
entity = "account"
purpose = "repayment"
techniques = []
quiet = "0s"
severity = "low"
actions = ["remind"]
title = "Debit failed"
title_zh = "扣款失败"
text = "{failures} failed"
text_zh = "{failures}次失败"
misses = "Other words."
"""


def write(folder: Path, *changes: tuple[str, str], **files: str) -> Path:
    """Write the rulebook with texts replaced (each must be there), and files added."""
    texts = {"_shared": SHARED, "burst": BURST, **files}
    for old, new in changes:
        homes = [name for name, text in texts.items() if old in text]
        assert homes, f"{old!r} is nowhere"
        texts[homes[-1]] = texts[homes[-1]].replace(old, new, 1)
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder
