"""A learner's memory as plain numbers, and a learner made again from them: it goes on as if it had
never stopped, to the bit. Only what cannot be worked out from the rest is told."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from detector.models.blend import PARTS, BlendLearner, BlendWeights
from detector.models.contest import Contest, Entrant
from detector.models.deviations import DeviationLearner, DeviationWeights
from detector.models.examples import UNKNOWN, Example, Examples, places_of
from detector.models.follower import Follower
from detector.models.forest import Forest, ForestWeights
from detector.models.learner import Learner
from detector.models.lessons import Told, told_of


class KeptExample(msgspec.Struct, array_like=True):
    """An example and what is known of it."""

    told: Told
    label: int
    was_silent: bool
    number: int


class KeptExamples(msgspec.Struct, array_like=True):
    """Examples of one question. The first `known` of them are known still; `ready`: places of those
    whose label became known and was not learnt yet."""

    examples: list[KeptExample]
    known: int
    ready: list[int]
    settled: list[tuple[int, int]]
    hours: list[tuple[int, list[int]]]
    pending_rate: float
    rates: list[float]
    learnt: int
    seen: list[int]


class KeptBlend(msgspec.Struct, array_like=True):
    """The blend as it is learnt: its intercept among what it is taught, sampled as that is."""

    weights: BlendWeights
    sampled: float


class KeptEntrant(msgspec.Struct, array_like=True):
    """A forest in a contest, as Entrant has it."""

    weights: ForestWeights
    correction: float
    learnt: int


class KeptLearner(msgspec.Struct, array_like=True):
    """All that a learner and its follower know."""

    examples: KeptExamples
    blend: KeptBlend
    deviations: DeviationWeights | None
    of_hour: list[tuple[int, bytes]]  # by account, in order: inputs, float32
    fitted_at: int
    fitted_ms: int
    number: int
    champion: KeptEntrant | None
    challenger: KeptEntrant | None
    hour: int


def kept_of(follower: Follower) -> KeptLearner:
    """What a learner knows, by its follower."""
    learner = follower.learner
    assert learner is not None, "a follower of a record learns nothing"
    deviations = learner._deviations
    return KeptLearner(
        _kept_examples(learner.examples),
        _kept_blend(learner._blend),
        None if deviations is None else deviations.weights(),
        [(account, row.astype("<f4").tobytes()) for account, row in learner._of_hour.items()],
        learner._fitted_at,
        learner._fitted_ms,
        learner._number,
        _kept_entrant(learner.contest.champion),
        _kept_entrant(learner.contest.challenger),
        follower._hour,
    )


def take_up(follower: Follower, kept: KeptLearner) -> None:
    """Make a fresh follower's learner what was kept. ValueError if it is of other inputs."""
    learner = follower.learner
    assert learner is not None, "a follower of a record learns nothing"
    _take_up_examples(learner.examples, kept.examples)
    learner._blend = BlendLearner(kept.blend.weights)
    learner._blend._sampled = kept.blend.sampled
    _take_up_parts(learner, kept)
    learner._fitted_at, learner._fitted_ms = kept.fitted_at, kept.fitted_ms
    learner._number = kept.number
    follower._hour = kept.hour


def _take_up_parts(learner: Learner, kept: KeptLearner) -> None:
    names = [one.name for one in learner.terms.inputs]
    if kept.deviations is not None:
        learner._deviations = DeviationLearner(names, kept.deviations)
    learner.contest = Contest(_entrant(kept.champion, names), _entrant(kept.challenger, names))
    learner._of_hour = {
        account: Told(0, 0, 0, inputs, None, False, 0, 0).example().inputs
        for account, inputs in kept.of_hour
    }


def _kept_entrant(entrant: Entrant | None) -> KeptEntrant | None:
    if entrant is None:
        return None
    return KeptEntrant(entrant.forest.weights, entrant.correction, entrant.learnt)


def _entrant(kept: KeptEntrant | None, names: Sequence[str]) -> Entrant | None:
    if kept is None:
        return None
    if kept.weights.inputs != names:
        raise ValueError("inputs: not those of these models; learn anew")
    return Entrant(Forest(kept.weights), kept.correction, kept.learnt)


def _kept_blend(blend: BlendLearner) -> KeptBlend:
    weights = blend._model.weights
    raw = [float(weights[name]) for name in PARTS]
    return KeptBlend(BlendWeights(blend.steps, float(blend._model.intercept), raw), blend._sampled)


def _kept_examples(examples: Examples) -> KeptExamples:
    objects = list(examples._known.values())
    known = len(objects)
    places = {id(one): place for place, one in enumerate(objects)}
    for one in examples._ready:  # it may have been let go since
        if id(one) not in places:
            places[id(one)] = len(objects)
            objects.append(one)
    return KeptExamples(
        [KeptExample(told_of(one), one.label, one.was_silent, one.number) for one in objects],
        known,
        [places[id(one)] for one in examples._ready],
        examples._settled,
        list(examples._hours.items()),
        examples._pending_rate,
        examples.rates,
        examples.learnt,
        examples.seen,
    )


def _take_up_examples(examples: Examples, kept: KeptExamples) -> None:
    objects = [_example(one, examples._width) for one in kept.examples]
    known = objects[: kept.known]
    examples._known = {one.key: one for one in known}
    examples._hours = {hour: list(keys) for hour, keys in kept.hours}
    examples._ready = [objects[place] for place in kept.ready]
    examples._settled = list(kept.settled)
    examples._pending = sum(one.label == UNKNOWN for one in known)
    _shelve(examples, known)
    examples._pending_rate, examples.rates = kept.pending_rate, list(kept.rates)
    examples.learnt, examples.seen = kept.learnt, list(kept.seen)


def _shelve(examples: Examples, known: Sequence[Example]) -> None:
    for one in known:
        if one.label != UNKNOWN:
            examples._kept[one.label][one.key] = one
            examples._taught.update(places_of(one))


def _example(kept: KeptExample, width: int) -> Example:
    example = kept.told.example()
    if len(example.inputs) != width:
        raise ValueError(f"inputs: {len(example.inputs)}, where {width} are read; learn anew")
    example.label, example.was_silent, example.number = kept.label, kept.was_silent, kept.number
    return example
