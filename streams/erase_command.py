"""`lendwatch erase`: what the service remembers of accounts, taken away everywhere."""

from __future__ import annotations

import argparse
import json

from detector.events import ID_MAX_CHARS
from streams import settings
from streams.faults import Fault
from streams.plain_text import plain
from streams.send_command import partitions_of
from streams.sending import Sender
from streams.topics import TopicNames

CONTENT = b"erase"  # no event: what is told is the key


def run(arguments: argparse.Namespace) -> int:
    """The command: asks the service; it obeys when it comes to the record, as with any event."""
    for account in arguments.accounts:
        if not 1 <= len(account) <= ID_MAX_CHARS:
            raise Fault(
                f"{plain(account[:40])!r}: an account id has 1 to {ID_MAX_CHARS} characters"
            )
    kafka = settings.kafka(arguments.bootstrap, arguments.insecure_dev)
    topic = TopicNames(kafka.topic_prefix).internal("erasures")
    sender = Sender(kafka, partitions_of(kafka, (topic,)))
    for account in arguments.accounts:
        sender.send(topic, account.encode(), CONTENT)
    sender.finish()
    count = len(arguments.accounts)
    if arguments.json:
        print(json.dumps({"asked": count}))
    else:
        print(f"{count} asked: their state goes with the next transaction of its partition")
        print("inputs, alerts and decisions keep what they hold until their retention is over")
    return 0
