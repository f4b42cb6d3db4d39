"""The layout of an encoded table: which columns the network sees, and which column of the table each comes from.

Knows nothing about how columns are encoded, nor about the network that takes them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any, NamedTuple, final

import numpy as np

__all__ = ["CODES", "MISSING", "NUMBER", "ONE_HOT", "TEXT", "TWO_VALUED", "Layout", "Span"]

NUMBER, TWO_VALUED, MISSING, ONE_HOT = "number", "two-valued", "missing", "one-hot"
TEXT, CODES = "text", "codes"


class Span(NamedTuple):
    """Columns that lie side by side in an encoded table and come from one column of the table.

    Attributes
    ----------
    origin : int
        Position of the table's column.
    kind : str
        What they are: `NUMBER`, a single one that can be embedded; `TWO_VALUED`, a number of which there are but two,
        where an embedding has nothing to add; `MISSING`, the indicator of gaps; `ONE_HOT`, the indicators of levels;
        `TEXT`, what words and letters tell; `CODES`, for which the network learns vectors; any other word for numbers
        of another kind.
    width : int
        Number of columns that the network sees; of codes the length of a vector.
    suffixes : tuple of str
        What follows the column's name in the name of each encoded column; codes are one.
    n_codes : int
        Number of codes; 0 where there are none.
    """

    origin: int
    kind: str
    width: int
    suffixes: tuple[str, ...]
    n_codes: int = 0


@final
@dataclass(frozen=True)
class Layout:
    """The columns of an encoded table, in order.

    Parameters
    ----------
    spans : tuple of Span
        Those of codes last.
    sparse : bool, default=False
        Whether encoded rows of the table are sparse.
    n_plain : int, default=0
        Number of columns in front of the spans that are the table's own first ones, plain numbers all of them: a sparse
        table may have hundreds of thousands.
    bends : bool, default=False
        Whether numbers are held within ±3 by z / √(1 + (z/3)²).
    """

    spans: tuple[Span, ...]
    sparse: bool = False
    n_plain: int = 0
    bends: bool = False

    @classmethod
    def plain(cls, n_features: int, *, sparse: bool = False) -> Layout:
        """The layout of a table of numbers that nobody encodes.

        Parameters
        ----------
        n_features : int
            Number of the table's columns.
        sparse : bool, default=False
            Whether it is sparse.

        Returns
        -------
        Layout
        """
        return cls((), sparse, n_features)

    @property
    def n_numbers(self) -> int:
        """Number of leading columns that are plain numbers: these can be embedded."""
        return self.n_plain + sum(1 for _ in takewhile(lambda span: span.kind == NUMBER, self.spans))

    @property
    def n_numeric(self) -> int:
        """Number of columns that are not codes."""
        return self.n_plain + sum(span.width for span in self.spans if span.kind != CODES)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each column of codes."""
        return tuple(span.n_codes for span in self.spans if span.kind == CODES)

    @property
    def embedding_size(self) -> int:
        """Length of the vector that the network learns for a code; 0 where there are no codes."""
        return self.spans[-1].width if self.cardinalities else 0

    @property
    def chunks(self) -> tuple[int, ...]:
        """Number of columns that the network sees of each plain column and of each span."""
        return (1,) * self.n_plain + tuple(span.width for span in self.spans)

    @property
    def origins(self) -> np.ndarray:
        """Position in the table of the column that each column comes from, codes taken as vectors."""
        origins, widths = [span.origin for span in self.spans], [span.width for span in self.spans]
        return np.concatenate((np.arange(self.n_plain), np.repeat(np.array(origins, np.intp), widths)))

    def names(self, given: Any) -> list[str]:
        """Names of the encoded columns, codes taken as one column each; no two are the same.

        Where they would be, the one that is called as a column of the table keeps its name, or else the first, and the
        others get a number, from 2 on.

        Parameters
        ----------
        given : sequence of str
            Names of the table's columns.

        Returns
        -------
        list of str
        """
        made = [(str(name), "") for name in given[: self.n_plain]]
        made += [(str(given[span.origin]), suffix) for span in self.spans for suffix in span.suffixes]
        names = [name + suffix for name, suffix in made]
        wanted = Counter(names)
        if len(wanted) == len(names):
            return names
        kept, taken = {name for name, suffix in made if not suffix}, set(wanted)
        for i, (name, (_, suffix)) in enumerate(zip(names, made, strict=True)):
            if not suffix:
                continue
            if name in kept:
                names[i] = next(f"{name}_{k}" for k in count(2) if f"{name}_{k}" not in taken)
            kept.add(names[i])
            taken.add(names[i])
        return names
