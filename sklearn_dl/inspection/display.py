"""AttributionDisplay: attributions as a picture, in the manner of scikit-learn's displays.

Knows nothing about how attributions are computed; matplotlib is imported when something is drawn.
"""

from __future__ import annotations

from typing import Any, Literal, final

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._numerics import MatrixLike, check_value, either, integer
from .attributions import gradient_times_input, integrated_gradients
from .result import Attributions

__all__ = ["AttributionDisplay"]

METHODS = {"integrated_gradients": integrated_gradients, "gradient_times_input": gradient_times_input}
KINDS = ("auto", "bar", "box", "row")
UP, DOWN, NEUTRAL = "#d95f02", "#1f77b4", "0.45"


@final
class AttributionDisplay:
    """Draw which columns of a table move the predictions, and how far.

    Made by `from_estimator`, or from what `integrated_gradients` or `gradient_times_input` returned.

    Parameters
    ----------
    attributions : Attributions
        What is drawn.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure around it.

    See Also
    --------
    integrated_gradients : The numbers that are drawn.
    sklearn.inspection.PartialDependenceDisplay : How the prediction depends on one column, for any model.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.inspection import AttributionDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = DLRegressor(random_state=0, max_iter=20).fit(X, y)
    >>> display = AttributionDisplay.from_estimator(model, X)
    >>> display.ax_.get_xlabel()
    'mean |attribution| to y'
    """

    def __init__(self, attributions: Attributions):
        self.attributions = attributions

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        *,
        target: Any = None,
        background: MatrixLike | None = None,
        background_weight: ArrayLike | None = None,
        method: Literal["integrated_gradients", "gradient_times_input"] = "integrated_gradients",
        kind: Literal["auto", "bar", "box", "row"] = "auto",
        max_columns: int = 15,
        ax: Any = None,
    ) -> AttributionDisplay:
        """Compute attributions and draw them.

        Parameters
        ----------
        estimator : DLRegressor or DLClassifier, fitted
            Also a Pipeline that ends with one, or a search over one.
        X : DataFrame or array-like of shape (n, n_features)
            The rows to explain.
        target : int, class label, or tuple (int, class label); default=None
            Which output or class, as for `integrated_gradients`.
        background : DataFrame or array-like of shape (m, n_features), or None; default=None
            Rows to start from; None is the middle.
        background_weight : array-like of shape (m,) or None, default=None
            Weight of each row of the background.
        method : {"integrated_gradients", "gradient_times_input"}, default="integrated_gradients"
            How attributions are computed.
        kind : {"auto", "bar", "box", "row"}, default="auto"
            As for `plot`.
        max_columns : int >= 1, default=15
            As for `plot`.
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        AttributionDisplay

        Raises
        ------
        ImportError
            Where matplotlib is not installed.
        ValueError
            Where a parameter is not as it must be.
        """
        check_value("method", method, either(*METHODS))
        found = METHODS[method](estimator, X, target=target, background=background, background_weight=background_weight)
        return cls(found).plot(ax, kind=kind, max_columns=max_columns)

    def plot(
        self, ax: Any = None, *, kind: Literal["auto", "bar", "box", "row"] = "auto", max_columns: int = 15
    ) -> AttributionDisplay:
        """Draw the attributions.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.
        kind : {"auto", "bar", "box", "row"}, default="auto"
            "bar": mean size over the rows. "box": how it varies over the rows: quartiles, the 5th and the 95th
            percentile. "row": from the baseline to the prediction of the first row, column by column. "auto" is "row"
            for a single row, else "bar".
        max_columns : int >= 1, default=15
            How many columns are drawn, the largest first; below it stands of how many, and "row" puts the others
            together. Beside the bars of "row" stand the row's values.

        Returns
        -------
        AttributionDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ImportError
            Where matplotlib is not installed.
        ValueError
            Where a parameter is not as it must be.
        """
        from sklearn.utils._optional_dependencies import check_matplotlib_support

        check_matplotlib_support("AttributionDisplay.plot")
        import matplotlib.pyplot as plt

        check_value("kind", kind, either(*KINDS))
        check_value("max_columns", max_columns, integer(1))
        if kind == "auto":
            kind = "row" if len(self.attributions.values) == 1 else "bar"
        if ax is None:
            n_bars = min(max_columns + (kind == "row"), len(self.attributions.feature_names))
            _, ax = plt.subplots(figsize=(6.4, 1.2 + 0.32 * n_bars), layout="constrained")
        draw = {"bar": self._bars, "box": self._boxes, "row": self._row}[kind]
        draw(ax, max_columns)
        n_columns = len(self.attributions.feature_names)
        if n_columns > max_columns and kind != "row":  # which has a bar for the others
            ax.set_xlabel(f"{ax.get_xlabel()}\n{max_columns} of {n_columns} columns, the others less")
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="x", color="0.5", alpha=0.25)  # on light and on dark
        ax.set_axisbelow(True)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _largest(self, sizes: np.ndarray, n: int) -> np.ndarray:
        return np.argsort(-sizes, kind="stable")[:n]

    def _bars(self, ax: Any, max_columns: int) -> None:
        found = self.attributions
        sizes = found.importance()
        shown = self._largest(sizes, max_columns)[::-1]
        ax.barh([str(found.feature_names[j]) for j in shown], sizes[shown], color=DOWN, height=0.7)
        ax.set_xlabel(f"mean |attribution| to {found.explained}")

    def _boxes(self, ax: Any, max_columns: int) -> None:
        found = self.attributions
        shown = self._largest(found.importance(), max_columns)[::-1]
        boxes = ax.boxplot(found.values[:, shown], orientation="horizontal", whis=(5, 95), showfliers=False, widths=0.6)
        for line in (*boxes["boxes"], *boxes["whiskers"], *boxes["caps"]):
            line.set_color(NEUTRAL)
        for line in boxes["medians"]:
            line.set(color=UP, linewidth=2)
        ax.axvline(0, color="0.5", linewidth=1, zorder=0)
        ax.set_yticks(np.arange(1, len(shown) + 1), [str(found.feature_names[j]) for j in shown])
        ax.set_xlabel(f"attribution to {found.explained}: quartiles, 5 % and 95 %")

    def _row(self, ax: Any, max_columns: int) -> None:
        """A waterfall: each bar begins where the one above it ends."""
        found, row = self.attributions, self.attributions.values[0]
        baseline, cells = float(np.ravel(found.baseline)[0]), found.cells(0)
        order = np.argsort(-np.abs(row), kind="stable")
        shown, others = order[:max_columns], order[max_columns:]
        names = [f"{found.feature_names[j]}{f' = {cells[j]}' if cells else ''}" for j in shown]
        names += [f"{len(others)} others"] * bool(len(others))
        steps = np.append(row[shown], [row[others].sum()] * bool(len(others)))
        starts = baseline + np.cumsum(steps) - steps
        places = np.arange(len(steps))[::-1]
        ax.barh(places, steps, left=starts, color=np.where(steps >= 0, UP, DOWN), height=0.7)
        for place, start, step in zip(places, starts, steps, strict=True):
            ax.annotate(
                f"{step:+.3g}",
                (max(start, start + step), place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
            )
        ax.axvline(baseline, color="0.5", linestyle=":", zorder=0)
        ax.axvline(found.prediction[0], color=ax.xaxis.label.get_color(), linewidth=1, zorder=0)
        ax.use_sticky_edges = False  # leave room for the numbers
        ax.margins(x=0.16)
        ax.set_yticks(places, names)
        ax.set_xlabel(f"{found.explained}: from {baseline:.4g} (dotted) to {found.prediction[0]:.4g}")
