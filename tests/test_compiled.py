"""What numba compiles: that it is asked for, what has such a form, and what it leaves as it was.

The loops are run by Python here, so that this needs no numba; the compiled ones are in tests/integration/test_numba.py.
"""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl._numerics import NUMPY, compiled, float32_products, loops
from sklearn_dl._numerics.compiled import VARIABLE, Loop
from sklearn_dl._numerics.mkl import BFLOAT16, MKL
from sklearn_dl.layers.compiled import in_one_pass, running
from tests.cases import CASES as LAYERS
from tests.cases import network_of, over, same_bits, walk, workspace_of
from tests.compiled import CASES, COMPILED, check, check_not_finite, passes, rows

RNG = np.random.default_rng(0)
X = RNG.standard_normal((70, 3))
Y = X[:, 0] * X[:, 1] + np.sin(X[:, 2])
LOOPS = [loop for loop in vars(loops).values() if isinstance(loop, Loop)]
SMALL = {"hidden_layer_sizes": (6, 5), "n_members": 2, "n_folds": 1, "numeric_embedding": "auto", "batch_size": 35}
SMALL |= {"max_iter": 2, "random_state": 0, "dtype": "float32", "dropout": 0.2}


@pytest.fixture(autouse=True)
def not_set(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def run(monkeypatch):
    """Python runs the loops; the names of those that ran."""
    names: set[str] = set()

    def by_python(loop):
        def plain(*arguments):
            names.add(loop.plain.__name__)
            with np.errstate(all="ignore"):
                loop.plain(*arguments)

        return plain

    for loop in LOOPS:
        monkeypatch.setattr(loop, "run", by_python(loop))
    monkeypatch.setattr(compiled, "_numba", lambda wanted_by: None)
    return names


@pytest.fixture
def no_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    for loop in LOOPS:
        monkeypatch.setattr(loop, "run", None)


# ---------------------------------------------------------------- layers


@over(CASES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n", [1, 70])
def test_both_forms_compute_the_same(case, n, training, run):
    check(case, n, training)
    assert run == case.loops


@over(LAYERS)
def test_every_layer_computes_the_same(case, run):
    network = network_of(case.layer, np.float32)
    x = case.x.astype(np.float32)
    found = []
    for products in (NUMPY, COMPILED):
        work = workspace_of(case, network, products=products)
        y = work.forward(x, case.weight).copy()
        work.backward(np.ones_like(y))
        found.append((y, work.gradients().copy()))
    for plain, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, plain, rtol=1e-4, atol=1e-5)


@over(CASES)
def test_arrays_and_numbers_of_layers_are_the_same(case):
    made, plain = in_one_pass(case.layer), case.layer
    assert len(list(walk(made))) == len(list(walk(plain)))
    assert Network(made, np.zeros(0)).entries()[-1:] == Network(plain, np.zeros(0)).entries()[-1:]
    learnt = [e for e in Network(plain, np.zeros(0)).entries() if e.kind != "buffer"]
    assert [e for e in Network(made, np.zeros(0)).entries() if e.kind != "buffer"] == learnt
    assert (made == plain) == (not case.loops)


def test_double_precision_stays_as_it_is(run):
    for case in CASES:
        x = rows(case, 70)
        if isinstance(x, np.ndarray):
            pairs = zip(passes(case, x, True, NUMPY, float), passes(case, x, True, COMPILED, float), strict=True)
            assert all(same_bits(a, b) for a, b in pairs)
    assert not run


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows(bad, run):
    """A loss that is not finite ends a training: no pass may lose a NaN; an infinity that is clipped is clipped."""
    check_not_finite(bad)


# ---------------------------------------------------------------- fits


@pytest.mark.parametrize("model", [DLRegressor(**SMALL), DLClassifier(**SMALL)], ids=["regression", "classification"])
def test_a_fit_is_the_plain_one_to_rounding(model, run, monkeypatch):
    y = Y if isinstance(model, DLRegressor) else Y > 0
    plain = pickle.loads(pickle.dumps(model)).fit(X, y)
    assert not run
    monkeypatch.setenv(VARIABLE, "numba")
    other = pickle.loads(pickle.dumps(model)).fit(X, y)
    assert run >= {"rectify", "rectify_back", "embed", "embed_back", "adam"}
    np.testing.assert_allclose(other.network_.values, plain.network_.values, atol=2e-3)
    assert other.history_[-1]["loss"] == pytest.approx(plain.history_[-1]["loss"], rel=1e-3)


def test_what_was_fitted_knows_nothing_of_it(run, monkeypatch):
    plain = DLRegressor(**SMALL).fit(X, Y)
    monkeypatch.setenv(VARIABLE, "numba")
    model = DLRegressor(**SMALL).fit(X, Y)
    monkeypatch.delenv(VARIABLE)
    sent = pickle.dumps(model)
    assert abs(len(sent) - len(pickle.dumps(plain))) < 100  # seconds of epochs
    assert b"compiled" not in sent
    assert model.network_.layer == plain.network_.layer
    run.clear()
    pickle.loads(sent).predict(X)
    assert not run


def test_predictions_of_many_rows_are_compiled_too(run, monkeypatch):
    model = DLRegressor(**SMALL).fit(X, Y)
    plain = model.predict(X)
    monkeypatch.setenv(VARIABLE, "numba")
    model.predict(X[:64])
    assert not run
    np.testing.assert_allclose(model.predict(X), plain, rtol=1e-5, atol=1e-5)
    assert run == {"rectify", "embed"}


def test_who_does_not_ask_never_comes_near_it(no_numba, monkeypatch):
    model = DLRegressor(**SMALL).fit(X, Y)
    monkeypatch.setenv(VARIABLE, "numpy")
    np.testing.assert_array_equal(DLRegressor(**SMALL).fit(X, Y).predict(X), model.predict(X))


# ---------------------------------------------------------------- what is asked for


def test_it_is_beside_the_way_of_products(run, monkeypatch):
    assert compiled.with_kernels(MKL) is MKL
    monkeypatch.setenv(VARIABLE, "numba")
    for products in (NUMPY, MKL, BFLOAT16):
        made = compiled.with_kernels(products)
        assert type(made) is type(products)
        assert made.compiled
        assert not products.compiled
        assert pickle.loads(pickle.dumps(made)).compiled
    assert float32_products().compiled


def test_no_numba_is_one_sentence(no_numba, monkeypatch):
    monkeypatch.setenv(VARIABLE, "numba")
    tail = r'needs the package numba, which is not installed: python -m pip install "sklearn-dl\[numba\]"\.$'
    with pytest.raises(ImportError, match=f"^SKLEARN_DL_KERNELS='numba' {tail}"):
        DLRegressor(**SMALL).fit(X, Y)
    monkeypatch.delenv(VARIABLE)
    work = Workspace(Network.build(CASES[0].layer, 0, np.float32), training=True, products=COMPILED)
    with pytest.raises(ImportError, match=f"^a compiled pass {tail}"):  # products that came from another process
        work.forward(rows(CASES[0], 5))


def test_a_numba_that_cannot_be_loaded_is_told(monkeypatch, tmp_path):
    (tmp_path / "numba.py").write_text("raise ImportError('Numba needs NumPy 1.0 or less')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.setenv(VARIABLE, "numba")
    told = (
        r"^SKLEARN_DL_KERNELS='numba' needs the package numba, which cannot be loaded: Numba needs NumPy 1.0 or less\.$"
    )
    with pytest.raises(ImportError, match=told):
        DLRegressor(**SMALL).fit(X, Y)


def test_other_values_are_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "Numba")
    allowed = r"^the environment variable SKLEARN_DL_KERNELS must be 'numba', 'numpy' or not set; got 'Numba'\.$"
    with pytest.raises(ValueError, match=allowed):
        DLRegressor(**SMALL).fit(X, Y)


def test_layers_that_run_are_the_networks_where_nothing_is_asked():
    network = Network.build(CASES[0].layer, 0, np.float32)
    assert running(network.layer, NUMPY, np.dtype(np.float32)) is network.layer
    assert running(network.layer, COMPILED, np.dtype(np.float32)) != network.layer
