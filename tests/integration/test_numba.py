"""numba itself: compiled passes, and fits by them. Errors, and what has such a form: tests/test_compiled.py."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._numerics import NUMPY, loops
from sklearn_dl._numerics.compiled import VARIABLE, Loop
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.numeric_embeddings import Mixed, Periodic, PiecewiseLinear
from tests.cases import over
from tests.compiled import CASES, COMPILED, check, check_not_finite, passes, rows

pytest.importorskip("numba", reason="the package numba is not installed")

LOOPS = [loop for loop in vars(loops).values() if isinstance(loop, Loop)]
RNG = np.random.default_rng(0)
N = 900
X = RNG.standard_normal((N, 5))
Y = X[:, 0] * X[:, 1] + np.sin(X[:, 2])
MIXED = pd.DataFrame(X, columns=list("abcde")).assign(
    few=pd.Categorical(RNG.integers(3, size=N).astype(str)), many=pd.Categorical(RNG.integers(30, size=N).astype(str))
)
MIXED.loc[::7, "a"] = np.nan
SETTINGS = {"hidden_layer_sizes": (32, 32), "max_iter": 6, "random_state": 0, "dtype": "float32", "dropout": 0.1}
ENSEMBLE = SETTINGS | {"n_members": 4, "n_folds": 2}
FITS = {
    "one member": (DLRegressor(n_members=1, **SETTINGS), X, Y, None),
    "ensemble": (DLRegressor(**ENSEMBLE), X, Y, None),
    "classes": (DLClassifier(**ENSEMBLE), X, np.digitize(Y, [-1, 1]), None),
    "weights": (DLRegressor(**ENSEMBLE), X, Y, RNG.uniform(0.2, 3, N)),
    "categories, missing": (DLClassifier(**ENSEMBLE), MIXED, Y > 0, None),
    "waves": (DLRegressor(numeric_embedding=Periodic(), **ENSEMBLE), MIXED, Y, None),
    "ramps": (DLRegressor(numeric_embedding=PiecewiseLinear(), **ENSEMBLE), MIXED, Y, None),
    "residual": (DLRegressor(n_members=1, architecture="resnet", numeric_embedding=Mixed(), **SETTINGS), X, Y, None),
    "held out": (DLClassifier(n_members=1, early_stopping=True, **SETTINGS), X, Y > 0, None),
}
each_fit = pytest.mark.parametrize(("model", "x", "y", "weight"), FITS.values(), ids=FITS)


@pytest.fixture(autouse=True)
def asked_for(monkeypatch):
    monkeypatch.setenv(VARIABLE, "numba")


def fitted(model, x, y, weight=None, **changed):
    return pickle.loads(pickle.dumps(model)).set_params(**changed).fit(x, y, sample_weight=weight)


@over(CASES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 300])
def test_both_forms_compute_the_same(case, n, training):
    check(case, n, training)


@pytest.mark.parametrize("scale", [1, 10, 1000])
def test_waves_of_many_turns_are_exact_to_rounding_of_the_angle(scale):
    """Angles of up to some thousand radians, as far as the reduction by two constants goes."""
    case = next(c for c in CASES if c.name == "waves")
    x = rows(case, 300) * np.float32(scale)
    exact = passes(case, x.astype(float), False, NUMPY, float)[0]
    made, plain = (passes(case, x, False, products)[0] for products in (COMPILED, NUMPY))
    assert np.abs(made - exact).max() < 2 * np.abs(plain - exact).max() + 1e-6


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows(bad):
    check_not_finite(bad)


@each_fit
def test_a_fit_is_near_the_plain_one_and_as_good(model, x, y, weight, monkeypatch):
    other = fitted(model, x, y, weight)
    monkeypatch.delenv(VARIABLE)
    plain = fitted(model, x, y, weight)
    assert not np.array_equal(other.network_.values, plain.network_.values)
    assert other.history_[0]["loss"] == pytest.approx(plain.history_[0]["loss"], rel=1e-3)
    assert other.score(x, y) == pytest.approx(plain.score(x, y), abs=0.01)


@each_fit
def test_the_same_bits_for_any_number_of_threads_and_processes(model, x, y, weight, monkeypatch):
    monkeypatch.setattr("sklearn_dl._training.crew.MIN_WORK", 0)
    monkeypatch.setattr("sklearn_dl._engine.shared.MIN_WORK", 0)
    monkeypatch.setattr("sklearn_dl._engine.predict.MIN_WORK", 0)
    fits = [fitted(model, x, y, weight, n_jobs=n, max_iter=3) for n in (1, 1, 2, 3)]
    for other in fits[1:]:
        np.testing.assert_array_equal(other.network_.values, fits[0].network_.values)
        np.testing.assert_array_equal(other.predict(x), fits[0].predict(x))


def test_rows_are_shared_out_to_threads(monkeypatch):
    """The trial that asks for the same bits must not fail: sums over rows are made block by block."""
    from sklearn_dl._engine import shared

    monkeypatch.setattr(shared, "MIN_WORK", 0)
    shared.TRIED.clear()
    fitted(DLRegressor(n_members=1, batch_size=256, **SETTINGS), X, Y, n_jobs=2, max_iter=1)
    assert any(shared.TRIED.values())


def test_a_pickle_and_a_checkpoint_carry_nothing_of_it(tmp_path, monkeypatch):
    class Stop:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            return context.task_name == "epoch" and len(fitted_estimator.history_) == 3

    path, model = tmp_path / "half", DLRegressor(n_members=1, **SETTINGS)
    whole = fitted(model, X, Y)
    fitted(model, X, Y).set_callbacks(Checkpoint(path), Stop()).fit(X, Y)
    again = DLRegressor(**model.get_params()).fit(X, Y, resume_from=path)
    np.testing.assert_array_equal(again.network_.values, whole.network_.values)
    monkeypatch.delenv(VARIABLE)
    plain = DLRegressor(**model.get_params()).fit(X, Y, resume_from=path)
    np.testing.assert_allclose(plain.predict(X), whole.predict(X), atol=0.05)
    (tmp_path / "model").write_bytes(pickle.dumps((whole, X, whole.predict(X[:64]))))
    code = (
        "import pickle, sys; sys.modules['numba'] = None;"
        "model, X, there = pickle.load(open(sys.argv[1], 'rb')); assert (model.predict(X[:64]) == there).all();"
        "model.predict(X)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "model")], check=True)


def test_a_training_that_diverges_is_ended(monkeypatch):
    model = DLRegressor(n_members=1, learning_rate_init=1e30, **SETTINGS)
    with pytest.warns(UserWarning, match="no longer finite"):
        other = fitted(model, X, Y)
    assert np.isfinite(other.network_.values).all()


def test_arrays_that_cannot_be_written_are_read(tmp_path):
    """As joblib maps large ones, of rows and of a fitted network."""
    import joblib

    model = fitted(FITS["ensemble"][0], X, Y)
    there = model.predict(X)
    joblib.dump((model, X), tmp_path / "both")
    mapped, x = joblib.load(tmp_path / "both", mmap_mode="r")
    np.testing.assert_array_equal(mapped.predict(x), there)
    fitted(DLRegressor(n_members=1, encoder=None, numeric_embedding=None, **SETTINGS), x.astype(np.float32)[::-1], Y)


def test_numba_is_imported_only_where_it_is_asked_for():
    code = (
        "import sys, numpy; from sklearn_dl import DLRegressor;"
        "DLRegressor(max_iter=1).fit(numpy.eye(9, dtype='f4'), numpy.arange(9.)); assert 'numba' not in sys.modules"
    )
    env = {name: value for name, value in os.environ.items() if name != VARIABLE}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


def test_a_folder_that_cannot_be_written_is_no_obstacle(monkeypatch):
    import numba

    def nowhere(*arguments, cache, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*arguments, **options)

    njit = numba.njit
    monkeypatch.setattr(numba, "njit", nowhere)
    monkeypatch.setattr(loops.look_up, "run", None)
    check(next(c for c in CASES if c.name == "levels"), 70, True)
