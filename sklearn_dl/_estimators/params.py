"""What the estimators' parameters may be, which of them contradict each other, and the sentences that say so.

Knows nothing about data; names are turned into objects by `registry`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from .._engine.network import Network, Workspace
from .._numerics.settings import (
    Rule,
    Rules,
    boolean,
    check_value,
    either,
    integer,
    interval,
    not_negative,
    number,
    positive,
    sequence,
)
from ..architectures import ARCHITECTURES
from ..encoding.table_encoder import TableEncoder
from ..layers import Activation, BatchNorm, Layer
from ..losses import Loss
from ..numeric_embeddings import NumericEmbedding
from ..schedules import Schedule
from ..solvers import LBFGS, Solver
from .defaults import settle
from .registry import (
    resolve_activations,
    resolve_architecture,
    resolve_loss,
    resolve_normalization,
    resolve_numeric_embedding,
    resolve_schedule,
    resolve_solver,
)

__all__ = ["Plan", "check_plan"]


def _is_seed(value: Any) -> bool:
    fixed = value is None or value is np.random or isinstance(value, np.random.RandomState)
    return fixed or (integer(0).test(value) and value < 2**32)


def _is_weights(value: Any) -> bool:
    return isinstance(value, dict) and all(map(not_negative().test, value.values()))


def _is_class_weight(value: Any) -> bool:
    several = isinstance(value, list) and all(map(_is_weights, value))
    return either(None, "balanced").test(value) or _is_weights(value) or several


SHARE = interval(0, 1, "[)")
EACH = "a sequence of them, one for each hidden layer"

RULES: Rules = {
    "hidden_layer_sizes": either("auto", integer(1), sequence(integer(1), EACH)),
    "alpha": not_negative(),
    "learning_rate_init": either("auto", positive()),
    "batch_size": either("auto", None, integer(1)),
    "max_iter": either("auto", integer(1)),
    "shuffle": boolean(),
    "clip_norm": either(None, positive()),
    "dropout": Rule(either("auto", SHARE, sequence(SHARE, EACH)).test, f"'auto', {SHARE.allowed}, or {EACH}"),
    "n_members": either("auto", integer(1)),
    "n_folds": either("auto", integer(1)),
    "encoder": either("auto", None, Rule(lambda v: isinstance(v, TableEncoder), "a TableEncoder")),
    "scale_target": boolean(),
    "class_weight": Rule(
        _is_class_weight,
        "None, 'balanced', a dict from class to a finite number >= 0, or a list of such dicts for several targets",
    ),
    "early_stopping": either("auto", boolean()),
    "validation_fraction": interval(0, 1, "()"),
    "n_iter_no_change": either(integer(1), Rule(lambda v: number().test(v) and v == np.inf, "inf")),
    "tol": not_negative(),
    "scoring": Rule(
        lambda v: v == "loss" or v in get_scorer_names() if isinstance(v, str) else v is None or callable(v),
        "'loss', None, a name among sklearn.metrics.get_scorer_names() or a callable",
    ),
    "target_loss": either(None, number()),
    "max_time": either(None, positive()),
    "dtype": Rule(
        lambda v: (
            v in ("auto", "float32", "float64")
            if isinstance(v, str)
            else isinstance(v, (type, np.dtype)) and v in (np.float32, np.float64)
        ),
        "'auto', 'float32' or 'float64'",
    ),
    "warm_start": boolean(),
    "random_state": Rule(_is_seed, "None, an int in [0, 2**32 - 1] or a numpy.random.RandomState"),
    "verbose": Rule(either(boolean(), integer(0)).test, "True, False or an int >= 0"),
    "n_jobs": either(None, Rule(lambda v: integer().test(v) and v != 0, "an int other than 0")),
}


@dataclass(frozen=True)
class Plan:
    """An estimator's parameters, checked, with names turned into objects."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    dropouts: tuple[float, ...]
    normalization: Callable[[int], Layer] | None
    architecture: Callable[..., Layer]
    n_members: int
    n_folds: int
    max_iter: int
    stops_early: bool
    numeric_embedding: NumericEmbedding | None
    loss: Loss
    solver: Solver | LBFGS
    schedule: Schedule
    learning_rate: float

    def build(self, n_in: int, n_out: int) -> Layer:
        """The network's layer."""
        layer = self.architecture(
            n_in,
            self.sizes,
            n_out,
            activations=self.activations,
            dropouts=self.dropouts,
            normalization=self.normalization,
        )
        if not isinstance(layer, Layer):
            raise ValueError(f"architecture must return a Layer; got {layer!r}.")
        if self.architecture not in ARCHITECTURES.values() and _width(layer, n_in) != n_out:
            raise ValueError(f"architecture must return a Layer from (n, {n_in}) to (n, {n_out}); got {layer!r}.")
        return layer


def _width(layer: Layer, n_in: int) -> int | None:
    """Number of outputs of a layer that a user wrote; None where it does not take `n_in` inputs."""
    try:
        with np.errstate(all="ignore"):
            y = Workspace(Network.build(layer, seed=0, dtype=np.float64)).forward(np.zeros((1, n_in)))
    except ValueError:
        return None
    return y.shape[1] if y.ndim == 2 else None


def check_plan(params: dict[str, Any], task: str, n_rows: int) -> Plan:
    """Check an estimator's parameters.

    Parameters
    ----------
    params : dict
        What ``get_params(deep=False)`` gives.
    task : {"regression", "classification"}
        Which of the two estimators it is.
    n_rows : int
        Rows to train on, for what "auto" stands for.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        Where a parameter is out of range or of the wrong type, or two contradict each other.
    """
    for name, rule in RULES.items():
        if name in params:
            check_value(name, params[name], rule)
    given, params = params, settle(params, task, n_rows)
    sizes = params["hidden_layer_sizes"]
    sizes = (int(sizes),) if isinstance(sizes, Integral) else tuple(int(n) for n in sizes)
    solver = resolve_solver(params["solver"])
    dropout = params["dropout"]
    several = not isinstance(dropout, Real)
    if several and len(dropout) != len(sizes):
        raise ValueError(
            f"dropout must be one number or one for each hidden layer; got {len(dropout)} numbers for {len(sizes)} "
            "hidden layers."
        )
    dropouts = dropout if several else (dropout,) * len(sizes)
    if isinstance(params["encoder"], TableEncoder):
        params["encoder"].check()
    _check_folds(given, params)
    plan = Plan(
        sizes=sizes,
        activations=resolve_activations(params["activation"], len(sizes)),
        dropouts=tuple(float(rate) for rate in dropouts),
        normalization=resolve_normalization(params["normalization"]),
        architecture=resolve_architecture(params["architecture"]),
        n_members=int(params["n_members"]),
        n_folds=int(params["n_folds"]),
        max_iter=int(params["max_iter"]),
        stops_early=bool(params["early_stopping"]),
        numeric_embedding=resolve_numeric_embedding(params["numeric_embedding"]),
        loss=resolve_loss(params["loss"], task),
        solver=solver,
        schedule=resolve_schedule(params["learning_rate"]),
        learning_rate=_base_rate(params["learning_rate_init"], solver, linear=not sizes),
    )
    if isinstance(solver, LBFGS):
        if any(plan.dropouts):
            raise ValueError(
                f"solver 'lbfgs' needs the same loss at each evaluation: dropout must be 0; got {dropout!r}."
            )
        if plan.normalization is BatchNorm:
            raise ValueError(
                "solver 'lbfgs' needs the same loss at each evaluation: normalization must not be 'batch'."
            )
        if params["clip_norm"] is not None:
            raise ValueError(
                f"solver 'lbfgs' takes no steps to clip: clip_norm must be None; got {params['clip_norm']!r}."
            )
    return plan


def _check_folds(given: dict[str, Any], params: dict[str, Any]) -> None:
    folds, members = params["n_folds"], params["n_members"]
    if folds > members:
        raise ValueError(f"n_folds must be at most n_members, which is {members} here; got {folds!r}.")
    if given["n_folds"] == folds > 1 and params["early_stopping"]:
        raise ValueError(
            f"early_stopping=True holds out rows for all members: n_folds must be 1 or 'auto'; got {folds!r}."
        )


def _base_rate(value: Any, solver: Solver | LBFGS, *, linear: bool) -> float:
    if isinstance(solver, LBFGS):
        return 1.0
    if isinstance(value, str):
        return solver.learning_rate_linear if linear else solver.learning_rate_init
    return float(value)
