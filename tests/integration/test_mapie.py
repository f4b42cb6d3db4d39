"""MAPIE: conformal intervals around the regressor, sets around the classifier, that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_friedman1
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.losses import Quantile

pytest.importorskip("mapie")

from mapie.classification import CrossConformalClassifier, SplitConformalClassifier
from mapie.regression import (
    ConformalizedQuantileRegressor,
    CrossConformalRegressor,
    JackknifeAfterBootstrapRegressor,
    SplitConformalRegressor,
)

SETTINGS = {"hidden_layer_sizes": (16,), "max_iter": 30, "random_state": 0}
X, y = make_friedman1(1500, noise=1.0, random_state=0)
TRAIN, CONFORM, TEST = slice(0, 400), slice(400, 800), slice(800, 1500)
LEVEL = 0.9
# the share of fresh rows within their intervals has a standard deviation of 0.02: 0.011 from 700 test rows, 0.015 from
# 400 rows of calibration
BOUNDS = (LEVEL - 0.07, LEVEL + 0.07)


def coverage(intervals, target):
    low, high = intervals[:, 0, 0], intervals[:, 1, 0]
    assert (low <= high).all()
    return np.mean((low <= target) & (target <= high))


def test_split_conformal_intervals():
    net = DLRegressor(**SETTINGS).fit(X[TRAIN], y[TRAIN])
    model = SplitConformalRegressor(net, confidence_level=LEVEL, prefit=True).conformalize(X[CONFORM], y[CONFORM])
    predicted, intervals = model.predict_interval(X[TEST])
    np.testing.assert_array_equal(predicted, net.predict(X[TEST]))
    assert BOUNDS[0] < coverage(intervals, y[TEST]) < BOUNDS[1]


@pytest.mark.parametrize("method", ["base", "plus", "minmax"])
def test_cross_conformal_intervals(method):
    net = make_pipeline(StandardScaler(), DLRegressor(**SETTINGS))
    model = CrossConformalRegressor(net, confidence_level=LEVEL, method=method, cv=5)
    _, intervals = model.fit_conformalize(X[TRAIN], y[TRAIN]).predict_interval(X[TEST])
    assert BOUNDS[0] < coverage(intervals, y[TEST])


def test_jackknife_after_bootstrap():
    model = JackknifeAfterBootstrapRegressor(
        DLRegressor(**SETTINGS), confidence_level=LEVEL, resampling=20, random_state=0
    )
    _, intervals = model.fit_conformalize(X[TRAIN], y[TRAIN]).predict_interval(X[TEST])
    assert BOUNDS[0] < coverage(intervals, y[TEST])


def test_conformalised_quantiles():
    """Three networks, one a level, as MAPIE wants them: lower, upper, median."""
    nets = [DLRegressor(**SETTINGS, loss=Quantile(q)).fit(X[TRAIN], y[TRAIN]) for q in (0.05, 0.95, 0.5)]
    model = ConformalizedQuantileRegressor(nets, confidence_level=LEVEL, prefit=True)
    _, intervals = model.conformalize(X[CONFORM], y[CONFORM]).predict_interval(X[TEST])
    assert BOUNDS[0] < coverage(intervals, y[TEST]) < BOUNDS[1]


@pytest.mark.parametrize("score", ["lac", "aps", "top_k"])
def test_sets_of_classes(score):
    table, labels = make_classification(1500, 10, n_informative=6, n_classes=4, class_sep=1.0, random_state=0)
    names = np.array(["a", "b", "c", "d"])[labels]
    net = DLClassifier(**SETTINGS).fit(table[TRAIN], names[TRAIN])
    model = SplitConformalClassifier(net, confidence_level=LEVEL, conformity_score=score, prefit=True)
    predicted, sets = model.conformalize(table[CONFORM], names[CONFORM]).predict_set(table[TEST])
    np.testing.assert_array_equal(predicted, net.predict(table[TEST]))
    assert sets.shape == (700, 4, 1)
    assert sets[np.arange(700), labels[TEST], 0].mean() > BOUNDS[0]
    if score == "lac":
        assert 1 < sets.sum(axis=1).mean() < 4


def test_sets_by_cross_conformal():
    table, labels = make_classification(1500, 10, n_informative=6, n_classes=3, random_state=0)
    model = CrossConformalClassifier(DLClassifier(**SETTINGS), confidence_level=LEVEL, cv=4, random_state=0)
    _, sets = model.fit_conformalize(table[TRAIN], labels[TRAIN]).predict_set(table[TEST])
    assert sets[np.arange(700), labels[TEST], 0].mean() > BOUNDS[0]
