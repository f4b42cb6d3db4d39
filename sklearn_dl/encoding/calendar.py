"""What people read off a date: its season, its day of the month and of the week, and its time of day, as numbers.

Knows moments as the clock on the wall shows them, and nothing about tables, zones or how dates are written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, final

import numpy as np

from .layout import ONE_HOT

__all__ = ["Calendar"]

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WAVES = "waves"

Clock = np.ndarray  # datetime64[us], shape (n,), none missing


class Aspect(NamedTuple):
    """One thing that a date tells.

    Attributes
    ----------
    kind : str
        What its columns are: `WAVES` or `ONE_HOT`.
    suffixes : tuple of str
        What follows the column's name in the name of each.
    values : callable
        From moments to the columns, shape (n, width).
    """

    kind: str
    suffixes: tuple[str, ...]
    values: Callable[[Clock], np.ndarray]


def _share(clock: Clock, unit: str) -> np.ndarray:
    """How much of the year, the month or the day that a moment lies in has passed, from 0 to 1."""
    begin = clock.astype(f"datetime64[{unit}]")
    start = begin.astype(clock.dtype)
    return (clock - start) / ((begin + 1).astype(clock.dtype) - start)


def weekday(clock: Clock) -> np.ndarray:
    """0 for Monday to 6 for Sunday; 1970-01-01 was a Thursday."""
    return (clock.astype("datetime64[D]").astype(np.int64) + 3) % 7


def _waves(name: str, unit: str, count: int) -> Aspect:
    """sin 2πkx and cos 2πkx of the share x that has passed, for k = 1, ..., count."""
    k = 2 * np.pi * np.arange(1, count + 1)

    def values(clock: Clock) -> np.ndarray:
        angle = _share(clock, unit)[:, None] * k
        return np.hstack((np.sin(angle), np.cos(angle)))

    suffixes = [f"_{name}_{wave}{i}" for wave in ("sin", "cos") for i in range(1, count + 1)]
    return Aspect(WAVES, tuple(suffixes), values)


def _weekdays() -> Aspect:
    """An indicator for each day of the week."""
    return Aspect(ONE_HOT, tuple(f"_{day}" for day in DAYS), lambda clock: np.eye(7)[weekday(clock)])


YEAR, MONTH, WEEKDAY, TIME = "year", "month", "weekday", "time"
ASPECTS: dict[str, Callable[[int], Aspect]] = {
    YEAR: lambda count: _waves("year", "Y", count),
    MONTH: lambda count: _waves("month", "M", count),
    WEEKDAY: lambda count: _weekdays(),
    TIME: lambda count: _waves("time", "D", count),
}
YEAR_WAVES, MONTH_WAVES, TIME_WAVES = (3, 12), (0, 3), (2, 4)  # from few rows, from many
ROWS_YEAR, ROWS_MONTH, ROWS_TIME = 100, 300, 400  # for each wave
HALF_A_YEAR, TWO_MONTHS = np.timedelta64(183, "D"), np.timedelta64(60, "D")
FEW_DAYS = 4  # different days of the month at most, of dates that stand for months: the last ones are 28 to 31


@final
class Calendar:
    """The aspects of a date in which a column varied, each as columns of numbers.

    Parameters
    ----------
    aspects : tuple of tuple (str, int)
        Name of each, and its number of waves; 0 where it has none.
    """

    def __init__(self, aspects: tuple[tuple[str, int], ...]):
        self.aspects = tuple((name, count) for name, count in aspects)

    @classmethod
    def learn(cls, clock: Clock) -> Calendar:
        """The aspects in which moments of a training column vary.

        Parameters
        ----------
        clock : ndarray of shape (n,)
            datetime64[us], as the clock on the wall showed them.
        """
        if not len(clock):
            return cls(())
        days = np.unique(clock.astype("datetime64[D]"))
        months = days.astype("datetime64[M]")
        span = days[-1] - days[0]
        of_month = np.unique((days - months.astype(days.dtype)).astype(np.int64))
        in_year = np.unique(months.astype(np.int64) % 12)
        daily = len(of_month) > FEW_DAYS  # and not the first, or the last, of each month
        aspects = []
        if span >= HALF_A_YEAR and len(in_year) > 1:
            most = int(np.clip(len(clock) // ROWS_YEAR, *YEAR_WAVES))
            aspects.append((YEAR, most if daily else min(most, len(in_year) // 2)))
        count = int(np.clip(len(clock) // ROWS_MONTH, *MONTH_WAVES))
        if daily and span >= TWO_MONTHS and count:
            aspects.append((MONTH, count))
        if len(np.unique(weekday(days))) > 1 and (daily or span < TWO_MONTHS):
            aspects.append((WEEKDAY, 0))
        if len(np.unique(clock - clock.astype("datetime64[D]"))) > 1:
            aspects.append((TIME, int(np.clip(len(clock) // ROWS_TIME, *TIME_WAVES))))
        return cls(tuple(aspects))

    def _made(self) -> list[Aspect]:
        return [ASPECTS[name](count) for name, count in self.aspects]

    @property
    def spans(self) -> list[tuple[str, tuple[str, ...]]]:
        """Kind and suffixes of the columns of each aspect."""
        return [(aspect.kind, aspect.suffixes) for aspect in self._made()]

    @property
    def width(self) -> int:
        """Number of columns."""
        return sum(len(aspect.suffixes) for aspect in self._made())

    def read(self, clock: Clock, out: np.ndarray) -> None:
        """The columns of moments, 0 in all where these are missing.

        Parameters
        ----------
        clock : ndarray of shape (n,)
            datetime64[us]; NaT is missing.
        out : ndarray of shape (n, width)
            Gets them.
        """
        there = ~np.isnat(clock)
        whole = bool(there.all())
        known = clock if whole else clock[there]
        start = 0
        for aspect in self._made():
            stop = start + len(aspect.suffixes)
            if whole:
                out[:, start:stop] = aspect.values(known)
            else:
                out[:, start:stop] = 0
                out[there, start:stop] = aspect.values(known)
            start = stop

    def middle(self, out: np.ndarray) -> None:
        """The mean over all moments, a wave's being 0 and each weekday's 1/7.

        Parameters
        ----------
        out : ndarray of shape (1, width)
            Gets it.
        """
        start = 0
        for aspect in self._made():
            stop = start + len(aspect.suffixes)
            out[:, start:stop] = 1 / 7 if aspect.kind == ONE_HOT else 0
            start = stop

    def draw(self, rng: np.random.Generator, out: np.ndarray) -> None:
        """Moments of any year, each as likely.

        Parameters
        ----------
        rng : numpy.random.Generator
            Decides them.
        out : ndarray of shape (n, width)
            Gets their columns.
        """
        seconds: Any = rng.integers(0, 400 * 365 * 86_400, len(out))
        self.read((seconds * 1_000_000).astype("datetime64[us]"), out)
