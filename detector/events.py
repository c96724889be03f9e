"""The five events as rows of words, and the names of what a row can hold.

An event reaches the engine as one row of 64-bit words (`WORDS`), so that a batch is one array and
an entity's memory is rows of the same words. Ids are keyed 64-bit hashes, 0 where the event carries
none; money is minor units; times are epoch milliseconds. What is small (kind, method, signals,
coordinates) is packed in the word `CODE`. Field names and bounds are those of the data contract.
"""

from __future__ import annotations

from typing import Final

TIME_MAX_MS: Final = 4_102_444_800_000  # 2100-01-01, the contract's bound
MONEY_MAX_MINOR: Final = 10**15
ID_MAX_CHARS: Final = 128
LINE_MAX_BYTES: Final = 1 << 20
DEPTH_MAX: Final = 500
FUTURE_TOLERANCE_MS: Final = 300_000
NULL_INT: Final = -(1 << 63)  # an integer word that is not known

# A row of words. The order is the batch's; a stage's memory keeps a subset (see memory.py).
WORDS: Final = (
    "t", "id", "code", "account", "device", "network", "payee", "session",
    "object", "verification", "amount", "limit", "outstanding", "normal",
)  # fmt: skip
(
    T, ID, CODE, ACCOUNT, DEVICE, NETWORK, PAYEE, SESSION,
    OBJECT, VERIFICATION, AMOUNT, LIMIT, OUTSTANDING, NORMAL,
) = range(len(WORDS))  # fmt: skip
# object: disbursement_id (of a disbursement; of the check's binding), obligation_id (of a debit),
#         hash of target_event_id (of a disposition).
# amount: amount_minor (disbursement), amount_debited_minor (debit), latency_ms (verification).
# limit: credit_limit_minor (disbursement), amount_due_minor (debit).
# normal: the account's normal amount as this event saw it; written by the account stage.
# Of a debit: session is payer_account_id, verification mandate_id, payee due_at (ms), outstanding
# penalty_due_minor, normal mandate_max_minor. A rulebook calls its ids by names of their own:
DEBIT_IDS: Final = {"payer": "session", "mandate": "verification", "obligation": "object"}

# What happened: 6 bits of CODE. An echo is a later requested or paid of a disbursement that is
# already in memory; it is remembered and never counted.
KINDS: Final[dict[str, int]] = {
    "login_success": 0, "login_failure": 1,
    "verification_passed": 4, "verification_failed": 5,
    "verification_error": 6, "verification_timeout": 7,
    "disbursement_requested": 8, "disbursement_paid": 9,
    "disbursement_rejected": 10, "disbursement_reversed": 11,
    "disbursement_requested_echo": 12, "disbursement_paid_echo": 13,
    "debit_scheduled": 16, "debit_success": 17, "debit_partial": 18,
    "debit_insufficient_balance": 19, "debit_channel_error": 20, "debit_mandate_invalid": 21,
    "debit_account_frozen": 22, "debit_settled": 23, "debit_reversed": 24,
    "confirmed_fraud": 32, "false_positive": 33, "inconclusive": 34, "customer_confirmed": 35,
    "system_fault": 36, "held": 37, "released": 38, "paid_anyway": 39, "contacted": 40,
    "unreachable": 41, "plan_agreed": 42, "hardship_granted": 43, "complaint": 44,
    "appeal_opened": 45, "appeal_upheld": 46, "appeal_rejected": 47, "handled": 48,
    "label_fraud": 60, "label_cleared": 61,
}  # fmt: skip
KIND_MASK: Final = 63

TYPES: Final = ("login", "identity_verification", "disbursement", "auto_debit", "disposition")
# At equal times a disposition comes first, then these in order (semantics 7).
TYPE_RANK: Final[dict[str, int]] = {
    "disposition": 0, "login": 1, "identity_verification": 2, "disbursement": 3, "auto_debit": 4,
}  # fmt: skip
KINDS_OF_TYPE: Final[dict[str, tuple[int, int]]] = {  # first and last kind of a type
    "login": (0, 3), "identity_verification": (4, 7), "disbursement": (8, 15),
    "auto_debit": (16, 31), "disposition": (32, 63),
}  # fmt: skip

LOGIN_OUTCOMES: Final = ("success", "failure")
LOGIN_METHODS: Final = ("password", "otp", "biometric", "sso", "other")
VERIFICATION_OUTCOMES: Final = ("passed", "failed", "error", "timeout")
VERIFICATION_METHODS: Final = ("face", "otp", "id_document", "bank_card", "password")
DISBURSEMENT_STATUSES: Final = ("requested", "paid", "rejected", "reversed")
PAYEE_OWNERS: Final = ("", "self", "other", "unknown")  # position is the code; "" is not told
PAYEE_KINDS: Final = ("", "person", "merchant", "institution")
DEBIT_OUTCOMES: Final = (
    "scheduled", "success", "partial", "insufficient_balance", "channel_error",
    "mandate_invalid", "account_frozen", "settled", "reversed",
)  # fmt: skip
DISPOSITIONS: Final = tuple(name for name, kind in KINDS.items() if 32 <= kind <= 48)
SIGNALS: Final = (
    "emulator", "rooted", "remote_control", "screen_sharing",
    "accessibility_service", "sim_changed", "vpn", "tor",
)  # fmt: skip

# Where each packed value sits in CODE: (shift, bits).
METHOD_SHIFT: Final = 6  # 3 bits: index in LOGIN_METHODS or VERIFICATION_METHODS
SIGNALS_SHIFT: Final = 9  # 8 bits, one a signal, in the order of SIGNALS
OWNER_SHIFT: Final = 17  # 2 bits: index in PAYEE_OWNERS
PAYEE_KIND_SHIFT: Final = 19  # 2 bits: index in PAYEE_KINDS
FIRST_TO_PAYEE_BIT: Final = 1 << 21  # the account had never drawn to this payee before
OPENING_BIT: Final = 1 << 22  # the account's first draw to this payee in the 24 h before it
OVERDUE_BIT: Final = 1 << 23  # a debit at or after its overdue_at
NAMELESS_BIT: Final = 1 << 28  # in a ring: too old for anybody to ask for its names again
EXPIRED_SHIFT: Final = 24  # 2 bits, of a debit: the mandate had run out; 0 not told, 1 no, 2 yes
REVOKED_SHIFT: Final = 26  # 2 bits, of a debit: the mandate was revoked; the same
LATITUDE_SHIFT: Final = 32  # 12 bits: tenths of a degree + 900; 4095 is not known
LONGITUDE_SHIFT: Final = 44  # 12 bits: tenths of a degree + 1800; 4095 is not known
COORDINATE_NULL: Final = 4095
CURRENCY_SHIFT: Final = (
    32  # of disbursements and debits, in the coordinates' place: 3 x 5 bits, A = 0
)
PROVIDER_SHIFT: Final = 32  # of verifications, in the same place: 24 bits of the provider's CRC
PROVIDER_MASK: Final = (1 << 24) - 1


def currency_code(currency: str) -> int:
    """Three capital letters in 15 bits."""
    first, second, third = (ord(letter) - 65 for letter in currency)
    return first << 10 | second << 5 | third


def currency_of(code: int) -> str:
    """The currency packed in a CODE word of a disbursement or debit."""
    packed = code >> CURRENCY_SHIFT
    return "".join(chr(65 + (packed >> shift & 31)) for shift in (10, 5, 0))


# Why a value is NULL (semantics 12): bits, so that a rule's causes are an OR of its columns'.
NO_HISTORY: Final = 1
SOURCE_MISSING: Final = 2
INPUT_MISSING: Final = 4
LOWER_BOUND: Final = 8  # not a NULL: the ring overflowed inside the window
UNREAD: Final = 128  # not a NULL: no rule has asked for this column yet

# The word that identifies an entity of a kind.
KEYS_OF_ENTITY: Final[dict[str, int]] = {
    "account": ACCOUNT, "device": DEVICE, "network": NETWORK, "payee": PAYEE,
}  # fmt: skip
