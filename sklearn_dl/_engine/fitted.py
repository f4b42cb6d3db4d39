"""What a fit leaves behind and a further fit goes on from: encoder, head, network, state and history, in one record.

Knows nothing about estimators, and nothing about how the record came to be.
"""

from __future__ import annotations

import copy
import math
from abc import ABC
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, final

import numpy as np
from sklearn.base import BaseEstimator

from .._data import LARGE, LazyRows, Rows, Table, told, weight_exponent
from ..encoding import TableEncoder
from ..encoding.layout import Layout
from ..heads import Head
from .network import Network
from .predict import FEW_ROWS, Then, forward

__all__ = ["Early", "Fitted", "Holder", "State"]


@final
@dataclass(eq=False)
class State:
    """Where a training stands: with the network's values, all that going on needs.

    Attributes
    ----------
    seed : int
        Decides all random numbers.
    epoch, step, samples_seen : int
        Epochs, steps and rows that are over.
    rate_factor : float
        What plateaus, or a callback, have made of the learning rate.
    kept : dict of str to ndarray
        The solver's vectors.
    over : bool
        Whether early stopping or the target loss has ended it.
    best_epoch, best_loss : int or None, float or None
        The epoch whose values the network has in the end, and their validation loss; None where nobody judges.
    n_rows : int
        Rows that the last call of `fit` trained on; 0 after `partial_fit`.
    ended_by : str or None
        What ended the last call of `fit`.
    judged : int or None
        Where rows are left out, epochs that were over when the judgement ended: the last ones learn from these rows
        too. None before that, and where no rows are left out.
    """

    seed: int
    epoch: int = 0
    step: int = 0
    samples_seen: int = 0
    rate_factor: float = 1.0
    kept: dict[str, np.ndarray] = field(default_factory=dict)
    over: bool = False
    best_epoch: int | None = None
    best_loss: float | None = None
    n_rows: int = 0
    ended_by: str | None = None
    judged: int | None = None


@final
@dataclass
class Early:
    """The first rows of a stream, while they are too few to tell the units of columns and targets.

    Attributes
    ----------
    numbers : ndarray, CSR matrix or None
        Their columns of numbers, as the encoder's `numbers_of` gives them.
    y : ndarray of shape (n,) or (n, n_outputs)
        Their targets.
    weight : ndarray of shape (n,) or None
        Their weights.
    """

    numbers: Any
    y: np.ndarray
    weight: np.ndarray | None


@final
@dataclass(eq=False)
class Fitted:
    """What a training changes, and what everything that comes after it reads.

    Attributes
    ----------
    encoder : TableEncoder or None
        What happens to X before the network; None for nothing.
    head : Head
        What the network's outputs mean.
    network : Network
        What was learnt.
    state : State
        Where the training stands.
    history : list of dict
        One record an epoch.
    layout : Layout
        The columns that the network sees.
    n_rows : int
        Training rows of the first fit, by which "auto" is settled for good.
    settings : dict
        What "auto" became in the last fit.
    shape : dict of str to str
        The parameters that decide the network's shape, in words.
    early : Early or None
        What further calls of `partial_fit` need to know of the first ones.
    """

    encoder: TableEncoder | None
    head: Head
    network: Network
    state: State
    history: list[dict[str, Any]]
    layout: Layout
    n_rows: int
    settings: dict[str, Any] = field(default_factory=dict)
    shape: dict[str, str] = field(default_factory=dict)
    early: Early | None = None

    def __repr__(self) -> str:  # the history of a dataclass's would be long
        return f"<Fitted: {self.network.n_params} values after {self.state.epoch} epochs>"

    def encode(self, X: Any) -> Any:
        """Checked inputs as the network sees them."""
        return _encode(self.encoder, self.network.values.dtype, X)

    def encode_rows(self, table: Table) -> Rows:
        """Checked rows as the network sees them; those of a large table only when a batch asks for them."""
        dtype, weight = self.network.values.dtype, table.weight
        if weight is not None:
            weight = np.ldexp(weight, -weight_exponent(weight)).astype(dtype)
        with told("y", table.y):
            y = self.head.encode(table.y, dtype)
        if not (table.is_large or self._makes_dense(table.X, LARGE // 8)):
            return Rows(self.encode(table.X), y, weight)
        width = self.encode(table.X[:1]).shape[1]
        encode = partial(_encode, self.encoder, dtype)  # no more than what another process needs
        return Rows(LazyRows(table.X, table.at, encode, width), y, weight)

    def read(self, X: Any, then: Then, n_jobs: int | None = 1) -> Any:
        """What follows from the network's output for checked inputs, which `then` gets in double precision, in blocks.

        Arrays, and sparse tables that become dense, are encoded block by block too.
        """
        if (isinstance(X, np.ndarray) or self._makes_dense(X)) and X.shape[0] > FEW_ROWS:
            x: Any = LazyRows(X, None, self.encode, self.encode(X[:1]).shape[1])
        else:
            x = self.encode(X)
        return forward(self.network, x, n_jobs, lambda raw: then(raw.astype(np.float64, copy=False)))

    def _makes_dense(self, X: Any, more_than: int = 0) -> bool:
        """Whether rows are sparse and the network sees dense ones, of more than so many numbers in all."""
        return self.encoder is not None and self.encoder.makes_dense(X) and math.prod(X.shape) > more_than

    def snapshot(self) -> Fitted:
        """The record as it is now, for somebody who looks on; only the solver's vectors are those that will change."""
        network, history = copy.copy(self.network), list(self.history)
        return replace(self, network=network, history=history, head=copy.copy(self.head), state=replace(self.state))

    def to_train(self) -> Fitted:
        """A copy that a further training may change in every part, while this one stays as it is."""
        return replace(self.snapshot(), state=copy.deepcopy(self.state))


class Holder(BaseEstimator, ABC):
    """What holds a record of what was fitted: the estimators, and the copies of them that callbacks get.

    Attributes
    ----------
    fitted_ : Fitted
        The record.
    training_ : Training
        The fit under way; of the copies that callbacks get, and of nothing else.
    """

    fitted_: Fitted
    training_: Any


def _encode(encoder: TableEncoder | None, dtype: np.dtype[Any], X: Any) -> Any:
    """Checked inputs as a network of some precision sees them."""
    with told("X", X):
        return X.astype(dtype, copy=False) if encoder is None else encoder.encode(X, dtype)
