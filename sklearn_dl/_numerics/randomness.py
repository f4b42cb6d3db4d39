"""Random generators from a seed, a purpose and a position; no generator outlives an epoch.

Knows nothing about networks: a purpose is a number, so the same seed never serves two purposes with the same bits.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["Purpose", "generator"]


class Purpose(IntEnum):
    """What random numbers are drawn for."""

    INIT = 0
    ORDER = 1
    DROPOUT = 2
    VALIDATION = 3
    SAMPLE = 4
    FOLDS = 5
    SHARDS = 6


def generator(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """A generator that depends on nothing but its arguments.

    Parameters
    ----------
    seed : int
        The training's seed.
    purpose : Purpose
        What the numbers are for.
    *position : int
        Where they are needed: epoch, layer, block of rows.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> a, b = (generator(7, Purpose.ORDER, 3) for _ in range(2))
    >>> bool((a.permutation(5) == b.permutation(5)).all())
    True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(purpose), *position))
    return np.random.Generator(np.random.PCG64(sequence))
