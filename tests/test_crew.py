"""Processes that train the parts of a network: the same bits, the same ends, nothing lost."""

from __future__ import annotations

import os
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError
from scipy import sparse

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._training import crew
from sklearn_dl._training.crew import processes_for
from sklearn_dl.losses import Loss, SquaredError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 4))
Y = X[:, 0] + RNG.normal(size=240) / 4
LEVELS = np.array(["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"])
FRAME = pd.DataFrame({"x": X[:, 0], "level": pd.Categorical(LEVELS[RNG.integers(0, 10, 240)])})
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 8, "random_state": 0, "n_folds": 4, "n_members": 4, "batch_size": 32}


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """However little there is to do."""
    monkeypatch.setattr(crew, "MIN_WORK", 0.0)


@pytest.fixture
def calls(monkeypatch):
    """Epochs that processes have run."""
    seen, epoch = [], crew.Crew.epoch

    def counted(self, rate_at):
        seen.append(self._n)
        return epoch(self, rate_at)

    monkeypatch.setattr(crew.Crew, "epoch", counted)
    return seen


def same_bits(a, b):
    """Whether two fitted estimators learnt the same bits, over the same course."""
    courses = [[{k: v for k, v in r.items() if k != "seconds"} for r in m.history_] for m in (a, b)]
    return a.network_.values.tobytes() == b.network_.values.tobytes() and courses[0] == courses[1]


def wide(values):
    return sparse.csr_array(np.hstack([values > 0.5] * 200).astype(float))


CASES = {
    "numbers": (DLRegressor, X, Y, {}),
    "weights": (DLRegressor, X, Y, {"sample_weight": np.arange(240) % 3 / 2}),
    "categories": (DLRegressor, FRAME, Y, {}),
    "classes": (DLClassifier, X, Y > 0, {}),
    "a sparse table": (DLClassifier, wide(X), Y > 0, {}),
    "float64": (DLRegressor, X, Y, {"dtype": "float64"}),
    "another solver": (DLRegressor, X, Y, {"solver": "sgd", "learning_rate_init": 0.01}),
    "as many folds as fit": (DLRegressor, X, Y, {"n_folds": 3, "n_members": 3}),
    "one batch": (DLRegressor, X[:40], Y[:40], {"batch_size": 100}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bits_do_not_depend_on_the_number_of_processes(name, calls):
    estimator, x, y, more = CASES[name]
    weight = more.get("sample_weight")
    parameters = QUICK | {key: value for key, value in more.items() if key != "sample_weight"}
    models = [estimator(**parameters, n_jobs=n).fit(x, y, sample_weight=weight) for n in (1, 2, 3)]
    n_parts = parameters["n_folds"]
    assert set(calls) == ({2, 3} if n_parts == 3 else {2})
    for model in models[1:]:
        assert same_bits(models[0], model)


def test_rows_that_are_encoded_batch_by_batch(monkeypatch, calls):
    whole = DLRegressor(**QUICK, n_jobs=2).fit(X, Y)
    monkeypatch.setattr("sklearn_dl._data.table.LARGE", 100)
    for model in (DLRegressor(**QUICK, n_jobs=n).fit(X, Y) for n in (1, 2)):
        np.testing.assert_allclose(whole.predict(X), model.predict(X), rtol=1e-5)
    assert len(calls) == 2 * model.n_iter_


def test_a_further_fit_goes_on_with_the_same_bits():
    models = [DLRegressor(**QUICK, n_jobs=n, warm_start=True).fit(X, Y).fit(X, Y) for n in (1, 2)]
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))


@pytest.mark.parametrize(
    ("n_jobs", "n_parts", "work", "expected"),
    [(None, 4, 1e12, 1), (1, 4, 1e12, 1), (2, 4, 1e12, 2), (3, 4, 1e12, 2), (4, 4, 1e12, 4), (9, 4, 1e12, 4),
     (9, 5, 1e12, 5), (4, 5, 1e12, 3), (2, 4, 1e3, 1)],
)  # fmt: skip
def test_processes_for(monkeypatch, n_jobs, n_parts, work, expected):
    monkeypatch.setattr(crew, "MIN_WORK", 1e4)
    assert processes_for(n_jobs, n_parts, work) == expected


def test_no_processes_within_others_or_in_a_thread():
    assert joblib.Parallel(2)(joblib.delayed(processes_for)(2, 4, 1e12) for _ in range(2)) == [1, 1]
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(processes_for(2, 4, 1e12)))
    thread.start()
    thread.join()
    assert found == [1]


class Broken(Loss):
    """Squared error that fails in another process."""

    task = "regression"

    def __init__(self, how="raises", home=0):
        self.how, self.home = how, home

    def value_and_gradient(self, y, raw, weight, out):
        if os.getpid() != self.home:
            if self.how == "raises":
                raise RuntimeError("broken on purpose")
            os._exit(1)
        return SquaredError().value_and_gradient(y, raw, weight, out)


@pytest.mark.parametrize(("how", "error"), [("raises", RuntimeError), ("ends", TerminatedWorkerError)])
def test_what_fails_in_a_process_is_told(how, error):
    with pytest.raises(error):
        DLRegressor(**QUICK, n_jobs=2, loss=Broken(how, os.getpid())).fit(X, Y)
    assert np.isfinite(DLRegressor(**QUICK, n_jobs=2).fit(X, Y).predict(X)).all()  # others start


def test_a_loss_that_is_not_finite_ends_it_as_without_processes():
    parameters = QUICK | {"solver": "sgd", "learning_rate_init": 1e20, "clip_norm": None}
    models = []
    for n in (1, 2):
        with pytest.warns(match="finite"):
            models.append(DLRegressor(**parameters, n_jobs=n).fit(X, Y))
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))


class Interrupt:
    """Ctrl-C after the third epoch."""

    def setup(self, estimator, context):
        self.epochs = 0

    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if context.task_name == "epoch" and self.epochs == 3:
            raise KeyboardInterrupt


def test_an_interrupt_keeps_the_last_whole_epoch():
    models = [DLRegressor(**QUICK, n_jobs=n).set_callbacks(Interrupt()) for n in (1, 2)]
    for model in models:
        with pytest.warns(match="interrupt"):
            model.fit(X, Y)
    assert models[1].n_iter_ == 3
    assert same_bits(*models)


def test_max_time_ends_it():
    began = time.perf_counter()
    DLRegressor(**QUICK | {"max_iter": 10**5}, n_jobs=2, max_time=2.0).fit(X, Y)
    assert time.perf_counter() - began < 30
