"""What attributions are, and how they look as text and in a notebook.

Knows nothing about how they are computed, nor about pictures.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike

from .._data import column, is_dataframe, rows_of
from .._estimators import table_html

__all__ = ["Attributions"]

IN_REPR, IN_HTML = 3, 20  # columns
LONGEST = 30  # characters of a value


@final
@dataclass(frozen=True, eq=False, repr=False)
class Attributions:
    """What `integrated_gradients` and `gradient_times_input` return.

    Attributes
    ----------
    values : ndarray of shape (n, n_features)
        Share of each column of the table in each row's difference ``prediction - baseline``.
    baseline : float, or ndarray of shape (n,)
        The explained number at the baseline; its mean where the background has several rows. An array where rows of
        different classes are explained.
    prediction : ndarray of shape (n,)
        The explained number for each row.
    feature_names : ndarray of str of shape (n_features,)
        Names of the columns; x0, x1, ... where the table had none.
    explained : str
        What the explained number is: "y" in the target's units, "log y", "transformed y", "logit of 'yes'", "logit of
        the predicted class".
    table : DataFrame, array-like or None, default=None
        The rows that were explained, as the network gets them.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.inspection import integrated_gradients
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = DLRegressor(random_state=0).fit(X, y)
    >>> found = integrated_gradients(model, X)
    >>> bool(abs(found.residual).max() < 0.1)  # y goes from 25 to 346
    True
    >>> sorted(found.feature_names[found.importance().argsort()[-2:]])
    ['bmi', 's5']
    """

    values: np.ndarray
    baseline: float | np.ndarray
    prediction: np.ndarray
    feature_names: np.ndarray
    explained: str
    table: Any = None

    @property
    def residual(self) -> np.ndarray:
        """What the columns do not add up to: prediction - baseline - Σ values, shape (n,)."""
        residual: np.ndarray = self.prediction - self.baseline - self.values.sum(axis=1)
        return residual

    def importance(self, sample_weight: ArrayLike | None = None) -> np.ndarray:
        """Mean size of each column's attribution over the rows.

        Parameters
        ----------
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row.

        Returns
        -------
        ndarray of shape (n_features,)
            In the units of the explained number.
        """
        weights = None if sample_weight is None else np.asarray(sample_weight)
        return np.average(np.abs(self.values), axis=0, weights=weights)

    def to_frame(self) -> Any:
        """The attributions as a pandas DataFrame, one column a column of the table.

        Returns
        -------
        pandas.DataFrame of shape (n, n_features)

        Raises
        ------
        ImportError
            Where pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.values, columns=self.feature_names)

    def cells(self, row: int) -> list[str]:
        """A row of the table, in words, to stand beside its attributions; empty without a table.

        Parameters
        ----------
        row : int
            Its position.
        """
        if self.table is None:
            return []
        if not is_dataframe(self.table):
            return list(map(_cell, np.asarray(self.table[row], dtype=object)))
        one = rows_of(self.table, np.array([row]))
        return [_cell(next(iter(column(one, j)))) for j in range(len(self.feature_names))]

    def _title(self) -> str:
        n, baseline = len(self.values), self.baseline
        start = f"baseline {np.mean(baseline):.4g}{' on average' if np.ndim(baseline) and n > 1 else ''}"
        if n == 1:
            return f"attribution to {self.explained}, {start}, prediction {self.prediction[0]:.4g}"
        return f"mean |attribution| to {self.explained} over {n} rows, {start}"

    def _largest_first(self) -> list[tuple[str, float]]:
        """Names with what the title says; of a single row with the sign."""
        sizes = self.importance() if len(self.values) else np.zeros(len(self.feature_names))
        shown = self.values[0] if len(self.values) == 1 else sizes
        return [(str(self.feature_names[j]), float(shown[j])) for j in np.argsort(-sizes, kind="stable")]

    def __str__(self) -> str:
        columns = self._largest_first()
        width = max(len(name) for name, _ in columns)
        return "\n".join([self._title(), *(f"  {name:<{width}}  {value:.4g}" for name, value in columns)])

    def __repr__(self) -> str:
        columns = self._largest_first()
        names = ", ".join(f"{name} {value:.3g}" for name, value in columns[:IN_REPR])
        more = f" and {len(columns) - IN_REPR} more columns" if len(columns) > IN_REPR else ""
        return f"<Attributions: {self._title()}: {names}{more}>"

    def _repr_html_(self) -> str:
        columns, cells = self._largest_first(), {}
        if len(self.values) == 1:
            cells = dict(zip(map(str, self.feature_names), self.cells(0), strict=False))
        rows = [[name, *([cells[name]] if cells else []), f"{value:.4g}"] for name, value in columns[:IN_HTML]]
        note = f"and {len(columns) - IN_HTML} more columns, with less" if len(columns) > IN_HTML else ""
        return table_html(self._title(), ["column", *(["value"] if cells else []), "attribution"], rows, note)


def _cell(value: Any) -> str:
    if value is None or value != value or str(value) in ("<NA>", "NaT"):
        return "missing"
    if isinstance(value, (bool, np.bool_, Integral)) or not isinstance(value, Real):
        return reprlib.repr(value).strip("'") if isinstance(value, str) else str(value)[:LONGEST]
    return f"{value:.4g}"
