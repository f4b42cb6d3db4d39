"""How a fit runs and goes on: the same bits again, `partial_fit` and `warm_start`.

Bits are compared wherever two routes are the same work.
"""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.losses import Huber
from sklearn_dl.solvers import SGD, AdamW

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * rng.normal(size=90)
c = np.digitize(y, [-1.0, 1.0])
TARGET = {DLRegressor: y, DLClassifier: c}
SMALL = {"hidden_layer_sizes": (7,), "batch_size": 20, "max_iter": 5, "random_state": 0}

both = pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
CONFIGURATIONS = {
    "default": {},
    "float32": {"dtype": "float32"},
    "sgd": {"solver": "sgd"},
    "adam, no shuffle": {"solver": "adam", "shuffle": False},
    "rmsprop": {"solver": "rmsprop"},
    "dropout": {"dropout": 0.3},
    "batch norm": {"normalization": "batch"},
    "resnet": {"architecture": "resnet", "normalization": "layer", "hidden_layer_sizes": (7, 5)},
    "linear": {"hidden_layer_sizes": ()},
    "full batch": {"batch_size": None, "clip_norm": 0.1, "alpha": 0.1},
}
over_configurations = pytest.mark.parametrize("name", CONFIGURATIONS)


def same_bits(a, b):
    """Whether two fitted estimators learnt the same bits, over the same course."""
    drop_seconds = [[{k: v for k, v in r.items() if k != "seconds"} for r in m.history_] for m in (a, b)]
    return (
        a.network_.values.tobytes() == b.network_.values.tobytes()
        and a.network_.values.dtype == b.network_.values.dtype
        and drop_seconds[0] == drop_seconds[1]
    )


# ---------------------------------------------------------------- the same bits again

SCRIPT = """
import hashlib, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from tests.test_fit import CONFIGURATIONS, SMALL, TARGET, X
for name, extra in CONFIGURATIONS.items():
    for estimator, target in TARGET.items():
        model = estimator(**SMALL | extra, early_stopping=True, validation_fraction=0.3).fit(X, target)
        print(hashlib.sha256(model.network_.values.tobytes()).hexdigest())
"""


def test_a_fresh_process_gives_the_same_bits():
    root = str(Path(__file__).parents[1])
    runs = [
        subprocess.run([sys.executable, "-c", SCRIPT, root], capture_output=True, text=True, check=True, timeout=100)
        for _ in range(2)
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(set(runs[0].stdout.split())) == 2 * len(CONFIGURATIONS)


@both
@over_configurations
def test_the_same_seed_gives_the_same_bits(estimator, name):
    model = estimator(**SMALL | CONFIGURATIONS[name]).fit(X, TARGET[estimator])
    unfitted = pickle.loads(pickle.dumps(clone(model)))
    again = [clone(model), unfitted, copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model]
    first = copy.deepcopy(model)
    for other in again:
        assert same_bits(first, other.fit(X, TARGET[estimator]))


@both
def test_a_pickle_predicts_and_goes_on_with_the_same_bits(estimator):
    model = estimator(**SMALL).partial_fit(X, TARGET[estimator])
    read = pickle.loads(pickle.dumps(model))
    assert read.predict(X).tobytes() == model.predict(X).tobytes()
    assert same_bits(read.partial_fit(X, TARGET[estimator]), model.partial_fit(X, TARGET[estimator]))


@both
def test_other_seeds_give_other_networks(estimator):
    values = {
        estimator(**SMALL | {"random_state": seed}).fit(X, TARGET[estimator]).network_.values.tobytes()
        for seed in (None, None, 0, 1)
    }
    assert len(values) == 4


def test_a_random_state_object_moves_on():
    state = np.random.RandomState(0)
    models = [DLRegressor(**SMALL | {"random_state": state}).fit(X, y) for _ in range(2)]
    assert not same_bits(*models)
    assert same_bits(models[0], DLRegressor(**SMALL | {"random_state": np.random.RandomState(0)}).fit(X, y))


@both
def test_sixteen_threads_predict_like_one(estimator):
    table, labels = load_digits(return_X_y=True)
    model = estimator(hidden_layer_sizes=(50, 50), normalization="batch", max_iter=2, random_state=0)
    model.fit(table, labels)
    parts = [table[i::16] for i in range(16)]
    alone = [model.predict(part).tobytes() for part in parts]
    wrong, start = [], threading.Barrier(16)

    def work(i):
        start.wait()
        wrong.extend(i for _ in range(8) if model.predict(parts[i]).tobytes() != alone[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---------------------------------------------------------------- partial_fit


@both
@over_configurations
def test_calls_of_partial_fit_are_a_fit(estimator, name):
    params = SMALL | {"learning_rate": "constant"} | CONFIGURATIONS[name]
    model = estimator(**params | {"max_iter": 99})
    for _ in range(4):
        model.partial_fit(X, TARGET[estimator])
    assert same_bits(model, estimator(**params | {"max_iter": 4}).fit(X, TARGET[estimator]))


def test_partial_fit_keeps_the_first_encoder_scale_and_precision():
    model = DLRegressor(**SMALL).partial_fit(X, y)
    center, scale = model.encoder_.center_.copy(), model.encoder_.scale_.copy()
    before = model.predict(X)
    model.partial_fit((1000 * X[:5]).astype(np.float32), 1000 * y[:5])
    np.testing.assert_array_equal(model.encoder_.center_, center)
    np.testing.assert_array_equal(model.encoder_.scale_, scale)
    assert model.network_.values.dtype == np.float64
    assert not np.allclose(model.predict(X), before)


def test_partial_fit_ignores_early_stopping():
    with pytest.warns(UserWarning, match="early_stopping=True has no effect"):
        model = DLRegressor(**SMALL, early_stopping=True).partial_fit(X, y)
    assert model.validation_loss_curve_ is None
    assert same_bits(model, DLRegressor(**SMALL).partial_fit(X, y))


def test_a_stream_is_warned_once_of_what_has_no_effect():
    model = DLClassifier(**SMALL, early_stopping=True, class_weight={0: 2.0, 7: 3.0})
    with (
        pytest.warns(UserWarning, match="early_stopping=True has no effect"),
        pytest.warns(UserWarning, match=r"class_weight names classes .*: \[7\]; they have no effect"),
    ):
        model.partial_fit(X, c)
    model.partial_fit(X, c).partial_fit(X, c)  # a warning would be an error


def test_partial_fit_takes_weights():
    plain = SMALL | {"batch_size": None, "n_members": 1}
    doubled = DLRegressor(**plain).partial_fit(np.r_[X, X[:30]], np.r_[y, y[:30]])
    weighted = DLRegressor(**plain)
    weighted.partial_fit(X, y, sample_weight=np.where(np.arange(90) < 30, 2.0, 1.0))
    np.testing.assert_allclose(weighted.predict(X), doubled.predict(X), rtol=1e-9)


def test_partial_fit_with_classes_takes_batches_that_lack_some():
    model = DLClassifier(**SMALL)
    for label in (0, 1, 2):
        model.partial_fit(X[c == label], c[c == label], classes=[2, 1, 0])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X).shape == (90, 3)


def test_partial_fit_with_class_weights_takes_batches_that_lack_some():
    """A weight for a class that a later batch lacks, or none for one that it has, is no error."""
    model = DLClassifier(**SMALL, class_weight={0: 2.0, 1: 3.0}).partial_fit(X, c)
    weights = np.where(c[c != 1] == 0, 2.0, 1.0)
    reference = copy.deepcopy(model).set_params(class_weight=None)
    model.partial_fit(X[c != 1], c[c != 1])
    assert same_bits(model, reference.partial_fit(X[c != 1], c[c != 1], sample_weight=weights))


@pytest.mark.parametrize(
    ("y", "classes"),
    [(np.c_[c, c > 0], [[0, 1, 2], [0, 1]]), (np.c_[c > 0, c > 1].astype(int), None)],
    ids=["multioutput", "multilabel"],
)
def test_partial_fit_of_several_targets(y, classes):
    model = DLClassifier(**SMALL).partial_fit(X[:9], y[:9], classes=classes).partial_fit(X, y, classes=classes)
    assert model.predict(X).shape == (90, 2)
    assert model.n_iter_ == 2


# ---------------------------------------------------------------- warm_start


@both
@over_configurations
def test_two_warm_fits_are_one_long_fit(estimator, name):
    params = SMALL | {"learning_rate": "constant"} | CONFIGURATIONS[name]
    model = estimator(**params, warm_start=True)
    first = model.fit(X, TARGET[estimator]).network_
    values = first.values.copy()
    model.fit(X, TARGET[estimator])
    assert same_bits(model, estimator(**params | {"max_iter": 10}).fit(X, TARGET[estimator]))
    np.testing.assert_array_equal(first.values, values)  # a network that was taken out is not trained on


def test_without_warm_start_a_second_fit_begins_anew():
    model = DLRegressor(**SMALL).fit(X, y)
    assert same_bits(copy.deepcopy(model), model.fit(X, y))


def test_warm_start_takes_another_rate_and_solver():
    model = DLRegressor(**SMALL, warm_start=True, solver=AdamW()).fit(X, y)
    model.set_params(learning_rate_init=1e-9, learning_rate="constant", solver__weight_decay=0.0)
    before = model.predict(X)
    np.testing.assert_allclose(model.fit(X, y).predict(X), before, rtol=1e-4, atol=1e-5)
    model.set_params(learning_rate_init=0.05, solver=SGD(), max_iter=60).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.n_iter_ == 70


def test_another_solver_begins_with_its_own_first_step():
    """Adam's first step after L-BFGS is as long as its first step ever: the rate, in each weight."""
    params = SMALL | {"learning_rate": "constant", "batch_size": None, "warm_start": True, "hidden_layer_sizes": ()}
    model = DLRegressor(**params, solver="lbfgs").fit(X, y)
    before = model.coefs_[0].copy()
    model.set_params(solver="adam", learning_rate_init=0.01, max_iter=1, loss="absolute_error").fit(X, y)
    np.testing.assert_allclose(np.abs(model.coefs_[0] - before), 0.01, rtol=1e-3)


def test_warm_start_takes_another_loss_of_the_same_link():
    params = SMALL | {"hidden_layer_sizes": (), "max_iter": 600, "solver": "adam"}
    model = DLRegressor(**params, warm_start=True).fit(X, y)
    skewed = y + 5 * (np.arange(90) % 4 == 0)
    gap = []
    for loss in ("squared_error", "absolute_error", Huber(0.1)):
        model.set_params(loss=loss).fit(X, skewed)
        gap.append(np.mean(skewed - model.predict(X)))
    assert abs(gap[0]) < 0.05  # the mean
    assert gap[1] > 0.8  # the median
    assert gap[2] > 0.8  # nearly the median
