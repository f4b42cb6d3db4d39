"""The loss of an ensemble inside one network: the mean of its members' losses.

Knows nothing about what the members share.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from .base import Loss

__all__ = ["MeanOfMembers"]


@final
class MeanOfMembers(Loss):
    """A loss for raw outputs of shape (n, n_members, n_raw).

    Training on the loss of the mean prediction instead would let the members lean on each other (Gorishniy,
    Kotelnikov & Babenko 2024, https://arxiv.org/abs/2410.24210, section 3.2).

    Parameters
    ----------
    inner : Loss
        The loss of one member.
    fold_weights : ndarray of shape (n_folds, n_members) or None, default=None
        Where given, the last column of y is the number of the row's fold, and this its weight in each member's loss.
    """

    def __init__(self, inner: Loss, fold_weights: np.ndarray | None = None):
        self.inner = inner
        self.fold_weights = fold_weights

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        k = raw.shape[1]
        repeated = None if weight is None else np.repeat(weight, k, axis=0)
        if self.fold_weights is not None:
            y, fold = y[:, :-1], y[:, -1].astype(np.intp)
            members = self.fold_weights.astype(raw.dtype, copy=False).take(fold, axis=0).reshape(-1, 1)
            repeated = members if repeated is None else members * repeated
        targets = np.repeat(y, k, axis=0)
        value = self.inner.value_and_gradient(targets, _rows(raw), repeated, _rows(out))
        out *= 1 / k
        return value / k


def _rows(a: Any) -> Any:
    """(n, k, q) -> (n k, q), a view."""
    return a.reshape(-1, a.shape[-1])
