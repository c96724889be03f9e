"""The sentences of explanations, English and Chinese; `{names}` are put in by `say`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streams.explain_words import Pair

TEXTS: Final[Mapping[str, Pair]] = {
    # The head.
    "severity": ("Severity", "严重程度"),
    "status": ("Status", "状态"),
    "entity": ("Whose alert", "预警主体"),
    "account": ("Account", "账户"),
    "at_risk": ("Amount at risk", "风险金额"),
    "advice": ("Advice", "建议措施"),
    "act_by": ("Act by", "处置时限"),
    "expires_at": ("A hold ends", "暂缓到期"),
    "human_review": ("Human review", "人工复核"),
    "contact_from": ("Contact not before", "最早可联系时间"),
    "contacts_left": ("Contacts left that day", "当日剩余联系次数"),
    "system_caused": ("Cause", "原因归属"),
    "is_system_caused": ("the system's, not the borrower's", "系统原因，不计借款人责任"),
    "reporting": ("Credit reporting", "征信报送"),
    "do_not_report": ("must not be reported", "不得报送征信"),
    "techniques": ("Techniques", "手法编号"),
    "alert_id": ("Alert", "预警编号"),
    "zone": ("Times are of", "时区"),
    "case_id": ("Case", "案件编号"),
    "score": ("Score", "风险分"),
    "none_told": ("–", "–"),
    # The parts.
    "title_history": ("History", "修订记录"),
    "title_timeline": ("What happened", "事件经过"),
    "title_reasons": ("Reasons", "预警理由"),
    "title_clearing": ("What would have cleared it", "何种情况不会触发"),
    "title_missing": ("What was not known", "缺失信息"),
    "title_versions": ("Versions", "版本"),
    "at": ("Time", "时间"),
    "revision": ("Revision", "修订"),
    "because": ("Because", "依据"),
    "observed": ("Observed", "本次"),
    "normal": ("Normal", "平时"),
    "threshold": ("Threshold", "阈值"),
    "share": ("Contribution", "贡献占比"),
    "rule": ("Rule", "规则"),
    "event": ("Event", "事件"),
    "evidence": ("evidence", "证据"),
    "nothing_stands": (
        "no reason stands any more (event {event})", "已无成立的理由（事件{event}）",
    ),
    "no_reasons": ("No reason stands any more.", "已无成立的理由。"),
    # The events.
    "login": ("Log-in by {method} {outcome}{where}", "以{method}方式登录{outcome}{where}"),
    "identity_verification": (
        "Identity verification by {method} ({provider}): {outcome}{where}",
        "{method}核验（{provider}）：{outcome}{where}",
    ),
    "disbursement": (
        "Disbursement of {amount} {status}, to payee {payee} ({owner}){where}",
        "放款{amount}{status}，收款方{payee}（{owner}）{where}",
    ),
    "debit_planned": (
        "Debit of {due} scheduled through {channel}, due {when}",
        "{channel}扣款{due}已排期，{when}到期",
    ),
    "debit_tried": (
        "Debit attempt {attempt} through {channel}: {outcome}, {debited} of {due}",
        "{channel}第{attempt}次扣款：{outcome}，应扣{due}，实扣{debited}",
    ),
    "debit_other": (
        "Instalment of {due} through {channel}: {outcome}",
        "{channel}本期应还{due}：{outcome}",
    ),
    "disposition": ("Disposition: {disposition}{target}", "处置结果：{disposition}{target}"),
    "of_target": (" (of {target})", "（针对{target}）"),
    "where_device": (", device {id}", "，设备{id}"),
    "where_network": (", address {id}", "，地址{id}"),
    "where_signals": (", signals: {signals}", "，设备信号：{signals}"),
    "timeline_of": (
        "Account {account}, from {begin} to {end}; evidence is marked.",
        "账户{account}，{begin}至{end}；证据已标出。",
    ),
    "timeline_others": (
        "The evidence of all accounts, from {begin} to {end}.",
        "所有账户的证据事件，{begin}至{end}。",
    ),
    "left_out": (
        "{count} other events of this time are not shown.", "该时段另有{count}条事件未列出。",
    ),
    "log_gone": (
        "The log {log} is not there; the evidence by id only:", "日志{log}已不存在；仅列证据编号：",
    ),
    "log_changed": (
        "The log {log} is not the one that this run read (its SHA-256 differs); "
        "the evidence by id only:",
        "日志{log}与本次回放所读不一致（SHA-256不符）；仅列证据编号：",
    ),
    "log_unsure": (
        "The run did not read the log {log} to its end, so that it cannot be checked; "
        "the evidence by id only:",
        "本次回放未读完日志{log}，无法核对；仅列证据编号：",
    ),
    # What would have cleared it.
    "clearing_of": (
        "Rule {rule} would not have hit at event {event} with any one of these alone:",
        "以下任一情况单独成立，规则{rule}在事件{event}即不会命中：",
    ),
    "change": (
        "{name}: {wanted}{why}, instead of {value}",
        "{name}：{wanted}{why}（实际为{value}）",
    ),
    "change_why": (" ({formula})", "（即{formula}）"),
    "no_change": (
        "No change of one fact alone would have kept rule {rule} from hitting at event {event}.",
        "仅改变任一单项事实，规则{rule}在事件{event}仍会命中。",
    ),
    "unsolved": (
        "Not worked out for: {names} (they stand inside a ratio or the like).",
        "未推算：{names}（位于比值等算式中）。",
    ),
    "single_only": (
        "Only changes of one fact are told; several at once could clear it too. The alert stands "
        "as long as one of its rules hits at one of its events.",
        "仅列单项变化；多项同时变化亦可能不触发。只要任一规则在任一事件命中，预警即成立。",
    ),
    "clearing_obligation": (
        "No rule judged this: it follows from what happened and what fell due. The alert of an "
        "instalment ends when it is paid.",
        "本预警并非由规则判定，而由已发生的事件和到期时间得出；分期预警还清即解除。",
    ),
    "clearing_unknown": (
        "What was measured at the events is not in this run's files, so that nothing can be said.",
        "本次回放的文件中没有事件的测量值，无法推算。",
    ),
    "clearing_not_recorded": (
        "Rule {rule} at event {event}: not all that it reads is recorded, so that nothing can be "
        "said.",
        "规则{rule}在事件{event}：所读信息未全部记录，无法推算。",
    ),
    "clearing_versions": (
        "The rulebook in force here ({here}) is not the one of this run ({run}); give the run's "
        "--policy and --rulebook to have this worked out.",
        "当前规则版本（{here}）与本次回放（{run}）不一致；请以--policy与--rulebook指定原版本后再推算。",
    ),
    "or": ("{0} or {1}", "{0}或{1}"),
    "semicolon": ("{0}; {1}", "{0}；{1}"),
    "comma": ("{0}, {1}", "{0}、{1}"),
    "hit_age": ("time since the last alert of “{title}”", "距上次“{title}”预警时长"),
    "signal": ("device signal “{signal}”", "设备信号“{signal}”"),
    # What was missing.
    "missing_none": (
        "Nothing that the rules ask for was missing at event {event}.",
        "事件{event}的规则所需信息均已具备。",
    ),
    "missing_at": ("Not known at event {event}:", "事件{event}的未知信息："),
    "missing_cause": ("{cause}: {names}", "{cause}：{names}"),
    "abstained": (
        "Rules that could not judge it and abstained: {rules}", "因信息不足而弃权的规则：{rules}",
    ),
    "abstained_none": (
        "No rule of this kind of event abstained because of it.", "未有同类规则因此弃权。",
    ),
    "lacking": ("{rule} (for want of: {names})", "{rule}（缺少：{names}）"),
    # The versions.
    "rulebook": ("Rulebook", "规则"),
    "features": ("Features", "特征"),
    "models": ("Models", "模型"),
    "no_models": ("none", "无"),
    "log": ("Log", "日志"),
    "sha256": ("SHA-256", "SHA-256"),
}  # fmt: skip
