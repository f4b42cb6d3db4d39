"""The estimators' common part: from a table through the encoder, the network and the training to fitted attributes.

Knows nothing about the difference between classes and numbers, which the two estimators supply.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._data.checks import check_numbers, check_table, check_target, check_weight, is_plain
from .._data.columns import Columns
from .._data.lazy import LazyRows
from .._data.statistics import quantiles, sample_rows
from .._data.table import Split, Table, hold_out, weight_exponent
from .._engine.network import Network
from .._engine.predict import forward
from .._training.descent import State
from .._training.fit import Call, fit_network
from .._training.monitor import Validation, warn_of
from ..checkpoint.content import Saved, read_saved
from ..checkpoint.fingerprint import settings
from ..encoding.table_encoder import TableEncoder
from ..losses import Loss
from .assembly import assemble, embedding_of, n_embedded
from .callbacks import CallbackSupportMixin
from .defaults import precision_of
from .fitted_attributes import FittedDL
from .params import Plan, check_plan

__all__ = ["BaseDL"]

UNKNOWN = 10_000  # rows that "auto" is settled for while the parameters alone are checked
FITTED = ("_target", "_loss", "_state", "_sparse", "_n_rows")  # with all names that end in "_"


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

    def _measure(self, validation: Validation) -> None:
        """Take note of what shows after the training, on rows that were held out or left out if there are any."""

    def _weigh(self, table: Table) -> Table:
        """The table with the weights of its classes."""
        return table

    # ---------------------------------------------------------------- fit

    def _fit(self, call: Call) -> None:
        """Fit a shell of the estimator and take everything over at the end: what fails leaves `self` as it was."""
        shell, plan, split, saved = self._prepare(call)
        end = fit_network(shell, self, call, plan, split, saved)
        if not (call.partial or self.warm_start):
            shell._state.memory, shell._state.step = {}, 0
        self._take_over(shell)
        warn_of(end)

    def _prepare(self, call: Call) -> tuple[BaseDL, Plan, Split, Saved | None]:
        """A shell with all that a training needs, the parameters for its rows, the rows, and what it goes on from."""
        params = self.get_params(deep=False)
        plan = check_plan(params, self._task, UNKNOWN)  # what is wrong is told before the data are looked at
        saved = None if call.resume_from is None else read_saved(call.resume_from, plan)
        going_on = (call.partial or self.warm_start) and self.__sklearn_is_fitted__()
        shell = self._shell(going_on)
        table = shell._check_table(call.X, call.y, call.sample_weight, plan, reset=not going_on)
        if not going_on:
            shell._learn_target(table, plan, call)
            shell._state, shell.history_ = State(self._draw_seed()), []
            shell._n_rows, shell._sparse = len(table.y), issparse(table.X)
        else:
            shell._go_on_with(plan.loss)
        if saved is not None:
            shell._state.seed = saved.state.seed
        plan = check_plan(params, self._task, shell._n_rows)
        if saved is not None:
            saved.refuse_other_estimator(type(self).__name__, settings(params, plan))
        split = shell._split(table, call, plan)
        split = split._replace(table=shell._weigh(split.table))
        if not going_on:
            shell._learn_encoder(split.table)
        shell._make_network(plan, split.table, going_on)
        return shell, plan, split, saved

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
        if call.partial or not plan.stops_early:
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
        n_out = self._loss.n_raw(self.n_outputs_)
        layer = assemble(plan, self.encoder_, self.n_features_in_, n_out, sparse=self._sparse)
        if not going_on:
            precision = precision_of(self.dtype, plan.solver, len(table.y) * Network.count(layer))
            self.network_ = Network.build(layer, self._state.seed, precision)
            self._learn_embedding(plan, table)
            return
        old, self.network_ = self.network_, Network(layer, self.network_.values)
        if old.entries() != self.network_.entries():
            raise ValueError(
                "the parameters describe a network of another shape than the fitted one, which warm_start and "
                "partial_fit cannot train further; fit a clone, or set warm_start=False."
            )

    def _learn_embedding(self, plan: Plan, table: Table) -> None:
        """Tell the embedding of numbers what the columns look like, by a sample of the rows where there are many."""
        count = n_embedded(plan, self.encoder_, self.n_features_in_, sparse=self._sparse)

        def of_columns(levels: np.ndarray) -> np.ndarray:
            sample = sample_rows(len(table.y))
            rows = table if sample is None else table.rows(sample)
            encoded = self._encode_inputs(rows.inputs())
            numbers = encoded.numeric if isinstance(encoded, Columns) else encoded
            return np.array([quantiles(column, rows.weight, tuple(levels)) for column in numbers[:, :count].T])

        if plan.numeric_embedding is not None and count:
            plan.numeric_embedding.learn(embedding_of(self.network_), of_columns)

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
            return forward(self.network_, self._encode_inputs(X), self.n_jobs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.encoder is not None
        tags.input_tags.categorical = self.encoder is not None
        tags.target_tags.multi_output = True
        return tags


def _is_fitted_name(name: str) -> bool:
    return name in FITTED or (name.endswith("_") and not name.startswith("_"))
