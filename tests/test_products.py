"""Ways of computing products: that they are asked for, what they need, and what they leave as it was.

MKL is a stand-in here, so that this runs anywhere; the true one is in tests/integration/test_mkl.py.
"""

from __future__ import annotations

import importlib.metadata
import pickle
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl._engine.shared import TRIED
from sklearn_dl._numerics import NUMPY, float32_products, mkl
from sklearn_dl._numerics.mkl import BFLOAT16, MKL, VARIABLE, rounded
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.layers import Dense, ReLU, Sequential, Tanh
from tests.products import CASES, as_float, check, in_bfloat16, numbers, stand_in

RNG = np.random.default_rng(0)
X = RNG.standard_normal((700, 20))
Y = X[:, 0] * X[:, 1] + np.sin(X[:, 2])
LARGE = {"hidden_layer_sizes": (64, 64), "max_iter": 3, "random_state": 0, "dtype": "bfloat16"}


@pytest.fixture(autouse=True)
def not_set(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def library(monkeypatch):
    monkeypatch.setattr(mkl, "_loaded", stand_in)
    monkeypatch.setattr(mkl, "MIN_WORK", 0)


@pytest.fixture
def no_library(monkeypatch, tmp_path):
    """A prefix without MKL, and no wheel of it."""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", missing)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(mkl, "_loaded", mkl._loaded.__wrapped__)
    return tmp_path


# ---------------------------------------------------------------- products


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
@pytest.mark.parametrize("way", ["numpy", "mkl", "bfloat16", "bfloat16, not rounded"])
def test_a_product_is_numpys_to_rounding(case, way, library):
    products = {"numpy": NUMPY, "mkl": MKL}.get(way, BFLOAT16)
    check(products, case, in_bfloat16() if way == "bfloat16" else numbers())


@pytest.mark.parametrize("products", [NUMPY, MKL, BFLOAT16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stacks_and_double_precision_are_numpys(products, dtype, library):
    a, b = RNG.standard_normal((40, 3, 20)).astype(dtype).swapaxes(0, 1), RNG.standard_normal((3, 20, 5)).astype(dtype)
    out = np.empty((40, 3, 5), dtype).swapaxes(0, 1)
    np.testing.assert_array_equal(products.matmul(a, b, out), np.matmul(a, b))
    double, out = RNG.standard_normal((64, 64)), np.empty((64, 64))
    np.testing.assert_array_equal(products.dot(double, double, out), np.dot(double, double))


TINY = float(np.finfo(np.float32).smallest_subnormal)
ROUNDED = {  # bfloat16 has steps of 2⁻⁷ from 1 on
    "kept": (1.5, 1.5),
    "zero": (0.0, 0.0),
    "down": (1 + 2**-8 - 2**-20, 1.0),
    "up": (1 + 2**-8 + 2**-20, 1 + 2**-7),
    "half way": (1 + 2**-8, 1 + 2**-7),
    "half way, negative": (-1 - 2**-8, -1 - 2**-7),
    "over a power of two": (2 - 2**-10, 2.0),
    "beyond the largest": (float(np.finfo(np.float32).max), np.inf),
    "infinite": (-np.inf, -np.inf),
    "denormal": (TINY, 0.0),
    "no number": (np.nan, np.nan),
}


@pytest.mark.parametrize(("number", "nearest"), ROUNDED.values(), ids=ROUNDED)
def test_a_number_is_rounded_to_the_nearest(number, nearest):
    a = np.array([number, -number], np.float32)
    np.testing.assert_array_equal(as_float(rounded(a, np.empty(2, np.uint16))), [nearest, -nearest])


@pytest.mark.parametrize("n", [0, 1, mkl.STRETCH - 1, mkl.STRETCH, mkl.STRETCH + 1, 3 * mkl.STRETCH + 5])
def test_arrays_of_any_length_are_rounded(n):
    a = np.random.default_rng(n).standard_normal(2 * n).astype(np.float32)[::2]
    error = as_float(rounded(a, np.empty(n, np.uint16))) - a
    assert (np.abs(error) <= 2**-8 * np.abs(a)).all()
    assert n < 2 or abs(error.mean()) < 3 * error.std() / np.sqrt(n)  # to neither side


def test_rounding_makes_a_mean_neither_larger_nor_smaller():
    a = np.exp(np.random.default_rng(0).uniform(-3, 3, 200_000)).astype(np.float32)
    assert (as_float(rounded(a, np.empty(len(a), np.uint16))) / a).mean() == pytest.approx(1, abs=2e-5)


# ---------------------------------------------------------------- layers


def test_each_matrix_is_rounded_once_a_step(library, monkeypatch):
    counts: Counter = Counter()

    def counting(a, out):
        counts[a.shape] += 1
        return rounded(a, out)

    monkeypatch.setattr(mkl, "rounded", counting)
    monkeypatch.setattr(mkl, "MIN_WORK", 32 * 50 * 60)
    network = Network.build(Sequential((Dense(50, 70), ReLU(), Dense(70, 60), ReLU(), Dense(60, 1))), 0, np.float32)
    work = Workspace(network, training=True, products=BFLOAT16)
    work.backward(np.ones_like(work.forward(numbers()(32, 50))))
    work.gradients()
    # inputs, weights and gradients of the outputs of the two large layers; the last one is small
    assert counts == {(32, 50): 1, (50, 70): 1, (32, 70): 2, (70, 60): 1, (32, 60): 1}


def test_gradients_are_those_of_float32_to_bfloat16s_rounding(library):
    network = Network.build(Sequential((Dense(50, 70), Tanh(), Dense(70, 60))), 0, np.float32)
    x, dy, made = numbers()(200, 50), numbers(1)(200, 60), {}
    for name, products in {"numpy": NUMPY, "mkl": MKL, "bfloat16": BFLOAT16}.items():
        work = Workspace(network, training=True, input_gradient=True, products=products)
        y = work.forward(x).copy()
        made[name] = y, work.backward(dy).copy(), work.gradients().copy()
    for plain, single, half in zip(*made.values(), strict=True):
        assert single.dtype == half.dtype == np.float32
        size = np.linalg.norm(plain)
        assert np.linalg.norm(single - plain) < 1e-6 * size
        assert 1e-4 * size < np.linalg.norm(half - plain) < 1e-2 * size


def test_biases_are_summed_unrounded(library):
    network = Network.build(Dense(64, 64), 0, np.float32)
    work = Workspace(network, training=True, products=BFLOAT16)
    dy = np.full_like(work.forward(numbers()(8, 64)), 1 + 2**-10)
    work.backward(dy)
    np.testing.assert_array_equal(work.gradients()[-64:], np.float32(8 * (1 + 2**-10)))


# ---------------------------------------------------------------- fits

FITS = {
    "one member": (DLRegressor(n_members=1, **LARGE), Y),
    "ensemble": (DLRegressor(n_members=4, n_folds=2, **LARGE), Y),
    "ensemble of classes": (DLClassifier(n_members=4, n_folds=2, **LARGE), np.digitize(Y, [-1, 1])),
    "held out": (DLClassifier(n_members=1, early_stopping=True, **LARGE), Y > 0),
    "residual": (DLRegressor(n_members=1, architecture="resnet", normalization="layer", **LARGE), Y),
}


@pytest.mark.parametrize(("model", "y"), FITS.values(), ids=FITS)
def test_a_fit_is_single_precision_and_the_same_for_any_number_of_threads(model, y, library, monkeypatch):
    monkeypatch.setattr("sklearn_dl._engine.shared.MIN_WORK", 0)
    monkeypatch.setattr("sklearn_dl._engine.predict.MIN_WORK", 0)
    TRIED.clear()
    again = {"warm_start": True}  # what the solver keeps is kept
    fits = [pickle.loads(pickle.dumps(model)).set_params(n_jobs=n, **again).fit(X, y) for n in (1, 1, 2, 3)]
    assert fits[0].network_.values.dtype == np.float32
    assert {v.dtype for v in fits[0].fitted_.state.kept.values()} == {np.dtype(np.float32)}
    for other in fits[1:]:
        np.testing.assert_array_equal(other.network_.values, fits[0].network_.values)
        assert [r["loss"] for r in other.history_] == [r["loss"] for r in fits[0].history_]


@pytest.mark.parametrize(("model", "y"), FITS.values(), ids=FITS)
def test_a_fit_is_near_that_of_float32(model, y, library):
    half = pickle.loads(pickle.dumps(model)).fit(X, y)
    single = pickle.loads(pickle.dumps(model)).set_params(dtype="float32").fit(X, y)
    assert not np.array_equal(half.network_.values, single.network_.values)
    assert half.history_[0]["loss"] == pytest.approx(single.history_[0]["loss"], rel=0.01)
    assert half.score(X, y) == pytest.approx(single.score(X, y), abs=0.03)


def test_a_fitted_model_predicts_where_there_is_no_library(library, monkeypatch):
    model = DLRegressor(n_members=4, n_folds=2, **LARGE).fit(X, Y)
    there = model.predict(X)
    monkeypatch.setattr(mkl, "_loaded", _never)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), there)


def _never():
    raise AssertionError("nobody asked for it")


def test_who_does_not_ask_never_comes_near_the_library(monkeypatch):
    monkeypatch.setattr(mkl, "_loaded", _never)
    model = DLRegressor(**LARGE | {"dtype": "float32"}).fit(X, Y)
    monkeypatch.setenv(VARIABLE, "numpy")
    np.testing.assert_array_equal(model.predict(X), DLRegressor(**model.get_params()).fit(X, Y).predict(X))


def test_mkl_by_the_environment(library, monkeypatch):
    calls = []
    monkeypatch.setattr(mkl, "_multiply", lambda gemm, a, b, out: calls.append(a.dtype) or np.dot(a, b, out=out))
    model = DLRegressor(**LARGE | {"dtype": "float32"})
    plain = model.fit(X, Y).predict(X)
    assert not calls
    monkeypatch.setenv(VARIABLE, "mkl")
    np.testing.assert_allclose(model.fit(X, Y).predict(X), plain, rtol=1e-4, atol=1e-4)
    assert set(calls) == {np.dtype(np.float32)}
    calls.clear()
    model.predict(X[:64])  # of few rows
    assert not calls
    model.predict(X[:65])
    assert calls


def test_a_checkpoint_goes_on_in_bfloat16_and_in_nothing_else(library, tmp_path):
    class Stop:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            return context.task_name == "epoch" and len(fitted_estimator.history_) == 2

    model, path = DLRegressor(n_members=1, **LARGE | {"max_iter": 4}), tmp_path / "half"
    whole = DLRegressor(**model.get_params()).fit(X, Y)
    DLRegressor(**model.get_params()).set_callbacks(Checkpoint(path), Stop()).fit(X, Y)
    again = DLRegressor(**model.get_params()).fit(X, Y, resume_from=path)
    np.testing.assert_array_equal(again.network_.values, whole.network_.values)
    with pytest.raises(ValueError, match=r"dtype.*bfloat16"):
        DLRegressor(**model.get_params() | {"dtype": "float32"}).fit(X, Y, resume_from=path)


def test_a_fitted_network_is_trained_further_in_either(library):
    model = DLRegressor(n_members=1, warm_start=True, **LARGE).fit(X, Y)
    for dtype in ("float32", "bfloat16"):
        model.set_params(dtype=dtype).fit(X, Y)
    assert model.n_iter_ == 9
    model.partial_fit(X, Y)
    with pytest.raises(ValueError, match="dtype='float64' was 'float32'"):
        model.set_params(dtype="float64").fit(X, Y)


# ---------------------------------------------------------------- what is missing


def test_no_wheel_is_one_sentence(no_library, monkeypatch):
    tail = r'needs the package mkl, which is not installed: python -m pip install "sklearn-dl\[mkl\]"\.$'
    with pytest.raises(ImportError, match=f"^dtype='bfloat16' {tail}"):
        DLRegressor(dtype="bfloat16").fit(X, Y)
    monkeypatch.setenv(VARIABLE, "mkl")
    with pytest.raises(ImportError, match=f"^SKLEARN_DL_BLAS='mkl' {tail}"):
        DLRegressor().fit(X, Y)


def test_no_wheel_in_another_process_is_told(no_library):
    """Products are sent to processes as they are; one of them may run where there is no MKL."""
    products = pickle.loads(pickle.dumps(BFLOAT16))
    halves = np.zeros((2, 2), np.uint16)
    with pytest.raises(ImportError, match=r"^the package mkl is not installed: python -m pip"):
        products.dot(halves, halves, np.empty((2, 2), np.float32))


NAMES = {
    "Linux": ("lib", "libmkl_rt.so.2"),
    "Linux, later": ("lib", "libmkl_rt.so.3"),
    "Windows": ("Library/bin", "mkl_rt.2.dll"),
    "Windows, later": ("Library/bin", "mkl_rt.3.dll"),
    "macOS": ("lib", "libmkl_rt.2.dylib"),
}


@pytest.mark.parametrize(("folder", "name"), NAMES.values(), ids=NAMES)
def test_a_library_that_cannot_be_loaded_is_told(no_library, folder, name):
    place = no_library / folder
    place.mkdir(parents=True)
    for other in ("libmkl_core.so.2", "mkl_rt.lib", "libmkl_rt.so.2.txt"):
        (place / other).write_bytes(b"")
    with pytest.raises(ImportError, match="not installed"):
        DLRegressor(dtype="bfloat16").fit(X, Y)
    (place / name).write_bytes(b"no library")
    with pytest.raises(ImportError, match=rf"^dtype='bfloat16' needs the package mkl, which cannot be .*{name}"):
        DLRegressor(dtype="bfloat16").fit(X, Y)


def test_the_wheels_list_of_files_comes_first(no_library, monkeypatch):
    (no_library / "lib").mkdir()
    (no_library / "user").mkdir()
    for folder in ("lib", "user"):
        (no_library / folder / "libmkl_rt.so.3").write_bytes(b"")

    class File:
        name = "libmkl_rt.so.3"

        def locate(self):
            return no_library / "lib" / ".." / "user" / self.name

    monkeypatch.setattr(importlib.metadata, "files", lambda name: [File()])
    found = list(mkl._places())
    assert found == [Path(no_library / folder / File.name).resolve() for folder in ("user", "lib")]


def test_no_unit_is_one_sentence(library, monkeypatch):
    monkeypatch.setattr(mkl, "_loaded", lambda: stand_in("Intel(R) Advanced Vector Extensions 2 enabled processors"))
    with pytest.raises(ValueError, match=r"^dtype='bfloat16' needs .* AMX or AVX512_BF16; MKL takes .* 2"):
        DLRegressor(dtype="bfloat16").fit(X, Y)
    monkeypatch.setenv(VARIABLE, "mkl")
    assert float32_products() is MKL  # which needs none


@pytest.mark.parametrize("processor", ["... and bfloat16", "... INT8, BF16, FP16 (limited) instructions"])
def test_mkls_words_for_the_unit(processor, monkeypatch):
    monkeypatch.setattr(mkl, "_loaded", lambda: stand_in(processor))
    assert mkl.bfloat16_products() is BFLOAT16


def test_other_values_are_refused(library, monkeypatch):
    monkeypatch.setenv(VARIABLE, "MKL")
    allowed = r"^the environment variable SKLEARN_DL_BLAS must be 'mkl', 'numpy' or not set; got 'MKL'\.$"
    with pytest.raises(ValueError, match=allowed):
        DLRegressor().fit(X, Y)
    with pytest.raises(ValueError, match=r"^solver 'lbfgs' needs exact gradients: dtype must be .*; got 'bfloat16'\.$"):
        DLRegressor(solver="lbfgs", dropout=0.0, dtype="bfloat16").fit(X, Y)
