"""Few accounts, judged by dealing them to the arms anew."""

import math
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from experiments.statistics.clusters import Accounts, bell_mccaffrey
from experiments.statistics.differences import Difference, Method
from experiments.statistics.permutation import Permuted, permute_accounts

FEW_ACCOUNTS = 40
"""Accounts in an arm below which they are dealt anew."""

FEWEST_ACCOUNTS = 10
"""Accounts that each arm needs even then."""

DEALS = 10_000
SEED = 1
"""Equal accounts give equal answers, whoever asks and whenever."""

Column = tuple[float, ...]
Held = tuple[Column, Column]
"""Totals and sizes of one arm's accounts, in order of size and total.

Whose accounts they are does not matter: an erased id leaves the answer as it is.
"""


def held(accounts: Accounts) -> Held:
    """An arm's accounts as a look keeps them."""
    order = np.lexsort((accounts.totals, accounts.sizes))
    return (
        tuple(float(total) for total in accounts.totals[order]),
        tuple(float(size) for size in accounts.sizes[order]),
    )


def accounts_of(kept: Held) -> Accounts:
    """The accounts that a look kept."""
    return Accounts(np.array(kept[0]), np.array(kept[1]))


def dealt(control: Held, treatment: Held, *, confidence: float) -> Difference:
    """The difference, with the interval and the test of all deals.

    Its standard error is that of `bell_mccaffrey`; statistic and critical value are the
    normal ones that are as rare as the deal that happened, and as the confidence.

    Raises:
        StatisticsError: The accounts do not differ, or are too few for the confidence.
    """
    plain = bell_mccaffrey(
        accounts_of(control), accounts_of(treatment), confidence=confidence
    )
    # Drawn in one order of the arms, so that swapping them swaps the sign alone.
    swapped = treatment < control
    first, second = (treatment, control) if swapped else (control, treatment)
    found = _permuted(first, second, confidence)
    low, high = (-found.high, -found.low) if swapped else (found.low, found.high)
    # The rarest deal that an interval can be drawn at, so that both say the same.
    p_value = min(max(found.p_value, 2.0 / found.draws), 1.0)
    return Difference(
        method=Method.PERMUTATION,
        value=plain.value,
        standard_error=plain.standard_error,
        statistic=math.copysign(-float(ndtri(p_value / 2.0)), plain.value),
        degrees=None,
        critical=-float(ndtri((1.0 - confidence) / 2.0)),
        low=low,
        high=high,
        confidence=confidence,
        p_value=p_value,
        log_p_value=math.log(p_value),
    )


@lru_cache(maxsize=128)
def _permuted(first: Held, second: Held, confidence: float) -> Permuted:
    return permute_accounts(
        accounts_of(first),
        accounts_of(second),
        confidence=confidence,
        draws=DEALS,
        seed=SEED,
    )
