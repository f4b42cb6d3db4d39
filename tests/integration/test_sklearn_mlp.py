"""scikit-learn's own tests of its network, run on ours through an adapter that maps arguments and changes nothing else.

The file of tests comes with scikit-learn. A test that does not pass stands in a table, with the difference that it
meets, and must go on failing.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.schedules import InvScaling
from sklearn_dl.solvers import LBFGS, SGD, Adam

SOURCE = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
SAME = [
    "activation", "alpha", "early_stopping", "hidden_layer_sizes", "learning_rate_init", "max_iter", "n_iter_no_change",
    "random_state", "shuffle", "tol", "validation_fraction", "verbose", "warm_start",
]  # fmt: skip
FIXED = {  # what scikit-learn's network does, in our words
    "n_members": 1, "n_folds": 1, "encoder": None, "numeric_embedding": None, "dropout": 0.0, "scoring": None,
}  # fmt: skip


def ours(estimator: type, theirs: type, given: dict[str, Any]) -> Any:
    """Our estimator with the settings that an MLP of these arguments would have."""
    bound = inspect.signature(theirs).bind(**given)
    bound.apply_defaults()
    a = bound.arguments
    solvers = {
        "sgd": lambda: SGD(a["momentum"], a["nesterovs_momentum"]),
        "adam": lambda: Adam(a["beta_1"], a["beta_2"], a["epsilon"]),
        "lbfgs": lambda: LBFGS(a["max_fun"]),
    }
    params = FIXED | {name: a[name] for name in SAME}
    params["solver"] = solvers[a["solver"]]()
    schedule = a["learning_rate"] if a["solver"] == "sgd" else "constant"  # there only SGD has one
    params["learning_rate"] = InvScaling(a["power_t"]) if schedule == "invscaling" else schedule
    params["batch_size"] = 200 if a["batch_size"] == "auto" else a["batch_size"]
    if estimator is DLRegressor:
        params |= {"loss": a["loss"], "scale_target": False}
    return estimator(**params)


def MLPClassifier(**given: Any) -> DLClassifier:  # noqa: N802
    return ours(DLClassifier, sklearn.neural_network.MLPClassifier, given)


def MLPRegressor(**given: Any) -> DLRegressor:  # noqa: N802
    return ours(DLRegressor, sklearn.neural_network.MLPRegressor, given)


def their_tests() -> dict[str, Any]:
    source = SOURCE.read_text(encoding="utf-8")
    assert source.count(IMPORT) == 1
    namespace: dict[str, Any] = {"__name__": __name__, "MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
    exec(compile(source.replace(IMPORT, ""), str(SOURCE), "exec"), namespace)
    return {name: value for name, value in namespace.items() if name.startswith("test_")}


TESTS = their_tests()
globals().update(TESTS)

# ---------------------------------------------------------------- what differs, and why

PRIVATE = "reads private attributes of scikit-learn's network; a test below asks the same of public ones"
RUNS_ON = (
    "early_stopping=False runs to max_iter, which a schedule needs to know, and neither stops at a plateau of the "
    "training loss nor warns of max_iter"
)
WARM = "warm_start goes on for max_iter epochs more, and n_iter_ counts the network's whole life"
HELD_OUT = "where a validation set would be too small a warning says so, and the training loss is watched"
DIFFERENCES = {
    "test_fit": PRIVATE,
    "test_gradient": "calls a private method; tests/test_layers.py holds each gradient against central differences",
    "test_learning_rate_warmstart": PRIVATE,
    "test_n_iter_no_change": RUNS_ON,
    "test_n_iter_no_change_inf": PRIVATE,
    "test_tolerance": RUNS_ON,
    "test_adaptive_learning_rate": RUNS_ON,
    "test_mlp_warm_start_no_convergence[sgd-MLPClassifier]": RUNS_ON,
    "test_mlp_warm_start_no_convergence[sgd-MLPRegressor]": RUNS_ON,
    "test_mlp_warm_start_no_convergence[adam-MLPClassifier]": RUNS_ON,
    "test_mlp_warm_start_no_convergence[adam-MLPRegressor]": RUNS_ON,
    "test_mlp_warm_start_no_convergence[lbfgs-MLPClassifier]": WARM,
    "test_mlp_warm_start_no_convergence[lbfgs-MLPRegressor]": WARM,
    "test_warm_start_full_iteration[MLPClassifier]": WARM,
    "test_warm_start_full_iteration[MLPRegressor]": WARM,
    "test_nonfinite_params": "a loss that is not finite ends the training with a warning, and a finite network stays",
    "test_mlp_diverging_loss": "a loss that is not finite ends the training, and no epoch has a score of NaN",
    "test_verbose_sgd": "verbose=10 prints a line of another form, which says epoch and not Iteration",
    "test_early_stopping[MLPClassifier]": "best_loss_ is a number with early stopping, too: the lowest validation loss",
    "test_early_stopping[MLPRegressor]": "best_loss_ is a number with early stopping, too: the lowest validation loss",
    "test_warm_start": "rows of some of the classes may follow, as a fold or a chunk need not hold them all",
    "test_early_stopping_stratified": HELD_OUT,
    "test_minimum_input_sample_size": HELD_OUT,
    "test_preserve_feature_names[MLPRegressor]": HELD_OUT,
    "test_preserve_feature_names[MLPClassifier]": "a single class is refused",
    "test_mlp_param_dtypes[MLPClassifier-float32]": "dtype decides the precision, not that of X",
    "test_mlp_param_dtypes[MLPRegressor-float32]": "dtype decides the precision, not that of X",
    "test_mlp_partial_fit_after_fit[MLPClassifier]": "partial_fit ignores early stopping, as its docstring says",
    "test_mlp_partial_fit_after_fit[MLPRegressor]": "partial_fit ignores early stopping, as its docstring says",
}

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(name="global_random_seed")
def fixed_seed() -> int:
    return 42


@pytest.fixture(autouse=True)
def difference(request: pytest.FixtureRequest) -> None:
    """A test that stands in the table must fail."""
    reason = DIFFERENCES.get(request.node.name)
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def test_the_table_names_tests_that_there_are(request):
    there = {item.name for item in request.session.items if item.path == request.path}
    if set(TESTS) <= {name.partition("[")[0] for name in there}:  # not a selection of them
        assert set(DIFFERENCES) <= there


# ---------------------------------------------------------------- the same by public attributes, or what holds here

IRIS = load_iris(return_X_y=True)


def test_a_worked_example():
    """The figures of scikit-learn's `test_fit`: one step of gradient descent, computed by hand there."""
    X, y = np.array([[0.6, 0.8, 0.7]]), np.array([0])
    model = MLPClassifier(
        solver="sgd", learning_rate_init=0.1, alpha=0.1, activation="logistic", hidden_layer_sizes=2, momentum=0
    ).partial_fit(X, y, classes=[0, 1])
    model.coefs_ = [np.array([[0.1, 0.2], [0.3, 0.1], [0.5, 0]]), np.array([[0.1], [0.2]])]
    model.intercepts_ = [np.array([0.1, 0.1]), np.array([1.0])]
    model.partial_fit(X, y)
    by_hand = [
        (model.coefs_[0], [[0.098, 0.195756], [0.2956664, 0.096008], [0.4939998, -0.002244]]),
        (model.coefs_[1], [[0.04706], [0.154089]]),
        (model.intercepts_[0], [0.098333, 0.09626]),
        (model.intercepts_[1], [0.9235]),
    ]
    for found, wanted in by_hand:
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3)
    assert model.predict_proba(X)[0, 1] == pytest.approx(0.739, abs=1e-3)


def test_rates_go_on_with_a_warm_start():
    X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    for schedule, second in (("constant", 0.001), ("invscaling", 0.001 / (4 + 1) ** 0.25)):
        model = MLPClassifier(solver="sgd", learning_rate=schedule, max_iter=1, power_t=0.25, warm_start=True)
        model.fit(X, y).fit(X, y)
        assert [record["learning_rate"] for record in model.history_] == pytest.approx([0.001, second])


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_a_warm_start_goes_on_for_max_iter_epochs(estimator, solver):
    model = estimator(solver=solver, warm_start=True, max_iter=10, random_state=0).fit(*IRIS)
    assert model.n_iter_ == 10
    assert model.set_params(max_iter=20).fit(*IRIS).n_iter_ == 30


def test_the_adaptive_rate_falls_to_its_least():
    model = MLPClassifier(tol=0.5, max_iter=300, solver="sgd", learning_rate="adaptive")
    model.fit([[3, 2], [1, 6]], [1, 0])
    assert model.n_iter_ == 300
    assert model.history_[-1]["learning_rate"] < 1e-6


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_patience_counts_epochs_of_the_validation(estimator):
    """scikit-learn waits for one epoch more."""
    model = estimator(tol=1e9, max_iter=300, n_iter_no_change=7, early_stopping=True, random_state=0).fit(*IRIS)
    assert model.n_iter_ == 1 + 7
    assert model.validation_scores_[model.best_epoch_ - 1] == max(model.validation_scores_)
    assert model.best_loss_ == min(model.validation_loss_curve_)
    unwatched = estimator(tol=1e9, max_iter=30, n_iter_no_change=7, random_state=0).fit(*IRIS)
    assert (unwatched.n_iter_, unwatched.validation_scores_) == (30, None)


def test_a_loss_that_is_not_finite_warns():
    X = np.finfo(np.float64).max * np.random.default_rng(0).uniform(size=(10, 2))
    with pytest.warns(ConvergenceWarning, match="the loss was no longer finite"):
        MLPRegressor().fit(X, np.arange(10.0))
    model = MLPRegressor(
        activation="identity", solver="sgd", learning_rate_init=1, max_iter=20, early_stopping=True, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="the loss was no longer finite"):
        model.fit(*IRIS)
    assert np.isfinite(model.predict(IRIS[0])).all()


def test_a_warm_start_keeps_its_classes():
    X, y = IRIS
    model = MLPClassifier(hidden_layer_sizes=2, solver="lbfgs", warm_start=True, random_state=0).fit(X, y)
    assert model.fit(X, np.arange(150) % 2).classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"y contains classes that are not among \[0, 1, 2\]: \[3\]"):
        model.fit(X, np.arange(150) % 4)


def test_too_few_rows_to_hold_out_are_told():
    for estimator, y, reason in (
        (MLPClassifier, [0, 0, 0, 1], "it would hold 1 of 4 rows, of 2 classes"),
        (MLPRegressor, [0, 1, 2, 3], "it would hold 1 of 4 rows"),
    ):
        with pytest.warns(UserWarning, match=f"watches the training loss: .* because {reason}"):
            estimator(early_stopping=True, max_iter=5).fit([[1, 2], [2, 3], [3, 4], [4, 5]], y)


def test_partial_fit_after_early_stopping_is_one_more_epoch():
    model = MLPClassifier(early_stopping=True, max_iter=5, random_state=0).fit(*IRIS)
    assert model.partial_fit(*IRIS).n_iter_ == 6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_precision_is_a_parameter(dtype):
    model = MLPRegressor(max_iter=2).set_params(dtype=dtype).fit(*IRIS)
    assert {array.dtype for array in (*model.coefs_, *model.intercepts_)} == {np.dtype(dtype)}
    assert model.predict(IRIS[0]).dtype == np.float64
