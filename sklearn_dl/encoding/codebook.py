"""The levels of one categorical column: which are told apart, and the code and the indicator columns of each.

Knows nothing about tables: it gets positions in a list of distinct values.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any, final

import numpy as np

from .._data import NOTHING, type_of_levels

__all__ = ["Codebook"]

ELSE = 0  # the code of rare and unseen levels
PLAIN = {str, int, float, bool, bytes}
NAMES = (str, int, float, tuple, bytes, np.generic, type(None))  # of columns, as every format holds them


@final
class Codebook:
    """Codes: 0 for rare and unseen levels, 1, 2, ... for the levels in order of value, the last for missing.

    Parameters
    ----------
    name : object
        Name or number of the column, for messages.
    levels : list
        The levels that are told apart, sorted: Python's own text, bytes and numbers, which every format holds.
    kind : str
        What the levels are: "text", "numbers", "bytes", "dates", "times", "durations", "nothing"; dates and times are
        told apart as text, durations as seconds.
    has_else, has_missing : bool
        Whether rare levels, and missing values, occurred in training.
    one_hot : bool
        Whether the column becomes indicator columns.
    """

    def __init__(self, name: Any, levels: list[Any], kind: str, has_else: bool, has_missing: bool, one_hot: bool):
        self.name, self.levels, self.kind = name, levels, kind
        self.has_else, self.has_missing, self.one_hot = has_else, has_missing, one_hot
        self._code_of = {level: code for code, level in enumerate(levels, start=1)}

    def __getstate__(self) -> dict[str, Any]:
        """All but what follows from it: keys of a dict are text in some formats, and there False is True."""
        return {name: value for name, value in vars(self).items() if name != "_code_of"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)

    @classmethod
    def learn(
        cls,
        name: Any,
        positions: np.ndarray,
        levels: list[Any],
        weight: np.ndarray | None,
        min_frequency: int,
        max_one_hot: int,
    ) -> Codebook:
        """The codebook of a training column.

        Parameters
        ----------
        name : object
            Name or number of the column.
        positions : ndarray of shape (n,)
            Position of each row's value in `levels`, -1 where it is missing.
        levels : list
            The distinct values.
        weight : ndarray of shape (n,) or None
            Weight of each row.
        min_frequency, max_one_hot : int
            As for `TableEncoder`.
        """
        kind = type_of_levels(levels, name)
        levels, positions = _merged(levels, positions)
        counts = np.bincount(positions + 1, weight, minlength=len(levels) + 1)  # missing first
        if weight is not None:
            counts = counts / min(1.0, weight.mean())
        kept = [level for level, count in zip(levels, counts[1:], strict=True) if count >= min_frequency * (1 - 1e-9)]
        has_missing = bool(counts[0])
        one_hot = len(kept) + has_missing <= max_one_hot
        name = name if isinstance(name, NAMES) else str(name)
        return cls(name, sorted(kept), kind, len(kept) < len(levels), has_missing, one_hot)

    def recounted(self, counts: Mapping[Any, float], min_frequency: float, max_one_hot: int) -> Codebook:
        """The codebook of the same column by the levels of more rows than it was learnt from.

        Parameters
        ----------
        counts : mapping of level to float
            What `tally` gave, of all rows together.
        min_frequency : float
            As for `TableEncoder`, in units of the counts.
        max_one_hot : int
            As for `TableEncoder`.

        Returns
        -------
        Codebook
        """
        if self.kind == NOTHING:
            return self
        levels = [level for level in counts if level is not None]
        kept = [level for level in levels if counts[level] >= min_frequency * (1 - 1e-9)]
        has_missing = None in counts
        one_hot = len(kept) + has_missing <= max_one_hot
        return Codebook(self.name, sorted(kept), self.kind, len(kept) < len(levels), has_missing, one_hot)

    def tally(self, positions: np.ndarray, levels: list[Any], weight: np.ndarray | None) -> dict[Any, float]:
        """The total weight of each level of some rows, and under None that of missing values.

        Parameters
        ----------
        positions : ndarray of shape (n,)
            Position of each row's value in `levels`, -1 where it is missing.
        levels : list
            The distinct values.
        weight : ndarray of shape (n,) or None
            Weight of each row.

        Returns
        -------
        dict of level to float

        Raises
        ------
        ValueError
            Where the values are of another type than in training.
        """
        self.encode(positions[:0], levels)
        levels, positions = _merged(levels, positions)
        counts = np.bincount(positions + 1, weight, minlength=len(levels) + 1).tolist()
        return {level: count for level, count in zip([None, *levels], counts, strict=True) if count}

    @property
    def cardinality(self) -> int:
        """Number of codes."""
        return 1 + len(self.levels) + self.has_missing

    @property
    def known_codes(self) -> np.ndarray:
        """The codes that occurred in training: all, or all but that of rare and unseen levels."""
        return np.arange(ELSE if self.has_else else ELSE + 1, self.cardinality)

    @property
    def width(self) -> int:
        """Number of indicator columns."""
        return len(self.labels())

    def encode(self, positions: np.ndarray, levels: list[Any]) -> np.ndarray:
        """Codes, from positions in a list of distinct values.

        Raises
        ------
        ValueError
            Where the values are of another type than in training.
        """
        missing = len(self.levels) + 1 if self.has_missing else ELSE
        if self.kind == NOTHING:  # nobody knows what the column holds
            return np.full(len(positions), missing, np.intp)
        kind = type_of_levels(levels, self.name)
        if kind not in (self.kind, NOTHING):
            raise ValueError(f"column {self.name!r} of X holds {kind} but held {self.kind} at fit.")
        code_of = np.array([*(self._code_of.get(_plain(level), ELSE) for level in levels), missing], np.intp)
        return code_of[positions]

    def _is_binary(self) -> bool:
        return len(self.levels) == 2 and not self.has_else and not self.has_missing

    def labels(self) -> list[str]:
        """Name of each indicator column."""
        if self._is_binary():
            return [str(self.levels[1])]
        return ["other"] * self.has_else + [str(level) for level in self.levels] + ["missing"] * self.has_missing

    def one_hot_table(self, dtype: Any) -> np.ndarray:
        """The indicator columns of each code: one a level; -1 and 1 in a single one where there are just two."""
        if self._is_binary():
            return np.array([[0], [-1], [1]], dtype)
        table = np.eye(self.cardinality, dtype=dtype)
        return table if self.has_else else table[:, 1:]


def _plain(level: Any) -> Any:
    """A level as Python's own text, bytes or number; levels of the same value become the same."""
    if type(level) in PLAIN:
        return level
    if isinstance(level, str):
        return str.__str__(level)
    if isinstance(level, bytes):
        return bytes(level)
    if isinstance(level, (date, time, np.datetime64)) or hasattr(level, "start_time"):  # of whatever library
        return str(level)
    if hasattr(level, "total_seconds"):
        return float(level.total_seconds())
    if isinstance(level, np.timedelta64):
        return float(level / np.timedelta64(1, "s"))
    if isinstance(level, np.bool_):
        return bool(level)
    if isinstance(level, Integral):
        return int(level)
    if isinstance(level, Decimal) and level.is_finite():
        level = Fraction(level)
    return int(level) if isinstance(level, Fraction) and level.denominator == 1 else float(level)


def _merged(levels: list[Any], positions: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Plain levels, each once, and positions in them."""
    place: dict[Any, int] = {}
    at = [place.setdefault(_plain(level), len(place)) for level in levels]
    return list(place), np.array([*at, -1], np.intp)[positions]
