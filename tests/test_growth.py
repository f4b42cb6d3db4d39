"""No part of a fit or of a prediction grows faster than its data: time and peak memory at a size and at eight times it.

What grows with rows, columns, levels, classes, outputs, labels and members, one at a time. Eight times the data may
take sixteen times as long (a quadratic step takes up to 64) and ten times the memory; the clock counts this process's
own seconds alone, takes the best of several runs, and measures again where a noisy machine has spoiled a figure.
"""

from __future__ import annotations

import pickle
import time
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.losses import Quantile

SMALL = {"hidden_layer_sizes": (16,), "max_iter": 1, "batch_size": 256, "random_state": 0}
PLAIN, ENSEMBLE = SMALL | {"n_members": 1}, SMALL | {"n_members": 4}
TIMES, MOST_TIME, MOST_MEMORY = 8, 16, 10
ATTEMPTS = 3
LEAST = 2**17  # bytes: below, Python's own objects decide


def numbers(n, d=5):
    return np.random.default_rng(0).normal(size=(n, d))


def rows(k, **params):
    X = numbers(3000 * k)
    return DLRegressor(**ENSEMBLE | params), X, X[:, 0]


def rows_of_classes(k):
    X = numbers(3000 * k)
    return DLClassifier(**ENSEMBLE), X, np.arange(3000 * k) % 3


def rows_of_a_frame(k):
    X = numbers(3000 * k, 2)
    text = np.array(list("abcdefghijklmn"), dtype=object)[np.arange(3000 * k) % 14]
    return DLRegressor(**PLAIN), pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": text}), X[:, 0]


def rows_held_out(k):
    X = numbers(3000 * k)
    return DLRegressor(**PLAIN, early_stopping=True, scoring="r2"), X, X[:, 0]


def sparse_rows(k):
    X = sparse.random(4000 * k, 50, 0.1, format="csr", random_state=0)
    return DLRegressor(**PLAIN), X, np.asarray(X.sum(axis=1)).ravel()


def columns(k):
    X = numbers(60, 400 * k)
    return DLRegressor(**PLAIN), X, X[:, 0]


def columns_of_polars(k):
    X = numbers(60, 200 * k)
    return DLRegressor(**PLAIN), pl.DataFrame({f"c{i}": X[:, i] for i in range(X.shape[1])}), X[:, 0]


def columns_of_pandas(k):
    X = numbers(60, 200 * k)
    return DLRegressor(**PLAIN), pd.DataFrame({f"c{i}": X[:, i] for i in range(X.shape[1])}), X[:, 0]


def columns_of_text(k):
    text = np.array(list("abc"), dtype=object)[np.arange(60) % 3]
    return DLRegressor(**PLAIN), pd.DataFrame({f"c{i}": text for i in range(60 * k)}), np.arange(60.0)


def levels(k):
    text = np.char.add("level ", np.repeat(np.arange(1000 * k), 6).astype(str))
    return DLRegressor(**PLAIN), pd.DataFrame({"a": text}), np.arange(6000.0 * k)


def classes(k):
    return DLClassifier(**PLAIN), numbers(2000), np.arange(2000) % (20 * k)


def classes_of_an_ensemble(k):
    return DLClassifier(**ENSEMBLE), numbers(1000), np.arange(1000) % (20 * k)


def labels(k):
    return DLClassifier(**PLAIN), numbers(500), np.random.default_rng(0).integers(0, 2, (500, 50 * k))


def targets_with_classes_of_their_own(k):
    return DLClassifier(**PLAIN), numbers(500), np.random.default_rng(0).integers(0, 3, (500, 20 * k))


def outputs(k):
    return DLRegressor(**PLAIN), numbers(1000), np.random.default_rng(0).normal(size=(1000, 50 * k))


def quantiles(k):
    return DLRegressor(**PLAIN, loss=Quantile(tuple(np.linspace(0.01, 0.99, 12 * k)))), numbers(1000), np.arange(1000.0)


def members(k):
    return DLRegressor(**PLAIN | {"n_members": 8 * k}), numbers(1000), np.arange(1000.0)


def members_of_a_classifier(k):
    return DLClassifier(**PLAIN | {"n_members": 8 * k}), numbers(1000), np.arange(1000) % 5


def units(k):
    return DLRegressor(**PLAIN | {"hidden_layer_sizes": (100 * k,)}), numbers(1000), np.arange(1000.0)


CASES = (
    rows, rows_of_classes, rows_of_a_frame, rows_held_out, sparse_rows, columns, columns_of_polars, columns_of_pandas,
    columns_of_text, levels, classes, classes_of_an_ensemble, labels, targets_with_classes_of_their_own, outputs,
    quantiles, members, members_of_a_classifier, units,
)  # fmt: skip


def seconds(call, runs=2):
    taken = []
    for _ in range(runs):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken)


def peak(call):
    call()  # what is made once and kept is no growth
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def calls(case, k):
    """The calls to measure, by name, on a table of size k."""
    model, X, y = case(k)
    fitted = case(k)[0].fit(X, y)
    found = {"fit": lambda: model.fit(X, y), "predict": lambda: fitted.predict(X)}
    found["predict of a row"] = lambda: fitted.predict(X[:1])
    if isinstance(model, DLClassifier):
        found["predict_proba"] = lambda: fitted.predict_proba(X)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_nothing_grows_faster_than_its_data(case):
    small, large = calls(case, 1), calls(case, TIMES)
    for name in small:
        growth = [seconds(large[name]) / seconds(small[name])]
        while growth[-1] > MOST_TIME and len(growth) < ATTEMPTS:
            growth.append(seconds(large[name]) / seconds(small[name]))
        assert min(growth) <= MOST_TIME, f"{name} takes {min(growth):.0f} times as long for {TIMES} times the data"
        memory = peak(large[name]) / max(peak(small[name]), LEAST)
        assert memory <= MOST_MEMORY, f"{name} takes {memory:.0f} times the memory for {TIMES} times the data"


def test_a_very_wide_sparse_table_is_told_in_few_words():
    """300 000 columns are a number, and no list of columns, in a record and in its pickle."""
    X = sparse.random(300, 300_000, density=1e-4, format="csr", random_state=0)
    model = DLRegressor(**PLAIN | {"hidden_layer_sizes": (4,)})
    for encoder in (None, "auto"):
        model.set_params(encoder=encoder).fit(X, np.asarray(X.sum(axis=1)).ravel())
        columns = 0 if encoder is None else sum(a.nbytes for a in (model.encoder_.center_, model.encoder_.scale_))
        assert len(pickle.dumps(model)) < 1.2 * model.network_.values.nbytes + 2 * columns
        assert len(model.fitted_.layout.spans) == 0
        assert model.fitted_.layout.n_numeric == 300_000
