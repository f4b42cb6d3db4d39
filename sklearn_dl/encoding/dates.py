"""Columns of dates and times: their position in time, and what people read off a calendar and a clock.

Knows how a table hands out dates, and zones; what is read off them is `Calendar`'s business.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any, final

import numpy as np

from .._data import (
    Moments,
    column,
    date_format,
    date_reader,
    dates_of_text,
    factorize,
    is_category,
    is_dataframe,
    is_missing,
    kind_of,
    local,
    moments_of,
    type_of_levels,
)
from .calendar import Calendar
from .codebook import NAMES
from .layout import MISSING, Span
from .part import Part, names_of
from .rescaling import relearnt, revived
from .scaling import Scaling
from .suspects import ColumnWarning

__all__ = ["Dates"]

DAY = 86_400_000_000  # microseconds
LOOKED_AT = 20  # values that tell of nearly all columns of text that they hold no dates
DATES = ("dates", "times")
POSITION = "position in time"


@final
class DateColumn:
    """One column of dates: how it is read, and what is read off it.

    Parameters
    ----------
    name : object
        Name or number of the column, for messages.
    zone : str or None
        The zone whose clock is read; None where dates have none.
    known : bool
        Whether training had a date at all: else nobody knows the zone.
    written : str or None
        How dates are written that come as text; None where they do not.
    calendar : Calendar
        What is read off.
    held : str, default="dates"
        "times" where training had times of the day.
    """

    def __init__(
        self, name: Any, zone: str | None, known: bool, written: str | None, calendar: Calendar, held: str = "dates"
    ):
        self.name, self.zone, self.known, self.written, self.calendar = name, zone, known, written, calendar
        self.held = held

    @classmethod
    def learn(cls, series: Any, name: Any, *, is_told: bool) -> tuple[DateColumn, np.ndarray]:
        """What a training column tells, and its moments; text that nobody has told to be dates is warned of."""
        written = _written(series)
        if written is not None and not is_told:
            warnings.warn(
                f"column {name!r} of X holds text that reads as dates written as {written}, and is taken for dates; "
                f"make it dates, or pass kinds={{{name!r}: 'date'}} to the TableEncoder where it is meant so, and "
                "'category' where it is not.",
                ColumnWarning,
                stacklevel=2,
            )
        if written is None and _is_text(series):
            raise ValueError(
                f"column {name!r} of X holds text that does not read as dates in one way of writing them; make it "
                "dates, for example with pandas.to_datetime."
            )
        moments = _moments(series, name, written)
        if moments.zones:
            warnings.warn(
                f"column {name!r} of X has dates of several time zones ({', '.join(moments.zones[:3])}"
                f"{', ...' if len(moments.zones) > 3 else ''}), whose clocks are read in UTC; convert it to one zone "
                "where the hour on the clock matters.",
                ColumnWarning,
                stacklevel=2,
            )
        there = moments.at[~np.isnat(moments.at)]
        clock = local(there, moments.zone, name)
        label = name if isinstance(name, NAMES) else str(name)
        return cls(label, moments.zone, len(there) > 0, written, Calendar.learn(clock), moments.held), moments.at

    def read(self, series: Any) -> np.ndarray:
        """Moments of a column like that of training: in UTC where that had a zone."""
        written = self.written
        if written is None and _is_text(series):
            written = _written(series)
            if written is None:
                raise ValueError(f"column {self.name!r} of X holds text but held dates at fit.")
        at, zone, _, held = _moments(series, self.name, written)
        nothing = not self.known or np.isnat(at).all()
        if held != self.held and not nothing:
            raise ValueError(f"column {self.name!r} of X holds {held} but held {self.held} at fit.")
        if (zone is None) != (self.zone is None) and not nothing:
            now, before = (f"the time zone {z!r}" if z else "no time zone" for z in (zone, self.zone))
            raise ValueError(
                f"column {self.name!r} of X has dates with {now} but had {before} at fit; make it the same."
            )
        return at


@final
class Dates(Part):
    """The position in time of each column, an indicator for each that had gaps in training, what each tells beside.

    Parameters
    ----------
    columns : ndarray of int
        Positions of the table's columns.
    read : list of DateColumn
        How each is read.
    scaling : Scaling
        Of the positions in time, in days since 1970.
    """

    def __init__(self, columns: np.ndarray, read: list[DateColumn], scaling: Scaling):
        self.columns, self.read, self.scaling = columns, read, scaling

    @classmethod
    def claims(cls, series: Any) -> bool:
        if is_category(series.dtype):
            return False
        kind = getattr(series.dtype, "kind", None)
        if kind == "M" or hasattr(series.dtype, "time_zone"):
            return True
        if kind is not None and kind in "biufcm":
            return False
        first = [v for v in series.head(LOOKED_AT).to_list() if not is_missing(v)] or _levels(series)[:1]
        if not first:
            return False
        if isinstance(first[0], str):
            return all(isinstance(v, str) for v in first) and bool(date_format(first) and _written(series))
        try:
            return type_of_levels(first[:1], None) in DATES
        except ValueError:
            return False

    @classmethod
    def learn(
        cls,
        X: Any,
        columns: np.ndarray,
        weight: np.ndarray | None,
        index: np.ndarray | None,
        settings: Mapping[str, Any],
    ) -> Dates:
        names = names_of(X)
        read, days = [], []
        for i in columns.tolist():
            series = column(X, i) if is_dataframe(X) else X[:, i] if index is None else X[index, i]
            found, at = DateColumn.learn(series, names[i], is_told=i in settings["told"])
            read.append(found)
            days.append(_days(at))
        table = np.column_stack(days) if days else np.empty((0, 0))
        robust = settings["scaling"] == "robust"
        named = partial(_name, names, columns)
        return cls(columns, read, Scaling.learn(table, weight, named, robust=robust))

    @property
    def gappy(self) -> np.ndarray:
        """Positions of the table's columns that have an indicator."""
        return self.columns[self.scaling.gaps]

    @property
    def varied(self) -> bool:
        return bool(self.scaling.scale.all())

    @property
    def spans(self) -> list[Span]:
        spans = [Span(i, POSITION, 1, ("",)) for i in self.columns.tolist()]
        spans += [Span(i, MISSING, 1, ("_missing",)) for i in self.gappy.tolist()]
        for i, found in zip(self.columns.tolist(), self.read, strict=True):
            spans += [Span(i, kind, len(suffixes), suffixes) for kind, suffixes in found.calendar.spans]
        return spans

    def _moments(self, X: Any) -> list[np.ndarray]:
        if isinstance(X, np.ndarray) and X.dtype.kind != "M":
            raise ValueError(f"X holds numbers ({X.dtype}) but held dates at fit.")
        return [
            found.read(column(X, i) if is_dataframe(X) else X[:, i])
            for i, found in zip(self.columns.tolist(), self.read, strict=True)
        ]

    def encode(self, X: Any, out: np.ndarray) -> list[np.ndarray]:
        moments, d, gaps = self._moments(X), len(self.columns), self.scaling.gaps
        days = np.column_stack([_days(at) for at in moments])
        self.scaling.apply(days, out[:, :d], partial(_name, names_of(X), self.columns))
        start = d + len(gaps)
        if len(gaps):
            out[:, d:start] = np.isnan(days[:, gaps])
        for found, at in zip(self.read, moments, strict=True):
            stop = start + found.calendar.width
            found.calendar.read(local(at, found.zone, found.name), out[:, start:stop])
            start = stop
        return []

    def numbers_of(self, X: Any) -> Any:
        return np.column_stack([_days(at) for at in self._moments(X)])

    def refined(self, X: Any, weight: np.ndarray | None, so_far: Any, so_far_weight: np.ndarray | None) -> Dates:
        named = partial(_name, names_of(X), self.columns)
        if so_far is None:
            scaling = revived(self.scaling, self.numbers_of(X), weight, named)
        else:
            scaling = relearnt(self.scaling, so_far, so_far_weight, named)
        return self if scaling is self.scaling else Dates(self.columns, self.read, scaling)

    def middle(self, out: np.ndarray) -> list[np.ndarray]:
        start = len(self.columns) + len(self.scaling.gaps)
        out[:, :start] = 0
        for found in self.read:
            stop = start + found.calendar.width
            found.calendar.middle(out[:, start:stop])
            start = stop
        return []

    def random_rows(self, rng: np.random.Generator, out: np.ndarray) -> list[np.ndarray]:
        d, start = len(self.columns), len(self.columns) + len(self.scaling.gaps)
        out[:, :d], out[:, d:start] = self.scaling.draw(rng, len(out))
        missing = dict(zip(self.scaling.gaps.tolist(), out[:, d:start].T, strict=True))
        for j, found in enumerate(self.read):
            stop = start + found.calendar.width
            found.calendar.draw(rng, out[:, start:stop])
            if j in missing:
                out[missing[j] > 0, start:stop] = 0
            start = stop
        return []


def _name(names: Any, columns: np.ndarray, j: int) -> Any:
    return names[columns[j]]


def _days(at: np.ndarray) -> np.ndarray:
    """Days since 1970, NaN where a moment is missing."""
    days = at.astype(np.int64) / DAY
    days[np.isnat(at)] = np.nan
    return days


def _moments(series: Any, name: Any, written: str | None) -> Moments:
    if written is not None and _is_text(series):
        return dates_of_text(series, name, date_reader(written), written)
    return moments_of(series, name)


def _levels(series: Any) -> list[Any]:
    """The distinct values; none where they are nested."""
    try:
        return factorize(series, None)[1]
    except ValueError:
        return []


def _is_text(series: Any) -> bool:
    """Whether a column, of whatever type, holds text and nothing else."""
    try:
        if kind_of(series, None) != "category":
            return False
    except ValueError:  # mixtures, which are told where they are read
        return False
    levels = _levels(series)
    return bool(levels) and all(isinstance(level, str) for level in levels)


def _written(series: Any) -> str | None:
    """The one way in which a column's text is dates; None where it is no text, or no dates."""
    return date_format(_levels(series)) if _is_text(series) else None
