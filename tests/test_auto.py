"""What "auto" became can be read, passed back and searched around: `settings_`, and grids that begin at the default."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import MLPRegressor
from sklearn.utils import estimator_html_repr

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.convert import from_sklearn
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.numeric_embeddings import Mixed
from sklearn_dl.schedules import Cosine
from sklearn_dl.solvers import LBFGS, SGD, AdamW

rng = np.random.default_rng(0)
X = pd.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400), "kind": rng.choice(list("xyz"), 400)})
y = np.sin(2 * X["a"]) + X["b"] * (X["kind"] == "x") + 0.1 * rng.normal(size=400)
c = np.digitize(y, [-0.5, 0.5])
TARGET = {DLRegressor: y, DLClassifier: c}
QUICK = {"max_iter": 4, "hidden_layer_sizes": (8,), "random_state": 0}
both = pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])

AUTO = {
    "n_members", "hidden_layer_sizes", "numeric_embedding", "dropout", "solver", "learning_rate_init", "batch_size",
    "max_iter", "n_folds", "early_stopping", "encoder", "dtype",
}  # fmt: skip


def values(model):
    return model.network_.values.tobytes()


# ---------------------------------------------------------------- settings_

FITS = {
    "an ensemble": ({"hidden_layer_sizes": (8,)}, 400, False),
    "a small table": ({}, 100, False),
    "early stopping": ({"early_stopping": True, "hidden_layer_sizes": (8,)}, 400, False),
    "a validation set": ({"hidden_layer_sizes": (8,)}, 400, True),
    "a validation set, one member": ({"n_members": 1}, 400, True),
    "the linear model": ({"hidden_layer_sizes": ()}, 400, False),
    "lbfgs": ({"solver": "lbfgs"}, 400, False),
    "a name with open settings": ({"solver": "adamw", "hidden_layer_sizes": (8,)}, 400, False),
    "an object with open settings": ({"solver": AdamW(beta_2=0.9), "hidden_layer_sizes": (8,)}, 400, False),
    "another solver": ({"solver": SGD(), "hidden_layer_sizes": (8,)}, 400, False),
    "an architecture of one's own": ({"architecture": "resnet"}, 400, False),
}


@both
@pytest.mark.parametrize("name", FITS)
def test_what_auto_became_gives_the_same_bits(estimator, name):
    params, n, with_validation = FITS[name]
    params = {"max_iter": 3, "random_state": 0} | params
    target = TARGET[estimator]
    held = {"X_val": X[300:], "y_val": target[300:]} if with_validation else {}
    model = estimator(**params).fit(X[:n], target[:n], **held)
    again = estimator(**params | model.settings_).fit(X[:n], target[:n], **held)
    assert values(again) == values(model)
    assert again.settings_ == {}, "nothing is 'auto' any more"
    assert not AUTO.intersection(params).difference({"solver"}) & set(model.settings_), "what was given is not told"
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_every_auto_of_the_default_is_told():
    model = DLClassifier(random_state=0, max_time=0.01).fit(X, c)
    told = model.settings_
    assert {name for name, value in DLClassifier().get_params(deep=False).items() if value == "auto"} == AUTO
    assert set(told) == AUTO - {"max_iter"}  # which as a number would not let the network start above a line
    assert (told["n_members"], told["hidden_layer_sizes"], told["n_folds"]) == (8, (128, 128), 4)
    assert str(told["solver"]) == "AdamW(beta_2=0.95, weight_decay=0.1)"
    assert (told["learning_rate_init"], told["batch_size"], told["dtype"]) == (0.006, 64, "float32")
    assert (told["early_stopping"], told["dropout"], str(told["encoder"])) == (False, 0.1, "TableEncoder()")
    assert isinstance(told["numeric_embedding"], Mixed)


@pytest.mark.parametrize(("sizes", "rate"), [((192,), 0.006), ((64, 384), 0.003), ((768, 768), 0.0015)])
def test_wide_layers_have_a_lower_rate(sizes, rate):
    model = DLRegressor(hidden_layer_sizes=sizes, max_iter=1, random_state=0).fit(X[:120], y[:120])
    assert model.settings_["learning_rate_init"] == pytest.approx(rate)


def test_nothing_is_told_that_a_solver_does_not_use():
    told = DLRegressor(solver=LBFGS(), max_iter=2).fit(X, y).settings_
    assert set(told) == AUTO - {"solver", "learning_rate_init", "batch_size", "max_iter"}


def test_what_is_told_is_of_the_fit_and_a_copy():
    model = DLRegressor(**QUICK).fit(X, y)
    before = model.settings_
    model.set_params(n_members=1, solver="sgd")
    model.settings_["solver"].set_params(weight_decay=7.0)
    model.settings_.clear()
    assert str(model.settings_) == str(before)
    assert str(pickle.loads(pickle.dumps(model)).settings_) == str(before)


def test_a_stream_tells_what_its_first_rows_decided():
    model = DLRegressor(random_state=0).partial_fit(X, y)
    told = model.settings_
    again = DLRegressor(random_state=0, **told)
    for _ in range(2):
        again.partial_fit(X, y)
    assert values(model.partial_fit(X, y)) == values(again)


def test_a_converted_network_tells_too():
    mlp = MLPRegressor(hidden_layer_sizes=(3,), tol=1e3, n_iter_no_change=1).fit(X[["a", "b"]][:30], y[:30])
    model = from_sklearn(mlp)
    assert model.settings_["n_folds"] == 1
    assert model.settings_["numeric_embedding"] is None


@both
def test_the_notebook_shows_what_auto_became(estimator):
    model = estimator(**QUICK).fit(X, TARGET[estimator])
    document, title = estimator_html_repr(model), 'What "auto" became'
    assert title in document
    assert f"<td>{model.settings_['solver']}</td>" in document
    set_by_hand = estimator(**QUICK | model.settings_).fit(X, TARGET[estimator])
    assert title not in estimator_html_repr(set_by_hand)
    assert title not in estimator_html_repr(estimator())


# ---------------------------------------------------------------- a grid that begins at the default


def same_as_the_default(estimator):
    embedding = Mixed()
    return {
        "solver": ["adamw", AdamW()],
        "encoder": [TableEncoder()],
        "learning_rate": [Cosine()],
        "numeric_embedding": [embedding],
    }


@both
@pytest.mark.parametrize("n", [400, 200])
def test_objects_stand_for_the_default(estimator, n):
    target = TARGET[estimator][:n]
    default = values(estimator(**QUICK).fit(X[:n], target))
    for name, objects in same_as_the_default(estimator).items():
        if name == "numeric_embedding" and n < 100:
            continue  # a small table gets none
        for value in objects:
            assert values(estimator(**QUICK, **{name: value}).fit(X[:n], target)) == default, value


@both
def test_one_setting_of_the_default_is_searched_and_the_rest_stays(estimator):
    target = TARGET[estimator]
    grid = {"solver__weight_decay": ["auto", 0.01], "solver__beta_2": ["auto", 0.9], "solver__epsilon": [1e-8]}
    search = GridSearchCV(estimator(**QUICK, solver=AdamW()), grid, cv=2, error_score="raise").fit(X, target)
    assert len(search.cv_results_["params"]) == 4
    default = estimator(**QUICK).fit(X, target)
    for cell in ParameterGrid(grid):
        model = estimator(**QUICK, solver=AdamW()).set_params(**cell).fit(X, target)
        kept = {"learning_rate_init", "n_members", "batch_size"}
        assert {k: model.settings_[k] for k in kept} == {k: default.settings_[k] for k in kept}
        is_default = cell["solver__weight_decay"] == cell["solver__beta_2"] == "auto"
        assert (values(model) == values(default)) == is_default
