"""How a training ended, and whether it came to anything: what is told, and what is not.

Failures are made by rates that are hopeless, on rows that are easy.
"""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.layers import Dense
from sklearn_dl.losses import Quantile
from sklearn_dl.solvers import LBFGS

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * rng.normal(size=80)
c = np.digitize(y, [-1.0, 1.0])
SMALL = {"hidden_layer_sizes": (7,), "batch_size": 20, "max_iter": 5, "random_state": 0}


class Hook:
    """Raises, or ends the fit, after an epoch."""

    def __init__(self, at, error=None):
        self.at, self.error = at, error

    def setup(self, estimator, context):
        self.epochs = 0

    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if context.task_name == "epoch" and self.epochs == self.at and self.error is not None:
            raise self.error
        return self.epochs == self.at


def told(model, X=X, target=y, **keywords):
    """What a fit warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, target, **keywords)
    return [(w.category, str(w.message)) for w in caught]


LONG = SMALL | {"max_iter": 30, "hidden_layer_sizes": (20,)}
FAILURES = {
    "a dead network": (DLRegressor, {"learning_rate_init": 1.0, "max_iter": 60}, "predicts the same for every row"),
    "blown up": (DLRegressor, {"learning_rate_init": 1e4, "learning_rate": "constant"}, "no longer finite"),
    "blown up soon": (DLRegressor, {"learning_rate_init": 1e4, "max_iter": 2}, "worse than a constant"),
    "blown up with SGD": (
        DLRegressor,
        {"solver": "sgd", "learning_rate_init": 30.0, "clip_norm": 1.0},
        "the same for every row",
    ),
    "hardly begun": (DLRegressor, {"learning_rate_init": 1e-7}, "worse than a constant"),
    "hardly begun, quantiles": (DLRegressor, {"learning_rate_init": 1e-7, "loss": Quantile((0.1, 0.9))}, "worse than"),
    "hardly begun, L-BFGS": (DLRegressor, {"solver": LBFGS(max_fun=1), "max_iter": 30}, "has not converged"),
    "classes": (DLClassifier, {"learning_rate_init": 1e-7}, "worse than a constant"),
    "classes blown up": (DLClassifier, {"learning_rate_init": 1e4, "learning_rate": "constant"}, "no longer finite"),
}


@pytest.mark.parametrize("seed", range(3))
def test_a_network_whose_outputs_all_but_agree_is_told(seed):
    table, target = make_friedman1(400, random_state=0)
    model = DLRegressor(n_members=1, learning_rate_init=1.0, max_iter=30, random_state=seed)
    [(_, message)] = told(model, table, target)
    assert "predicts the same for every row" in message


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("n_rows", [100, 400])
def test_a_network_that_learns_noise_is_not_told_that_it_says_the_same(n_rows, early_stopping):
    table, target = np.random.default_rng(0).normal(size=(n_rows, 5)), np.random.default_rng(1).normal(size=n_rows)
    model = DLRegressor(n_members=1, random_state=0, early_stopping=early_stopping)
    assert told(model, table, target) == []


@pytest.mark.parametrize("name", FAILURES)
def test_training_that_came_to_nothing_is_told(name):
    estimator, params, message = FAILURES[name]
    target = {DLRegressor: y, DLClassifier: c}[estimator]
    (warning,) = told(estimator(**LONG | {"solver": "adamw"} | params), target=target)
    assert warning[0] is ConvergenceWarning
    assert message in warning[1]
    assert "learning_rate_init" in warning[1] or "max_iter" in warning[1]


SOUND = {
    "learnt": (y, {}),
    "a constant target": (np.full(80, 3.0), {}),
    "a target of zeros": (np.zeros(80), {}),
    "a constant output": (np.c_[y, np.ones(80)], {}),
    "few epochs": (y, {"max_iter": 2}),
    "members": (y, {"n_members": 3}),
    "counts": (np.exp(y / 2), {"loss": "poisson"}),
    "noise": (np.random.default_rng(0).permutation(y), {}),
    "huge numbers": (1e300 * y, {}),
}


@pytest.mark.parametrize("name", SOUND)
def test_training_that_came_to_something_is_not_warned_of(name):
    target, params = SOUND[name]
    assert told(DLRegressor(**LONG | params), target=target) == []


def test_rows_that_are_all_the_same_are_no_dead_network():
    assert told(DLRegressor(**LONG), X=np.ones((80, 4)), target=y) == []


ENDS = {
    "max_iter": {},
    "early_stopping": {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 2, "tol": 9.0},
    "target_loss": {"target_loss": 9.0},
    "max_time": {"max_time": 1e-9},
    "convergence": {"solver": "lbfgs", "hidden_layer_sizes": (), "max_iter": 200},
    "non_finite_loss": {"solver": "sgd", "learning_rate_init": 1e200},
    "interrupt": {},
    "callback": {},
}


@pytest.mark.filterwarnings("ignore:training")
@pytest.mark.parametrize("end", ENDS)
def test_an_attribute_tells_how_a_fit_ended(end):
    model = DLRegressor(**SMALL | ENDS[end])
    if end == "interrupt":
        model.set_callbacks(Hook(2, KeyboardInterrupt))
    if end == "callback":
        model.set_callbacks(Hook(1))
    assert model.fit(X, y).ended_by_ == end
    assert pickle.loads(pickle.dumps(model)).ended_by_ == end


@pytest.mark.parametrize("max_iter", [1, 5])
def test_l_bfgs_says_that_it_did_not_converge(max_iter):
    model = DLRegressor(solver="lbfgs", max_iter=max_iter, random_state=0)
    (warning,) = told(model)
    assert warning[0] is ConvergenceWarning
    assert f"L-BFGS has not converged within max_iter={max_iter} iterations" in warning[1]
    assert (model.n_iter_, model.ended_by_) == (max_iter, "max_iter")
    assert told(model.set_params(max_iter=10_000)) == []
    assert model.ended_by_ == "convergence"


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_is_told_of_the_end_points_at_the_call(method):
    def explode(n_in, hidden_layer_sizes, n_out, **settings):
        return Dense(n_in, n_out, gain=1e200)

    model = DLRegressor(architecture=explode, n_members=1, dtype="float64", max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning) as told:
        getattr(model, method)(np.eye(30), np.arange(30.0))
    assert {warning.filename for warning in told} == {__file__}
