"""The estimators' common part: from a table and parameters to a plan, a record, a fit, and what it leaves behind.

Knows nothing about the difference between classes and numbers, which the two estimators supply.
"""

from __future__ import annotations

import copy
import warnings
from abc import ABC, abstractmethod
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._data import (
    Columns,
    Table,
    check_groups,
    check_numbers,
    check_table,
    check_target,
    check_weight,
    hold_out,
    is_plain,
    quantiles,
    sample_rows,
    told,
)
from .._engine import Fitted, Network, State, Then
from .._training import End, Judge, Plan, Split, fit, refine, remember, warn_of
from ..architectures import embeddings_of
from ..checkpoint.content import Saved, read_saved
from ..checkpoint.fingerprint import text
from ..encoding import TableEncoder
from ..encoding.layout import Layout
from ..heads import Head
from .callbacks import CallbackBridge, CallbackSupportMixin
from .defaults import FOLDS, precision_of, rounds
from .fitted_attributes import FittedDL, is_fitted_name
from .interrupts import is_one_of_several
from .overfitting import columns_of, overfitting, parting, singling_out
from .params import make_plan, plan_for_rows
from .scoring import watched_scores
from .settled import settled, shape_of

__all__ = ["BaseDL", "Call"]

UNKNOWN = 10_000  # rows that "auto" is settled for while the parameters alone are checked


class Call(NamedTuple):
    """What was given to `fit` or `partial_fit`."""

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    groups: Any = None
    classes: Any = None
    partial: bool = False
    resume_from: Any = None


class Prepared(NamedTuple):
    """All that a training needs: a shell of the estimator, with its record; the plan, the rows, the checkpoint."""

    shell: BaseDL
    plan: Plan
    rows: Split
    saved: Saved | None


class BaseDL(CallbackSupportMixin, FittedDL, ABC):
    """What `DLClassifier` and `DLRegressor` share: the route of a fit and of a prediction."""

    # parameters that both have; the subclasses store them
    dtype: Any
    early_stopping: Any
    encoder: Any
    n_jobs: int | None
    random_state: Any
    scoring: Any
    validation_fraction: float
    warm_start: bool

    # ---------------------------------------------------------------- what the two estimators supply

    @abstractmethod
    def _learn_head(self, y: np.ndarray, train: Table, plan: Plan, call: Call) -> Head:
        """The head for the training targets, which may know the classes of all rows but no figure of held-out ones.

        `y` has the targets of all rows that came to `fit`, those of weight 0 and those that are held out too.
        """

    def _weigh(self, table: Table, head: Head) -> Table:
        """The table with the weights of its classes."""
        return table

    # ---------------------------------------------------------------- fit

    def _fit(self, call: Call) -> None:
        """Fit a shell of the estimator and take everything over at the end: what fails leaves `self` as it was."""
        shell, plan, rows, saved = self._prepare(call)
        fitted = shell.fitted_
        outcome = fit(fitted, plan, rows, CallbackBridge(self, shell, call.X, call.y, call.sample_weight, saved))
        if not call.partial:
            fitted.state.rate_factor = 1.0  # what plateaus made of the rate ends with them
            if not self.warm_start:
                fitted.state.kept, fitted.state.step = {}, 0
        interrupted = outcome.end is End.INTERRUPTED
        if interrupted and call.partial:  # a stream is a loop: it ends, and the network stays as it was
            raise KeyboardInterrupt
        self._take_over(shell)
        if interrupted and is_one_of_several():
            raise KeyboardInterrupt
        warn_of(outcome, plan)
        if plan.judge is Judge.FOLDS:
            _warn_of_overfitting(fitted, plan, rows.train)

    def _prepare(self, call: Call) -> Prepared:
        params, has_validation = self.get_params(deep=False), call.X_val is not None
        wide, most_folds = False, FOLDS

        def plan_for(n_rows: int, *, held_out: bool = has_validation) -> Plan:
            keywords: Any = {
                "partial": call.partial,
                "has_validation": held_out,
                "wide": wide,
                "most_folds": most_folds,
            }
            return make_plan(params, self._head.task, n_rows, **keywords)

        if call.partial and self.early_stopping is True and not self._in_stream:
            warnings.warn(
                "partial_fit trains one epoch a call and holds no rows out: early_stopping=True has no effect on it; "
                "to judge a stream, score each chunk before it is trained on.",
                stacklevel=5,
            )
        plan = plan_for(UNKNOWN)  # what is wrong is told before the data are looked at
        saved = None if call.resume_from is None else read_saved(call.resume_from, plan)
        going_on = (call.partial or self.warm_start) and self.__sklearn_is_fitted__()
        shell = self._shell(going_on)
        known = shell.fitted_.head if going_on else None
        table, y = shell._check_rows(call.X, call.y, call.sample_weight, plan, known, call.groups)
        wide = shell.fitted_.layout.sparse if going_on else self._sees_sparse(table.X)
        shell._refuse_half_a_validation_set(call)
        if going_on:
            head, state = shell.fitted_.head, shell.fitted_.state
            head.go_on_with(plan.loss)
            most_folds = shell.fitted_.settings.get("n_folds", FOLDS)  # as many parts as the network has
        else:
            head, state = shell._head_of(y, table, plan, call), State(shell._draw_seed())
            most_folds = FOLDS if table.groups is None else len(np.unique(table.groups))
        if saved is not None:
            state.seed = saved.state.seed
        planned = plan_for(len(table.y))
        holds_out = not has_validation and planned.judge is Judge.HELD_OUT
        train, held_out = (
            hold_out(table, self.validation_fraction, state.seed, self._head.strata(table.y))
            if holds_out
            else (table, None)
        )
        # "auto" is settled by the training rows, so that the same rows as X_val give the same network
        n_rows = shell.fitted_.n_rows if going_on else len(train.y)
        plan = planned if n_rows == len(table.y) else plan_for(n_rows, held_out=has_validation or holds_out)
        if saved is not None:
            saved.refuse_other_estimator(type(self).__name__, plan, n_rows)
        if has_validation:
            held_out = shell._check_validation(call, plan, head)
        elif held_out is not None:
            head = head if going_on else shell._head_of(y, train, plan, call)
            held_out = shell._weigh(held_out, head)
        rows = Split(shell._weigh(train, head), held_out, apart=has_validation)
        plan = plan_for_rows(plan, len(train.y), held_out=held_out is not None, fresh=not going_on)
        if going_on:
            shell._go_on(plan)
            refine(shell.fitted_, rows.train, partial=call.partial)
        else:
            encoder = shell._learn_encoder(rows.train)
            shell.fitted_ = shell._new_record(plan, rows.train, head, state, encoder, n_rows)
            if call.partial:
                remember(shell.fitted_, rows.train)
        shell.fitted_.shape = shape_of(plan)
        shell.fitted_.settings = settled(plan, shell.fitted_.network.values.dtype)
        rows = rows._replace(scores=partial(watched_scores, shell, self.scoring, plan.tol))
        return Prepared(shell, plan, rows, saved)

    @property
    def _in_stream(self) -> bool:
        """Whether the last call was one of `partial_fit`: what is to be told of a stream was told."""
        return "fitted_" in vars(self) and self.fitted_.state.n_rows == 0

    def _shell(self, going_on: bool) -> BaseDL:
        """A shallow copy to fit: without what was fitted before, or with copies of what training changes."""
        shell = copy.copy(self)
        if going_on:
            shell.fitted_ = self.fitted_.to_train()
            shell.__dict__.pop("training_", None)  # of the copy that a callback got
        else:
            shell.__dict__ = {k: v for k, v in vars(self).items() if not is_fitted_name(k)}
        return shell

    def _take_over(self, shell: BaseDL) -> None:
        """Replace all that was fitted by what the shell has, at one stroke."""
        kept = {k: v for k, v in vars(self).items() if not is_fitted_name(k)}
        self.__dict__ = kept | {k: v for k, v in vars(shell).items() if is_fitted_name(k)}

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _check_rows(
        self, X: Any, y: Any, sample_weight: Any, plan: Plan, head: Head | None, groups: Any = None
    ) -> tuple[Table, np.ndarray]:
        """Checked arrays, without rows of weight 0, for a head that is learnt or None; and y as it was with them.

        Sets `n_features_in_` and `feature_names_in_`, or checks them where there is a head.
        """
        X = self._check_inputs(X, reset=head is None)
        checked = check_target(self, X, y)
        table = Table(X, checked, None, groups=None if groups is None else check_groups(groups, checked))
        if sample_weight is not None:
            weight = check_weight(sample_weight, table.y)
            table = table._replace(weight=weight)
            table = table if weight.all() else table.rows(np.flatnonzero(weight))
        with told("y", y):
            return table._replace(y=self._head.check(table.y, plan.loss, head)), checked

    def _check_inputs(self, X: Any, *, reset: bool) -> Any:
        """X as the encoder, learnt or to be learnt, takes it, or finite numbers where there is none."""
        encoder = self.fitted_.encoder if "fitted_" in vars(self) else self.encoder
        return (check_numbers if encoder is None else check_table)(self, X, reset=reset)

    def _refuse_half_a_validation_set(self, call: Call) -> None:
        if (call.X_val is None) != (call.y_val is None):
            there, missing = ("X_val", "y_val") if call.y_val is None else ("y_val", "X_val")
            pair = isinstance(call.X_val, (tuple, list)) and len(call.X_val) == 2
            meant = f" (did you mean X_val=..., y_val=..., of the {type(call.X_val).__name__} of two?)" if pair else ""
            raise ValueError(f"{there} was given without {missing}; pass both or neither{meant}.")
        if call.X_val is None and call.sample_weight_val is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val; pass all three or none.")
        if call.X_val is not None and not self.early_stopping:
            raise ValueError("X_val and y_val need early_stopping='auto' or True; got early_stopping=False.")

    def _check_validation(self, call: Call, plan: Plan, head: Head) -> Table:
        """The rows that were given to judge by."""
        try:
            held, _ = self._check_rows(call.X_val, call.y_val, call.sample_weight_val, plan, head)
            with told("y", call.y_val):
                head.encode(held.y, np.float64)  # unknown classes are told here
            return self._weigh(held, head)
        except ValueError as error:
            raise ValueError(f"in the validation set (X_val, y_val, sample_weight_val): {error}") from error

    def _head_of(self, y: np.ndarray, train: Table, plan: Plan, call: Call) -> Head:
        with told("y", call.y):
            return self._learn_head(y, train, plan, call)

    def _sees_sparse(self, X: Any) -> bool:
        """Whether the network is to see a sparse table."""
        if not issparse(X):
            return False
        encoder = TableEncoder() if isinstance(self.encoder, str) else self.encoder
        return encoder is None or X.shape[1] > encoder.max_dense

    def _learn_encoder(self, table: Table) -> TableEncoder | None:
        if self.encoder is None:
            return None
        encoder = TableEncoder() if isinstance(self.encoder, str) else clone(self.encoder)
        with told("X", table.X):
            encoder.learn(table.X, table.weight, table.at)
        for name in ("n_features_in_", "feature_names_in_"):  # the table was checked here: the encoder saw it not
            if name in vars(self):
                setattr(encoder, name, vars(self)[name])
        return encoder

    def _new_record(
        self, plan: Plan, table: Table, head: Head, state: State, encoder: TableEncoder | None, n_rows: int
    ) -> Fitted:
        """A record with a new network, which has seen nothing but the encoded columns; of n_rows, or some of them."""
        layout = Layout.plain(self.n_features_in_, sparse=issparse(table.X)) if encoder is None else encoder.layout
        layer = plan.blueprint.layer(layout, head.n_raw)
        precision = precision_of(self.dtype, plan.solver, n_rows * Network.count(layer))
        network = Network.build(layer, state.seed, precision)
        fitted = Fitted(encoder, head, network, state, [], layout, n_rows)
        _learn_embedding(fitted, plan, table)
        return fitted

    def _fixed(self) -> dict[str, tuple[Any, Any]]:
        """The parameters that a further fit cannot change: what each asks for now, and what was fitted."""
        fitted = self.fitted_.network.values.dtype.name
        resolved = isinstance(self.dtype, str) and self.dtype == "auto"
        asked = "float32" if rounds(self.dtype) else self.dtype
        encoder = TableEncoder() if isinstance(self.encoder, str) else self.encoder
        return {
            "encoder": (encoder, self.fitted_.encoder),
            "dtype": (fitted if resolved else np.dtype(asked).name, fitted),
        }

    def _go_on(self, plan: Plan) -> None:
        """The old values in a network of today's parameters."""
        fitted = self.fitted_
        fixed = {name: (text(now), text(was)) for name, (now, was) in self._fixed().items()}
        changed = [f"{name}={now} was {was}" for name, (now, was) in fixed.items() if now != was]
        if changed:
            raise ValueError(
                f"{', '.join(changed)}, which warm_start and partial_fit cannot change in a fitted network; fit a "
                "clone, or set warm_start=False."
            )
        old = fitted.network
        fitted.network = Network(plan.blueprint.layer(fitted.layout, fitted.head.n_raw), old.values)
        if old.entries() != fitted.network.entries():
            now, before = shape_of(plan), fitted.shape
            changed = [f"{name}={now[name]} was {before[name]}" for name in now if now[name] != before[name]]
            changed = changed or ["what architecture makes"]  # functions that are told by the same name
            raise ValueError(
                f"the parameters describe a network of another shape than the fitted one ({', '.join(changed)}), which "
                "warm_start and partial_fit cannot train further; fit a clone, or set warm_start=False."
            )

    # ---------------------------------------------------------------- predict

    def _read(self, X: Any, then: Then) -> Any:
        """What follows from the network's output, in double precision, for a table as the user gives it."""
        if "fitted_" not in vars(self):
            check_is_fitted(self)
        fitted = self.fitted_
        with np.errstate(over="ignore", invalid="ignore"):
            if not is_plain(self, X, finite=fitted.encoder is None):
                X = self._check_inputs(X, reset=False)
            return fitted.read(X, then, self.n_jobs)

    def _raw(self, X: Any) -> np.ndarray:
        """The network's output, in double precision."""
        raw: np.ndarray = self._read(X, lambda raw: raw)
        return raw

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.encoder is not None
        tags.input_tags.categorical = self.encoder is not None
        tags.target_tags.multi_output = True
        return tags


def _warn_of_overfitting(fitted: Fitted, plan: Plan, table: Table) -> None:
    """Tell of columns by which rows were learnt by heart."""
    state, encoder = fitted.state, fitted.encoder
    planned = plan.n_epochs - plan.n_last if state.ended_by == "early_stopping" else None
    if encoder is None or state.best_epoch is None or parting(fitted.history, state.best_epoch, planned) is None:
        return
    columns = columns_of(encoder, table)
    if singling_out(columns, len(table.y)):
        told = overfitting(fitted.history, state.best_epoch, columns, len(table.y), planned)
        warnings.warn(str(told), stacklevel=5)


def _learn_embedding(fitted: Fitted, plan: Plan, table: Table) -> None:
    """Tell the embedding of numbers what the columns look like, by a sample of the rows where there are many."""
    count = plan.blueprint.n_embedded(fitted.layout)

    @cache
    def of_levels(levels: tuple[float, ...]) -> np.ndarray:
        sample = sample_rows(len(table.y), table.weight)
        rows = table if sample is None else table.rows(sample)._replace(weight=None)
        encoded = fitted.encode(rows.inputs())
        numbers = encoded.numeric if isinstance(encoded, Columns) else encoded
        return np.array([quantiles(column, rows.weight, levels) for column in numbers[:, :count].T])

    if plan.blueprint.numeric_embedding is not None and count:
        for embedding in embeddings_of(fitted.network):
            plan.blueprint.numeric_embedding.learn(embedding, lambda levels: of_levels(tuple(levels)))
