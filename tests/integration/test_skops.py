"""skops: only this package's types to trust, and the same bits after reading."""

from __future__ import annotations

from typing import Any, NamedTuple

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


class Case(NamedTuple):
    name: str
    estimator: Any
    X: Any
    y: Any


NAMED = TableEncoder(categorical_features=["heating", "street", "zone"])
CASES = [
    Case("plain", DLRegressor(), X, Y[:, 0]),
    Case("several outputs", DLRegressor(loss="huber", solver="lbfgs"), X, Y),
    Case("quantiles", DLRegressor(loss=Quantile((0.1, 0.9)), hidden_layer_sizes=()), X, Y),
    Case("log link", DLRegressor(loss="poisson", normalization="batch", dropout=0.1), X, abs(Y)),
    Case("sparse", DLRegressor(encoder="auto"), sparse.csr_array(np.where(X > 0, X, 0)), Y),
    Case("table", DLRegressor(encoder=NAMED, dtype="float32"), TABLE, Y),
    Case("polars", DLClassifier(activation=("relu", "gelu"), hidden_layer_sizes=(5, 4)), "polars", THREE),
    Case("one-hot", DLClassifier(encoder=TableEncoder(max_one_hot=99), architecture="resnet"), TABLE, THREE > 1),
    Case("text", DLClassifier(class_weight="balanced"), X, np.array(["a", "b", "c"], object)[THREE]),
    Case("labels", DLClassifier(loss="focal", normalization="layer"), X, (Y > 0).astype(int)),
    Case("members", DLRegressor(n_members=3, n_folds=3, numeric_embedding="periodic"), TABLE, Y),
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
