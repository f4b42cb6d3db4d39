"""The comparison with the linear model: which model, the same folds, the interval, the sentence, the picture."""

from __future__ import annotations

import math
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import ttest_rel
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_friedman1
from sklearn.ensemble import AdaBoostClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import make_scorer, mean_pinball_loss
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.compare import Comparison, ComparisonDisplay, compare_with_linear
from sklearn_dl.compare.linear import linear_for, name_of
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.losses import Quantile, Tweedie

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

QUICK = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
rng = np.random.default_rng(0)
X = rng.normal(size=(150, 4))
y = X @ [1.0, 2.0, 0.0, -1.0] + 0.5 * rng.normal(size=150)
label = np.where(y > 0.3, "yes", "no")
table = pd.DataFrame(X, columns=list("abcd")).assign(
    town=rng.choice([f"town {i}" for i in range(15)], 150), e=np.where(rng.random(150) < 0.2, np.nan, 1.0)
)


def comparison(network, linear, n_train=200, n_test=50, seconds=(4.0, 1.0)):
    network, linear = np.asarray(network, float), np.asarray(linear, float)
    whole = np.ones(len(network))
    return Comparison(
        "R²", network, linear, seconds[0] * whole, seconds[1] * whole, n_train * whole, n_test * whole, "Ridge", Ridge()
    )


# ---------------------------------------------------------------- which linear model

POSITIVE = np.exp(y / 3)
MODELS = [
    (DLRegressor(**QUICK), y, "Ridge"),
    (DLRegressor(**QUICK), np.column_stack([y, -y]), "Ridge"),
    (DLRegressor(**QUICK, loss="huber"), y, "HuberRegressor"),
    (DLRegressor(**QUICK, loss="absolute_error"), y, "QuantileRegressor"),
    (DLRegressor(**QUICK, loss=Quantile(levels=(0.1, 0.2, 0.9))), y, "QuantileRegressor"),
    (DLRegressor(**QUICK, loss="poisson"), POSITIVE.round(), "PoissonRegressor"),
    (DLRegressor(**QUICK, loss="gamma"), POSITIVE, "GammaRegressor"),
    (DLRegressor(**QUICK, loss=Tweedie(power=1.3)), POSITIVE, "TweedieRegressor"),
    (DLRegressor(**QUICK, loss="gamma"), np.column_stack([POSITIVE, 1 / POSITIVE]), "GammaRegressor"),
    (DLClassifier(**QUICK), label, "LogisticRegression"),
    (DLClassifier(**QUICK, class_weight="balanced"), np.digitize(y, [-1, 1]), "LogisticRegression"),
    (DLClassifier(**QUICK), np.column_stack([y > 0, X[:, 0] > 0]).astype(int), "LogisticRegression"),
    (DLRegressor(**QUICK, encoder=None), y, "Ridge"),
]


@pytest.mark.parametrize(("network", "target", "name"), MODELS)
def test_the_right_linear_model(network, target, name):
    for given in (X,) if network.encoder is None else (X, table, sparse.csr_array(X)):
        found = compare_with_linear(network, given, target, cv=3)
        assert found.linear_name == name
        assert found.network_scores.shape == found.linear_scores.shape == (3,)
        assert isinstance(found.verdict, str)


def test_settings_are_handed_on():
    quantile = linear_for(DLRegressor(loss=Quantile(levels=(0.1, 0.2, 0.9))), False)
    assert (quantile[-1].quantile, quantile[-1].alpha) == (0.2, 0.0)
    assert linear_for(DLRegressor(loss=Tweedie(power=1.3)), False)[-1].power == 1.3
    assert linear_for(DLClassifier(class_weight={0: 2.0, 1: 1.0}), False)[-1].class_weight == {0: 2.0, 1: 1.0}
    encoder = TableEncoder(scaling="standard", min_frequency=3, max_one_hot=2)
    prepared = linear_for(DLRegressor(encoder=encoder), False)[0]
    assert (prepared.scaling, prepared.min_frequency) == ("standard", 3)
    assert encoder.max_one_hot == 2  # the user's is not touched
    assert isinstance(linear_for(DLRegressor(encoder=None), False), Ridge)


def test_every_category_is_a_set_of_indicators():
    """A linear model would take codes of embeddings for numbers."""
    means = dict(zip(sorted(set(table["town"])), [5.0, -5.0, 0.0] * 5, strict=True))
    towns = pd.concat([table] * 4, ignore_index=True)
    target = towns["town"].map(means).to_numpy()
    found = compare_with_linear(DLRegressor(**QUICK), towns, target, cv=KFold(5, shuffle=True, random_state=0))
    assert found.linear_scores.min() > 0.9


def test_networks_inside_other_estimators():
    pipe = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["town"]), remainder="passthrough"), DLRegressor(**QUICK)
    )
    found = compare_with_linear(pipe, table, y, cv=3)
    assert list(found.linear.named_steps) == ["columntransformer", "dlregressor"]
    assert isinstance(found.linear[-1][-1], Ridge)
    search = GridSearchCV(make_pipeline(StandardScaler(), DLClassifier(**QUICK)), {"dlclassifier__alpha": [0, 1]}, cv=2)
    found = compare_with_linear(search, X, label, cv=3)
    assert found.linear_name == "LogisticRegression"
    assert found.score_name == "accuracy"


# ---------------------------------------------------------------- the same folds, the same scores


@pytest.mark.parametrize(
    ("network", "target", "scoring", "cv"),
    [
        (DLRegressor(**QUICK), y, None, 4),
        (DLRegressor(**QUICK), y, "neg_mean_absolute_error", KFold(3, shuffle=True, random_state=1)),
        (DLClassifier(**QUICK), label, "neg_log_loss", 3),
        (DLClassifier(**QUICK), label, None, StratifiedKFold(3, shuffle=True, random_state=1)),
        (DLRegressor(**QUICK), y, make_scorer(mean_pinball_loss, greater_is_better=False), TimeSeriesSplit(3)),
        (DLRegressor(**QUICK), y, None, RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)),
        (DLRegressor(**QUICK), y, None, list(ShuffleSplit(3, random_state=0).split(X))),
    ],
)
def test_scores_are_those_of_cross_validation(network, target, scoring, cv):
    found = compare_with_linear(network, X, target, cv=cv, scoring=scoring)
    np.testing.assert_array_equal(found.network_scores, cross_val_score(network, X, target, cv=cv, scoring=scoring))
    np.testing.assert_array_equal(found.linear_scores, cross_val_score(found.linear, X, target, cv=cv, scoring=scoring))
    assert (found.n_train + found.n_test <= len(y)).all()
    assert (found.network_fit_times > 0).all()
    again = compare_with_linear(network, X, target, cv=cv, scoring=scoring, n_jobs=2)
    np.testing.assert_array_equal(again.differences, found.differences)


@pytest.mark.parametrize(
    ("network", "target", "scoring"),
    [
        (DLRegressor(**QUICK), y, None),
        (DLRegressor(**QUICK), y, "neg_mean_absolute_error"),
        (DLClassifier(**QUICK), label, "neg_log_loss"),
        (DLRegressor(**QUICK, loss="gamma"), POSITIVE, None),
        (make_pipeline(StandardScaler(), DLRegressor(**QUICK)), y, None),
        (GridSearchCV(DLRegressor(**QUICK), {"alpha": [0.0, 1e3]}, cv=2), y, "r2"),
    ],
)
def test_a_row_of_weight_zero_is_no_row(network, target, scoring):
    """In the fits, those of the preparation included, and in the scores."""
    weight = np.where(np.arange(150) % 5 == 2, 0.0, 1.0)
    kept = np.flatnonzero(weight)
    place = np.cumsum(weight).astype(int) - 1
    splits = list(KFold(3).split(X))
    fewer = [tuple(place[np.intersect1d(rows, kept)] for rows in pair) for pair in splits]
    spoilt, outlying = X.copy(), np.array(target)
    spoilt[weight == 0] *= 100
    if target.dtype.kind == "f":
        outlying[weight == 0] = 50.0
    inner = isinstance(network, GridSearchCV)  # its own folds differ in their rows
    found = compare_with_linear(network, spoilt, outlying, cv=splits, scoring=scoring, sample_weight=weight)
    expected = compare_with_linear(network, X[kept], target[kept], cv=fewer, scoring=scoring)
    np.testing.assert_allclose(found.linear_scores, expected.linear_scores, rtol=1e-4)
    if not inner:
        np.testing.assert_allclose(found.network_scores, expected.network_scores, rtol=1e-4)


def test_nothing_is_fitted_or_changed_outside():
    network, line = DLRegressor(**QUICK), LinearRegression()
    found = compare_with_linear(network, X, y, cv=3, linear=line, sample_weight=np.ones(150))
    assert found.linear is line
    assert found.linear_name == "LinearRegression"
    assert not hasattr(line, "coef_")
    assert not hasattr(network, "network_")
    for model in (network, line):
        assert not hasattr(model, "_metadata_request")
    np.testing.assert_allclose(found.linear_scores, cross_val_score(line, X, y, cv=3))


# ---------------------------------------------------------------- the interval


def test_interval_is_the_formula():
    d = np.array([0.03, 0.05, -0.01, 0.02, 0.04])
    found = comparison(d, np.zeros(5))
    half = 2.7764451 * d.std(ddof=1) * math.sqrt(1 / 5 + 50 / 200)
    np.testing.assert_allclose(found.interval(), (d.mean() - half, d.mean() + half))
    low, high = found.interval(0.5)
    assert d.mean() - half < low < high < d.mean() + half


def test_interval_without_overlap_would_be_the_paired_t_test():
    network, linear = rng.normal(size=(2, 7))
    found = comparison(network, linear, n_test=1e-9)
    expected = ttest_rel(network, linear).confidence_interval(0.9)
    np.testing.assert_allclose(found.interval(0.9), (expected.low, expected.high), rtol=1e-6)


def squared_errors(Z, t, splits):
    """Of least squares on each split, as scores."""
    found = []
    for train, test in splits:
        coef = np.linalg.lstsq(Z[train], t[train], rcond=None)[0]
        found.append(-np.mean((t[test] - Z[test] @ coef) ** 2))
    return found


def test_interval_holds_where_there_is_no_difference():
    """Two models that differ by nothing but luck, 200 tables, 40 splits of each that share most of their rows.

    The interval holds 0 as often as it says; without the correction it would miss a third of the time.
    """
    holds = naive = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        A, B, t = draw.normal(size=(60, 5)), draw.normal(size=(60, 5)), draw.normal(size=60)
        splits = list(ShuffleSplit(40, test_size=0.2, random_state=seed).split(A))
        a, b = squared_errors(A, t, splits), squared_errors(B, t, splits)
        low, high = comparison(a, b, n_train=48, n_test=12).interval()
        holds += low <= 0 <= high
        low, high = comparison(a, b, n_test=1e-9).interval()
        naive += low <= 0 <= high
    assert holds >= 180
    assert naive <= 140


# ---------------------------------------------------------------- what it says


@pytest.mark.parametrize(
    ("network", "linear", "begins", "ends"),
    [
        ([0.8, 0.82, 0.81], [0.7, 0.73, 0.70], "The network beats the linear model by 0.100 R² (95 % int", "as long."),
        ([0.7, 0.73, 0.70], [0.8, 0.82, 0.81], "The linear model beats the network by 0.100 R² (95 % interval", ")."),
        ([0.7, 0.90, 0.70], [0.8, 0.7, 0.75], "No evidence of a difference: the network has 0.02 R² more than", ")."),
        ([0.7, 0.70, 0.70], [0.8, 0.7, 0.75], "No evidence of a difference: the network has 0.05 R² less than", ")."),
        ([0.7, 0.7], [0.7, 0.7], "No evidence of a difference: the network has 0.000 R² less than", "0.000 to 0.000)."),
        ([0.8, 0.8], [0.5, 0.5], "The network beats the linear model by 0.300 R²", "Its fit takes 4 times as long."),
    ],
)  # fmt: skip
def test_verdict(network, linear, begins, ends):
    verdict = comparison(network, linear).verdict
    assert verdict.startswith(begins)
    assert verdict.endswith(ends)


def test_table():
    text = str(comparison([0.8, 0.82, 0.81], [0.7, 0.73, 0.70]))
    assert text.splitlines()[:4] == [
        "            R², 3 folds    seconds a fit",
        "network     0.810 ± 0.010  4",
        "Ridge       0.710 ± 0.017  1",
        "difference  0.100 ± 0.010",
    ]
    frame = comparison([0.8, 0.82, 0.81], [0.7, 0.73, 0.70]).to_frame()
    assert frame.shape == (3, 7)
    np.testing.assert_allclose(frame["difference"], [0.10, 0.09, 0.11])


def test_a_curve_beats_the_line_and_a_line_is_not_beaten():
    A, t = make_friedman1(400, random_state=0)
    found = compare_with_linear(DLRegressor(random_state=0, max_iter=60), A, t)
    assert "The network beats the linear model" in str(found)
    found = compare_with_linear(DLRegressor(random_state=0, max_iter=60), X, y)
    assert "The network beats" not in str(found)


def test_names_of_scores():
    pinball = make_scorer(mean_pinball_loss, greater_is_better=False)
    for scoring, name in (
        (None, "R²"),
        ("r2", "R²"),
        ("neg_max_error", "neg_max_error"),
        (pinball, "mean_pinball_loss"),
    ):
        assert compare_with_linear(DLRegressor(**QUICK), X, y, cv=2, scoring=scoring).score_name == name
    assert name_of(GridSearchCV(make_pipeline(LogisticRegression()), {})) == "LogisticRegression"


def test_display():
    found = comparison([0.8, 0.69, 0.81], [0.7, 0.73, 0.70])
    _, ax = plt.subplots()
    display = found.plot(ax)
    assert isinstance(display, ComparisonDisplay)
    assert display.ax_ is ax
    assert len(ax.lines) == 4
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.73, 0.69])
    assert ax.lines[0].get_color() == ax.lines[2].get_color() != ax.lines[1].get_color()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Ridge", "network"]
    assert re.match(r"difference 0\.06\n95 % interval -?0\.\d+ to 0\.\d+", ax.get_title())
    assert ComparisonDisplay(found).plot().figure_ is not ax.figure
    plt.close("all")


def test_errors_are_one_sentence():
    for call, message in [
        (lambda: compare_with_linear(Ridge(), X, y), "estimator must be a DLRegressor, a DLClassifier, .*; got Ridge"),
        (lambda: compare_with_linear(DLRegressor(), X, y, cv=list(KFold(3).split(X))[:1]), "at least 2 folds"),
        (lambda: compare_with_linear(DLRegressor(**QUICK), X, y, cv=2, sample_weight=-y), "[Nn]egative"),
        (lambda: comparison([1, 2], [1, 2]).interval(95), r"confidence must be a number in \(0, 1\); got 95\."),
        (lambda: compare_with_linear(DLRegressor(loss="log"), X, y), "loss must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_a_score_that_is_no_number_is_told():
    with pytest.raises(ValueError, match=r"scores of all folds must be finite; got \[nan nan\]"):
        compare_with_linear(DLRegressor(**QUICK), X, y, cv=2, scoring=lambda model, A, b: float("nan"))


def test_an_ensemble_of_trees_is_named_as_what_it_is():
    for forest in (RandomForestClassifier(n_estimators=2), AdaBoostClassifier(n_estimators=2)):
        for model in (forest, clone(forest).fit(X, label)):
            with pytest.raises(ValueError, match=rf"or a search; got {type(forest).__name__}\.$"):
                compare_with_linear(model, X, label)


def test_the_last_line_of_a_cell_is_a_sentence_and_a_table():
    found = comparison([0.8, 0.82, 0.79], [0.6, 0.61, 0.63])
    assert repr(found) == f"<Comparison of a network with Ridge: {found.verdict}>"
    document = found._repr_html_()
    assert "<tr><th>Ridge</th><td>" in document
    assert found.verdict in document
