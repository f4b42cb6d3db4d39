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
    """

    def __init__(self, inner: Loss):
        self.inner = inner

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        """As of any loss.

        Parameters
        ----------
        y : ndarray of shape (n, n_outputs)
            Targets.
        raw : ndarray of shape (n, n_members, n_raw)
            The members' outputs, read-only.
        weight : ndarray of shape (n, 1) or (n, n_members), or None
            Weight of each row, or of each row in each member's loss; None for 1.
        out : ndarray of the shape of `raw`
            Receives the gradient of the weighted sum.

        Returns
        -------
        float
            Σᵢⱼ wᵢⱼ lossᵢⱼ / n_members over rows and members.
        """
        k = raw.shape[1]
        repeated = None
        if weight is not None:
            repeated = weight.reshape(-1, 1) if weight.shape[1] == k else np.repeat(weight, k, axis=0)
        targets = np.repeat(y, k, axis=0)
        value = self.inner.value_and_gradient(targets, _rows(raw), repeated, _rows(out))
        out *= 1 / k
        return value / k


def _rows(a: Any) -> Any:
    """(n, k, q) -> (n k, q), a view."""
    return a.reshape(-1, a.shape[-1])
