"""Rows that come in chunks: `partial_fit`, and what a first chunk cannot know.

Scores are compared with those of one `fit`, and predictions with those from before a change of units.
"""

from __future__ import annotations

import numpy as np
import pytest

from sklearn_dl import DLClassifier, DLRegressor
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
