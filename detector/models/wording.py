"""What a model's inputs are called before people, and their values in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from detector.models.inputs import DRAW_INPUTS, MINOR
from detector.money import MONEY, Told

NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "amount": ("the amount", "金额"),
    "amount_to_normal": ("the amount against the account's normal", "金额与该账户平常之比"),
    "amount_to_largest": ("the amount against the account's largest", "金额与该账户此前最大之比"),
    "mean_24h_to_30d": ("the mean of a day against that of 30", "近24小时与近30天平均金额之比"),
    "drawn_24h": ("drawn in 24 hours", "近24小时借款总额"),
    "amount_to_payee": ("the amount against the payee's usual", "金额与该收款方平常之比"),
    "amount_to_left": ("the amount against what is left of the limit", "金额与剩余额度之比"),
    "burst": ("draws of a day against the usual", "近24小时借款次数与平常之比"),
    "draws_60m": ("draws in 60 minutes", "近60分钟借款次数"),
    "payee_draws_7d": ("draws to the payee in 7 days", "近7天汇入该收款方笔数"),
    "payee_draws_30d": ("draws to the payee in 30 days", "近30天汇入该收款方笔数"),
    "payee_accounts_30d": ("accounts at the payee in 30 days", "近30天出现于该收款方的账户数"),
    "payee_frauds_30d": ("frauds at the payee in 30 days", "近30天在该收款方确认欺诈的账户数"),
    "payee_rate_7d": ("the payee's rate of fraud, 7 days", "该收款方近7天欺诈率"),
    "payee_rate_30d": ("the payee's rate of fraud, 30 days", "该收款方近30天欺诈率"),
    "account_rate_30d": ("the account's rate of fraud, 30 days", "该账户近30天欺诈率"),
    "device_frauds": ("accounts with fraud on the device", "该设备上确认欺诈的账户数"),
    "network_frauds": ("accounts with fraud on the network", "该网络上确认欺诈的账户数"),
    "device_accounts": ("accounts on the device in 7 days", "近7天该设备上的账户数"),
    "account_age": ("the account is known for", "账户已知时长"),
    "device_age": ("the account has the device for", "该账户使用该设备时长"),
    "payee_age": ("the account knows the payee for", "该账户使用该收款方时长"),
    "payee_entity_age": ("the payee is known for", "收款方已知时长"),
    "last_pass_age": ("since the last passed check", "距上一次核验通过时长"),
    "failed_checks_24h": ("failed checks in 24 hours", "近24小时核验失败次数"),
    "failed_logins_24h": ("failed log-ins in 24 hours", "近24小时登录失败次数"),
    "login_age": ("since the first log-in of 24 hours", "距近24小时内首次成功登录时长"),
    "remote_logins_60m": ("remote-controlled log-ins in 60 minutes", "近60分钟远程控制登录次数"),
    "local_hour": ("the hour of the day", "当地时刻（时）"),
    "payee_kind": ("the kind of payee", "收款方类型"),
    "payee_owner": ("whose account receives", "收款账户归属"),
    "has_verification": ("whether a check released it", "有无核验放行"),
}
UNITS: Final = (("min", "分钟", 1.0), ("h", "小时", 60.0), ("d", "天", 1440.0))
KIND_OF: Final = {one.name: one.kind for one in DRAW_INPUTS}
WORDLESS: Final = ("payee_kind", "payee_owner", "has_verification")  # codes, no numbers


@dataclass(frozen=True, slots=True)
class Carried:
    """An input that carried a score: its value, what is usual (NaN: not known), and by how much."""

    name: str
    value: float
    usual: float
    weight: float  # log-odds, or what it adds to the anomaly


def in_words(carried: Carried, currency: str) -> tuple[str, str]:
    """An input that carried a score, in English and Chinese."""
    name, name_zh = NAMES[carried.name]
    if carried.name in WORDLESS:
        return name, name_zh
    value, value_zh = _value(carried.name, carried.value, currency)
    usual, usual_zh = _value(carried.name, carried.usual, currency)
    return f"{name}: {value} (usually {usual})", f"{name_zh}{value_zh}（平时{usual_zh}）"


def _value(name: str, x: float, currency: str) -> tuple[str, str]:
    """An input's value on the scale of people, in both languages."""
    kind = KIND_OF[name]
    if math.isnan(x):
        return "–", "–"
    if kind == "age":
        return _span(math.expm1(x))
    if kind == "money":
        told = f"{Told(math.exp(x) - MINOR, currency):{MONEY}}"
    elif kind == "count":
        told = f"{math.expm1(x):.0f}"
    elif kind == "rate":
        told = f"{min(1.0, math.exp(x)):.1%}"
    elif kind == "plain":
        told = f"{x:g}"
    else:
        told = f"{math.exp(x):.2g}×"
    return told, told


def _span(minutes: float) -> tuple[str, str]:
    minutes = max(0.0, minutes)
    unit, unit_zh, size = next((u for u in reversed(UNITS) if minutes >= 2.0 * u[2]), UNITS[0])
    return f"{minutes / size:.0f} {unit}", f"{minutes / size:.0f}{unit_zh}"
