"""The chart, the image, the compose file and Strimzi's resources are well made."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import orjson
import pytest
import yaml

from deploy.kafka.strimzi import resources, written
from streams.cli import parser
from streams.rights import learner_rights, service_rights, source_rights
from streams.topics import TopicNames, planned
from tests.deploy.helm import Unavailable, helm
from tests.deploy.operators import SCHEMAS
from tests.deploy.stack import WORLD
from tests.deploy.tools import CALL_MAX_S, DEPLOY, RULES, called, loaded

CHART = DEPLOY / "helm/lendwatch"
KUBERNETES = ("1.27", "1.34")  # the oldest that the chart takes, and a new one
SCALED = ["--set", "autoscaling.enabled=true", "--set", "autoscaling.authentication=kafka"]
LEARNING = ["--set", "learner.enabled=true"]
POLICY = ["--set-string", 'policy=timezone = "Asia/Shanghai"']


def run_helm(*words: str | Path) -> subprocess.CompletedProcess[str]:
    try:
        program = helm()
    except Unavailable as lacking:
        pytest.skip(str(lacking))
    return subprocess.run(
        [str(program), *map(str, words)], capture_output=True, text=True, timeout=CALL_MAX_S
    )


def templated(*words: str) -> list[dict[str, Any]]:
    done = run_helm("template", "lw", CHART, "--namespace", "lending", *words)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def of_kind(found: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (one,) = [one for one in found if one["kind"] == kind]
    return one


def test_the_chart_is_linted_without_a_word() -> None:
    done = run_helm("lint", "--strict", "--quiet", CHART, *SCALED, *POLICY, *LEARNING)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "words", [[], SCALED, POLICY, LEARNING], ids=["plain", "scaled", "policy", "learning"]
)
def test_every_resource_passes_its_schema_strictly(words: list[str]) -> None:
    kinds = set()
    for one in templated(*words):
        kinds.add(one["kind"])
        if one["kind"] in SCHEMAS:
            jsonschema.validate(one, SCHEMAS[one["kind"]])
        else:
            for version in KUBERNETES:
                kubernetes_validate.validate(one, version, strict=True)
    assert {"StatefulSet", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor", "PrometheusRule",
            "ServiceAccount", "Service"} <= kinds  # fmt: skip
    assert ("ScaledObject" in kinds) == (words == SCALED)
    assert ("ConfigMap" in kinds) == (words == POLICY)


def test_a_schema_refuses_what_it_does_not_know() -> None:
    one = of_kind(templated(*SCALED), "ScaledObject")
    one["spec"]["coolDown"] = 5
    with pytest.raises(jsonschema.ValidationError, match="coolDown"):
        jsonschema.validate(one, SCHEMAS["ScaledObject"])
    one = of_kind(templated(), "StatefulSet")
    one["spec"]["template"]["spec"]["containers"][0]["readonly"] = True
    with pytest.raises(kubernetes_validate.ValidationError, match="readonly"):
        kubernetes_validate.validate(one, KUBERNETES[1], strict=True)


def test_a_worker_has_a_stable_name_no_rights_and_a_root_that_it_cannot_write() -> None:
    workers = of_kind(templated(), "StatefulSet")["spec"]["template"]["spec"]
    (worker,) = workers["containers"]
    assert workers["securityContext"]["runAsNonRoot"] is True
    assert workers["automountServiceAccountToken"] is False
    for one in (*workers["initContainers"], worker):
        confined = one["securityContext"]
        assert confined["readOnlyRootFilesystem"] and not confined["allowPrivilegeEscalation"]
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert one["resources"]["requests"] and one["resources"]["limits"]["memory"]
    said = {one["name"]: one for one in worker["env"]}
    named = said["LENDWATCH_INSTANCE_ID"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert named == "metadata.name"
    assert not [name for name in said if "PASSWORD" in name and not name.endswith("_FILE")]
    paths = [
        worker[f"{one}Probe"]["httpGet"]["path"] for one in ("startup", "liveness", "readiness")
    ]
    assert paths == ["/healthz", "/livez", "/readyz"]


def test_the_learner_is_one_pod_beside_workers_that_follow_it_under_a_user_of_its_own() -> None:
    sets = [one for one in templated(*LEARNING) if one["kind"] == "StatefulSet"]
    learner, workers = sorted(sets, key=lambda one: one["spec"]["replicas"])
    assert learner["spec"]["replicas"] == 1
    pods = [one["spec"]["template"] for one in (learner, workers)]
    one, other = (pod["metadata"]["labels"] for pod in pods)
    selected = [each["spec"]["selector"]["matchLabels"].items() for each in (learner, workers)]
    assert selected[0] <= one.items() and selected[1] <= other.items()
    assert not selected[1] <= one.items() and not selected[0] <= other.items()
    learns, follows = (pod["spec"]["containers"][0]["args"] for pod in pods)
    assert parser().parse_args(learns) and learns[0] == "learn"
    assert parser().parse_args(follows).models == "learn"
    (plain,) = [one for one in templated() if one["kind"] == "StatefulSet"]
    args = plain["spec"]["template"]["spec"]["containers"][0]["args"]
    assert parser().parse_args(args).models == "none"
    users = [{each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
             ["LENDWATCH_SASL_USERNAME"] for pod in pods]  # fmt: skip
    assert users == ["lendwatch-learner", "lendwatch"]


def test_the_rules_of_the_chart_are_those_that_are_tested() -> None:
    groups = of_kind(templated(), "PrometheusRule")["spec"]["groups"]
    ours = [group for path in sorted(RULES.glob("*.yaml")) for group in loaded(path)["groups"]]
    assert groups == ours


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "replicas=49"], "replicas is above partitions"),
        (["--set", "autoscaling.enabled=true,autoscaling.maxReplicas=50"], "maxReplicas is above"),
        (["--set", "kafka.bootstrap=kafka"], "bootstrap"),
        (["--set", "kafka.passwort=x"], "passwort"),
        (["--set", "kafka.sessionTimeoutMs=5000"], "sessionTimeoutMs"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_by_name(words: list[str], told: str) -> None:
    done = run_helm("template", "lw", CHART, *words)
    assert done.returncode != 0 and told in done.stderr


def test_strimzis_resources_are_what_the_plan_and_the_rights_make() -> None:
    made = resources("kafka", "lendwatch", "lendwatch", 48, 3)
    assert (DEPLOY / "kafka/strimzi.yaml").read_text("utf-8") == written(made)
    for one in made:
        jsonschema.validate(one, SCHEMAS[one["kind"]])
        assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", one["metadata"]["name"])
    topics = {one["spec"]["topicName"]: one["spec"] for one in made if one["kind"] == "KafkaTopic"}
    plan = planned(TopicNames(), 48, 3)
    assert list(topics) == [topic.name for topic in plan]
    assert all(topics[one.name]["config"] == one.settings for one in plan)


def test_the_rights_are_those_of_named_topics_and_change_nothing_of_the_cluster() -> None:
    names, allowed = TopicNames(), {"Read", "Write", "Describe"}
    of_learner = learner_rights(names, "lendwatch")
    for right in (*service_rights(names, "lendwatch"), *source_rights(names), *of_learner):
        assert right.is_prefix == (right.kind != "topic"), right
        assert right.operations and set(right.operations) <= allowed, right
    asked = {right.name for right in service_rights(names, "lendwatch") if right.kind == "topic"}
    assert asked == {topic.name for topic in planned(names, 1, 1)}
    reads = {right.name for right in service_rights(names, "x") if "Read" in right.operations}
    assert not reads & {names.alert, names.decision, names.dead_letter}
    used = {right.name for right in of_learner if right.operations != ("Describe",)}
    inner = {names.internal(name) for name in ("features", "weights", "learner-state")}
    assert used == {*inner, "lendwatch-learner"}


def test_the_compose_file_keeps_its_schema_and_mounts_what_is_there() -> None:
    found = importlib.util.find_spec("check_jsonschema")
    assert found is not None and found.origin is not None
    path = Path(found.origin).parent / "builtin_schemas/vendor/compose-spec.json"
    schema = orjson.loads(path.read_bytes())
    compose = loaded(DEPLOY / "compose.yaml")
    jsonschema.validators.validator_for(schema)(schema).validate(compose)
    for name, service in compose["services"].items():
        if service.get("image") == "lendwatch":
            words = service.get("command") or ["run"]
            parser().parse_args(words)
            assert name != "world" or words[-len(WORLD) :] == list(WORLD)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
            else:
                assert source in compose["volumes"]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "development stays on this machine"


def test_the_image_is_linted_runs_as_nobody_and_copies_what_is_there() -> None:
    path = DEPLOY / "Dockerfile"
    called("hadolint", path)
    text = path.read_text("utf-8")
    assert "USER 10001:10001" in text and "--require-hashes" in text
    (code,) = re.findall(r'python -c "(.*?)"\n', text, re.S)
    subprocess.run([sys.executable, "-c", code.replace("\\\n", "")], check=True, cwd=DEPLOY.parent)
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M):
        for name in line.split():
            assert (DEPLOY.parent / name).exists(), name
