"""Attributions: completeness over a table of cases, exact cases, agreement with scikit-learn's inspection, errors."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_selection import RFE, RFECV, SelectFromModel
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._data import Columns
from sklearn_dl._engine.network import Network
from sklearn_dl._estimators.registry import ACTIVATIONS
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.inspection import (
    AttributionDisplay,
    Attributions,
    attribution_importance,
    gradient_times_input,
    integral,
    integrated_gradients,
    progress,
)
from sklearn_dl.inspection.integral import integrate
from sklearn_dl.inspection.origins import middle
from sklearn_dl.inspection.paths import Chain, Scalar, chains
from sklearn_dl.layers import Dense, Layer, Members, ReLU, Sequential, TableInput, Tanh
from sklearn_dl.losses import Link, Loss, Quantile

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

TOWNS = [f"town {i:02}" for i in range(12)]


def raw_table(n, seed=0):
    """Numbers with gaps, a category of few levels with gaps, one of many, booleans, a constant."""
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "income": np.exp(rng.normal(10, 1, n)),
            "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "town": rng.choice(TOWNS, n),
            "colour": rng.choice(["red", "green", "blue", None], n),
            "size": rng.choice(["S", "L"], n),
            "member": rng.random(n) < 0.5,
            "constant": 7.0,
        }
    )
    effect = np.array([3.0 * (i * 7 % 10 > 4) for i in range(len(TOWNS))])[df["town"].map(TOWNS.index)]
    y = effect + (df["colour"] == "red") - np.log(df["income"]) / 2 + df["member"] + df["score"].isna()
    return df, y.to_numpy() + 0.1 * rng.normal(size=n)


def numbers(df):
    """The columns of numbers, filled."""
    return df[["income", "score", "member"]].fillna(0.0).to_numpy(float) / [2e4, 1, 1]


df, y = raw_table(400)
several = np.column_stack([y, 100 * y**2])
labels = np.array(["high", "low", "middle"])[np.digitize(y, np.quantile(y, [0.3, 0.6]))]
indicators = np.column_stack([y > np.median(y), df["member"], df["score"] > 0]).astype(int)
words = np.column_stack([labels, np.where(df["member"], "yes", "no")])


class Case(NamedTuple):
    name: str
    model: Any
    X: Any = df
    y: Any = y


QUICK = {"hidden_layer_sizes": (16,), "max_iter": 15, "n_members": 1, "random_state": 0}
CASES = [
    *(Case(f"activation-{a}", DLRegressor(**QUICK, activation=a)) for a in ACTIVATIONS),
    Case("linear", DLRegressor(**QUICK | {"hidden_layer_sizes": ()})),
    Case("deep", DLRegressor(**QUICK | {"hidden_layer_sizes": (32, 32, 32)})),
    Case("members", DLRegressor(**QUICK | {"n_members": 4})),
    Case("wide", DLRegressor(max_iter=15, n_members=1, random_state=0)),
    Case("resnet", DLRegressor(**QUICK, architecture="resnet")),
    Case("batchnorm-dropout", DLRegressor(**QUICK, normalization="batch", dropout=0.2)),
    Case("layernorm", DLRegressor(**QUICK, normalization="layer")),
    Case("float32", DLRegressor(**QUICK, dtype="float32")),
    Case("no-scale-target", DLRegressor(**QUICK, scale_target=False)),
    Case("two-outputs", DLRegressor(**QUICK), y=several),
    Case("huber", DLRegressor(**QUICK, loss="huber")),
    Case("poisson", DLRegressor(**QUICK, loss="poisson"), y=np.round(np.exp(y / 3))),
    Case("gamma", DLRegressor(**QUICK, loss="gamma"), y=np.exp(y / 3)),
    Case("tweedie-two-outputs", DLRegressor(**QUICK, loss="tweedie"), y=np.exp(several[:, [0, 0]] / [3, 5])),
    Case("one-quantile", DLRegressor(**QUICK, loss="quantile")),
    Case("two-classes", DLClassifier(**QUICK), y=np.where(y > np.median(y), "yes", "no")),
    Case("three-classes", DLClassifier(**QUICK), y=labels),
    Case("focal", DLClassifier(**QUICK, loss="focal"), y=labels),
    Case("multilabel", DLClassifier(**QUICK), y=indicators),
    Case("multioutput", DLClassifier(**QUICK), y=words),
    Case("standard", DLRegressor(**QUICK, encoder=TableEncoder(scaling="standard"))),
    Case("all-embedded", DLRegressor(**QUICK, encoder=TableEncoder(max_one_hot=0, embedding_size=3))),
    Case("all-one-hot", DLRegressor(**QUICK, encoder=TableEncoder(max_one_hot=50))),
    Case("numbers-as-categories", DLRegressor(**QUICK, encoder=TableEncoder(categorical_features=[2])), X=numbers(df)),
    Case("no-encoder", DLRegressor(**QUICK, encoder=None), X=numbers(df)),
    Case("no-encoder-three-classes", DLClassifier(**QUICK, encoder=None), X=numbers(df), y=labels),
    Case("fitted-on-sparse", DLRegressor(**QUICK), X=sparse.csr_array(numbers(df))),
]


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


def link(model, X, target):
    """The explained number, from nothing but the public predictions."""
    if isinstance(model, DLRegressor):
        predicted = model.predict(X)
        column = predicted if predicted.ndim == 1 else predicted[:, target]
        return np.log(column) if model.out_activation_ == "exp" else column
    p = model.predict_proba(X)
    if isinstance(target, tuple):
        p, known, target = p[target[0]], model.classes_[target[0]], target[1]
    elif isinstance(p, np.ndarray) and model.fitted_.head.target.kind == "multilabel":
        return np.log(p[:, target] / (1 - p[:, target]))
    else:
        known = model.classes_
    code = known.tolist().index(target)
    if len(known) == 2:
        return np.log(p[:, code] / p[:, 1 - code])
    log_p = np.log(p)
    return log_p[:, code] - log_p.mean(axis=1)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_columns_add_up(case):
    """Completeness: to 1e-3 of the difference, of each output and class, from the middle and from a background."""
    model = case.model.fit(case.X, case.y)
    X, before = dense(case.X)[:40], model.network_.values.copy()
    background = dense(case.X)[200:202]
    for target in model.fitted_.head.targets():
        for start, weight in ((None, None), (background, [1.0, 3.0])):
            found = integrated_gradients(model, X, target=target, background=start, background_weight=weight)
            difference = found.prediction - found.baseline
            assert found.values.shape == X.shape
            allowed = 1e-3 * np.maximum(np.abs(difference), 0.02 * np.abs(found.values).sum(axis=1))
            if start is not None:  # a mean over two paths, each of which is as good
                allowed = 1e-3 * np.abs(found.values).sum(axis=1)
            assert (np.abs(found.residual) <= allowed).all()
            expected = link(model, X, target)
            unit = 1 if isinstance(model, DLClassifier) else np.std(expected) + 1e-3
            np.testing.assert_allclose(found.prediction, expected, atol=2e-5 * unit)
            if start is not None:
                expected = np.average(link(model, start, target), weights=weight)
                np.testing.assert_allclose(found.baseline, expected, atol=2e-5 * unit)
    assert (model.network_.values == before).all()
    if isinstance(case.X, pd.DataFrame):
        assert (found.values[:, -1] == 0).all()  # the constant column
        assert list(found.feature_names) == list(df.columns)


def test_quantile_levels_explain_the_middle_one():
    levels = Quantile(levels=(0.1, 0.5, 0.9))
    model = DLRegressor(**QUICK | {"max_iter": 60}, loss=levels).fit(df, several)
    for j in (0, 1):
        found = integrated_gradients(model, df, target=j)
        in_order = (np.diff(raw_levels(model, df).reshape(len(df), 2, 3)[:, j]) >= 0).all(axis=1)
        assert in_order.mean() > 0.5
        np.testing.assert_allclose(found.prediction[in_order], model.predict(df)[in_order, j])


def raw_levels(model, X):
    return model._raw(X)


# ---------------------------------------------------------------- exact cases


def test_a_linear_model_gives_its_coefficients():
    X = numbers(df)
    model = DLRegressor(hidden_layer_sizes=(), solver="lbfgs", encoder=TableEncoder(scaling="standard"), max_iter=500)
    model.fit(X, y)
    slope = (model.predict(X[1:2]) - model.predict(X[:1])) / 1  # of y along the way from row 0 to row 1
    for explain in (integrated_gradients, gradient_times_input):
        found = explain(model, X)
        coef = y.std() * model.coefs_[0][:, 0] * model.encoder_.scale_
        np.testing.assert_allclose(found.values, coef * (X - X.mean(axis=0)), atol=1e-9)
        np.testing.assert_allclose(found.residual, 0, atol=1e-9)
        np.testing.assert_allclose(explain(model, X[1:2], background=X[:1]).values.sum(), slope[0])


def scalar(network, weights=(1.0,)):
    return Scalar(chains(network), np.asarray(weights))


def additive(activation):
    """f(z) = Σⱼ gⱼ(zⱼ), each gⱼ a network of its own inside one."""
    rng = np.random.default_rng(0)
    network = Network.build(Sequential((Dense(3, 12), activation, Dense(12, 1))), seed=0, dtype=np.float64)
    p = network.views()
    p[0].weight[...] = np.repeat(np.eye(3), 4, axis=1) * rng.normal(size=12) * 2
    p[0].bias[...], p[2].weight[...] = rng.normal(size=12), rng.normal(size=(12, 1))
    return scalar(network)


@pytest.mark.parametrize(("activation", "tolerance"), [(Tanh(), 1e-9), (ReLU(), 1e-3)])
def test_columns_of_an_additive_function_get_their_own_share(activation, tolerance):
    f, rng = additive(activation), np.random.default_rng(1)
    z, z0 = rng.normal(size=(50, 3)), rng.normal(size=(1, 3))
    found = integrate(f, z, z0, tol=1e-4)
    for j in range(3):
        moved = np.repeat(z0, len(z), axis=0)
        moved[:, j] = z[:, j]
        np.testing.assert_allclose(found[:, j], f.value(moved) - f.value(z0), atol=tolerance)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_integral_is_that_of_a_fine_rule(activation):
    layers = (Dense(4, 20), ACTIVATIONS[activation](), Dense(20, 10), ACTIVATIONS[activation](), Dense(10, 1))
    f = scalar(Network.build(Sequential(layers), seed=3, dtype=np.float64))
    rng = np.random.default_rng(1)
    z, z0, n = 2 * rng.normal(size=(5, 4)), rng.normal(size=(1, 4)), 20_000
    expected = np.zeros_like(z)
    for i, row in enumerate(z):
        a = (np.arange(n)[:, None] + 0.5) / n
        path = z0 + a * (row - z0)
        expected[i] = (row - z0[0]) * f.times_gradient(path, path - 1).mean(axis=0)
    found = integrate(f, z, z0, tol=1e-3)
    assert (np.abs(found - expected) <= 1e-3 * np.abs(expected).sum(axis=1, keepdims=True)).all()


def test_the_sum_alone_does_not_end_the_search():
    """f = z₁³ - z₂³ on the diagonal: the sum is right with any rule, the columns are not."""

    @dataclass(frozen=True)
    class Cubes(Layer):
        def param_shapes(self):
            return {"weight": (2, 1)}

        def forward(self, x, p, m):
            m.x = x
            return x**3 @ p.weight

        def backward(self, dy, p, m):
            return 3 * m.x**2 * (dy @ p.weight.T)

    network = Network(Sequential((Cubes(),)), np.array([1.0, -1.0]))
    found = integrate(scalar(network), np.array([[2.0, 2.0]]), np.zeros((1, 2)), tol=1e-3)
    np.testing.assert_allclose(found, [[8.0, -8.0]])


def fine(f, z, z0, n_panels=4096):
    """The attributions by so many equal panels, in double precision."""
    a, out = np.linspace(0, 1, n_panels + 1), []
    for row in z:
        slope = f.slopes(z0, row - z0, np.zeros(n_panels + 1, int), a)[1]
        out.append((slope[1:] + slope[:-1]).mean(axis=0) / 2)
    return np.array(out)


DEFAULT = {"random_state": 0, "max_iter": 20}
HARD = [
    Case("default", DLRegressor(**DEFAULT | {"hidden_layer_sizes": (64, 64)})),
    Case("classes", DLClassifier(**DEFAULT | {"hidden_layer_sizes": (64,)}), y=labels),
    Case("one-member", DLRegressor(**DEFAULT, n_members=1)),
    Case("few-units", DLRegressor(**QUICK)),
    Case("three-layers", DLRegressor(**QUICK | {"hidden_layer_sizes": (32, 32, 32)}, numeric_embedding=None)),
    Case("ramps", DLRegressor(**QUICK, numeric_embedding="piecewise_linear")),
    Case("layernorm", DLRegressor(**QUICK, normalization="layer")),
    Case("leaky", DLRegressor(**QUICK | {"hidden_layer_sizes": (100, 100)}, activation="leaky_relu")),
    Case("one-hot", DLRegressor(**QUICK, encoder=TableEncoder(max_one_hot=50))),
]


@pytest.mark.parametrize("case", HARD, ids=[case.name for case in HARD])
def test_columns_are_within_tol_and_add_up(case):
    """The contract of `tol`, row by row, beside a very fine cut; with panels as coarse as the first ones it fails."""
    model = case.model.fit(case.X, case.y)
    target = model.fitted_.head.targets()[0]
    f = scalar(model.network_, model.fitted_.head.readout(target).weights)
    z = f.embed(model.encoder_.encode(df[:8], np.float64))
    z0 = middle(model.encoder_, model.n_features_in_, f.embedding_tables)
    expected, difference = fine(f, z, z0, 2**15), f.value(z) - f.value(z0)
    size = np.abs(expected).sum(axis=1)
    for tol in (1e-2, 1e-3, 9e-5):
        found = integrate(f, z, z0, tol)
        assert (np.abs(found - expected).max(axis=1) <= 1.7 * tol * size).all()  # it is 2.5 standard deviations
        missing = np.abs(found.sum(axis=1) - difference)
        assert (missing <= tol * np.maximum(np.abs(difference), 0.011 * size)).all()
    coarse = np.abs(fine(f, z, z0, integral.START) - expected).max(axis=1) / size
    assert coarse.max() > 1e-3  # there is something to find


def test_a_path_takes_few_points():
    """Seconds are points: those of a default ensemble on 442 rows, once 1400 a row."""
    X, t = load_diabetes(return_X_y=True)
    model = DLRegressor(random_state=0).fit(X, t)
    f, taken = scalar(model.network_), []
    slopes = f.slopes
    f.slopes = lambda start, way, row, a, dtype: taken.append((len(a), dtype)) or slopes(start, way, row, a, dtype)
    z = model.encoder_.encode(X, np.float64)
    integrate(f, z, np.zeros((1, 10)), tol=1e-3)
    single, double = (sum(n for n, dtype in taken if dtype is kind) / len(z) for kind in (np.float32, np.float64))
    assert 100 < single < 400
    assert double < 10


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_single_precision_is_left_where_rounding_does_harm(far):
    """f(z) = g(z - far): float32 knows 16 points between 1e6 and 1e6 + 1, and so as many places for a jump."""
    rng = np.random.default_rng(0)
    network = Network.build(Sequential((Dense(3, 16), ReLU(), Dense(16, 1))), seed=0, dtype=np.float64)
    p = network.views()
    p[0].bias[...] = 2 * rng.normal(size=16) - far * p[0].weight.sum(axis=0)
    f, dtypes = scalar(network), set()
    z, z0 = far + 2 * rng.normal(size=(20, 3)), np.full((1, 3), far)
    expected = fine(f, z, z0)
    slopes = f.slopes
    f.slopes = lambda *arguments: dtypes.add(arguments[-1]) or slopes(*arguments)
    found = integrate(f, z, z0, tol=1e-3)
    assert (np.abs(found - expected) <= 1e-3 * np.abs(expected).sum(axis=1, keepdims=True)).all()
    assert dtypes >= ({np.float64} if far else {np.float32})


def test_panels_alone_see_columns_that_cancel(monkeypatch):
    """z₁³ - z₂³ as above, and with the rules for smooth functions out of the way."""
    monkeypatch.setattr(integral, "_looks_smooth", lambda slope, size: np.zeros(len(slope), bool))
    X = numbers(df)
    model = DLRegressor(**QUICK, activation="tanh").fit(X, y)
    f = scalar(model.network_, model.fitted_.head.readout(0).weights)
    z = model.encoder_.encode(X[:20], np.float64)
    z0 = middle(model.encoder_, 3, [])
    expected, found = fine(f, z, z0), integrate(f, z, z0, 1e-3)
    assert (np.abs(found - expected) <= 1e-3 * np.abs(expected).sum(axis=1, keepdims=True)).all()


def test_jumps_that_cancel_take_little_of_what_is_missing():
    """Two columns jump by 1 and -0.95, and f gains a whole slope more than the edges say: that is no jump's doing."""
    rows = integral._Rows(None, np.zeros((1, 2)), np.ones((1, 2)), np.zeros((1, 2)), 1e-3, 1e-6)
    slope = np.zeros((1, integral.START + 1, 2))
    slope[:, 9:] = 1, -0.95
    gains = (slope[0, 1:] + slope[0, :-1]).sum(axis=1) / (2 * integral.START)
    trapezoids = (slope[0, 1:] + slope[0, :-1]).sum(axis=0) / (2 * integral.START)
    gains[8] += 1 / integral.START
    value = np.append(0, np.cumsum(gains))[None]
    found, _ = integral._Panels(rows, value, slope, np.float64).sum()
    assert found.sum() == pytest.approx(value[0, -1])
    assert np.abs(found - trapezoids).max() < 1.2 / integral.START


def test_chains_side_by_side_are_explained_by_the_mean_of_all_members():
    """Each with embeddings of its own: a column of codes has those of all chains, one after the other."""
    rng, parts = np.random.default_rng(0), []
    for seed, (width, n_members) in enumerate([(2, 3), (3, 1)]):
        front = Network.build(Sequential((TableInput(2, (4, 5), width),)), seed=seed, dtype=np.float64)
        n_in = 2 + 2 * width
        layers = (Members((1,) * n_in, n_members), Dense(n_in, 8), ReLU(), Dense(8, 1))
        parts.append(Chain(front, Network.build(Sequential(layers), seed=seed, dtype=np.float64)))
    both, alone = Scalar(parts, np.ones(1)), [Scalar([part], np.ones(1)) for part in parts]
    rows = Columns(rng.normal(size=(6, 2)), rng.integers(0, 4, (6, 2)))
    z, z0 = both.embed(rows), both.embed(rows[:1])
    assert [table.shape for table in both.embedding_tables] == [(4, 5), (5, 5)]
    origins = [7, 8, 3, 3, 4, 4]  # of two numbers and two categories, in the first chain
    assert both.origins(np.array(origins)).tolist() == [7, 8, *[3] * 5, *[4] * 5]
    assert alone[0].origins(np.array(origins)).tolist() == origins
    shares, ways = [3 / 4, 1 / 4], [f.embed(rows) for f in alone]
    values = [f.value(z) for f, z in zip(alone, ways, strict=True)]
    np.testing.assert_allclose(both.value(z), np.average(values, axis=0, weights=shares))
    found = integrate(both, z, z0, 1e-4)
    of_each = [fine(f, z, z[:1]) for f, z in zip(alone, ways, strict=True)]
    np.testing.assert_allclose(found[:, :2], np.average([v[:, :2] for v in of_each], axis=0, weights=shares), atol=1e-4)
    at = [[2, 3, 7, 8], [4, 5, 6, 9, 10, 11]]  # the columns of each chain
    for values, columns, share in zip(of_each, at, shares, strict=True):
        np.testing.assert_allclose(found[:, columns], share * values[:, 2:], atol=1e-4)


@pytest.mark.parametrize("verbose", [False, True])
def test_progress_is_told(capsys, monkeypatch, verbose):
    monkeypatch.setattr(integral, "ROWS", 10)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    model = DLRegressor(**QUICK).fit(df, y)
    integrated_gradients(model, df[:25], background=df[:2], verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        f"[integrated_gradients] {n} of 50 paths" for n in ((10, 20, 25, 35, 45, 50) if verbose else ())
    ]
    assert not verbose or (lines[0].endswith(" s left") and lines[-1].endswith(" s, done"))


def test_members_are_explained_by_their_mean():
    @dataclass(frozen=True)
    class Members(Layer):
        """(n, d) -> (n, 3, d): each member sees its own scale."""

        def forward(self, x, p, m):
            m.x = x
            return np.stack([x, 2 * x, -x], axis=1)

        def backward(self, dy, p, m):
            return dy[:, 0] + 2 * dy[:, 1] - dy[:, 2]

    layers = (Members(), Dense(4, 8), Tanh(), Dense(8, 2))
    network = Network.build(Sequential(layers), seed=0, dtype=np.float64)
    alone = Network(Sequential(layers[1:]), network.values)
    z, z0 = np.random.default_rng(0).normal(size=(6, 4)), np.zeros((1, 4))
    weights = np.array([1.0, -0.5])
    found = scalar(network, weights)
    one = scalar(alone, weights)
    np.testing.assert_allclose(found.value(z), np.mean([one.value(c * z) for c in (1, 2, -1)], axis=0))
    expected = np.mean([integrate(one, c * z, z0, 1e-3) for c in (1, 2, -1)], axis=0)
    np.testing.assert_allclose(integrate(found, z, z0, 1e-3), expected, atol=1e-9)


def test_the_same_row_has_no_attribution():
    model = DLRegressor(**QUICK).fit(df, y)
    found = integrated_gradients(model, df[:3], background=df[1:2])
    np.testing.assert_array_equal(found.values[1], 0)
    assert np.abs(found.values[[0, 2]]).sum() > 0.1


def test_only_the_columns_that_differ_get_a_share():
    model = DLRegressor(**QUICK).fit(df, y)
    other = df[:1].assign(town="town 03", score=np.nan if df["score"][0] == df["score"][0] else 1.0)
    values = integrated_gradients(model, df[:1], background=other).values[0]
    assert set(np.flatnonzero(values)) == {1, 2}


def test_a_background_is_the_mean_over_its_rows():
    model = DLRegressor(**QUICK).fit(df, y)
    parts = [integrated_gradients(model, df[:9], background=df[i : i + 1]) for i in (100, 101, 102)]
    weighted = integrated_gradients(model, df[:9], background=df[100:103], background_weight=[1, 2, 0])
    np.testing.assert_allclose(weighted.values, (parts[0].values + 2 * parts[1].values) / 3)
    twice = integrated_gradients(model, df[:9], background=df.iloc[[100, 101, 101]])
    np.testing.assert_allclose(weighted.values, twice.values)
    assert weighted.baseline == pytest.approx(np.average(model.predict(df[100:103]), weights=[1, 2, 0]))


@pytest.mark.parametrize("scaling", ["robust", "standard"])
def test_the_middle_has_the_typical_numbers_and_the_mean_of_the_levels(scaling):
    """Of a linear model, that is the mean prediction over all combinations of the levels."""
    model = DLRegressor(**QUICK | {"hidden_layer_sizes": ()}, encoder=TableEncoder(scaling=scaling)).fit(df, y)
    typical = {"robust": pd.Series.median, "standard": pd.Series.mean}[scaling]
    numbers = {name: typical(df[name].dropna().astype(float)) for name in ("income", "score", "member")}
    colours = ["red", "green", "blue", None]
    rows = [(town, colour, size) for town in TOWNS for colour in colours for size in ("S", "L")]
    every = pd.DataFrame(rows, columns=["town", "colour", "size"]).assign(**numbers, constant=7.0)[list(df.columns)]
    assert integrated_gradients(model, df[:1]).baseline == pytest.approx(model.predict(every).mean(), abs=1e-6)


def test_nothing_depends_on_the_kind_of_table():
    model = DLRegressor(**QUICK).fit(df, y)
    as_polars = pl.DataFrame({name: [None if v != v else v for v in df[name].to_list()] for name in df})
    expected = integrated_gradients(model, df)
    found = integrated_gradients(model, as_polars)
    np.testing.assert_array_equal(found.values, expected.values)
    assert list(found.feature_names) == list(df.columns)
    in_parts = np.vstack([integrated_gradients(model, df[i : i + 50]).values for i in range(0, 400, 50)])
    np.testing.assert_allclose(in_parts, expected.values, atol=1e-3 * np.abs(expected.values).sum(axis=1).max())


# ---------------------------------------------------------------- inside scikit-learn


def test_pipelines_and_searches():
    X = numbers(df)
    pipe = make_pipeline(StandardScaler(), DLRegressor(**QUICK)).fit(pd.DataFrame(X, columns=["a", "b", "c"]), y)
    found = integrated_gradients(pipe, pd.DataFrame(X, columns=["a", "b", "c"])[:9])
    assert list(found.feature_names) == ["a", "b", "c"]
    pipe = make_pipeline(PolynomialFeatures(2, include_bias=False), DLRegressor(**QUICK)).fit(X, y)
    found = integrated_gradients(pipe, X[:20], background=X[30:31])
    assert found.feature_names[3] == "x0^2"
    np.testing.assert_allclose(found.prediction, pipe.predict(X[:20]))
    np.testing.assert_allclose(found.baseline, pipe.predict(X[30:31])[0])
    untold = make_pipeline(FunctionTransformer(np.tanh), DLRegressor(**QUICK)).fit(X, y)
    assert list(integrated_gradients(untold, X[:2]).feature_names) == ["x0", "x1", "x2"]
    search = GridSearchCV(pipe, {"dlregressor__activation": ["tanh", "relu"]}, cv=2).fit(X, y)
    np.testing.assert_allclose(integrated_gradients(search, X[:20]).prediction, search.predict(X[:20]))


def friedman(n, d, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, d))
    return X, 3 * np.sin(2 * X[:, 1]) + 4 * X[:, 3] ** 2 + 2 * X[:, 4] + 0.1 * rng.normal(size=n)


def test_agrees_with_permutation_importance():
    """What matters, in which order: both see the same model."""
    X, t = friedman(600, 7)
    model = DLRegressor(random_state=0, n_members=1, max_iter=100).fit(X[:400], t[:400])
    ours = integrated_gradients(model, X[400:], background=X[:50]).importance()
    theirs = permutation_importance(model, X[400:], t[400:], n_repeats=5, random_state=0).importances_mean
    assert spearmanr(ours, theirs).statistic > 0.85
    assert set(np.argsort(ours)[-3:]) == set(np.argsort(theirs)[-3:]) == {1, 3, 4}
    assert ours[[0, 2, 5, 6]].max() < 0.2 * ours[[1, 3, 4]].min()


def test_agrees_with_partial_dependence():
    """Where columns act one by one, a column's attribution is its partial dependence, but for a constant."""
    X, t = friedman(1000, 5)
    model = DLRegressor(random_state=0, n_members=1, max_iter=150).fit(X, t)
    values = integrated_gradients(model, X).values
    for j in (1, 3, 4):
        curve = partial_dependence(model, X, [j], grid_resolution=60)
        at_rows = np.interp(X[:, j], curve["grid_values"][0], curve["average"][0])
        assert np.corrcoef(values[:, j], at_rows)[0, 1] > 0.98
        assert np.std(values[:, j] - at_rows) < 0.2 * np.std(at_rows)


def test_rfe_keeps_the_columns_that_matter():
    X, t = friedman(400, 8)
    network = DLRegressor(random_state=0, n_members=1, max_iter=60)
    chosen = RFE(network, n_features_to_select=3, importance_getter=attribution_importance).fit(X, t)
    assert set(np.flatnonzero(chosen.support_)) == {1, 3, 4}
    assert chosen.score(X, t) > 0.9
    chosen = RFECV(network, step=2, cv=2, importance_getter=attribution_importance).fit(X, t)
    assert set(np.flatnonzero(chosen.support_)) >= {1, 3, 4}


def test_rfe_for_classes_with_gaps_sees_interactions():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 6))
    label = np.where(X[:, 0] * X[:, 5] > 0, "same", "other")  # neither column matters alone
    X[rng.random(X.shape) < 0.02] = np.nan
    network = DLClassifier(random_state=0, n_members=1, max_iter=40)
    chosen = RFE(network, n_features_to_select=2, importance_getter=attribution_importance).fit(X, label)
    assert list(np.flatnonzero(chosen.support_)) == [0, 5]


@pytest.mark.parametrize("model", [DLRegressor(**QUICK), DLClassifier(**QUICK)], ids=["numbers", "classes"])
def test_select_from_model_takes_raw_tables(model):
    model = model.set_params(max_iter=60)
    target = labels if isinstance(model, DLClassifier) else y
    chosen = SelectFromModel(model, importance_getter=attribution_importance, max_features=4, threshold=-np.inf)
    names = set(chosen.fit(df, target).get_feature_names_out())
    assert {"town", "income"} <= names
    assert "constant" not in names


def test_importance_repeats_itself_and_takes_all_targets():
    for case in CASES[-12:]:
        model = case.model.fit(case.X, case.y)
        a, b = attribution_importance(model), attribution_importance(model)
        np.testing.assert_array_equal(a, b)
        assert a.shape == (model.n_features_in_,)
        assert (a >= 0).all()
        assert a.max() > 0
    piped = make_pipeline(StandardScaler(), DLRegressor(**QUICK)).fit(numbers(df), y)
    assert attribution_importance(piped).shape == (3,)


# ---------------------------------------------------------------- the record


def record():
    values = np.array([[1.0, -2.0, 0.0], [3.0, 0.0, 0.5]])
    return Attributions(values, 10.0, np.array([9.0, 14.0]), np.array(["a", "b", "c"], dtype=object), "y")


def test_record():
    found = record()
    np.testing.assert_allclose(found.residual, [0.0, 0.5])
    np.testing.assert_allclose(found.importance(), [2.0, 1.0, 0.25])
    np.testing.assert_allclose(found.importance([0, 1]), [3.0, 0.0, 0.5])
    assert list(found.to_frame().columns) == ["a", "b", "c"]
    assert str(found).splitlines() == [
        "mean |attribution| to y over 2 rows, baseline 10",
        "  a  2",
        "  b  1",
        "  c  0.25",
    ]


def test_explained_is_told():
    told = [
        (DLRegressor(**QUICK), y, None, "y"),
        (DLRegressor(**QUICK), several, 1, "y[1]"),
        (DLRegressor(**QUICK, loss="poisson"), np.exp(y), None, "log y"),
        (DLClassifier(**QUICK), df["member"], None, "logit of True"),
        (DLClassifier(**QUICK), labels, "low", "logit of 'low'"),
        (DLClassifier(**QUICK), indicators, 2, "logit of label 2"),
        (DLClassifier(**QUICK), words, (1, "yes"), "logit of 'yes' in output 1"),
    ]
    for model, target, which, name in told:
        assert integrated_gradients(model.fit(df, target), df[:2], target=which).explained == name


def test_two_classes_mirror_each_other():
    model = DLClassifier(**QUICK).fit(df, np.where(y > 0, "yes", "no"))
    yes, no = (integrated_gradients(model, df[:5], target=name).values for name in ("yes", "no"))
    np.testing.assert_array_equal(yes, -no)
    np.testing.assert_array_equal(yes, integrated_gradients(model, df[:5]).values)


def test_gradient_times_input_says_what_it_leaves():
    model = DLRegressor(**QUICK).fit(df, y)
    found = gradient_times_input(model, df)
    exact = integrated_gradients(model, df)
    np.testing.assert_array_equal(found.prediction, exact.prediction)
    assert np.abs(found.residual).max() > 10 * np.abs(exact.residual).max()
    assert spearmanr(found.importance(), exact.importance()).statistic > 0.8


# ---------------------------------------------------------------- the display


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_display_bar():
    display = AttributionDisplay(record()).plot(max_columns=2)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["b", "a"]  # the largest on top
    assert [bar.get_width() for bar in display.ax_.patches] == [1.0, 2.0]
    assert display.ax_.get_xlabel() == "mean |attribution| to y\n2 of 3 columns, the others less"
    assert AttributionDisplay(record()).plot(max_columns=3).ax_.get_xlabel() == "mean |attribution| to y"
    assert display.figure_ is display.ax_.figure


def test_display_row_goes_from_baseline_to_prediction():
    display = AttributionDisplay(record()).plot(kind="row", max_columns=1)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["b", "2 others"]
    bars = [(bar.get_x(), bar.get_width()) for bar in display.ax_.patches]
    assert bars == [(10.0, -2.0), (8.0, 1.0)]
    assert [text.get_text() for text in display.ax_.texts] == ["-2", "+1"]


def test_display_box_and_own_axes():
    _, ax = plt.subplots()
    display = AttributionDisplay(record()).plot(ax, kind="box")
    assert display.ax_ is ax
    assert [label.get_text() for label in ax.get_yticklabels()] == ["c", "b", "a"]


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_times_input"])
def test_display_from_estimator(method):
    model = DLClassifier(**QUICK).fit(df, labels)
    _, ax = plt.subplots()
    display = AttributionDisplay.from_estimator(model, df[:1], target="low", method=method, background=df[5:7], ax=ax)
    assert display.ax_ is ax
    assert "logit of 'low': from" in ax.get_xlabel()  # a single row is drawn as a row
    assert len(ax.patches) == len(df.columns)


# ---------------------------------------------------------------- errors


def test_errors_are_one_sentence():
    model = DLRegressor(**QUICK).fit(df, y)
    classes = DLClassifier(**QUICK).fit(df, labels)
    pairs = DLClassifier(**QUICK).fit(df, words)
    two = DLRegressor(**QUICK).fit(df, np.c_[y, y])
    plain = DLRegressor(**QUICK).fit(sparse.csr_array(numbers(df)), y)

    class First(Link):
        name = "first"

        def inverse(self, raw):
            return raw[:, :1]

    class TwoRaw(Loss):
        link = First()

        def n_raw(self, n_outputs):
            return 2 * n_outputs

        def value_and_gradient(self, y, raw, weight, out):
            out[...] = raw - y
            return float((out**2).sum()) / 2

    odd = DLRegressor(**QUICK, loss=TwoRaw()).fit(df, y)
    for call, message in [
        (lambda: integrated_gradients(model, df, target=1), r"target must be the number of an output, 0 to 0; got 1\."),
        (lambda: integrated_gradients(model, df, tol=0), r"tol must be a number > 0; got 0\."),
        (
            lambda: integrated_gradients(model, df, verbose="loud"),
            r"verbose must be True or False or an int >= 0; got 'loud'\.",
        ),
        (lambda: integrated_gradients(model, df, background_weight=[1]), "background_weight was given without"),
        (lambda: integrated_gradients(classes, df, target="huge"), "target must be one of the classes .* got 'huge'"),
        (
            lambda: integrated_gradients(pairs, df, target="low"),
            r"target must be a pair \(output, class\), such as \(0, '\w+'\); got 'low'",
        ),
        (
            lambda: gradient_times_input(pairs, df),
            r"of several outputs, pass target=: a pair \(output, class\), such as",
        ),
        (
            lambda: AttributionDisplay.from_estimator(two, df),
            r"of several outputs, pass target=: the number of an output, 0 to 1\.",
        ),
        (lambda: integrated_gradients(plain, sparse.csr_array(numbers(df))), r"X is sparse, .* pass X\.toarray\(\)"),
        (lambda: integrated_gradients(plain, numbers(df), background=sparse.eye_array(3)), "background is sparse"),
        (lambda: integrated_gradients(model, df[["town"]]), "feature names should match"),
        (lambda: integrated_gradients(model, df, background=df[:2], background_weight=[-1, 1]), "[Nn]egative"),
        (lambda: integrated_gradients(RandomForestRegressor(), df), "estimator must be a DLRegressor, a DLClassifier"),
        (lambda: integrated_gradients(odd, df), "one raw output a target; the loss TwoRaw.* has 2"),
        (
            lambda: AttributionDisplay(record()).plot(kind="pie"),
            r"kind must be 'auto', 'bar', 'box' or 'row'; got 'pie'\.",
        ),
        (lambda: AttributionDisplay(record()).plot(max_columns=0), r"max_columns must be an int >= 1; got 0\."),
        (lambda: AttributionDisplay.from_estimator(model, df, method="lime"), "method must be 'integ.*; got 'lime'"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(NotFittedError):
        integrated_gradients(DLRegressor(), df)


def test_what_does_not_converge_is_told(monkeypatch):
    model = DLRegressor(**QUICK).fit(df, y)
    monkeypatch.setattr(integral, "MOST", integral.START)
    with pytest.warns(ConvergenceWarning, match=r"of 400 rows are not sure to be within tol=1e-06") as told:
        integrated_gradients(model, df, tol=1e-6)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        integrated_gradients(DLRegressor(**QUICK, activation="tanh").fit(df, y), df, tol=1e-6)


# ---------------------------------------------------------------- what a newcomer sees of it


def test_each_row_is_explained_by_its_predicted_class():
    X, y = load_iris(return_X_y=True)
    labels = np.array(["one", "two", "three"])[y]
    model = DLClassifier(random_state=0, n_members=1, max_iter=30).fit(X, labels)
    for method in (integrated_gradients, gradient_times_input):
        found = method(model, X)
        predicted = model.predict(X)
        assert found.explained == "logit of the predicted class"
        assert found.baseline.shape == found.prediction.shape == (150,)
        for label in np.unique(labels):
            at, alone = np.flatnonzero(predicted == label), method(model, X, target=label)
            size = np.abs(alone.values[at]).sum(axis=1).max()
            np.testing.assert_allclose(found.values[at], alone.values[at], atol=1e-5 * size)  # rounded to single
            np.testing.assert_allclose(found.prediction[at], alone.prediction[at], rtol=1e-12)
            np.testing.assert_allclose(found.baseline[at], alone.baseline, rtol=1e-12)
        one = method(model, X[:1])
        assert one.explained == f"logit of '{predicted[0]}'"
        assert AttributionDisplay(one).plot().ax_.get_xlabel().startswith(one.explained)
    np.testing.assert_allclose(integrated_gradients(model, X).residual, 0, atol=0.01)


def test_two_classes_labels_and_pairs_have_the_default_that_they_had():
    X = np.random.default_rng(0).normal(size=(40, 3))
    two = DLClassifier(max_iter=1).fit(X, np.where(X[:, 0] > 0, "yes", "no"))
    assert integrated_gradients(two, X[:2]).explained == "logit of 'yes'"
    for target, told in ((np.column_stack([X[:, 0] > 0] * 3).astype(int), "number"), (X[:, :2].round() % 3, "pair")):
        with pytest.raises(ValueError, match=f"of several outputs, pass target=: .*{told}"):
            integrated_gradients(DLClassifier(max_iter=1).fit(X, target), X[:2])


MIXED_ROW = {"a": 0.123456, "b": np.nan, "c": "a very long word, longer than any label", "d": None, "e": True, "f": 7}
CELLS = ["a = 0.1235", "b = missing", "c = a very long ...n any label", "d = missing", "e = True", "f = 7"]


def array_of(rows):
    return np.array([list(row.values()) for row in rows], dtype=object)


@pytest.mark.parametrize("of", [pd.DataFrame, pl.DataFrame, array_of])
def test_the_values_of_a_row_stand_beside_its_bars(of):
    names = np.array(list(MIXED_ROW), dtype=object)
    values = -np.arange(6.0, 0, -1)[None]
    found = Attributions(values, 1.0, 1 + values.sum(axis=1), names, "y", of([MIXED_ROW]))
    ticks = [label.get_text() for label in AttributionDisplay(found).plot().ax_.get_yticklabels()]
    assert [tick[:8] for tick in ticks] == [cell[:8] for cell in CELLS]
    assert max(map(len, ticks)) < 40
    assert "<th>b</th><td>missing</td><td>-5</td>" in found._repr_html_()


def test_a_network_in_a_pipeline_shows_what_it_got():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), DLRegressor(n_members=1, max_iter=1)).fit(X, y)
    display = AttributionDisplay.from_estimator(model, X[:1])
    scaled = dict(zip(X.columns, model[0].transform(X[:1])[0], strict=True))
    shown = dict(label.get_text().split(" = ") for label in display.ax_.get_yticklabels())
    assert shown == {name: f"{value:.4g}" for name, value in scaled.items()}


@pytest.mark.parametrize("n_rows", [0, 1, 2, 442])
def test_the_last_line_of_a_cell_is_short_and_a_table(n_rows):
    names = np.array([f"<column {j}>" for j in range(100)], dtype=object)
    values = np.random.default_rng(0).normal(size=(n_rows, 100))
    found = Attributions(values, 0.0, values.sum(axis=1), names, "y")
    assert len(repr(found)) < 250
    assert "and 97 more columns" in repr(found)
    document = found._repr_html_()
    assert document.count("<tr>") == 21
    assert "and 80 more columns" in document
    assert "&lt;column" in document
    assert "<column" not in document
