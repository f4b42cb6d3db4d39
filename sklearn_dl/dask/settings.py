"""The parameters of a fit on Dask: those of the ordinary estimators, and how learners share the work.

Knows what "auto" stands for and what there is not; nothing about Dask.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .._estimators import make_plan
from .._numerics import Rules, check_value, either, integer, interval
from .._training import Judge, Plan
from ..solvers import LBFGS
from .positions import HELD_OUT

__all__ = ["OWN", "Sharing", "held_out_share", "plan_for", "rows_like", "settle", "sharing_for"]

OWN = ("n_shards", "n_rounds", "momentum")  # parameters that the ordinary estimators do not have
RULES: Rules = {
    "n_shards": either("auto", integer(1)),
    "n_rounds": either("auto", integer(1)),
    "momentum": either("auto", interval(0, 1, "[)")),
}
SHARD_ROWS = 2**19  # rows for each shard more, where their number is "auto": with 8 for 10⁶ rows, steps are too few
SHARDS_LEAST, SHARDS_MOST = 4, 64
FEW = 2**15  # rows: below, they are not shared, as rounds would be of few steps, each learner's of few rows
CELL_ROWS = 2**16  # rows at most that a task works on, where the number of rounds is "auto"
ROUNDS_LEAST = 4
MOMENTUM, LEAST_STEPS = 0.8, 12  # where a round has so many steps; after a few, it would go too far


class Sharing(NamedTuple):
    """How learners share the work.

    Attributes
    ----------
    n_shards : int
        Learners, each of which has a shard of the rows.
    n_rounds : int
        Rounds of an epoch: a learner works on a cell, one of as many parts of its shard, in each.
    momentum : float or None
        Of the averages; None where the steps of a round decide.
    """

    n_shards: int
    n_rounds: int
    momentum: float | None

    @property
    def n_cells(self) -> int:
        """Cells of all learners."""
        return self.n_shards * self.n_rounds

    def momentum_of(self, n_steps: int) -> float:
        """Of the averages, after rounds of so many steps."""
        if self.momentum is not None:
            return self.momentum
        return MOMENTUM if self.n_shards > 1 and n_steps >= LEAST_STEPS else 0.0


def settle(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters with what is decided before the rows are known.

    Parameters
    ----------
    params : dict
        What ``get_params(deep=False)`` gives.

    Returns
    -------
    dict
        A new one.

    Raises
    ------
    ValueError
        Where there is no such thing on Dask.
    """
    for name, rule in RULES.items():
        check_value(name, params[name], rule)
    if params["n_folds"] not in ("auto", 1):
        raise ValueError(f"n_folds must be 'auto' or 1 on Dask, where held-out rows judge; got {params['n_folds']!r}.")
    if params["warm_start"]:
        raise ValueError("warm_start must be False on Dask; to go on from an interrupted fit, pass resume_from.")
    if not (isinstance(params["scoring"], str) and params["scoring"] == "loss"):
        raise ValueError(f"scoring must be 'loss' on Dask, where the loss judges; got {params['scoring']!r}.")
    stops = params["early_stopping"]
    return params | {"n_folds": 1, "early_stopping": True if isinstance(stops, str) and stops == "auto" else stops}


def plan_for(params: dict[str, Any], task: str, n_rows: int, *, has_validation: bool) -> Plan:
    """The plan of a fit, for parameters that `settle` gave."""
    plan = make_plan(params, task, n_rows, has_validation=has_validation)
    if isinstance(plan.solver, LBFGS):
        raise ValueError("solver 'lbfgs' needs all rows at each step: on Dask, take a stochastic solver.")
    return plan


def rows_like(plan: Plan, sharing: Sharing, n_rows: int) -> int:
    """Rows of a table on one machine whose batches suit a learner: half a shard, as smaller ones are more steps.

    Parameters
    ----------
    plan : Plan
        Of the fit; where it says how large batches are, all rows count.
    sharing : Sharing
        How learners share the work.
    n_rows : int
        Rows to train on.

    Returns
    -------
    int
    """
    settled = not isinstance(plan.given["batch_size"], str)
    return n_rows if settled or sharing.n_shards == 1 else max(1, n_rows // (2 * sharing.n_shards))


def held_out_share(plan: Plan, n_rows: int, *, has_validation: bool) -> float:
    """The share of the rows that is held out."""
    if has_validation or plan.judge is not Judge.HELD_OUT:
        return 0.0
    return min(float(plan.given["validation_fraction"]), HELD_OUT / n_rows)


def sharing_for(params: dict[str, Any], n_rows: int) -> Sharing:
    """How the work on so many rows is shared: what depends on nothing else, least of all on the workers.

    Parameters
    ----------
    params : dict
        Checked.
    n_rows : int
        Rows of the table.

    Returns
    -------
    Sharing
    """

    def is_auto(name: str) -> bool:
        return isinstance(params[name], str)

    wanted = 2 ** round(math.log2(max(1, n_rows / SHARD_ROWS)))
    shards = min(SHARDS_MOST, max(SHARDS_LEAST, wanted)) if n_rows >= FEW else 1
    shards = shards if is_auto("n_shards") else int(params["n_shards"])
    least = ROUNDS_LEAST if shards > 1 else 1
    rounds = max(least, math.ceil(n_rows / shards / CELL_ROWS)) if is_auto("n_rounds") else int(params["n_rounds"])
    return Sharing(shards, rounds, None if is_auto("momentum") else float(params["momentum"]))
