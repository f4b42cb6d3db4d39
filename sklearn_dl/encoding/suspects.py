"""Categories that are probably none: numbers and dates written as text, and levels that single rows out.

Knows what the levels of a column look like, and nothing about what becomes of them: it only warns.
"""

from __future__ import annotations

import re
import warnings
from itertools import islice
from typing import Any, final

import numpy as np

__all__ = ["ColumnWarning", "warn_of_distinct_levels", "warn_of_text"]

FEW = 20  # levels below which nothing is said: a table of so few rows says little of its columns
MOST = 0.9  # share of the levels, or of the rows, that is nearly all
LOOKED_AT = 1000  # levels

NUMBER = re.compile(
    r"\s*[-+]?[$€£]?\s*(\d+([.,]\d*)?|[.,]\d+|\d{1,3}([ ',.]\d{3})+([.,]\d+)?)([eE][-+]?\d+)?\s*[%$€£]?\s*"
)
CODE = re.compile(r"\s*[-+]?0\d")  # a leading zero: of postcodes, telephone and article numbers
DATE = re.compile(r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(\D.*)?")

ADVICE = {
    "numbers": "make it numbers",
    "dates": "make it dates, for example with pandas.to_datetime",
}


@final
class ColumnWarning(UserWarning):
    """A column of a table is probably not what it is taken for; the message names it.

    Filter it where all is as it should be::

        warnings.filterwarnings("ignore", category=ColumnWarning)
    """


def warn_of_text(name: Any, levels: list[str]) -> bool:
    """Warn where text reads as numbers or as dates, and say whether it does.

    Parameters
    ----------
    name : object
        Name of the column.
    levels : list of str
        Its distinct values, many.
    """
    looked_at = list(islice(levels, LOOKED_AT))
    for kind, pattern in (("dates", DATE), ("numbers", NUMBER)):
        reads = [level for level in looked_at if pattern.fullmatch(level)]
        if len(reads) < MOST * len(looked_at) or (kind == "numbers" and any(map(CODE.match, reads))):
            continue
        warnings.warn(
            f"column {name!r} of X holds text that reads as {kind}, such as {reads[0]!r}, and is taken for "
            f"{len(levels)} categories; {ADVICE[kind]}, or make its type category where they are meant.",
            ColumnWarning,
            stacklevel=2,
        )
        return True
    return False


def warn_of_distinct_levels(name: Any, positions: np.ndarray, n_levels: int, n_kept: int, min_frequency: int) -> None:
    """Warn where nearly all values are distinct, or all of them rare.

    Parameters
    ----------
    name : object
        Name of the column.
    positions : ndarray of shape (n,)
        Position of each row's level, -1 where it is missing.
    n_levels, n_kept : int
        Distinct values, and those of them that are told apart.
    min_frequency : int
        Rows that a level needs to be told apart.
    """
    n = int(np.count_nonzero(positions >= 0))
    if n_levels < FEW:
        return
    if n_levels >= MOST * n:
        found = (
            ": they single rows out and tell little of others; leave the column out, or make of it what rows have in "
            "common"
        )
    elif not n_kept:
        found = (
            f", each in fewer than min_frequency={min_frequency}: they count as one; lower min_frequency of the "
            "TableEncoder, leave the column out, or make of it what rows have in common"
        )
    else:
        return
    warnings.warn(
        f"column {name!r} of X has {n_levels} different values in {n} rows{found}.", ColumnWarning, stacklevel=2
    )
