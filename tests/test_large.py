"""Arrays that are too large to copy: rows are looked up and encoded batch by batch, with the same result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from cases import same_bits

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._data import table as splitting
from sklearn_dl._data.lazy import LazyRows
from sklearn_dl._engine.network import Network
from sklearn_dl._engine.predict import forward
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.layers import Dense, Layer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 6)) * 10.0 ** np.arange(6)
X[RNG.random(X.shape) < 0.05] = np.nan
X[:, 5] = RNG.integers(0, 4, 300)
CODES = X.copy()
CODES[:, 5] = RNG.integers(0, 30, 300)
FINITE = np.nan_to_num(X)
Y = np.nan_to_num(X[:, 0]) - FINITE[:, 1] / 10
WEIGHT = RNG.integers(0, 3, 300).astype(float)

CASES = {
    "numbers": (DLRegressor(), X, Y, {}),
    "single precision": (DLRegressor(dtype="float32"), X.astype(np.float32), Y, {}),
    "standard scaling": (DLRegressor(encoder=TableEncoder(scaling="standard")), X, Y, {}),
    "weights": (DLRegressor(), X, Y, {"sample_weight": WEIGHT}),
    "early stopping": (DLRegressor(early_stopping=True), X, Y, {"sample_weight": WEIGHT}),
    "a scorer": (DLRegressor(early_stopping=True, scoring="r2"), X, Y, {}),
    "a validation set": (DLRegressor(), X[:200], Y[:200], {"X_val": X[200:], "y_val": Y[200:]}),
    "no encoder": (DLRegressor(encoder=None), FINITE, Y, {}),
    "L-BFGS": (DLRegressor(solver="lbfgs"), X, Y, {}),
    "classes": (DLClassifier(class_weight="balanced", early_stopping=True), X, Y > 0, {}),
    "indicators": (DLClassifier(encoder=TableEncoder(categorical_features=[5])), X, Y > 0, {}),
    "embeddings": (DLClassifier(encoder=TableEncoder(categorical_features=[5])), CODES, Y > 0, {}),
    "column order": (DLRegressor(), np.asfortranarray(X), Y, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_large_array_gives_the_same_bits(case, monkeypatch):
    model, table, y, keywords = CASES[case]
    model.set_params(max_iter=3, random_state=0, batch_size=32)
    eager = model.fit(table, y, **keywords)
    values, curve, answers = eager.network_.values, eager.loss_curve_, eager.predict(table)
    monkeypatch.setattr(splitting, "LARGE", 0)
    asked = []
    look_up = LazyRows.__getitem__
    monkeypatch.setattr(LazyRows, "__getitem__", lambda self, rows: asked.append(1) or look_up(self, rows))
    lazy = model.fit(table, y, **keywords)
    assert asked
    assert same_bits(lazy.network_.values, values)
    assert lazy.loss_curve_ == curve
    assert same_bits(lazy.predict(table), answers)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_table_on_disk(method, tmp_path, monkeypatch):
    monkeypatch.setattr(splitting, "LARGE", 0)
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r")
    models = [getattr(DLRegressor(max_iter=2, random_state=0), method)(table, Y) for table in (X, on_disk)]
    assert same_bits(models[0].network_.values, models[1].network_.values)


def test_a_large_array_is_not_copied(monkeypatch):
    import tracemalloc

    monkeypatch.setattr(splitting, "LARGE", 2**20)
    monkeypatch.setattr("sklearn_dl._data.statistics.SAMPLE", 2**12)
    table = RNG.normal(size=(40_000, 50)).astype(np.float32)  # 8 MB
    y = table[:, 0].copy()
    tracemalloc.start()
    DLRegressor(max_iter=1, hidden_layer_sizes=(8,), n_members=1, random_state=0, n_jobs=1).fit(table, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.8 * table.nbytes, f"{peak / 2**20:.1f} MB"


def test_infinity_is_told_with_its_column(monkeypatch):
    monkeypatch.setattr(splitting, "LARGE", 0)
    table = X.copy()
    table[17, 3] = np.inf
    with pytest.raises(ValueError, match="column 3 of X contains infinity"):
        DLRegressor(max_iter=1).fit(table, Y)


def test_a_column_with_hardly_any_numbers(monkeypatch):
    """The sample that decides the quantiles may miss the few numbers that a column holds."""
    monkeypatch.setattr("sklearn_dl._data.statistics.SAMPLE", 16)
    table = np.full((500, 2), np.nan)
    table[:, 0] = np.arange(500)
    table[7, 1], table[8, 1] = 5.0, 9.0
    encoder = TableEncoder().fit(table)
    assert encoder.center_[1] == 7.0
    assert np.isfinite(encoder.transform(table)).all()


@dataclass(frozen=True)
class Doubling(Layer):
    """y = 2 x, in memory of its own."""

    def forward(self, x, p, m):
        return 2 * x

    def backward(self, dy, p, m):
        return 2 * dy


class Watched:
    """Rows that are made when asked for, and how many were asked for at once."""

    def __init__(self, n, d):
        self.shape, self.most = (n, d), 0

    def __getitem__(self, rows):
        n = len(range(*rows.indices(self.shape[0])))
        self.most = max(self.most, n)
        return np.ones((n, self.shape[1]))


@pytest.mark.parametrize("layer", [Doubling(), Dense(400, 1)], ids=repr)
def test_a_prediction_takes_blocks_that_the_input_fits_into_too(layer):
    """A narrow network, or one whose layers take no working memory, says nothing of how wide its rows are."""
    x = Watched(20_000, 400)
    raw = forward(Network.build(layer, 0, np.float64), x)
    assert raw.shape[0] == 20_000
    assert x.most * 400 <= 2**21
