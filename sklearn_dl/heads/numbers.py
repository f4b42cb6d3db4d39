"""The head of a regression: numbers in their own units, with the spread around a prediction.

Knows nothing about networks, training or the inputs.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np

from ..losses import Loss
from ..losses.links import Levels
from .base import Head, Judged, Readout, position
from .targets import NumberEncoder

__all__ = ["NumberHead"]


@final
class NumberHead(Head):
    """Numbers: y = central(link⁻¹(raw)) · scale + center.

    Parameters
    ----------
    target : NumberEncoder
        Their units.
    loss : Loss
        A loss for regression.

    Attributes
    ----------
    unit_noise : ndarray of shape (n_outputs,) or None
        Mean squared residual of each output, in units of a power of two, where an ensemble was trained.
    scaled : bool
        Whether the units were learnt.
    constant : ndarray of shape (n_outputs,)
        Outputs that were the same in all rows so far.
    """

    task: ClassVar[str] = "regression"
    target: NumberEncoder

    def __init__(self, target: NumberEncoder, loss: Loss):
        self.target, self.loss = target, loss
        self.unit_noise: np.ndarray | None = None
        self.scaled, self.constant = False, np.zeros(target.n_outputs, bool)

    @classmethod
    def learn(cls, y: np.ndarray, weight: np.ndarray | None, loss: Loss, *, scaled: bool, final: bool) -> NumberHead:
        """The head for training targets; the parameters are those of `NumberEncoder.learn`."""
        head = cls(NumberEncoder.learn(y, weight, scaled=scaled, positive=loss.link.is_positive, final=final), loss)
        head.scaled, head.constant = scaled, _constant(y)
        return head

    @classmethod
    def check(cls, y: np.ndarray, loss: Loss, known: Head | None) -> np.ndarray:
        if y.dtype.kind in "mM":
            raise ValueError(f"y must hold numbers; it holds dates or times ({y.dtype}).")
        try:
            y = y.astype(np.float64, copy=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y must hold numbers; got {_first_other(y)!r}.") from error
        if not np.isfinite(y).all():
            raise ValueError("y must hold finite numbers; it contains NaN or infinity.")
        loss.check_target(y)
        n_outputs = y.reshape(len(y), -1).shape[1]
        if known is not None and n_outputs != known.n_outputs:
            raise ValueError(f"y must have {known.n_outputs} output(s); got {n_outputs}.")
        return y

    @property
    def n_outputs(self) -> int:
        return self.target.n_outputs

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        return self.target.encode(y, dtype)

    def go_on_with(self, loss: Loss) -> None:
        if loss.link.name != self.link.name:
            raise ValueError(
                f"loss={loss!r} has another link than the fitted one, which warm_start and partial_fit cannot "
                "train further; fit a clone, or set warm_start=False."
            )
        self.loss = loss

    def settles(self, *, left_out: bool) -> bool:
        return True

    def refine(self, y: np.ndarray, weight: np.ndarray | None, *, early: bool) -> None:
        """Learn units that earlier rows could not tell: those of constant outputs, or of all of them.

        The network's numbers stay, and so what it predicts moves with the units: of a constant output it has learnt
        nothing that would be worth keeping, and to walk from an old constant would cost it most of the stream.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Checked targets of further rows; where `early`, of all rows so far.
        weight : ndarray of shape (n,) or None
            Weight of each.
        early : bool
            Whether there are so few rows so far that all units are learnt anew.
        """
        old, positive, constant = self.target, self.link.is_positive, _constant(y)
        matrix = y.reshape(len(y), -1)
        value = old.scale if positive else old.center
        chosen = np.full(old.n_outputs, early) | (self.constant & (matrix != value).any(axis=0))
        if not (self.scaled and chosen.any()):
            return
        learnt = NumberEncoder.learn(y, weight, scaled=True, positive=positive)
        scale = learnt.scale
        if not (positive or early):  # one value, but not the one so far
            with np.errstate(over="ignore"):
                apart = np.abs(learnt.center - old.center)
            scale = np.where(constant, np.clip(apart, np.finfo(float).tiny, np.finfo(float).max), scale)
        center, scale = np.where(chosen, learnt.center, old.center), np.where(chosen, scale, old.scale)
        self.target = NumberEncoder(center, scale, old.one_dimensional)
        nothing = positive & (matrix == 0).all(axis=0)  # no unit yet
        self.constant = np.where(chosen, constant & (early | nothing), self.constant)

    def settle(self, judged: Judged) -> float:
        residual = judged.y - self.link.central(self.link.inverse(judged.raw_at(1.0)))
        self.unit_noise = np.average(residual**2, axis=0, weights=judged.weight) * np.frexp(self.target.scale)[0] ** 2
        return 1.0

    @property
    def noise(self) -> np.ndarray | None:
        """Mean squared residual of each output, in the units of y; infinite or 0 where its root only is a number."""
        if self.unit_noise is None:
            return None
        with np.errstate(over="ignore", under="ignore"):
            noise: np.ndarray = np.ldexp(self.unit_noise, 2 * np.frexp(self.target.scale)[1])
        return noise

    # ---------------------------------------------------------------- predictions

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """The prediction in the units of y, shape (n,) or (n, n_outputs), from outputs in double precision."""
        with np.errstate(over="ignore"):
            return self.target.decode(self.link.central(self.link.predict(raw)))

    def predict_levels(self, raw: np.ndarray) -> np.ndarray:
        """All levels in the units of y, shape (n, n_levels) or (n, n_outputs, n_levels)."""
        with np.errstate(over="ignore"):
            return self.target.decode(self.link.predict(raw))

    def spread(self, raw: np.ndarray) -> np.ndarray:
        """√(variance of the members' predictions + noise), shape (n, n_outputs), in the units of y."""
        if self.unit_noise is None:
            raise ValueError("return_std=True needs the noise, before which the fit was interrupted; fit again.")
        scale, exponent = np.frexp(self.target.scale)  # powers of two last: no square leaves the range of numbers
        with np.errstate(over="ignore"):
            variance = self.link.central(self.link.each(raw)).var(axis=1)
            spread: np.ndarray = np.ldexp(np.sqrt(variance * scale**2 + self.unit_noise), exponent)
        return spread

    # ---------------------------------------------------------------- explanations

    def targets(self) -> list[Any]:
        return list(range(self.n_outputs))

    def readout(self, target: Any) -> Readout:
        n, n_raw = self.n_outputs, self.n_raw
        j = position(target, n)
        n_levels = n_raw // n
        if n_levels > 1 and not self.link.levels:
            raise ValueError(f"attributions need one raw output a target; the loss {self.loss!r} has {n_levels}.")
        weights, name = np.zeros(n_raw), "y" if n == 1 else f"y[{j}]"
        column = j * n_levels + (self.link.middle if isinstance(self.link, Levels) else 0)
        if self.link.is_log:
            weights[column] = 1.0
            return Readout(weights, float(np.log(self.target.scale[j])), f"log {name}")  # log(scale · e^raw)
        weights[column] = self.target.scale[j]
        return Readout(weights, float(self.target.center[j]), name)


def _constant(y: np.ndarray) -> np.ndarray:
    """Whether each output is the same in all rows."""
    matrix = y.reshape(len(y), -1)
    out: np.ndarray = matrix.min(axis=0) == matrix.max(axis=0)
    return out


def _first_other(y: np.ndarray) -> Any:
    """The first value that is not a number."""
    for value in y.ravel().tolist():
        try:
            float(value)
        except (TypeError, ValueError):
            return value
    return None
