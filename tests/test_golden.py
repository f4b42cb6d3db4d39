"""Trainings whose result is known to the last digits: the formula by hand, scikit-learn's MLP, and linear models.

In double precision, and where another library is the judge on plain numbers (`encoder=None`, `scale_target=False`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.losses import Tweedie
from sklearn_dl.schedules import InvScaling
from sklearn_dl.solvers import SGD, Adam

# ---------------------------------------------------------------- the formula

PINNED = {
    "hidden_layer_sizes": (),
    "loss": "squared_error",
    "solver": SGD(momentum=0.0),
    "learning_rate": "constant",
    "learning_rate_init": 0.01,
    "batch_size": None,
    "encoder": None,
    "scale_target": False,
    "early_stopping": False,
    "alpha": 0.0,
    "n_members": 1,
    "dropout": 0.0,
    "normalization": None,
    "dtype": "float64",
    "random_state": 0,
}
EPOCHS = 1000


def line():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(100, 1))
    return X, 2 * X[:, 0] + 1 + 0.33 * rng.normal(size=100)


def initial(estimator, X, y):
    """The weights and biases that a fit of `estimator` starts from, exactly: the one step is too small to see."""
    first = type(estimator)(**estimator.get_params(deep=False) | {"learning_rate_init": 1e-300, "max_iter": 1})
    first.fit(X, y)
    return [w.copy() for w in first.coefs_], [b.copy() for b in first.intercepts_]


def by_hand(X, y, w, b, rate=0.01):
    """w ← w - α (1/N) Xᵀ(Xw + b - y),  b ← b - α mean(Xw + b - y): weight, bias and loss before the step."""
    for _ in range(EPOCHS):
        residual = X @ w + b - y
        loss = 0.5 * np.mean(residual**2)
        w = w - rate * X.T @ residual / len(y)
        b = b - rate * residual.mean()
        yield w, b, loss


@pytest.mark.parametrize("way", ["partial_fit", "warm_start"])
def test_each_epoch_is_the_formula(way):
    X, y = line()
    model = DLRegressor(**PINNED, max_iter=1, warm_start=way == "warm_start")
    (w,), (b,) = initial(model, X, y)
    steps = list(by_hand(X, y, w[:, 0], b[0]))
    for w, b, _ in steps:
        model.partial_fit(X, y) if way == "partial_fit" else model.fit(X, y)
        assert_allclose(model.coefs_[0][:, 0], w, rtol=0, atol=1e-12)
        assert_allclose(model.intercepts_[0][0], b, rtol=0, atol=1e-12)
    assert_allclose(model.loss_curve_, [loss for *_, loss in steps], rtol=0, atol=1e-12)


def test_fit_is_a_thousand_steps_of_the_formula():
    X, y = line()
    model = DLRegressor(**PINNED, max_iter=EPOCHS).fit(X, y)
    (w,), (b,) = initial(model, X, y)
    steps = list(by_hand(X, y, w[:, 0], b[0]))
    w, b, _ = steps[-1]
    assert model.n_iter_ == EPOCHS
    assert_allclose(model.loss_curve_, [loss for *_, loss in steps], rtol=0, atol=1e-12)
    assert_allclose(model.coefs_[0][:, 0], w, rtol=0, atol=1e-12)
    assert_allclose(model.predict(X), X @ w + b, rtol=0, atol=1e-12)


# ---------------------------------------------------------------- scikit-learn's MLP


class Problem(NamedTuple):
    """A target for one kind of network; `factor` is 3 where the MLP's loss is the mean of 3 outputs, ours the sum."""

    name: str
    ours: type
    mlp: type
    y: np.ndarray
    options: dict
    factor: int = 1


RNG = np.random.default_rng(1)
X = RNG.normal(size=(150, 6))  # 150 = 4 · 32 + 22
SIGNAL = np.sin(X @ RNG.normal(size=(6, 3))) + 0.3 * RNG.normal(size=(150, 3))
PLAIN = {"scale_target": False}
PROBLEMS = [
    Problem("one output", DLRegressor, MLPRegressor, SIGNAL[:, 0], PLAIN),
    Problem("three outputs", DLRegressor, MLPRegressor, SIGNAL, PLAIN, factor=3),
    Problem("binary", DLClassifier, MLPClassifier, np.where(SIGNAL[:, 0] > 0, "yes", "no"), {}),
    Problem("multiclass", DLClassifier, MLPClassifier, SIGNAL.argmax(axis=1), {}),
    Problem("multilabel", DLClassifier, MLPClassifier, (SIGNAL > 0.2).astype(int), {}),
]
SOLVERS = {
    "plain": (SGD(momentum=0.0), {"solver": "sgd", "momentum": 0.0}, 0.05),
    "momentum": (SGD(momentum=0.9, nesterov=False), {"solver": "sgd", "nesterovs_momentum": False}, 0.05),
    "nesterov": (SGD(momentum=0.9, nesterov=True), {"solver": "sgd", "nesterovs_momentum": True}, 0.05),
    "adam": (Adam(), {"solver": "adam"}, 0.01),
}
BATCHES = {"full batch": (None, 0.01), "batches": (32, 0.0)}  # the size, and the alpha

over_problems = pytest.mark.parametrize("problem", PROBLEMS, ids=[p.name for p in PROBLEMS])
over_batches = pytest.mark.parametrize("batches", BATCHES)
not_converged = pytest.mark.filterwarnings(
    "ignore:(Stochastic Optimizer|lbfgs failed|the network predicts the same):sklearn.exceptions.ConvergenceWarning"
)


def mlp_from(start, mlp, params, y):
    """scikit-learn's MLP fitted from given weights and biases; `penalties` are what it adds to the loss of a step."""
    layers = zip(*start, strict=True)

    class FromGivenWeights(mlp):
        penalties = ()

        def _init_coef(self, fan_in, fan_out, dtype):
            return next(layers)

        def _backprop(self, X, *args):
            penalty = 0.5 * self.alpha * sum(np.vdot(w, w) for w in self.coefs_) / len(X)
            self.penalties = (*self.penalties, penalty)
            return super()._backprop(X, *args)

    return FromGivenWeights(**params).fit(X, y)


def train_both(
    problem, solver, batches, schedule=("constant", "constant"), rate=None, epochs=30, activation="relu", **mlp_params
):
    """Our estimator and scikit-learn's after some epochs from the same weights."""
    solver, params, usual_rate = SOLVERS[solver]
    batch_size, alpha = BATCHES[batches]
    same = {
        "hidden_layer_sizes": (8, 5),
        "activation": activation,
        "alpha": alpha,
        "learning_rate_init": rate or usual_rate,
        "max_iter": epochs,
        "shuffle": False,
        "random_state": 0,
    }
    ours = problem.ours(
        **same | problem.options,
        n_members=1,
        solver=solver,
        batch_size=batch_size,
        learning_rate=schedule[0],
        encoder=None,
        dtype="float64",
        tol=0.0,
        n_iter_no_change=2,
    )
    params = same | {"n_iter_no_change": 100, "tol": 0.0} | params | mlp_params
    params |= {"batch_size": batch_size or len(X), "learning_rate": schedule[1]}
    theirs = mlp_from(initial(ours, X, problem.y), problem.mlp, params, problem.y)
    return ours.fit(X, problem.y), theirs


def assert_same_weights(ours, theirs, atol):
    for a, b in zip((*ours.coefs_, *ours.intercepts_), (*theirs.coefs_, *theirs.intercepts_), strict=True):
        assert_allclose(a, b, rtol=0, atol=atol)


def assert_same_training(ours, theirs, problem):
    assert_same_weights(ours, theirs, 1e-12)
    curve = np.array(theirs.loss_curve_)
    if theirs.alpha:  # one step an epoch, then
        curve -= theirs.penalties
    assert len(curve) == ours.max_iter
    assert_allclose(ours.loss_curve_, problem.factor * curve, rtol=0, atol=1e-12)


@not_converged
@over_batches
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize("solver", SOLVERS)
@over_problems
def test_equals_mlp(problem, solver, activation, batches):
    ours, theirs = train_both(problem, solver, batches, activation=activation)
    assert_same_training(ours, theirs, problem)


@not_converged
@over_batches
@pytest.mark.parametrize("power_t", [0.5, 0.2])
@pytest.mark.parametrize("solver", ["plain", "momentum", "nesterov"])
@over_problems
def test_equals_mlp_with_invscaling(problem, solver, power_t, batches):
    schedule = (InvScaling(power_t=power_t), "invscaling")
    ours, theirs = train_both(problem, solver, batches, schedule, rate=0.5, power_t=power_t)
    assert_same_training(ours, theirs, problem)


@not_converged
@pytest.mark.parametrize("solver", ["momentum", "nesterov"])
@over_problems
def test_equals_mlp_with_adaptive(problem, solver):
    # the MLP lowers the rate after n_iter_no_change + 1 epochs that bring nothing, ours after n_iter_no_change = 2
    ours, theirs = train_both(problem, solver, "batches", ("adaptive", "adaptive"), 0.6, epochs=18, n_iter_no_change=1)
    assert ours.history_[-1]["learning_rate"] < 0.6
    assert_same_training(ours, theirs, problem)


@not_converged
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.factor == 1], ids=lambda p: p.name)
def test_equals_mlp_under_lbfgs(problem, activation):
    same = {
        "hidden_layer_sizes": (8, 5),
        "activation": activation,
        "alpha": 0.01,
        "max_iter": 10,
        "tol": 1e-10,
        "random_state": 0,
        "solver": "lbfgs",
    }
    ours = problem.ours(**same | problem.options, encoder=None, dtype="float64", n_members=1)
    start = initial(problem.ours(**ours.get_params(deep=False) | {"solver": "sgd"}), X, problem.y)
    theirs = mlp_from(start, problem.mlp, same, problem.y)
    ours.fit(X, problem.y)
    assert ours.n_iter_ == theirs.n_iter_ == 10
    assert_same_weights(ours, theirs, 1e-10)
    penalty = 0.005 * sum(np.vdot(w, w) for w in theirs.coefs_) / len(X)
    assert_allclose(ours.loss_, theirs.loss_ - penalty, rtol=0, atol=1e-10)


# ---------------------------------------------------------------- linear models


def table(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def diabetes():
    X, y = table(load_diabetes)
    return X, y / y.mean()


def breast_cancer():
    return table(load_breast_cancer)


def wine():
    return table(load_wine)


class Linear(NamedTuple):
    """A linear model of scikit-learn; `alpha` is our penalty, given the sum of the weights."""

    name: str
    data: Callable[[], Any]
    model: Any
    loss: Any
    alpha: Callable[[float], float]


GLM = {"tol": 1e-10, "max_iter": 10_000}
LINEAR = [
    Linear("LinearRegression", diabetes, LinearRegression(), "squared_error", lambda total: 0.0),
    Linear("Ridge", diabetes, Ridge(alpha=30.0, solver="cholesky"), "squared_error", lambda total: 30.0),
    Linear("LogisticRegression", breast_cancer, LogisticRegression(C=0.5, **GLM), "log_loss", lambda total: 2.0),
    Linear("multinomial", wine, LogisticRegression(C=0.5, **GLM), "log_loss", lambda total: 2.0),
    Linear("PoissonRegressor", diabetes, PoissonRegressor(alpha=0.1, **GLM), "poisson", lambda total: 0.1 * total),
    Linear("GammaRegressor", diabetes, GammaRegressor(alpha=0.1, **GLM), "gamma", lambda total: 0.1 * total),
    Linear(
        "TweedieRegressor",
        diabetes,
        TweedieRegressor(power=1.5, link="log", alpha=0.1, **GLM),
        Tweedie(power=1.5),
        lambda total: 0.1 * total,
    ),
]


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("case", LINEAR, ids=[c.name for c in LINEAR])
def test_without_hidden_layer_is_the_linear_model(case, weighted):
    X, y = case.data()
    weight = np.random.default_rng(0).integers(0, 4, len(y)).astype(float) if weighted else np.ones(len(y))
    theirs = case.model.fit(X, y, sample_weight=weight)
    params = {"loss": case.loss, "alpha": case.alpha(weight.sum()), "random_state": 0}
    params |= {"hidden_layer_sizes": (), "solver": "lbfgs", "tol": 1e-10, "max_iter": 10_000, "encoder": None}
    if case.loss == "log_loss":
        ours = DLClassifier(**params).fit(X, y, sample_weight=weight)
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=1e-5)
    else:
        ours = DLRegressor(**params, scale_target=False).fit(X, y, sample_weight=weight)
        assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5)
    assert ours.n_iter_ < 10_000
    assert_allclose(ours.coefs_[0].T, np.atleast_2d(theirs.coef_), rtol=0, atol=1e-5)
    # a softmax does not see what is added to all intercepts
    shift = [b - np.mean(b) if np.size(b) > 1 else b for b in (ours.intercepts_[0], theirs.intercept_)]
    assert_allclose(*shift, rtol=0, atol=1e-5)


# ---------------------------------------------------------------- weights


def balanced(y, weight):
    """The weight of each row times a factor for its class, for each column of y: total / (classes · total of class)."""
    result = weight
    for column in y.reshape(len(y), -1).T:
        classes, index = np.unique(column, return_inverse=True)
        result = result * (weight.sum() / (len(classes) * np.bincount(index, weight)))[index]
    return result


CLASS_WEIGHTS = {
    "binary": ("balanced", PROBLEMS[2].y, balanced),
    "multiclass": ("balanced", PROBLEMS[3].y, balanced),
    "multilabel": ("balanced", PROBLEMS[4].y, balanced),
    "dict": ({"yes": 3.0, "no": 0.5}, PROBLEMS[2].y, lambda y, w: w * np.where(y == "yes", 3.0, 0.5)),
}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("solver", ["sgd", "adamw", "lbfgs"])
@pytest.mark.parametrize("name", CLASS_WEIGHTS)
def test_class_weight_is_the_weights_it_stands_for(name, solver, weighted):
    class_weight, y, stands_for = CLASS_WEIGHTS[name]
    weight = np.random.default_rng(0).uniform(0.5, 3, len(y)) if weighted else np.ones(len(y))
    params = {"hidden_layer_sizes": (8,), "solver": solver, "max_iter": 30, "batch_size": 32, "random_state": 0}
    params["n_members"] = 1
    by_class = DLClassifier(**params, class_weight=class_weight, encoder=None)
    by_row = DLClassifier(**params, encoder=None)
    without = DLClassifier(**params, encoder=None).fit(X, y, sample_weight=weight).predict_proba(X)
    by_class.fit(X, y, sample_weight=weight if weighted else None)
    by_row.fit(X, y, sample_weight=stands_for(y, weight))
    if class_weight == "balanced" and not weighted:
        assert_allclose(stands_for(y, weight), compute_sample_weight("balanced", y), rtol=1e-12)
    assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), rtol=0, atol=1e-12)
    assert np.abs(without - by_row.predict_proba(X)).max() > 1e-3


@pytest.mark.parametrize(
    ("solver", "normalization"),
    [
        *itertools.product(["sgd", "rmsprop", "adam", "adamw", "lbfgs"], [None, "layer"]),
        *itertools.product(["sgd", "rmsprop", "adam", "adamw"], ["batch"]),
    ],
)
@over_problems
def test_weight_of_two_is_the_row_twice(problem, solver, normalization):
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    params = {"hidden_layer_sizes": (8,), "solver": solver, "batch_size": None, "normalization": normalization}
    params |= {"alpha": 0.1, "max_iter": 30, "dtype": "float64", "n_members": 1, "random_state": 0}
    weighted = problem.ours(**params).fit(X, problem.y, sample_weight=weight)
    repeated = problem.ours(**params).fit(X.repeat(weight, axis=0), problem.y.repeat(weight, axis=0))
    predict = "predict_proba" if problem.ours is DLClassifier else "predict"
    assert_allclose(getattr(weighted, predict)(X), getattr(repeated, predict)(X), rtol=0, atol=1e-10)
    assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=0, atol=1e-10)
