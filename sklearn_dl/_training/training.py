"""One fit under way: what it trains, on which rows, by which plan, and what it may fall back on.

Knows nothing about who listens to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np

from .._data import Batches, Rows, Share, Table, scaled_alpha
from .._engine import Fitted
from ..architectures import lines_of
from ..heads import Head
from ..losses import MeanOfMembers
from ..solvers import LBFGS
from .folds import Fold, draw, judged, split_by, together
from .lines import Lines, learn_lines
from .plan import Judge, Plan
from .steps import Recipe
from .stopping import Decline, EarlyStopping, Fallback
from .validation import Scores, Validation

__all__ = ["Split", "Training"]

# Of a loss: what a line must be better by than the network. Above it the parts of a network are more alike, and their
# mean gains less than those of networks that found everything themselves.
MARGIN = 0.03
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
        From rows to judge by to what scores the network on them, higher being better, by the names under which scores
        are recorded, or to None; None for the loss alone.
    apart : bool
        Whether they were given, and are no share of the rows that came to `fit`.
    """

    train: Table
    held_out: Table | None = None
    scores: Callable[[Callable[[], Table]], Scores | None] | None = None
    apart: bool = False

    def scored(self, table: Callable[[], Table]) -> Scores | None:
        """What scores the network on a table, which is made only where it is asked for."""
        return None if self.scores is None else self.scores(table)


def folds_of(table: Table, plan: Plan, head: Head, seed: int) -> list[Fold]:
    """Which training rows each part of the network leaves out.

    Parameters
    ----------
    table : Table
        The training rows, with the weights that the steps see.
    plan : Plan
        How many folds there are, or what makes them.
    head : Head
        Knows the classes.
    seed : int
        Decides the folds where nothing else does.

    Returns
    -------
    list of Fold

    Raises
    ------
    ValueError
        Where they cannot be made.
    """
    count, strata, weight = plan.n_folds, head.strata(table.y), table.weight
    if plan.splitter is not None:
        folds = split_by(plan.splitter, table.y, table.groups, count, seed)
    elif table.groups is not None:
        folds = together(table.groups, strata, count, seed)
    elif len(table.y) < count:
        raise ValueError(
            f"n_folds must be at most the number of rows, which is {len(table.y)} (those of weight 0 not counted); got "
            f"{count}."
        )
    else:
        folds = draw(strata, len(table.y), count, seed)
    if weight is not None and not all(weight[rows].any() for fold in folds for rows in fold):
        raise ValueError(
            "each fold must have rows of weight above 0 to train on and to leave out, and not so small beside others "
            f"that it is 0 in {weight.dtype.name}; see sample_weight and class_weight."
        )
    return folds


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
    folds : list of Fold or None
        Which rows each part of the network learns from, and which it leaves out.
    recipe : Recipe
        What a step does.
    stopping : EarlyStopping or None
        Watches what the judge says.
    decline : Decline
        Tells when the judged rows have surely been told better before.
    fallback : Fallback
        For a loss that is not finite.
    origin : int
        Epochs of the network's life that were over when this fit began.
    pauses : bool
        Whether `max_time` is a pause, as somebody keeps the training to go on with it: the schedule then leaves it out.
    lines : Lines or None
        What the network starts again above, where it turns out to be better than the network.
    start : ndarray or None
        The values of the network before the first epoch, where there are lines.
    """

    fitted: Fitted
    plan: Plan
    rows: Rows
    held_out: Rows | None
    validation: Validation | None
    folds: list[Fold] | None
    recipe: Recipe
    stopping: EarlyStopping | None
    decline: Decline
    fallback: Fallback
    origin: int
    pauses: bool = False
    lines: Lines | None = None
    start: np.ndarray | None = None

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
        state.over, state.judged = state.over and plan.partial, None  # an earlier fit's end is not this one's
        rows, head, seed = fitted.encode_rows(split.train), fitted.head, state.seed
        given, held_out = split.held_out, None
        validation, folds, lines, start = None, None, None, None
        if given is not None:
            held_out = fitted.encode_rows(given)
            validation = Validation([held_out], head, split.scored(lambda: given), products=plan.products)
        elif plan.judge is Judge.FOLDS:
            folds = folds_of(split.train._replace(weight=rows.weight), plan, head, seed)
            at = judged(folds, plan.n_members * head.n_raw, seed)
            scores = split.scored(lambda: split.train.rows(np.concatenate(at)))
            left_out = [rows.some(some) for some in at]
            validation = Validation(left_out, head, scores, left_out=True, products=plan.products)
            if not state.epoch and (places := lines_of(fitted.network)):
                start = fitted.network.values.copy()
                lines = learn_lines(places[0][0].unbent, head, rows, folds, left_out, seed)
        alpha = scaled_alpha(plan.alpha, split.train.weight)
        training = cls._begun(fitted, plan, rows, held_out, validation, folds, alpha)
        training.lines, training.start = lines, start
        training._judge_the_start(apart=split.apart)
        return training

    @classmethod
    def elsewhere(cls, fitted: Fitted, plan: Plan, some: Rows, held_out: Rows | None, n_rows: int) -> Training:
        """The training of a new record whose rows are elsewhere, but for some of them.

        Parameters
        ----------
        fitted : Fitted
            Is trained in place.
        plan : Plan
            How; without folds.
        some : Rows
            Encoded rows, some of those that are trained on, for what is to be told at the end.
        held_out : Rows or None
            Encoded rows that judge.
        n_rows : int
            Rows that are trained on.
        """
        fitted.state.n_rows = n_rows
        validation = None if held_out is None else Validation([held_out], fitted.head, products=plan.products)
        return cls._begun(fitted, plan, some, held_out, validation, None, plan.alpha)

    @classmethod
    def _begun(
        cls,
        fitted: Fitted,
        plan: Plan,
        rows: Rows,
        held_out: Rows | None,
        validation: Validation | None,
        folds: list[Fold] | None,
        alpha: float,
    ) -> Training:
        loss = fitted.head.loss
        return cls(
            fitted=fitted,
            plan=plan,
            rows=rows,
            held_out=held_out,
            validation=validation,
            folds=folds,
            recipe=Recipe(
                loss=loss if plan.n_members == 1 else MeanOfMembers(loss),
                solver=plan.solver,
                schedule=plan.schedule,
                learning_rate=plan.learning_rate,
                alpha=alpha,
                clip_norm=plan.clip_norm,
                products=plan.products,
            ),
            stopping=EarlyStopping(plan.patience, plan.tol, plan.keeps_best) if plan.watches else None,
            decline=Decline(plan.sure, plan.looks),
            fallback=Fallback(),
            origin=0 if plan.partial else fitted.state.epoch,
        )

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
        score = self.validation.scores(self.fitted.network).get("validation_score")
        if self.stopping.note(loss if score is None else -score, self.fitted.network):
            state.best_epoch, state.best_loss = epoch, loss

    @property
    def epochs_left(self) -> int:
        """Epochs that may still run before the judgement ends, or the fit."""
        state, plan = self.fitted.state, self.plan
        if plan.partial:
            return plan.n_epochs
        if state.over:
            return 0
        if state.judged is not None:
            return state.judged + self.n_last - state.epoch
        return self.origin + plan.n_epochs - plan.n_last - state.epoch

    @property
    def most_epochs_left(self) -> int:
        """Epochs that this fit may still run: also those above a line, and those after the judgement."""
        again = self.plan.n_epochs - self.plan.n_last if self._may_start_again else 0
        return self.epochs_of_this_start + again

    @property
    def epochs_of_this_start(self) -> int:
        """Epochs that may still run unless all starts again above a line, those after the judgement included."""
        later = self.plan.n_last if self.fitted.state.judged is None else 0
        return self.epochs_left + later

    @property
    def n_last(self) -> int:
        """Epochs after the judgement: in proportion to those that were worth keeping."""
        state, plan = self.fitted.state, self.plan
        n_judged = plan.n_epochs - plan.n_last
        kept = (state.best_epoch or self.origin + n_judged) - self.origin
        return min(plan.n_last, max(1, round(plan.n_last * kept / n_judged)))

    @property
    def _may_start_again(self) -> bool:
        if self.lines is None or self.plan.max_time is not None:
            return False
        return not any(p.slope.any() or p.level.any() for _, p in lines_of(self.fitted.network))

    def start_above_the_line(self) -> tuple[float, float] | None:
        """Begin anew above a line that is better for rows that neither has learnt, by a margin; the losses of both.

        What came before is forgotten: epochs are counted from 1 again.
        """
        state, best = self.fitted.state, self.fitted.state.best_loss
        if not self._may_start_again or self.lines is None or self.start is None or best is None:
            return None
        line = self.lines.loss
        if not line < (1 - MARGIN) * best:
            return None
        np.copyto(self.fitted.network.values, self.start)
        self.lines.lay(self.fitted.network)
        state.kept, state.epoch, state.step, state.samples_seen, state.over = {}, 0, 0, 0, False
        state.best_epoch, state.best_loss, state.ended_by = None, None, None
        self.fitted.history.clear()
        self.stopping = EarlyStopping(self.plan.patience, self.plan.tol, self.plan.keeps_best)
        self.decline = Decline(self.plan.sure, self.plan.looks)
        self.fallback, self.lines = Fallback(), None
        return line, best

    def learn_the_rest(self) -> bool:
        """Go back to the best epoch, and let the rows that were left out be learnt from then on; whether that is on."""
        if self.folds is None or not self.plan.n_last or self.stopping is None or self.stopping.values is None:
            return False
        np.copyto(self.fitted.network.values, self.stopping.values)
        self.fitted.state.judged, self.fitted.state.over = self.fitted.state.epoch, False
        return True

    def batches(self) -> list[Batches]:
        """The rows that each part of the network learns from now, in the batches of a step.

        In blocks of one sum where the solver takes no steps.
        """
        plan, seed, n_parts = self.plan, self.fitted.state.seed, len(self.fitted.network.parts)
        steps = not isinstance(plan.solver, LBFGS)
        size, shuffle = (plan.batch_rows, plan.shuffle) if steps else (LBFGS_BLOCK, False)
        if n_parts == 1 and self.folds is None:
            return [Batches(*self.rows, size=size, shuffle=shuffle, seed=seed)]
        leaves_out = self.folds is not None and self.fitted.state.judged is None
        rows = [fold.train for fold in self.folds] if leaves_out and self.folds else [None] * n_parts
        sizes = [len(self.rows) if at is None else len(at) for at in rows]
        n_batches = min(-(-max(sizes) // size), *sizes)  # a batch holds a row at least
        shares = [Share(at, n_batches, i) for i, at in enumerate(rows)]
        return [Batches(*self.rows, size=size, shuffle=shuffle, seed=seed, share=share) for share in shares]
