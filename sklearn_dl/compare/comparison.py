"""What a comparison of two models on the same folds says: a table, an interval, a sentence, a picture.

Knows nothing about the models: it gets scores, times and numbers of rows; matplotlib is imported when drawing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from scipy.stats import t as student

from .._estimators import table_html
from .._numerics import check_value, interval

__all__ = ["Comparison", "ComparisonDisplay"]

BETTER, WORSE = "#d95f02", "#1f77b4"


@final
@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What `compare_with_linear` returns; ``print`` shows it as a table and a sentence.

    Attributes
    ----------
    score_name : str
        What the scores are, greater is better.
    network_scores, linear_scores : ndarray of shape (n_folds,)
        Score on the test rows of each fold.
    network_fit_times, linear_fit_times : ndarray of shape (n_folds,)
        Seconds that each fit took.
    n_train, n_test : ndarray of shape (n_folds,)
        Rows of each fold.
    linear_name : str
        Which linear model it is.
    linear : estimator
        The linear model with its preparation, not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.compare import Comparison
    >>> scores, seconds, rows = np.array([0.70, 0.74, 0.72]), np.ones(3), np.array([200, 200, 200])
    >>> found = Comparison("R²", scores, scores - [0.10, 0.11, 0.12], seconds, seconds, rows, rows // 2, "Ridge", None)
    >>> low, high = found.interval()
    >>> round(low, 3), round(high, 3)
    (0.071, 0.149)
    >>> print(found.verdict)
    The network beats the linear model by 0.110 R² (95 % interval 0.071 to 0.149).
    """

    score_name: str
    network_scores: np.ndarray
    linear_scores: np.ndarray
    network_fit_times: np.ndarray
    linear_fit_times: np.ndarray
    n_train: np.ndarray
    n_test: np.ndarray
    linear_name: str
    linear: Any

    @property
    def differences(self) -> np.ndarray:
        """Score of the network less that of the linear model, shape (n_folds,)."""
        return self.network_scores - self.linear_scores

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the mean difference, with a variance for folds that share training rows.

        d̄ ± t s √(1/J + n_test/n_train), with the mean d̄ and the standard deviation s of the J differences and the
        quantile t of Student's distribution with J - 1 degrees of freedom (Nadeau & Bengio 2003, Inference for the
        generalization error, Machine Learning 52, eq. 9: the corrected resampled t-test). With √(1/J) alone, as if
        folds were independent, intervals are far too narrow.

        Parameters
        ----------
        confidence : float in (0, 1), default=0.95
            How often such an interval shall hold the truth.

        Returns
        -------
        low, high : float
            In the units of the score.

        Raises
        ------
        ValueError
            Where `confidence` is out of range.
        """
        check_value("confidence", confidence, interval(0, 1, "()"))
        d, n_folds = self.differences, len(self.differences)
        variance = d.var(ddof=1) * (1 / n_folds + np.mean(self.n_test / self.n_train))
        half = float(student.ppf((1 + confidence) / 2, n_folds - 1) * math.sqrt(variance))
        return float(d.mean()) - half, float(d.mean()) + half

    @property
    def verdict(self) -> str:
        """What the comparison says, in a plain sentence or two."""
        low, high = self.interval()
        mean, digits = float(self.differences.mean()), _digits((high - low) / 2)
        by, between = f"{abs(mean):.{digits}f} {self.score_name}", f"{low:.{digits}f} to {high:.{digits}f}"
        if low > 0:
            told = f"The network beats the linear model by {by} (95 % interval {between})."
        elif high < 0:
            told = f"The linear model beats the network by {by} (95 % interval of the difference {between})."
        else:
            sign = "more" if mean > 0 else "less"
            told = (
                f"No evidence of a difference: the network has {by} {sign} than the linear model "
                f"(95 % interval {between})."
            )
        ratio = self.network_fit_times.mean() / max(self.linear_fit_times.mean(), 1e-9)
        return f"{told} Its fit takes {ratio:.0f} times as long." if low > 0 and ratio >= 2 else told

    def to_frame(self) -> Any:
        """The folds as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame of shape (n_folds, 7)
            Scores, their difference, seconds of the fits and numbers of rows.

        Raises
        ------
        ImportError
            Where pandas is not installed.
        """
        import pandas as pd

        columns = {
            "network": self.network_scores,
            "linear": self.linear_scores,
            "difference": self.differences,
            "network_fit_time": self.network_fit_times,
            "linear_fit_time": self.linear_fit_times,
            "n_train": self.n_train,
            "n_test": self.n_test,
        }
        return pd.DataFrame(columns).rename_axis("fold")

    def plot(self, ax: Any = None) -> ComparisonDisplay:
        """Draw the scores of the folds.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ImportError
            Where matplotlib is not installed.
        """
        return ComparisonDisplay(self).plot(ax)

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = [("", f"{self.score_name}, {len(self.differences)} folds", "seconds a fit")]
        named = [
            ("network", self.network_scores, self.network_fit_times),
            (self.linear_name, self.linear_scores, self.linear_fit_times),
        ]
        digits = _digits(self.differences.std(ddof=1))
        for name, scores, times in named:
            cell = f"{scores.mean():.{digits}f} ± {scores.std(ddof=1):.{digits}f}"
            rows.append((name, cell, f"{times.mean():.3g}"))
        d = self.differences
        rows.append(("difference", f"{d.mean():.{digits}f} ± {d.std(ddof=1):.{digits}f}", ""))
        return rows

    def __str__(self) -> str:
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )
        return f"{table}\n{self.verdict}"

    def __repr__(self) -> str:
        return f"<Comparison of a network with {self.linear_name}: {self.verdict}>"

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        return table_html(f"A network and {self.linear_name} on the same folds", head, rows, self.verdict)


@final
class ComparisonDisplay:
    """Draw the scores of a network and a linear model, fold by fold.

    Parameters
    ----------
    comparison : Comparison
        What `compare_with_linear` returned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure around it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.compare import compare_with_linear
    >>> X, y = load_diabetes(return_X_y=True)
    >>> display = compare_with_linear(DLRegressor(random_state=0, max_iter=20), X, y).plot()
    >>> display.ax_.get_ylabel()
    'R²'
    """

    def __init__(self, comparison: Comparison):
        self.comparison = comparison

    def plot(self, ax: Any = None) -> ComparisonDisplay:
        """Draw a line a fold from the linear model's score to the network's.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ComparisonDisplay
            Itself, with `ax_` and `figure_`.

        Raises
        ------
        ImportError
            Where matplotlib is not installed.
        """
        from sklearn.utils._optional_dependencies import check_matplotlib_support

        check_matplotlib_support("ComparisonDisplay.plot")
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
        found = self.comparison
        for pair in zip(found.linear_scores, found.network_scores, strict=True):
            ax.plot([0, 1], pair, "o-", color=BETTER if pair[1] > pair[0] else WORSE, alpha=0.5, linewidth=1, ms=4)
        means = [found.linear_scores.mean(), found.network_scores.mean()]
        ax.plot([0, 1], means, "D-", color=ax.xaxis.label.get_color(), linewidth=2, ms=7, label="mean")
        low, high = found.interval()
        digits = _digits((high - low) / 2)
        ax.set_title(
            f"difference {means[1] - means[0]:.{digits}f}\n95 % interval {low:.{digits}f} to {high:.{digits}f}",
            fontsize="medium",
        )
        ax.set_xticks([0, 1], [found.linear_name, "network"])
        ax.set_xlim(-0.3, 1.3)
        ax.set_ylabel(found.score_name)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.5", alpha=0.25)  # on light and on dark
        ax.set_axisbelow(True)
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _digits(half_width: float) -> int:
    """Decimals that show two figures of an interval's half width."""
    return min(8, max(0, 1 - math.floor(math.log10(half_width)))) if half_width > 0 else 3
