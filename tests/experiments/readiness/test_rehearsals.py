"""Rehearsals by the real hash: a sound split holds, a broken test is found."""

import numpy as np
import pytest

from experiments.readiness.clustering import clusters_seen
from experiments.readiness.rehearsals import (
    linearised,
    rehearse_split,
    replay_nulls,
)

IDS = [f"user-{number:05}" for number in range(2_000)]


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.1, 0.9), (0.2, 0.3, 0.5)])
def test_real_ids_split_as_promised(weights: tuple[float, ...]) -> None:
    rehearsal = rehearse_split(IDS, weights, name="short-form", experiments=300)
    assert rehearsal.holds
    assert rehearsal.alarms <= 0.01
    assert rehearsal.shares == pytest.approx(weights, abs=0.01)


def test_ids_that_are_one_and_the_same_do_not_split() -> None:
    rehearsal = rehearse_split(
        ["nobody"] * 2_000, (0.5, 0.5), name="short-form", experiments=100
    )
    assert not rehearsal.holds
    assert rehearsal.alarms == 1.0


def test_a_rehearsal_is_the_same_each_time() -> None:
    first = rehearse_split(IDS, (0.5, 0.5), name="x", experiments=50)
    assert first == rehearse_split(IDS, (0.5, 0.5), name="x", experiments=50)
    assert first != rehearse_split(IDS, (0.5, 0.5), name="y", experiments=50)


def test_few_ids_are_not_rehearsed() -> None:
    with pytest.raises(ValueError, match="1,000 ids"):
        rehearse_split(IDS[:999], (0.5, 0.5), name="x")


@pytest.mark.parametrize("kind", ["shares", "amounts"])
def test_shuffles_find_nothing_as_often_as_they_should(kind: str) -> None:
    draws = np.random.default_rng(7)
    values = (
        (draws.random(2_000) < 0.1).astype(float)
        if kind == "shares"
        else draws.lognormal(0.0, 1.0, 2_000)
    )
    replay = replay_nulls(IDS, values, weights=(0.5, 0.5), alpha=0.05, name="0")
    assert replay.shuffles == 500
    assert replay.tolerance == pytest.approx(0.0191, abs=1e-4)
    assert replay.holds
    assert not replay.misleads


def test_one_whale_is_found_by_the_replay() -> None:
    values = np.zeros(2_000)
    values[0] = 1e9
    replay = replay_nulls(IDS, values, weights=(0.5, 0.5), alpha=0.05, name="x")
    assert replay.false_positives < 0.05 - replay.tolerance
    assert not replay.holds


def test_values_that_are_all_alike_are_not_replayed() -> None:
    with pytest.raises(ValueError, match="vary"):
        replay_nulls(IDS, np.ones(2_000), weights=(0.5, 0.5), alpha=0.05, name="x")


def test_a_linearised_ratio_has_no_mean_and_the_ratios_spread() -> None:
    y, d = np.array([1, 2, 3]), np.array([2, 2, 2])
    assert linearised(y, d) == pytest.approx([-0.5, 0.0, 0.5])
    with pytest.raises(ValueError, match="denominators"):
        linearised(y, np.zeros(3))


def test_users_that_are_all_alike_in_an_account_correlate_fully() -> None:
    accounts = {unit: unit[:8] for unit in IDS}
    values = np.array([float(hash_of(accounts[unit])) for unit in IDS])
    found = clusters_seen(IDS, values, accounts)
    assert found is not None
    assert (found.size, found.variation) == (100.0, 0.0)
    assert found.correlation == pytest.approx(1.0)


def test_users_that_differ_as_much_inside_as_between_do_not_correlate() -> None:
    accounts = {unit: unit[:9] for unit in IDS}
    values = np.random.default_rng(3).normal(size=2_000)
    found = clusters_seen(IDS, values, accounts)
    assert found is not None
    assert found.correlation < 0.05


def test_a_planted_correlation_is_read_back() -> None:
    draws = np.random.default_rng(5)
    accounts = {unit: unit[:9] for unit in IDS}
    shared = {account: draws.normal() for account in sorted(set(accounts.values()))}
    values = np.array(
        [shared[accounts[unit]] * 0.5 + draws.normal() * 0.75**0.5 for unit in IDS]
    )
    found = clusters_seen(IDS, values, accounts)
    assert found is not None
    assert found.correlation == pytest.approx(0.25, abs=0.07)


def test_nobody_knows_the_correlation_of_few_accounts() -> None:
    assert clusters_seen(IDS, np.ones(2_000), {IDS[0]: "a"}) is None


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    return sum(text.encode())
