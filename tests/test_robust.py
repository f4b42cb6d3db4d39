"""What a fit leaves behind when it goes wrong, and what it keeps when it goes well: small pickles, nothing lost.

Errors, loss of finiteness and Ctrl-C are injected by layers and callbacks at a given batch.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_squared_error

import sklearn_dl
from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.architectures import mlp
from sklearn_dl.heads import ClassHead, NumberHead
from sklearn_dl.layers import Layer, Sequential

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)
c = (y > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
SMALL = {"hidden_layer_sizes": (6,), "batch_size": 20, "max_iter": 6, "random_state": 0, "learning_rate": "constant"}


class SparkError(Exception):
    """What an injected layer or callback raises."""


@dataclass(frozen=True)
class Fuse(Layer):
    """y = x; raises at the `at`-th forward pass of the training."""

    at: int
    error: type[BaseException]

    def forward(self, x, p, m):
        if m.run.training:
            m.passes = getattr(m, "passes", 0) + 1
            if m.passes == self.at:
                raise self.error
        return x

    def backward(self, dy, p, m):
        return dy


def fused(*args, at, error, **keywords):
    """An architecture: the multilayer perceptron with a fuse before its last layer."""
    *layers, last = mlp(*args, **keywords).layers
    return Sequential((*layers, Fuse(at, error), last))


class Hook:
    """A callback that raises at the end of the `at`-th epoch."""

    def __init__(self, at, error):
        self.at, self.error = at, error

    def setup(self, estimator, context):
        self.epochs = 0

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if context.task_name == "epoch" and self.epochs == self.at:
            raise self.error

    def teardown(self, estimator, context):
        pass


def snapshot(model):
    """All that a user can see of a fitted estimator, as bytes and plain values."""
    return {
        "predictions": model.predict(FRAME).tobytes(),
        "values": model.network_.values.tobytes(),
        "n_features_in_": model.n_features_in_,
        "feature_names_in_": model.feature_names_in_.tolist(),
        "history_": list(model.history_),
        "attributes": sorted(vars(model)),
        "solver": {name: vector.tobytes() for name, vector in model.fitted_.state.kept.items()},
    }


OTHER = pd.DataFrame(X[:, :2], columns=["p", "q"])
BAD_Y = np.where(np.arange(60) == 3, np.nan, y)
FAILURES = {
    "parameter": ({"alpha": -1.0}, (OTHER, y), {}, ValueError),
    "random_state": ({"random_state": "a"}, (OTHER, y), {}, ValueError),
    "contradiction": ({"solver": "lbfgs", "dropout": 0.1}, (OTHER, y), {}, ValueError),
    "X": ({}, (OTHER.mask(OTHER > 1, np.inf), y), {}, ValueError),
    "y": ({}, (OTHER, BAD_Y), {}, ValueError),
    "lengths": ({}, (OTHER, y[:50]), {}, ValueError),
    "weights": ({}, (OTHER, y), {"sample_weight": -np.ones(60)}, ValueError),
    "zero weights": ({}, (OTHER, y), {"sample_weight": np.zeros(60)}, ValueError),
    "validation": ({}, (OTHER, y), {"X_val": FRAME, "y_val": y}, ValueError),
    "target": ({"loss": "poisson"}, (OTHER, y), {}, ValueError),
    "scoring": ({"scoring": lambda m, X, y: 1 / 0, "early_stopping": True, "validation_fraction": 0.3},
                (OTHER, y), {}, ZeroDivisionError),
    "first batch": ({"architecture": partial(fused, at=1, error=SparkError)}, (OTHER, y), {}, SparkError),
    "third epoch": ({"architecture": partial(fused, at=8, error=SparkError)}, (OTHER, y), {}, SparkError),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_a_fit_that_raises_leaves_the_estimator_as_it_was(name):
    params, args, keywords, error = FAILURES[name]
    model = DLRegressor(**SMALL).fit(FRAME, y)
    before = snapshot(model)
    with pytest.raises(error):
        model.set_params(**params).fit(*args, **keywords)
    assert snapshot(model) == before


@pytest.mark.parametrize("name", FAILURES)
def test_a_first_fit_that_raises_leaves_an_unfitted_estimator(name):
    params, args, keywords, error = FAILURES[name]
    model = DLRegressor(**SMALL).set_params(**params)
    before = dict(vars(model))
    with pytest.raises(error):
        model.fit(*args, **keywords)
    assert vars(model) == before


GOING_ON_FAILURES = {
    "parameter": ({"max_iter": 0}, (FRAME, y), ValueError),
    "names": ({}, (FRAME.rename(columns={"a": "z"}), y), ValueError),
    "columns": ({}, (FRAME[["a", "b"]], y), ValueError),
    "X": ({}, (FRAME.mask(FRAME > 1, np.inf), y), ValueError),
    "y": ({}, (FRAME, BAD_Y), ValueError),
    "outputs": ({}, (FRAME, np.c_[y, y]), ValueError),
    "lengths": ({}, (FRAME, y[:50]), ValueError),
    "weights": ({}, (FRAME, y, -np.ones(60)), ValueError),
    "shape": ({"hidden_layer_sizes": (7,)}, (FRAME, y), ValueError),
    "link": ({"loss": "poisson"}, (FRAME, np.abs(y)), ValueError),
    "second batch": ({"architecture": partial(fused, at=2, error=SparkError)}, (FRAME, y), SparkError),
}


@pytest.mark.parametrize("name", GOING_ON_FAILURES)
@pytest.mark.parametrize("method", ["partial_fit", "fit"])
def test_going_on_that_raises_leaves_the_estimator_as_it_was(method, name):
    params, args, error = GOING_ON_FAILURES[name]
    model = DLRegressor(**SMALL, warm_start=True, solver="adam").fit(FRAME, y)
    if name == "second batch":  # a network of the same shape, whose fuse is not reached in the first fit
        model.set_params(architecture=partial(fused, at=10**9, error=SparkError), warm_start=False).fit(FRAME, y)
        model.set_params(warm_start=True).partial_fit(FRAME, y)
    before = snapshot(model)
    model.set_params(**params)
    with pytest.raises(error):
        getattr(model, method)(*args)
    model.set_params(loss="squared_error")
    assert snapshot(model) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_callback_that_raises_leaves_the_estimator_as_it_was(method):
    model = DLRegressor(**SMALL).fit(FRAME, y)
    before = snapshot(model)
    model.set_callbacks(Hook(1 if method == "partial_fit" else 3, SparkError))
    with pytest.raises(SparkError):
        getattr(model, method)(FRAME, -y)
    assert snapshot(model.set_callbacks()) == before


# ---------------------------------------------------------------- a loss that is no longer finite

EXPLOSIONS = {
    "sgd": (DLRegressor, {"solver": "sgd", "learning_rate_init": 1e6}),
    "sgd float32": (DLRegressor, {"solver": "sgd", "learning_rate_init": 1e6, "dtype": "float32"}),
    "sgd softplus": (DLRegressor, {"solver": "sgd", "learning_rate_init": 1e30, "activation": "softplus"}),
    "sgd resnet": (DLRegressor, {"solver": "sgd", "learning_rate_init": 1e30, "architecture": "resnet"}),
    "sgd linear": (DLRegressor, {"solver": "sgd", "learning_rate_init": 1e6, "hidden_layer_sizes": (), "max_iter": 40}),
    "sgd stopping": (DLRegressor, {"solver": "sgd", "learning_rate_init": 1e6, "early_stopping": True,
                                   "validation_fraction": 0.3}),
    "adam": (DLRegressor, {"solver": "adam", "learning_rate_init": 1e200}),
    "rmsprop": (DLRegressor, {"solver": "rmsprop", "learning_rate_init": 1e200}),
    "poisson": (DLRegressor, {"solver": "sgd", "learning_rate_init": 1e6, "loss": "poisson"}),
    "gamma": (DLRegressor, {"solver": "adam", "learning_rate_init": 1e6, "loss": "gamma"}),
    "classes": (DLClassifier, {"solver": "adam", "learning_rate_init": 1e200}),
    "huge columns": (DLRegressor, {"encoder": None}),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPLOSIONS)
def test_a_loss_that_is_not_finite_warns_with_advice_and_leaves_finite_predictions(name):
    estimator, params = EXPLOSIONS[name]
    model = estimator(**SMALL | params)
    target = c if estimator is DLClassifier else np.abs(y) + 0.1
    table = X * 1e160 if name == "huge columns" else X
    advice = r"smaller learning_rate_init or clip_norm=1\.0"
    with pytest.warns(ConvergenceWarning, match=rf"loss was no longer finite; the best finite weights .*{advice}"):
        model.fit(table, target)
    assert np.isfinite(model.network_.values).all()
    assert np.isfinite(model.predict(X)).all()
    assert model.n_iter_ >= 1
    if estimator is DLClassifier:
        assert np.isfinite(model.predict_proba(X)).all()


def test_the_weights_after_a_non_finite_loss_are_the_best_ones():
    """A rate that grows from harmless to hopeless: what is kept is no worse than the start."""
    from sklearn_dl.schedules import Schedule
    from sklearn_dl.solvers import SGD

    class Rising(Schedule):
        def factor(self, progress, samples_seen):
            return 1.0 if progress < 0.5 else 1e200

    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        model = DLRegressor(**SMALL | {"learning_rate": Rising(), "max_iter": 40}, solver=SGD()).fit(X, y)
    assert model.score(X, y) > 0.9
    assert 20 <= model.n_iter_ < 40


@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
def test_predictions_far_outside_the_training_range_are_finite(estimator):
    model = estimator(**SMALL).fit(X, c)
    far = model.predict(X * 1e250)
    assert np.isfinite(far).all()


# ---------------------------------------------------------------- Ctrl-C


@pytest.mark.parametrize(
    ("at", "epochs"), [(1, 0), (4, 1), (8, 2), (9, 2)], ids=["first batch", "new epoch", "amid", "last batch"]
)
def test_ctrl_c_amid_an_epoch_keeps_the_last_whole_one(at, epochs):
    model = DLRegressor(**SMALL, architecture=partial(fused, at=at, error=KeyboardInterrupt))
    with pytest.warns(UserWarning, match="training was interrupted; the weights of the last whole epoch, or the best"):
        model.fit(X, y)
    whole = DLRegressor(**SMALL | {"max_iter": max(1, epochs)}).fit(X, y)
    assert len(model.history_) == epochs
    if epochs:
        np.testing.assert_array_equal(model.predict(X), whole.predict(X))
    assert np.isfinite(model.predict(X)).all()


def test_ctrl_c_in_a_callback_keeps_the_epoch_that_is_over():
    model = DLRegressor(**SMALL).set_callbacks(Hook(3, KeyboardInterrupt))
    with pytest.warns(UserWarning, match="training was interrupted"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    np.testing.assert_array_equal(model.predict(X), DLRegressor(**SMALL | {"max_iter": 3}).fit(X, y).predict(X))


def test_ctrl_c_with_early_stopping_keeps_the_best_epoch():
    params = SMALL | {"scale_target": False, "n_iter_no_change": np.inf, "learning_rate_init": 0.05, "max_iter": 60}
    params |= {"hidden_layer_sizes": (50,)}
    model = DLRegressor(**params).set_callbacks(Hook(50, KeyboardInterrupt))
    with pytest.warns(UserWarning, match="training was interrupted"):
        model.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert model.n_iter_ == 50
    assert model.validation_loss_curve_[-1] > model.best_loss_  # so that the last would not do
    assert mean_squared_error(y[30:], model.predict(X[30:])) / 2 == pytest.approx(model.best_loss_, rel=1e-12)


def test_ctrl_c_with_lbfgs_keeps_the_last_iterate():
    model = DLRegressor(**SMALL, solver="lbfgs").set_callbacks(Hook(3, KeyboardInterrupt))
    with pytest.warns(UserWarning, match="training was interrupted"):
        model.fit(X, y)
    reference = DLRegressor(**SMALL | {"max_iter": 3}, solver="lbfgs").fit(X, y)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), rtol=1e-12)


@pytest.mark.parametrize(("estimator", "head"), [(DLRegressor, NumberHead), (DLClassifier, ClassHead)])
def test_ctrl_c_after_the_last_epoch_keeps_it(estimator, head, monkeypatch):
    def interrupt(self, judged):
        raise KeyboardInterrupt

    monkeypatch.setattr(head, "settle", interrupt)
    model = estimator(**SMALL | {"n_members": 2, "n_folds": 2})
    with pytest.warns(UserWarning, match="training was interrupted"):
        model.fit(X, c)
    assert model.n_iter_ == SMALL["max_iter"]
    assert np.isfinite(model.predict(X)).all()
    if estimator is DLRegressor:
        with pytest.raises(ValueError, match="return_std=True needs the noise, before which the fit was interrupted"):
            model.predict(X, return_std=True)


def test_an_interrupted_estimator_can_be_trained_further():
    model = DLRegressor(**SMALL, architecture=partial(fused, at=8, error=KeyboardInterrupt))
    with pytest.warns(UserWarning, match="training was interrupted"):
        model.fit(X, y)
    model.set_params(architecture="mlp")
    with pytest.raises(ValueError, match="network of another shape"):
        model.partial_fit(X, y)
    model.set_params(architecture=partial(fused, at=10**9, error=KeyboardInterrupt))
    assert model.partial_fit(X, y).n_iter_ == 3


# ---------------------------------------------------------------- small

Xd, yd = load_digits(return_X_y=True)
LARGE_X, LARGE_Y = make_classification(12_000, 20, random_state=0)
PICKLES = {
    "default": (DLClassifier(max_iter=30), Xd[:300], yd[:300]),
    "float32": (DLClassifier(max_iter=30, dtype="float32"), Xd[:300], yd[:300]),
    "early stopping": (DLClassifier(max_iter=100, early_stopping=True, scoring=None, n_iter_no_change=np.inf),
                       Xd[:150], yd[:150]),
    "batch norm": (DLRegressor(max_iter=5, normalization="batch", architecture="resnet"), Xd[:300], yd[:300]),
    "many rows": (DLClassifier(max_iter=2), LARGE_X, LARGE_Y),
    "lbfgs": (DLRegressor(max_iter=20, solver="lbfgs"), Xd[:300], yd[:300]),
    "linear": (DLRegressor(hidden_layer_sizes=(), max_iter=300), Xd[:300, :2], yd[:300]),
}  # fmt: skip


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_is_small_and_holds_no_training_data(name):
    model, table, target = PICKLES[name]
    model.fit(table, target)
    data = pickle.dumps(model)
    allowed = 1.2 * model.network_.values.nbytes + 100 * model.n_iter_ + 20_000
    assert len(data) <= allowed + len(pickle.dumps(model.encoder_))
    assert not any(row.tobytes() in data for row in table[:20] if np.count_nonzero(row) > 1)
    assert model.fitted_.state.kept == {}


def test_the_solvers_memory_is_kept_only_for_going_on():
    """AdamW keeps two vectors as long as the network."""
    params = SMALL | {"hidden_layer_sizes": (1000,)}
    plain = DLRegressor(**params).fit(X, y)
    n_bytes = plain.network_.values.nbytes
    sizes = {
        "fit": len(pickle.dumps(plain)),
        "warm": len(pickle.dumps(DLRegressor(**params, warm_start=True).fit(X, y))),
        "partial": len(pickle.dumps(DLRegressor(**params).partial_fit(X, y).partial_fit(X, y))),  # 64 rows and more
        "again": len(pickle.dumps(DLRegressor(**params).partial_fit(X, y).fit(X, y))),
    }
    assert sizes["again"] == pytest.approx(sizes["fit"], abs=500)
    for name in ("warm", "partial"):
        assert sizes[name] - sizes["fit"] == pytest.approx(2 * n_bytes, abs=1500)


def test_a_pickle_carries_the_version_and_warns_on_a_mismatch(monkeypatch):
    model = DLClassifier(**SMALL).fit(X, c)
    assert model.__getstate__()["_sklearn_dl_version"] == sklearn_dl.__version__
    same = pickle.loads(pickle.dumps(model))  # warnings are errors here
    assert "_sklearn_dl_version" not in vars(same)
    monkeypatch.setattr("sklearn_dl._estimators.fitted_attributes.__version__", "0.0.1")
    data = pickle.dumps(model)
    monkeypatch.undo()
    with pytest.warns(UserWarning, match=r"DLClassifier was pickled with sklearn_dl 0\.0\.1 and is read with"):
        read = pickle.loads(data)
    np.testing.assert_array_equal(read.predict_proba(X), model.predict_proba(X))
