"""What "auto" stands for: one set of defaults for regression and one for classification, functions of the rows.

Knows nothing about data beyond the number of its rows; why each value is what it is stands in docs/defaults.md.
"""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np

from ..numeric_embeddings import Mixed
from ..solvers import LBFGS, AdamW, Solver

__all__ = [
    "SMALL",
    "base_rate",
    "batch_rows",
    "count_of",
    "precision_of",
    "rounds",
    "settle",
    "settle_solver",
    "settle_wide",
]

SMALL = 100  # rows: below, a plain network, as folds would be too small to judge by; from here on an ensemble
MEMBERS = 8
SIZES, SIZES_PLAIN = (128, 128), (100,)
ADAMW = {  # with several members; with one AdamW.auto
    "regression": {"beta_2": 0.95, "weight_decay": 0.5},
    "classification": {"beta_2": 0.95, "weight_decay": 0.1},
}
RATE = 0.006  # of AdamW, with several members; for layers of more than so many units as much less:
WIDEST = 192
EMBEDDING = Mixed()
DROPOUT = 0.1
EPOCHS_PLAIN = 200
EPOCHS = 3200  # divided by √n, but not fewer or more than ...
EPOCHS_LEAST, EPOCHS_MOST = 8, 64
FOLDS = 4
RATE_WIDE = 0.004  # of a wide sparse table; epochs as above
EPOCHS_WIDE, EPOCHS_WIDE_LEAST, EPOCHS_WIDE_MOST = 560, 4, 24
BATCH = ((1024, 64), (8192, 128), (30_000, 256), (100_000, 512), (math.inf, 1024))  # rows up to, rows a step
BATCH_MOST = 256  # of an ensemble: it fills a step with members, and larger batches only cost accuracy
FLOAT64_WORK = 2**22  # multiplications an epoch: below, double precision costs nothing that a user would notice
STOPPING_ROWS = 10_000  # as in HistGradientBoosting: below, rows are worth more for training than for validation


def settle(params: dict[str, Any], n_rows: int, most_folds: int = FOLDS) -> dict[str, Any]:
    """The parameters with a value in place of each "auto" that depends on the table or on other parameters.

    Parameters
    ----------
    params : dict
        What ``get_params(deep=False)`` gives, each value allowed.
    n_rows : int
        Rows to train on.
    most_folds : int, default=4
        Folds at most where their number is "auto": there are no more than groups of rows that belong together.

    Returns
    -------
    dict
        A new one; ``learning_rate_init`` may still be "auto", for `base_rate`, and so may settings of the solver, for
        `settle_solver`.
    """
    lbfgs = isinstance(params["solver"], LBFGS) or _is(params["solver"], "lbfgs")
    linear = not _is(params["hidden_layer_sizes"], "auto") and not _depth(params["hidden_layer_sizes"])
    plain = n_rows < SMALL or lbfgs or linear or callable(params["architecture"])
    members, folds = params["n_members"], params["n_folds"]
    if _is(members, "auto"):
        members = _for_each_fold(1 if plain else MEMBERS, folds)
    ensemble = members > 1
    epochs = round(min(EPOCHS_MOST, max(EPOCHS_LEAST, EPOCHS / math.sqrt(max(1, n_rows)))))
    auto: dict[str, Any] = {
        "n_members": members,
        "hidden_layer_sizes": SIZES if ensemble else SIZES_PLAIN,
        "numeric_embedding": EMBEDDING if ensemble else None,
        "dropout": DROPOUT if ensemble and not lbfgs and n_rows >= SMALL else 0.0,
        "solver": "adamw",
        "max_iter": epochs if ensemble and not lbfgs else EPOCHS_PLAIN,
        "n_folds": min(FOLDS, members, most_folds) if n_rows >= SMALL else 1,
        "early_stopping": not ensemble and n_rows > STOPPING_ROWS,
    }
    return params | {name: value for name, value in auto.items() if _is(params[name], "auto")}


def count_of(n_folds: Any) -> int:
    """How many folds there are.

    Parameters
    ----------
    n_folds : int or splitter
        The parameter, settled.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Where a splitter does not tell before it has seen the rows.
    """
    if isinstance(n_folds, Integral):
        return int(n_folds)
    try:
        return int(n_folds.get_n_splits())
    except (TypeError, ValueError) as error:
        raise ValueError(f"n_folds={n_folds!r} must say without rows how many folds it makes: {error}") from error


def settle_wide(params: dict[str, Any], n_rows: int) -> dict[str, Any]:
    """The parameters with what "auto" is for a wide sparse table, of words for one; what stays "auto" is as for others.

    Such a table is nearly linear, and learnt in a few passes at a high rate: a longer training only gets surer of the
    rows that it has seen.

    Parameters
    ----------
    params : dict
        What ``get_params(deep=False)`` gives, each value allowed.
    n_rows : int
        Rows to train on.

    Returns
    -------
    dict
        A new one.
    """
    lbfgs = isinstance(params["solver"], LBFGS) or _is(params["solver"], "lbfgs")
    linear = not _is(params["hidden_layer_sizes"], "auto") and not _depth(params["hidden_layer_sizes"])
    if lbfgs or linear or callable(params["architecture"]):
        return dict(params)
    folds, members = params["n_folds"], FOLDS if n_rows >= SMALL else 1
    if members > 1 and isinstance(folds, Integral):
        members = max(members, int(folds))
    auto: dict[str, Any] = {
        "n_members": _for_each_fold(members, folds),  # at least one, with a first layer of its own
        "hidden_layer_sizes": SIZES_PLAIN,
        "numeric_embedding": None,
        "dropout": 0.0,
        "solver": AdamW(**AdamW.auto),
        "learning_rate_init": RATE_WIDE,
        "max_iter": round(min(EPOCHS_WIDE_MOST, max(EPOCHS_WIDE_LEAST, EPOCHS_WIDE / math.sqrt(max(1, n_rows))))),
    }
    return params | {name: value for name, value in auto.items() if _is(params[name], "auto")}


def settle_solver(solver: Solver | LBFGS, task: str, n_members: int) -> Solver | LBFGS:
    """The solver with a value in place of each "auto" among its settings.

    Parameters
    ----------
    solver : Solver or LBFGS
        As the user gave it, or what a name stands for.
    task : {"regression", "classification"}
        Which of the two estimators it is for.
    n_members : int
        Members of the ensemble.

    Returns
    -------
    Solver or LBFGS
        The same one where nothing is "auto".
    """
    if not isinstance(solver, AdamW):
        return solver
    values = ADAMW[task] if n_members > 1 else AdamW.auto
    auto = {name: value for name, value in values.items() if _is(getattr(solver, name), "auto")}
    return AdamW(**(solver.get_params() | auto)) if auto else solver


def base_rate(solver: Solver | LBFGS, n_members: int, sizes: tuple[int, ...]) -> float:
    """What ``learning_rate_init="auto"`` stands for.

    Parameters
    ----------
    solver : Solver or LBFGS
        L-BFGS has no rate, which is 1.
    n_members : int
        Members of the ensemble.
    sizes : tuple of int
        Units of each hidden layer.

    Returns
    -------
    float
    """
    if isinstance(solver, LBFGS):
        return 1.0
    if isinstance(solver, AdamW) and n_members > 1:
        return min(RATE, RATE * WIDEST / max(sizes, default=1))
    return solver.learning_rate_init if sizes else solver.learning_rate_linear


def batch_rows(batch_size: int | str | None, n_rows: int, n_members: int) -> int:
    """Rows a step.

    Parameters
    ----------
    batch_size : int, "auto" or None
        The parameter; None is all rows.
    n_rows, n_members : int
        Rows to train on, and members of the ensemble.

    Returns
    -------
    int
    """
    if batch_size is None:
        return n_rows
    if not isinstance(batch_size, str):
        return int(batch_size)
    size = next(size for rows, size in BATCH if n_rows <= rows)
    return size if n_members == 1 else min(size, BATCH_MOST)


def precision_of(dtype: Any, solver: Solver | LBFGS, work: int) -> np.dtype:
    """Precision of the network's values.

    Parameters
    ----------
    dtype : "auto", str or type
        The parameter.
    solver : Solver or LBFGS
        L-BFGS needs double precision.
    work : int
        Rows times values of the network.

    Returns
    -------
    numpy.dtype
    """
    if rounds(dtype):
        return np.dtype(np.float32)  # of the weights; their products are rounded
    if not _is(dtype, "auto"):
        return np.dtype(dtype)
    return np.dtype(np.float64 if isinstance(solver, LBFGS) or work <= FLOAT64_WORK else np.float32)


def rounds(dtype: Any) -> bool:
    """Whether the parameter asks for products of numbers that are rounded to bfloat16."""
    return _is(dtype, "bfloat16")


def _for_each_fold(members: int, folds: Any) -> int:
    """So many members or more: as many for each fold that a splitter makes."""
    if _is(folds, "auto") or isinstance(folds, Integral):
        return members
    count = count_of(folds)
    return count * -(-members // count)


def _is(value: Any, name: str) -> bool:
    return isinstance(value, str) and value == name


def _depth(sizes: Any) -> int:
    """Number of hidden layers."""
    return len(sizes) if hasattr(sizes, "__len__") else 1
