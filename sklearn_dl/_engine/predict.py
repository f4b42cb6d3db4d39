"""The raw output of a network, or what follows from it row by row, for rows of any number, in blocks.

Knows nothing about tables, losses or what the output means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

from .._numerics import Products, Team, float32_products, one_blas_thread, threads_granted
from .network import Network, Workspace

__all__ = ["FEW_ROWS", "Then", "forward", "joined"]

BLOCK = 2**20  # numbers in a block's rows and its working memory: they then fit into the cache, or nearly
AFTERWARDS = 4  # arrays of the size of the raw output that what follows from it takes, or so
MIN_WORK = 2**29  # multiplications: a few milliseconds; below, threads cost more than they gain
FEW_ROWS = 64  # blocks up to this size get a workspace that is kept with the network


Then = Callable[[np.ndarray], Any]  # from raw outputs to an array, or a tuple or list of arrays, of as many rows


def forward(
    network: Network,
    x: Any,
    n_jobs: int | None = 1,
    then: Then | None = None,
    products: Products | None = None,
) -> Any:
    """The raw output for all rows, or what follows from it.

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
    then : callable or None, default=None
        What is made of a block's raw output before the next one: that of all rows, in double precision and of all
        members, may be many times as large as the answer.
    products : Products or None, default=None
        How matrix products are computed; None for what the user's environment says. For few rows it is NumPy always.

    Returns
    -------
    ndarray of shape (n, ..., n_out)
        New memory; or what `then` gives, of all rows.
    """
    n = x.shape[0]
    if n <= FEW_ROWS:
        work = _take(network)
        raw = work.forward(x[:n])
        out = raw.copy() if then is None else then(raw.copy())
        network.idle.append(work)
        return out
    products = float32_products() if products is None else products
    with one_blas_thread():
        work = Workspace(network, products=products)
        answers = _Answers(n, then)
        raw = work.forward(x[:FEW_ROWS])
        answers.put(0, raw)
        size = FEW_ROWS * x.shape[1] + work.memory.size + AFTERWARDS * raw.size
        step = max(1, BLOCK // size) * FEW_ROWS
        starts = range(FEW_ROWS, n, step)
        n_threads = 1
        if n * network.n_weights >= MIN_WORK:
            n_threads = min(len(starts), threads_granted(n_jobs))

        def share(i: int) -> None:
            mine = work if i == 0 else Workspace(network, products=products)
            for start in starts[i::n_threads]:
                answers.put(start, mine.forward(x[start : start + step]))

        if n_threads == 1:
            share(0)
        else:
            with Team(n_threads) as team:
                team.run(share)
    return answers.all()


def joined(answers: list[Any]) -> Any:
    """What `then` gave for several sets of rows, as one answer of that kind.

    Parameters
    ----------
    answers : list of ndarray, or of tuples or lists of ndarray
        Rows on axis 0.

    Returns
    -------
    ndarray, tuple or list
    """
    first = answers[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(answers)
    return type(first)(np.concatenate(parts) for parts in zip(*answers, strict=True))


@final
class _Answers:
    """What is made of the raw output, block by block, in arrays of all rows."""

    def __init__(self, n: int, then: Then | None):
        self._n, self._then = n, then
        self._kind: type = np.ndarray
        self._out: list[np.ndarray] = []

    def put(self, start: int, raw: np.ndarray) -> None:
        """The first block makes the arrays."""
        answer = raw if self._then is None else self._then(raw)
        parts = [answer] if isinstance(answer, np.ndarray) else answer
        if not self._out:
            self._kind = type(answer)
            self._out = [np.empty((self._n, *part.shape[1:]), part.dtype) for part in parts]
        for whole, part in zip(self._out, parts, strict=True):
            whole[start : start + len(part)] = part

    def all(self) -> Any:
        """In the form that the blocks had."""
        return self._out[0] if self._kind is np.ndarray else self._kind(self._out)


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
