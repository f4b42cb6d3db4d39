"""The head of a regression: numbers in their own units, with the spread around a prediction.

Knows nothing about networks, training or the inputs.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np
from scipy.special import ndtri

from .._numerics import check_value, interval
from ..losses import Loss
from ..losses.links import Levels
from .base import Head, Judged, Readout, position
from .intervals import Margins, Scale
from .targets import NumberEncoder

__all__ = ["NumberHead"]

ONE_SIGMA = float(ndtri(0.95))  # 1.645: a normal number is within ±1.645 deviations with a probability of 0.9


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
        Mean squared residual of each output, in units of a power of two, where an ensemble was trained or rows were
        held out.
    scale : Scale or None
        How large residuals are, row by row, in the network's units.
    margins : Margins or None
        Of `|y - prediction| / scale`, where there were rows that nothing had learnt.
    level_margins : list of Margins or None
        Of the distance from the interval between two levels, where the network has levels and there were such rows.
    groups : tuple of int
        Where the members are cut between those that judged different rows.
    scaled : bool
        Whether the units were learnt.
    constant : ndarray of shape (n_outputs,)
        Outputs that were the same in all rows so far.
    """

    task: ClassVar[str] = "regression"
    target: NumberEncoder

    def __init__(self, target: NumberEncoder, loss: Loss):
        self.target, self.loss = target, loss
        self.forget()
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
        if loss.link.levels != self.link.levels:
            self.forget()  # margins are those of the levels
        self.loss = loss

    def settles(self, *, left_out: bool) -> bool:
        return True

    @property
    def settled(self) -> bool:
        return self.scale is not None

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
        self.forget()
        center, scale = np.where(chosen, learnt.center, old.center), np.where(chosen, scale, old.scale)
        self.target = NumberEncoder(center, scale, old.one_dimensional)
        nothing = positive & (matrix == 0).all(axis=0)  # no unit yet
        self.constant = np.where(chosen, constant & (early | nothing), self.constant)

    def forget(self) -> None:
        self.unit_noise: np.ndarray | None = None
        self.scale: Scale | None = None
        self.margins: Margins | None = None
        self.level_margins: list[Margins] | None = None
        self.groups: tuple[int, ...] = ()

    def settle(self, judged: Judged) -> float:
        self.forget()
        link, weight = self.link, judged.weight
        predicted = link.inverse(judged.raw_at(1.0))
        mean = link.central(predicted)
        residual = judged.y - mean
        noise = np.average(residual**2, axis=0, weights=weight)
        scale = Scale.plain(noise)
        if judged.parts:
            if judged.left_out:
                self.groups = tuple(np.cumsum([part.shape[1] for part in judged.parts if part.ndim == 3])[:-1].tolist())
            variance = np.concatenate([self._variance(part, ()) for part in judged.parts])
            scale = Scale.learn(residual, variance, mean, weight, positive=link.is_positive)
            self.margins = scale.margins(residual, scale.of(variance, mean), weight)
            if link.levels:
                y = judged.y.astype(np.float64)
                ends = [predicted[..., pair] for pair in self._pairs]
                scores = [np.maximum(e[..., 0] - y, y - e[..., 1]) for e in ends]  # Romano et al. 2019, eq. 6
                self.level_margins = [Margins.learn(score, weight) for score in scores]
        self.scale, self.unit_noise = scale, noise * np.frexp(self.target.scale)[0] ** 2
        return 1.0

    @property
    def _pairs(self) -> list[list[int]]:
        """Positions of two levels each, from the outermost to those in the middle, which may be one."""
        k = len(self.link.levels)
        return [[i, k - 1 - i] for i in range((k + 1) // 2)]

    def _variance(self, raw: np.ndarray, groups: tuple[int, ...]) -> np.ndarray:
        """Variance of the members' predictions, shape (n, n_outputs); of several groups the mean of theirs."""
        if raw.ndim == 2:
            return np.zeros((len(raw), self.n_outputs))
        parts = np.split(self.link.central(self.link.each(raw)), groups, axis=1)
        variance: np.ndarray = np.mean([part.var(axis=1) for part in parts], axis=0)
        return variance

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
        """The standard deviation of the target around the prediction, shape (n, n_outputs), in the units of y.

        √(variance of the members' predictions + noise); where there were rows that nothing had learnt, such that the
        prediction ± 1.645 of it held 90 % of them.
        """
        if self.scale is None:
            raise ValueError("return_std=True needs the noise, before which the fit was interrupted; fit again.")
        factor = 1.0 if self.margins is None else self.margins.at(0.9) / ONE_SIGMA
        with np.errstate(over="ignore"):
            spread: np.ndarray = factor * self._unit_spread(raw, self.scale) * self.target.scale
        return spread

    def _unit_spread(self, raw: np.ndarray, scale: Scale) -> np.ndarray:
        """What margins are in units of, in the network's units."""
        return scale.of(self._variance(raw, self.groups), self.link.central(self.link.predict(raw)))

    def interval(self, raw: np.ndarray, coverage: float) -> np.ndarray:
        """Lower and upper end, shape (n, 2) or (n, n_outputs, 2), in the units of y.

        Raises
        ------
        ValueError
            Where nothing tells of them.
        """
        check_value("coverage", coverage, interval(0, 1, "()"))
        predicted = self.link.predict(raw)
        if isinstance(self.link, Levels):
            if self.level_margins is None:
                return self.target.decode(predicted[..., self.link.enclosing(coverage)])
            nominal = np.ptp(np.array(self.link.levels)[self._pairs], axis=1)
            i = int(np.abs(nominal - coverage).argmin())
            ends, margin = predicted[..., self._pairs[i]], self.level_margins[i].at(coverage)
        elif self.margins is None or self.scale is None:
            raise ValueError(
                "predict_interval needs rows that the network has not learnt, and the last fit had none: set "
                "n_members=8, n_folds=4 (the default from 100 rows on), or hold rows out by early_stopping=True or "
                "by X_val."
            )
        else:
            ends = np.stack([predicted, predicted], axis=-1)
            margin = self.margins.at(coverage) * self._unit_spread(raw, self.scale)
        ends = ends + np.stack([-margin, margin], axis=-1)
        ends = np.where(ends[..., :1] > ends[..., 1:], ends.mean(axis=-1, keepdims=True), ends)  # of negative margins
        if self.link.is_positive:
            ends = np.maximum(ends, 0)
        with np.errstate(over="ignore"):
            return self.target.decode(ends)

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
