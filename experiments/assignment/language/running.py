"""Running an experiment: the steps, in the order that every SDK takes them."""

from typing import Any

from experiments.assignment.language.addresses import (
    below_host,
    query_string_override,
    targeted,
)
from experiments.assignment.language.evaluation import Evaluation, Identity, identified
from experiments.assignment.language.experiments import Admission, Experiment, index
from experiments.assignment.language.prerequisites import Evaluate, Verdict, verdict
from experiments.assignment.language.results import ExperimentResult, Exposure
from experiments.assignment.language.slices import in_namespace
from experiments.assignment.language.sticky import (
    Kept,
    assignment_key,
    kept,
    remember,
)
from experiments.assignment.ranges import choose

OUT = -1


class Run:
    """One subject meets one experiment."""

    def __init__(
        self,
        experiment: Experiment,
        evaluation: Evaluation,
        evaluate: Evaluate,
        feature: str | None,
    ) -> None:
        self.experiment = experiment
        self.evaluation = evaluation
        self._evaluate = evaluate
        self._feature = feature
        self._sticky = evaluation.sticky and experiment.sticky
        hashing = experiment.hashing
        self.identity: Identity = identified(
            evaluation.attributes,
            hashing.attribute,
            hashing.fallback if self._sticky else None,
        )

    def result(self) -> ExperimentResult:
        """The variation, tracked and remembered where it was hashed."""
        experiment, context = self.experiment, self.evaluation.context
        if len(experiment.variations) < 2 or not context.enabled:
            return self._answer(OUT)
        places = experiment.places
        if places.targets is not None and not targeted(places.targets, context.url):
            return self._answer(OUT)
        chosen = self._requested()
        if chosen is not None:
            return self._answer(chosen)
        if experiment.draft or self.identity.text is None:
            return self._answer(OUT)
        return self._hashed(self.identity.text)

    def _requested(self) -> int | None:
        """What the address or the context asks for, whoever the subject is."""
        key, context = self.experiment.key, self.evaluation.context
        variations = len(self.experiment.variations)
        asked = query_string_override(key, context.url, variations)
        if asked is None and key in context.forced_variations:
            forced = index(context.forced_variations[key])
            return OUT if forced is None else forced
        return asked

    def _hashed(self, value: str) -> ExperimentResult:
        known = self._kept()
        chosen, was_kept = known.variation, known.variation is not None
        if not (was_kept or self._admits(value)) or not self._at_place():
            return self._answer(OUT)
        position = self.experiment.hashing.position(value)
        if position is not None and known.blocked:
            return self._answer(OUT, sticky=True)
        if position is not None and not was_kept:
            chosen = choose(position, self.experiment.ranges)
        exists = chosen is not None and chosen < len(self.experiment.variations)
        if position is None or chosen is None or not exists:
            return self._answer(OUT)
        return self._settled(chosen, position, sticky=was_kept)

    def _settled(
        self, chosen: int, position: float, *, sticky: bool
    ) -> ExperimentResult:
        experiment = self.experiment
        if experiment.forced:
            forced = experiment.forced[0]
            return self._answer(OUT if forced is None else forced)
        if self.evaluation.context.qa_mode or experiment.stopped:
            return self._answer(OUT)
        return self._recorded(self._answer(chosen, position, sticky=sticky))

    def _kept(self) -> Kept:
        if not self._sticky:
            return Kept()
        experiment = self.experiment
        return kept(
            self.evaluation,
            experiment.key,
            experiment.versions,
            experiment.hashing.attributes,
            [described.get("key") for described in experiment.meta],
        )

    def _admits(self, value: str) -> bool:
        rules, evaluation = self.experiment.admission, self.evaluation
        attributes = evaluation.attributes
        if rules.filters is not None:
            inside = all(each.passes(attributes) for each in rules.filters)
        else:
            inside = rules.namespace is None or in_namespace(value, rules.namespace)
        return (
            inside
            and _included(rules)
            and (rules.condition is None or rules.condition.holds(attributes))
            and verdict(rules.parents, evaluation, self._evaluate) is Verdict.PASSED
            and self._in_groups(rules)
        )

    def _in_groups(self, rules: Admission) -> bool:
        held = self.evaluation.context.groups
        return rules.groups is None or any(held.get(each) for each in rules.groups)

    def _at_place(self) -> bool:
        matches, url = self.experiment.places.expression, self.evaluation.context.url
        if matches is None:
            return True
        return bool(url) and (matches(url) or matches(below_host(url)))

    def _answer(
        self, variation: int, position: float | None = None, *, sticky: bool = False
    ) -> ExperimentResult:
        """The result; a variation that does not exist is the first, and out."""
        experiment = self.experiment
        inside = 0 <= variation < len(experiment.variations)
        chosen = variation if inside else 0
        described = experiment.described(chosen)
        title: Any = described.get("name")
        return ExperimentResult(
            key=str(described.get("key") or chosen),
            variation_id=chosen,
            value=experiment.variations[chosen] if experiment.variations else None,
            in_experiment=inside,
            hash_used=position is not None,
            hash_attribute=self.identity.attribute,
            hash_value=self.identity.value,
            feature_id=self._feature,
            bucket=position,
            name=title if isinstance(title, str) and title else None,
            passthrough=bool(described.get("passthrough")),
            sticky_bucket_used=sticky,
            bandit=None if position is None else experiment.bandit,
        )

    def _recorded(self, answer: ExperimentResult) -> ExperimentResult:
        experiment = self.experiment
        if self._sticky:
            stored = assignment_key(experiment.key, experiment.versions.current)
            remember(self.evaluation, self.identity, stored, answer.key)
        exposure = Exposure(experiment.source, answer.to_json())
        self.evaluation.exposures.append(exposure)
        return answer


def _included(rules: Admission) -> bool:
    """A check that a program hands over; one that fails includes nobody."""
    if rules.include is None:
        return True
    try:
        return bool(rules.include())
    except Exception:
        return False
