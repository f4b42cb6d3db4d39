"""Importance of columns from a fitted estimator alone, as scikit-learn's selectors of features ask for it.

Knows no rows of the user's: it draws its own in the space that the encoder scales to.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from .._estimators.inside import network_inside
from .attributions import add_up
from .integral import integrate
from .origins import middle, random_rows
from .paths import Scalar, chains

__all__ = ["attribution_importance"]

N_ROWS = 256
TOLERANCE = 0.01  # of a path: the rows are a sample of 256 anyway


def attribution_importance(estimator: BaseEstimator) -> np.ndarray:
    """Mean size of each column's integrated gradient over rows drawn at random: an `importance_getter`.

    ``RFE``, ``RFECV`` and ``SelectFromModel`` of scikit-learn hand the fitted estimator to their `importance_getter`,
    and no rows. So 256 rows are drawn, always the same, where the encoder's scaling says that rows lie: normal numbers,
    every level of a category as often, one number in ten missing where some were in training, all columns independent
    of each other; without encoder, standard normal numbers. Dependence between columns is not seen; where you have the
    rows at hand, ``integrated_gradients(model, X).importance()`` sees it.

    Parameters
    ----------
    estimator : DLRegressor or DLClassifier, fitted
        Also an estimator around one; the columns are those that the network gets.

    Returns
    -------
    ndarray of shape (n_features,)
        Not negative, in the units that the network sees; the mean over outputs or classes.

    See Also
    --------
    integrated_gradients : Attributions for rows of yours.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.feature_selection import RFE
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.inspection import attribution_importance
    >>> X = np.random.default_rng(0).normal(size=(300, 6))
    >>> y = X[:, 1] * X[:, 4] + X[:, 2] ** 2
    >>> network = DLRegressor(random_state=0, max_iter=60)
    >>> RFE(network, n_features_to_select=3, importance_getter=attribution_importance).fit(X, y).support_
    array([False,  True,  True, False,  True, False])
    """
    model = network_inside(estimator).network
    sizes = []
    for target in model.fitted_.head.targets():
        weights = model.fitted_.head.readout(target).weights
        f = Scalar(chains(model.network_), weights / np.abs(weights).max())
        table = model.encoder_, model.n_features_in_, f.embedding_tables
        z = random_rows(*table, N_ROWS, np.random.default_rng(0))
        sizes.append(np.abs(add_up(model, f, integrate(f, z, middle(*table), TOLERANCE))).mean(axis=0))
    return np.mean(sizes, axis=0)
