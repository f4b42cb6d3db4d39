"""The learning-rate range test: the losses are those of a training, the estimator stays as it was, it is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.rate_finder import RateCurve, find_learning_rate
from sklearn_dl.schedules import Schedule
from sklearn_dl.solvers import Solver

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * rng.normal(size=80)
c = np.digitize(y, [-1.0, 1.0])
SMALL = {"hidden_layer_sizes": (7,), "random_state": 0}


class Exponential(Schedule):
    """Rises by a factor of 10 an epoch."""

    def factor(self, progress, samples_seen):
        return 10 ** (progress * 20)


@pytest.mark.parametrize("weighted", [False, True], ids=["unit", "weighted"])
@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
def test_with_full_batches_the_losses_are_those_of_a_training(estimator, weighted):
    """A schedule that rises as fast gives the same steps: one batch an epoch."""
    model = estimator(**SMALL, batch_size=None, alpha=0.3, clip_norm=0.5, solver="sgd")
    weight = rng.uniform(0.5, 2.0, 80) if weighted else None
    target = y if estimator is DLRegressor else c
    curve = find_learning_rate(model, X, target, sample_weight=weight, low=1e-6, high=1e13, n_steps=20)
    training = clone(model).set_params(learning_rate=Exponential(), learning_rate_init=1e-6, max_iter=20)
    n = len(curve.losses)
    expected = training.set_params(max_time=1e-9, warm_start=True)
    for _ in range(n):  # each of one epoch, the schedule beginning anew
        rate = curve.rates[len(getattr(expected, "history_", []))]
        expected.set_params(learning_rate="constant", learning_rate_init=float(rate)).fit(X, target, weight)
    np.testing.assert_allclose(curve.losses, expected.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-6, 1e13, 20)[:n])


def test_batches_are_those_of_a_training():
    """At rates that change nothing, the losses of an epoch's batches add up to the loss of its training."""
    model = DLRegressor(**SMALL, batch_size=16)
    curve = find_learning_rate(model, X, y, low=1e-300, high=1e-299, n_steps=10)
    loss = clone(model).set_params(learning_rate_init=1e-300, max_iter=1, dropout=0.0).fit(X, y).loss_
    assert curve.losses[:5].mean() == pytest.approx(loss, rel=1e-12)
    assert len(set(curve.losses)) > 5


MODELS = {
    "default": (DLRegressor(random_state=0), X, y),
    "classes": (DLClassifier(random_state=0, class_weight="balanced", solver="rmsprop"), X, c),
    "dropout, batch normalisation": (DLRegressor(random_state=0, dropout=0.2, normalization="batch"), X, y),
    "stopping": (DLRegressor(random_state=0, early_stopping=True, warm_start=True, scoring="r2"), X, y),
    "mixed table": (
        DLRegressor(random_state=0),
        pd.DataFrame(X, columns=list("pqrs")).assign(level=list("abcdefghij") * 8),
        y,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_loss_falls_and_then_grows_around_the_suggestion(name):
    model, table, target = MODELS[name]
    curve = find_learning_rate(model, table, target)
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed) <= 200
    assert (np.diff(curve.rates) > 0).all()
    lowest = curve.smoothed.argmin()
    assert curve.smoothed[lowest] < 0.9 * curve.smoothed[0]
    assert curve.smoothed[-1] > 1.1 * curve.smoothed[lowest]
    assert curve.suggestion == curve.rates[lowest] / 10
    fitted = clone(model).set_params(learning_rate_init=curve.suggestion, early_stopping=False).fit(table, target)
    assert fitted.loss_ < curve.losses[0]


def test_the_estimator_is_not_changed():
    model = DLRegressor(**SMALL)
    find_learning_rate(model, X, y)
    assert vars(model) == vars(DLRegressor(**SMALL))
    model.fit(X, y)
    before, predicted = dict(vars(model)), model.predict(X)
    a, b = (find_learning_rate(model, X, y) for _ in range(2))
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict(X), predicted)
    np.testing.assert_array_equal(a.losses, b.losses)


def test_it_ends_where_the_loss_is_not_finite():
    curve = find_learning_rate(DLRegressor(**SMALL, solver="sgd"), X, y, low=1e-6, high=1e300, n_steps=50)
    assert len(curve.losses) < 30
    assert np.isfinite(curve.losses).all()
    assert np.isfinite(curve.suggestion)


WRONG = {
    "lbfgs": (lambda: find_learning_rate(DLRegressor(solver="lbfgs"), X, y), "a solver with a learning rate; got"),
    "pipeline": (lambda: find_learning_rate(make_pipeline(DLRegressor()), X, y), "DLClassifier; got Pipeline"),
    "order": (lambda: find_learning_rate(DLRegressor(), X, y, low=1.0, high=0.1), "0 < low < high; got 1.0 and 0.1"),
    "zero": (lambda: find_learning_rate(DLRegressor(), X, y, low=0), "0 < low < high; got 0 and 10.0"),
    "text": (lambda: find_learning_rate(DLRegressor(), X, y, high="1"), "0 < low < high; got 1e-06 and '1'"),
    "steps": (lambda: find_learning_rate(DLRegressor(), X, y, n_steps=9), "n_steps must be an int >= 10; got 9"),
    "parameter": (lambda: find_learning_rate(DLRegressor(alpha=-1), X, y), "alpha must be"),
    "data": (lambda: find_learning_rate(DLRegressor(), X, y[:5]), "same number of rows"),
    "first step": (
        lambda: find_learning_rate(DLRegressor(encoder=None, scale_target=False), X, y * 1e200),
        "not finite at the first learning rate already",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(name):
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_the_curve_is_drawn():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot

    curve = RateCurve(np.geomspace(1e-3, 1, 4), np.array([2.0, 1.0, 1.5, 9.0]), np.array([1.9, 1.2, 2.0, 7.0]), 1e-3)
    ax = curve.plot()
    dots, line, suggestion = ax.get_lines()
    np.testing.assert_array_equal(dots.get_xydata(), np.c_[curve.rates, curve.losses])
    np.testing.assert_array_equal(line.get_xydata(), np.c_[curve.rates, curve.smoothed])
    np.testing.assert_array_equal(suggestion.get_xdata(), [1e-3, 1e-3])
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("log", "Learning rate", "Training loss")
    assert curve.plot(ax=ax) is ax
    pyplot.close(ax.figure)


class Interrupted(Solver):
    """Ctrl-C at the fifth step."""

    def step(self, params, grads, s, t, rate, decayed):
        if t == 5:
            raise KeyboardInterrupt


def test_ctrl_c_ends_it():
    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(DLRegressor(**SMALL, solver=Interrupted()), X, y)


def test_the_last_line_of_a_cell_is_short_and_a_table():
    rates = np.geomspace(1e-6, 1, 200)
    curve = RateCurve(rates, np.ones(200), (np.log10(rates) + 2) ** 2, 0.001)
    assert repr(curve) == (
        "<RateCurve: suggestion 0.001, lowest loss 0.000101, at 0.01, first loss 16, rates 1e-06 to 1, in 200 steps>"
    )
    assert "<tr><th>suggestion</th><td>0.001</td></tr>" in curve._repr_html_()
