"""Columns of categories: indicator columns for those of few levels, codes for those of many.

Knows how a table hands out levels; which of them are told apart is `Codebook`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import numpy as np

from .._data import column, factorize, is_category, is_dataframe
from .codebook import Codebook
from .layout import CODES, ONE_HOT, Span
from .part import Part, names_of
from .suspects import warn_of_distinct_levels, warn_of_text

__all__ = ["Categories"]


@final
class Categories(Part):
    """The indicators of each column of few levels, and a column of codes for each column of many.

    Parameters
    ----------
    books : dict of int to Codebook
        The levels of each column, by its position in the table.
    embedding_size : int
        Length of the vector that the network learns for a code.
    """

    def __init__(self, books: dict[int, Codebook], embedding_size: int):
        self.columns, self.books, self.embedding_size = np.array(list(books), np.intp), books, embedding_size

    @classmethod
    def learn(
        cls,
        X: Any,
        columns: np.ndarray,
        weight: np.ndarray | None,
        index: np.ndarray | None,
        settings: Mapping[str, Any],
    ) -> Categories:
        books, names = {}, names_of(X)
        min_frequency, max_one_hot = settings["min_frequency"], settings["max_one_hot"]
        for i in columns.tolist():
            positions, levels = _factorize(X, i, names[i], index)
            book = books[i] = Codebook.learn(names[i], positions, levels, weight, min_frequency, max_one_hot)
            meant = i in settings["told"] or is_category(column(X, i).dtype)
            if meant or book.kind != "text" or len(levels) <= max_one_hot or not warn_of_text(names[i], levels):
                warn_of_distinct_levels(names[i], positions, len(levels), len(book.levels), min_frequency)
        return cls(books, settings["embedding_size"])

    def tally(self, X: Any, weight: np.ndarray | None) -> dict[int, dict[Any, float]]:
        """The total weight of each level of each column, by the column's position, as `Codebook.tally`."""
        return {i: book.tally(*_factorize(X, i, book.name), weight) for i, book in self.books.items()}

    def recounted(
        self, counts: Mapping[int, Mapping[Any, float]], min_frequency: float, max_one_hot: int
    ) -> Categories:
        """The part by the levels of more rows than it was learnt from, as `Codebook.recounted`."""
        books = {i: book.recounted(counts[i], min_frequency, max_one_hot) for i, book in self.books.items()}
        return Categories(books, self.embedding_size)

    @property
    def spans(self) -> list[Span]:
        spans = []
        for i, book in self.books.items():
            if book.one_hot:
                spans.append(Span(i, ONE_HOT, book.width, tuple(f"_{label}" for label in book.labels())))
            else:
                spans.append(Span(i, CODES, self.embedding_size, ("",), book.cardinality))
        return spans

    def encode(self, X: Any, out: np.ndarray) -> list[np.ndarray]:
        return self._indicate([book.encode(*_factorize(X, i, book.name)) for i, book in self.books.items()], out)

    def middle(self, out: np.ndarray) -> list[np.ndarray]:
        start = 0
        for book in self.books.values():
            if book.one_hot:
                out[:, start : start + book.width] = book.one_hot_table(out.dtype)[book.known_codes].mean(axis=0)
                start += book.width
        return [book.known_codes for book in self.books.values() if not book.one_hot]

    def random_rows(self, rng: np.random.Generator, out: np.ndarray) -> list[np.ndarray]:
        one_hot_first = sorted(self.books.items(), key=lambda item: not item[1].one_hot)  # as they are laid out
        drawn = {i: book.known_codes[rng.integers(0, len(book.known_codes), len(out))] for i, book in one_hot_first}
        return self._indicate([drawn[i] for i in self.books], out)

    def _indicate(self, codes: list[np.ndarray], out: np.ndarray) -> list[np.ndarray]:
        """The indicators of each column's codes into `out`; codes that have none are handed back."""
        start, coded = 0, []
        for book, rows in zip(self.books.values(), codes, strict=True):
            if book.one_hot:
                table = book.one_hot_table(out.dtype)
                out[:, start : start + table.shape[1]] = table.take(rows, axis=0)
                start += table.shape[1]
            else:
                coded.append(rows)
        return coded


def _factorize(X: Any, i: int, name: Any, index: np.ndarray | None = None) -> tuple[np.ndarray, list[Any]]:
    """Position of each row's value in a list of the distinct ones, -1 where it is missing."""
    if is_dataframe(X):
        return factorize(column(X, i), name)
    x = X[:, i] if index is None else X[index, i]
    levels, codes = np.unique(x, return_inverse=True)
    codes = np.where(np.isnan(x), -1, codes)
    return codes, levels[~np.isnan(levels)].tolist()
