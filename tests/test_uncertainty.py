"""Intervals that never cross, and probabilities through scikit-learn's calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.losses import Quantile

QUICK = {"hidden_layer_sizes": (16,), "max_iter": 15, "random_state": 0}
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def skewed(n, seed=0):
    """y = 2 sin 3x₀ + (1 + x₁) e, with a skewed e: spread and shape depend on the row."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 2))
    return X, 2 * np.sin(3 * X[:, 0]) + (1.2 + X[:, 1]) * (rng.gamma(2, 0.5, n) - 1)


# ---------------------------------------------------------------- quantiles and intervals


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("max_iter", [1, 15])
def test_levels_never_cross(seed, activation, n_outputs, max_iter):
    """Nowhere: neither near the training rows, nor a million times as far out, nor where numbers are missing."""
    X, y = skewed(150, seed)
    y = y if n_outputs == 1 else np.column_stack([y * 10.0**k for k in range(n_outputs)])
    model = DLRegressor(
        loss=Quantile(levels=np.linspace(0.02, 0.98, 25)), activation=activation, **QUICK | {"random_state": seed}
    )
    model.set_params(max_iter=max_iter, encoder=None if seed % 2 else "auto").fit(X, y)
    direction = np.random.default_rng(seed).normal(size=(400, 2))
    far = np.vstack([direction * 10.0**k for k in range(-2, 7)])
    raw = model._raw(far).reshape(len(far), -1, 25)
    assert (np.diff(raw, axis=-1) < 0).any(), "nothing crosses in the network itself, so that nothing is tested"
    found = model.predict_quantiles(far)
    assert found.shape == ((len(far), 25) if n_outputs == 1 else (len(far), n_outputs, 25))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()
    coverages = [0.08, 0.4, 0.8, 0.96]
    ends = np.stack([model.predict_interval(far, coverage=c) for c in coverages])
    assert (ends[..., 0] <= ends[..., 1]).all()
    assert (np.diff(ends[..., 0], axis=0) <= 0).all()  # the wider ones hold the narrower ones
    assert (np.diff(ends[..., 1], axis=0) >= 0).all()


def test_interval_is_two_of_the_levels():
    X, y = skewed(200)
    model = DLRegressor(loss=Quantile(levels=LEVELS), n_members=1, **QUICK).fit(X, y)
    every = model.predict_quantiles(X)
    np.testing.assert_array_equal(model.predict_interval(X), every[:, [0, 4]])
    np.testing.assert_array_equal(model.predict_interval(X, coverage=0.5), every[:, [1, 3]])
    np.testing.assert_array_equal(model.predict(X), every[:, 2])
    assert model.predict_interval(X).dtype == np.float64


def test_interval_covers_as_often_as_it_says_and_is_as_wide_as_it_must_be():
    X, y = skewed(6000)
    model = DLRegressor(loss=Quantile(levels=LEVELS), max_iter=40, random_state=0).fit(X[:4000], y[:4000])
    for coverage in (0.5, 0.9):
        low, high = model.predict_interval(X[4000:], coverage).T
        inside = (low <= y[4000:]) & (y[4000:] <= high)
        assert abs(inside.mean() - coverage) < 0.04
        wide = X[4000:, 1] > 0  # where the spread is large
        assert abs(inside[wide].mean() - inside[~wide].mean()) < 0.06
        assert (high - low)[wide].mean() > 1.4 * (high - low)[~wide].mean()


KINDS = {
    "ensemble": {"n_members": 4},
    "two outputs": {"n_members": 4},
    "poisson": {"n_members": 4, "loss": "poisson"},
    "quantiles": {"n_members": 4, "loss": Quantile(levels=LEVELS)},
    "watched": {"n_members": 1, "early_stopping": True, "scoring": None},
    "constant": {"n_members": 4},
    "folds": {"n_members": 4, "n_folds": 4},
    "folds and levels": {"n_members": 4, "n_folds": 4, "loss": Quantile(levels=LEVELS)},
    "folds and a constant": {"n_members": 4, "n_folds": 4},
    "folds and counts": {"n_members": 4, "n_folds": 4, "loss": "poisson"},
}


def told(kind, scale):
    """All that a fit to targets of this size tells, in units of the size."""
    X, y = skewed(120)
    y = (
        np.exp(y / 3)
        if kind in ("poisson", "folds and counts")
        else np.c_[y, y[::-1] - 5]
        if kind == "two outputs"
        else y
    )
    constant = kind in ("constant", "folds and a constant")
    y = np.ones(120) if constant else y
    model = DLRegressor(**QUICK | KINDS[kind]).fit(X, y * scale)
    found = {"predict": model.predict(X) / scale, "score": 0 if constant else model.score(X, y * scale)}
    if KINDS[kind]["n_members"] > 1:
        found["std"] = model.predict(X, return_std=True)[1] / scale
        if 1e-100 < scale < 1e100:
            found["noise"] = model.noise_ / scale**2
    if kind.startswith("folds"):
        found["margins"] = model.predict_interval(X, 0.8) / scale
    if kind == "quantiles":
        found["quantiles"], found["interval"] = model.predict_quantiles(X) / scale, model.predict_interval(X) / scale
    if kind == "watched":
        found["scores"] = np.array(model.validation_scores_)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exponent", [-1000, -700, -530, -100, 100, 530, 700, 1000])
def test_what_follows_from_targets_has_their_size(kind, exponent):
    """Also where a square of theirs is no number, and without a warning."""
    plain = told(kind, 1.0)
    for name, ours in told(kind, 2.0**exponent).items():
        np.testing.assert_allclose(ours, plain[name], rtol=1e-9, err_msg=name)


def test_a_score_that_early_stopping_cannot_use_is_told():
    X, y = skewed(120)
    model = DLRegressor(**QUICK | {"max_iter": 2}, early_stopping=True, scoring="neg_mean_squared_error")
    with pytest.warns(UserWarning, match=r"gives -inf on the validation set, which is no best\."):
        model.fit(X, y * 1e200)
    with pytest.warns(UserWarning, match=r"gives -.*e-40 after an epoch, .* tol=0\.0001 counts; set a smaller tol\."):
        model.fit(X, y * 1e-20)
    assert model.set_params(tol=0.0).fit(X, y * 1e-20).validation_scores_[1] != 0


def test_interval_in_pipelines_and_searches():
    X, y = skewed(120)
    levels = Quantile(levels=(0.1, 0.5, 0.9))
    model = make_pipeline(StandardScaler(), DLRegressor(loss=levels, **QUICK)).fit(X, y)
    assert model[-1].predict_interval(model[:-1].transform(X), 0.8).shape == (120, 2)
    search = GridSearchCV(DLRegressor(loss=levels, **QUICK), {"alpha": [0.0, 1.0]}, cv=2).fit(X, y)
    assert search.best_estimator_.predict_interval(X, coverage=0.8).shape == (120, 2)


@pytest.mark.parametrize(
    ("levels", "coverage", "message"),
    [
        (LEVELS, 0.8, r"coverage=0\.8 needs the levels 0\.1 and 0\.9, .*\(0\.1, 0\.5, 0\.9\)\), or .*=0\.9 or 0\.5\."),
        ((0.5, 0.9), 0.8, r"the network learnt \(0\.5, 0\.9\); fit with .*0\.9\)\)\.$"),
        (0.5, 0.9, r"needs the levels 0\.05 and 0\.95, and the network learnt \(0\.5,\)"),
        (LEVELS, 1, r"coverage must be a number in \(0, 1\); got 1\."),
        (LEVELS, "wide", r"coverage must be a number in \(0, 1\); got 'wide'\."),
        (LEVELS, np.nan, r"coverage must be a number in \(0, 1\); got nan\."),
    ],
)
def test_what_was_not_learnt_is_told(levels, coverage, message):
    X, y = skewed(60)
    model = DLRegressor(loss=Quantile(levels=levels), **QUICK).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.predict_interval(X, coverage)


@pytest.mark.parametrize("levels", [(1 / 3, 2 / 3), (0.05, 0.95), (0.15, 0.85), (1e-3, 1 - 1e-3)])
def test_rounding_does_not_matter(levels):
    assert Quantile(levels=levels).link.enclosing(1 - 2 * levels[0]) == (0, 1)
    assert Quantile(levels=levels).link.enclosing(levels[1] - levels[0]) == (0, 1)


def test_an_interval_needs_a_fit():
    X, _ = skewed(60)
    for loss in ("squared_error", Quantile(levels=LEVELS)):
        with pytest.raises(NotFittedError):
            DLRegressor(loss=loss).predict_interval(X)


# ---------------------------------------------------------------- probabilities


def overfitted(n, seed=0):
    """A noisy table and a network that is far too sure of itself."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6))
    p = 1 / (1 + np.exp(-1.5 * X[:, 0] * X[:, 1] - X[:, 2]))
    label = np.where(rng.random(n) < p, "yes", "no")
    model = DLClassifier(solver="adam", learning_rate_init=0.01, max_iter=100, n_members=1, random_state=0)
    return X, label, model


def both_scores(model, X, y):
    p = model.predict_proba(X)
    return np.array([log_loss(y, p, labels=model.classes_), brier_score_loss(y, p, labels=model.classes_)])


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibration_makes_probabilities_better(method):
    X, label, model = overfitted(n=1500)
    train, test = slice(0, 600), slice(600, None)
    alone = both_scores(clone(model).fit(X[train], label[train]), X[test], label[test])
    calibrated = CalibratedClassifierCV(model, method=method, cv=3)
    calibrated.fit(X[train], label[train])
    assert list(calibrated.classes_) == ["no", "yes"]
    assert (both_scores(calibrated, X[test], label[test]) < alone).all()


def test_calibration_with_three_classes_and_a_raw_table():
    X, label, model = overfitted(n=600)
    label = np.where(X[:, 3] > 1, "neither", label)
    table = pd.DataFrame(X, columns=list("abcdef"))
    table["f"] = np.where(table["f"] > 0, "plus", None)
    alone = both_scores(clone(model).fit(table[:400], label[:400]), table[400:], label[400:])
    calibrated = CalibratedClassifierCV(model, cv=3).fit(table[:400], label[:400])
    p = calibrated.predict_proba(table[400:])
    assert p.shape == (200, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (both_scores(calibrated, table[400:], label[400:]) < alone).all()


def test_calibration_takes_weights():
    """A weight of 0 is as good as no row, and weights change what is learnt."""
    X, label, model = overfitted(n=400)
    model.set_params(max_iter=10)
    weight = np.where(label == "yes", 3.0, 1.0)
    plain = CalibratedClassifierCV(model, cv=3).fit(X, label)
    weighted = CalibratedClassifierCV(model, cv=3).fit(X, label, sample_weight=weight)
    shift = weighted.predict_proba(X)[:, 1].mean() - plain.predict_proba(X)[:, 1].mean()
    assert 0.1 < shift < 0.4
