"""Columns of dates, times of day and durations as NumPy's moments, and what a clock in a zone showed at them.

Knows the types of NumPy, pandas, polars, Arrow and Python by what they say of their values, and imports none of the
libraries.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from .kinds import factorize, is_missing, type_of_levels

__all__ = ["Moments", "dates_of_text", "local", "moments_of"]

UNIT = "datetime64[us]"
NOT_A_TIME = np.datetime64("NaT", "us")
FIRST, LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31T23:59:59.999999", "us")
COARSE = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us")  # units in which other years than these can be written
EPOCH = datetime(1970, 1, 1)
EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)
QUARTER = 15 * 60 * 1_000_000  # microseconds: offsets from UTC change at none but these


class Moments(NamedTuple):
    """The values of a column.

    Attributes
    ----------
    at : ndarray of shape (n,)
        datetime64[us], of years 1 to 9999; in UTC where there is a zone; NaT is missing.
    zone : str or None
        The zone, or the offset from UTC such as "+02:00", of the clock that they are told by; None where nobody knows.
    zones : tuple of str
        All of them where the values have several: `zone` is then "UTC".
    held : str
        "dates", or "times" of the day, or "nothing".
    """

    at: np.ndarray
    zone: str | None
    zones: tuple[str, ...] = ()
    held: str = "dates"


def moments_of(series: Any, name: Any) -> Moments:
    """A column of dates, or of times of the day, which are those of 1970-01-01.

    Parameters
    ----------
    series : Series or ndarray of shape (n,)
        The column; categories of dates are dates.
    name : object
        Its name, for messages.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        Where it holds anything else, or mixes dates with a zone and without one.
    """
    dtype = series.dtype
    if getattr(dtype, "kind", None) == "M":  # NumPy, pandas
        if getattr(dtype, "tz", None) is None and not hasattr(dtype, "pyarrow_dtype"):
            return Moments(_microseconds(np.asarray(series)), None)
        zone, unit = _zone_of(dtype), _unit_of(dtype)
        if unit is not None:  # days of Arrow have none
            return Moments(_microseconds(series.to_numpy(dtype=f"datetime64[{unit}]")), _zone_name(zone, name))
    elif hasattr(dtype, "time_zone"):  # polars, narwhals
        return Moments(_microseconds(series.to_numpy()), _zone_name(dtype.time_zone, name))
    elif hasattr(dtype, "is_temporal") and (values := series.to_numpy()).dtype.kind == "M":  # their days
        return Moments(_microseconds(values), None)
    try:
        values = series.to_list() if hasattr(series, "to_list") else series.tolist()
    except (OverflowError, ValueError) as error:
        raise ValueError(
            f"column {name!r} of X holds dates that cannot be read ({error}); years must be 1 to 9999."
        ) from error
    return _of_values(values, name)


def dates_of_text(series: Any, name: Any, read: Callable[[str], Any], written: str) -> Moments:
    """A column of text that is dates, each distinct one read once.

    Parameters
    ----------
    series : Series
        The column; blank text is missing.
    name : object
        Its name, for messages.
    read : callable
        From a text to a datetime or date, or None where it does not read as one.
    written : str
        How they are written, for messages.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        Where a text does not read.
    """
    positions, levels = factorize(series, name)
    found: list[Any] = []
    for level in levels:
        blank = not level.strip()
        value = None if blank else read(level)
        if value is None and not blank:
            told = level if len(level) <= 40 else level[:40] + "..."
            raise ValueError(
                f"column {name!r} of X holds {told!r}, which is no date written as {written}, as all were at fit."
            )
        found.append(value)
    moments = _of_values([*found, None], name)
    return moments._replace(at=moments.at[positions])  # -1, the last, is missing


def _microseconds(values: np.ndarray) -> np.ndarray:
    """In microseconds; years before 1 and after 9999 are held there, as the unit has only some 290 000."""
    unit = np.datetime_data(values.dtype)[0]
    if unit in COARSE and len(values):
        first, last = FIRST.astype(values.dtype), LAST.astype(values.dtype)
        values = np.clip(values, first, last)
    moments: np.ndarray = values.astype(UNIT)
    return moments


def _of_values(values: list[Any], name: Any) -> Moments:
    """From Python's, NumPy's and pandas' own dates and times."""
    kinds = {type(v): v for v in values if not is_missing(v)}
    held = type_of_levels(list(kinds.values()), name)
    if held not in ("dates", "times", "nothing"):
        raise ValueError(f"column {name!r} of X holds {held} but held dates at fit.")
    out, zones = np.empty(len(values), UNIT), {}
    naive = False
    for i, value in enumerate(values):
        if is_missing(value):
            out[i] = NOT_A_TIME
            continue
        out[i], zone = _one(value)
        if zone is None:
            naive = naive or not isinstance(value, date) or isinstance(value, datetime)
        else:
            zones[id(zone)] = zone
    names = tuple(sorted({str(_zone_name(zone, name)) for zone in zones.values()}))
    if naive and names:
        raise ValueError(
            f"column {name!r} of X mixes dates with a time zone ({names[0]}) and dates without; make it one kind."
        )
    clock = None if not names else names[0] if len(names) == 1 else "UTC"
    at = np.clip(out, FIRST, LAST) if len(out) else out
    return Moments(at, clock, names if len(names) > 1 else (), held)


def _one(value: Any) -> tuple[Any, tzinfo | None]:
    """The moment of one value, in microseconds, and its zone."""
    if hasattr(value, "start_time"):  # a period of pandas
        value = value.start_time
    if hasattr(value, "to_datetime64"):  # a Timestamp, of whatever year
        return _microseconds(np.array([value.to_datetime64()]))[0], value.tzinfo
    if isinstance(value, datetime):
        if value.tzinfo is None:
            return np.datetime64(value, "us"), None
        return np.datetime64((value - EPOCH_UTC) // TICK, "us"), value.tzinfo
    if isinstance(value, time):
        return np.datetime64(datetime.combine(EPOCH, value.replace(tzinfo=None)), "us"), None
    if isinstance(value, np.datetime64):
        return _microseconds(np.array([value]))[0], None
    return np.datetime64(value, "us"), None


# ---------------------------------------------------------------- zones


def _zone_of(dtype: Any) -> Any:
    arrow = getattr(dtype, "pyarrow_dtype", None)
    return getattr(dtype, "tz", None) if arrow is None else getattr(arrow, "tz", None)


def _unit_of(dtype: Any) -> str | None:
    arrow = getattr(dtype, "pyarrow_dtype", None)
    unit = getattr(dtype, "unit", None) if arrow is None else getattr(arrow, "unit", None)
    return unit if unit in COARSE or unit == "ns" else None


def _zone_name(zone: Any, name: Any) -> str | None:
    """A zone's key, or its offset where it is always the same."""
    if zone is None or isinstance(zone, str):
        return zone
    key = getattr(zone, "key", None) or getattr(zone, "zone", None)  # of the standard library, of pytz
    if key:
        return str(key)
    offset = zone.utcoffset(None)
    if offset is None:
        raise ValueError(
            f"column {name!r} of X has a time zone without a name ({zone!r}); convert it to one of zoneinfo."
        )
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "UTC"


def local(at: np.ndarray, zone: str | None, name: Any) -> np.ndarray:
    """What the clock of a zone showed.

    Parameters
    ----------
    at : ndarray of shape (n,)
        datetime64[us] in UTC.
    zone : str or None
        As `Moments` has it.
    name : object
        Of the column, for messages.

    Returns
    -------
    ndarray of shape (n,)
        datetime64[us].

    Raises
    ------
    ValueError
        Where the zone is not known on this machine.
    """
    if zone is None or zone == "UTC":
        return at
    if zone[:1] in "+-":
        hours, minutes = zone[1:].split(":")[:2]
        offset = np.timedelta64(60 * int(hours) + int(minutes), "m")
        return at - offset if zone[0] == "-" else at + offset
    try:
        clock = ZoneInfo(zone)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(
            f"column {name!r} of X has the time zone {zone!r}, which this machine does not know; install tzdata, or "
            "convert the column to UTC."
        ) from error
    there = ~np.isnat(at)
    out = at.copy()
    out[there] += _offsets(at[there], clock)
    return out


def _offsets(at: np.ndarray, clock: tzinfo) -> np.ndarray:
    """Offsets from UTC, asked for once a day where that day has one, and for each quarter of an hour else."""
    days, of_day = np.unique(at.astype("datetime64[D]"), return_inverse=True)
    begin, end = _asked(days.astype(UNIT), clock), _asked((days + 1).astype(UNIT), clock)
    offsets = begin[of_day]
    changing = (begin != end)[of_day]
    if changing.any():
        quarters, of_quarter = np.unique(_floor(at[changing]), return_inverse=True)
        offsets[changing] = _asked(quarters, clock)[of_quarter]
    return offsets


def _floor(at: np.ndarray) -> np.ndarray:
    ticks = at.astype(np.int64)
    return (ticks - ticks % QUARTER).astype(UNIT)


def _asked(at: np.ndarray, clock: tzinfo) -> np.ndarray:
    """The zone's own answer, moment by moment."""
    answers = []
    for moment in at.tolist():
        year = moment.year if isinstance(moment, datetime) else 9999  # a day after the last one is no datetime
        known = moment.replace(tzinfo=UTC) if 1 < year < 9999 else EPOCH_UTC
        offset = known.astimezone(clock).utcoffset() or timedelta()
        answers.append(offset // TICK)
    return np.array(answers, "timedelta64[us]")
