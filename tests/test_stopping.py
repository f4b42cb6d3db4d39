"""What ends a fit: early stopping, which restores the best network, `target_loss`, `max_time`; and what a fit leaves.

Validation losses and scores are recomputed from predictions.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import (
    accuracy_score,
    check_scoring,
    log_loss,
    make_scorer,
    mean_absolute_error,
    mean_squared_error,
)

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.encoding import TableEncoder

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * rng.normal(size=90)
c = np.digitize(y, [-1.0, 1.0])
TARGET = {DLRegressor: y, DLClassifier: c}
SMALL = {"hidden_layer_sizes": (7,), "batch_size": 20, "max_iter": 5, "random_state": 0}

both = pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
TRAIN, VALID = slice(0, 60), slice(60, 90)
OVERFIT = {"hidden_layer_sizes": (50,), "learning_rate": "constant", "learning_rate_init": 0.02, "random_state": 0}
OVERFIT |= {"n_iter_no_change": np.inf, "max_iter": 80, "batch_size": 20}


def weighted_half_mse(model, weight=None):
    """The validation loss from predictions: in the units of the network, half squared."""
    return mean_squared_error(y[VALID], model.predict(X[VALID]), sample_weight=weight) / 2 / np.var(y[TRAIN])


@pytest.mark.parametrize("weight", [None, rng.uniform(0.1, 5.0, 30)], ids=["unit", "weighted"])
def test_the_best_network_is_restored(weight):
    model = DLRegressor(**OVERFIT)
    model.fit(X[TRAIN], y[TRAIN], X_val=X[VALID], y_val=y[VALID], sample_weight_val=weight)
    assert model.n_iter_ == len(model.validation_loss_curve_) == 80
    assert model.best_loss_ == min(model.validation_loss_curve_) < model.validation_loss_curve_[-1]
    assert weighted_half_mse(model, weight) == pytest.approx(model.best_loss_, rel=1e-10)


def test_the_best_classifier_is_restored():
    model = DLClassifier(**OVERFIT).fit(X[TRAIN], c[TRAIN], X_val=X[VALID], y_val=c[VALID])
    assert model.best_loss_ < model.validation_loss_curve_[-1]
    assert log_loss(c[VALID], model.predict_proba(X[VALID])) == pytest.approx(model.best_loss_, rel=1e-10)


def test_batch_normalisation_is_restored_with_its_statistics():
    model = DLRegressor(**OVERFIT, normalization="batch")
    model.fit(X[TRAIN], y[TRAIN], X_val=X[VALID], y_val=y[VALID])
    assert model.best_loss_ < model.validation_loss_curve_[-1]
    assert weighted_half_mse(model) == pytest.approx(model.best_loss_, rel=1e-10)


def mae_scorer(model, X, y):
    return -mean_absolute_error(y, model.predict(X))


SCORINGS = {
    "name": (DLRegressor, "neg_mean_absolute_error", mae_scorer),
    "callable": (DLRegressor, mae_scorer, mae_scorer),
    "own": (DLRegressor, None, lambda m, X, y: m.score(X, y)),
    "scorer": (DLClassifier, make_scorer(accuracy_score), lambda m, X, y: m.score(X, y)),
    "of probabilities": (DLClassifier, "neg_log_loss", lambda m, X, y: -log_loss(y, m.predict_proba(X))),
}


@pytest.mark.parametrize("name", SCORINGS)
@pytest.mark.parametrize("table", [X, pd.DataFrame(X, columns=list("pqrs"))], ids=["array", "frame"])
def test_a_score_can_be_watched(name, table):
    estimator, scoring, score = SCORINGS[name]
    t = TARGET[estimator]
    model = estimator(**OVERFIT, scoring=scoring)
    model.fit(table[TRAIN], t[TRAIN], X_val=table[VALID], y_val=t[VALID])
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 80
    assert max(model.validation_scores_) > model.validation_scores_[0]
    assert score(model, table[VALID], t[VALID]) == pytest.approx(max(model.validation_scores_), rel=1e-10)


def test_a_score_is_weighted():
    weight = rng.uniform(0.1, 5.0, 30)
    model = DLRegressor(**OVERFIT, scoring="r2")
    model.fit(X[TRAIN], y[TRAIN], X_val=X[VALID], y_val=y[VALID], sample_weight_val=weight)
    assert model.score(X[VALID], y[VALID], weight) == pytest.approx(max(model.validation_scores_), rel=1e-10)


def price_scorer(model, X, y, sample_weight=None):
    """Looks at the table, and predicts for parts of it."""
    whole, part = model.predict(X), model.predict(X[:7])
    np.testing.assert_allclose(part, whole[:7], rtol=1e-4)
    return -float(np.average((whole - y) ** 2, weights=sample_weight)) * np.asarray(X)[0, 0] ** 2


SCORERS = {
    "r2": (DLRegressor, "r2"),
    "own": (DLRegressor, None),
    "function": (DLRegressor, price_scorer),
    "accuracy": (DLClassifier, "accuracy"),
    "log loss": (DLClassifier, "neg_log_loss"),
    "auc": (DLClassifier, "roc_auc_ovr"),
    "probabilities": (DLClassifier, make_scorer(log_loss, response_method="predict_proba", greater_is_better=False)),
}
TABLES = {
    "array": X,
    "single": X.astype(np.float32),
    "sparse": sparse.csr_array(X),
    "frame": pd.DataFrame(X, columns=list("pqrs")),
    "mixed": pd.DataFrame(X, columns=list("pqrs")).assign(level=[f"level {i % 13}" for i in range(90)]),
}


class EachEpoch:
    """Keeps the estimator as it was after each epoch."""

    def __init__(self):
        self.models = []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.models.append(fitted_estimator)


@pytest.mark.parametrize("weighted", [False, True], ids=["unit", "weighted"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", SCORERS)
def test_scores_are_those_from_outside_and_rows_are_encoded_once(name, table, weighted, monkeypatch):
    estimator, scoring = SCORERS[name]
    if name == "function" and table in ("sparse", "mixed"):
        pytest.skip("this scorer wants an array of numbers")
    t, rows = TARGET[estimator], TABLES[table]
    train, valid = (rows.iloc[part] if hasattr(rows, "iloc") else rows[part] for part in (TRAIN, VALID))
    weight = rng.uniform(0.1, 5.0, 30) if weighted else None
    encoded, encode = [], TableEncoder.encode

    def counted(self, X, dtype):
        encoded.append(X.shape[0])
        return encode(self, X, dtype)

    monkeypatch.setattr(TableEncoder, "encode", counted)
    watch = EachEpoch()
    model = estimator(**SMALL, scoring=scoring).set_callbacks(watch)
    model.fit(train, t[TRAIN], X_val=valid, y_val=t[VALID], sample_weight_val=weight)
    parts = [7] * model.n_iter_ if name == "function" else []
    assert sorted(encoded) == [*parts, 30, 60]  # training rows and validation rows, once each
    keywords = {} if weight is None else {"sample_weight": weight}
    scorer = check_scoring(model, scoring=scoring)
    outside = [scorer(then, valid, t[VALID], **keywords) for then in watch.models[: model.n_iter_]]
    assert model.validation_scores_ == outside


ABSENT = ["roc_auc_ovr", "roc_auc_ovo", "neg_log_loss", ["loss", "neg_log_loss"], "top_k_accuracy", "neg_brier_score"]


@pytest.mark.parametrize("scoring", ABSENT, ids=str)
@pytest.mark.parametrize("n_held", [2, 3])
@pytest.mark.filterwarnings("ignore:'k' .* will result in a perfect score")
def test_a_class_that_the_validation_set_lacks_is_left_out_of_the_score(scoring, n_held):
    labels = np.digitize(y, [-2.0, -0.5, 1.0])
    held = labels[VALID] >= 4 - n_held
    valid, truth = X[VALID][held], labels[VALID][held]
    model = DLClassifier(**SMALL, n_members=1, scoring=scoring)
    with pytest.warns(UserWarning, match=r"the validation set lacks the classes \[0.*, and is scored by the others"):
        model.fit(X[TRAIN], labels[TRAIN], X_val=valid, y_val=truth)
    name = "validation_neg_log_loss" if isinstance(scoring, list) else "validation_score"
    scores = [epoch[name] for epoch in model.history_]
    assert np.isfinite(scores).all()
    if name == "validation_neg_log_loss":
        proba = model.predict_proba(valid)[:, -n_held:]
        expected = -log_loss(truth, proba / proba.sum(axis=1, keepdims=True))
        assert scores[model.best_epoch_ - 1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scoring", ["roc_auc", "roc_auc_ovr", "neg_log_loss"])
@pytest.mark.parametrize("labels", [c > 0, c], ids=["2", "3"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_validation_set_of_one_class_has_no_score(scoring, labels):
    only = labels == labels[0]
    model = DLClassifier(**SMALL, scoring=scoring).fit(X, labels, X_val=X[only], y_val=labels[only])
    assert np.isnan(model.validation_scores_).all()


def test_accuracy_of_several_targets_is_the_estimators_own():
    labels = np.c_[c, y > 0].astype(str)
    model = DLClassifier(**SMALL, scoring="accuracy")
    model.fit(X[TRAIN], labels[TRAIN], X_val=X[VALID], y_val=labels[VALID])
    assert model.score(X[VALID], labels[VALID]) == model.validation_scores_[model.best_epoch_ - 1]
    with pytest.raises(
        ValueError, match=r"multioutput is not supported; several targets can be scored by 'loss', 'acc"
    ):
        model.set_params(scoring="f1_macro").fit(X, labels, X_val=X, y_val=labels)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 2), (3, 4), (79, 80), (np.inf, 80)])
def test_patience(patience, epochs):
    """With a `tol` that nothing meets, only the first epoch is an improvement."""
    params = OVERFIT | {"n_iter_no_change": patience, "tol": 1e9, "early_stopping": True, "validation_fraction": 0.3}
    assert DLRegressor(**params).fit(X, y).n_iter_ == epochs


def test_patience_counts_from_the_last_improvement():
    params = OVERFIT | {"n_iter_no_change": 5, "tol": 0.0, "early_stopping": True, "validation_fraction": 0.3}
    model = DLRegressor(**params).fit(X, y)
    curve = model.validation_loss_curve_
    assert len(curve) == int(np.argmin(curve)) + 1 + 5 < 80


def test_rows_held_out_are_not_trained_on():
    """Row i alone has column i, so the weights of column i move only if row i is trained on."""
    params = SMALL | {"encoder": None, "solver": "sgd", "activation": "tanh", "early_stopping": True}
    model = DLClassifier(**params, validation_fraction=0.2).fit(np.eye(90), c)
    start = DLClassifier(**params, validation_fraction=0.2, learning_rate_init=1e-300).fit(np.eye(90), c)
    moved = (model.coefs_[0] != start.coefs_[0]).any(axis=1)
    assert moved.sum() == 72
    assert set(c[~moved]) == {0, 1, 2}


@both
@pytest.mark.parametrize(("rows", "validated"), [(10_000, False), (10_001, True)])
def test_auto_stops_early_above_ten_thousand_rows(estimator, rows, validated):
    table = rng.normal(size=(rows, 1))
    model = estimator(n_members=1, hidden_layer_sizes=(2,), max_iter=1, random_state=0).fit(
        table, (table[:, 0] > 0).astype(int)
    )
    assert (model.validation_loss_curve_ is not None) == validated


def test_auto_stops_early_with_a_validation_set():
    model = DLRegressor(**OVERFIT | {"n_iter_no_change": 2, "tol": 1e9})
    assert model.fit(X, y, X_val=X, y_val=y).n_iter_ == 3
    assert model.fit(X, y).n_iter_ == 80


TOO_FEW = {
    "few rows": (DLRegressor, slice(None), y, "it would hold 9 of 90 rows"),
    "hardly any rows": (DLClassifier, slice(0, 12), c, "it would hold 2 of 12 rows, of 3 classes"),
    "a class a row, nearly": (
        DLClassifier,
        slice(0, 20),
        np.r_[0:9, 0:11],
        "it would hold 10 of 20 rows, of 11 classes",
    ),
}


@pytest.mark.parametrize("name", TOO_FEW)
def test_without_rows_to_hold_out_the_training_loss_is_watched(name):
    estimator, rows, target, reason = TOO_FEW[name]
    model = estimator(**SMALL | {"max_iter": 50}, early_stopping=True, n_iter_no_change=3, tol=1e9)
    if rows == slice(0, 20):
        model.set_params(validation_fraction=0.5)
    with pytest.warns(UserWarning, match=f"early_stopping watches the training loss: .*because {reason}"):
        model.fit(X[rows], target[rows])
    assert model.n_iter_ == 4
    assert model.validation_loss_curve_ is None
    assert model.best_loss_ == min(model.loss_curve_)


@both
def test_without_early_stopping_a_fit_runs_to_max_iter(estimator):
    model = estimator(**SMALL | {"max_iter": 25}, early_stopping=False, tol=1e9, n_iter_no_change=1)
    assert model.fit(X, TARGET[estimator]).n_iter_ == len(model.loss_curve_) == 25


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_target_loss_ends_a_fit(solver):
    params = SMALL | {"max_iter": 100, "learning_rate": "constant", "solver": solver, "tol": 0.0}
    full = DLRegressor(**params).fit(X, y)
    target = full.loss_curve_[10]
    model = DLRegressor(**params, target_loss=target).fit(X, y)
    assert model.n_iter_ == 1 + int(np.argmax(np.array(full.loss_curve_) <= target)) < 100
    assert model.loss_ <= target
    assert DLRegressor(**params, target_loss=0.0).fit(X, y).n_iter_ == full.n_iter_


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_max_time_ends_a_fit_after_the_epoch_that_passes_it(solver):
    params = SMALL | {"max_iter": 10**6, "solver": solver, "tol": 0.0}
    assert DLRegressor(**params, max_time=1e-9).fit(X, y).n_iter_ == 1
    if solver == "adamw":
        start = time.perf_counter()
        assert DLRegressor(**params, max_time=0.05).fit(X, y).n_iter_ > 1
        assert time.perf_counter() - start < 2


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog"])
def test_a_max_time_that_does_not_end_a_fit_changes_no_bit_of_it(schedule):
    free, limited = (DLRegressor(**SMALL, learning_rate=schedule, max_time=limit) for limit in (None, 600))
    np.testing.assert_array_equal(free.fit(X, y).predict(X), limited.fit(X, y).predict(X))


def test_an_adaptive_rate_falls_on_plateaus_and_then_ends_the_training():
    params = SMALL | {"max_iter": 100, "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 1e9}
    free = DLRegressor(**params, early_stopping=False, learning_rate_init=1e-3).fit(X, y)
    rates = [record["learning_rate"] for record in free.history_]
    assert free.n_iter_ == 100
    np.testing.assert_allclose(rates[:7], [1e-3] * 3 + [2e-4] * 2 + [4e-5] * 2)
    assert min(rates) == pytest.approx(1e-3 / 5**5)  # the first at or below 1e-6
    ended = DLRegressor(**params, early_stopping=True, learning_rate_init=1e-3, validation_fraction=0.3).fit(X, y)
    assert ended.n_iter_ == 1 + 2 * 6


@pytest.mark.parametrize("scoring", ["loss", "r2"])
@pytest.mark.parametrize("held", ["share", "given"])
def test_a_warm_fit_keeps_the_best_of_all(held, scoring):
    """At a rate that only does harm the network stays what it was; what is told is of the weights that are there."""
    valid = {"X_val": X[VALID], "y_val": y[VALID]} if held == "given" else {}
    rows = TRAIN if valid else slice(None)
    params = OVERFIT | {"scoring": scoring, "warm_start": True, "early_stopping": True, "validation_fraction": 0.3}
    model = DLRegressor(**params).fit(X[rows], y[rows], **valid)
    best, before = (model.best_epoch_, model.best_loss_), model.predict(X)
    model.set_params(learning_rate_init=1.0, max_iter=5).fit(X[rows], y[rows], **valid)
    assert min(model.validation_loss_curve_[80:]) > best[1]
    assert model.n_iter_ == 85
    assert (model.best_epoch_, model.best_loss_) == (best[0], pytest.approx(best[1], rel=1e-10))
    np.testing.assert_array_equal(model.predict(X), before)
    model = (
        DLRegressor(**params | {"max_iter": 2, "learning_rate_init": 1e-3})
        .fit(X[rows], y[rows], **valid)
        .fit(X[rows], y[rows], **valid)
    )
    assert model.best_epoch_ > 2
    assert model.best_loss_ == model.validation_loss_curve_[model.best_epoch_ - 1]


def test_warm_fits_of_one_epoch_each_keep_the_best():
    model = DLRegressor(**OVERFIT | {"max_iter": 1}, warm_start=True)
    for i in range(1, 41):
        model.fit(X[TRAIN], y[TRAIN], X_val=X[VALID], y_val=y[VALID])
        curve = model.validation_loss_curve_
        assert len(curve) == model.n_iter_ == i
        assert model.best_loss_ == pytest.approx(min(curve), rel=1e-10)
        assert weighted_half_mse(model) == pytest.approx(min(curve), rel=1e-10)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_of_a_network_that_is_trained_further_no_fold_is_left_out(early_stopping):
    """It has seen all rows; what was settled by rows that it had not stays."""
    params = OVERFIT | {"n_members": 4, "n_folds": 4, "warm_start": True, "max_iter": 20}
    model = DLRegressor(**params, early_stopping=early_stopping).fit(X, y)
    noise, epochs = model.noise_, model.n_iter_
    model.set_params(max_iter=3).fit(X, y)
    assert model.best_epoch_ is None
    assert model.n_iter_ == epochs + 3
    assert all("validation_loss" not in record for record in model.history_[-3:])
    np.testing.assert_array_equal(model.noise_, noise)


def test_a_warm_fit_on_other_rows_keeps_the_best_of_its_own():
    """Rows that the first fit trained on would call its network the best, whatever the second one learns."""
    params = OVERFIT | {"warm_start": True, "early_stopping": True, "validation_fraction": 0.3, "max_iter": 20}
    model = DLRegressor(**params).fit(X[:70], y[:70]).fit(X, y)
    assert 20 < model.best_epoch_ <= 40
    assert model.best_loss_ == min(model.validation_loss_curve_[20:])


def test_what_is_told_of_the_best_ends_with_it():
    model = DLRegressor(**OVERFIT).fit(X[TRAIN], y[TRAIN], X_val=X[VALID], y_val=y[VALID])
    assert model.partial_fit(X, y).best_epoch_ is None
    assert model.best_loss_ == min(model.loss_curve_)


# ---------------------------------------------------------------- held-out rows decide when it ends, and nothing else

TARGETS = {
    "numbers": (DLRegressor, y),
    "two outputs": (DLRegressor, np.c_[y, -3 * y]),
    "counts": (DLRegressor, np.exp(y)),
    "classes": (DLClassifier, c),
}


def halves(model, target):
    """The rows that `model` trains on and those that it holds out."""
    from sklearn_dl._data import Table, hold_out
    from sklearn_dl.heads import ClassHead, NumberHead

    strata = (ClassHead if isinstance(model, DLClassifier) else NumberHead).strata(target)
    seed = model._draw_seed()
    return [
        table.X[:, 0].astype(int)
        for table in hold_out(Table(np.arange(90.0)[:, None], target, None), model.validation_fraction, seed, strata)
    ]


@pytest.mark.parametrize("name", TARGETS)
def test_a_share_held_out_and_the_same_rows_given_make_the_same_network(name):
    estimator, target = TARGETS[name]
    params = SMALL | {"early_stopping": True, "validation_fraction": 0.3}
    params |= {"loss": "poisson"} if name == "counts" else {"class_weight": "balanced"} if name == "classes" else {}
    train, held = halves(estimator(**params), target)
    shared = estimator(**params).fit(X, target)
    given = estimator(**params).fit(X[train], target[train], X_val=X[held], y_val=target[held])
    np.testing.assert_array_equal(shared.network_.values, given.network_.values)
    assert shared.validation_loss_curve_ == given.validation_loss_curve_
    np.testing.assert_array_equal(shared.predict(X), given.predict(X))


def test_auto_is_settled_by_the_training_rows(monkeypatch):
    """110 rows, of which a share is held out, give the plain network of 99 rows, and not an ensemble."""
    table, target = np.tile(X, (4, 1))[:110], np.tile(y, 4)[:110]
    model = DLRegressor(early_stopping=True, n_folds=1, max_iter=2, random_state=0).fit(table, target)
    assert len(model.coefs_) == 2
    assert model.set_params(warm_start=True).fit(table, target).validation_loss_curve_ is not None


def test_a_wild_value_that_is_held_out_does_not_reach_training():
    params = SMALL | {"early_stopping": True, "validation_fraction": 0.3}
    held = halves(DLRegressor(**params), y)[1]
    wild = y.copy()
    wild[held[0]] = 1e9
    a, b = (DLRegressor(**params).fit(X, target) for target in (y, wild))
    assert a.loss_curve_ == b.loss_curve_


# ---------------------------------------------------------------- a schedule fits the time that there is


class Clock:
    """Time that passes a little at each look."""

    def __init__(self, tick):
        self.now, self.tick = 0.0, tick

    def perf_counter(self):
        self.now += self.tick
        return self.now


def timed(monkeypatch, tick, **params):
    from sklearn_dl._training import loop, monitor

    clock = Clock(tick)
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(monitor, "time", clock)
    return DLRegressor(**SMALL | {"max_iter": 1000, "learning_rate_init": 1.0, "solver": "sgd"} | params).fit(X, y)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_max_time_ends_a_schedule_and_does_not_cut_it(schedule, monkeypatch):
    params = {"learning_rate": schedule, "clip_norm": 1e-3, "max_time": 1.0}
    model = timed(monkeypatch, 0.01, **params)
    rates = [record["learning_rate"] for record in model.history_]
    assert 5 < model.n_iter_ < 50
    assert max(rates) > 0.9
    assert rates[-1] < 0.02
    half = model.n_iter_ // 2
    assert (np.diff(rates[half:]) < 0).all()


def test_time_enough_changes_nothing(monkeypatch):
    params = {"max_iter": 5, "learning_rate_init": 0.01}
    a, b = (timed(monkeypatch, 1e-9, **params, max_time=limit) for limit in (None, 1.0))
    assert a.network_.values.tobytes() == b.network_.values.tobytes()


@both
def test_what_a_fit_leaves(estimator):
    model = estimator(**SMALL, early_stopping=True, validation_fraction=0.2).fit(X, TARGET[estimator])
    assert [record["epoch"] for record in model.history_] == [1, 2, 3, 4, 5]
    assert model.loss_ == model.loss_curve_[-1]
    assert model.validation_scores_ is None
    assert model.n_layers_ == 3
    assert model.n_outputs_ == (1 if estimator is DLRegressor else 3)
    assert model.out_activation_ == ("identity" if estimator is DLRegressor else "softmax")
    assert [a.shape for a in model.coefs_] == [(4, 7), (7, model.n_outputs_)]
    assert [a.shape for a in model.intercepts_] == [(7,), (model.n_outputs_,)]
    model.coefs_ = [np.zeros_like(a) for a in model.coefs_]
    model.intercepts_[1][:] = 0
    assert np.ptp(model._raw(X)) == 0
