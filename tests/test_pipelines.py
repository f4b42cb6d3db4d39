"""The estimators among scikit-learn's tools, and parts that a user writes among the package's own.

Pipelines, searches, routed metadata, settings objects; and that the defaults are useful on real tables. Ensembles and
other meta-estimators have a module of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._estimators.elsewhere import CALLED as CALLED_HERE
from sklearn_dl._estimators.elsewhere import NOT_HERE
from sklearn_dl._estimators.registry import class_with
from sklearn_dl.architectures import mlp
from sklearn_dl.layers import Dense, Layer, ReLU, Sequential
from sklearn_dl.losses import Huber, Link, LogLoss, Loss, Quantile
from sklearn_dl.schedules import Cosine, InvScaling, Schedule
from sklearn_dl.solvers import LBFGS, SGD, Adam, AdamW, Solver

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * rng.normal(size=120)
c = np.digitize(y, [-1.0, 1.0])
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 10, "random_state": 0, "batch_size": 40}
LONG = SMALL | {"max_iter": 100, "learning_rate_init": 0.01}


# ---------------------------------------------------------------- parameters


class OwnPlain(Schedule):
    """A schedule without settings."""

    def factor(self, progress, samples_seen):
        return 1.0


SETTINGS = {
    "names": {},
    "objects": {"solver": AdamW(weight_decay=0.1), "loss": Quantile((0.1, 0.9)), "learning_rate": Cosine(warmup=0.1)},
    "sequences": {"hidden_layer_sizes": [5, 4], "activation": ["tanh", "relu"], "dropout": (0.1, 0.0)},
    "callable": {"architecture": mlp},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_parameters_are_stored_as_given_and_cloned(name):
    model = DLRegressor(**SETTINGS[name])
    for key, value in SETTINGS[name].items():
        assert getattr(model, key) is value
    copied = clone(model)
    assert copied.get_params().keys() == model.get_params().keys()
    assert repr(copied) == repr(model)
    model.fit(X[:20], y[:20])
    for key, value in SETTINGS[name].items():
        assert getattr(model, key) is value
    copied.fit(X[:20], y[:20])


def test_settings_are_reached_with_double_underscores():
    model = DLRegressor(solver=SGD(), loss=Huber())
    assert model.get_params()["solver__momentum"] == 0.9
    model.set_params(solver__momentum=0.5, solver__nesterov=False, loss__delta=2.0)
    assert (model.solver.momentum, model.solver.nesterov, model.loss.delta) == (0.5, False, 2.0)
    model.set_params(solver=Adam(), solver__beta_1=0.8)
    assert isinstance(model.solver, Adam)
    assert model.solver.beta_1 == 0.8


MERE_NAMES = {  # parameters, and the object that is named, which may stand for the same
    "solver__weight_decay": ({}, "'auto'", r"solver=AdamW\(\), which stands for the same,"),
    "solver__beta_1": ({}, "'auto'", r"solver=AdamW\(\), which stands for the same,"),
    "solver__momentum": ({"solver": "sgd"}, "'sgd'", r"solver=SGD\(\), which stands for the same,"),
    "solver__rho": ({"solver": "adam"}, "'adam'", r"solver=RMSprop\(\)"),
    "loss__delta": ({}, "'squared_error'", r"loss=Huber\(\)"),
    "learning_rate__warmup": ({}, "'cosine'", r"learning_rate=Cosine\(\), which stands for the same,"),
    "encoder__max_one_hot": ({}, "'auto'", r"encoder=TableEncoder\(\), which stands for the same,"),
    "numeric_embedding__width": ({}, "'auto'", r"numeric_embedding=Mixed\(\), which stands for the same,"),
    "numeric_embedding__n_bins": ({}, "'auto'", r"numeric_embedding=Mixed\(\), which stands for the same,"),
}


@pytest.mark.parametrize("key", MERE_NAMES)
def test_a_nested_parameter_of_a_mere_name_says_what_to_pass(key):
    params, name, instead = MERE_NAMES[key]
    parameter = key.partition("__")[0]
    told = rf"{key} cannot be set while {parameter} is the mere name {name}; pass an object such as {instead}"
    whole = rf"^{told} to search {parameter}__\.\.\.$"
    with pytest.raises(ValueError, match=whole):
        DLRegressor(**params).set_params(**{key: 0.5})
    search = GridSearchCV(DLRegressor(**params), {key: [0.5]}, cv=2)
    with pytest.raises(ValueError, match=whole):
        search.fit(X, y)


SETTING = "it is a setting of {0}: pass {1}={0}({2}=...), or {1}={0}() and search {1}__{2}."
CALLED = "it is called {} here."
ELSEWHERE = {  # a parameter that there is not, the others, and how the sentence ends
    # MLPClassifier and MLPRegressor
    "momentum": ({"solver": "sgd"}, SETTING.format("SGD", "solver", "momentum")),
    "nesterovs_momentum": ({}, SETTING.format("SGD", "solver", "nesterov")),
    "power_t": ({"learning_rate": "invscaling"}, SETTING.format("InvScaling", "learning_rate", "power_t")),
    "beta_1": ({"solver": "adam"}, SETTING.format("Adam", "solver", "beta_1")),
    "beta_2": ({}, SETTING.format("AdamW", "solver", "beta_2")),
    "epsilon": ({"solver": "rmsprop"}, SETTING.format("RMSprop", "solver", "epsilon")),
    "max_fun": ({"solver": LBFGS()}, CALLED.format("solver__max_fun")),
    # boosting
    "n_estimators": ({}, CALLED.format("max_iter")),
    "l2_regularization": ({}, CALLED.format("alpha")),
    "categorical_features": ({}, SETTING.format("TableEncoder", "encoder", "categorical_features")),
    "quantile": ({}, SETTING.format("Quantile", "loss", "levels")),
    "max_depth": ({}, "it is a parameter of trees, which a network has not."),
    "reg_alpha": ({}, "it is not there: alpha is an L2 penalty, and there is no L1."),
    "eval_set": ({}, "it is an argument of fit: pass X_val and y_val there."),
    "group_id": ({}, "it is an argument of fit: rows of a value are left out together."),
    "cv": ({}, CALLED.format("n_folds")),
    "fold_strategy": ({}, CALLED.format("n_folds")),
    "n_splits": ({"n_folds": GroupKFold(4)}, CALLED.format("n_folds")),
    "groups": ({}, "it is an argument of fit: rows of a value are left out together."),
    # skorch
    "lr": ({}, CALLED.format("learning_rate_init")),
    "max_epochs": ({}, CALLED.format("max_iter")),
    "optimizer__lr": ({}, CALLED.format("learning_rate_init")),
    "optimizer__momentum": ({"solver": SGD()}, CALLED.format("solver__momentum")),
    "optimizer__weight_decay": ({}, SETTING.format("AdamW", "solver", "weight_decay")),
    "module__dropout": ({}, CALLED.format("dropout")),
    "module__num_units": ({}, CALLED.format("hidden_layer_sizes")),
    "iterator_train__shuffle": ({}, CALLED.format("shuffle")),
    "device": ({}, "it is not there: it runs on the CPU, with n_jobs threads."),
    # Keras
    "epochs": ({}, CALLED.format("max_iter")),
    "model__hidden_units": ({}, CALLED.format("hidden_layer_sizes")),
    "validation_split": ({}, CALLED.format("validation_fraction")),
    "callbacks": ({}, "it is not a parameter: use the method set_callbacks."),
    # slips
    "droput": ({}, "did you mean dropout?"),
    "solver__wieght_decay": ({}, SETTING.format("AdamW", "solver", "weight_decay")),
    "solver__momentun": ({"solver": SGD()}, "did you mean solver__momentum?"),
    "solver__foo": ({"solver": SGD()}, "the settings of solver are 'momentum' and 'nesterov'."),
    "learning_rate__foo": ({"learning_rate": OwnPlain()}, "learning_rate=OwnPlain() has no settings."),
    "solver__momentum": ({"solver": SGD}, SETTING.format("SGD", "solver", "momentum")),
    "solver__bar": ({"solver": SGD}, "solver=SGD is a class; pass solver=SGD()."),
    "loss__gamma": ({}, "the settings of loss are 'delta', 'levels' and 'power'."),
}


@pytest.mark.parametrize("key", ELSEWHERE)
def test_a_parameter_of_another_package_gets_advice(key):
    params, end = ELSEWHERE[key]
    whole = f"Invalid parameter {key!r} for estimator DLRegressor: {end}"
    for model, name in (
        (DLRegressor(**params), key),
        (Pipeline([("net", DLRegressor(**params))]), f"net__{key}"),
        (GridSearchCV(DLRegressor(**params), {key: [1]}, cv=2), None),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(whole)}$"):
            model.fit(X, y) if name is None else model.set_params(**{name: 1})


def test_a_parameter_that_nothing_is_like_gets_the_list():
    for model in (DLRegressor(), DLClassifier()):
        with pytest.raises(
            ValueError, match=r"^Invalid parameter 'foo' for estimator .*: the parameters are "
        ) as caught:
            model.set_params(foo=1)
        assert re.findall(r"'(\w+)'", str(caught.value))[1:] == sorted(model.get_params(deep=False))


def test_advice_can_be_followed():
    """Every word leads to a parameter, or to a setting that one of the objects has, and none is a parameter itself."""
    regressor, classifier = DLRegressor().get_params(deep=False), DLClassifier().get_params(deep=False)
    assert not (set(CALLED_HERE) | set(NOT_HERE)) & (set(regressor) | set(classifier))
    assert not set(CALLED_HERE) & set(NOT_HERE)
    for ours in CALLED_HERE.values():
        parameter, _, setting = ours.partition("__")
        assert parameter in regressor or parameter in classifier
        assert not setting or class_with(parameter, None, setting, "regression") is not None


def test_what_the_advice_says_is_accepted():
    DLRegressor(solver=SGD()).set_params(solver__momentum=0.5).fit(X[:20], y[:20])
    DLRegressor(solver=SGD(momentum=0.5)).fit(X[:20], y[:20])
    model = DLRegressor().set_params(solver=Adam(), solver__beta_1=0.5, learning_rate=InvScaling(power_t=0.1))
    assert (model.solver.beta_1, model.learning_rate.power_t) == (0.5, 0.1)


def test_partial_fit_is_absent_for_lbfgs():
    for solver in ("lbfgs", LBFGS()):
        assert not hasattr(DLRegressor(solver=solver), "partial_fit")
        with pytest.raises(AttributeError) as caught:
            DLClassifier(solver=solver).partial_fit  # noqa: B018
        assert "partial_fit needs a stochastic solver; got solver='lbfgs'" in str(caught.value)
    assert hasattr(DLRegressor(), "partial_fit")


# ---------------------------------------------------------------- pipelines and searches


def test_a_pipeline_with_categories():
    frame = pd.DataFrame({"x": X[:, 0], "kind": np.where(X[:, 1] > 0, "up", "down")})
    target = 3 * X[:, 0] + 10 * (X[:, 1] > 0)
    columns = ColumnTransformer([("kind", OneHotEncoder(), ["kind"])], remainder="passthrough")
    model = make_pipeline(columns, DLRegressor(**LONG)).fit(frame, target)
    assert model.score(frame, target) > 0.95
    assert model[:-1].set_output(transform="default").transform(frame).shape == (120, 3)


def test_a_grid_over_structure_and_settings():
    grid = {"hidden_layer_sizes": [(), (4,), (4, 4)], "dropout": [0.0, 0.2], "solver__weight_decay": [0.0, 0.5]}
    search = GridSearchCV(DLClassifier(**SMALL, solver=AdamW()), grid, cv=2, error_score="raise").fit(X, c)
    assert len(search.cv_results_["params"]) == 12
    assert np.ptp(search.cv_results_["mean_test_score"]) > 0
    assert search.best_estimator_.get_params()["solver__weight_decay"] == search.best_params_["solver__weight_decay"]
    assert len(search.best_estimator_.coefs_) == 1 + len(search.best_params_["hidden_layer_sizes"])


def test_a_grid_through_a_pipeline():
    pipe = Pipeline([("scale", StandardScaler()), ("net", DLRegressor(**SMALL, solver=SGD(), loss=Huber()))])
    grid = {"net__solver__momentum": [0.0, 0.9], "net__loss__delta": [0.5, 2.0], "net__solver": [SGD(), AdamW()]}
    grid = [{k: grid[k] for k in ("net__solver__momentum", "net__loss__delta")}, {"net__solver": grid["net__solver"]}]
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) >= 5
    assert pipe.named_steps["net"].loss.delta == 1.0


# ---------------------------------------------------------------- routed metadata


def test_weights_are_routed_through_a_pipeline():
    weight = rng.integers(1, 4, 120).astype(float)
    with config_context(enable_metadata_routing=True):
        net = DLRegressor(**SMALL).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), net)
        pipe.fit(X, y, sample_weight=weight)
        search = GridSearchCV(pipe, {"dlregressor__alpha": [0.0, 1.0]}, cv=2).fit(X, y, sample_weight=weight)
    reference = DLRegressor(**SMALL).fit(StandardScaler().fit_transform(X), y, weight)
    np.testing.assert_array_equal(pipe.predict(X), reference.predict(StandardScaler().fit_transform(X)))
    assert search.best_estimator_ is not None


@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
def test_validation_sets_are_transformed_by_a_pipeline(estimator):
    target = y if estimator is DLRegressor else c
    split = slice(0, 80), slice(80, 120)
    train, valid = ((X[rows], target[rows]) for rows in split)
    weight = rng.uniform(0.5, 2.0, 40)
    with config_context(enable_metadata_routing=True):
        net = estimator(**SMALL).set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
        pipe = Pipeline([("scale", StandardScaler()), ("net", net)], transform_input=["X_val"])
        pipe.fit(*train, X_val=valid[0], y_val=valid[1], sample_weight_val=weight)
    scale = StandardScaler().fit(train[0])
    reference = estimator(**SMALL).fit(
        scale.transform(train[0]),
        train[1],
        X_val=scale.transform(valid[0]),
        y_val=valid[1],
        sample_weight_val=weight,
    )
    assert pipe[-1].validation_loss_curve_ == reference.validation_loss_curve_
    np.testing.assert_array_equal(pipe.predict(X), reference.predict(scale.transform(X)))


def test_metadata_that_nobody_requested_is_refused():
    with config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), DLRegressor(**SMALL))
        with pytest.raises(ValueError, match=r"sample_weight.* not explicitly set as requested or not"):
            pipe.fit(X, y, sample_weight=np.ones(120))


def test_scores_are_watched_under_routing():
    with config_context(enable_metadata_routing=True):
        model = DLRegressor(**SMALL, scoring="neg_mean_absolute_error")
        model.fit(X, y, X_val=X, y_val=y, sample_weight_val=np.ones(120))
    assert len(model.validation_scores_) == 10


# ---------------------------------------------------------------- parts that a user writes


@dataclass(frozen=True)
class OwnReLU(Layer):
    """max(x, 0), with a learnt scale and shift that begin at 1 and 0."""

    width: int

    def param_shapes(self):
        return {"weight": (self.width,), "shift": (self.width,)}

    def init(self, p, rng):
        p.weight[...] = 1

    def forward(self, x, p, m):
        m.on = x > 0
        m.kept = np.where(m.on, x, 0)
        return m.kept * p.weight + p.shift

    def backward(self, dy, p, m):
        m.dy = dy
        return np.where(m.on, dy * p.weight, 0)

    def gradients(self, g, m, part):
        columns = part.of(self.width)
        g.weight[columns] = (m.dy * m.kept).sum(axis=0)[columns]
        g.shift[columns] = m.dy.sum(axis=0)[columns]


def own_architecture(n_in, hidden_layer_sizes, n_out, *, activations, dropouts, normalization):
    width = hidden_layer_sizes[0]
    return Sequential((Dense(n_in, width), OwnReLU(width), Dense(width, n_out, ReLU().gain)))


class OwnSquares(Loss):
    """Half the squared error, once more."""

    task = "regression"

    def value_and_gradient(self, y, raw, weight, out):
        out[...] = raw - y
        value = out**2 / 2
        if weight is not None:
            out *= weight
            value *= weight
        return float(value.sum())


class OwnLogit(Link):
    name = "logistic"

    def inverse(self, raw):
        return 1 / (1 + np.exp(-raw))


class OwnLogLoss(Loss):
    """Logistic log-loss for two classes, from the formula."""

    task = "classification"
    link = OwnLogit()

    def value_and_gradient(self, y, raw, weight, out):
        p = 1 / (1 + np.exp(-raw))
        out[...] = p - y
        return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum())


class OwnDescent(Solver):
    """Momentum of Polyak's kind, a setting, and a rate of its own."""

    keeps = ("velocity",)
    learning_rate_init = 0.02

    def __init__(self, momentum=0.9):
        self.momentum = momentum

    def check(self):
        if not 0 <= self.momentum < 1:
            raise ValueError(f"OwnDescent: momentum must be in [0, 1); got {self.momentum!r}.")

    def step(self, params, grads, s, t, rate, decayed):
        s.velocity[...] = self.momentum * s.velocity - rate * grads
        params += s.velocity


class OwnSteps(Schedule):
    """One rate for the first half, another for the second."""

    def __init__(self, second=1.0):
        self.second = second

    def factor(self, progress, samples_seen):
        return 1.0 if progress < 0.5 else self.second


def test_an_own_layer_learns_and_starts_as_its_counterpart():
    own = DLRegressor(**LONG, architecture=own_architecture).fit(X, y)
    assert own.score(X, y) > 0.97
    assert "1.shift" in [entry.path for entry in own.network_.entries()]
    still = {"learning_rate_init": 1e-300}
    start = DLRegressor(**LONG | still, architecture=own_architecture).fit(X, y)
    plain = DLRegressor(**LONG | still, n_members=1).fit(X, y)
    np.testing.assert_allclose(start.predict(X), plain.predict(X), rtol=1e-12)
    with pytest.raises(AttributeError, match=r"chain of Dense layers; for this network see network_\.entries\(\)"):
        own.coefs_  # noqa: B018


OWN_PARTS = {
    "loss": (DLRegressor, {"loss": OwnSquares()}, {"loss": "squared_error"}),
    "classification loss": (DLClassifier, {"loss": OwnLogLoss()}, {"loss": LogLoss()}),
    "solver": (DLRegressor, {"solver": OwnDescent()},
               {"solver": SGD(nesterov=False), "learning_rate_init": 0.02}),
    "schedule": (DLRegressor, {"learning_rate": OwnSteps()}, {"learning_rate": "constant"}),
    "architecture": (DLRegressor, {"architecture": lambda *a, **k: mlp(*a, **k)}, {}),
    "all": (DLRegressor, {"loss": OwnSquares(), "solver": OwnDescent(), "learning_rate": OwnSteps()},
            {"solver": SGD(nesterov=False), "learning_rate_init": 0.02, "learning_rate": "constant"}),
}  # fmt: skip


@pytest.mark.parametrize("name", OWN_PARTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_an_own_part_does_the_work_of_its_counterpart(name, weighted):
    estimator, own, counterpart = OWN_PARTS[name]
    target = y if estimator is DLRegressor else (y > 0).astype(int)
    weight = rng.uniform(0.5, 2.0, 120) if weighted and name != "classification loss" else None
    a = estimator(**SMALL, n_members=1, **own).fit(X, target, weight)
    b = estimator(**SMALL, n_members=1, **counterpart).fit(X, target, weight)
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-9)
    np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-9)


def test_own_settings_can_be_searched_and_checked():
    model = DLRegressor(**SMALL, solver=OwnDescent(), learning_rate=OwnSteps())
    grid = {"solver__momentum": [0.0, 0.9], "learning_rate__second": [0.1, 1.0]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 4
    with pytest.raises(ValueError, match=r"OwnDescent: momentum must be in \[0, 1\); got 2\."):
        model.set_params(solver__momentum=2).fit(X, y)


def test_an_own_loss_of_the_other_task_is_refused():
    with pytest.raises(ValueError, match=r"for regression; got OwnLogLoss\(\), which is for classification"):
        DLRegressor(loss=OwnLogLoss()).fit(X, y)


# ---------------------------------------------------------------- useful at once

USEFUL = {
    "diabetes": (DLRegressor, load_diabetes, KFold, 5, 0.45),
    "breast cancer": (DLClassifier, load_breast_cancer, StratifiedKFold, 3, 0.96),
    "digits": (DLClassifier, load_digits, StratifiedKFold, 1, 0.97),
}


@pytest.mark.parametrize("name", USEFUL)
def test_the_defaults_are_useful_on_real_tables(name):
    """Of the longest only some folds, for time; docs/defaults.md has the means over all folds."""
    estimator, load, kind, n_folds, floor = USEFUL[name]
    table, target = load(return_X_y=True)
    folds = list(kind(5, shuffle=True, random_state=0).split(table, target))[:n_folds]
    scores = cross_val_score(estimator(random_state=0), table, target, cv=folds)
    assert np.mean(scores) >= floor
