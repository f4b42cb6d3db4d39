"""What people are used to from other packages, and bring along.

Ctrl-C, and tables, targets and weights as other packages hold them. Each has its own section; where two habits
contradict each other the docstring of the test says which one holds.
"""

from __future__ import annotations

import datetime
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import get_scorer, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.compare import compare_with_linear
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.layers import Activation, LeakyReLU, ReLU, Tanh
from sklearn_dl.rate_finder import find_learning_rate

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, "learning_rate": "constant"}


# ---------------------------------------------------------------- Ctrl-C


class CtrlC:
    """A callback that interrupts one epoch, counted over all fits, and no other."""

    def __init__(self, at=3):
        self.at, self.epochs = at, 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if self.epochs == self.at and context.task_name == "epoch":
            raise KeyboardInterrupt


def interrupted(at=3, **params):
    return DLRegressor(**SMALL | params).set_callbacks(CtrlC(at))


class Twice(RegressorMixin, BaseEstimator):
    """A meta-estimator of somebody's own."""

    def __init__(self, part):
        self.part = part

    def fit(self, X, y):
        self.part_ = clone(self.part).fit(X, y)
        return self

    def predict(self, X):
        return self.part_.predict(X)


TWO = np.column_stack([y, y])
SEVERAL = {
    "grid search": lambda: GridSearchCV(interrupted(), {"alpha": [0.0, 1.0]}, cv=2).fit(X, y),
    "the last fit of a search": lambda: GridSearchCV(interrupted(23), {"alpha": [0.0, 1.0]}, cv=2).fit(X, y),
    "search over a pipeline": lambda: GridSearchCV(
        make_pipeline(StandardScaler(), interrupted()), {"dlregressor__alpha": [0.0, 1.0]}, cv=2
    ).fit(X, y),
    "pipeline of a search": lambda: make_pipeline(
        StandardScaler(), GridSearchCV(interrupted(), {"alpha": [0.0, 1.0]}, cv=2)
    ).fit(X, y),
    "cross-validation": lambda: cross_val_score(interrupted(), X, y, cv=3),
    "own meta-estimator in a search": lambda: cross_val_score(Twice(interrupted()), X, y, cv=3),
    "learning curve": lambda: learning_curve(interrupted(), X, y, cv=3),
    "bagging": lambda: BaggingRegressor(interrupted(), n_estimators=3).fit(X, y),
    "stacking": lambda: StackingRegressor([("net", interrupted()), ("line", Ridge())]).fit(X, y),
    "outputs": lambda: MultiOutputRegressor(interrupted()).fit(X, TWO),
    "chain": lambda: RegressorChain(interrupted()).fit(X, TWO),
    "comparison": lambda: compare_with_linear(interrupted(), X, y, cv=3),
    "minimiser": lambda: minimize_scalar(lambda alpha: -interrupted(alpha=alpha).fit(X, y).score(X, y), (0, 1)),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_ctrl_c_ends_what_fits_more_than_once(name):
    with pytest.raises(KeyboardInterrupt):
        SEVERAL[name]()


ONE = {
    "alone": lambda net: net,
    "pipeline": lambda net: make_pipeline(StandardScaler(), net),
    "pipeline in a pipeline": lambda net: make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), net)),
    "transformed target": lambda net: TransformedTargetRegressor(net, func=np.negative, inverse_func=np.negative),
    "own meta-estimator": Twice,
}


@pytest.mark.parametrize("name", ONE)
def test_ctrl_c_in_a_single_fit_keeps_what_was_learnt(name):
    with pytest.warns(UserWarning, match="training was interrupted"):
        model = ONE[name](interrupted()).fit(X, y)
    expected = ONE[name](DLRegressor(**SMALL | {"max_iter": 3})).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


def test_an_own_loop_ends_by_the_warning():
    """A loop of one's own looks like a single fit, and the fit cannot know; the warning made an error ends it."""
    net = interrupted()
    with pytest.warns(UserWarning, match="interrupted"):
        net.fit(X, y)
    net = interrupted()
    with pytest.raises(UserWarning, match="interrupted"):  # warnings are errors in this suite
        net.fit(X, y)
    assert net.n_iter_ == 3  # and what was learnt is there


def test_what_ctrl_c_ends_inside_a_search_is_still_fitted():
    net = interrupted()
    chain = Chained(net)
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(chain, X, y, cv=2)
    assert net.n_iter_ == 3


class Chained(Twice):
    """Fits its part itself rather than a clone."""

    def fit(self, X, y):
        self.part_ = self.part.fit(X, y)
        return self

    def __sklearn_clone__(self):
        return self


@pytest.mark.parametrize("first", [True, False])
def test_ctrl_c_in_partial_fit_ends_the_stream_and_leaves_the_network_as_it_was(first):
    net = DLRegressor(**SMALL)
    if not first:
        net.partial_fit(X, y)
        before = net.predict(X)
    net.set_callbacks(CtrlC(1))
    with pytest.raises(KeyboardInterrupt):
        net.partial_fit(X, y)
    if first:
        assert not hasattr(net, "fitted_")
    else:
        assert net.n_iter_ == 1
        np.testing.assert_array_equal(net.predict(X), before)


SEARCH = """
    import signal
    import numpy as np
    from sklearn.model_selection import GridSearchCV
    from sklearn_dl import DLRegressor

    if __name__ == "__main__":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background processes ignore it
        X = np.random.default_rng(0).normal(size=(300, 3))
        y = X[:, 0]
        net = DLRegressor(n_members=1, max_iter=100_000, random_state=0, max_time=60)
        print("begun", flush=True)
        GridSearchCV(net, {"alpha": [0, 1e-3, 1e-2]}, cv=3, n_jobs=N_JOBS).fit(X, y)
        print("went on to its end", flush=True)
"""


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_ctrl_c_at_the_terminal_ends_a_search(n_jobs):
    """The signal goes to all processes of the group, as from a terminal."""
    code = textwrap.dedent(SEARCH).replace("N_JOBS", str(n_jobs))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout.readline() == "begun\n"
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    try:
        out, err = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert "went on" not in out
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err


# ---------------------------------------------------------------- errors of other packages

N = 60


def objects(values):
    held = np.empty(len(values), dtype=object)
    held[:] = values
    return held


def a_matrix(X):
    """NumPy's old class, of which NumPy itself warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.matrix(X)


HUGE = 10**400
TABLES = {
    "not computed": pl.DataFrame({"a": range(N)}).lazy(),
    "polars' lists": pl.DataFrame({"a": [[1, 2]] * N}),
    "polars' structs": pl.DataFrame({"a": [{"x": 1}] * N}),
    "polars' objects": pl.DataFrame({"a": pl.Series([object() for _ in range(N)], dtype=pl.Object)}),
    "a series of polars": pl.Series(range(N)),
    "a series of pandas": pd.Series(range(N)),
    "huge ints": objects([HUGE] * N)[:, None],
    "huge ints in a frame": pd.DataFrame({"a": pd.Series([HUGE] * N, dtype=object)}),
    "complex": X + 1j,
    "complex in a frame": pd.DataFrame(X + 1j),
    "complex and sparse": sparse.csr_matrix(X + 1j),
    "intervals": pd.DataFrame({"a": pd.arrays.IntervalArray.from_breaks(range(N + 1)).astype(object)}),
    "lists of lists": pd.DataFrame({"a": objects([[1, 2]] * N)}),
    "sets": pd.DataFrame({"a": objects([{1}] * N)}),
    "names of two types": pd.DataFrame(X, columns=["a", 1, 2]),
    "None": None,
    "a number": 3,
    "text": "abc",
    "a dict": {"a": [1] * N},
    "a list of dicts": [{"a": 1}] * N,
    "a generator": (i for i in range(N)),
    "a set": {1, 2},
    "a function": len,
    "a class": DLRegressor,
    "a matrix": a_matrix(X),
    "ragged": [[1], [1, 2]] * (N // 2),
    "structured": np.zeros(N, dtype=[("a", float), ("b", float)]),
    "raw bytes": np.zeros((N, 2), dtype="V4"),
    "lists in an array": objects([[1]] * N)[:, None],
    "objects in an array": objects([object()] * N)[:, None],
    "dates and numbers in an array": objects([datetime.date(2020, 1, 1), 1.0] * (N // 2))[:, None],
    "no rows": np.zeros((0, 3)),
    "one axis": np.arange(float(N)),
    "three axes": np.zeros((N, 2, 2)),
}
if parse_version(scipy.__version__) >= parse_version("1.15"):
    TABLES["sparse of three axes"] = sparse.coo_array((np.ones(2), ([0, 1], [0, 1], [0, 1])), shape=(N, 2, 2))
    TABLES["sparse of one axis"] = sparse.coo_array(np.arange(3.0))
TARGETS = {
    "a huge int": [HUGE] * N,
    "one huge int": [1.0] * (N - 1) + [HUGE],
    "128 bits": pl.Series(range(N)).cast(pl.Int128),
    "lists of polars": pl.Series([[1, 2]] * N),
    "complex": y + 1j,
    "a dict": {"a": 1},
    "a set": set(range(N)),
    "a generator": (i for i in range(N)),
    "ragged": [[1], [1, 2]] * (N // 2),
    "lists": objects([[1]] * N),
    "sets": objects([{1}, {2}] * (N // 2)),
    "objects": [object() for _ in range(N)],
    "bytes": [b"a", b"b"] * (N // 2),
    "intervals": pd.Series(pd.cut(np.arange(N), 3)),
    "dates": objects([datetime.date(2020, 1, 1 + i % 2) for i in range(N)]),
    "raw bytes": np.zeros(N, "V4"),
    "a list too short": [1, 2],
    "a function": len,
}
WEIGHTS = {
    "text": ["a"] * N,
    "one text": "balanced",
    "huge ints": [HUGE] * N,
    "complex": np.ones(N) + 1j,
    "objects": [object()] * N,
    "a dict": {},
    "a set": set(range(N)),
    "a generator": (i for i in range(N)),
    "ragged": [[1], [1, 2]] * (N // 2),
    "sparse": sparse.csr_matrix(np.ones((N, 1))),
    "text of polars": pl.Series(["a"] * N),
    "dates": objects([datetime.date(2020, 1, 1)] * N),
    "two columns": np.ones((N, 2)),
}


def tells_in_one_sentence(call, name):
    with pytest.raises(ValueError, match=rf"\b{name}\b") as caught:
        call()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 600
    assert sentence.endswith((".", "!"))
    assert type(caught.value).__module__.partition(".")[0] in ("builtins", "sklearn_dl")


@pytest.mark.parametrize("encoder", ["auto", None])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_cannot_be_read(name, encoder):
    table = TABLES[name]
    named = "X|column|array|container"  # scikit-learn's own sentences speak of an array
    tells_in_one_sentence(lambda: DLRegressor(**SMALL, encoder=encoder).fit(table, y), named)
    for seen in (X, pd.DataFrame({"a": X[:, 0]})):
        model = DLRegressor(**SMALL, encoder=encoder).fit(seen, y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that are not there
            tells_in_one_sentence(lambda model=model: model.predict(table), named)


PANIC = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})  # as polars' Rust has it
TIMEOUT = type("Timeout", (BaseException,), {})  # as people raise from a signal's handler


@pytest.mark.parametrize("kind", [RuntimeError, PANIC, TIMEOUT, KeyboardInterrupt, MemoryError])
def test_what_another_package_raises_is_told_unless_it_ends_the_program(kind):
    class Broken(pd.DataFrame):
        dtypes = property(lambda self: self.fail())

        def fail(self):
            raise kind("no columns today")

    told = kind in (RuntimeError, PANIC)
    with pytest.raises(ValueError if told else kind, match=r"^X must be .*\(no columns today\)\.$" if told else "no"):
        DLRegressor(**SMALL).fit(Broken(X), y)


def test_a_table_that_the_encoder_or_the_rate_finder_cannot_read():
    for table in (TABLES["a dict"], TABLES["huge ints"]):
        tells_in_one_sentence(lambda table=table: TableEncoder().fit(table), "X|column|array")
        tells_in_one_sentence(lambda table=table: find_learning_rate(DLRegressor(**SMALL), table, y), "X|column|array")


@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_cannot_be_read(name, estimator):
    target, right = TARGETS[name], (y > 0).astype(int)
    model = estimator(**SMALL).fit(X, right)
    named = "y|label|labels|classes"
    tells_in_one_sentence(lambda: estimator(**SMALL).fit(X, target), named)
    tells_in_one_sentence(lambda: estimator(**SMALL).fit(X, right, X_val=X, y_val=target), named)
    tells_in_one_sentence(lambda: model.score(X, target), "y")
    if hasattr(model, "partial_fit"):
        tells_in_one_sentence(lambda: model.partial_fit(X, target), named)


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_cannot_be_read(name):
    weight, named = WEIGHTS[name], "sample_weight|weights"
    tells_in_one_sentence(lambda: DLRegressor(**SMALL).fit(X, y, weight), named)
    tells_in_one_sentence(lambda: DLRegressor(**SMALL).fit(X, y).score(X, y, weight), named)
    tells_in_one_sentence(lambda: DLClassifier(**SMALL).fit(X, y > 0).score(X, y > 0, weight), named)


@pytest.mark.parametrize(
    "classes",
    [[object(), object()], [[1], [2, 3]], [None, 1], 3, {"a": 1}],
    ids=["objects", "ragged", "mixed", "a number", "a dict"],
)
def test_classes_that_cannot_be_read(classes):
    known = DLClassifier(**SMALL).partial_fit(X, y > 0)
    tells_in_one_sentence(lambda: known.partial_fit(X, y > 0, classes=classes), "classes")
    tells_in_one_sentence(lambda: DLClassifier(**SMALL).partial_fit(X, y > 0, classes=classes), "classes|labels|y")


@pytest.mark.parametrize("name", ["alpha", "learning_rate_init", "max_iter", "batch_size", "clip_norm"])
def test_a_parameter_that_no_number_of_numpy_holds(name):
    tells_in_one_sentence(lambda: DLRegressor(**SMALL | {name: HUGE}).fit(X, y), name)


# ---------------------------------------------------------------- decision_function, the best score

C = np.array(["low", "middle", "high"])[np.digitize(y, [-1.0, 1.0])]
LABELS = np.column_stack([y > 0, X[:, 0] > 0, X[:, 1] > 0]).astype(int)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_decisions_have_the_shapes_of_scikit_learn_and_mean_the_probabilities(n_members, loss):
    params = SMALL | {"n_members": n_members, "loss": loss}
    two = DLClassifier(**params).fit(X, y > 0)
    assert two.decision_function(X).shape == (60,)
    np.testing.assert_array_equal(two.decision_function(X) > 0, two.predict(X))
    np.testing.assert_allclose(expit(two.decision_function(X)), two.predict_proba(X)[:, 1], rtol=1e-6)
    three = DLClassifier(**params).fit(X, C)
    assert three.decision_function(X).shape == (60, 3)
    np.testing.assert_allclose(softmax(three.decision_function(X), axis=1), three.predict_proba(X), rtol=1e-6)
    labels = DLClassifier(**params).fit(X, LABELS)
    assert labels.decision_function(X).shape == (60, 3)
    np.testing.assert_allclose(expit(labels.decision_function(X)), labels.predict_proba(X), rtol=1e-6)
    several = DLClassifier(**params).fit(X, np.column_stack([C, np.where(y > 0, "yes", "no")]))
    assert [d.shape for d in several.decision_function(X)] == [(60, 3), (60,)]
    np.testing.assert_allclose(expit(several.decision_function(X)[1]), several.predict_proba(X)[1][:, 1], rtol=1e-6)


def test_calibration_and_scorers_use_the_decisions():
    model = DLClassifier(**SMALL | {"max_iter": 30}).fit(X, y > 0)
    assert roc_auc_score(y > 0, model.decision_function(X)) == get_scorer("roc_auc")(model, X, y > 0)
    for target in (y > 0, C):
        calibrated = CalibratedClassifierCV(DLClassifier(**SMALL | {"max_iter": 30}), cv=2).fit(X, target)
        assert calibrated.score(X, target) > 0.6
        np.testing.assert_allclose(calibrated.predict_proba(X).sum(axis=1), 1)
    assert OneVsRestClassifier(DLClassifier(**SMALL | {"max_iter": 30})).fit(X, C).score(X, C) > 0.6


def test_the_best_validation_score():
    model = DLRegressor(**SMALL | {"max_iter": 20}, scoring="r2").fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_validation_score_ == pytest.approx(model.score(X[40:], y[40:]), rel=1e-12)
    assert DLRegressor(**SMALL).fit(X, y).best_validation_score_ is None
    assert DLRegressor(**SMALL).fit(X, y, X_val=X, y_val=y).best_validation_score_ is None


# ---------------------------------------------------------------- an activation of one's own


@dataclass(frozen=True)
class Squared(Activation):
    """y = max(x, 0)²"""

    gain: ClassVar[float] = 0.8165

    def apply(self, x, y, k):
        np.maximum(x, 0, out=y)
        y *= y

    def derivative(self, d, k):
        np.maximum(k.x, 0, out=d)
        d *= 2


def test_an_activation_object_is_the_name():
    named = DLRegressor(**SMALL, activation="tanh").fit(X, y)
    given = DLRegressor(**SMALL, activation=Tanh()).fit(X, y)
    np.testing.assert_array_equal(named.predict(X), given.predict(X))
    sizes = SMALL | {"hidden_layer_sizes": (6, 5)}
    named = DLRegressor(**sizes, activation=("tanh", "relu")).fit(X, y)
    given = DLRegressor(**sizes, activation=["tanh", ReLU()]).fit(X, y)
    np.testing.assert_array_equal(named.predict(X), given.predict(X))


@pytest.mark.parametrize("activation", [Squared(), LeakyReLU(0.5), ["relu", Squared()]], ids=["own", "slope", "both"])
@pytest.mark.parametrize("architecture", ["mlp", "resnet"])
@pytest.mark.parametrize("n_members", [1, 3])
def test_an_activation_of_ones_own_trains_and_travels(activation, architecture, n_members):
    params = SMALL | {"hidden_layer_sizes": (8, 8), "max_iter": 60, "n_members": n_members, "learning_rate_init": 0.01}
    model = DLRegressor(**params, activation=activation, architecture=architecture).fit(X, y)
    assert model.score(X, y) > 0.8
    assert clone(model).get_params()["activation"] == activation
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    search = GridSearchCV(DLRegressor(**SMALL), {"activation": ["relu", Tanh()]}, cv=2).fit(X, y)
    assert search.best_params_["activation"] in ("relu", Tanh())


def test_the_gain_of_ones_own_decides_the_weights_after_it():
    after = DLRegressor(**SMALL, activation=Squared()).fit(X, y).network_.layer.children[-1]
    assert after.gain == Squared.gain
    assert LeakyReLU(0.5).gain == pytest.approx(np.sqrt(2 / 1.25), abs=1e-4)
    with pytest.raises(ValueError, match=r"^LeakyReLU: slope must be a number in \[0, 1\); got 2\.$"):
        LeakyReLU(2)


def test_a_checkpoint_takes_the_object_for_the_name(tmp_path):
    """And goes on with the one where the other was."""
    path = tmp_path / "fit"
    params = SMALL | {"max_iter": 6}
    part = DLRegressor(**params, activation="tanh").set_callbacks(Checkpoint(path), CtrlC(3))
    with pytest.warns(UserWarning, match="interrupted"):
        part.fit(X, y)
    whole = DLRegressor(**params, activation=Tanh()).fit(X, y, resume_from=path)
    np.testing.assert_array_equal(whole.predict(X), DLRegressor(**params, activation="tanh").fit(X, y).predict(X))
    with pytest.raises(ValueError, match="activation"):
        DLRegressor(**params, activation=LeakyReLU(0.1)).fit(X, y, resume_from=path)


# ---------------------------------------------------------------- several scorers, callbacks that act, and streams

TRAIN, HELD = slice(0, 40), slice(40, 60)


def spread(model, X, y):
    return float(np.std(model.predict(X)))


def held_out_fit(scoring, **params):
    model = DLRegressor(**SMALL | {"max_iter": 12} | params, scoring=scoring)
    return model.fit(X[TRAIN], y[TRAIN], X_val=X[HELD], y_val=y[HELD])


def test_several_scorers_are_recorded_and_the_first_decides():
    one = held_out_fit("r2")
    several = held_out_fit(["r2", "neg_mean_absolute_error", spread, "explained_variance"])
    np.testing.assert_array_equal(one.predict(X), several.predict(X))
    names = {
        "validation_score",
        "validation_neg_mean_absolute_error",
        "validation_spread",
        "validation_explained_variance",
    }
    for record, alone in zip(several.history_, one.history_, strict=True):
        assert record["validation_score"] == alone["validation_score"]
        assert names <= record.keys()
    last = several.history_[several.best_epoch_ - 1]
    expected = get_scorer("neg_mean_absolute_error")(several, X[HELD], y[HELD])
    assert last["validation_neg_mean_absolute_error"] == pytest.approx(expected)


def test_scorers_beside_the_loss_change_nothing():
    loss, beside = held_out_fit("loss"), held_out_fit(("loss", "r2"))
    np.testing.assert_array_equal(loss.predict(X), beside.predict(X))
    assert beside.best_epoch_ == loss.best_epoch_
    assert beside.validation_scores_ is None
    assert all("validation_r2" in record and "validation_score" not in record for record in beside.history_)


def loss(model, X, y):
    return -1.0


def test_scorers_never_take_the_place_of_what_is_watched():
    plain, several = held_out_fit("r2"), held_out_fit(["r2", None, loss])
    assert several.validation_loss_curve_ == plain.validation_loss_curve_
    assert several.validation_scores_ == plain.validation_scores_
    assert [record["validation_own_loss"] for record in several.history_] == [-1.0] * 12
    assert [record["validation_own_score"] for record in several.history_] == several.validation_scores_


class Acts:
    """Calls a function with the fit under way at the end of each epoch."""

    def __init__(self, function):
        self.function = function

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        return context.task_name == "epoch" and bool(self.function(fitted_estimator))


@pytest.mark.parametrize("solver", ["adamw", "sgd"])
def test_a_callback_may_change_the_rate(solver):
    def halve(now):
        if now.n_iter_ % 2 == 0:
            now.training_.fitted.state.rate_factor /= 2

    net = DLRegressor(**SMALL | {"max_iter": 6}, solver=solver, learning_rate_init=0.01).set_callbacks(Acts(halve))
    rates = [record["learning_rate"] for record in net.fit(X, y).history_]
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025])


def test_a_callback_may_read_the_record_and_stop_on_a_plateau_of_the_training_loss():
    def plateau(now):
        losses = now.loss_curve_
        return len(losses) > 5 and min(losses[-5:]) > 0.999 * min(losses[:-5])

    params = SMALL | {"max_iter": 500, "learning_rate_init": 0.05}
    model = DLRegressor(**params).set_callbacks(Acts(plateau)).fit(X, y)
    assert 5 < model.n_iter_ < 500


def test_the_record_of_a_stream_stays_small(monkeypatch):
    monkeypatch.setattr("sklearn_dl._training.monitor.LAST", 20)
    model, sizes = DLRegressor(**SMALL), []
    for _ in range(60):
        sizes.append(len(pickle.dumps(model.partial_fit(X, y))))
    assert sizes[59] - sizes[29] < 50
    assert model.n_iter_ == 60
    assert [record["epoch"] for record in model.history_] == list(range(41, 61))
    assert "60 epochs" in model._repr_html_()


def test_a_wrapper_that_copies_what_ends_in_an_underscore():
    """All that was fitted is in the record, `fitted_`, and all attributes follow from it."""
    fitted = DLClassifier(**SMALL).fit(pd.DataFrame(X, columns=list("abc")), C)
    copied = DLClassifier(**SMALL)
    for name, value in vars(fitted).items():
        if name.endswith("_"):
            setattr(copied, name, value)
    frame = pd.DataFrame(X, columns=list("abc"))
    np.testing.assert_array_equal(copied.predict(frame), fitted.predict(frame))
    np.testing.assert_array_equal(copied.classes_, fitted.classes_)
    assert copied.loss_curve_ == fitted.loss_curve_
    assert list(copied.feature_names_in_) == list("abc")
    np.testing.assert_array_equal(copied.coefs_[0], fitted.coefs_[0])

    class Wrapper:
        """Looks at names rather than at the instance's own, as a property is none of these."""

        def __init__(self, inner):
            for name in dir(inner):
                if name.endswith("_") and not name.startswith("_") and hasattr(inner, name):
                    setattr(self, name, getattr(inner, name))

    assert {"classes_", "coefs_", "loss_curve_", "n_iter_", "history_"} <= vars(Wrapper(fitted)).keys()
