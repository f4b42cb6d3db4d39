"""One fit under way: what it trains, on which rows, by which plan, and what it may fall back on.

Knows nothing about who listens to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

from .._data import Batches, Rows, Table, scaled_alpha
from .._engine import Fitted
from ..losses import MeanOfMembers
from ..solvers import LBFGS
from .folds import Folds
from .loop import Recipe
from .plan import Judge, Plan
from .stopping import EarlyStopping, Fallback
from .validation import Validation

__all__ = ["Split", "Training"]

LBFGS_BLOCK = 8192  # rows of one sum


class Split(NamedTuple):
    """Checked rows to train on and to judge by.

    Attributes
    ----------
    train : Table
        Rows to train on.
    held_out : Table or None
        Rows that are held out.
    scores : callable or None
        From the encoded inputs of these to scores of the network as it is, higher being better, by the names under
        which they are recorded; None for the loss alone.
    apart : bool
        Whether they were given, and are no share of the rows that came to `fit`.
    """

    train: Table
    held_out: Table | None = None
    scores: Callable[[Any], dict[str, float]] | None = None
    apart: bool = False


@final
@dataclass(eq=False)
class Training:
    """One fit under way; callbacks find it as `training_` of the estimator that they are given.

    Attributes
    ----------
    fitted : Fitted
        What is trained, as it is now: a change of ``fitted.state.rate_factor`` changes the learning rate.
    plan : Plan
        How.
    rows : Rows
        Encoded training rows.
    held_out : Rows or None
        Encoded rows that are held out.
    validation : Validation or None
        What judges an epoch; None where nothing does but the training loss.
    folds : Folds or None
        Which rows each member leaves out.
    recipe : Recipe
        What a step does.
    stopping : EarlyStopping or None
        Watches what the judge says.
    fallback : Fallback
        For a loss that is not finite.
    origin : int
        Epochs of the network's life that were over when this fit began.
    pauses : bool
        Whether `max_time` is a pause, as somebody keeps the training to go on with it: the schedule then leaves it out.
    """

    fitted: Fitted
    plan: Plan
    rows: Rows
    held_out: Rows | None
    validation: Validation | None
    folds: Folds | None
    recipe: Recipe
    stopping: EarlyStopping | None
    fallback: Fallback
    origin: int
    pauses: bool = False

    @classmethod
    def of(cls, fitted: Fitted, plan: Plan, split: Split) -> Training:
        """The training of a record by a plan, about to begin.

        Parameters
        ----------
        fitted : Fitted
            Is trained in place.
        plan : Plan
            How.
        split : Split
            On what.
        """
        state = fitted.state
        state.over = state.over and plan.partial  # an earlier fit's end is not this one's
        rows, head, seed = fitted.encode_rows(split.train), fitted.head, state.seed
        held_out = None if split.held_out is None else fitted.encode_rows(split.held_out)
        validation, folds = None, None
        if held_out is not None:
            validation = Validation(held_out, head, split.scores)
        elif plan.judge is Judge.FOLDS:
            folds = Folds.draw(head.strata(split.train.y), len(rows), plan.n_folds, plan.n_members, seed)
            judged, judges = folds.judged(rows, head.n_raw, seed)
            validation = Validation(judged, head, folds=judges)
        training = cls(
            fitted=fitted,
            plan=plan,
            rows=rows,
            held_out=held_out,
            validation=validation,
            folds=folds,
            recipe=Recipe(
                loss=head.loss if plan.n_members == 1 else MeanOfMembers(head.loss),
                solver=plan.solver,
                schedule=plan.schedule,
                learning_rate=plan.learning_rate,
                alpha=scaled_alpha(plan.alpha, split.train.weight),
                clip_norm=plan.clip_norm,
                shares=None if folds is None else folds.weights().astype(fitted.network.values.dtype),
            ),
            stopping=EarlyStopping(plan.patience, plan.tol, plan.keeps_best) if plan.watches else None,
            fallback=Fallback(),
            origin=0 if plan.partial else state.epoch,
        )
        training._judge_the_start(apart=split.apart)
        return training

    def _judge_the_start(self, *, apart: bool) -> None:
        """Let the network that a further fit begins with be the first to be judged, by rows that it was not trained on.

        These are given ones, or those that are drawn from as many rows as before.
        """
        state, n_rows = self.fitted.state, 0 if self.plan.partial else len(self.rows)
        judged, epoch = apart or n_rows == state.n_rows, state.best_epoch or state.epoch
        state.n_rows, state.best_epoch, state.best_loss = n_rows, None, None
        if self.validation is None or self.stopping is None or not (epoch and judged):
            return
        loss = self.validation.mean_loss(self.fitted.network)
        score = self.validation.scores().get("validation_score")
        if self.stopping.note(loss if score is None else -score, self.fitted.network):
            state.best_epoch, state.best_loss = epoch, loss

    @property
    def epochs_left(self) -> int:
        """Epochs that this fit may still run."""
        state, plan = self.fitted.state, self.plan
        if plan.partial:
            return plan.n_epochs
        return 0 if state.over else self.origin + plan.n_epochs - state.epoch

    def batches(self) -> Batches:
        """The training rows in the batches of a step; in blocks of one sum where the solver takes no steps."""
        plan, seed = self.plan, self.fitted.state.seed
        fold = None if self.folds is None else self.folds.of_row
        if isinstance(plan.solver, LBFGS):
            return Batches(*self.rows[:3], size=LBFGS_BLOCK, shuffle=False, seed=seed, fold=fold)
        return Batches(*self.rows[:3], size=plan.batch_rows, shuffle=plan.shuffle, seed=seed, fold=fold)
