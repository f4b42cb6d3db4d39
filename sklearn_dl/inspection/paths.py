"""Gradients of a network's output with respect to its encoded input, summed along the straight path from a baseline.

Knows nothing about estimators, tables or targets: it gets a network, encoded rows and the weights of the raw outputs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._data import Columns
from .._engine import Network, Workspace
from ..layers import Sequential, TableInput

__all__ = ["Scalar"]

Rule = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
NODES, NODE_WEIGHTS = (NODES + 1) / 2, NODE_WEIGHTS / 2  # from [-1, 1] to [0, 1]
SHARES = (1 / 16, 1 / 128, 1 / 1024, 1 / 8192)  # of the tolerance, for one panel of a path that is cut where needed
START, DEPTH = 32, 16  # panels to begin with, and how often one may be halved
BLOCK = 2**19  # numbers of the widest array that a block of rows makes
FLOOR = 0.01  # a difference smaller than this share of Σ|attributions| counts as that share
TINY = 1e-6  # and one smaller than this, in the units of the network, as this: below, all is rounding


@final
class Scalar:
    """f(z) = mean over members of raw(z) · weights: one number of a network, and its gradient, in double precision.

    z is what the network sees where it is differentiable: the encoded numbers, and behind the layer `TableInput` the
    embedded vectors in place of the codes.

    Parameters
    ----------
    network : Network
        The fitted network; it is copied.
    weights : ndarray of shape (n_raw,)
        Weight of each raw output.
    """

    def __init__(self, network: Network, weights: np.ndarray):
        layers = network.layer.children
        self._front: Network | None = None
        if isinstance(network.layer, Sequential) and layers and isinstance(layers[0], TableInput):
            self._front, body = _part(network, 0, 1), _part(network, 1, len(layers))
        else:
            body = Network(network.layer, network.values.astype(np.float64))
        self._work = Workspace(body, input_gradient=True)
        self._widest = max(max(entry.shape) for entry in body.entries())
        self._weights = weights

    @property
    def embedding_tables(self) -> list[np.ndarray]:
        """The embedding of each code, shape (n_codes, width), for each column of codes."""
        if self._front is None:
            return []
        layer: Any = self._front.layer.children[0]
        return np.split(self._front.views()[0].table, np.cumsum(layer.cardinalities)[:-1])

    def embed(self, encoded: np.ndarray | Columns) -> np.ndarray:
        """Encoded rows with their codes embedded.

        Parameters
        ----------
        encoded : ndarray of shape (n, d) or Columns
            float64.

        Returns
        -------
        ndarray of shape (n, d_embedded)
        """
        return encoded if isinstance(encoded, np.ndarray) else Workspace(self._front).forward(encoded)  # type: ignore[arg-type]

    def value(self, z: np.ndarray) -> np.ndarray:
        """f(z), shape (n,), for embedded rows."""
        return np.concatenate([self._forward(z[rows])[0] for rows in self._blocks(len(z), 1)])

    def times_gradient(self, z: np.ndarray, z0: np.ndarray) -> np.ndarray:
        """(z - z₀) ⊙ ∇f(z), shape (n, d)."""
        return self._step(z, np.broadcast_to(z - z0, z.shape))[1]

    def integrate(self, z: np.ndarray, z0: np.ndarray, tol: float) -> np.ndarray:
        """(z - z₀) ⊙ ∫₀¹ ∇f(z₀ + a (z - z₀)) da (Sundararajan, Taly & Yan 2017, eq. 1).

        For each row, rules follow one another until both the sum over the columns is f(z) - f(z₀) (their proposition 1,
        completeness) and no column changes any more. First Gauss-Legendre rules of 16 and 32 points, which are exact to
        rounding where f is smooth; then panels that are halved wherever the gradient jumps, as it does with ReLU.

        Parameters
        ----------
        z : ndarray of shape (n, d)
            Embedded rows.
        z0 : ndarray of shape (1, d)
            The baseline.
        tol : float
            Largest error of the sum, as a share of the difference, or of Σ|attributions| / 100 where that is more;
            and largest change of a column, as a share of Σ|attributions|.

        Returns
        -------
        ndarray of shape (n, d)

        Warns
        -----
        ConvergenceWarning
            Where the finest rule is not fine enough for some row.
        """
        difference = self.value(z) - self.value(z0)
        tiny = TINY * np.abs(self._weights).max()
        out, size = np.full_like(z, np.inf), np.abs(difference)
        left = np.arange(len(z))
        halved: list[Rule] = [partial(self._halve, share=tol * share) for share in SHARES]
        for rule in (self._gauss, self._gauss_twice, *halved):
            blocks = [left[rows] for rows in self._blocks(len(left), 2 * START)]
            values = np.concatenate([rule(z[rows], z0, np.maximum(size[rows], tiny)) for rows in blocks])
            size[left] = np.abs(values).sum(axis=1)
            error = np.abs(values.sum(axis=1) - difference[left])
            complete = error <= tol * np.maximum(np.maximum(np.abs(difference[left]), FLOOR * size[left]), tiny)
            settled = np.abs(values - out[left]).max(axis=1) <= tol * size[left]
            out[left] = values
            left = left[~(complete & settled)]
            if not len(left):
                return out
        warnings.warn(
            f"the attributions of {len(left)} of {len(z)} rows do not add up to within tol={tol} of the difference; "
            "raise tol, or see `residual` for what is left.",
            ConvergenceWarning,
            stacklevel=5,
        )
        return out

    def _gauss(self, z: np.ndarray, z0: np.ndarray, size: np.ndarray, panels: int = 1) -> np.ndarray:
        way, mean_gradient = z - z0, np.zeros_like(z)
        for panel in range(panels):
            a = (panel + NODES) / panels
            points = z0 + a[:, None, None] * way  # (nodes, n, d)
            gradient = self._value_and_gradient(points.reshape(-1, z.shape[1]))[1].reshape(points.shape)
            mean_gradient += np.einsum("a,and->nd", NODE_WEIGHTS / panels, gradient)
        return way * mean_gradient

    def _gauss_twice(self, z: np.ndarray, z0: np.ndarray, size: np.ndarray) -> np.ndarray:
        return self._gauss(z, z0, size, panels=2)

    def _halve(self, z: np.ndarray, z0: np.ndarray, size: np.ndarray, share: float) -> np.ndarray:
        """Panels, halved until each is good to `share` of `size`, in its sum and in each column.

        From edge a to edge b, t ∇f(a) + (1 - t) ∇f(b) stands for the mean gradient, with the t in [0, 1] that gives
        what f really gains: (t ∇f(a) + (1 - t) ∇f(b)) · (b - a) = f(b) - f(a). That is exact where the gradient jumps
        once between a and b.
        """
        way, out = z - z0, np.zeros_like(z)
        row, a, h = np.repeat(np.arange(len(z)), START), np.tile(np.arange(START) / START, len(z)), 1 / START
        f_a, g_a = self._step(z0 + a[:, None] * way[row], way[row])
        f_b, g_b = self._step(z0 + (a + h)[:, None] * way[row], way[row])
        for depth in range(DEPTH + 1):
            slope_a, slope_b, gain = g_a.sum(axis=1), g_b.sum(axis=1), (f_b - f_a) / h
            jump = slope_a - slope_b
            t = np.divide(gain - slope_b, jump, out=np.full_like(jump, 0.5), where=jump != 0).clip(0, 1)[:, None]
            mean = t * g_a + (1 - t) * g_b
            missing = np.abs(mean.sum(axis=1) - gain)
            unsure = np.abs(g_a - g_b).max(axis=1)
            good = (np.maximum(missing, unsure) * h <= share * size[row]) | (depth == DEPTH)
            np.add.at(out, row[good], mean[good] * h)
            row, a, h = row[~good], a[~good], h / 2
            if not len(row):
                break
            f, g = self._step(z0 + (a + h)[:, None] * way[row], way[row])  # in the middle
            f_a, f_b = np.concatenate((f_a[~good], f)), np.concatenate((f, f_b[~good]))
            g_a, g_b = np.concatenate((g_a[~good], g)), np.concatenate((g, g_b[~good]))
            row, a = np.concatenate((row, row)), np.concatenate((a, a + h))
        return out

    def _step(self, points: np.ndarray, way: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f and way ⊙ ∇f."""
        f, out = np.empty(len(points)), way.copy()
        for rows in self._blocks(len(points), 1):
            f[rows], gradient = self._value_and_gradient(points[rows])
            out[rows] *= gradient
        return f, out

    def _forward(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f, and the raw output, which is valid until the next call."""
        raw = self._work.forward(z)
        return raw.reshape(len(z), -1, raw.shape[-1]).mean(axis=1) @ self._weights, raw

    def _value_and_gradient(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f and ∇f; the latter is valid until the next call."""
        f, raw = self._forward(z)
        d_raw = np.empty_like(raw)
        d_raw[...] = self._weights * (raw.shape[-1] * len(z) / raw.size)  # df/draw: weights / number of members
        gradient = self._work.backward(d_raw)
        assert gradient is not None
        return f, gradient

    def _blocks(self, n_rows: int, n_points: int) -> list[slice]:
        step = max(1, BLOCK // (self._widest * n_points))
        return [slice(start, start + step) for start in range(0, n_rows, step)]


def _part(network: Network, start: int, stop: int) -> Network:
    """Some layers of a chain, as a network of its own in double precision."""
    layer = Sequential(network.layer.children[start:stop])
    part = Network(layer, np.empty(Network.count(layer)))
    spans = {entry.path: entry.span for entry in network.entries()}
    for entry in part.entries():
        number, _, rest = entry.path.partition(".")
        part.values[entry.span] = network.values[spans[f"{int(number) + start}.{rest}"]]
    return part
