"""What the operators' own resources may hold, as far as we use them: nothing else passes.

Kubernetes' own kinds are checked by its published schemas. These are the fields of Strimzi (v1), of
the Prometheus operator (v1) and of KEDA (v1alpha1) that the chart writes, each with its type, after
their published resource definitions.
"""

from __future__ import annotations

from typing import Any


def holding(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object of these fields and no others."""
    return {
        "type": "object", "additionalProperties": False, "required": list(required),
        "properties": {**required, **(optional or {})},
    }  # fmt: skip


def each(item: dict[str, Any]) -> dict[str, Any]:
    """A list that is not empty."""
    return {"type": "array", "items": item, "minItems": 1}


def one_of(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 1}
SPAN: dict[str, Any] = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}
METADATA = holding({"name": TEXT}, {"labels": TEXTS, "annotations": TEXTS, "namespace": TEXT})


def resource(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return holding(
        {"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": METADATA,
         "spec": spec}
    )  # fmt: skip


OPERATIONS = one_of(
    "Read", "Write", "Create", "Delete", "Alter", "Describe", "ClusterAction", "AlterConfigs",
    "DescribeConfigs", "IdempotentWrite", "All",
)  # fmt: skip
ACL = holding(
    {
        "resource": holding(
            {"type": one_of("topic", "group", "cluster", "transactionalId")},
            {"name": TEXT, "patternType": one_of("literal", "prefix")},
        ),
        "operations": each(OPERATIONS),
    },
    {"type": one_of("allow", "deny"), "host": TEXT},
)
RULE = holding(
    {"expr": TEXT}, {"alert": TEXT, "record": TEXT, "for": SPAN, "labels": TEXTS,
                     "annotations": TEXTS}
)  # fmt: skip
ENDPOINT = holding(
    {"port": TEXT},
    {
        "interval": SPAN,
        "path": TEXT,
        "relabelings": each(
            holding(
                {"action": one_of("replace", "keep", "drop"), "targetLabel": TEXT},
                {"replacement": TEXT, "sourceLabels": each(TEXT), "regex": TEXT},
            )
        ),
    },
)
TRIGGER = holding(
    {"type": {"const": "kafka"}, "metadata": TEXTS}, {"authenticationRef": holding({"name": TEXT})}
)
SELECTOR = holding({"matchLabels": TEXTS})
SCHEMAS: dict[str, dict[str, Any]] = {
    "KafkaTopic": resource(
        "kafka.strimzi.io/v1",
        "KafkaTopic",
        holding({"topicName": TEXT, "partitions": COUNT, "replicas": COUNT, "config": TEXTS}),
    ),
    "KafkaUser": resource(
        "kafka.strimzi.io/v1",
        "KafkaUser",
        holding(
            {
                "authentication": holding({"type": one_of("tls", "tls-external", "scram-sha-512")}),
                "authorization": holding({"type": {"const": "simple"}, "acls": each(ACL)}),
            }
        ),
    ),
    "PodMonitor": resource(
        "monitoring.coreos.com/v1",
        "PodMonitor",
        holding({"selector": SELECTOR, "podMetricsEndpoints": each(ENDPOINT)}),
    ),
    "PrometheusRule": resource(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        holding({"groups": each(holding({"name": TEXT, "rules": each(RULE)}, {"interval": SPAN}))}),
    ),
    "ScaledObject": resource(
        "keda.sh/v1alpha1",
        "ScaledObject",
        holding(
            {
                "scaleTargetRef": holding({"name": TEXT}, {"apiVersion": TEXT, "kind": TEXT}),
                "triggers": each(TRIGGER),
            },
            {
                "minReplicaCount": COUNT,
                "maxReplicaCount": COUNT,
                "pollingInterval": COUNT,
                "cooldownPeriod": COUNT,
                "advanced": holding(
                    {"horizontalPodAutoscalerConfig": holding({"behavior": {"type": "object"}})}
                ),
            },
        ),
    ),
}
