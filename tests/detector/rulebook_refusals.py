"""One change to the small rulebook each, and the one line that refuses it."""

from __future__ import annotations

Change = tuple[str, str]

TESTS_OF_DEVICE = 'rule = "burst.device"\nexpect = "abstain"'
REFUSALS: dict[str, tuple[Change, str]] = {
    "an unknown column": (
        ("draws >= :count", "darws >= :count"),
        'burst.toml:46: rule[1].when: unknown column "darws" (nearest: "draws")',
    ),
    "a column of another event": (
        ("draws >= :count", "outcome = 'success'"),
        'burst.toml:46: rule[1].when: column "outcome" is no field of disbursement events',
    ),
    "a feature that is not read here": (
        ('on = ["disbursement"]\naggregate = "count"', 'on = ["login"]\naggregate = "count"'),
        'burst.toml:46: rule[1].when: column "draws" is not read on disbursement events',
    ),
    "an unknown parameter": (
        (">= :count", ">= :cuont"),
        'burst.toml:46: rule[1].when: unknown parameter ":cuont" (nearest: ":count")',
    ),
    "an unknown word": (
        ("<> 'self'", "<> 'slef'"),
        "burst.toml:46: rule[1].when: unknown word 'slef' (known: self, other, unknown) "
        '(nearest: "self")',
    ),
    "a number where a condition is due": (
        ("draws >= :count AND payee_owner <> 'self'", "draws + 1"),
        "burst.toml:46: rule[1].when: must be true or false, found a number",
    ),
    "a clock": (
        ("draws >= :count", "NOW() >= :count"),
        "burst.toml:46: rule[1].when: the function NOW() is not allowed",
    ),
    "a condition where a number is due": (
        ('observed = "draws"', 'observed = "draws > 1"'),
        "burst.toml:51: rule[1].observed: must be a number, found true or false",
    ),
    "a wrong threshold": (
        ('threshold = ":count"', 'threshold = ":counts"'),
        'burst.toml:52: rule[1].threshold: unknown parameter ":counts" (nearest: ":count")',
    ),
    "a missing key": (
        ("budget_per_day = 50\n", ""),
        'burst.toml:42: rule[1]: lacks "budget_per_day"',
    ),
    "an empty text": (
        ('title = "Many draws"', 'title = " "'),
        "burst.toml:10: typology.title: must not be empty",
    ),
    "a wrong type": (
        ("version = 2", "version = 2.0"),
        "burst.toml:58: rule[2].version: must be an integer, found a number with a point",
    ),
    "an unknown key of a rule": (
        ("status =", "staus ="),
        'burst.toml:49: rule[1].staus: unknown key (nearest: "status")',
    ),
    "an unknown key of a feature": (
        ('span = ":span"', 'spam = ":span"'),
        'burst.toml:27: feature[1].spam: unknown key (nearest: "span")',
    ),
    "an unknown section": (
        ("[parameters]\ncount", "[paramters]\ncount"),
        'burst.toml:17: paramters: unknown key (nearest: "parameters")',
    ),
    "an unknown severity": (
        ('severity = "high"', 'severity = "hihg"'),
        'burst.toml:47: rule[1].severity: unknown word "hihg" (nearest: "high")',
    ),
    "an unknown action": (
        ('["manual_review"]', '["manual_revue"]'),
        'burst.toml:48: rule[1].actions: unknown word "manual_revue" (nearest: "manual_review")',
    ),
    "an unknown family": (
        ("unauthorized_transfer", "unauthorised_transfer"),
        'burst.toml:5: typology.family: unknown word "unauthorised_transfer" '
        '(nearest: "unauthorized_transfer")',
    ),
    "an unknown purpose": (
        ('purpose = "anti_fraud"\ntechniques', 'purpose = "fraud"\ntechniques'),
        'burst.toml:7: typology.purpose: unknown word "fraud" (nearest: "anti_fraud")',
    ),
    "an unknown trigger": (
        ('version = 1\non = "disbursement"', 'version = 1\non = "disburse"'),
        'burst.toml:45: rule[1].on: unknown word "disburse" (nearest: "disbursement")',
    ),
    "an unknown event of a feature": (
        ('events = ["disbursement"]', 'events = ["login_sucess"]'),
        'burst.toml:26: feature[1].events: unknown word "login_sucess" '
        '(nearest: "login_success")',
    ),
    "a span that is no duration": (
        ('span = ":span"', 'span = "half an hour"'),
        'burst.toml:27: feature[1].span: is no duration, such as "90s", "30m", "2h" or "7d"',
    ),
    "a span of an unknown parameter": (
        ('span = ":span"', 'span = ":spam"'),
        'burst.toml:27: feature[1].span: unknown parameter ":spam" (nearest: ":span")',
    ),
    "a typology not named as its file": (
        ('name = "burst"', 'name = "bursts"'),
        'burst.toml:3: typology.name: "bursts" is not the name of the file (nearest: "burst")',
    ),
    "a rule of another typology": (
        ('id = "burst.count"', 'id = "brust.count"'),
        'burst.toml:43: rule[1].id: "brust.count" must be "burst." and a name '
        '(nearest: "burst.count")',
    ),
    "a rule id twice": (
        ('id = "burst.device"', 'id = "burst.count"'),
        'burst.toml:57: rule[2].id: rule "burst.count" is also at burst.toml:42',
    ),
    "a feature twice": (
        ('name = "draws"', 'name = "account_age_ms"'),
        'burst.toml:22: feature[1].name: feature "account_age_ms" is also at _shared.toml:5',
    ),
    "a feature named as a field": (
        ('name = "draws"', 'name = "payee_owner"'),
        'burst.toml:22: feature[1].name: "payee_owner" is the name of an event\'s own column',
    ),
    "a parameter twice": (
        ("count = 5\n", "count = 5\nnew_ms = 3\n"),
        'burst.toml:19: parameters.new_ms: "new_ms" is a parameter twice',
    ),
    "a rule without an abstaining test": (
        (TESTS_OF_DEVICE, 'rule = "burst.device"\nexpect = "clear"'),
        'burst.toml:57: rule[2].id: rule "burst.device" has no [[test]] that expects abstain',
    ),
    "a rule without a hitting test": (
        ('expect = "hit"', 'expect = "clear"'),
        'burst.toml:43: rule[1].id: rule "burst.count" has no [[test]] that expects hit',
    ),
    "a test of no rule": (
        ('rule = "burst.count"', 'rule = "burst.cuont"'),
        'burst.toml:72: test[1].rule: unknown word "burst.cuont" (nearest: "burst.count")',
    ),
    "a test that expects nonsense": (
        ('expect = "abstain"', 'expect = "abstains"'),
        'burst.toml:88: test[3].expect: unknown word "abstains" (nearest: "abstain")',
    ),
    "a policy of a test with a wrong key": (
        ("sources = { disbursement", "source = { disbursement"),
        'burst.toml:89: test[3].policy.source: unknown key (nearest: "sources")',
    ),
    "a policy of a test with a wrong parameter": (
        ('"burst.count" = 4', '"burst.cuont" = 4'),
        'burst.toml:89: parameters.burst.cuont: unknown parameter (nearest: "burst.count")',
    ),
    "an event with a wrong field": (
        ("amount_minor = 5 ", "amuont_minor = 5 "),
        'burst.toml:76: test[1].events[2].amuont_minor: unknown key (nearest: "amount_minor")',
    ),
    "a text with an unknown name": (
        ("{draws:.0f} draws", "{drawn:.0f} draws"),
        'burst.toml:53: rule[1].text: unknown name "drawn" in braces (nearest: "draws")',
    ),
    "a Chinese text with an unknown name": (
        ("借款{draws:.0f}笔", "借款{drawz:.0f}笔"),
        'burst.toml:54: rule[1].text_zh: unknown name "drawz" in braces (nearest: "draws")',
    ),
    "a text with a bad format": (
        ("{draws:.0f} draws", "{draws:.0q} draws"),
        'burst.toml:53: rule[1].text: "draws:.0q" does not format a number',
    ),
    "a text that is no template": (
        ("{draws:.0f} draws", "{draws:.0f draws"),
        "burst.toml:53: rule[1].text: does not format: unmatched '{' in format spec",
    ),
    "a text that names an attribute": (
        ("{draws:.0f} draws", "{draws.__class__} draws"),
        'burst.toml:53: rule[1].text: unknown name "draws.__class__" in braces',
    ),
    "a text that names an enumeration": (
        ("{draws:.0f} draws", "{payee_owner} draws"),
        'burst.toml:53: rule[1].text: unknown name "payee_owner" in braces '
        '(nearest: "payee_allowed")',
    ),
    "bad TOML": (
        ("version = 2", "version = "),
        "burst.toml:58: is not TOML: Invalid value",
    ),
    "a paid rule at a later stage": (
        ('version = 2\non = "disbursement"', 'version = 2\non = "paid"'),
        "burst.toml:59: rule[2].on: paid events do not all reach the device stage, "
        "where this rule is judged",
    ),
    "hits asked for where there are none": (
        ("device_accounts > 3", "device_accounts > 3 AND burst_hit_age_ms < :new_ms"),
        'burst.toml:60: rule[2].when: "burst_hit_age_ms": no rule of "burst" is judged at the '
        "device stage, where this one is",
    ),
    "an entity that is not the typology's": (
        ('version = 2\n', 'version = 2\nentity = "payee"\n'),
        'burst.toml:59: rule[2].entity: unknown word "payee"',
    ),
    "an id that a stage does not keep": (
        ('span = ":span"', 'span = ":span"\nsame = ["account"]'),
        'burst.toml:28: feature[1].same: "account" is not kept at the account stage',
    ),
    "a condition on entries for a reading of the row": (
        ("span = 604800000", 'span = 604800000\nsame = ["device"]'),
        'burst.toml:38: feature[2].same: means nothing to "seen_accounts"',
    ),
    "a span that is needed": (
        ("span = 604800000\n", ""),
        'burst.toml:32: feature[2]: lacks "span"',
    ),
    "a reading at the wrong stage": (
        ('entity = "device"', 'entity = "account"'),
        'burst.toml:34: feature[2].entity: "seen_accounts" is read at the device or network '
        "or payee",
    ),
    "an event that does not reach a stage": (
        ('on = ["login", "disbursement"]', 'on = ["auto_debit"]'),
        'burst.toml:35: feature[2].on: "auto_debit" does not reach the device stage',
    ),
}  # fmt: skip
