"""The sentences of the report, English and Chinese; `{names}` are put in by `tell`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streams.explain_values import Told, spoken
from streams.explain_words import Pair

TEXTS: Final[Mapping[str, Pair]] = {
    "page_title": ("lendwatch report", "lendwatch 监测报告"),
    "language": ("Language", "语言"),
    "skip": ("To the content", "跳至正文"),
    "contents": ("Contents", "目录"),
    "period": ("{first} to {last} ({zone})", "{first} 至 {last}（{zone}）"),
    "lead": (
        "{events} events were replayed. {alerts} alerts came of them; {waiting} still wait for a "
        "person.",
        "共回放{events}条事件，产生{alerts}条预警，其中{waiting}条尚待处理。",
    ),
    "lead_truth": (
        "Held against the truth of this simulated world: {found} of {planted} planted incidents "
        "were found and {silent} of {near} near misses stayed silent; alerts about what nobody "
        "planted: {honest}.",
        "与模拟数据的真实情况对照：植入的{planted}起异常中发现{found}起；{near}个近似情形中"
        "{silent}个未误报；针对未植入内容的误报{honest}条。",
    ),
    "interrupted": (
        "The run was interrupted: this is what it had found so far.",
        "本次回放中途停止：以下为停止前的结果。",
    ),
    # The figures at the top.
    "tile_events": ("events", "事件"),
    "tile_draws": ("disbursements judged", "已判断放款"),
    "tile_transfers": ("alerts of unauthorized transfer", "资金划付类预警"),
    "tile_risk": ("at risk in them", "涉及风险金额"),
    "tile_failed": ("instalments with a failed debit", "扣款失败的本期应还"),
    "tile_cured": ("of them paid since", "其中已还清"),
    # Found against the truth.
    "found": ("Found, against the truth", "发现情况与真实情况对照"),
    "found_intro": (
        "A planted incident is a crime or a failure that the simulator put into the log. A near "
        "miss looks like one and must stay silent. An honest alert is about what nobody planted: "
        "it would have cost a borrower or a reviewer something.",
        "植入异常是模拟器写入日志的欺诈或扣款失败；近似情形与其相像但不应预警；"
        "误报针对未植入的内容，会打扰借款人或占用复核人力。",
    ),
    "typology": ("Typology", "类型"),
    "planted": ("Planted", "植入"),
    "found_count": ("Found", "发现"),
    "near_misses": ("Near misses", "近似情形"),
    "left_alone": ("Left alone", "未误报"),
    "honest": ("Honest alerts", "误报"),
    "in_all": ("In all", "合计"),
    # Day by day.
    "days": ("Day by day", "逐日情况"),
    "day": ("Day", "日期"),
    "days_events": ("Events a day", "每日事件数"),
    "days_alerts": (
        "New alerts a day, without those of repayment", "每日新增预警数（不含还款扣款类）",
    ),
    "days_debits": ("New alerts of repayment a day", "每日新增还款扣款类预警数"),
    "days_thin": (
        "Before {day} the log holds a thin past, which is not drawn.",
        "{day}之前仅有少量历史数据，未绘出。",
    ),
    "markers": (
        "Marks above the days: planted incidents, filled where found ({found}), hollow where "
        "missed ({missed}).",
        "日期上方的标记为植入异常：实心为已发现（{found}起），空心为未发现（{missed}起）。",
    ),
    "marker_found": ("found", "已发现"),
    "marker_missed": ("missed", "未发现"),
    "most": ("highest {count}", "最高{count}"),
    "as_table": ("As a table", "以表格查看"),
    # The top cases.
    "cases": ("The weightiest cases", "重点案件"),
    "cases_intro": (
        "The worst alert of each typology that still stands. Everything is advice: nothing was "
        "held, suspended or sent.",
        "各类型中仍成立的最严重预警。以下均为建议：系统未暂缓、未停用、未联系任何人。",
    ),
    "also_in_case": (
        "Other alerts of the same entity and day: {titles}", "同一主体当日其他预警：{titles}",
    ),
    "no_cases": ("No alert stands.", "没有仍成立的预警。"),
    "earlier_left_out": (
        "{count} revisions between them are not shown.", "其间{count}次修订未列出。",
    ),
    # Failed debits.
    "debits": ("Failed debits", "扣款失败"),
    "debits_intro": (
        "One alert an instalment, revised as it moves. Amounts are what was still due at its first "
        "alert, and what is due now.",
        "每期应还一条预警，随进展修订。金额为首次预警时未还部分与目前未还部分。",
    ),
    "state": ("State", "状态"),
    "instalments": ("Instalments", "期数"),
    "due_first": ("Due at first alert", "首次预警时未还"),
    "due_now": ("Due now", "目前未还"),
    "cure": ("From the first failure to payment", "首次失败至还清的时长"),
    "cure_median": ("Half of those paid were paid within {time}.", "已还清的半数在{time}内还清。"),
    "up_to": ("up to {time}", "不超过{time}"),
    "between": ("{begin} to {end}", "{begin}至{end}"),
    "over": ("over {time}", "超过{time}"),
    "no_debits": ("No debit failed for want of balance.", "没有因余额不足而失败的扣款。"),
    "states": ("All instalments, at the end of the log", "全部应还期次在日志结束时的状态"),
    "state_paid": ("Paid without an alert", "已还清，未曾预警"),
    "state_waiting": ("Not paid yet, nothing wrong", "尚未还清，无异常"),
    "state_cured": ("Paid after an alert", "预警后还清"),
    # Incidents.
    "incidents": ("Incidents", "系统性故障"),
    "incidents_intro": (
        "What befell a whole channel, provider or feed: one alert each, to operations. What failed "
        "by a channel's fault is held under its incident, and never counts against a borrower.",
        "影响整条扣款通道、核验服务商或数据源的故障：每起一条预警，只通知运营。"
        "因通道故障失败的扣款归入该故障，不计为借款人的责任。",
    ),
    "no_incidents": ("No incident was found.", "未发现系统性故障。"),
    "incident": ("Incident", "故障"),
    "whose": ("Of", "主体"),
    "time_of_it": ("Time", "时段"),
    "span": ("{began} to {ended}", "{began}至{ended}"),
    "span_lasts": ("since {began}, and it lasts", "自{began}起，尚未结束"),
    "told_times": ("Told", "通知次数"),
    "held_gist": (
        "{span}: {count} instalments were hit, {amount} due.",
        "{span}：{count}期扣款受影响，应还共{amount}。",
    ),
    "held_drawn": (
        "{drawn} of {count} drawn, from the first attempt in vain; each dot is such an attempt.",
        "绘出{count}期中的{drawn}期，自首次失败起；圆点为一次失败的扣款。",
    ),
    "fate_paid": ("paid after it", "恢复后还清"),
    "fate_short": ("balance short after it, paid since", "恢复后余额不足，其后还清"),
    "fate_open": ("still unpaid", "仍未还清"),
    "went_out": ("Alerts that went out", "实际发出的预警"),
    "would_have": ("Without it, one by one", "若无此归并，逐笔发出"),
    "with_incident": (
        "The incident itself, and {told} of single instalments ({tagged} of these said to be the "
        "system's doing).",
        "故障本身1条，另有单期预警{told}条（其中{tagged}条标明为系统原因）。",
    ),
    "without_note": (
        "Measured: the debits that it hit went once more through the same rules, without anybody "
        "looking for outages.",
        "实测所得：受影响的扣款按相同规则重新判断，但不识别通道故障。",
    ),
    "single_alerts": ("The single alerts, one by one", "逐笔预警明细"),
    "first_failed": ("First in vain", "首次失败"),
    "would_be": ("Would have gone out", "本会发出"),
    "would_row": ("{title} ({severity}), {at}", "{title}（{severity}），{at}"),
    "instead": ("Instead", "实际"),
    "held_back": ("nothing: held under the incident", "未发出：归入故障"),
    "told_tagged": ("{title}, said to be the system's doing", "{title}，标明为系统原因"),
    "told_alone": ("{title}", "{title}"),
    "amount": ("Amount", "金额"),
    "account": ("Account", "账户"),
    "more_rows": ("and {count} more", "另有{count}条"),
    # Alerts a day.
    "load": ("Alerts a day", "每日预警量"),
    "load_intro": (
        "New alerts a day over {days} days: what a team would have to look at.",
        "{days}天内平均每日新增预警：团队需要查看的数量。",
    ),
    "load_honest": (
        "Honest alerts are those that no planted incident explains.",
        "误报指没有对应植入异常的预警。",
    ),
    "alerts": ("Alerts", "预警数"),
    "alerts_a_day": ("A day", "每日"),
    "honest_a_day": ("Honest a day", "每日误报"),
    "withdrawn_count": ("Withdrawn", "已撤回"),
    # What was decided.
    "decisions": ("What was advised", "判断结果"),
    "question_unauthorized_transfer": ("Disbursements", "放款"),
    "question_insufficient_balance": ("Scheduled debits", "已排期扣款"),
    "degraded": (
        "{count} of them were judged with something missing.", "其中{count}条为降级判断。",
    ),
    # The data.
    "data": ("What the data looked like", "数据概况"),
    "data_types": ("Events by type", "各类型事件数"),
    "data_hours": ("By hour of the local day", "按当地小时分布"),
    "data_draws": ("Disbursements by status", "放款状态"),
    "data_paid": (
        "{amount} paid out in {count} disbursements; half were {median} or less.",
        "共放款{count}笔、{amount}；半数不超过{median}。",
    ),
    "data_owner": ("Disbursements by owner of the payee", "放款收款方归属"),
    "data_checks": ("Identity verifications by outcome", "身份核验结果"),
    "data_debits": ("Auto-debits by outcome", "自动还款扣款结果"),
    "data_channels": ("Attempts that failed, by channel", "各扣款通道失败次数"),
    "channel": ("Channel", "扣款通道"),
    "attempts": ("Attempts", "扣款次数"),
    "short": ("Balance short", "余额不足"),
    "channel_errors": ("Channel errors", "通道错误"),
    "data_dispositions": ("Dispositions", "处置结果"),
    "dead_letters": ("Dead letters: {count}", "异常报文：{count}条"),
    "hour": ("Hour", "小时"),
    "data_gone": (
        "The log cannot be shown, so that only what the run counted is here.",
        "日志无法展示，此处仅列回放时的计数。",
    ),
    # How to have it again.
    "repeat": ("Versions, and how to have it again", "版本与复现方法"),
    "repeat_intro": (
        "The same log, versions and policy give the same bytes.",
        "相同的日志、版本与策略将得到逐字节相同的结果。",
    ),
    "component": ("Component", "组件"),
    "version": ("Version", "版本"),
    "file": ("File", "文件"),
    "run_speed": (
        "Replayed in {seconds} s: {speed} events a second, {memory} MiB of memory at most.",
        "回放用时{seconds}秒：每秒{speed}条事件，内存峰值{memory} MiB。",
    ),
    "footer": (
        "Every number here comes from the files of the run. Outputs hash as in summary.json.",
        "本页所有数字均来自本次回放的文件；输出文件的哈希值与summary.json一致。",
    ),
}  # fmt: skip


def tell(key: str, **parts: object) -> Told:
    """A sentence of the report with its parts put in, each in its language."""
    return spoken(TEXTS[key], **parts)
