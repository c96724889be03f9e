"""Who has our name in a stage's group: what a fenced producer has to know before it gives up.

A producer is refused by the same word (InvalidProducerEpoch) whether another process took its name
or the broker itself ended a transaction that was open for too long, as it does when a coordinator
was away. A process that took our name joins our group next, under it; the broker does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka_settings import KafkaSettings
from streams.service.journal import LIBRARY

JOIN_MAX_S: Final = 10.0  # from a worker's first producer to its place in a group, and much more
ASK_MAX_S, ASK_EVERY_S = 5.0, 0.2
UNANSWERED_MAX_S: Final = 60.0


def is_replaced(
    settings: KafkaSettings, stage: str, member_id: str, wait: Callable[[float], bool]
) -> bool:
    """Whether another process has our name, or takes it within some seconds.

    `wait`: waits so many seconds, and says whether this process shall end.

    Raises:
        KafkaException: the broker does not say who is in the group.
    """
    if settings.instance_id is None:
        return False  # a name of chance: nobody else has it
    admin = AdminClient(settings.confluent() | {"logger": LIBRARY})
    began_s, heard_s = time.monotonic(), None
    while heard_s is None or time.monotonic() - heard_s < JOIN_MAX_S:
        try:
            holders = _holders(admin, settings.group_id(stage), settings.instance_id)
        except KafkaException:
            if time.monotonic() - began_s > UNANSWERED_MAX_S:
                raise
        else:
            heard_s = heard_s or time.monotonic()
            if holders - {member_id}:
                return True
        if wait(ASK_EVERY_S):
            return False
    return False


def _holders(admin: AdminClient, group: str, name: str) -> set[str]:
    """The members of a group that bear a name."""
    asked = admin.describe_consumer_groups([group], request_timeout=ASK_MAX_S)[group]
    return {one.member_id for one in asked.result().members if one.group_instance_id == name}
