"""The raw output of a network for rows of any number, in blocks.

Knows nothing about tables, losses or what the output means.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .network import Network, Workspace

__all__ = ["forward"]

BLOCK = 2**18  # numbers in the widest layer's output: some layers' arrays then fit into the cache
FEW_ROWS = 64  # blocks up to this size get a workspace that is kept with the network


def forward(network: Network, x: Any) -> np.ndarray:
    """The raw output for all rows.

    May be called from many threads at once: a workspace is taken by one of them at a time.

    Parameters
    ----------
    network : Network
        What is run.
    x : ndarray, CSR array or Columns of shape (n, d)
        Encoded inputs.

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
    widest = max(entry.shape[-1] for entry in network.entries())
    step = max(FEW_ROWS, BLOCK // widest)
    work = Workspace(network)
    first = work.forward(x[:step])
    if n <= step:
        return first
    out = np.empty((n, *first.shape[1:]), first.dtype)
    out[:step] = first
    for start in range(step, n, step):
        out[start : start + step] = work.forward(x[start : start + step])
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
