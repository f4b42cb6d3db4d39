"""The loss of an ensemble inside one network: the mean of its members' losses, and the mean of their predictions.

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
    """

    def __init__(self, inner: Loss):
        self.inner = inner

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        k = raw.shape[1]
        repeated = None if weight is None else np.repeat(weight, k, axis=0)
        value = self.inner.value_and_gradient(np.repeat(y, k, axis=0), _rows(raw), repeated, _rows(out))
        out *= 1 / k
        return value / k

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """The mean of the members' predictions."""
        return self.predict_each(raw).mean(axis=1)

    def predict_each(self, raw: np.ndarray) -> np.ndarray:
        """The members' predictions, members on axis 1."""
        predicted = self.inner.predict(_rows(raw))
        return predicted.reshape(len(raw), -1, *predicted.shape[1:])

    def pooled(self, raw: np.ndarray) -> np.ndarray:
        """The raw output, shape (n, n_raw), whose prediction is the mean of the members' predictions."""
        return self.inner.pool(raw)


def _rows(a: Any) -> Any:
    """(n, k, q) -> (n k, q), a view."""
    return a.reshape(-1, a.shape[-1])
