"""The estimators' common part: from a table through the encoder, the network and the training to fitted attributes.

Knows nothing about the difference between classes and numbers, which the two estimators supply.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._attributes import FittedDL
from ._callbacks import CallbackBridge, CallbackSupportMixin
from ._checks import Plan, check_plan
from .batches import Batches
from .checkpoint import is_checkpointed
from .descent import State
from .encoding import TableEncoder
from .inputs import check_numbers, check_table, check_target, check_weight, is_plain
from .layers import Layer, Sequential, TableInput
from .lazy import LazyRows
from .lbfgs import fit_lbfgs
from .losses import Loss
from .monitoring import Monitor, Validation, warn_of
from .network import Network
from .prediction import forward
from .progress import Saved, follow, read_saved
from .scoring import watched_score
from .sharing import threads_for
from .solvers import LBFGS
from .splitting import Split, Table, hold_out, scaled_alpha, weight_exponent
from .threads import Team, one_blas_thread, threads_granted
from .training import EarlyStopping, End, Fallback, train

__all__ = ["BaseDL", "Call"]

AUTO_STOPPING_ROWS = 10_000  # as in HistGradientBoosting: below, rows are worth more for training than for validation
AUTO_FLOAT64_WORK = 2**22  # multiplications an epoch: below, double precision costs nothing that a user would notice
AUTO_BATCH = ((1024, 64), (8192, 128), (30_000, 256), (100_000, 512), (math.inf, 1024))  # rows up to, rows a step
LBFGS_BLOCK = 8192  # rows of one sum


class Call(NamedTuple):
    """What was given to `fit` or `partial_fit`."""

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    classes: Any = None
    partial: bool = False
    resume_from: Any = None


class BaseDL(CallbackSupportMixin, FittedDL, ABC):
    """What `DLClassifier` and `DLRegressor` share: the route of a fit and of a prediction."""

    _task: str  # "classification" or "regression"

    # parameters that both have; the subclasses store them
    alpha: float
    batch_size: Any
    clip_norm: float | None
    dtype: Any
    early_stopping: Any
    encoder: Any
    max_iter: int
    max_time: float | None
    n_iter_no_change: float
    n_jobs: int | None
    random_state: Any
    scoring: Any
    shuffle: bool
    target_loss: float | None
    tol: float
    validation_fraction: float
    verbose: int
    warm_start: bool

    # ---------------------------------------------------------------- what the two estimators supply

    @abstractmethod
    def _check_y(self, y: np.ndarray, plan: Plan) -> np.ndarray:
        """The targets as the target encoder wants them; an error where the loss cannot take them."""

    @abstractmethod
    def _learn_target(self, table: Table, plan: Plan, call: Call) -> None:
        """Set `_target` and `_loss` from the training targets."""

    @abstractmethod
    def _go_on_with(self, loss: Loss) -> None:
        """Set `_loss` for a network that is already there; an error where it learnt under another link."""

    def _weigh(self, table: Table) -> Table:
        """The table with the weights of its classes."""
        return table

    # ---------------------------------------------------------------- fit

    def _fit(self, call: Call) -> None:
        """Fit a shell of the estimator and take everything over at the end: what fails leaves `self` as it was."""
        plan = check_plan(self.get_params(deep=False), self._task)
        saved = None if call.resume_from is None else read_saved(call.resume_from, self, plan)
        shell, rows = self._prepare(call, plan, None if saved is None else saved.state.seed)
        end = shell._train(self, call, plan, rows, saved)
        if not (call.partial or self.warm_start):
            shell._state.memory, shell._state.step = {}, 0
        self._take_over(shell)
        warn_of(end)

    def _prepare(self, call: Call, plan: Plan, seed: int | None = None) -> tuple[BaseDL, Split]:
        """A shell with all that a training needs, and its rows."""
        going_on = (call.partial or self.warm_start) and self.__sklearn_is_fitted__()
        shell = self._shell(going_on)
        table = shell._check_table(call.X, call.y, call.sample_weight, plan, reset=not going_on)
        if not going_on:
            shell._learn_target(table, plan, call)
            shell._state, shell.history_ = State(self._draw_seed()), []
        else:
            shell._go_on_with(plan.loss)
        shell._state.seed = shell._state.seed if seed is None else seed
        rows = shell._split(table, call, plan)
        rows = rows._replace(table=shell._weigh(rows.table))
        if not going_on:
            shell._learn_encoder(rows.table)
        shell._make_network(plan, rows.table, going_on)
        return shell, rows

    def _shell(self, going_on: bool) -> BaseDL:
        """A shallow copy to fit: without what was fitted before, or with copies of what training changes."""
        shell = copy.copy(self)
        if going_on:
            shell.network_ = copy.copy(self.network_)
            shell._state = copy.deepcopy(self._state)
            shell.history_ = list(self.history_)
        else:
            shell.__dict__ = {k: v for k, v in vars(self).items() if not _is_fitted_name(k)}
        return shell

    def _take_over(self, shell: BaseDL) -> None:
        """Replace all that was fitted by what the shell has, at one stroke."""
        kept = {k: v for k, v in vars(self).items() if not _is_fitted_name(k)}
        self.__dict__ = kept | {k: v for k, v in vars(shell).items() if _is_fitted_name(k)}

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _check_table(self, X: Any, y: Any, sample_weight: Any, plan: Plan, *, reset: bool) -> Table:
        """Checked arrays, without rows of weight 0; sets or checks `n_features_in_` and `feature_names_in_`."""
        X = self._check_inputs(X, reset=reset)
        y = check_target(self, X, y)
        table = Table(X, y, None)
        if sample_weight is not None:
            weight = check_weight(sample_weight, y)
            table = table._replace(weight=weight)
            table = table if weight.all() else table.rows(np.flatnonzero(weight))
        return table._replace(y=self._check_y(table.y, plan))

    def _check_inputs(self, X: Any, *, reset: bool) -> Any:
        """X as the encoder, learnt or to be learnt, takes it, or finite numbers where there is none."""
        encoder = vars(self).get("encoder_", self.encoder)
        return (check_numbers if encoder is None else check_table)(self, X, reset=reset)

    def _split(self, table: Table, call: Call, plan: Plan) -> Split:
        if (call.X_val is None) != (call.y_val is None):
            there, missing = ("X_val", "y_val") if call.y_val is None else ("y_val", "X_val")
            raise ValueError(f"{there} was given without {missing}; pass both or neither.")
        if call.X_val is not None:
            if not self.early_stopping:
                raise ValueError("X_val and y_val need early_stopping='auto' or True; got early_stopping=False.")
            try:
                held = self._check_table(call.X_val, call.y_val, call.sample_weight_val, plan, reset=False)
                self._target.encode(held.y, np.float64)  # unknown classes are told here
                return Split(table, self._weigh(held), True)
            except ValueError as error:
                raise ValueError(f"in the validation set (X_val, y_val, sample_weight_val): {error}") from error
        if call.sample_weight_val is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val; pass all three or none.")
        early = len(table.y) > AUTO_STOPPING_ROWS if self.early_stopping == "auto" else self.early_stopping
        if call.partial or not early:
            return Split(table, None, False)
        stratified = self._task == "classification" and table.y.ndim == 1
        train_rows, held_out = hold_out(table, self.validation_fraction, self._state.seed, stratified=stratified)
        return Split(train_rows, None if held_out is None else self._weigh(held_out), True)

    def _learn_encoder(self, table: Table) -> None:
        if self.encoder is None:
            self.encoder_ = None
        else:
            encoder = TableEncoder() if isinstance(self.encoder, str) else clone(self.encoder)
            self.encoder_ = encoder.learn(table.X, table.weight, table.at)
            for name in ("n_features_in_", "feature_names_in_"):  # the table was checked here: the encoder saw it not
                if name in vars(self):
                    setattr(encoder, name, vars(self)[name])

    def _make_network(self, plan: Plan, table: Table, going_on: bool) -> None:
        """A new network, or the old values in a network of today's parameters."""
        layer = self._build(plan)
        if not going_on:
            self.network_ = Network.build(layer, self._state.seed, self._precision(plan, layer, len(table.y)))
            return
        old, self.network_ = self.network_, Network(layer, self.network_.values)
        if old.entries() != self.network_.entries():
            raise ValueError(
                "the parameters describe a network of another shape than the fitted one, which warm_start and "
                "partial_fit cannot train further; fit a clone, or set warm_start=False."
            )

    def _build(self, plan: Plan) -> Layer:
        """The network's layers: embeddings where the encoder asks for them, then the architecture."""
        n_out = self._loss.n_raw(self.n_outputs_)
        if self.encoder_ is None or not self.encoder_.cardinalities:
            n_in = self.n_features_in_ if self.encoder_ is None else self.encoder_.n_numeric_out
            return plan.build(n_in, n_out)
        front = TableInput(self.encoder_.n_numeric_out, self.encoder_.cardinalities, self.encoder_.embedding_size)
        return Sequential((front, plan.build(front.n_out, n_out)))

    def _precision(self, plan: Plan, layer: Layer, n_rows: int) -> Any:
        if not (isinstance(self.dtype, str) and self.dtype == "auto"):
            return np.dtype(self.dtype)
        work = n_rows * Network.count(layer)
        return np.dtype(np.float64 if isinstance(plan.solver, LBFGS) or work <= AUTO_FLOAT64_WORK else np.float32)

    def _encode(self, table: Table) -> Table:
        """The table as the network sees it."""
        dtype, weight = self.network_.values.dtype, table.weight
        if weight is not None:
            weight = np.ldexp(weight, -weight_exponent(weight)).astype(dtype)
        y = self._target.encode(table.y, dtype)
        if not table.is_large:
            return Table(self._encode_inputs(table.X), y, weight)
        width = self._encode_inputs(table.X[:1]).shape[1]
        return Table(LazyRows(table.X, table.at, self._encode_inputs, width), y, weight)

    def _encode_inputs(self, X: Any) -> Any:
        dtype = self.network_.values.dtype
        return X.astype(dtype, copy=False) if self.encoder_ is None else self.encoder_.encode(X, dtype)

    def _train(self, estimator: BaseDL, call: Call, plan: Plan, rows: Split, saved: Saved | None) -> End:
        """Train `network_` and `_state`; `estimator` is the one whose callbacks are told."""
        network, state, n_epochs = self.network_, self._state, 1 if call.partial else self.max_iter
        table, held_out, stops_early = rows
        validation, encoded, encoded_held = None, self._encode(table), None
        if held_out is not None:
            encoded_held = self._encode(held_out)
            score = watched_score(self, self.scoring, held_out, encoded_held.X)
            validation = Validation(*encoded_held[:3], self._loss, score)
        stopping, fallback, origin = None, Fallback(), 0 if call.partial else state.epoch
        if not call.partial and (stops_early or plan.schedule.on_plateau(math.inf) is not None):
            stopping = EarlyStopping(self.n_iter_no_change, self.tol, keep_best=held_out is not None)
        if saved is not None or (is_checkpointed(estimator) and not call.partial):
            progress = follow(self, plan, encoded, encoded_held, stopping, fallback, saved)
            self._progress, origin, n_epochs = progress, progress.origin, progress.epochs_left
        metadata = {"sample_weight": call.sample_weight}
        bridge = CallbackBridge(estimator, n_epochs, call.X, call.y, metadata, self._fitted_now)
        monitor = Monitor(
            network=network,
            state=state,
            schedule=plan.schedule,
            history=self.history_,
            validation=validation,
            stopping=stopping,
            stops_early=stops_early,
            bridge=bridge,
            fitted=self._fitted_now,
            n_epochs=n_epochs,
            target_loss=self.target_loss,
            max_time=self.max_time,
            verbose=int(self.verbose),
        )
        alpha = scaled_alpha(self.alpha, table.weight)
        with one_blas_thread():
            if isinstance(plan.solver, LBFGS):
                end = self._minimise(plan, encoded, monitor, alpha)
            else:
                end = self._descend(plan, encoded, monitor, alpha, n_epochs, origin, fallback)
        if stopping is not None:
            stopping.restore(network)
        bridge.end(self._fitted_now)
        return end

    def _minimise(self, plan: Plan, encoded: Table, monitor: Monitor, alpha: float) -> End:
        blocks = Batches(*encoded[:3], size=LBFGS_BLOCK, shuffle=False, seed=self._state.seed)
        return fit_lbfgs(
            self.network_,
            blocks,
            self._loss,
            plan.solver,
            self._state,
            monitor,
            max_iter=self.max_iter,
            tol=self.tol,
            alpha=alpha,
        )

    def _descend(
        self,
        plan: Plan,
        encoded: Table,
        monitor: Monitor,
        alpha: float,
        n_epochs: int,
        origin: int,
        fallback: Fallback,
    ) -> End:
        size = self._batch_rows(len(encoded.y))
        batches = Batches(*encoded[:3], size=size, shuffle=self.shuffle, seed=self._state.seed)
        n_threads = threads_for(threads_granted(self.n_jobs), batches.size, self.network_.n_weights)
        with ExitStack() as stack:
            return train(
                self.network_,
                batches,
                self._loss,
                plan.solver,
                plan.schedule,
                self._state,
                monitor,
                learning_rate=plan.learning_rate,
                n_epochs=n_epochs,
                horizon=self.max_iter,
                origin=origin,
                alpha=alpha,
                clip_norm=self.clip_norm,
                fallback=fallback,
                team=stack.enter_context(Team(n_threads)) if n_threads > 1 else None,
            )

    def _batch_rows(self, n_rows: int) -> int:
        if self.batch_size is None:
            return n_rows
        if isinstance(self.batch_size, str):
            return next(size for rows, size in AUTO_BATCH if n_rows <= rows)
        return int(self.batch_size)

    def _fitted_now(self) -> dict[str, Any]:
        """The attributes of an estimator that stopped here, for callbacks."""
        fitted = {k: v for k, v in vars(self).items() if _is_fitted_name(k) or k == "_progress"}
        return fitted | {"network_": copy.copy(self.network_), "history_": list(self.history_)}

    # ---------------------------------------------------------------- predict

    def _raw(self, X: Any) -> np.ndarray:
        """The network's output for a table as the user gives it."""
        if "network_" not in vars(self):
            check_is_fitted(self)
        with np.errstate(over="ignore", invalid="ignore"):
            if not is_plain(self, X, finite=self.encoder_ is None):
                X = self._check_inputs(X, reset=False)
            return forward(self.network_, self._encode_inputs(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.encoder is not None
        tags.input_tags.categorical = self.encoder is not None
        tags.target_tags.multi_output = True
        return tags


def _is_fitted_name(name: str) -> bool:
    return name in ("_target", "_loss", "_state") or (name.endswith("_") and not name.startswith("_"))
