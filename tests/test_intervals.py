"""Intervals and spreads from rows that nothing has learnt: how often new rows lie inside, and what keeps them.

Knows the levels of quantile networks only where margins are added to them; the levels are tested in `test_uncertainty`.
"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import OneHotEncoder

from sklearn_dl import DLRegressor
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.heads.intervals import KEPT, Margins, Scale
from sklearn_dl.losses import Quantile

RNG = np.random.default_rng(0)
QUICK = {"hidden_layer_sizes": (16,), "max_iter": 12, "numeric_embedding": None, "random_state": 0}
FOLDS = {"n_members": 4, "n_folds": 4}


# ---------------------------------------------------------------- margins


@pytest.mark.parametrize("n", [1, 5, 19, 100, 999, 1000])
@pytest.mark.parametrize("coverage", [0.01, 0.5, 0.9, 0.95, 0.999])
def test_a_margin_is_the_score_of_the_rank_that_conformal_prediction_asks_for(n, coverage):
    scores = RNG.permutation(n).astype(float)[:, None]
    rank = min(int(np.ceil((n + 1) * coverage - 1e-9)), n)
    assert Margins.learn(scores, None).at(coverage) == [rank - 1]
    assert Margins.learn(scores, np.full(n, 3.0)).at(coverage) == [rank - 1]


def test_a_margin_holds_a_new_row_as_often_as_it_says():
    """The theorem: of n + 1 rows in random order, the last lies within the margin of the others."""
    scores = RNG.standard_t(2, size=(4000, 40))
    held = [row[-1] <= Margins.learn(row[:-1, None], None).at(0.8)[0] for row in scores]
    assert abs(np.mean(held) - 0.8) < 0.02  # three deviations


def test_of_many_rows_some_quantiles_are_kept():
    scores = RNG.normal(size=(50_000, 3)) * [1, 10, 100]
    margins = Margins.learn(scores, None)
    assert margins.scores.shape == (KEPT, 3)
    for coverage in (0.1, 0.9, 0.999):
        inside = (scores <= margins.at(coverage)).mean(axis=0)
        assert (np.abs(inside - coverage) <= 1 / KEPT + 1e-9).all()


@pytest.mark.parametrize("n", [60, 3000])
def test_a_row_of_weight_three_is_three_rows(n):
    scores, weight = RNG.normal(size=(n, 2)), RNG.integers(1, 4, n)
    weighted, several = Margins.learn(scores, weight), Margins.learn(np.repeat(scores, weight, axis=0), None)
    for coverage in (0.2, 0.5, 0.9):
        share = (np.repeat(scores, weight, axis=0) <= weighted.at(coverage)).mean(axis=0)
        expected = (np.repeat(scores, weight, axis=0) <= several.at(coverage)).mean(axis=0)
        np.testing.assert_allclose(share, expected, atol=2 / min(n, KEPT) + 0.01)


@pytest.mark.parametrize("heavy", [1e3, 1e12, 1e200])
def test_where_one_row_has_all_the_weight_the_largest_score_counts(heavy):
    scores, weight = np.arange(50.0)[:, None], np.ones(50)
    weight[7] = heavy
    assert Margins.learn(scores, weight).at(0.9) == [49]


def test_a_scale_finds_what_residuals_grow_with():
    n = 4000
    variance, prediction = RNG.gamma(2, size=(n, 1)), RNG.normal(size=(n, 1))
    e = RNG.normal(size=(n, 1))
    by_variance = Scale.learn(e * np.sqrt(8 * variance), variance, prediction, None, positive=False)
    by_level = Scale.learn(e * np.exp(prediction), 0 * variance, prediction, None, positive=False)
    by_nothing = Scale.learn(e, variance, prediction, None, positive=False)
    by_mean = Scale.learn(e * np.exp(prediction), 0 * variance, np.exp(prediction), None, positive=True)
    assert by_variance.a >= 8
    assert (by_level.p, by_mean.p, by_nothing.p) == (2, 2, 0)
    s = by_nothing.of(variance, prediction)
    assert s.std() < 0.05 * s.mean()


# ---------------------------------------------------------------- coverage


def made(kind, n, seed):
    """A table and a target with noise of some kind."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    f = np.sin(2 * X[:, 0]) + X[:, 1]
    y = {
        "normal": lambda: f + rng.normal(size=n),
        "the spread depends on the row": lambda: f + np.exp(X[:, 2]) * rng.normal(size=n),
        "the spread grows with y": lambda: f + np.exp(f / 2) * rng.normal(size=n),
        "heavy tails": lambda: f + rng.standard_t(1.5, size=n),
        "skewed": lambda: f + rng.exponential(size=n),
        "counts": lambda: rng.poisson(np.exp(f)).astype(float),
        "positive": lambda: rng.gamma(2, np.exp(f) / 2),
        "zeros and more": lambda: rng.gamma(2, np.exp(f)) * (rng.random(n) < 0.6),
        "outputs": lambda: np.column_stack([f + rng.normal(size=n), 1e6 + 1e3 * np.exp(X[:, 2]) * rng.normal(size=n)]),
    }[kind]()
    return X, y


def covered(model, X, y, coverage=0.9):
    """Share of the rows inside the interval, and inside mean ± 1.645 std, of each output."""
    low, high = np.moveaxis(model.predict_interval(X, coverage), -1, 0)
    mean, std = model.predict(X, return_std=True)
    assert (low <= high).all()
    assert low.shape == y.shape
    return np.mean((low <= y) & (y <= high), axis=0), np.mean(np.abs(y - mean) <= 1.645 * std, axis=0)


LEVELS = Quantile((0.05, 0.5, 0.95))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("normal", {"n_members": 8}),
        ("the spread depends on the row", {}),
        ("heavy tails", {}),
        ("heavy tails", {"loss": "absolute_error"}),
        ("skewed", {"loss": "huber"}),
        ("outputs", {}),
        ("outputs", {"loss": LEVELS}),
        ("counts", {"loss": "poisson"}),
        ("positive", {"loss": "gamma"}),
        ("zeros and more", {"loss": "tweedie"}),
        ("normal", {"loss": LEVELS}),
        ("skewed", {"loss": LEVELS}),
        ("the spread depends on the row", {"loss": LEVELS}),
        ("the spread depends on the row", {"loss": Quantile((0.3, 0.5, 0.7))}),
        ("skewed", {"loss": "quantile"}),
        ("skewed", {"loss": Quantile((0.5, 0.9))}),
        ("normal", {"n_members": 1, "n_folds": 1, "early_stopping": True, "validation_fraction": 0.3}),
        ("skewed", {"n_members": 4, "n_folds": 1, "early_stopping": True, "validation_fraction": 0.3}),
        ("normal", {"n_members": 8, "n_folds": 8}),
        ("normal", {"scale_target": False}),
    ],
    ids=str,
)
def test_new_rows_lie_inside_as_often_as_is_said(kind, options):
    X, y = made(kind, 900, 0)
    model = DLRegressor(**QUICK | FOLDS | options).fit(X, y)
    X, y = made(kind, 4000, 1)
    much = 0.05 if "levels" in repr(options) else 0.0  # four members' levels are better than those of one, as judged
    most = 1.0 if kind in ("counts", "zeros and more") else 0.06 + much  # an end on a value holds all who have it
    for coverage in (0.9, 0.8, 0.5):
        inside, near = covered(model, X, y, coverage)
        assert np.all((inside > coverage - 0.06) & (inside < coverage + most))
        assert np.all((near > 0.86) & (near < 0.95))
    if model.out_activation_ == "exp":
        assert model.predict_interval(X, 0.99).min() >= 0


@pytest.mark.parametrize("loss", ["squared_error", LEVELS], ids=str)
def test_intervals_are_wider_where_the_spread_is(loss):
    X, y = made("the spread grows with y", 900, 0)
    model = DLRegressor(**QUICK | {"max_iter": 20}, **FOLDS, loss=loss).fit(X, y)
    X, y = made("the spread grows with y", 4000, 1)
    low, high = model.predict_interval(X).T
    assert np.corrcoef(np.log(high - low), np.sin(2 * X[:, 0]) + X[:, 1])[0, 1] > 0.2


@pytest.mark.parametrize("form", ["category", "dense", "sparse"])
def test_a_column_that_singles_out_rows_does_not_make_intervals_too_narrow(form):
    """What members have memorised of the noise column shows in left-out rows as it does in new ones."""
    X, y = made("normal", 6000, 0)
    noise = RNG.integers(0, 500, (6000, 1))
    if form == "category":
        table = pd.DataFrame(X, columns=list("abcd")).assign(noise=pd.Categorical(noise[:, 0].astype(str)))
        train, test = table[:2000], table[2000:]
    else:
        table = np.hstack([X, OneHotEncoder(sparse_output=False).fit_transform(noise)])
        table = sparse.csr_array(table) if form == "sparse" else table
        train, test = table[:2000], table[2000:]
    model = DLRegressor(**QUICK, **FOLDS).fit(train, y[:2000])
    for share in covered(model, test, y[2000:]):
        assert 0.86 < share < 0.95


@pytest.mark.filterwarnings("ignore:from epoch .* learns rows by heart")  # and so it does
def test_rows_that_belong_together_are_new_together():
    """Ten rows a shop, whose level is known after a few: intervals for new shops need folds of whole shops."""

    def shops(first, n):
        rng, shop = np.random.default_rng(first), np.repeat(np.arange(first, first + n), 10)
        y = np.repeat(rng.normal(size=n), 10) + 0.1 * rng.normal(size=len(shop))
        return pd.DataFrame({"shop": np.char.add("s", shop.astype(str)), "x": rng.normal(size=len(shop))}), y, shop

    X, y, shop = shops(0, 80)
    new, truth, _ = shops(1000, 400)
    params = QUICK | FOLDS | {"max_iter": 20}
    together = covered(DLRegressor(**params).fit(X, y, groups=shop), new, truth)
    split = covered(DLRegressor(**params | {"n_folds": GroupKFold(4)}).fit(X, y, groups=shop), new, truth)
    alone = covered(DLRegressor(**params).fit(X, y), new, truth)
    assert min(*together, *split) > 0.85
    assert max(alone) < 0.8


def test_rows_of_more_weight_are_covered_as_often():
    """Where one kind of rows counts for nearly all, it is the one whose rows are covered."""
    X, y = made("normal", 1500, 0)
    noisy = X[:, 3] > 0
    y = np.where(noisy, 5 * (y - y.mean()), y)
    new, truth = made("normal", 4000, 1)
    loud = new[:, 3] > 0
    truth = np.where(loud, 5 * (truth - y.mean()), truth)
    for weight, counted in ((np.where(noisy, 100.0, 1.0), loud), (np.where(noisy, 1.0, 100.0), ~loud)):
        model = DLRegressor(**QUICK, **FOLDS).fit(X, y, weight)
        assert 0.85 < covered(model, new[counted], truth[counted])[0] < 0.95


# ---------------------------------------------------------------- what there must be, and what stays


def test_without_rows_that_are_new_there_is_no_interval():
    X, y = made("normal", 99, 0)
    few = DLRegressor(**QUICK).fit(X, y)
    after = DLRegressor(**QUICK, **FOLDS).fit(X, y).partial_fit(X, y)
    single = DLRegressor(**QUICK, n_members=1).fit(X, y, X_val=X, y_val=y).partial_fit(X, y)
    for model in (few, after, single, DLRegressor(**QUICK, n_members=4, n_folds=1).fit(X, y)):
        with pytest.raises(
            ValueError, match=r"^predict_interval needs rows that the network has not learnt, .*n_folds=4"
        ):
            model.predict_interval(X)
    for model in (few, single):
        with pytest.raises(ValueError, match=r"^return_std=True needs an ensemble, .* or rows that were held out"):
            model.predict(X, return_std=True)
    for coverage in (0, 1, "wide", np.nan):
        with pytest.raises(ValueError, match=r"^coverage must be a number in \(0, 1\); got "):
            DLRegressor(**QUICK, **FOLDS).fit(X, y).predict_interval(X, coverage)


def test_below_100_rows_folds_are_asked_for():
    inside = []
    for seed in range(4):
        X, y = made("normal", 150, seed)
        model = DLRegressor(**QUICK | {"max_iter": 30, "random_state": seed}, n_members=8, n_folds=4).fit(X, y)
        inside.append(covered(model, *made("normal", 2000, 10 + seed)))
    assert (np.abs(np.mean(inside, axis=0) - 0.9) < 0.04).all()


def same(one, other, X):
    for ours, theirs in zip(one.predict(X, return_std=True), other.predict(X, return_std=True), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(one.predict_interval(X, 0.8), other.predict_interval(X, 0.8))


@pytest.mark.parametrize("loss", ["squared_error", "poisson", LEVELS], ids=str)
@pytest.mark.parametrize("judge", [FOLDS, {"n_members": 1, "early_stopping": True}], ids=["folds", "held out"])
def test_what_is_kept_is_small_and_stays(loss, judge):
    X, y = made("counts", 200, 0)
    model = DLRegressor(**QUICK | judge, loss=loss).fit(X, y)
    data = pickle.dumps(model)
    same(model, pickle.loads(data), X)
    same(model, copy.deepcopy(model), X)
    same(model, DLRegressor(**QUICK | judge, loss=loss).fit(X, y), X)
    head = model.fitted_.head
    kept = [head.margins.scores] + [margins.scores for margins in head.level_margins or []]
    assert sum(a.nbytes for a in kept) <= 8 * 200 * (1 + len(head.level_margins or []))


class StopAfter:
    def __init__(self, n):
        self.n = n

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch" and fitted_estimator.n_iter_ == self.n:
            raise RuntimeError("stopped")


@pytest.mark.parametrize("left", [9, 1, 0])
@pytest.mark.parametrize("loss", ["squared_error", LEVELS], ids=str)
def test_a_resumed_fit_has_the_same_intervals(left, loss, tmp_path):
    X, y = made("normal", 120, 0)
    params = QUICK | FOLDS | {"loss": loss}
    whole = DLRegressor(**params).fit(X, y)
    path = tmp_path / "fit"
    with pytest.raises(RuntimeError, match="stopped"):
        DLRegressor(**params).set_callbacks(Checkpoint(path), StopAfter(whole.n_iter_ - left)).fit(X, y)
    same(DLRegressor(**params).fit(X, y, resume_from=path), whole, X)


def test_a_further_fit_that_changes_the_units_has_a_spread_of_its_own():
    X, y = made("normal", 200, 0)
    model = DLRegressor(**QUICK, **FOLDS, warm_start=True).fit(X, np.zeros(200)).fit(X, y)
    _, std = model.predict(X, return_std=True)
    residual = np.sqrt(np.mean((y - model.predict(X)) ** 2))
    assert 0.5 * residual < std.mean() < 2 * residual
    with pytest.raises(ValueError, match="predict_interval needs rows that the network has not learnt"):
        model.predict_interval(X)


def test_a_further_fit_with_other_levels_has_not_the_margins_of_the_old_ones():
    X, y = made("normal", 200, 0)
    model = DLRegressor(**QUICK, **FOLDS, loss=Quantile((0.4, 0.6)), warm_start=True).fit(X, y)
    model.set_params(loss=Quantile((0.05, 0.95)), max_iter=1).fit(X, y)
    np.testing.assert_array_equal(model.predict_interval(X, coverage=0.9), model.predict_quantiles(X))
    assert model.predict(X, return_std=True)[1].min() > 0


def test_a_further_fit_keeps_them_and_a_validation_set_makes_new_ones():
    X, y = made("normal", 200, 0)
    model = DLRegressor(**QUICK, **FOLDS, warm_start=True).fit(X, y)
    before = model.fitted_.head
    width = np.ptp(model.predict_interval(X), axis=1).mean()
    again = copy.deepcopy(model).fit(X, y)
    np.testing.assert_array_equal(again.fitted_.head.margins.scores, before.margins.scores)
    far = copy.deepcopy(model).fit(X, y, X_val=X[:100], y_val=y[:100] + 50)
    assert np.ptp(far.predict_interval(X), axis=1).mean() > 10 * width
    assert model.fitted_.head is before
    assert np.ptp(model.predict_interval(X), axis=1).mean() == width


@pytest.mark.parametrize("loss", ["squared_error", LEVELS], ids=str)
def test_wider_coverage_is_a_wider_interval(loss):
    X, y = made("skewed", 400, 0)
    model = DLRegressor(**QUICK, **FOLDS, loss=loss).fit(X, y)
    ends = np.stack([model.predict_interval(X, c) for c in (0.05, 0.2, 0.5, 0.8, 0.9, 0.97)])
    if loss == "squared_error":
        assert (np.diff(ends[..., 0], axis=0) <= 0).all()
        assert (np.diff(ends[..., 1], axis=0) >= 0).all()
        mean, std = model.predict(X, return_std=True)
        np.testing.assert_allclose(
            ends[4], np.column_stack([mean - 1.6448536 * std, mean + 1.6448536 * std]), rtol=1e-6, atol=1e-6
        )
    assert (np.diff(np.ptp(ends, axis=-1).mean(axis=1)) > 0).all()


def test_a_single_row_has_the_interval_it_has_among_others():
    X, y = made("outputs", 200, 0)
    model = DLRegressor(**QUICK, **FOLDS).fit(X, y)
    np.testing.assert_allclose(model.predict_interval(X[:1]), model.predict_interval(X)[:1], rtol=1e-5)
    assert model.predict_interval(X).shape == (200, 2, 2)
    assert model.predict_interval(X).dtype == np.float64
