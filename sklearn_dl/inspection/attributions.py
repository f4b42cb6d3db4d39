"""How much each column of a table moves a prediction away from a baseline: integrated gradients, gradient times input.

Knows nothing about the integral itself, nor about how it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator

from .._data import check_weight
from .._estimators import BaseDL
from .._estimators.inside import network_inside
from .._numerics import MatrixLike, above, boolean, check_value, either, integer
from .integral import integrate
from .origins import middle, origins
from .paths import Scalar, chains
from .progress import Progress
from .result import Attributions

__all__ = ["add_up", "gradient_times_input", "integrated_gradients"]

Done = Callable[[int], None]
Rule = Callable[[Scalar, np.ndarray, np.ndarray, Done], np.ndarray]


def integrated_gradients(
    estimator: BaseEstimator,
    X: MatrixLike,
    *,
    target: Any = None,
    background: MatrixLike | None = None,
    background_weight: ArrayLike | None = None,
    tol: float = 1e-3,
    verbose: bool | int = False,
) -> Attributions:
    """Share of each column in a prediction's difference from a baseline, by integrated gradients.

    The gradient of the network's output is integrated along the straight path from the encoded baseline to the encoded
    row, and multiplied by the way (Sundararajan, Taly & Yan 2017, https://arxiv.org/abs/1703.01365, eq. 1). What a
    column of the table became in the encoder (a number and its indicator of gaps, the indicators or the embedding of a
    category) is added up, so that each column of the table has one number a row, and

        Σ values = prediction - baseline.

    What is explained is the network's output before the inverse link, in which contributions add up: for regression y
    itself, in its units; with a log link (poisson, gamma, tweedie) log y; for two classes the logit log(p / (1 - p));
    for more classes log pₖ less the mean of all log p. With several quantile levels it is the middle one, before they
    are sorted. With members it is the mean of their outputs: for classes and log links that is not quite the link of
    the mean prediction, but of a geometric mean. In a `TransformedTargetRegressor` it is the network's own output, the
    transformed y; with calibration around the network, its logit before that.

    Parameters
    ----------
    estimator : DLRegressor or DLClassifier, fitted
        Also an estimator around one: a Pipeline that ends with it, whose columns are then those that the network gets,
        a search, a `TransformedTargetRegressor`, and others that hold exactly one network.
    X : DataFrame or array-like of shape (n, n_features)
        The rows to explain.
    target : int, class label, or tuple (int, class label); default=None
        Which output, or the class whose logit is explained. None is the only output, of two classes the second, and of
        more the class that is predicted for each row, which then has a baseline of its own. An int for several outputs
        and for an indicator matrix; a pair for several outputs with classes of their own.
    background : DataFrame or array-like of shape (m, n_features), or None; default=None
        Rows to start from; attributions are the mean over them (Erion et al. 2021,
        https://arxiv.org/abs/1906.10670, eq. 3, each row in turn), at a cost of n · m paths. None is the middle: each
        number at its median (or at its mean with ``scaling="standard"``, or at 0 without encoder), nothing missing,
        each category the plain mean of its levels.
    background_weight : array-like of shape (m,) or None, default=None
        Weight of each row of the background.
    tol : float > 0, default=1e-3
        A path is cut finer until its sum is within `tol` of the difference, or of a hundredth of Σ|values| where that
        is more, and no column is off by more than `tol` of Σ|values|. The error of a column is estimated, as 2.5
        standard deviations. Beside a very fine cut, the default ensemble of the diabetes table is off by at most 0.0007
        of Σ|values|, and in the median row by 0.00025; with ``tol=0.01`` by 0.004 and 0.0012, in a quarter of the time.
        Time grows as 1 / `tol` in wide networks with ReLU. From 1e-4 on, slopes are taken in single precision where
        rounding does no harm; the sum is always that of double precision.
    verbose : bool or int, default=False
        Whether a line is printed each second that says how many rows are done and how many seconds are left.

    Returns
    -------
    Attributions

    Raises
    ------
    ValueError
        Where X is sparse, has other columns than at `fit`, `target` names nothing, or `estimator` does not hold exactly
        one network.

    Warns
    -----
    ConvergenceWarning
        Where the finest cut is not fine enough.

    See Also
    --------
    AttributionDisplay : Draws them.
    sklearn.inspection.permutation_importance : How much a score falls without a column; works for any model.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.inspection import integrated_gradients
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> y = 3 * X[:, 0] - X[:, 1]
    >>> line = DLRegressor(hidden_layer_sizes=(), solver="lbfgs").fit(X, y)
    >>> found = integrated_gradients(line, [[1.0, 1.0, 1.0]], background=[[0.0, 0.0, 0.0]])
    >>> [name for name, value in zip(found.feature_names, found.values[0]) if abs(value) > 0.5]
    ['x0', 'x1']
    """
    check_value("tol", tol, above(0))
    check_value("verbose", verbose, either(boolean(), integer(0)))

    def rule(f: Scalar, z: np.ndarray, z0: np.ndarray, done: Done) -> np.ndarray:
        return integrate(f, z, z0, tol, done)

    return _attribute(estimator, X, target, background, background_weight, rule, bool(verbose))


def gradient_times_input(
    estimator: BaseEstimator,
    X: MatrixLike,
    *,
    target: Any = None,
    background: MatrixLike | None = None,
    background_weight: ArrayLike | None = None,
) -> Attributions:
    """Slope of the prediction at each row times the way from the baseline, for each column.

    (z - z₀) ⊙ ∇f(z), in the space and with the parameters of `integrated_gradients`. It costs one pass, and is the
    linear model that touches the network at the row: the columns add up to the difference only where the network is
    linear. `Attributions.residual` says how far they are from it.

    Parameters
    ----------
    estimator : DLRegressor or DLClassifier, fitted
        Also an estimator around one.
    X : DataFrame or array-like of shape (n, n_features)
        The rows to explain.
    target : int, class label, or tuple (int, class label); default=None
        Which output or class.
    background : DataFrame or array-like of shape (m, n_features), or None; default=None
        Rows to start from; None is the middle.
    background_weight : array-like of shape (m,) or None, default=None
        Weight of each row of the background.

    Returns
    -------
    Attributions

    Raises
    ------
    ValueError
        Where X is sparse, has other columns than at `fit`, `target` names nothing, or `estimator` does not hold exactly
        one network.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_dl import DLClassifier
    >>> from sklearn_dl.inspection import gradient_times_input
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> model = DLClassifier(random_state=0, max_iter=50).fit(X, y)
    >>> gradient_times_input(model, X, target=2).values.shape
    (150, 4)
    """

    def rule(f: Scalar, z: np.ndarray, z0: np.ndarray, done: Done) -> np.ndarray:
        return f.times_gradient(z, z0)

    return _attribute(estimator, X, target, background, background_weight, rule)


def _attribute(
    estimator: Any,
    X: Any,
    target: Any,
    background: Any,
    background_weight: Any,
    rule: Rule,
    verbose: bool = False,
) -> Attributions:
    inside = network_inside(estimator)
    model, table = inside.network, inside.prepare(X)
    encoded, start, shares = _encode(model, table, "X"), None, np.ones(1)
    if background is not None:
        start = _encode(model, inside.prepare(background), "background")
        shares = np.ones(len(start)) if background_weight is None else check_weight(background_weight, start)
        start, shares = start[shares > 0], shares[shares > 0] / shares.sum()
    elif background_weight is not None:
        raise ValueError("background_weight was given without background; pass both or neither.")

    what = "rows" if len(shares) == 1 else "paths"
    done = Progress("integrated_gradients", len(encoded) * len(shares), what, verbose)

    def explain(target: Any, at: Any) -> tuple[np.ndarray, float, np.ndarray, str]:
        weights, offset, explained = model.fitted_.head.readout(target)
        f = Scalar(chains(model.network_), weights)
        z = f.embed(encoded[at])
        starts = middle(model.encoder_, model.n_features_in_, f.embedding_tables) if start is None else f.embed(start)
        values = np.zeros_like(z)
        for share, z0 in zip(shares, starts, strict=True):
            values += share * rule(f, z, z0[None], done)
        return add_up(model, f, values), float(f.value(starts) @ shares) + offset, f.value(z) + offset, explained

    predicted = _predicted(model, table) if target is None else None
    baseline: float | np.ndarray
    if predicted is None:
        values, baseline, prediction, explained = explain(target, slice(None))
    else:
        values, baseline, prediction = np.empty((len(predicted), model.n_features_in_)), *np.empty((2, len(predicted)))
        labels = np.unique(predicted).tolist()
        for label in labels:
            at = np.flatnonzero(predicted == label)
            values[at], baseline[at], prediction[at], explained = explain(label, at)
        if len(labels) > 1:
            explained = "logit of the predicted class"
    if inside.transforms_target:
        explained = explained.replace("y", "transformed y")
    return Attributions(values, baseline, prediction, inside.feature_names(), explained, table)


def _predicted(model: BaseDL, table: Any) -> np.ndarray | None:
    """The class of each row, where there are more than two, and no other targets."""
    classes: Any = getattr(model, "classes_", None)
    if isinstance(classes, np.ndarray) and len(classes) > 2 and np.ndim(found := model.predict(table)) == 1:
        return np.asarray(found)
    return None


def add_up(model: BaseDL, f: Scalar, values: np.ndarray) -> np.ndarray:
    """From embedded columns to the table's own, which are the sums of what they became; shape (n, n_features)."""
    columns = f.origins(origins(model.encoder_, model.n_features_in_))
    return values @ (columns[:, None] == np.arange(model.n_features_in_)).astype(float)


def _encode(model: BaseDL, X: Any, name: str) -> Any:
    """Encoded in double precision, whatever that of the network."""
    if sparse.issparse(X):
        raise ValueError(
            f"{name} is sparse, and attributions are dense; pass {name}.toarray() of the rows that matter: a model "
            "fitted on sparse rows takes dense ones."
        )
    X = model._check_inputs(X, reset=False)
    if sparse.issparse(X):  # a DataFrame of sparse columns
        X = X.toarray()
    return X.astype(np.float64) if model.encoder_ is None else model.encoder_.encode(X, np.float64)
