"""Folds: which rows each part of an ensemble learns, who judges an epoch, and rows that belong together.

What a part must not know is tried by changing it: the part's values stay the same to the bit.
"""

from __future__ import annotations

import copy
import pickle
import time
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._data.table import Table, hold_out
from sklearn_dl._estimators import params as estimators_params
from sklearn_dl._training.folds import together
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.rate_finder import find_learning_rate

N = 120
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.3 * rng.normal(size=N)
c = np.digitize(y, [-1.0, 1.0])
GROUPS = np.arange(N) // 6
TARGET = {DLRegressor: y, DLClassifier: c}
PARAMS = {
    "hidden_layer_sizes": (6,), "n_members": 4, "n_folds": 4, "max_iter": 8, "batch_size": 20, "dropout": 0.2,
    "encoder": None, "numeric_embedding": None, "dtype": "float64", "random_state": 0,
}  # fmt: skip
both = pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])


class KilledError(Exception): ...


class Look:
    """Keeps the estimator as it was after each epoch, and may stop the training there, or press Ctrl-C."""

    def __init__(self, stop_at=None, interrupt_at=None, kill_at=None):
        self.kill_at = kill_at
        self.stop_at, self.interrupt_at, self.models, self.began, self.batches = stop_at, interrupt_at, [], [], []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        self.began.append((context.task_name, context.max_subtasks))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "fit":
            return False
        self.models.append(fitted_estimator)
        self.batches.append([(batches.n_rows, len(batches)) for batches in fitted_estimator.training_.batches()])
        if len(self.models) == self.interrupt_at:
            raise KeyboardInterrupt
        if len(self.models) == self.kill_at:
            raise KilledError
        return len(self.models) == self.stop_at


def look(estimator=DLRegressor, target=None, groups=None, look=None, **params):
    """A fit, and the models that it went through; `weight` among the parameters is the rows'."""
    look, weight = Look() if look is None else look, params.pop("weight", None)
    model = estimator(**PARAMS | params).set_callbacks(look)
    model.fit(X, TARGET[estimator] if target is None else target, sample_weight=weight, groups=groups)
    return model, look.models


def parts(model):
    return [part.values for part in model.network_.parts]


def folds(model):
    return model.training_.folds


def same(a, b):
    return np.array_equal(a.network_.values, b.network_.values)


# ---------------------------------------------------------------- what a part learns and what it leaves out

# name: what makes the folds, and whether it needs groups
CASES = {
    "number": (4, False),
    "number with groups": (4, True),
    "GroupKFold": (GroupKFold(4), True),
    "StratifiedGroupKFold": (StratifiedGroupKFold(4), True),
    "GroupShuffleSplit": (GroupShuffleSplit(4), True),
    "KFold": (KFold(4, shuffle=True), False),
    "StratifiedKFold": (StratifiedKFold(3), False),
    "ShuffleSplit": (ShuffleSplit(4, test_size=0.4), False),  # overlap, and leave rows out of every fold
    "RepeatedKFold": (RepeatedKFold(n_splits=2, n_repeats=2), False),
    "TimeSeriesSplit": (TimeSeriesSplit(4), False),
    "PredefinedSplit": (PredefinedSplit(np.where(np.arange(N) < 40, -1, np.arange(N) % 4)), False),
    "one set held out": (PredefinedSplit(np.where(np.arange(N) < 90, -1, 0)), False),
}


@pytest.mark.parametrize("name", [name for name in CASES if name != "StratifiedKFold"])  # it goes by the classes
def test_a_part_knows_nothing_of_the_rows_that_it_leaves_out(name):
    n_folds, grouped = CASES[name]
    groups, target = GROUPS if grouped else None, (c == 1).astype(int)
    kwargs = {"estimator": DLClassifier, "groups": groups, "n_folds": n_folds}
    if isinstance(n_folds, int) or "Stratified" in name:  # drawn by classes: a class more or less changes the folds
        kwargs |= {"estimator": DLRegressor, "scale_target": False}
        target = target.astype(float)
    _, models = look(target=target, **kwargs)
    made, looks = folds(models[0]), [m for m in models if "validation_loss" in m.history_[-1]]
    row = made[0].left_out[0]
    twin = next(r for r in made[0].left_out if target[r] != target[row] and (GROUPS[r] == GROUPS[row] or not grouped))
    touched = [row, twin] if grouped else [row]
    changed = target.copy()
    changed[touched] = 1 - target[touched]  # as many of each class as before in a group
    _, others = look(target=changed, **kwargs)
    assert [f.train.tolist() for f in folds(others[0])] == [f.train.tolist() for f in made]
    assert len(looks) >= 3
    for model, other in zip(looks, [m for m in others if "validation_loss" in m.history_[-1]], strict=False):
        for i, (mine, its) in enumerate(zip(parts(model), parts(other), strict=True)):
            learnt = np.isin(touched, made[i].train).any()
            assert np.array_equal(mine, its) != learnt, f"part {i} {'forgot' if learnt else 'knows'} row {row}"
        assert model.history_[-1]["validation_loss"] != other.history_[-1]["validation_loss"]
    assert not np.array_equal(parts(models[-1])[0], parts(others[-1])[0])  # the last epochs learn it


@pytest.mark.parametrize("name", CASES)
def test_folds_are_what_the_splitter_says(name):
    n_folds, grouped = CASES[name]
    _, models = look(DLClassifier, groups=GROUPS if grouped else None, n_folds=n_folds)
    made = folds(models[0])
    assert (
        len(made) == len(models[0].network_.parts) == (n_folds if isinstance(n_folds, int) else n_folds.get_n_splits())
    )
    for fold in made:
        assert not set(fold.train) & set(fold.left_out)
        if grouped:
            assert not set(GROUPS[fold.train]) & set(GROUPS[fold.left_out])
    if not isinstance(n_folds, int) and getattr(n_folds, "random_state", 0) is not None:
        for fold, (train, left_out) in zip(made, n_folds.split(X, c, GROUPS if grouped else None), strict=True):
            assert fold.train.tolist() == train.tolist()
            assert fold.left_out.tolist() == left_out.tolist()


def test_a_splitter_that_shuffles_takes_its_seed_from_the_model():
    fits = [look(n_folds=KFold(4, shuffle=True), random_state=seed)[0] for seed in (0, 0, 1)]
    assert same(fits[0], fits[1])
    assert not same(fits[0], fits[2])


@both
@pytest.mark.parametrize("name", CASES)
def test_the_loss_of_left_out_rows_is_that_of_the_parts(estimator, name):
    """Recomputed from the parts' own predictions, at the temperature that suits them best."""
    n_folds, grouped = CASES[name]
    if estimator is DLRegressor and "Stratified" in name:
        pytest.skip("they need classes")
    weight = rng.uniform(0.5, 2.0, N)
    _, models = look(estimator, groups=GROUPS if grouped else None, n_folds=n_folds, weight=weight)
    model = models[5]
    raws, at = [], np.concatenate([fold.left_out for fold in folds(model)])
    for part, fold in zip(model.network_.parts, folds(model), strict=True):
        alone = copy.copy(model)
        alone.fitted_ = copy.copy(model.fitted_)
        alone.fitted_.network = part
        raws.append((alone, fold.left_out))
    found = model.history_[-1]["validation_loss"]
    if estimator is DLRegressor:
        predicted = np.concatenate([alone.predict(X[rows]) for alone, rows in raws])
        scale = np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)
        assert found == pytest.approx(np.average((predicted - y[at]) ** 2, weights=weight[at]) / 2 / scale, rel=1e-9)
    else:
        raw = [alone._raw(X[rows]) for alone, rows in raws]

        def loss(log_t):
            proba = np.concatenate([model.fitted_.head.link.predict(r / np.exp(log_t)) for r in raw])
            return -np.average(np.log(proba[np.arange(len(at)), c[at]]), weights=weight[at])

        least = minimize_scalar(loss, bounds=(-3, 3), method="bounded").fun
        assert least * (1 - 1e-3) <= found <= least * 1.01


def test_members_need_not_be_a_multiple_of_the_folds():
    for n_members in (4, 5, 7):
        model, models = look(n_members=n_members, groups=GROUPS)
        assert len(models[0].network_.parts) == 4
        assert model.network_.entries()[-1].shape[0] in (1, 2)
        assert np.isfinite(model.predict(X)).all()


def test_a_fold_that_trains_on_few_rows_has_as_many_steps():
    few = PredefinedSplit(np.where(np.arange(N) < 117, 0, 1))  # one part trains on 3 rows, the other on 117
    for n_folds in (TimeSeriesSplit(4), few):
        model, models = look(n_folds=n_folds, batch_size=1, max_iter=3, look=(seen := Look()))
        assert np.isfinite(model.predict(X)).all()
        sizes = [len(fold.train) for fold in folds(models[0])]
        assert seen.batches[0] == [(size, min(sizes)) for size in sizes]


def test_a_class_that_a_part_has_not_seen():
    target = np.repeat([0, 1, 2, 3], 30)
    model, _ = look(DLClassifier, target=target, n_folds=KFold(4), scoring="accuracy", max_iter=20)
    assert model.classes_.tolist() == [0, 1, 2, 3]
    assert model.validation_scores_[-1] == 0  # nobody can know the class that a fold holds alone
    assert model.best_loss_ > np.log(3)


# ---------------------------------------------------------------- whole groups


def test_folds_of_groups_are_as_equal_as_groups_allow():
    for seed in range(20):
        random = np.random.default_rng(seed)
        groups = (3 * random.pareto(1, 500)).astype(int)
        sizes = [len(fold.left_out) for fold in together(groups, None, 4, seed)]
        largest = np.bincount(groups).max()
        assert sum(sizes) == 500
        assert max(sizes) <= max(largest, 500 / 4 + largest)
        assert max(sizes) - min(sizes) <= largest


def test_no_fold_of_groups_is_empty_and_classes_are_shared_out():
    for seed in range(60):
        random = np.random.default_rng(seed)
        n_groups = random.integers(4, 9)
        groups = np.concatenate((np.arange(n_groups), random.integers(0, n_groups, 60)))
        made = together(groups, random.integers(0, 2, n_groups)[groups], 4, seed)
        assert all(len(fold.left_out) for fold in made)
        assert sorted(np.concatenate([fold.left_out for fold in made])) == list(range(len(groups)))
    classes = np.repeat([0, 1, 2], (600, 300, 60))  # groups of one class, each of 6 rows
    for fold in together(np.arange(960) // 6, classes, 4, 0):
        counts = np.bincount(classes[fold.left_out])
        assert (np.abs(counts - [150, 75, 15]) <= 6).all()


def as_nan(groups):
    return np.where(groups == 3, np.nan, groups)


KINDS = {
    "list": list,
    "text": lambda g: [f"shop {i}" for i in g],
    "NaN is a group": as_nan,
    "None is a group": lambda g: [None if i == 3 else f"shop {i}" for i in g],
    "Series with another index": lambda g: pd.Series(g, index=np.arange(N)[::-1]),
    "categorical": lambda g: pd.Series(g).astype(str).astype("category"),
    "nullable": lambda g: pd.Series(g).astype("Int64").mask(g == 3),
    "dates": lambda g: pd.Timestamp("2026-01-01") + pd.to_timedelta(g, unit="D"),
    "polars": lambda g: pytest.importorskip("polars").Series(g.tolist()),
    "polars text": lambda g: pytest.importorskip("polars").Series([f"shop {i}" for i in g]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_groups_of_any_kind(kind):
    assert same(look(groups=KINDS[kind](GROUPS), max_iter=1)[0], look(groups=GROUPS, max_iter=1)[0])


@pytest.mark.parametrize(
    ("groups", "params", "message"),
    [
        (GROUPS[:-1], {}, r"groups must have one value for each of the 120 rows; got an array of \(119,\)"),
        (GROUPS[:, None], {}, r"groups must have one value for each of the 120 rows; got an array of \(120, 1\)"),
        ("shop", {}, r"groups must have one value for each of the 120 rows; got an array of \(\)"),
        ([[1]] * N, {}, r"groups must have one value for each"),
        (np.arange(N) // 40, {}, "groups must have a value for each of the 4 folds of n_folds; got 3 values"),
        (None, {"n_folds": GroupKFold(4)}, r"n_folds=GroupKFold\(n_splits=4, random_state=None, shuffle=False\) cannot "
         r"split the rows: The 'groups' parameter should not be None; pass them as fit\(X, y, groups=...\)\.$"),
        (GROUPS, {"n_folds": GroupKFold(21), "n_members": 21}, "cannot split the rows: Cannot have number of splits"),
        (GROUPS, {"n_folds": LeaveOneGroupOut()}, "must say without rows how many folds it makes"),
        (None, {"n_folds": StratifiedKFold(4)}, "cannot split the rows: Supported target types are"),
        (None, {"n_folds": PredefinedSplit(np.arange(80) % 4)}, "is for 80 rows; here are 120, those of weight 0 not"),
        (None, {"n_folds": PredefinedSplit(np.arange(N) % 4), "weight": np.arange(N)}, "for 120 rows; here are 119"),
        (None, {"n_folds": GroupKFold}, "n_folds must be 'auto', an int >= 1 or a splitter of scikit-learn such as"),
        (None, {"n_folds": "GroupKFold"}, "n_folds must be 'auto', an int >= 1 or a splitter"),
        (None, {"n_folds": [([0], [1])]}, "n_folds must be 'auto', an int >= 1 or a splitter"),
        (None, {"n_folds": KFold(5)}, "n_folds must be at most n_members, which is 4 here"),
    ],
)  # fmt: skip
def test_errors(groups, params, message):
    with pytest.raises(ValueError, match=message):
        look(groups=groups, **params)


class Own:
    """A splitter as a user writes one."""

    def __init__(self, folds, n=2):
        self.folds, self.n = folds, n

    def __repr__(self):
        return f"Own({self.folds})"

    def get_n_splits(self, X=None, y=None, groups=None):
        return self.n

    def split(self, X, y=None, groups=None):
        return iter(self.folds)


ROWS = np.arange(N)
HALVES = [(ROWS[:60], ROWS[60:]), (ROWS[60:], ROWS[:60])]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ((ROWS[:60], ROWS[60:] + 1), "as numbers from 0 to 119; fold 1 trains on 60 and leaves out 60"),
        ((ROWS[:60], -ROWS[1:40]), "fold 1 trains on 60 and leaves out 39"),
        ((ROWS[:61], ROWS[60:]), "fold 1 trains on 61 and leaves out 60, some of which it trains on"),
        ((ROWS[:0], ROWS), "fold 1 trains on 0 and leaves out 120"),
        ((ROWS, ROWS[:0]), "fold 1 trains on 120 and leaves out 0"),
        ((ROWS[:60] / 1, ROWS[60:]), r"n_folds=Own\(...\) cannot split the rows: Cannot cast"),
    ],
)
def test_errors_of_a_splitter_of_ones_own(second, message):
    with pytest.raises(ValueError, match=message):
        look(n_folds=Own([HALVES[0], second]))


def test_a_splitter_of_ones_own():
    kept = look(n_folds=Own(HALVES))[0]
    assert same(kept, look(n_folds=Own([(ROWS < 60, ROWS >= 60), (ROWS >= 60, ROWS < 60)]))[0])  # masks
    with pytest.raises(ValueError, match=r"makes 2 folds where its get_n_splits\(\) says 3"):
        look(n_folds=Own(HALVES, n=3))


@both
def test_rows_of_weight_0_go_with_their_groups(estimator):
    weight = np.where((GROUPS == 3) | (ROWS % 7 == 0), 0.0, 1.5)
    there = weight > 0
    for n_folds in (4, GroupKFold(4)):
        with_them = estimator(**PARAMS | {"n_folds": n_folds})
        without = clone(with_them).fit(X[there], TARGET[estimator][there], weight[there], groups=GROUPS[there])
        assert same(with_them.fit(X, TARGET[estimator], weight, groups=GROUPS), without)


@both
@pytest.mark.parametrize("n_rows", [1, 3])
def test_more_folds_than_rows_are_refused(estimator, n_rows):
    model = estimator(**PARAMS)
    with pytest.raises(ValueError, match=rf"n_folds must be at most the number of rows, which is {n_rows} .*; got 4"):
        model.fit(X[[0, -1, 1, 2]], [0, 1, 0, 1], sample_weight=np.arange(4) < n_rows)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fold_whose_weight_is_nothing_beside_others_is_refused(dtype):
    with pytest.raises(ValueError, match="each fold must have rows of weight above 0 to train on and to leave out"):
        look(weight=np.r_[1e300, np.full(N - 1, 1e-300)], dtype=dtype)


def test_a_fold_without_weight_is_refused():
    split = PredefinedSplit(np.repeat([0, 1], 60))
    with pytest.raises(ValueError, match="each fold must have rows of weight above 0 to train on and to leave out"):
        look(DLClassifier, target=np.repeat([0, 1], 60), n_folds=split, class_weight={0: 0, 1: 1})


def test_the_default_has_no_more_folds_than_groups():
    rows = np.random.default_rng(1).normal(size=(330, 3))
    target, auto = rows[:, 0], {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
    for n_groups, n_folds in ((1, 1), (3, 3), (9, 4)):
        groups = np.arange(330) % n_groups
        model = DLRegressor(**auto, warm_start=True).fit(rows, target, groups=groups)
        assert len(model.network_.parts) == model.settings_["n_folds"] == n_folds
        explicit = clone(model).set_params(**model.settings_).fit(rows, target, groups=groups)
        assert same(model, explicit)
        assert model.fit(rows, target).n_iter_ == 4  # without groups, on the network that there is
        assert model.partial_fit(rows, target).n_iter_ == 5


@both
def test_the_epoch_that_reaches_the_target_loss_is_judged(estimator):
    second = look(estimator, max_iter=128)[0].loss_curve_[1]  # every fourth epoch is looked at
    model = look(estimator, max_iter=128, target_loss=second)[0]
    assert (model.n_iter_, model.ended_by_, model.best_epoch_) == (2, "target_loss", 2)
    assert model.best_loss_ == model.history_[-1]["validation_loss"]


# ---------------------------------------------------------------- held out without folds


@pytest.mark.parametrize("sizes", [[6] * 20, [60, *[1] * 60], [90, 10, 10, 10], [119, 1], [40, 80]])
@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.9])
def test_whole_groups_are_held_out(sizes, fraction):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(5):
        train, held = hold_out(Table(X, y, None, groups=groups), fraction, seed, None)
        assert not set(train.groups) & set(held.groups)
        assert len(train.y) + len(held.y) == N
        nearest = min(abs(len(held.y) - fraction * N), abs(len(train.y) - (1 - fraction) * N))
        assert nearest <= max(sizes) or len(held.y) == min(sizes)
        assert len(train.y) > 0
    if max(sizes) <= 6:
        assert abs(len(held.y) - fraction * N) <= 3


def test_early_stopping_without_folds_holds_out_whole_groups():
    plain = {"n_members": 1, "n_folds": 1, "early_stopping": True}
    _, models = look(DLClassifier, groups=GROUPS, **plain)
    held = models[0].training_.held_out.x
    rows = {ROWS[(row == X).all(axis=1)][0] for row in held}
    assert len(rows) == 12
    assert all(rows >= set(ROWS[np.isin(GROUPS, GROUPS[row])]) for row in rows)
    with pytest.warns(UserWarning, match="because groups has the same value in all rows"):
        look(groups=np.zeros(N), **plain)


# ---------------------------------------------------------------- who chooses the epoch


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", None, ["accuracy", "roc_auc_ovr"], accuracy_score])
def test_the_score_of_left_out_rows_chooses_the_epoch(scoring):
    if scoring is accuracy_score:

        def scoring(model, X, y, sample_weight=None):
            return accuracy_score(y, model.predict(X), sample_weight=sample_weight)

    learning = {"max_iter": 24, "learning_rate_init": 0.05}
    model, models = look(DLClassifier, groups=GROUPS, scoring=scoring, **learning)
    judged = [m for m in models if "validation_loss" in m.history_[-1]]
    scores = [m.history_[-1]["validation_score"] for m in judged]
    assert len(set(scores)) > 3
    smoothed = [np.mean(scores[max(0, i - 2) : i + 1]) for i in range(len(scores))]  # of three looks
    assert max(smoothed) - smoothed[model.best_epoch_ - 1] < 1e-12
    assert model.best_validation_score_ == scores[model.best_epoch_ - 1]
    assert model.best_loss_ == model.history_[model.best_epoch_ - 1]["validation_loss"]
    best = judged[model.best_epoch_ - 1]
    for m in judged:  # from the parts' own answers at their temperature; the first is found roughly, each epoch
        if scoring == "neg_log_loss":
            assert m.history_[-1]["validation_score"] == pytest.approx(-m.history_[-1]["validation_loss"], rel=1e-9)
    start = models[len(judged) - 1].training_
    assert np.array_equal(start.stopping.values, best.network_.values)


NOISE = np.random.default_rng(3).normal(size=(800, 10))
SEEN = NOISE[:, 0] + 2 * np.random.default_rng(4).normal(size=800)  # mostly noise, which is soon learnt by heart


@pytest.mark.parametrize(("estimator", "target"), [(DLRegressor, SEEN), (DLClassifier, SEEN > 0)])
def test_judged_epochs_end_where_left_out_rows_are_surely_told_worse(estimator, target, monkeypatch):
    params = PARAMS | {
        "hidden_layer_sizes": (64,),
        "max_iter": 64,
        "learning_rate_init": 0.01,
        "dropout": 0.0,
        "batch_size": 40,
    }
    model = estimator(**params).fit(NOISE, target)
    state = model.fitted_.state
    assert state.judged < 20  # two fifths of those that may be
    assert state.ended_by == "early_stopping"
    monkeypatch.setattr(estimators_params, "SURE", np.inf)
    patient = estimator(**params).fit(NOISE, target)
    assert patient.fitted_.state.judged > state.judged
    assert patient.best_epoch_ == model.best_epoch_
    short, full = (r.validation_loss_curve_ for r in (model, patient))
    assert list(full[: len(short)]) == list(short)


@pytest.mark.parametrize(
    "params",
    [
        {"scoring": "r2"},
        {"learning_rate": "adaptive", "n_iter_no_change": 100},
        {"early_stopping": True, "n_iter_no_change": 100},
    ],
    ids=str,
)
def test_who_says_what_ends_a_fit_is_obeyed(params):
    given = PARAMS | {"hidden_layer_sizes": (64,), "max_iter": 32, "learning_rate_init": 0.01, "dropout": 0.0}
    model = DLRegressor(**given | params).fit(NOISE, SEEN)
    assert model.fitted_.state.judged >= min(
        24, 9 + model.best_epoch_
    )  # two fifths of those that may be judged, or all


def test_early_stopping_is_judged_by_left_out_rows():
    params = {"early_stopping": True, "max_iter": 100, "learning_rate_init": 0.1, "n_iter_no_change": 6}
    model, models = look(DLClassifier, groups=GROUPS, **params)
    assert models[0].training_.held_out is None
    judged = [r["epoch"] for r in model.history_ if "validation_loss" in r]
    state = model.fitted_.state
    assert model.ended_by_ == "early_stopping"
    assert state.judged < 76
    assert state.judged - model.best_epoch_ >= 6
    assert max(judged) == state.judged
    n_last = model.n_iter_ - state.judged
    assert n_last == max(1, round(24 * model.best_epoch_ / 76))


@pytest.mark.parametrize(("max_iter", "n_last"), [(1, 0), (2, 0), (3, 1), (4, 1), (6, 2), (64, 16)])
def test_the_last_quarter_learns_from_all_rows(max_iter, n_last):
    model, models = look(max_iter=max_iter, learning_rate_init=0.01, look=(seen := Look()))
    n_judged = max_iter - n_last
    n_last = round(n_last * model.best_epoch_ / (max_iter - n_last))  # in proportion to what was worth keeping
    assert model.n_iter_ == len(models) == n_judged + n_last
    judged = [r["epoch"] for r in model.history_ if "validation_loss" in r]
    looked = range(1, n_judged + 1) if max_iter <= 32 else [*range(1, 8), *range(8, n_judged + 1, 2)]
    assert judged == list(looked)
    assert model.best_epoch_ in judged
    assert model.best_loss_ == model.history_[model.best_epoch_ - 1]["validation_loss"]
    assert seen.batches == [[(90, 5)] * 4] * n_judged + [[(120, 6)] * 4] * n_last
    best = models[model.best_epoch_ - 1]
    if n_last:
        assert not same(models[n_judged], best)
        assert same(model, models[-1])
        rates = [r["learning_rate"] for r in model.history_[-n_last:]]
        assert rates == sorted(rates, reverse=True)
    else:
        assert same(model, best)


# ---------------------------------------------------------------- what ends it


@pytest.mark.parametrize("at", [2, 6, 7])
@pytest.mark.parametrize("way", ["stop_at", "interrupt_at"])
def test_a_stop_in_the_judged_and_in_the_last_epochs(at, way):
    """In the judged ones the best of them is kept; in the last ones the last whole epoch."""
    seen = Look(**{way: at})
    model = DLRegressor(**PARAMS | {"learning_rate": "constant", "learning_rate_init": 0.05}).set_callbacks(seen)
    if way == "stop_at":
        model.fit(X, y)
    else:
        with pytest.warns(
            UserWarning, match="interrupted; the weights of the last whole epoch, or the best, were kept"
        ):
            model.fit(X, y)
    assert model.n_iter_ == at
    assert model.ended_by_ == {"stop_at": "callback", "interrupt_at": "interrupt"}[way]
    kept = seen.models[at - 1] if at > 6 else seen.models[model.best_epoch_ - 1]
    assert same(model, kept)


def test_a_callback_that_stops_where_early_stopping_does_has_its_way():
    params = {"early_stopping": True, "max_iter": 60, "learning_rate_init": 0.1, "n_iter_no_change": 3}
    judged = look(**params)[0].fitted_.state.judged
    assert look(look=Look(stop_at=judged), **params)[0].n_iter_ == judged


def test_interrupted_between_the_epochs(monkeypatch):
    """Ctrl-C while the last epochs are prepared: the best of the judged ones is kept."""

    def press(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_dl._training.training.Training.learn_the_rest", press)
    with pytest.warns(UserWarning, match="training was interrupted"):
        model, models = look()
    assert model.n_iter_ == 6
    assert same(model, models[model.best_epoch_ - 1])


@pytest.mark.parametrize(("epoch", "n_iter"), [(3, 3), (7, 7)])
def test_target_loss_ends_it_wherever(epoch, n_iter):
    losses = look()[0].loss_curve_
    order = [loss for i, loss in enumerate(losses) if i == epoch - 1]
    model = look(target_loss=order[0])[0]
    assert model.ended_by_ == "target_loss"
    first = next(i for i, loss in enumerate(losses, 1) if loss <= order[0])
    assert model.n_iter_ == first


def test_a_loss_that_is_not_finite_in_the_last_epochs_leaves_the_best_one(monkeypatch):
    from sklearn_dl._training.steps import Walk

    epoch = Walk.epoch

    def fails(self, rate_at):
        loss, rate = epoch(self, rate_at)
        return (np.nan if self._state.epoch == 6 else loss), rate

    monkeypatch.setattr(Walk, "epoch", fails)
    with pytest.warns(UserWarning, match="no longer finite"):
        model, models = look(learning_rate_init=0.05)
    assert model.ended_by_ == "non_finite_loss"
    assert same(model, models[model.best_epoch_ - 1])


def test_max_time_leaves_time_for_the_last_epochs():
    start = time.perf_counter()
    model = look(max_time=1.0, max_iter=32 * 500, batch_size=5)[0]
    assert 0.9 < time.perf_counter() - start < 5
    assert model.ended_by_ == "max_time"
    judged = model.fitted_.state.judged
    assert model.best_epoch_ <= judged < model.n_iter_
    assert "validation_loss" in model.history_[judged - 1]  # looked at where the time for it was over
    assert "validation_loss" not in model.history_[judged]


def test_max_time_that_is_over_at_once():
    model = look(max_time=1e-9, max_iter=8)[0]
    assert (model.n_iter_, model.ended_by_, model.fitted_.state.judged) == (1, "max_time", None)


# ---------------------------------------------------------------- looking on


def test_lines_go_on_in_the_last_epochs(capsys):
    model = look(verbose=1, groups=GROUPS)[0]
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"epoch {i}/8" for i in range(1, 9)]
    assert ["validation" in line for line in lines] == [True] * 6 + [False] * 2
    assert last.startswith(f"kept epoch {model.best_epoch_} of 6 and 2 more on all rows  loss")
    assert f"{model.best_loss_:#.5g}" in last


def test_lines_of_early_stopping(capsys):
    params = {"early_stopping": True, "max_iter": 100, "learning_rate_init": 0.1, "n_iter_no_change": 6}
    model = look(verbose=1, **params)[0]
    judged, n_last = model.fitted_.state.judged, model.n_iter_ - model.fitted_.state.judged
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch   1/100")
    assert lines[judged].startswith(f"epoch {judged + 1}/{model.n_iter_}")
    assert lines[-1].startswith(f"kept epoch {model.best_epoch_} of {judged} and {n_last} more on all rows  loss")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_progress_bar_is_full(early_stopping, capsys, monkeypatch):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("rich._console", None)
    params = {"max_iter": 40, "learning_rate_init": 0.1, "n_iter_no_change": 3, "early_stopping": early_stopping}
    model = DLRegressor(**PARAMS | params).set_callbacks(ProgressBar())
    model.fit(X, y)
    bars = [line for line in capsys.readouterr().out.splitlines() if "fit" in line]
    assert bars
    assert all("100%" in line for line in bars)


def test_callbacks_hear_of_all_epochs():
    _, models = look(look=(seen := Look()))
    assert seen.began == [("fit", 8)] + [("epoch", 0)] * 8
    assert [m.history_[-1]["epoch"] for m in models] == list(range(1, 9))


# ---------------------------------------------------------------- checkpoints


def test_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    """KilledError after each epoch: in the judged ones, at their end, in the last ones."""
    path, whole = tmp_path / "fit.ckpt", DLClassifier(**PARAMS | {"n_folds": GroupKFold(4)})
    params = {"early_stopping": True, "max_iter": 60, "learning_rate_init": 0.1, "n_iter_no_change": 3}
    declines = {"max_iter": 60, "learning_rate_init": 0.05, "hidden_layer_sizes": (64,)}
    for more in ({}, params, declines, {"target_loss": 1.06}, {"n_folds": KFold(4, shuffle=True)}):
        model = clone(whole).set_params(**more)
        expected = clone(model).fit(X, c, groups=GROUPS if "n_folds" not in more else None)
        judged = expected.fitted_.state.judged or expected.n_iter_
        for at in {1, judged - 1, judged, judged + 1, expected.n_iter_ - 1, expected.n_iter_} - {0}:
            path.unlink(missing_ok=True)
            groups = GROUPS if "n_folds" not in more else None
            with pytest.raises(KilledError) if at <= expected.n_iter_ else nullcontext():
                clone(model).set_callbacks(Checkpoint(path), Look(kill_at=at)).fit(X, c, groups=groups)
            seen = Look()
            resumed = clone(model).set_callbacks(Checkpoint(path), seen).fit(X, c, groups=groups, resume_from=path)
            assert same(resumed, expected), (more, at)
            assert resumed.n_iter_ == expected.n_iter_
            assert resumed.ended_by_ == expected.ended_by_
            assert resumed.best_epoch_ == expected.best_epoch_
            assert [name for name, _ in seen.began].count("epoch") == len(seen.models) == max(0, expected.n_iter_ - at)


@pytest.mark.parametrize(
    ("change", "groups", "message"),
    [
        ({"n_folds": GroupKFold(4, shuffle=True, random_state=1)}, GROUPS, "n_folds=GroupKFold"),
        ({"n_folds": 4}, GROUPS, "n_folds=GroupKFold"),
        ({}, np.arange(N) % 20, "rows that are left out"),
    ],
)
def test_a_checkpoint_of_other_folds_is_refused(tmp_path, change, groups, message):
    path, model = tmp_path / "fit.ckpt", DLClassifier(**PARAMS | {"n_folds": GroupKFold(4)})
    clone(model).set_callbacks(Checkpoint(path), Look(stop_at=3)).fit(X, c, groups=GROUPS)
    with pytest.raises(ValueError, match=message):
        clone(model).set_params(**change).fit(X, c, groups=groups, resume_from=path)


# ---------------------------------------------------------------- afterwards


@both
def test_going_on_after_a_splitter(estimator):
    """A network that was trained may have seen any row: no fold judges it again, but rows that are given do."""
    model = estimator(**PARAMS | {"n_folds": GroupKFold(4), "warm_start": True})
    model.fit(X, TARGET[estimator], groups=GROUPS)
    seen = Look()
    again = copy.deepcopy(model).set_callbacks(seen).fit(X, TARGET[estimator])  # needs no groups
    assert again.n_iter_ == 16
    assert seen.models[0].training_.folds is None
    assert seen.batches == [[(N, 6)] * 4] * 8
    assert again.best_epoch_ is None
    assert not same(again, model)
    judged = copy.deepcopy(model).fit(X, TARGET[estimator], X_val=X[:30], y_val=TARGET[estimator][:30])
    assert judged.best_epoch_ is not None
    assert copy.deepcopy(model).partial_fit(X, TARGET[estimator]).n_iter_ == 9
    fresh = estimator(**PARAMS | {"n_folds": GroupKFold(4)}).partial_fit(X, TARGET[estimator])
    assert len(fresh.network_.parts) == 4


@pytest.mark.parametrize("n_folds", [GroupKFold(4), PredefinedSplit(np.arange(N) % 4), TimeSeriesSplit(3)])
def test_clone_pickle_and_texts(n_folds):
    model = DLRegressor(**PARAMS | {"n_folds": n_folds, "n_members": "auto"})
    groups = GROUPS if isinstance(n_folds, GroupKFold) else None
    fitted = clone(model).fit(X, y, groups=groups)
    assert same(fitted, clone(fitted).fit(X, y, groups=groups))
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))
    assert type(n_folds).__name__ in repr(model)
    assert type(n_folds).__name__ in model._repr_html_()
    assert "n_folds" not in fitted.settings_
    assert fitted.settings_["n_members"] == -(-8 // n_folds.get_n_splits()) * n_folds.get_n_splits()
    assert same(fitted, clone(model).set_params(**fitted.settings_).fit(X, y, groups=groups))


def test_a_rate_is_found_with_groups():
    model = DLRegressor(**PARAMS | {"n_folds": GroupKFold(4)})
    assert find_learning_rate(model, X, y, groups=GROUPS, n_steps=30).suggestion > 0


@pytest.mark.parametrize("name", ["number with groups", "TimeSeriesSplit", "one set held out"])
def test_the_number_of_threads_changes_no_bit(name, monkeypatch):
    monkeypatch.setattr("sklearn_dl._engine.shared.MIN_WORK", 0)
    monkeypatch.setattr("sklearn_dl._training.fitting.threads_granted", lambda n_jobs: n_jobs)
    n_folds, grouped = CASES[name]
    params = {"n_folds": n_folds, "batch_size": 90, "dropout": 0.3, "groups": GROUPS if grouped else None}
    fits = [look(DLClassifier, n_jobs=n_jobs, **params)[0] for n_jobs in (1, 2, 3)]
    assert same(fits[0], fits[1])
    assert same(fits[0], fits[2])


# ---------------------------------------------------------------- metadata routing


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def test_groups_reach_a_network_in_a_pipeline(routing):
    model = DLClassifier(**PARAMS).set_fit_request(groups=True)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, c, groups=GROUPS)
    alone = DLClassifier(**PARAMS).fit(StandardScaler().fit_transform(X), c, groups=GROUPS)
    assert same(pipeline[-1], alone)


def test_groups_reach_the_folds_of_a_cross_validation(routing):
    model = DLClassifier(**PARAMS).set_fit_request(groups=True)
    cv = GroupKFold(3)
    found = cross_validate(model, X, c, params={"groups": GROUPS}, cv=cv, return_estimator=True)
    for fitted, (train, _) in zip(found["estimator"], cv.split(X, c, GROUPS), strict=True):
        assert same(fitted, DLClassifier(**PARAMS).fit(X[train], c[train], groups=GROUPS[train]))


def test_groups_reach_the_candidates_of_a_search(routing):
    model = DLClassifier(**PARAMS).set_fit_request(groups=True)
    grid = {"n_folds": [2, GroupKFold(4), StratifiedGroupKFold(3)]}
    search = GridSearchCV(model, grid, cv=GroupKFold(3), error_score="raise").fit(X, c, groups=GROUPS)
    best = search.best_params_["n_folds"]
    assert same(search.best_estimator_, DLClassifier(**PARAMS | {"n_folds": best}).fit(X, c, groups=GROUPS))


# ---------------------------------------------------------------- what it is for


def test_with_groups_left_out_rows_tell_the_loss_on_new_groups():
    """Ten near-copies a group: without groups the left-out rows praise memorising."""
    random = np.random.default_rng(0)

    def draw(n_groups):
        centres = random.normal(size=(n_groups, 6))
        label = centres[:, 0] + random.normal(size=n_groups) > 0
        rows = np.repeat(centres, 10, axis=0) + 0.01 * random.normal(size=(10 * n_groups, 6))
        return rows, np.repeat(label, 10), np.repeat(np.arange(n_groups), 10)

    rows, label, groups = draw(60)
    new_rows, new_label, _ = draw(300)
    params = {"hidden_layer_sizes": (32,), "max_iter": 40, "random_state": 0}
    losses = {}
    for name, given in (("rows", None), ("groups", groups)):
        model = DLClassifier(**params).fit(rows, label, groups=given)
        losses[name] = model.best_loss_, log_loss(new_label, model.predict_proba(new_rows))
    left_out, new = losses["groups"]
    assert abs(np.log(new / left_out)) < 0.25
    left_out_rows, new_rows_loss = losses["rows"]
    assert left_out_rows < 0.5 * new_rows_loss
    assert new < new_rows_loss
