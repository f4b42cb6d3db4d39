"""Rows that come in chunks: `partial_fit`, and what a first chunk cannot know.

Scores are compared with those of one `fit`, and predictions with those from before a column came alive.
"""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.losses import Quantile, Tweedie
from sklearn_dl.schedules import Cosine, CosLog, OneCycle, Schedule

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * rng.normal(size=90)
c = np.digitize(y, [-1.0, 1.0])
TARGET = {DLRegressor: y, DLClassifier: c}
SMALL = {"hidden_layer_sizes": (7,), "n_members": 1, "batch_size": 20, "max_iter": 5, "random_state": 0}
both = pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])


class Halving(Schedule):
    def factor(self, progress, samples_seen):
        return 0.5 ** int(64 * progress)


SCHEDULES = ["constant", "invscaling", "adaptive", "cosine", "one_cycle", "coslog", Halving()]
SCHEDULES += [Cosine(warmup=0.5), OneCycle(end=1e9), CosLog(1)]

# ---------------------------------------------------------------- the rate


@pytest.mark.parametrize("begun", ["", "fit", "partial_fit"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_no_schedule_makes_a_call_learn_nothing(schedule, begun):
    """After a whole fit, and after any number of calls, rows are not ignored."""
    model = DLRegressor(**SMALL | {"learning_rate": schedule, "tol": 1e9, "n_iter_no_change": 1})
    for _ in range(12 if begun == "partial_fit" else 1 if begun else 0):
        getattr(model, begun)(X, y)
    for _ in range(3):
        model.partial_fit(X, y)
        record = model.history_[-1]
        assert record["learning_rate"] > 1e-3 * max(r["learning_rate"] for r in model.history_)
    before = model.predict(X)
    assert np.abs(model.partial_fit(X, -y).predict(X) - before).max() > 1e-4


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_no_schedule_makes_a_fit_of_one_step_learn_nothing(schedule):
    params = SMALL | {"learning_rate": schedule, "max_iter": 1, "batch_size": None, "warm_start": True}
    model = DLRegressor(**params)
    for _ in range(3):
        model.fit(X, y)
        assert model.history_[-1]["learning_rate"] > 0


def test_a_schedule_towards_an_end_is_constant_on_a_stream():
    a, b = (DLRegressor(**SMALL | {"learning_rate": schedule}) for schedule in ("cosine", "constant"))
    for _ in range(8):
        a.partial_fit(X, y)
        b.partial_fit(X, y)
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


@pytest.mark.parametrize("again", ["fit", "partial_fit"])
def test_plateaus_of_a_fit_do_not_slow_down_the_next(again):
    params = {"learning_rate": "adaptive", "max_iter": 60, "n_iter_no_change": 1, "tol": 1e9, "warm_start": True}
    model = DLRegressor(**SMALL | params).fit(X, y)
    first, last = model.history_[0]["learning_rate"], model.history_[-1]["learning_rate"]
    getattr(model, again)(X, y)
    assert last < 1e-3 * first
    assert model.history_[60]["learning_rate"] == first


# ---------------------------------------------------------------- what a first chunk cannot know

STILL = {"learning_rate_init": 1e-300, "solver": "sgd", "learning_rate": "constant", "n_members": 1}  # nothing moves
WIDE = rng.normal(size=(240, 3))
SUM = WIDE @ [3.0, -1.0, 1.0]


def first_column(kind):
    """The table with a first column that is `kind` in the first 100 rows, and what it is there."""
    table = WIDE.copy()
    if kind == "flag":
        table[:, 0] = rng.random(240) < 0.3
    old = {"constant": 1.0, "missing": np.nan, "flag": 0.0, "zeros": 0.0}[kind]
    table[:100, 0] = old
    return sparse.csr_array(table) if kind == "zeros" else table


@pytest.mark.parametrize("going_on", ["fit", "partial_fit"])
@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("kind", ["constant", "missing", "flag", "zeros"])
def test_a_column_comes_alive_when_it_varies(kind, scaling, going_on):
    encoder = TableEncoder(scaling=scaling, max_dense=0)
    table, params = first_column(kind), STILL | {"encoder": encoder, "warm_start": True}
    target = WIDE[:, 1] + (table.toarray() if kind == "zeros" else np.nan_to_num(table))[:, 0]
    model = DLRegressor(**params, random_state=0).fit(table[:100], target[:100])
    encoder, before = model.encoder_, model.predict(table[:100])
    assert encoder.scale_[0] == 0
    getattr(model, going_on)(table[100:], target[100:])
    assert model.encoder_.scale_[0] > 0
    assert encoder.scale_[0] == 0  # an encoder that was taken out is as it was
    np.testing.assert_array_equal(model.encoder_.scale_[1:], encoder.scale_[1:])
    np.testing.assert_allclose(model.predict(table[:100]), before, rtol=1e-12)  # what was learnt is still known
    z = model.encoder_.transform(table[100:])
    assert 0.1 < np.std((z.toarray() if kind == "zeros" else z)[:, 0]) < 3
    model.set_params(learning_rate_init=0.01, solver="adam", max_iter=60)
    for _ in range(1 if going_on == "fit" else 60):
        getattr(model, going_on)(table[100:], target[100:])
    assert model.score(table[100:], target[100:]) > 0.9


def test_a_column_that_stays_as_it_was_stays_so():
    model = DLRegressor(**STILL, random_state=0).partial_fit(first_column("constant")[:100], SUM[:100])
    for table in (first_column("constant")[:50], first_column("missing")[:50]):
        encoder = model.encoder_
        assert model.partial_fit(table, SUM[:50]).encoder_ is encoder


@both
def test_a_stream_of_single_rows_is_learnt(estimator):
    """Its units are those of the first 64 rows, and rows are kept no longer."""
    table, target = 100 * WIDE[:, [0, 1, 2, 2]] + 7, 1e6 + 1e5 * SUM
    table[:, 3] = 3.0
    table[80:, 3] = np.arange(160) % 2
    target = (target > 1e6).astype(int) if estimator is DLClassifier else target
    model = estimator(random_state=0, learning_rate_init=0.01)
    extra = {"classes": [0, 1]} if estimator is DLClassifier else {}
    for i in range(240):
        model.partial_fit(table[i : i + 1], target[i : i + 1], **extra)
        assert (model.fitted_.early is None) == (i >= 63)
    reference = TableEncoder().fit(table[:64])
    np.testing.assert_allclose(model.encoder_.scale_[:3], reference.scale_[:3])
    np.testing.assert_allclose(model.encoder_.center_, reference.center_)
    assert model.encoder_.scale_[3] > 0
    if estimator is DLRegressor:
        assert model.fitted_.head.target.center[0] == pytest.approx(target[:64].mean())
    assert model.score(table, target) > 0.8


def test_the_first_rows_are_those_that_came():
    """A caller that fills the same array again and again, weights, a sparse table, a table without numbers."""
    row, target = np.empty((1, 3)), np.empty(1)
    a, b = DLRegressor(**SMALL), DLRegressor(**SMALL)
    c, d = DLRegressor(**SMALL), DLRegressor(**SMALL)
    for i in range(70):
        row[:], target[:] = WIDE[i], SUM[i]
        a.partial_fit(row, target)
        b.partial_fit(WIDE[i : i + 1], SUM[i : i + 1], [2.0] if i else None)
        c.partial_fit(sparse.csr_array(WIDE[i : i + 1]), SUM[i : i + 1])
        d.partial_fit(pd.DataFrame({"level": ["a", "b"]}), [0.0, 1.0])
    np.testing.assert_allclose(a.encoder_.center_, TableEncoder().fit(WIDE[:64]).center_)
    weight = np.r_[1.0, np.full(63, 2.0)]
    np.testing.assert_allclose(b.encoder_.scale_, TableEncoder().fit(WIDE[:64], sample_weight=weight).scale_)
    np.testing.assert_allclose(c.encoder_.scale_, TableEncoder().fit(sparse.csr_array(WIDE[:64])).scale_)
    assert np.isfinite(d.predict(pd.DataFrame({"level": ["a"]}))).all()


LOSSES = ["squared_error", "absolute_error", Quantile((0.1, 0.5, 0.9)), "poisson"]


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("first", ["constant", "few rows", "a whole fit to a constant"])
def test_the_units_of_a_target_are_those_of_rows_that_vary(first, loss, n_members):
    """And predictions begin at their centre, not at the old constant."""
    target = np.c_[np.exp(SUM / 3), 1e4 + SUM]
    begun = 20 if first == "few rows" else 100
    if first != "few rows":
        target[:begun, 0] = 7.0
    model = DLRegressor(**STILL | {"n_members": n_members}, loss=loss, random_state=0)
    (model.fit if "fit" in first else model.partial_fit)(WIDE[:begun], target[:begun])
    scale = model.fitted_.head.target.scale[0]
    model.partial_fit(WIDE, target)
    assert model.fitted_.head.target.scale[0] != scale
    residual = model.fitted_.head.encode(target, float)[:, 0]
    assert residual.std() < 10
    assert np.abs(model.predict(WIDE)[:, 0] - target[:, 0].mean()).mean() < 5 * target[:, 0].std()


@pytest.mark.parametrize("n_members", [1, 4])
@pytest.mark.parametrize("n_first", [1, 5, 64, 200])
def test_a_target_that_is_constant_at_first_does_not_hold_a_stream_back(n_first, n_members):
    target = 20 + SUM
    alone = DLRegressor(n_members=n_members, random_state=0, learning_rate_init=0.003)
    after = clone(alone).partial_fit(WIDE[:n_first], np.zeros(n_first))
    for _ in range(8):
        for start in range(0, 240, 24):
            alone.partial_fit(WIDE[start : start + 24], target[start : start + 24])
            after.partial_fit(WIDE[start : start + 24], target[start : start + 24])
    assert after.score(WIDE, target) > alone.score(WIDE, target) - 0.05


@pytest.mark.parametrize("old", [5.0, -999.0, 1e6])
def test_a_column_that_was_far_from_what_it_is_now_is_seen(old):
    table, target = rng.random((400, 2)), np.zeros(400)
    target = 10 * table[:, 0] + table[:, 1]
    table[:100, 0] = old
    model = DLRegressor(n_members=1, random_state=0, learning_rate_init=0.003)
    for _ in range(20):
        model.partial_fit(table[:100], target[:100] * 0)
    for _ in range(40):
        model.partial_fit(table[100:], target[100:])
    assert np.ptp(model.encoder_.transform(table[100:])[:, 0]) > 1
    assert model.score(table[100:], target[100:]) > 0.9


@pytest.mark.parametrize("loss", ["poisson", Tweedie(1.5)], ids=str)
@pytest.mark.parametrize("n_first", [0, 1, 70])
def test_chunks_of_zeros_are_chunks_of_counts(loss, n_first):
    counts = rng.poisson(np.exp(WIDE[:, 0])).astype(float)
    model = DLRegressor(loss=loss, n_members=1, random_state=0, learning_rate_init=0.003)
    for _ in range(bool(n_first) + 1):
        model.partial_fit(WIDE[: n_first or 1], np.zeros(n_first or 1))
    for _ in range(30):
        model.partial_fit(WIDE, counts)
    model.partial_fit(WIDE[:5], np.zeros(5))
    assert model.fitted_.head.target.scale[0] != 1
    assert np.corrcoef(model.predict(WIDE), np.exp(WIDE[:, 0]))[0, 1] > 0.8


@pytest.mark.parametrize("size", [16, 50, 200])
@both
def test_chunks_are_learnt_nearly_as_well_as_the_whole(estimator, size):
    table = rng.normal(size=(2000, 5))
    target = np.sin(table[:, 0]) + table[:, 1] * table[:, 2] + 0.1 * rng.normal(size=2000)
    target = target if estimator is DLRegressor else np.digitize(target, [-0.5, 0.5])
    params = {"n_members": 1, "random_state": 0, "learning_rate_init": 0.003}
    whole = estimator(**params, max_iter=10).fit(table[:1500], target[:1500]).score(table[1500:], target[1500:])
    model = estimator(**params)
    extra = {"classes": [0, 1, 2]} if estimator is DLClassifier else {}
    for _ in range(10):
        for start in range(0, 1500, size):
            model.partial_fit(
                table[start : start + size][: 1500 - start], target[start : min(1500, start + size)], **extra
            )
    assert model.score(table[1500:], target[1500:]) > 0.9 * whole


def test_the_record_of_a_stream_does_not_grow_without_end():
    model = DLRegressor(**SMALL | {"hidden_layer_sizes": (2,)})
    for i in range(1010):
        model.partial_fit(X[:2], y[:2])
        if i == 1000:
            size = len(pickle.dumps(model))
    assert [model.history_[0]["epoch"], model.history_[-1]["epoch"]] == [11, 1010]
    assert model.n_iter_ == 1010
    assert len(pickle.dumps(model)) < size + 100


@pytest.mark.parametrize("later", [list("uv") * 15, [1.0, 2.0] * 15, [None] * 30, ["2026-01-01", "2026-01-02"] * 15])
def test_a_column_that_is_empty_in_a_first_chunk_takes_whatever_comes(later):
    """As chunks of a file do: an empty column is read as numbers, and the next chunk may hold text."""
    y = np.arange(30.0)
    first = pd.DataFrame({"a": y, "note": np.full(30, np.nan)})
    model = DLRegressor(random_state=0).partial_fit(first, y)
    second = pd.DataFrame({"a": y, "note": later})
    for _ in range(3):
        model.partial_fit(second, y)
    assert np.isfinite(model.predict(second)).all()
    alive = np.ptp(model.predict(second.assign(a=1.0))) > 1e-6
    assert alive == (later[0] == 1.0)
