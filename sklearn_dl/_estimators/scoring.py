"""A scorer of scikit-learn that is asked after each epoch about rows that were encoded once.

Knows nothing about training; the scorer sees an estimator that is fitted as far as it is.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring

from .._data import Table, is_dataframe
from .._engine import Then, forward
from .fitted_attributes import FittedDL

__all__ = ["watched_score"]

HARDLY = 0.01  # of `tol`


def watched_score(model: FittedDL, scoring: Any, tol: float, held_out: Table) -> Callable[[Any], float] | None:
    """What early stopping watches, as a function of the encoded inputs; None for the loss.

    The scorer's predictions for all rows are made from these, those for any other table in the usual way.

    Parameters
    ----------
    model : FittedDL
        Whose network is scored, as it is at each call.
    scoring : "loss", str, callable or None
        What is watched.
    tol : float
        What counts as improvement: a first score that is far below it is told.
    held_out : Table
        The checked validation rows, which the scorer is given.
    """
    if isinstance(scoring, str) and scoring == "loss":
        return None
    scorer = check_scoring(model, scoring=scoring)
    keywords = {} if held_out.weight is None else {"sample_weight": held_out.weight}
    scored, ask, X = copy.copy(model), type(model)._read, held_out.inputs()

    def score(encoded: Any) -> float:
        def read(table: Any, then: Then) -> Any:
            if table is not X:
                return ask(scored, table, then)
            network = model.fitted_.network
            return forward(network, encoded, then=lambda raw: then(raw.astype(np.float64, copy=False)))

        scored.__dict__["_read"] = read  # all predictions go through it
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                found = float(scorer(scored, X, held_out.y, **keywords))
        except (TypeError, ValueError) as error:
            raise ValueError(f"scoring={scoring!r} cannot score the validation set: {error}") from error
        if not math.isfinite(found):
            warnings.warn(f"scoring={scoring!r} gives {found} on the validation set, which is no best.", stacklevel=2)
        elif not model.fitted_.history and 0 < abs(found) < HARDLY * tol:
            warnings.warn(
                f"scoring={scoring!r} gives {found:.1g} after an epoch, and no improvement of less than tol={tol} "
                "counts; set a smaller tol.",
                stacklevel=2,
            )
        return found

    if not is_dataframe(X):  # the names of columns were lost in the check
        scored.__dict__.pop("feature_names_in_", None)
    return score
