"""skops: only this package's types to trust, and the same bits after reading; as in pickle and joblib."""

from __future__ import annotations

import decimal
import fractions
import io
import pickle
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import sparse

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.losses import Quantile
from sklearn_dl.solvers import SGD

N = 120
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 3))
Y = np.column_stack((X[:, 0], X[:, 0] * X[:, 1]))
THREE = np.digitize(Y[:, 0], [-0.5, 0.5])
TABLE = pd.DataFrame(
    {
        "area": X[:, 0],
        "year": np.where(RNG.random(N) < 0.2, np.nan, RNG.integers(1900, 2025, N)),
        "heating": RNG.choice(["gas", "oil", None], N),
        "street": RNG.choice([f"street {i}" for i in range(12)], N),
        "zone": RNG.integers(0, 12, N),
    }
)
SAID = RNG.choice(["old", "new", "large", "small", "dry"], (N - 1, 2))
NOTES = [None, *(f"the {a} one is {b} in {i}" for i, (a, b) in enumerate(SAID))]


class Case(NamedTuple):
    name: str
    estimator: Any
    X: Any
    y: Any


DATED = TABLE.assign(
    day=pd.date_range("2020-01-01", periods=N, freq="37h", tz="Europe/Berlin"),
    told=[f"{i % 28 + 1}.3.2021 12:00" for i in range(N)],
    kept=pd.Categorical(pd.to_datetime(["2020-01-01", "2020-06-01"] * (N // 2))),
)
NAMED = TableEncoder(categorical_features=["heating", "street", "zone"])
CASES = [
    Case("plain", DLRegressor(), X, Y[:, 0]),
    Case("several outputs", DLRegressor(loss="huber", solver="lbfgs"), X, Y),
    Case("quantiles", DLRegressor(loss=Quantile((0.1, 0.9)), hidden_layer_sizes=()), X, Y),
    Case("log link", DLRegressor(loss="poisson", normalization="batch", dropout=0.1), X, abs(Y)),
    Case("sparse", DLRegressor(encoder="auto"), sparse.csr_array(np.where(X > 0, X, 0)), Y),
    Case("table", DLRegressor(encoder=NAMED, dtype="float32"), TABLE, Y),
    Case("dates", DLRegressor(encoder=TableEncoder(kinds={"zone": "category", "told": "date"})), DATED, Y),
    Case("polars", DLClassifier(activation=("relu", "gelu"), hidden_layer_sizes=(5, 4)), "polars", THREE),
    Case("free text", DLRegressor(), TABLE.assign(note=NOTES), Y[:, 0]),
    Case("one-hot", DLClassifier(encoder=TableEncoder(max_one_hot=99), architecture="resnet"), TABLE, THREE > 1),
    Case("text", DLClassifier(class_weight="balanced"), X, np.array(["a", "b", "c"], object)[THREE]),
    Case("labels", DLClassifier(loss="focal", normalization="layer"), X, (Y > 0).astype(int)),
    Case("members", DLRegressor(n_members=3, n_folds=3, numeric_embedding="periodic"), TABLE, Y),
    Case("levels left out", DLRegressor(loss=Quantile((0.1, 0.9)), n_members=2, n_folds=2), X, Y),
    Case("members to go on", DLClassifier(n_members=2, warm_start=True), X, THREE),
    Case("two targets", DLClassifier(early_stopping=True), X, np.column_stack((THREE, THREE > 1))),
    Case("weights by class", DLClassifier(class_weight={0: 1.0, 1: 2.0, 2: 0.5}), X, THREE),
    Case("to go on", DLRegressor(solver=SGD(), warm_start=True, random_state=np.random.RandomState(3)), X, Y),
]


def answers(model: Any, X: Any) -> list[np.ndarray]:
    found = [model.predict(X)]
    if hasattr(model, "predict_proba"):
        proba = model.predict_proba(X)
        found += proba if isinstance(proba, list) else [proba]
    if getattr(model.fitted_.head, "margins", None) is not None:
        found.append(model.predict_interval(X))
    return found + ([model.predict_quantiles(X)] if hasattr(model, "predict_quantiles") else [])


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_only_this_packages_types_are_to_be_trusted(case, tmp_path):
    X = case.X
    if isinstance(X, str):
        import polars

        X = polars.from_pandas(TABLE)
    model = case.estimator.set_params(max_iter=3)
    if model.random_state is None:
        model.set_params(random_state=0)
    model.fit(X, case.y)
    skops.io.dump(model, tmp_path / "model.skops")
    types = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    assert types
    assert [t for t in types if not t.startswith("sklearn_dl.")] == []
    read = skops.io.load(tmp_path / "model.skops", trusted=types)
    for a, b in zip(answers(model, X), answers(read, X), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert read.get_params(deep=False).keys() == model.get_params(deep=False).keys()
    assert read.history_ == model.history_
    if model.warm_start:  # solver's vectors, random state and all
        for a, b in zip(answers(model.fit(X, case.y), X), answers(read.fit(X, case.y), X), strict=True):
            np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------- levels, labels and settings of all kinds, all formats


def by_pickle(model: Any) -> Any:
    return pickle.loads(pickle.dumps(model))


def by_joblib(model: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(model, file)
    return joblib.load(io.BytesIO(file.getvalue()))


def by_skops(model: Any) -> Any:
    data = skops.io.dumps(model)
    types = skops.io.get_untrusted_types(data=data)
    assert [t for t in types if not t.startswith(("sklearn_dl.", "numpy."))] == []
    return skops.io.loads(data, trusted=types)


FORMATS = [by_pickle, by_joblib, by_skops]

LEVELS: dict[str, list[Any]] = {
    "bools": [False, True],
    "NumPy's bools": [np.False_, np.True_],
    "bools and an int": [False, True, 2],
    "ints": [0, 1],
    "negative ints": [-1, 0, 1],
    "floats that are whole": [0.0, 1.0, -0.5],
    "infinity": [np.inf, -np.inf, 0.0],
    "NumPy's ints": [np.int8(3), np.int8(5)],
    "unsigned": [np.uint64(2**63), np.uint64(2**64 - 1)],
    "float32": [np.float32(0.1), np.float32(0.7)],
    "beyond 64 bits": [2**70, 2**70 + 1],
    "Decimals": [decimal.Decimal("0.1"), decimal.Decimal("0.30"), decimal.Decimal(7)],
    "fractions": [fractions.Fraction(1, 3), fractions.Fraction(4, 2)],
    "numbers of any kind": [True, decimal.Decimal("2.5"), 3, np.float32(0.1), np.int16(9), fractions.Fraction(1, 7)],
    "text": ["", " ", "nan", "None", "False", "0", "\U0001f600"],
    "NumPy's text": [np.str_("a"), np.str_("b")],
    "bytes": [b"", b"a", b"\xff"],
    "NumPy's bytes": [np.bytes_(b"a"), np.bytes_(b"b")],
    "many": [f"level {i}" for i in range(30)],
}


@pytest.mark.parametrize("save", FORMATS)
@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("gaps", [False, True])
def test_every_kind_of_level(kind, gaps, save):
    levels = LEVELS[kind]
    positions = np.arange(N) % len(levels)
    values: list[Any] = [levels[i] for i in positions]
    if gaps:
        values[::11] = [None] * len(values[::11])
    table = pd.DataFrame({"k": pd.Series(values, dtype=object), "x": X[:, 0]}).astype({"k": "category"})
    for max_one_hot in (20, 0):
        encoder = TableEncoder(max_one_hot=max_one_hot, min_frequency=1)
        model = DLRegressor(max_iter=2, random_state=0, encoder=encoder).fit(table, positions)
        read = save(model)
        np.testing.assert_array_equal(read.predict(table), model.predict(table))
        assert read.encoder_.levels_ == model.encoder_.levels_
        held = [[type(level) for level in e.encoder_.levels_[0]] for e in (read, model)]
        assert held[0] == held[1]
        assert set(held[0]) <= {str, bytes, bool, int, float}
        codes = read.encoder_.transform(table)
        assert len(np.unique(codes[:, 1:], axis=0)) == len(levels) + gaps  # each is told apart


LABELS: dict[str, np.ndarray] = {
    "bools": np.array([False, True]),
    "ints": np.array([0, 1]),
    "int8": np.array([-3, 5, 7], np.int8),
    "unsigned": np.array([1, 2**63, 2**63 + 2**12], np.uint64),
    "floats": np.array([0.0, 1.0, 2.0]),
    "text": np.array(["", "nan", "False"]),
    "text as objects": np.array(["", "nan", "False"], object),
}


@pytest.mark.parametrize("save", FORMATS)
@pytest.mark.parametrize("kind", LABELS)
def test_every_kind_of_label(kind, save):
    labels = LABELS[kind]
    y = labels[np.arange(N) % len(labels)]
    weights = {label: 1.0 + i for i, label in enumerate(labels)}
    for model in (DLClassifier(class_weight=weights), DLClassifier(class_weight=[weights, weights])):
        target = y if isinstance(model.class_weight, dict) else np.column_stack((y, y[::-1]))
        model.set_params(max_iter=2, random_state=0).fit(X, target)
        read = save(model)
        assert type(read.class_weight) is type(model.class_weight)
        assert read.class_weight == model.class_weight
        for a, b in zip(np.atleast_2d(read.classes_), np.atleast_2d(model.classes_), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        for a, b in zip(answers(read, X), answers(model, X), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(
            read.fit(X, target).predict(X), model.predict(X)
        )  # the weights are what they were


SETTINGS: dict[str, dict[str, Any]] = {
    "NumPy's numbers": {"max_iter": np.int64(2), "learning_rate_init": np.float64(0.01), "n_members": np.int8(2)},
    "a dtype": {"dtype": np.float32},
    "arrays": {"hidden_layer_sizes": np.array([4, 3])},
    "a tuple": {"hidden_layer_sizes": (4, 3), "activation": ("relu", "tanh")},
    "a mask": {"encoder": TableEncoder(categorical_features=[False, True, False])},
    "NumPy's bools": {"encoder": TableEncoder(categorical_features=np.array([False, True, False]))},
    "names": {"encoder": TableEncoder(categorical_features=("b",))},
    "an index": {"encoder": TableEncoder(categorical_features=pd.Index(["b"]))},
    "a Series": {"encoder": TableEncoder(categorical_features=pd.Series([1]))},
    "a range": {"encoder": TableEncoder(categorical_features=range(1, 2))},
    "kinds": {"encoder": TableEncoder(kinds={"b": "category", 0: "number"})},
    "a random state": {"random_state": np.random.RandomState(3)},
    "objects": {"solver": SGD(momentum=0.5), "loss": Quantile((0.2, 0.8))},
    "booleans": {"early_stopping": np.True_, "shuffle": False},
}


@pytest.mark.parametrize("save", FORMATS)
@pytest.mark.parametrize("kind", SETTINGS)
def test_every_kind_of_setting(kind, save):
    table = pd.DataFrame({"a": X[:, 0], "b": np.arange(N) % 3, "c": X[:, 1]})
    model = DLRegressor(**{"max_iter": 2, "random_state": 0} | SETTINGS[kind]).fit(table, Y[:, 0])
    read = save(model)
    np.testing.assert_array_equal(read.predict(table), model.predict(table))
    assert read.get_params().keys() == model.get_params().keys()
    np.testing.assert_array_equal(read.fit(table, Y[:, 0]).predict(table), model.fit(table, Y[:, 0]).predict(table))


NAMES = [0, np.int64(3), ("a", 1), 1.5, None, True, b"x", pd.Timestamp("2020"), "x"]


@pytest.mark.parametrize("save", FORMATS)
@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_every_kind_of_column_name(name, save):
    days = pd.date_range("2020-01-01", periods=N, freq="D")
    for values in (list("abc") * 40, days):
        _survives(values, name, save)


def _survives(values, name, save):
    table = pd.DataFrame({"k": values})
    table.columns = pd.MultiIndex.from_tuples([name]) if isinstance(name, tuple) else pd.Index([name])
    model = DLRegressor(max_iter=2, random_state=0).fit(table, Y[:, 0])
    np.testing.assert_array_equal(save(model).predict(table), model.predict(table))


def test_an_encoder_alone(tmp_path):
    encoder = NAMED.fit(TABLE)
    data = skops.io.dumps(encoder)
    types = skops.io.get_untrusted_types(data=data)
    assert [t for t in types if not t.startswith("sklearn_dl.")] == []
    np.testing.assert_array_equal(skops.io.loads(data, trusted=types).transform(TABLE), encoder.transform(TABLE))


def test_nothing_is_read_without_trust():
    data = skops.io.dumps(DLRegressor(max_iter=1).fit(X, Y))
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException, match="sklearn_dl"):
        skops.io.loads(data)
