"""MKL itself: products of both kinds, and fits by them. Whole fits and errors by a stand-in: tests/test_products.py."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._numerics import mkl
from sklearn_dl._numerics.mkl import BFLOAT16, MKL, VARIABLE
from sklearn_dl.onnx import to_onnx
from tests.products import CASES, check, in_bfloat16, numbers

if next(mkl._places(), None) is None:
    pytest.skip("the package mkl is not installed", allow_module_level=True)


def _has_no_unit() -> str:
    try:
        mkl.bfloat16_products()
    except ValueError as error:
        return str(error)
    return ""


NO_UNIT = _has_no_unit()
with_unit = pytest.mark.skipif(bool(NO_UNIT), reason=NO_UNIT)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((3000, 20))
Y = X[:, 0] * X[:, 1] + np.sin(X[:, 2])
SIZES = {"hidden_layer_sizes": (128, 128), "max_iter": 4, "random_state": 0, "batch_size": 512}
WAYS = [pytest.param("float32", id="mkl"), pytest.param("bfloat16", id="bfloat16", marks=with_unit)]


@pytest.fixture(autouse=True)
def asked_for(monkeypatch):
    monkeypatch.setenv(VARIABLE, "mkl")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_product_in_float32_is_numpys_to_rounding(case):
    check(MKL, case, numbers())


@with_unit
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_product_in_bfloat16_is_that_of_the_rounded_numbers(case):
    check(BFLOAT16, case, in_bfloat16())


@pytest.mark.parametrize("dtype", WAYS)
@pytest.mark.parametrize("members", [1, 4])
def test_a_fit_has_the_same_bits_for_any_number_of_threads_and_processes(dtype, members, monkeypatch):
    monkeypatch.setattr("sklearn_dl._training.crew.MIN_WORK", 0)
    monkeypatch.setattr("sklearn_dl._engine.shared.MIN_WORK", 0)
    monkeypatch.setattr("sklearn_dl._engine.predict.MIN_WORK", 0)
    fits = [DLRegressor(n_members=members, dtype=dtype, n_jobs=n, **SIZES).fit(X, Y) for n in (1, 1, 2, 3)]
    for other in fits[1:]:
        np.testing.assert_array_equal(other.network_.values, fits[0].network_.values)
        np.testing.assert_array_equal(other.predict(X), fits[0].predict(X))
        for record, first in zip(other.history_, fits[0].history_, strict=True):
            assert record | {"seconds": 0} == first | {"seconds": 0}


@pytest.mark.parametrize("dtype", WAYS)
def test_a_fit_in_another_process_has_the_same_bits(dtype):
    code = (
        "import sys, pickle; from sklearn_dl import DLRegressor; X, y, p = pickle.load(sys.stdin.buffer);"
        "sys.stdout.buffer.write(DLRegressor(**p).fit(X, y).network_.values.tobytes())"
    )
    params = {"dtype": dtype, "n_jobs": 1, **SIZES}
    sent = pickle.dumps((X, Y, params))
    there = subprocess.run([sys.executable, "-c", code], input=sent, stdout=subprocess.PIPE, check=True).stdout
    assert there == DLRegressor(**params).fit(X, Y).network_.values.tobytes()


@pytest.mark.parametrize("dtype", WAYS)
@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
def test_a_fit_is_as_good_as_numpys(estimator, dtype, monkeypatch):
    y = Y if estimator is DLRegressor else Y > 0
    settings = SIZES | {"max_iter": 10}
    score = estimator(dtype=dtype, **settings).fit(X[:2000], y[:2000]).score(X[2000:], y[2000:])
    monkeypatch.delenv(VARIABLE)
    plain = estimator(dtype="float32", **settings).fit(X[:2000], y[:2000])
    assert dtype == "float32" or score != plain.score(X[2000:], y[2000:])
    assert score == pytest.approx(plain.score(X[2000:], y[2000:]), abs=0.02)


@with_unit
def test_what_was_fitted_predicts_without_mkl(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE)
    model = DLRegressor(dtype="bfloat16", **SIZES).fit(X, Y)
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps((model, X, model.predict(X))))
    code = (
        "import pickle, sys; from threadpoolctl import threadpool_info;"
        "model, X, there = pickle.load(open(sys.argv[1], 'rb')); assert (model.predict(X) == there).all();"
        "assert 'mkl' not in {library['internal_api'] for library in threadpool_info()}"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


@with_unit
def test_onnx_gives_what_was_fitted_in_bfloat16():
    onnxruntime = pytest.importorskip("onnxruntime")
    model = DLRegressor(dtype="bfloat16", **SIZES).fit(X, Y)
    session = onnxruntime.InferenceSession(to_onnx(model, X[:1]).SerializeToString())
    (there,) = session.run(None, {session.get_inputs()[0].name: X[:100]})
    np.testing.assert_allclose(there.ravel(), model.predict(X[:100]), rtol=1e-4, atol=1e-4)


def test_a_processor_without_the_unit_is_told():
    """MKL can be told to do without, in a process of its own."""
    code = "from sklearn_dl import DLRegressor; DLRegressor(dtype='bfloat16').fit([[0.0], [1.0]], [0.0, 1.0])"
    env = os.environ | {"MKL_ENABLE_INSTRUCTIONS": "AVX2"}
    run = subprocess.run([sys.executable, "-c", code], env=env, stderr=subprocess.PIPE, text=True, check=False)
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("ValueError: dtype='bfloat16' needs a processor with AMX or AVX512_BF16; MKL takes this one")


def test_mkl_starts_no_threads_of_its_own():
    code = (
        "import os; import numpy as np; from sklearn_dl import DLRegressor; from sklearn_dl._numerics import mkl;"
        "DLRegressor(max_iter=2, n_jobs=1, random_state=0).fit(np.random.rand(2000, 5), np.random.rand(2000));"
        "assert mkl._loaded.cache_info().currsize == 1; a = np.ones((600, 600), np.float32);"
        "before = len(os.listdir('/proc/self/task')); mkl.MKL.dot(a, a, np.empty_like(a));"
        "assert len(os.listdir('/proc/self/task')) == before"
    )
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("threads are counted in /proc, which is not here")
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "2"}, check=True)
