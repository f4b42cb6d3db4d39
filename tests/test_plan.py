"""The plan of a training: what is settled for which rows, who judges an epoch, and what follows from it.

Knows nothing about how a plan is carried out, but for two faults that came from settling it in several rooms.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_regression

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._estimators.params import make_plan, plan_for_rows
from sklearn_dl._training import Judge, Training
from sklearn_dl._training.steps import Step
from sklearn_dl.losses import Quantile
from sklearn_dl.rate_finder import find_learning_rate
from sklearn_dl.schedules import Schedule
from sklearn_dl.solvers import LBFGS


def plan_of(n_rows=1000, cls=DLRegressor, call=(), **params):
    return make_plan(cls(**params).get_params(deep=False), cls._head.task, n_rows, **dict(call))


ONE, PARTIAL, GIVEN = {"n_members": 1}, {"partial": True}, {"has_validation": True}


@pytest.mark.parametrize(
    ("params", "call", "judge", "stops", "keeps", "patience"),
    [
        ({}, {}, Judge.FOLDS, False, True, "two fifths"),
        ({}, GIVEN, Judge.HELD_OUT, True, True, 10),
        ({}, PARTIAL, Judge.NOBODY, False, False, math.inf),
        ({"early_stopping": True}, {}, Judge.FOLDS, True, True, 10),
        ({"early_stopping": True, "n_folds": 1}, {}, Judge.HELD_OUT, True, True, 10),
        ({"early_stopping": True}, PARTIAL, Judge.NOBODY, False, False, math.inf),
        ({"learning_rate": "adaptive"}, {}, Judge.FOLDS, False, True, 10),
        ({"learning_rate": "adaptive", "n_folds": 1}, {}, Judge.TRAINING_LOSS, False, False, 10),
        ({"learning_rate": "adaptive"}, PARTIAL, Judge.NOBODY, False, False, math.inf),
        (ONE, {}, Judge.NOBODY, False, False, math.inf),
        (ONE | {"early_stopping": True, "n_iter_no_change": 3}, {}, Judge.HELD_OUT, True, True, 3),
        ({"solver": "lbfgs"}, {}, Judge.NOBODY, False, False, math.inf),
    ],
)
@pytest.mark.parametrize("cls", [DLRegressor, DLClassifier])
def test_who_judges_and_what_follows(cls, params, call, judge, stops, keeps, patience):
    plan = plan_of(cls=cls, call=call, **params)
    patience = (plan.n_epochs - plan.n_last) * 0.4 if patience == "two fifths" else patience
    assert (plan.judge, plan.stops_early, plan.keeps_best, plan.patience) == (judge, stops, keeps, patience)
    assert plan.watches == (judge is not Judge.NOBODY)
    assert plan.partial == bool(call.get("partial"))
    assert plan.n_epochs == (1 if plan.partial else plan.horizon)


@pytest.mark.parametrize(("max_iter", "every"), [(12, 1), (32, 1), (33, 2), (64, 2), (128, 4)])
def test_left_out_rows_are_looked_at_so_many_times(max_iter, every):
    plan = plan_of(max_iter=max_iter)
    assert plan.every == every
    looks = [epoch for epoch in range(1, max_iter + 1) if plan.looks_at(epoch)]
    assert looks[:8] == list(range(1, 9))  # one of the first eight, then of two, of four, but of `every` at most
    assert np.diff(looks[7:]).tolist() == [min(every, 2 if epoch < 16 else 4) for epoch in looks[7:-1]]
    assert plan.looks_at(max_iter - plan.n_last)  # the last that is judged
    assert plan_of(max_iter=max_iter, early_stopping=True, n_folds=1).every == 1


def test_rows_that_cannot_be_held_out_leave_the_training_loss():
    params = DLRegressor(**ONE, early_stopping=True).get_params(deep=False)
    planned = make_plan(params, "regression", 20)
    plan = plan_for_rows(planned, 20, held_out=False)
    assert (plan.judge, plan.keeps_best, plan.stops_early) == (Judge.TRAINING_LOSS, False, True)
    assert plan_for_rows(planned, 18, held_out=True).judge is Judge.HELD_OUT


def test_a_plan_is_whole():
    """Nothing in it is "auto" or a mere name, whatever the parameters are."""
    for params in ({}, ONE, {"batch_size": None}, {"solver": LBFGS()}, {"numeric_embedding": "mixed"}):
        plan = plan_of(**params)
        for record in (plan, plan.blueprint):
            values = [getattr(record, field.name) for field in dataclasses.fields(record) if field.name != "given"]
            assert not [value for value in values if isinstance(value, str)]


# ---------------------------------------------------------------- what a plateau does where members leave rows out


class Halving(Schedule):
    """Halves the rate at each plateau, and counts them."""

    follows_progress = False

    def factor(self, progress, samples_seen):
        return 1.0

    def on_plateau(self, rate):
        return 0.5


NOISE = make_regression(400, 20, n_informative=2, noise=300, random_state=0)
SMALL = {"hidden_layer_sizes": (64,), "n_members": 4, "random_state": 0, "dropout": 0.0, "learning_rate": Halving()}


@pytest.mark.parametrize("max_iter", [24, 64])
def test_the_best_epoch_is_kept_with_folds_and_a_rate_that_falls(max_iter):
    """To it the network goes back, and learns from all rows for a third as many epochs."""
    params = SMALL | {"learning_rate_init": 0.01, "max_iter": max_iter, "n_iter_no_change": 3}
    model = DLRegressor(**params, n_folds=4).fit(*NOISE)
    judged = 3 * max_iter // 4
    assert model.best_epoch_ < judged  # it overfits
    curve = model.validation_loss_curve_
    smooth = [np.mean(curve[max(0, i - 2) : i + 1]) for i in range(len(curve))]
    look = np.argmin(smooth)
    assert model.best_epoch_ == [r["epoch"] for r in model.history_ if "validation_loss" in r][look]
    assert model.best_loss_ == model.history_[model.best_epoch_ - 1]["validation_loss"] == curve[look]
    assert model.n_iter_ == judged + max(1, round(model.best_epoch_ / 3))
    rates = [record["learning_rate"] for record in model.history_]
    assert rates[-1] < rates[0]


@pytest.mark.parametrize("n_folds", [1, 4])
def test_patience_counts_epochs(n_folds):
    """With a rate of next to nothing no epoch is better: the rate falls at the first look after two epochs."""
    params = SMALL | {"n_iter_no_change": 2, "max_iter": 64, "learning_rate_init": 1e-30, "tol": 1e-3}
    model = DLRegressor(**params, n_folds=n_folds).fit(*NOISE)
    rates = np.array([record["learning_rate"] for record in model.history_])
    falls = np.flatnonzero(rates[1:] < rates[:-1]) + 1
    assert np.isin(np.diff(falls), [2] if n_folds == 1 else [2, 3]).all()
    assert (np.diff(falls) == 2).sum() >= len(falls) - 2  # the looks become rarer once
    assert len(falls) >= (30 if n_folds == 1 else 23)


# ---------------------------------------------------------------- what looks at a plan from outside


def test_members_whose_levels_cross_are_judged_as_they_predict():
    X, y = make_regression(400, 3, noise=10, random_state=0)
    params = {"hidden_layer_sizes": (8,), "n_members": 4, "max_iter": 3, "random_state": 0, "scale_target": False}
    loss = Quantile((0.45, 0.5, 0.55))  # close together: they cross
    model = DLRegressor(loss=loss, **params).fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    predicted = model.predict_quantiles(X[300:])
    value = loss.value_and_gradient(y[300:, None], predicted, None, np.empty_like(predicted)) / 100
    assert model.best_loss_ == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("params", [{}, {"n_members": 3, "n_folds": 3, "clip_norm": 0.1, "alpha": 3.0}])
def test_the_rate_finder_takes_the_steps_of_a_fit(params, monkeypatch):
    """Same rows, weights, folds, penalty and clipping: the first batch's loss is that of the first step of `fit`."""
    X, y = NOISE
    weight = np.random.default_rng(0).uniform(0.1, 2, len(y))
    model = DLRegressor(hidden_layer_sizes=(8,), batch_size=50, random_state=0, max_iter=1, **params)
    seen = []
    step = Step.__call__

    def watched(self, batch, rate):
        seen.append((len(batch), step(self, batch, rate)))
        return seen[-1][1]

    monkeypatch.setattr(Step, "__call__", watched)
    made = []
    of = Training.of
    monkeypatch.setattr(Training, "of", lambda *args: made.append(of(*args)) or made[-1])
    clone(model).set_params(early_stopping=False).fit(X, y, weight)
    first = seen[0]
    seen.clear()
    find_learning_rate(model, X, y, sample_weight=weight, n_steps=10)
    assert seen[0] == first
    fit, finder = made
    assert fit.recipe.alpha == finder.recipe.alpha
    assert (fit.folds is None) == (finder.folds is None)
