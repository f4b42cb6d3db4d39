"""Columns of free text: a few numbers that words and letters tell, with an indicator where training had gaps.

Knows how a table hands out texts and which columns hold any; what a text says is `Meaning`'s business.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, final

import numpy as np

from .._data import column, is_dataframe, is_missing, may_hold_text, rows_of, type_of_levels
from .._numerics import Purpose, generator
from .layout import MISSING, TEXT, Span
from .meaning import Meaning
from .part import Part, names_of
from .suspects import ColumnWarning

__all__ = ["Text"]

ROWS = 2**12  # texts that are taken from a table at once
FEW, MANY = 500, 10_000  # rows that decide whether a column is text: most columns are told by a few
LEAST_DISTINCT = 20  # texts: of fewer, words say no more than levels
SHARE_DISTINCT = 1 / 3  # of the rows: on average a text occurs in three of them at most
SHARE_DISTINCT_WORDS = 0.9  # where most texts are one word: a name that recurs is a level
SHARE_TELLING = 0.5  # of the texts
LOOKED_AT = 100  # characters of a text that show whether it tells anything
MOST_ROWS, MOST_CHARACTERS = 2**13, 2**21  # from which is learnt what words mean
SHARE_MISSING = 0.1  # of random rows, in columns that had gaps


@final
class Text(Part):
    """The numbers of each column of text, then an indicator for each that had gaps in training.

    A text without any sign in it is a missing one.

    Parameters
    ----------
    meanings : dict of int to Meaning
        What was learnt of each column, by its position in the table.
    gappy : ndarray of int
        Positions of the table's columns that have an indicator.
    """

    def __init__(self, meanings: dict[int, Meaning], gappy: np.ndarray):
        self.columns, self.meanings, self.gappy = np.array(list(meanings), np.intp), meanings, gappy

    def __getstate__(self) -> dict[str, Any]:
        """With lists for what has integers as keys: these are text in some formats."""
        return {"columns": self.columns, "meanings": list(self.meanings.values()), "gappy": self.gappy}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(dict(zip(state["columns"].tolist(), state["meanings"], strict=True)), state["gappy"])

    @classmethod
    def claims(cls, series: Any) -> bool:
        if not may_hold_text(series.dtype):
            return False
        n = len(series)
        for most in (FEW, MANY):
            rows = slice(None) if n <= most else np.sort(generator(0, Purpose.SAMPLE, 2).choice(n, most, replace=False))
            texts = [text for text in rows_of(series, rows).to_list() if not is_missing(text)]
            if not all(isinstance(text, str) for text in texts):
                return False
            distinct = Counter(texts)
            share = SHARE_DISTINCT if 2 * sum(map(_is_several, distinct)) > len(distinct) else SHARE_DISTINCT_WORDS
            if len(distinct) < LEAST_DISTINCT or _in_all(distinct) < share * len(texts) * max(1, n / most):
                return False
            if most == FEW and sum(map(_tells, distinct)) < SHARE_TELLING * len(distinct):
                return False
            if n <= most:
                break
        return True

    @classmethod
    def learn(
        cls,
        X: Any,
        columns: np.ndarray,
        weight: np.ndarray | None,
        index: np.ndarray | None,
        settings: Mapping[str, Any],
    ) -> Text:
        meanings, gappy, names = {}, [], names_of(X)
        if len(columns) and not is_dataframe(X):
            raise ValueError(f"column {names[columns[0]]!r} of X holds numbers; text comes in a DataFrame.")
        for i in columns.tolist():
            series = column(X, i)
            length = np.concatenate([_lengths(texts) for _, texts in _texts(series, names[i])])
            rows, w = _sample(length, weight)
            texts = [text for _, block in _texts(rows_of(series, rows), names[i]) for text in block]
            meanings[i] = Meaning.learn(texts, w)
            if not meanings[i].spread.any():
                warnings.warn(
                    f"column {names[i]!r} of X holds text of which hardly any word recurs, nor any run of letters: it "
                    "tells nothing of other rows, and the network does not see it; leave it out.",
                    ColumnWarning,
                    stacklevel=2,
                )
            if not length.all():
                gappy.append(i)
        return cls(meanings, np.array(gappy, np.intp))

    @property
    def spans(self) -> list[Span]:
        spans = [
            Span(i, TEXT, meaning.width, tuple(f"_text{k}" for k in range(1, meaning.width + 1)))
            for i, meaning in self.meanings.items()
        ]
        return spans + [Span(i, MISSING, 1, ("_missing",)) for i in self.gappy.tolist()]

    def encode(self, X: Any, out: np.ndarray) -> list[np.ndarray]:
        names, start, gap = names_of(X), 0, out.shape[1] - len(self.gappy)
        gappy = set(self.gappy.tolist())
        for i, meaning in self.meanings.items():
            stop = start + meaning.width
            for rows, texts in _texts(column(X, i), names[i]):
                meaning.apply(texts, out[rows, start:stop])
                if i in gappy:
                    out[rows, gap] = _lengths(texts) == 0
            start, gap = stop, gap + (i in gappy)
        return []

    def middle(self, out: np.ndarray) -> list[np.ndarray]:
        out[...] = 0
        return []

    def random_rows(self, rng: np.random.Generator, out: np.ndarray) -> list[np.ndarray]:
        start, gap = 0, out.shape[1] - len(self.gappy)
        out[:, gap:] = rng.random((len(out), len(self.gappy))) < SHARE_MISSING
        for i, meaning in self.meanings.items():
            stop = start + meaning.width
            z = rng.standard_normal((len(out), meaning.width)) * meaning.spread
            if i in self.gappy:
                z *= out[:, [gap]] == 0
                gap += 1
            out[:, start:stop] = z
            start = stop
        return []


def _is_several(text: str) -> bool:
    """Whether a text is of several words."""
    return len(text[:LOOKED_AT].split()) > 1


def _in_all(sample: Counter[str]) -> float:
    """How many different texts there are, by those of a sample: all seen, and f₁² / 2 f₂ unseen ones.

    (Chao 1984, "Nonparametric estimation of the number of classes in a population": f₁ were seen once, f₂ twice.)
    """
    seen = Counter(sample.values())
    return len(sample) + seen[1] ** 2 / max(1, 2 * seen[2])


def _tells(text: str) -> bool:
    """Whether a text has more letters than digits, and is not a code: one word with digits in it."""
    text = text[:LOOKED_AT]
    letters, digits = sum(map(str.isalpha, text)), sum(map(str.isdigit, text))
    is_code = digits > 0 and text.isascii() and len(text.split()) < 2
    return letters > digits and not is_code


def _texts(series: Any, name: Any) -> Iterator[tuple[slice, list[str]]]:
    """The texts of a column, block by block; empty where they are missing."""
    for start in range(0, len(series), ROWS):
        rows = slice(start, start + ROWS)
        values = rows_of(series, rows).to_list()
        yield rows, [value if isinstance(value, str) else _empty(value, name) for value in values]


def _empty(value: Any, name: Any) -> str:
    if is_missing(value):
        return ""
    raise ValueError(f"column {name!r} of X holds {type_of_levels([value], name)} but held text at fit.")


def _lengths(texts: list[str]) -> np.ndarray:
    """Characters of each text; 0 where there is no sign in it."""
    return np.array([0 if text.isspace() else len(text) for text in texts], np.intp)


def _sample(length: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows with text that decide what words mean, all of them or a sample, and the weight of each."""
    there = np.flatnonzero(length)
    w = np.ones(len(there)) if weight is None else weight[there] / min(1.0, weight.mean())
    if len(there) <= MOST_ROWS and length[there].sum() <= MOST_CHARACTERS:
        return there, w
    # a row of twice the weight comes first twice as often (Efraimidis & Spirakis 2006)
    order = np.argsort(generator(0, Purpose.SAMPLE).standard_exponential(len(w)) / w)[:MOST_ROWS]
    order = order[: max(1, np.searchsorted(np.cumsum(length[there[order]]), MOST_CHARACTERS, side="right"))]
    order.sort()
    return there[order], np.ones(len(order))
