"""The raw output of a network for rows of any number, in blocks.

Knows nothing about tables, losses or what the output means.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._numerics import Team, one_blas_thread, threads_granted
from .network import Network, Workspace

__all__ = ["forward"]

BLOCK = 2**21  # numbers in a block's rows and its working memory: they then fit into the cache, or nearly
MIN_WORK = 2**29  # multiplications: a few milliseconds; below, threads cost more than they gain
FEW_ROWS = 64  # blocks up to this size get a workspace that is kept with the network


def forward(network: Network, x: Any, n_jobs: int | None = 1) -> np.ndarray:
    """The raw output for all rows.

    May be called from many threads at once: a workspace is taken by one of them at a time. The blocks do not depend on
    the number of threads, and so neither do the bits; BLAS is held to one thread, as its own threads take several times
    as long for blocks of this size.

    Parameters
    ----------
    network : Network
        What is run.
    x : ndarray, CSR array, Columns or LazyRows of shape (n, d)
        Encoded inputs.
    n_jobs : int or None, default=1
        Threads that share out the blocks, as in scikit-learn.

    Returns
    -------
    ndarray of shape (n, ..., n_out)
        New memory.
    """
    n = x.shape[0]
    if n <= FEW_ROWS:
        work = _take(network)
        raw = work.forward(x[:n]).copy()
        network.idle.append(work)
        return raw
    with one_blas_thread():
        work = Workspace(network)
        first = work.forward(x[:FEW_ROWS])
        out = np.empty((n, *first.shape[1:]), first.dtype)
        out[:FEW_ROWS] = first
        step = max(1, BLOCK // (FEW_ROWS * x.shape[1] + work.memory.size)) * FEW_ROWS
        starts = range(FEW_ROWS, n, step)
        n_threads = 1
        if n * network.n_weights >= MIN_WORK:
            n_threads = min(len(starts), threads_granted(n_jobs))

        def share(i: int) -> None:
            mine = work if i == 0 else Workspace(network)
            for start in starts[i::n_threads]:
                out[start : start + step] = mine.forward(x[start : start + step])

        if n_threads == 1:
            share(0)
        else:
            with Team(n_threads) as team:
                team.run(share)
    return out


def _take(network: Network) -> Workspace:
    """A workspace that nobody uses, for the values as they lie now."""
    while network.idle:
        try:
            work = network.idle.pop()
        except IndexError:  # another thread took it
            break
        if work.values is network.values:
            return work
    return Workspace(network)
