"""`lendwatch explain`: the whole why of one alert, for a person."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from detector.policy import Policy
from detector.rulebook import Rulebook
from detector.rules import Rule
from streams import settings
from streams.explain_events import in_words
from streams.explain_log import ROWS_MAX, Timeline, scan
from streams.explain_run import Record, Run
from streams.explain_shown import show
from streams.explain_values import Clock, Told, filled, listed, money, plain, same, say, word
from streams.explain_why import Speaker, cleared_by, not_known, unit_of
from streams.replay import load


def run(arguments: argparse.Namespace) -> int:
    """The command: explains one alert on the terminal or as JSON; returns the exit status."""
    found = Run(Path(arguments.run))
    revisions = found.revisions(arguments.alert_id)
    rulebook_folder = Path(arguments.rulebook) if arguments.rulebook else None
    policy, rulebook = load(settings.policy_path(arguments.policy), rulebook_folder)
    timeline = Timeline.of(revisions)
    problem = scan(found.summary, arguments.log, [timeline.take], timeline.names)
    explainer = Explainer(found, policy, rulebook, [revisions[-1]["alert_id"]])
    content = explainer.explained(revisions, timeline, problem)
    if arguments.json:
        sys.stdout.buffer.write(orjson.dumps(plain(content), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        show(content, arguments.lang)
    return 0


class Explainer:
    """Explains alerts of one run: everything that is told comes from the run's files."""

    def __init__(
        self, run: Run, policy: Policy, rulebook: Rulebook, alert_ids: Sequence[str]
    ) -> None:
        self._summary = run.summary
        self._rulebook = rulebook
        self._rules: Mapping[str, Rule] = {rule.id: rule for rule in rulebook.rules}
        self._findings = run.findings(alert_ids)
        self.clock = Clock(policy.timezone)

    def explained(
        self, revisions: Sequence[Record], timeline: Timeline, problem: Told | None,
        rows_max: int = ROWS_MAX,
    ) -> dict[str, Any]:  # fmt: skip
        """All that can be said of one alert; `problem` says why its events cannot be shown."""
        alert = revisions[-1]
        currency = next((r["currency"] for r in reversed(revisions) if r["currency"]), None)
        speaker = Speaker(self._rulebook, currency)
        return {
            "alert_id": alert["alert_id"],
            "title": self.title(alert),
            "family": word("family", alert["family"]),
            "severity": {"name": alert["severity"], "words": word("severity", alert["severity"])},
            "status": {"name": alert["status"], "words": word("status", alert["status"])},
            "head": self._head(alert),
            "history": [self._revision(revision) for revision in revisions],
            "timeline": self._timeline(timeline, problem, rows_max),
            "reasons": [self._reason(reason, speaker) for reason in alert["reasons"]],
            "clearing": self._clearing(alert, speaker),
            "missing": self._missing(alert, speaker),
            "versions": self._versions(alert),
            "alert": alert,
        }

    def title(self, alert: Record) -> Told:
        """The alert's typology as people call it."""
        typology = self._rulebook.typologies.get(alert["typology"])
        if typology is None:
            return same(alert["typology"])
        return Told(typology.title, typology.title_zh)

    def _head(self, alert: Record) -> list[dict[str, Told]]:
        entity, treatment = alert["entity"], alert["treatment"] or {}
        account = alert["account_id"] if entity["kind"] != "account" else None
        amount = alert["amount_minor"]
        caused = say("is_system_caused") if treatment.get("system_caused") else None
        told: dict[str, Told | None] = {
            "severity": word("severity", alert["severity"]),
            "status": word("status", alert["status"]),
            "entity": filled(same("{0} {1}"), word("entity", entity["kind"]), entity["id"]),
            "account": None if account is None else same(account),
            "at_risk": None if amount is None else money(amount, alert["currency"]),
            "advice": listed(word("action", action) for action in alert["actions"]),
            "act_by": self.clock.optional(alert["act_by"]),
            "expires_at": self.clock.optional(alert["expires_at"]),
            "human_review": word("review", alert["human_review"]),
            "contact_from": self.clock.optional(treatment.get("earliest_contact_at")),
            "contacts_left": same(treatment["contacts_left_today"]) if treatment else None,
            "system_caused": caused,
            "reporting": say("do_not_report") if treatment.get("do_not_report") else None,
            "score": same(f"{alert['score']:.3g}"),
            "techniques": listed(map(same, alert["techniques"])) if alert["techniques"] else None,
            "case_id": same(alert["case_id"]),
            "zone": same(self.clock.zone),
        }  # fmt: skip
        return [{"label": say(key), "value": value} for key, value in told.items() if value]

    def _revision(self, revision: Record) -> dict[str, Any]:
        because = [Told(reason["text"], reason["text_zh"]) for reason in revision["reasons"]]
        return {
            "revision": revision["revision"],
            "status": word("status", revision["status"]),
            "at": self.clock.time(revision["occurred_at"]),
            "event_id": revision["trigger_event_id"],
            "because": because or [say("nothing_stands", event=revision["trigger_event_id"])],
        }

    def _timeline(self, timeline: Timeline, problem: Told | None, rows_max: int) -> dict[str, Any]:
        if problem is not None:
            ids = sorted(timeline.evidence)
            return {"note": problem, "rows": [], "left_out": None, "evidence": ids}
        begin, end = (self.clock.time(ms) for ms in timeline.span())
        shown, count = timeline.rows(rows_max)
        account = timeline.account_id
        key = "timeline_others" if account is None else "timeline_of"
        return {
            "note": say(key, account=account, begin=begin, end=end),
            "rows": [
                {
                    "at": self.clock.time(event.occurred_at),
                    "event_id": event.event_id,
                    "account_id": event.account_id,
                    "text": in_words(event, self.clock),
                    "is_evidence": event.event_id in timeline.evidence,
                }
                for event in shown
            ],
            "left_out": say("left_out", count=count) if count else None,
            "evidence": [e.event_id for e in shown if e.event_id in timeline.evidence],
        }

    def _reason(self, reason: Record, speaker: Speaker) -> dict[str, Any]:
        rule = self._rules.get(reason["code"])
        units = {"observed": "ms" if reason["code"].endswith("_cured") else ""}
        if rule is not None:
            units["observed"] = unit_of(rule.observed_expression)
            units["normal"] = unit_of(rule.normal_expression)
            units["threshold"] = unit_of(rule.threshold_expression)
        told = {
            name: None if reason[name] is None
            else speaker.value(reason[name], units.get(name) or units["observed"])
            for name in ("observed", "normal", "threshold")
        }  # fmt: skip
        return {
            "text": Told(reason["text"], reason["text_zh"]),
            "rule": reason.get("rule") or reason["model"],
            **told,
            "share": same(f"{reason['contribution']:.0%}"),
        }

    def _clearing(self, alert: Record, speaker: Speaker) -> dict[str, Any]:
        here, then = self._rulebook.version, alert["versions"]["rulebook"]
        rules = [self._rules[r["code"]] for r in alert["reasons"] if r["code"] in self._rules]
        if not alert["reasons"]:
            return {"note": say("no_reasons"), "rules": []}
        if not rules:
            return {"note": say("clearing_obligation"), "rules": []}
        if here != then:
            return {"note": say("clearing_versions", here=here, run=then), "rules": []}
        told = []
        for rule in rules:
            finding = self._newest(alert["alert_id"], rule.id)
            if finding is not None:
                told.append({"rule": rule.id, **cleared_by(rule, finding, speaker)})
        return {"note": say("single_only" if told else "clearing_unknown"), "rules": told}

    def _newest(self, alert_id: str, rule_id: str) -> Record | None:
        """The newest finding at which this rule hit for this alert."""
        hits = [
            finding for stages in self._findings.values() for finding in stages
            if any(r["id"] == rule_id and r["alert_id"] == alert_id for r in finding["rules"])
        ]  # fmt: skip
        return max(hits, key=lambda finding: finding["occurred_at"], default=None)

    def _missing(self, alert: Record, speaker: Speaker) -> dict[str, Any] | None:
        """What was not known at the newest event at which one of the alert's rules hit."""
        if self._rulebook.version != alert["versions"]["rulebook"]:
            return None
        newest = [self._newest(alert["alert_id"], reason["code"]) for reason in alert["reasons"]]
        told = [finding for finding in newest if finding is not None]
        if not told:
            return None
        event = max(told, key=lambda finding: finding["occurred_at"])["event_id"]
        return not_known(self._findings[event], self._rulebook, speaker)

    def _versions(self, alert: Record) -> list[dict[str, Told]]:
        versions = alert["versions"]
        models = versions["models"]
        told = [
            {"label": say("rulebook"), "value": same(versions["rulebook"])},
            {"label": say("features"), "value": same(versions["features"])},
            {"label": say("models"), "value": say("no_models") if models is None else same(models)},
        ]
        for log in self._summary["inputs"]:
            value = same(f"{log['file']}, SHA-256 {log['sha256'] or '–'}")
            told.append({"label": say("log"), "value": value})
        return told
