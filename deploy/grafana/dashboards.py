"""The dashboards, as data: `python deploy/grafana/dashboards.py` writes their JSON beside it.

Each panel says what it shows, in which unit, and asks for it by job and instance. A test holds the
files against this, parses every query, and runs it against a Prometheus that scrapes a service.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent / "dashboards"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
OF = '{job=~"$job",instance=~"$instance"}'
WIDTH, HEIGHT, A_ROW = 8, 8, 3


class Panel(NamedTuple):
    """A graph: `{}` in a query stands for the matchers of job and instance."""

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]  # query, legend


def rate(metric: str, by: str, more: str = "") -> str:
    """A counter's rate, summed by labels."""
    chosen = OF[:-1] + (f",{more}" if more else "") + "}"
    return f"sum by ({by}) (rate({metric}{chosen}[$__rate_interval]))"


def added(metric: str, by: str, span: str, more: str = "") -> str:
    """What was added to a counter in a span, summed by labels."""
    chosen = OF[:-1] + (f",{more}" if more else "") + "}"
    return f"sum by ({by}) (increase({metric}{chosen}[{span}]))"


def gauge(how: str, metric: str, by: str) -> str:
    """A gauge over workers."""
    return f"{how} by ({by}) ({metric}{OF})"


def quantile(q: float, metric: str, by: str) -> str:
    """A quantile of a histogram."""
    return f"histogram_quantile({q}, {rate(metric + '_bucket', f'{by}, le')})"


OPERATIONS = (
    Panel("Workers", "Workers that answer.", "short", [(f"sum by (job) (up{OF})", "{{job}}")]),
    Panel("Events", "Records of the inputs that were committed, by what was made of them.", "ops",
          [(rate("lendwatch_events_total", "feed, outcome"), "{{feed}} {{outcome}}")]),
    Panel("Dead letters", "Records that are no event, by reason.", "ops",
          [(rate("lendwatch_dead_letters_total", "feed, reason"), "{{feed}} {{reason}}")]),
    Panel("Records that wait", "Records known to be there and not committed.", "short",
          [(gauge("sum", "lendwatch_lag_records", "stage, topic"), "{{stage}} {{topic}}")]),
    Panel("Longest wait", "For how long the oldest record that is not committed waits.", "s",
          [(gauge("max", "lendwatch_lag_seconds", "stage"), "{{stage}}")]),
    Panel("From append to commit", "One record a read; the objective is a second.", "s",
          [(quantile(0.5, "lendwatch_record_commit_seconds", "stage"), "{{stage}} median"),
           (quantile(0.99, "lendwatch_record_commit_seconds", "stage"), "{{stage}} 99 %")]),
    Panel("A turn", "What a transaction spends its time on.", "s",
          [(quantile(0.95, "lendwatch_turn_seconds", "stage, step"), "{{stage}} {{step}} 95 %")]),
    Panel("Transactions", "Committed, and undone.", "ops",
          [(rate("lendwatch_turns_total", "stage"), "{{stage}}"),
           (rate("lendwatch_transactions_aborted_total", "stage"), "{{stage}} undone")]),
    Panel("Since the last commit and turn", "Matters where records wait.", "s",
          [(gauge("max", "lendwatch_commit_age_seconds", "stage"), "{{stage}} commit"),
           (gauge("max", "lendwatch_turn_age_seconds", "stage"), "{{stage}} turn")]),
    Panel("Partitions", "Assigned, by worker.", "short",
          [(gauge("sum", "lendwatch_partitions", "stage, instance"), "{{stage}} {{instance}}")]),
    Panel("Assignments and lives", "Assignments received; lives ended by what Kafka said.", "short",
          [(added("lendwatch_rebalances_total", "stage", "15m"), "{{stage}} assigned"),
           (added("lendwatch_begun_anew_total", "stage", "15m"), "{{stage}} anew")]),
    Panel("Restores", "How long the one that runs has taken, and what the last one took.", "s",
          [(gauge("max", "lendwatch_restoring_seconds", "stage"), "{{stage}} runs"),
           (gauge("max", "lendwatch_restored_seconds", "stage"), "{{stage}} last")]),
    Panel("Entities", "Remembered, by stage.", "short",
          [(gauge("sum", "lendwatch_state_entities", "stage"), "{{stage}}")]),
    Panel("Memory of entities", "Bytes that they hold, and the process.", "bytes",
          [(gauge("sum", "lendwatch_state_bytes", "stage"), "{{stage}}"),
           (gauge("sum", "process_resident_memory_bytes", "instance"), "{{instance}}")]),
    Panel("Evictions", "What full memories let go of in an hour; entities: not reached for long.",
          "short",
          [(added("lendwatch_evictions_total", "stage, what", "1h"), "{{stage}} {{what}}")]),
    Panel("Processor", "Seconds of a core, a second.", "short",
          [(rate("process_cpu_seconds_total", "instance"), "{{instance}}")]),
)  # fmt: skip
DETECTION = (
    Panel("Alerts opened", "In an hour, by typology.", "short",
          [(added("lendwatch_alerts_total", "typology", "1h"), "{{typology}}")]),
    Panel("By severity", "Alerts opened in an hour.", "short",
          [(added("lendwatch_alerts_total", "severity", "1h"), "{{severity}}")]),
    Panel("What became of alerts", "Revisions in an hour, by status.", "short",
          [(added("lendwatch_alert_revisions_total", "status", "1h"), "{{status}}")]),
    Panel("From event to alert", "From an event's own time to its alert's commit.", "s",
          [(quantile(0.5, "lendwatch_alert_delay_seconds", "stage"), "{{stage}} median"),
           (quantile(0.99, "lendwatch_alert_delay_seconds", "stage"), "{{stage}} 99 %")]),
    Panel("Hits", "Of rules, in an hour.", "short",
          [(added("lendwatch_findings_total", "rule", "1h", 'result="hit"'), "{{rule}}")]),
    Panel("Abstentions", "The share of a rule's results for which something was not known.",
          "percentunit",
          [(rate("lendwatch_findings_total", "rule", 'result="abstain"') + " / "
            + rate("lendwatch_findings_total", "rule"), "{{rule}}")]),
    Panel("Rules that fail", "Errors in an hour; all should be 0.", "short",
          [(added("lendwatch_findings_total", "rule", "1h", 'result="error"'), "{{rule}}")]),
    Panel("Decisions", "By what was asked and answered.", "ops",
          [(rate("lendwatch_decisions_total", "question, outcome"), "{{question}} {{outcome}}")]),
    Panel("Scores", "Median and highest hundredth.", "short",
          [(quantile(0.5, "lendwatch_decision_score", "question"), "{{question}} median"),
           (quantile(0.99, "lendwatch_decision_score", "question"), "{{question}} 99 %")]),
    Panel("Incidents open", "Of channels, providers and feeds.", "short",
          [(gauge("sum", "lendwatch_incidents_open", "typology"), "{{typology}}")]),
    Panel("Verdicts that teach", "Dispositions that found their draw, in a day.", "short",
          [(added("lendwatch_labels_total", "verdict", "1d"), "{{verdict}}")]),
    Panel("Behind now by event time", "The slowest partition; large while an old log is sent.", "s",
          [(gauge("max", "lendwatch_event_time_lag_seconds", "stage"), "{{stage}}")]),
    Panel("Rulebook", "What judges, by worker.", "short",
          [(f"sum by (version, policy) (lendwatch_rulebook_info{OF})",
            "{{version}} policy {{policy}}")]),
    Panel("Build", "What runs, by worker.", "short",
          [(f"sum by (version, python) (lendwatch_build_info{OF})", "{{version}}")]),
)  # fmt: skip
DEBITS = 'typology=~"debit_.*|overdue.*|plan_broken|mandate_invalid|account_frozen|deferred"'
OBLIGATIONS = (
    Panel("Obligations", "Remembered, paid ones too for as long as they may change.", "short",
          [(gauge("sum", "lendwatch_obligations", "job"), "{{job}}")]),
    Panel("Debits", "Events of the feed.", "ops",
          [(rate("lendwatch_events_total", "outcome", 'feed="auto_debit"'), "{{outcome}}")]),
    Panel("What people did", "Dispositions in an hour.", "short",
          [(added("lendwatch_dispositions_total", "disposition", "1h"), "{{disposition}}")]),
    Panel("Open", "Obligations whose alert stands, by state.", "short",
          [(gauge("sum", "lendwatch_obligations_open", "state"), "{{state}}")]),
    Panel("Overdue soon", "By whether anybody acted since the failure.",
          "short",
          [("sum by (answered) (lendwatch_obligations_open" + OF[:-1]
            + ',state="overdue_imminent"})', "answered: {{answered}}")]),
    Panel("States reached", "Obligations whose alert came into a state, in an hour.", "short",
          [(added("lendwatch_alert_revisions_total", "typology", "1h",
                  DEBITS + ',status=~"open|updated"'), "{{typology}}")]),
    Panel("Resolved", "Obligations whose alert was resolved, in an hour, by their state before.",
          "short",
          [(added("lendwatch_alert_revisions_total", "typology", "1h",
                  DEBITS + ',status="resolved"'), "{{typology}}")]),
    Panel("Close to overdue", "Came within reach of their overdue time, in six hours.", "short",
          [(added("lendwatch_alert_revisions_total", "typology", "6h",
                  'typology=~"overdue_imminent|overdue|debit_unhandled",status=~"open|updated"'),
            "{{typology}}")]),
    Panel("Forecasts", "Scheduled debits, by what was decided.", "ops",
          [(rate("lendwatch_decisions_total", "outcome", 'question="insufficient_balance"'),
            "{{outcome}}")]),
    Panel("Chance of failing", "Of scheduled debits: median and highest tenth.", "percentunit",
          [("histogram_quantile(0.5, " + rate("lendwatch_decision_score_bucket", "le",
            'question="insufficient_balance"') + ")", "median"),
           ("histogram_quantile(0.9, " + rate("lendwatch_decision_score_bucket", "le",
            'question="insufficient_balance"') + ")", "90 %")]),
    Panel("Alerts by severity", "On obligations and limits, opened in an hour.", "short",
          [(added("lendwatch_alerts_total", "severity", "1h", DEBITS), "{{severity}}")]),
)  # fmt: skip
DASHBOARDS = {"operations": OPERATIONS, "detection": DETECTION, "obligations": OBLIGATIONS}


def panel_json(number: int, panel: Panel) -> dict[str, Any]:
    """A panel as Grafana has it."""
    targets = [
        {"refId": chr(65 + at), "expr": query, "legendFormat": legend, "datasource": DATASOURCE}
        for at, (query, legend) in enumerate(panel.queries)
    ]
    row, column = divmod(number, A_ROW)
    return {
        "id": number + 1, "type": "timeseries", "title": panel.title,
        "description": panel.description, "datasource": DATASOURCE, "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": row * HEIGHT},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
    }  # fmt: skip


def variables() -> list[dict[str, Any]]:
    """What a reader may choose: datasource, job, instances."""
    asked = [("job", "label_values(lendwatch_build_info, job)"),
             ("instance", 'label_values(lendwatch_build_info{job=~"$job"}, instance)')]  # fmt: skip
    chosen = {"type": "query", "datasource": DATASOURCE, "refresh": 2, "multi": True}
    chosen |= {"includeAll": True, "allValue": ".+"}
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        *({"name": name, "label": name, "query": query, **chosen} for name, query in asked),
    ]


def dashboard(name: str, panels: Sequence[Panel]) -> dict[str, Any]:
    """A dashboard as Grafana has it."""
    return {
        "uid": f"lendwatch-{name}", "title": f"lendwatch: {name}", "tags": ["lendwatch"],
        "schemaVersion": 39, "editable": False, "refresh": "30s", "timezone": "browser",
        "time": {"from": "now-6h", "to": "now"}, "templating": {"list": variables()},
        "panels": [panel_json(at, panel) for at, panel in enumerate(panels)],
    }  # fmt: skip


def written() -> dict[str, str]:
    """The files by name."""
    return {
        f"{name}.json": json.dumps(dashboard(name, panels), indent=1) + "\n"
        for name, panels in DASHBOARDS.items()
    }


if __name__ == "__main__":
    for file, text in written().items():
        (HERE / file).write_text(text, "utf-8")
