"""Contextual bandits, as far as a rule's own weights go.

Choosing weights by a subject's context is not offered here: a rule whose bandit has
contexts is passed over, as it is by an SDK that has never heard of bandits. One
without contexts is an experiment by its own weights, and says so in its result.
"""

from experiments.assignment.language.reading import (
    Source,
    Unreadable,
    mapping,
    sequence,
    text,
)

NO_LEAF = -1


def marginal(rule: Source, bandits: Source) -> Source | None:
    """What a result reports about the bandit; None where it is not known.

    Raises:
        Unreadable: The bandit has contexts, or a shape that nobody knows.
    """
    reference = rule.get("contextualBanditRef")
    published = None if reference is None else bandits.get(text(reference))
    if published is None:
        return None
    bandit = mapping(published)
    if sequence(bandit.get("contexts") or ()):
        raise Unreadable("Contexts are not evaluated.")
    reported = {"leafId": NO_LEAF, "variationWeights": rule.get("weights")}
    version = bandit.get("banditVersion")
    return reported if version is None else {**reported, "banditVersion": version}
