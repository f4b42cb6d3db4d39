"""Dates that are written as text: the ways of writing them that are recognised, and how each is read.

Knows the ISO forms and a few common ones, and English names of months; nothing is guessed value by value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Any

__all__ = ["FORMATS", "date_format", "date_reader"]

LONG = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
MONTHS = {name: i + 1 for i, name in enumerate(LONG)} | {name[:3]: i + 1 for i, name in enumerate(LONG)} | {"sept": 9}

Y, M, D, NAME = r"(?P<y>\d{4})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})", r"(?P<m>[A-Za-z]{3,9})\.?"
SECONDS = r"(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
CLOCK = rf"(?:(?:T|,?\s+)(?P<H>\d{{1,2}}):(?P<M>\d{{2}}){SECONDS}(?:\s*(?P<p>[AaPp])\.?[Mm]\.?)?)"
ZONE = r"\s*(?P<z>Z|UTC|[+-]\d{2}:?\d{2}|[+-]\d{2})"

# how a date is called in messages, and what it looks like
DAYS = {
    "YYYY-MM-DD": rf"{Y}-(?P<m>\d{{2}})-(?P<d>\d{{2}})",
    "YYYY/MM/DD": rf"{Y}/{M}/{D}",
    "YYYY.MM.DD": rf"{Y}\.{M}\.{D}",
    "DD.MM.YYYY": rf"{D}\.{M}\.{Y}",
    "DD/MM/YYYY": rf"{D}/{M}/{Y}",
    "MM/DD/YYYY": rf"{M}/{D}/{Y}",
    "DD-MM-YYYY": rf"{D}-{M}-{Y}",
    "MM-DD-YYYY": rf"{M}-{D}-{Y}",
    "DD Month YYYY": rf"{D}[\s-]{NAME}[\s-],?\s?{Y}",
    "Month DD, YYYY": rf"{NAME}\s{D},?\s{Y}",
    "YYYY-MM": rf"{Y}-(?P<m>\d{{2}})",
}
TIMED = [name for name in DAYS if name != "YYYY-MM"]
PATTERNS = {name: re.compile(rf"\s*{day}\s*") for name, day in DAYS.items()}
PATTERNS |= {f"{name} hh:mm": re.compile(rf"\s*{DAYS[name]}{CLOCK}\s*") for name in TIMED}
PATTERNS |= {f"{name} hh:mm with offset": re.compile(rf"\s*{DAYS[name]}{CLOCK}{ZONE}\s*") for name in TIMED}
FORMATS = tuple(PATTERNS)

Read = Callable[[str], Any]


def date_reader(written: str) -> Read:
    """What reads texts of a format: from a text to a date or datetime, or None where it is no such date.

    Parameters
    ----------
    written : str
        One of `FORMATS`.
    """
    return partial(_read, PATTERNS[written])


def date_format(levels: Iterable[str], first: int | None = None) -> str | None:
    """The one format in which all texts read as dates; None where there is none, or more than one.

    Parameters
    ----------
    levels : iterable of str
        Distinct texts; blank ones say nothing.
    first : int or None, default=None
        How many to look at.

    Returns
    -------
    str or None
    """
    texts = [level for level in islice(levels, first) if not level.isspace() and level]
    if not texts:
        return None
    fit = [name for name, pattern in PATTERNS.items() if _read(pattern, texts[0]) is not None]
    for text in texts[1:]:
        fit = [name for name in fit if _read(PATTERNS[name], text) is not None]
        if not fit:
            return None
    return fit[0] if len(fit) == 1 else None


def _read(pattern: re.Pattern[str], text: str) -> date | datetime | None:
    found = pattern.fullmatch(text)
    if found is None:
        return None
    parts = found.groupdict()
    month = parts["m"]
    try:
        m = int(month) if month.isdigit() else MONTHS[month.lower()]
        y, d = int(parts["y"]), int(parts.get("d") or 1)
        if "d" not in parts and not 1800 <= y < 2200:
            return None  # rather an article's number
        if parts.get("H") is None:
            return date(y, m, d)
        fraction = int((parts["f"] or "0").ljust(6, "0")[:6])
        hour = int(parts["H"])
        if parts["p"]:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + 12 * (parts["p"] in "pP")
        moment = datetime(y, m, d, hour, int(parts["M"]), int(parts["S"] or 0), fraction)
        zone = parts.get("z")
        if zone is None:
            return moment
        return datetime.fromisoformat(f"{moment.isoformat()}{'+00:00' if zone in ('Z', 'UTC') else zone}")
    except (ValueError, KeyError):
        return None
