"""Schedules of the learning rate: a factor on its base value, over the course of a training.

Knows nothing about solvers and holds no state: what a plateau has done is kept by the training.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, final

from ._numerics import Rules, Settings, above, at_least, integer, interval

__all__ = ["Adaptive", "Constant", "CosLog", "Cosine", "InvScaling", "OneCycle", "Schedule"]


class Schedule(Settings, ABC):
    """A factor on the learning rate at each step.

    To write a schedule, inherit `Schedule`, store the settings in `__init__`, and write `factor`. `check`, which is
    called before each training, may be overridden to refuse settings.

    Attributes
    ----------
    follows_progress : bool
        Whether `factor` depends on `progress`, and a training that is resumed must therefore keep its `max_iter`.

    Examples
    --------
    >>> from sklearn_dl.schedules import Schedule
    >>> class Halving(Schedule):
    ...     def factor(self, progress, samples_seen):
    ...         return 0.5 ** int(4 * progress)
    """

    follows_progress: ClassVar[bool] = True

    @abstractmethod
    def factor(self, progress: float, samples_seen: int) -> float:
        """The factor on `learning_rate_init`.

        Parameters
        ----------
        progress : float in [0, 1]
            Share of `max_iter` epochs that has passed, to the step.
        samples_seen : int
            Rows seen in the epochs that are over.

        Returns
        -------
        float
            Not negative.
        """

    def on_plateau(self, rate: float) -> float | None:
        """What a plateau does to the learning rate.

        Parameters
        ----------
        rate : float
            The learning rate now.

        Returns
        -------
        float or None
            The factor that lowers it for good; None, as by default, for nothing: early stopping then stops.
        """
        return None


@final
class Constant(Schedule):
    """η(t) = η₀"""

    follows_progress: ClassVar[bool] = False

    def factor(self, progress: float, samples_seen: int) -> float:
        return 1.0


@final
class InvScaling(Schedule):
    """η(t) = η₀ / (s + 1)^power, s the rows seen before this epoch, as in scikit-learn's MLP.

    Parameters
    ----------
    power_t : float ≥ 0, default=0.5
        The exponent.
    """

    follows_progress: ClassVar[bool] = False
    rules: ClassVar[Rules] = {"power_t": at_least(0)}

    def __init__(self, power_t: float = 0.5):
        self.power_t = power_t

    def factor(self, progress: float, samples_seen: int) -> float:
        return (samples_seen + 1) ** -self.power_t if samples_seen else 1.0


@final
class Adaptive(Schedule):
    """η stays until `n_iter_no_change` epochs bring no improvement by `tol`; then it is divided.

    Watches the validation where there is one, else the training loss. With early stopping, a plateau at a rate of
    `min_rate` or less ends the training.

    Parameters
    ----------
    divisor : float > 1, default=5.0
        What a plateau divides the rate by.
    min_rate : float ≥ 0, default=1e-6
        No division at or below this rate.
    """

    follows_progress: ClassVar[bool] = False
    rules: ClassVar[Rules] = {"divisor": above(1), "min_rate": at_least(0)}

    def __init__(self, divisor: float = 5.0, min_rate: float = 1e-6):
        self.divisor = divisor
        self.min_rate = min_rate

    def factor(self, progress: float, samples_seen: int) -> float:
        return 1.0

    def on_plateau(self, rate: float) -> float | None:
        return None if rate <= self.min_rate else 1 / self.divisor


@final
class Cosine(Schedule):
    """η(t) = η₀ ½ (1 + cos πt) after a linear rise (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, eq. 5).

    Parameters
    ----------
    warmup : float in [0, 1), default=0.0
        Share of the training over which the rate rises from 0.
    """

    rules: ClassVar[Rules] = {"warmup": interval(0, 1, "[)")}

    def __init__(self, warmup: float = 0.0):
        self.warmup = warmup

    def factor(self, progress: float, samples_seen: int) -> float:
        if progress < self.warmup:
            return progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))


@final
class OneCycle(Schedule):
    """η rises from η₀ / `start` to η₀ and falls to η₀ / `end`, both as half cosines.

    (Smith & Topin 2019, https://arxiv.org/abs/1708.07120.)

    Parameters
    ----------
    peak : float in (0, 1), default=0.3
        Share of the training at which the rate is highest.
    start, end : float ≥ 1, default=25.0 and 1e4
        The highest rate over the first, and over the last.
    """

    rules: ClassVar[Rules] = {"peak": interval(0, 1, "()"), "start": at_least(1), "end": at_least(1)}

    def __init__(self, peak: float = 0.3, start: float = 25.0, end: float = 1e4):
        self.peak = peak
        self.start = start
        self.end = end

    def factor(self, progress: float, samples_seen: int) -> float:
        if progress < self.peak:
            low, t = 1 / self.start, 1 - progress / self.peak
        else:
            low, t = 1 / self.end, (progress - self.peak) / (1 - self.peak)
        return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * t))


@final
class CosLog(Schedule):
    """η(t) = η₀ ½ (1 - cos(2π log₂(1 + (2^k - 1) t))): k cycles of growing length, each from 0 to η₀ to 0.

    (Holzmüller, Grinsztajn & Steinwart 2024, https://arxiv.org/abs/2407.04491, eq. 5, with k = 4.)

    Parameters
    ----------
    cycles : int ≥ 1, default=4
        k.
    """

    rules: ClassVar[Rules] = {"cycles": integer(1)}

    def __init__(self, cycles: int = 4):
        self.cycles = cycles

    def factor(self, progress: float, samples_seen: int) -> float:
        return 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + (2**self.cycles - 1) * progress)))
