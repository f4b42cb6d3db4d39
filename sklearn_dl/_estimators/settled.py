"""What "auto" became in a fit, in words that can be passed back as parameters: the attribute `settings_`.

Knows which parameters may be "auto", which give a network its shape, and where a plan has their values; how they are
chosen is in `defaults`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._numerics import Settings
from .._training import Plan
from ..checkpoint.fingerprint import text
from ..encoding import TableEncoder
from ..solvers import LBFGS
from .registry import SOLVERS

__all__ = ["settled", "shape_of"]

OF_STEPS = ("solver", "learning_rate_init", "batch_size")  # say nothing about L-BFGS


def settled(plan: Plan, dtype: np.dtype) -> dict[str, Any]:
    """The value of each parameter that was "auto", or that has settings which were.

    Parameters
    ----------
    plan : Plan
        Of a training under way, for the rows that there are in the end.
    dtype : dtype
        Precision of the network.

    Returns
    -------
    dict
        An estimator with these in place of its own parameters has the same fit, to the bit.
    """
    layers = plan.blueprint
    values = {
        "n_members": plan.n_members,
        "hidden_layer_sizes": layers.sizes,
        "numeric_embedding": layers.numeric_embedding,
        "dropout": layers.dropouts[0] if layers.dropouts else 0.0,
        "solver": plan.solver,
        "learning_rate_init": plan.learning_rate,
        "batch_size": plan.batch_rows,
        "max_iter": plan.horizon,
        "n_folds": layers.n_groups,
        "early_stopping": plan.stops_early,
        "encoder": TableEncoder(),
        "dtype": dtype.name,
    }
    if layers.above_line:  # only "auto" lets a network start again above a line
        del values["max_iter"]
    if isinstance(plan.solver, LBFGS):
        values = {name: value for name, value in values.items() if name not in OF_STEPS}
    return {name: value for name, value in values.items() if _is_open(plan.given[name])}


def shape_of(plan: Plan) -> dict[str, str]:
    """The parameters that decide how many values a network has and how they lie, in words.

    Parameters
    ----------
    plan : Plan
        Of the network.
    """
    layers = plan.blueprint
    settled = {
        "hidden_layer_sizes": layers.sizes,
        "n_members": plan.n_members,
        "n_folds": layers.n_groups,
        "numeric_embedding": layers.numeric_embedding,
        "normalization": plan.given["normalization"],
        "architecture": plan.given["architecture"],
        "loss": plan.loss,  # of several levels it has several outputs
    }
    return {name: text(value) for name, value in settled.items()}


def _is_open(value: Any) -> bool:
    """Whether a parameter, or a setting of what it stands for, is "auto"."""
    if isinstance(value, str) and value in SOLVERS:
        value = SOLVERS[value]()
    inside = value.get_params(deep=False).values() if isinstance(value, Settings) else [value]
    return any(isinstance(setting, str) and setting == "auto" for setting in inside)
