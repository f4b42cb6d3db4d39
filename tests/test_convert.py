"""To scikit-learn's networks and back: the same predictions, a sentence where that cannot be, training that goes on."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.convert import from_sklearn, to_sklearn
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.layers import Dense, ReLU, Sequential
from sklearn_dl.losses import LogLoss
from sklearn_dl.schedules import Adaptive, InvScaling
from sklearn_dl.solvers import LBFGS, SGD, Adam

N = 150
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 4)) * [1, 10, 100, 1] + [0, 5, 0, 0]
Y = np.column_stack((X[:, 0] + X[:, 1], X[:, 0] * X[:, 3]))
THREE = np.digitize(Y[:, 0], [0, 10])
TABLE = pd.DataFrame(
    {
        "area": 50 + 20 * RNG.standard_normal(N),
        "year": np.where(RNG.random(N) < 0.2, np.nan, RNG.integers(1900, 2025, N)),
        "heating": RNG.choice(["gas", "oil", "pump", None], N),
        "street": RNG.choice([f"street {i}" for i in range(12)], N),
        "house": RNG.choice([f"house {i}" for i in range(9)], N),
    }
)
RENT = 10 * TABLE["area"].to_numpy()


class Case(NamedTuple):
    name: str
    estimator: Any
    X: Any
    y: Any


def numbers(**parameters: Any) -> DLRegressor:
    return DLRegressor(**{"n_members": 1, "max_iter": 3, "random_state": 0, "hidden_layer_sizes": (9,)} | parameters)


def classes(**parameters: Any) -> DLClassifier:
    return DLClassifier(**{"n_members": 1, "max_iter": 3, "random_state": 0, "hidden_layer_sizes": (9,)} | parameters)


CASES = [
    *(Case(f"{a}", numbers(activation=a), X, Y[:, 0]) for a in ("identity", "logistic", "tanh", "relu")),
    Case("no hidden layer", numbers(hidden_layer_sizes=()), X, Y[:, 0]),
    Case("several outputs", numbers(hidden_layer_sizes=(9, 7)), X, Y),
    Case("batch normalisation", numbers(hidden_layer_sizes=(9, 7), normalization="batch", dropout=0.2), X, Y),
    Case("poisson", numbers(loss="poisson"), X, abs(Y[:, 0])),
    Case("poisson, several outputs", numbers(loss="poisson"), X, 1000 * abs(Y)),
    Case("no encoder", numbers(encoder=None), X, Y[:, 0]),
    Case("nothing scaled", numbers(encoder=None, scale_target=False, solver="lbfgs"), X, Y[:, 0]),
    Case("sparse", numbers(), sparse.csr_array(np.where(X > 1, X, 0)), Y[:, 0]),
    Case("categories", numbers(encoder=TableEncoder(max_one_hot=20)), TABLE, RENT),
    Case("embeddings", numbers(), TABLE, RENT),
    Case("only embeddings", numbers(hidden_layer_sizes=()), TABLE[["street", "house"]], RENT),
    Case("two classes", classes(), X, Y[:, 0] > 0),
    Case("three classes", classes(), X, np.array(["low", "mid", "high"])[THREE]),
    Case("three classes, embeddings", classes(activation="tanh"), TABLE, THREE),
    Case("labels", classes(), X, (Y > 0).astype(int)),
    Case("three labels", classes(encoder=None), X, np.column_stack((Y > 0, THREE > 1)).astype(int)),
]


def by_name(cases: list[Any]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[c.name for c in cases])


def answers(model: Any, X: Any) -> list[np.ndarray]:
    """All that a model says of a table."""
    return [np.asarray(getattr(model, m)(X)) for m in ("predict", "predict_proba") if hasattr(model, m)]


def distance(a: Any, b: Any, X: Any) -> float:
    """The largest difference of two models' answers, in units of the largest answer; labels must be the same."""
    worst = 0.0
    for p, q in zip(answers(a, X), answers(b, X), strict=True):
        assert p.shape == q.shape
        if p.dtype.kind == "f":
            worst = max(worst, float(abs(p - q).max() / abs(q).max()))
        else:
            np.testing.assert_array_equal(p, q)
    return worst


@by_name(CASES)
def test_to_sklearn_predicts_the_same(case):
    model = case.estimator.fit(case.X, case.y)
    converted = to_sklearn(model)
    assert isinstance(converted, (MLPClassifier, MLPRegressor) if model.encoder is None else Pipeline)
    assert distance(converted, model, case.X) < 1e-10
    if isinstance(case.X, pd.DataFrame):
        new = case.X.head(7).assign(street="a new street", house=None)
        assert distance(converted, model, new) < 1e-10


@by_name([c for c in CASES if c.name in ("relu", "no encoder", "three classes", "three labels", "poisson")])
def test_what_came_out_is_whole(case):
    """Scikit-learn trains it further, shows it and asks it, and the estimator notices nothing of it."""
    model = case.estimator.fit(case.X, case.y)
    before = answers(model, case.X)
    converted = to_sklearn(model)
    mlp, Z = (converted[-1], converted[:-1].transform(X)) if isinstance(converted, Pipeline) else (converted, X)
    assert (mlp.n_iter_, mlp.loss_curve_, mlp.hidden_layer_sizes) == (3, model.loss_curve_, (9,))
    assert np.isfinite(permutation_importance(converted, case.X, case.y, n_repeats=1).importances_mean).all()
    Z = Z / abs(Z).max(axis=0)
    at_first = answers(mlp, Z)[-1].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.partial_fit(Z, case.y)
        mlp.set_params(warm_start=True, max_iter=2).fit(Z, case.y)
    assert abs(answers(mlp, Z)[-1] - at_first).max() > 1e-6
    for a, b in zip(before, answers(model, case.X), strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_of_columns_are_kept():
    table = TABLE[["area"]].assign(twice=2 * TABLE["area"]) / 100
    converted = to_sklearn(numbers(encoder=None).fit(table, RENT))
    assert converted.feature_names_in_.tolist() == ["area", "twice"]
    with pytest.raises(ValueError, match="feature names"):
        converted.predict(table[["twice", "area"]])


def test_settings_are_taken_over():
    sgd = SGD(momentum=0.5, nesterov=False)
    model = numbers(encoder=None, solver=sgd, learning_rate=InvScaling(0.3), alpha=0.1, batch_size=32)
    mlp = to_sklearn(model.fit(X / 100, Y))
    assert (mlp.solver, mlp.momentum, mlp.nesterovs_momentum) == ("sgd", 0.5, False)
    assert (mlp.learning_rate, mlp.power_t, mlp.alpha, mlp.batch_size) == ("invscaling", 0.3, 0.1, 32)
    mlp = to_sklearn(numbers(encoder=None, solver=Adam(beta_1=0.8), learning_rate=Adaptive()).fit(X / 100, Y))
    assert (mlp.solver, mlp.beta_1, mlp.learning_rate) == ("adam", 0.8, "adaptive")
    assert to_sklearn(numbers(encoder=None, solver=LBFGS(max_fun=99)).fit(X / 100, Y)).max_fun == 99


def two_activations(n_in, hidden_layer_sizes, n_out, **settings):
    return Sequential((Dense(n_in, n_out), ReLU()))


class Refusal(NamedTuple):
    name: str
    estimator: Any
    y: Any
    message: str


REFUSED = [
    Refusal("gelu", numbers(activation="gelu"), Y[:, 0], "the layer GELU"),
    Refusal("two kinds", numbers(activation=("relu", "tanh"), hidden_layer_sizes=(3, 3)), Y, r"\(relu, tanh\)"),
    Refusal("layer normalisation", numbers(normalization="layer"), Y, "the layer LayerNorm"),
    Refusal("resnet", numbers(architecture="resnet"), Y, "the layer Residual"),
    Refusal("activation at the end", numbers(architecture=two_activations), Y, "does not end with a Dense layer"),
    Refusal("members", numbers(n_members=2, n_folds=1, numeric_embedding=None), Y, "the layer Members"),
    Refusal("embedded numbers", numbers(numeric_embedding="periodic"), Y, "the layer NumberEmbedding"),
    Refusal("huber", numbers(loss="huber"), Y, r"Huber\(\)"),
    Refusal("gamma", numbers(loss="gamma"), abs(Y), r"Gamma\(\)"),
    Refusal("focal", classes(loss="focal"), THREE, r"Focal\(\)"),
    Refusal("smoothing", classes(loss=LogLoss(0.1)), THREE, "label_smoothing=0.1"),
    Refusal("two targets", classes(), np.column_stack((THREE, THREE > 1)), "several targets"),
]


@by_name(REFUSED)
def test_what_scikit_learn_cannot_compute_is_told(case):
    with pytest.raises(ValueError, match=f"not expressible as scikit-learn's MLP: .*{case.message}"):
        to_sklearn(case.estimator.fit(X, case.y))


def test_the_loss_is_that_of_the_fit():
    model = numbers(loss="huber").fit(X, Y).set_params(loss="squared_error")
    with pytest.raises(ValueError, match="Huber"):
        to_sklearn(model)


def test_wrong_things_are_refused():
    with pytest.raises(NotFittedError):
        to_sklearn(DLRegressor())
    with pytest.raises(NotFittedError):
        from_sklearn(MLPRegressor())
    for function in (to_sklearn, from_sklearn):
        with pytest.raises(TypeError, match="got Pipeline"):
            function(Pipeline([("mlp", MLPRegressor())]))


# ---------------------------------------------------------------- from scikit-learn

Z = (X - X.mean(axis=0)) / X.std(axis=0)
T = Y / 10


def network(cls: type, **settings: Any) -> Any:
    defaults = {"max_iter": 4, "random_state": 0, "alpha": 0.1, "batch_size": N, "shuffle": False}
    return cls(**defaults | settings)


BACK = [
    Case("adam", network(MLPRegressor), Z, T[:, 0]),
    Case("sgd", network(MLPRegressor, solver="sgd", momentum=0.7, nesterovs_momentum=False), Z, T),
    Case("sgd, nesterov", network(MLPRegressor, solver="sgd", learning_rate="invscaling", power_t=0.1), Z, T),
    Case("poisson", network(MLPRegressor, loss="poisson", activation="tanh", hidden_layer_sizes=(5, 4)), Z, abs(T)),
    Case("a number of units", network(MLPRegressor, hidden_layer_sizes=7, activation="identity"), Z, T[:, 0]),
    Case("no hidden layer", network(MLPRegressor, hidden_layer_sizes=()), Z, T[:, 0]),
    Case("two classes", network(MLPClassifier, activation="logistic"), Z, T[:, 0] > 0),
    Case("three classes", network(MLPClassifier), pd.DataFrame(Z, columns=list("abcd")), np.array(list("xyz"))[THREE]),
    Case("labels", network(MLPClassifier), Z, (T > 0).astype(int)),
]


@by_name(BACK)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_from_sklearn_predicts_and_goes_on_as_the_original(case):
    mlp = case.estimator.fit(case.X, case.y)
    model = from_sklearn(mlp)
    assert distance(model, mlp, case.X) < 1e-12
    assert model.n_iter_ == mlp.n_iter_
    assert model.loss_curve_ == mlp.loss_curve_
    assert model.n_layers_ == mlp.n_layers_
    assert model.out_activation_ == mlp.out_activation_
    for _ in range(3):
        before = answers(mlp, case.X)[-1].copy()
        mlp.partial_fit(case.X, case.y)
        model.partial_fit(case.X, case.y)
        assert abs(answers(mlp, case.X)[-1] - before).max() > 1e-6  # it moves
        assert distance(model, mlp, case.X) < 1e-12
    assert model.set_params(warm_start=True, max_iter=2).fit(case.X, case.y).n_iter_ == 9
    assert isinstance(model, DLClassifier) or np.isfinite(model.loss_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_from_sklearn_goes_on_with_the_rate_that_plateaus_left():
    adaptive = {"solver": "sgd", "learning_rate": "adaptive", "tol": 9, "n_iter_no_change": 1}  # falls each epoch
    mlp = network(MLPRegressor, **adaptive).fit(Z, T)
    model = from_sklearn(mlp)
    mlp.partial_fit(Z, T)
    model.partial_fit(Z, T)
    assert distance(model, mlp, Z) < 1e-12
    assert model.history_[-1]["learning_rate"] < 0.001


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_from_sklearn_with_early_stopping_single_precision_and_lbfgs():
    stopped = MLPClassifier(early_stopping=True, max_iter=5, random_state=0).fit(Z, THREE)
    model = from_sklearn(stopped)
    assert model.validation_scores_ == stopped.validation_scores_
    assert distance(model, stopped, Z) < 1e-12
    single = MLPRegressor(max_iter=3, random_state=0).fit(Z.astype(np.float32), T)
    model = from_sklearn(single)
    assert model.network_.values.dtype == np.float32
    assert distance(model, single, Z.astype(np.float32)) < 1e-6
    whole = MLPRegressor(solver="lbfgs", max_iter=20, random_state=0).fit(Z, T)
    model = from_sklearn(whole)
    assert (distance(model, whole, Z), model.loss_) == (0, whole.loss_)
    assert not hasattr(model, "partial_fit")
    assert model.set_params(warm_start=True).fit(Z, T).loss_ < whole.loss_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_there_and_back():
    mlp = MLPClassifier((6, 5), activation="tanh", max_iter=3, random_state=0).fit(Z, THREE)
    again = to_sklearn(from_sklearn(mlp))
    for a, b in zip((*mlp.coefs_, *mlp.intercepts_), (*again.coefs_, *again.intercepts_), strict=True):
        np.testing.assert_array_equal(a, b)
    settings = ("solver", "alpha", "beta_1", "learning_rate_init", "activation", "hidden_layer_sizes", "max_iter")
    assert [getattr(mlp, s) for s in settings] == [getattr(again, s) for s in settings]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_generators_are_not_shared():
    mlp = network(MLPRegressor, random_state=np.random.RandomState(0)).fit(Z, T)
    before = mlp.random_state.get_state()[1].copy()
    model = from_sklearn(mlp)
    converted = to_sklearn(model)
    assert len({id(m.random_state) for m in (mlp, model, converted)}) == 3
    model.partial_fit(Z, T)
    converted.partial_fit(Z, T)
    np.testing.assert_array_equal(mlp.random_state.get_state()[1], before)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_has_no_counterpart_here_is_told():
    one = MLPClassifier(max_iter=2).fit(Z, np.zeros(N))
    with pytest.raises(ValueError, match="at least 2 classes"):
        from_sklearn(one)
    heavy = MLPRegressor(solver="sgd", momentum=1.0, learning_rate_init=1e-9, max_iter=2).fit(Z, T)
    with pytest.raises(ValueError, match="momentum must be a number in"):
        from_sklearn(heavy)
