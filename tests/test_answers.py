"""What predictions hold beside their answer, and how long a temperature is looked for where there are many classes.

Memory is measured by tracemalloc and is exact; times only have to tell an epoch from several.
"""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._training.validation import Validation
from sklearn_dl.heads import ClassHead
from sklearn_dl.losses import Quantile

rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 4))
MANY = rng.normal(size=(60_000, 4))
QUICK = {"max_iter": 1, "random_state": 0}


def fitted(kind, n):
    """A model of n classes, labels, targets or outputs, fitted for an epoch."""
    if kind == "classes":
        return DLClassifier(**QUICK, n_members=4).fit(X, np.arange(2000) % n)
    if kind == "labels":
        return DLClassifier(**QUICK, n_members=4).fit(X, rng.integers(0, 2, (2000, n)))
    if kind == "targets":
        return DLClassifier(**QUICK, n_members=4).fit(X, rng.integers(0, 3, (2000, n)))
    return DLRegressor(**QUICK, n_members=4).fit(X, rng.normal(size=(2000, n)))


def test_a_temperature_is_found_faster_than_an_epoch_is_trained(monkeypatch):
    """With 500 classes it took six epochs."""
    took = {"temperature": [], "mean_loss": []}

    def timed(cls, name):
        original = getattr(cls, name)

        def replacement(self, *args):
            start = time.perf_counter()
            answer = original(self, *args)
            took[name].append(time.perf_counter() - start)
            return answer

        monkeypatch.setattr(cls, name, replacement)

    timed(ClassHead, "temperature")
    timed(Validation, "mean_loss")
    model = DLClassifier(max_iter=2, random_state=0).fit(rng.normal(size=(3000, 5)), rng.integers(0, 500, 3000))
    epoch = min(record["seconds"] for record in model.history_)
    assert min(took["temperature"]) < epoch
    assert min(took["mean_loss"]) < 1.5 * epoch


def test_a_temperature_of_few_rows_is_that_of_all(monkeypatch):
    labels = np.digitize(X[:, 0] + rng.normal(size=2000), np.linspace(-2, 2, 40))
    params = {"n_members": 4, "max_iter": 12, "random_state": 0}
    every = DLClassifier(**params).fit(X, labels)
    monkeypatch.setattr(ClassHead, "needs", 1)
    some = DLClassifier(**params).fit(X, labels)
    np.testing.assert_allclose(some.predict_proba(X), every.predict_proba(X), atol=0.02)
    assert min(some.validation_loss_curve_) == pytest.approx(min(every.validation_loss_curve_), rel=0.01)


def peak(call):
    """Bytes of the answer, and bytes held at most while it is made."""
    tracemalloc.start()
    try:
        answer = call()
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    parts = answer if isinstance(answer, list | tuple) else [answer]
    return sum(part.nbytes for part in parts), held


WORKSPACE = 1e7  # bytes of a block's working memory, whatever the rows


@pytest.mark.parametrize("n_classes", [2, 20, 60])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_predictions_of_classes_hold_little_beside_their_answer(n_classes, method):
    model = fitted("classes", n_classes)
    answer, held = peak(lambda: getattr(model, method)(MANY))
    assert held < 1.5 * answer + WORKSPACE
    if n_classes == 60 and method != "predict":
        assert held < 3 * answer


@pytest.mark.parametrize("kind", ["labels", "targets"])
def test_predictions_of_several_labels_hold_little_beside_their_answer(kind):
    model = fitted(kind, 6)
    answer, held = peak(lambda: model.predict_proba(MANY))
    assert held < 1.5 * answer + WORKSPACE


@pytest.mark.parametrize("kind", ["predict", "std", "quantiles", "frame", "float32", "no encoder"])
def test_predictions_of_numbers_hold_little_beside_their_answer(kind):
    loss = Quantile(levels=(0.1, 0.5, 0.9)) if kind == "quantiles" else "squared_error"
    model = DLRegressor(**QUICK, loss=loss, n_members=8, encoder=None if kind == "no encoder" else "auto")
    table = MANY.astype(np.float32) if kind == "float32" else pd.DataFrame(MANY) if kind == "frame" else MANY
    model.fit(table[:2000], X[:, 0])
    calls = {"std": lambda: model.predict(table, return_std=True), "quantiles": lambda: model.predict_quantiles(table)}
    answer, held = peak(calls.get(kind, lambda: model.predict(table)))
    encoded = MANY.nbytes if kind == "frame" else 0  # frames are encoded whole
    assert held < 1.5 * answer + WORKSPACE + 2 * encoded


def test_blocks_give_what_all_rows_give():
    """Also beyond the first few rows, which have a workspace of their own; on threads the same bits."""
    for model, method in ((fitted("classes", 5), "predict_proba"), (fitted("outputs", 3), "predict")):
        whole = getattr(model, method)(MANY)
        pieces = np.concatenate([getattr(model, method)(MANY[i : i + 50]) for i in range(0, 1000, 50)])
        np.testing.assert_allclose(whole[:1000], pieces, rtol=1e-5, atol=1e-6)  # single precision
        np.testing.assert_array_equal(getattr(model.set_params(n_jobs=2), method)(MANY), whole)
