"""Compiled code, ready before the service joins its groups: no transaction waits for a compiler."""

from __future__ import annotations

import orjson

from detector.chain import Link
from detector.counted_blocks import Come, packed
from detector.counted_grouping import by_minute, together
from detector.decode import Decoder
from detector.events import TIME_MAX_MS
from detector.ids import Ids
from detector.link_models import LinkModels
from detector.link_state import LinkState
from detector.memory import STAGES
from detector.newest import kinds_of
from detector.parts import Parts
from detector.policy import Policy
from detector.rulebook import Rulebook
from streams.service.readers import word

_DAY_MS = 86_400_000
_DRAW = {
    "type": "disbursement", "account_id": "a", "session_id": "s", "device_id": "d",
    "ip": "192.0.2.1", "amount_minor": 100, "currency": "CNY", "payee_id": "p",
    "payee_owner": "other", "credit_limit_minor": 1000, "outstanding_minor": 0,
    "status": "requested",
}  # fmt: skip
_LOGIN = {
    "type": "login", "account_id": "a", "device_id": "d", "ip": "192.0.2.1", "outcome": "success",
    "method": "otp",
}  # fmt: skip


def warm(policy: Policy, rulebook: Rulebook, *, with_models: bool = False) -> None:
    """Take a few made-up events through all stages, and their states to records and back."""
    ids = Ids()
    parts = Parts(rulebook, policy, ids, with_models=with_models)
    decoder = Decoder(ids, TIME_MAX_MS)
    lines = []
    for at in range(3):
        told = {"event_id": f"l{at}", "occurred_at": _DAY_MS * (at + 1)}
        drawn = {"event_id": f"d{at}", "occurred_at": _DAY_MS * (at + 1) + 1,
                 "disbursement_id": f"x{at}"}  # fmt: skip
        lines += [orjson.dumps(_LOGIN | told), orjson.dumps(_DRAW | drawn)]
    control = parts.control_link()
    blocks: dict[str, list[bytes]] = {stage: [] for stage in STAGES}
    for stage in STAGES:
        link = Link(stage, parts)
        state = LinkState(link)
        if link.models is not None:
            _give_versions(link.models)
        if stage == STAGES[0]:
            outputs = link.take(decoder.decode(lines))
        else:
            outputs = link.take_onward(blocks[stage])
        if outputs.counted is not None:
            counts = by_minute(together([outputs.counted]))
            control.take([word(0) + packed(counts, {0: Come(link.clock_ms, False)})])
            control.advance(10 * _DAY_MS)
        for later in STAGES:
            parcels = [one for one in outputs.onward if one.stage == later]
            blocks[later] += [sent.value for sent in parts.postman.sent(later, parcels)]
        records = {key: value for key, value in state.changes() if value is not None}
        LinkState(Link(stage, parts)).restore(kinds_of(records))


def _give_versions(link: LinkModels) -> None:
    """Let models score by weights that say nothing: what scores is compiled then."""
    from detector.models.blend import FIRST, BlendWeights
    from detector.models.deviations import DIRECTIONS, DeviationWeights
    from detector.models.forest import ForestWeights
    from detector.models.learner import Version

    n = len(DIRECTIONS)
    nothing = DeviationWeights(1, [1] * n, [0.0] * n, [1.0] * n)
    for follower in (link.models.draws.follower, link.models.debits.follower):
        scorer = follower.scorer
        forest = ForestWeights(scorer.names, 0.0, [], [], [], [None] * len(scorer.names))
        is_of_draws = follower is link.models.draws.follower
        follower.take(
            Version(
                scorer.question, 1, 0, nothing if is_of_draws else None, forest,
                blend=BlendWeights(1, 0.0, list(FIRST)),
            )
        )  # fmt: skip
