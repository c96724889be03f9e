"""The words of explanations and reports, English and Chinese, in one table.

The Chinese is that of the trade: 借款人, never 用户; 疑似 before what is not proven; 建议
before what is advised. What a rulebook says (titles, texts of features) comes from the rulebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Pair = tuple[str, str]

WORDS: Final[Mapping[str, Mapping[str, Pair]]] = {
    "status": {
        "open": ("open", "待处理"), "updated": ("updated", "已更新"),
        "withdrawn": ("withdrawn", "已撤回"), "resolved": ("resolved", "已解除"),
    },
    "severity": {
        "info": ("info", "提示"), "low": ("low", "低"), "medium": ("medium", "中"),
        "high": ("high", "高"), "critical": ("critical", "紧急"),
    },
    "family": {
        "unauthorized_transfer": ("Unauthorized transfer", "未经授权的资金划付"),
        "insufficient_balance": ("Repayment and debit", "还款扣款异常"),
        "verification_integrity": ("Verification integrity", "身份核验异常"),
        "channel_incident": ("Channel incident", "扣款通道故障"),
        "credit_exposure": ("Credit exposure", "授信敞口"),
        "model_health": ("Model and data health", "模型与数据健康"),
    },
    "entity": {
        "account": ("account", "账户"), "device": ("device", "设备"),
        "network": ("network", "网络"), "payee": ("payee", "收款方"),
        "channel": ("channel", "扣款通道"), "provider": ("provider", "核验服务商"),
        "agency": ("agency", "催收机构"), "feed": ("feed", "数据源"),
        "model": ("model", "模型"), "rule": ("rule", "规则"),
    },
    "action": {
        "hold_disbursement": ("hold the disbursement", "建议暂缓放款"),
        "step_up_verification": ("verify the identity more strictly", "建议加强身份核验"),
        "warn_customer": ("warn the borrower of fraud", "建议反诈提醒"),
        "freeze_limit": ("suspend use of the limit", "建议暂停额度使用"),
        "reduce_limit": ("lower the limit", "建议下调额度"),
        "restore_limit": ("restore the limit", "建议恢复额度"),
        "manual_review": ("have a person review it", "建议人工复核"),
        "report_suspicious": ("report a suspicious transaction", "建议可疑交易上报"),
        "remind": ("remind gently", "建议温和提醒"),
        "offer_plan": ("offer a repayment plan", "建议提供灵活还款安排"),
        "renew_mandate": ("ask for a new mandate", "建议提示重新签约"),
        "retry_debit": ("debit again", "建议再次扣款"),
        "escalate": ("escalate inside the lender", "建议内部上报"),
        "none": ("nothing to do", "无需处理"),
    },
    "review": {
        "required": ("a person must decide", "须人工决定"),
        "not_needed": ("not needed", "无需人工复核"),
    },
    "cause": {
        "no_history": ("no history yet to compare with", "尚无可比较的历史"),
        "source_missing": ("the source does not carry it", "数据源不提供该字段"),
        "input_missing": ("missing from this event", "本事件缺少该字段"),
    },
    "type": {
        "login": ("log-in", "登录"),
        "identity_verification": ("identity verification", "身份核验"),
        "disbursement": ("disbursement", "放款"),
        "auto_debit": ("auto-debit", "自动还款扣款"),
        "disposition": ("disposition", "处置结果"),
    },
    "login": {"success": ("succeeded", "成功"), "failure": ("failed", "失败")},
    "login_method": {
        "password": ("password", "密码"), "otp": ("one-time code", "短信验证码"),
        "biometric": ("biometrics", "生物识别"), "sso": ("single sign-on", "单点登录"),
        "other": ("another method", "其他方式"),
    },
    "verification": {
        "passed": ("passed", "通过"), "failed": ("failed", "未通过"),
        "error": ("provider's error", "服务商错误"),
        "timeout": ("provider's timeout", "服务商超时"),
    },
    "verification_method": {
        "face": ("face", "人脸"), "otp": ("one-time code", "短信验证码"),
        "id_document": ("identity document", "身份证件"), "bank_card": ("bank card", "银行卡"),
        "password": ("password", "密码"),
    },
    "disbursement": {
        "requested": ("requested", "已申请"), "paid": ("paid out", "已放款"),
        "rejected": ("rejected", "已拒绝"), "reversed": ("reversed", "已冲正"),
    },
    "payee_owner": {
        "self": ("the borrower's own", "借款人本人"), "other": ("another person's", "他人"),
        "unknown": ("owner unknown", "归属不明"),
    },
    "payee_kind": {
        "person": ("a person", "个人"), "merchant": ("a merchant", "商户"),
        "institution": ("an institution", "机构"),
    },
    "debit": {
        "scheduled": ("scheduled", "已排期"), "success": ("debited in full", "扣款成功"),
        "partial": ("debited in part", "部分扣款"),
        "insufficient_balance": ("balance short", "余额不足"),
        "channel_error": ("channel error", "扣款通道错误"),
        "mandate_invalid": ("mandate invalid", "代扣授权失效"),
        "account_frozen": ("repayment account restricted", "还款账户受限"),
        "settled": ("settled otherwise", "已由其他方式结清"),
        "reversed": ("taken back", "已冲正"),
    },
    "disposition": {
        "confirmed_fraud": ("fraud confirmed", "确认欺诈"),
        "false_positive": ("false positive", "误报"),
        "inconclusive": ("inconclusive", "无法判定"),
        "customer_confirmed": ("borrower confirmed it", "客户确认本人操作"),
        "system_fault": ("fault of a system", "系统问题"),
        "held": ("held", "已暂缓"), "released": ("released", "已放行"),
        "paid_anyway": ("paid in spite of the advice", "未采纳仍放款"),
        "contacted": ("borrower contacted", "已联系借款人"),
        "unreachable": ("borrower not reached", "未能联系"),
        "plan_agreed": ("repayment plan agreed", "已约定还款安排"),
        "hardship_granted": ("hardship relief granted", "已给予困难帮扶"),
        "complaint": ("complaint", "客户投诉"),
        "appeal_opened": ("appeal received", "申诉受理"),
        "appeal_upheld": ("appeal upheld", "申诉成立"),
        "appeal_rejected": ("appeal rejected", "申诉不成立"),
        "handled": ("handled", "已处理"),
    },
    "signal": {
        "emulator": ("emulator", "模拟器"), "rooted": ("rooted", "已越狱或取得最高权限"),
        "remote_control": ("remote control", "远程控制"),
        "screen_sharing": ("screen sharing", "屏幕共享"),
        "accessibility_service": ("accessibility service", "无障碍服务"),
        "sim_changed": ("SIM re-issued", "补换卡"), "vpn": ("VPN", "VPN"), "tor": ("Tor", "Tor"),
    },
    "outcome": {
        "approve": ("approve", "通过"), "review": ("review", "人工复核"),
        "challenge": ("challenge", "加强核验"), "decline": ("decline", "建议拒绝"),
    },
    "flag": {"0": ("no", "否"), "1": ("yes", "是")},
    "relation": {
        "<": ("under {0}", "低于{0}"), "<=": ("{0} or less", "不超过{0}"),
        ">": ("over {0}", "高于{0}"), ">=": ("{0} or more", "不低于{0}"),
        "=": ("exactly {0}", "恰为{0}"),
    },
    "relation_until": {
        "<": ("under {0}, down to {1}", "低于{0}且至{1}为止"),
        "<=": ("{0} or less, down to {1}", "不超过{0}且至{1}为止"),
        ">": ("over {0}, up to {1}", "高于{0}且至{1}为止"),
        ">=": ("{0} or more, up to {1}", "不低于{0}且至{1}为止"),
    },
}  # fmt: skip

FIELDS: Final[Mapping[str, Pair]] = {
    "amount_minor": ("amount", "金额"),
    "credit_limit_minor": ("credit limit", "授信额度"),
    "outstanding_minor": ("outstanding before this disbursement", "本次放款前在贷余额"),
    "status": ("status", "状态"),
    "payee_owner": ("owner of the payee", "收款方归属"),
    "payee_kind": ("kind of payee", "收款方类别"),
    "has_session": ("session told", "提供会话"),
    "has_device": ("device told", "提供设备"),
    "has_network": ("network told", "提供网络"),
    "has_verification": ("verification told", "提供核验编号"),
    "has_payer": ("payer account told", "提供付款账户"),
    "payee_allowed": ("payee on the allow-list", "收款方在白名单内"),
    "device_allowed": ("device on the allow-list", "设备在白名单内"),
    "network_allowed": ("network on the allow-list", "网络在白名单内"),
    "outcome": ("outcome", "结果"),
    "method": ("method", "方式"),
    "amount_due_minor": ("amount due", "应还金额"),
    "amount_debited_minor": ("amount debited", "已扣金额"),
    "penalty_due_minor": ("interest and fees due", "应付息费"),
    "mandate_max_minor": ("most that the mandate allows", "代扣授权上限"),
    "mandate_end_age_ms": ("time since the mandate ended", "代扣授权终止后时长"),
    "days_early": ("days before the due date", "早于到期日的天数"),
    "overdue_passed": ("overdue time passed", "已过逾期起算时间"),
    "local_hour": ("local hour", "当地小时"),
    "in_campaign": ("inside a campaign", "处于提额活动期"),
}
FLAG_PREFIXES: Final = ("has_", "signal_")
FLAG_SUFFIXES: Final = ("_allowed", "_cleared")
FLAGS: Final = frozenset({"overdue_passed", "in_campaign"})
# What an event's word means depends on the event's type.
ENUMERATIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "login": {"outcome": "login", "method": "login_method"},
    "identity_verification": {"outcome": "verification", "method": "verification_method"},
    "disbursement": {
        "status": "disbursement", "payee_owner": "payee_owner", "payee_kind": "payee_kind",
    },
    "auto_debit": {"outcome": "debit"},
}  # fmt: skip
