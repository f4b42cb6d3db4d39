"""A complete plan of a training: every parameter and every "auto" settled, so that nobody below asks an estimator.

Knows what there is to decide, and nothing about how it is decided, nor about data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, final

from .._numerics import Products
from ..architectures import Blueprint
from ..losses import Loss
from ..schedules import Schedule
from ..solvers import LBFGS, Solver

__all__ = ["Judge", "Plan"]


class Judge(Enum):
    """Who says how good an epoch was."""

    NOBODY = "nobody"
    TRAINING_LOSS = "the training loss"
    HELD_OUT = "rows that are held out"
    FOLDS = "rows that parts of the network leave out"


@final
@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a network is trained.

    Attributes
    ----------
    given : dict
        The parameters as the user gave them: for checkpoints and messages, nothing is decided by them any more.
    blueprint : Blueprint
        Its layers, apart from the table.
    loss : Loss
        What is minimised, as the user gave it.
    solver : Solver or LBFGS
        How.
    schedule : Schedule
        Of the learning rate.
    learning_rate : float
        Base value of the schedule.
    n_epochs, horizon : int
        Epochs of this call, and epochs that the schedule is for.
    partial : bool
        Whether it is a call of `partial_fit`.
    batch_rows : int
        Rows a step.
    shuffle : bool
        Whether each epoch has an order of its own.
    alpha : float
        Strength of the penalty on weights.
    clip_norm : float or None
        Largest norm of a step's gradient.
    judge : Judge
        Who says how good an epoch was.
    n_folds : int
        Folds that the parts of the network leave out in turn; 1 for none.
    n_last : int
        The last epochs, in which rows that were left out are learnt too; 0 where none are left out.
    splitter : object or None
        What makes the folds; None for equal parts of the rows in random order.
    every : int
        Epochs from one look at the judged rows to the next, once the first looks are over: see `looks_at`.
    watches : bool
        Whether anything follows from what the judge says.
    patience, tol : float
        Epochs without an improvement of more than `tol` that make a plateau.
    sure : float
        Standard errors by which the loss of the judged rows has risen where it will not fall again; infinity where that
        ends nothing.
    looks : int
        Looks, the last ones, whose mean is what an epoch is judged by: one alone may be lucky.
    stops_early : bool
        Whether rows are judged in order to end the training early.
    gives_up : bool
        Whether a plateau ends the training, or the judged part of it.
    keeps_best : bool
        Whether the network returns to the epoch that was judged best.
    target_loss, max_time : float or None
        Stop at this training loss; after the epoch that passes this many seconds.
    products : Products
        How matrix products are computed.
    verbose : int
        Epochs from one printed line to the next; 0 for none.
    n_jobs : int or None
        Threads, as in scikit-learn.
    """

    given: dict[str, Any]
    blueprint: Blueprint
    loss: Loss
    solver: Solver | LBFGS
    schedule: Schedule
    learning_rate: float
    n_epochs: int
    horizon: int
    partial: bool
    batch_rows: int
    shuffle: bool
    alpha: float
    clip_norm: float | None
    judge: Judge
    n_folds: int
    n_last: int
    splitter: Any
    every: int
    watches: bool
    patience: float
    tol: float
    sure: float
    looks: int
    stops_early: bool
    gives_up: bool
    keeps_best: bool
    target_loss: float | None
    max_time: float | None
    products: Products
    verbose: int
    n_jobs: int | None

    @property
    def n_members(self) -> int:
        """Members of the ensemble."""
        return self.blueprint.n_members

    def looks_at(self, epoch: int) -> bool:
        """Whether the judged rows are looked at after an epoch: one of the first eight, then of two, of four and so on.

        Noise is learnt, if at all, from the first epochs on.

        Parameters
        ----------
        epoch : int
            1, 2, ...
        """
        return epoch % min(self.every, 2 ** max(0, (epoch // 4).bit_length() - 1)) == 0
