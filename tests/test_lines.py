"""Networks that start again above a line: when they do, what the line is, and that all else holds."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification, make_friedman1
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import log_loss, r2_score

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._training import crew, lines
from sklearn_dl._training.lines import _line
from sklearn_dl.architectures import lines_of
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.inspection import integrated_gradients

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 30))
SLOPE = np.arange(30) - 14.5
Y = X @ SLOPE + 5 * RNG.normal(size=160) + 100
CURVED = make_friedman1(600, noise=0.5, random_state=0)


def starts_above(model):
    return any(p.slope.any() for _, p in lines_of(model.network_))


@pytest.fixture(scope="module")
def linear():
    return DLRegressor(random_state=0).fit(X, Y)


def test_a_network_is_no_worse_than_the_line_where_the_truth_is_one(linear):
    assert starts_above(linear)
    fresh = np.random.default_rng(1).normal(size=(500, 30))
    truth = fresh @ SLOPE + 100
    line = RidgeCV(np.logspace(-2, 3, 11)).fit(X, Y)
    assert 1 - r2_score(truth, linear.predict(fresh)) < 1.3 * (1 - r2_score(truth, line.predict(fresh)))
    plain = DLRegressor(random_state=0, max_iter=128).fit(X, Y)
    assert r2_score(truth, linear.predict(fresh)) > r2_score(truth, plain.predict(fresh))


def test_the_same_for_classes():
    x, c = make_classification(300, 40, n_informative=30, n_redundant=0, n_classes=2, class_sep=0.3, random_state=3)
    c = (x @ np.linspace(-1, 1, 40) + RNG.logistic(size=300) > 0).astype(int)
    model = DLClassifier(random_state=0).fit(x[:200], c[:200])
    assert starts_above(model)
    plain = DLClassifier(random_state=0, max_iter=64).fit(x[:200], c[:200])
    line = LogisticRegression(C=0.1).fit(x[:200], c[:200])
    ours, without, of_line = (log_loss(c[200:], m.predict_proba(x[200:])) for m in (model, plain, line))
    assert ours < without
    assert ours < 1.25 * of_line


def test_a_network_that_beats_the_line_has_none():
    model = DLRegressor(random_state=0).fit(*CURVED)
    assert lines_of(model.network_)
    assert not starts_above(model)


def test_who_sets_max_iter_gets_so_many_epochs():
    model = DLRegressor(random_state=0, max_iter=16).fit(X, Y)
    assert not lines_of(model.network_)
    assert model.n_iter_ <= 16


def test_what_auto_became_gives_the_same_bits(linear):
    assert "max_iter" not in linear.settings_
    again = DLRegressor(random_state=0, **linear.settings_).fit(X, Y)
    assert again.network_.values.tobytes() == linear.network_.values.tobytes()


def test_what_came_before_is_forgotten(linear):
    assert [record["epoch"] for record in linear.history_] == list(range(1, linear.n_iter_ + 1))
    assert linear.n_iter_ <= 128
    assert linear.best_loss_ == linear.history_[linear.best_epoch_ - 1]["validation_loss"]


# ---------------------------------------------------------------- the line itself


def test_it_is_ridge_regression_for_numbers():
    model = DLRegressor(random_state=0, max_iter=1).fit(X, Y)
    head = model.fitted_.head
    y = head.encode(Y, np.float64)
    for strength in (1.0, 100.0):
        a, c = _line(X, y, np.ones((160, 1)), head, strength, None)
        expected = Ridge(alpha=strength).fit(X, y[:, 0])
        np.testing.assert_allclose(a[:, 0], expected.coef_, atol=2e-3)
        np.testing.assert_allclose(c[0], expected.intercept_, atol=2e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_is_logistic_regression_for_classes(n_classes):
    labels = np.digitize(Y, np.quantile(Y, np.linspace(0, 1, n_classes + 1)[1:-1]))
    head = DLClassifier(random_state=0, max_iter=1).fit(X, labels).fitted_.head
    a, c = _line(X, head.encode(labels, np.float64), np.ones((160, 1)), head, 10.0, None)
    found = head.probabilities(X @ a + c)
    expected = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000).fit(X, labels).predict_proba(X)
    np.testing.assert_allclose(found, expected, atol=5e-3)


def test_a_weight_of_two_is_the_row_twice():
    head = DLRegressor(random_state=0, max_iter=1).fit(X, Y).fitted_.head
    y = head.encode(Y, np.float64)
    weight = np.where(np.arange(160) < 40, 2.0, 1.0)
    twice = np.r_[np.arange(160), np.arange(40)]
    weighted = _line(X, y, weight[:, None], head, 1.0, None)
    repeated = _line(X[twice], y[twice], np.ones((200, 1)), head, 1.0, None)
    np.testing.assert_allclose(weighted[0], repeated[0], atol=2e-3)
    np.testing.assert_allclose(weighted[1], repeated[1], atol=2e-3)


# ---------------------------------------------------------------- all else


def test_the_same_bits_in_processes(linear, monkeypatch):
    monkeypatch.setattr(crew, "MIN_WORK", 0.0)
    model = DLRegressor(random_state=0, n_jobs=2).fit(X, Y)
    assert model.network_.values.tobytes() == linear.network_.values.tobytes()


class Stop:
    """Fails after so many epochs, of both starts."""

    def __init__(self, at):
        self.at = at

    def setup(self, estimator, context):
        self.epochs = 0

    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if context.task_name == "epoch" and self.epochs == self.at:
            raise RuntimeError("stopped on purpose")


@pytest.mark.parametrize("at", [8, 45, 65, 90])
def test_a_broken_fit_goes_on_to_the_same_bits(linear, tmp_path, at):
    path = tmp_path / "there"
    broken = DLRegressor(random_state=0).set_callbacks(Checkpoint(path, every=4), Stop(at))
    with pytest.raises(RuntimeError, match="on purpose"):
        broken.fit(X, Y)
    model = DLRegressor(random_state=0).fit(X, Y, resume_from=path)
    assert model.network_.values.tobytes() == linear.network_.values.tobytes()
    assert model.n_iter_ == linear.n_iter_


def test_attributions_add_up(linear):
    found = integrated_gradients(linear, X[:5])
    total = found.values.sum(axis=1) + found.baseline
    np.testing.assert_allclose(total, linear.predict(X[:5]), rtol=1e-3)


def test_columns_of_many_levels_have_no_slope():
    table = pd.DataFrame(X[:, :28]).rename(columns=str)
    table["town"] = pd.Categorical([f"t{i % 10}" for i in range(160)])
    model = DLRegressor(random_state=0).fit(table, Y)
    for _, p in lines_of(model.network_):
        assert p.slope[:28].any()
        assert not p.slope[28:].any()


def test_a_further_fit_keeps_the_line(linear):
    model = DLRegressor(random_state=0, warm_start=True).fit(X, Y)
    before = [p.slope.copy() for _, p in lines_of(model.network_)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y)
    for a, (_, p) in zip(before, lines_of(model.network_), strict=True):
        np.testing.assert_array_equal(a, p.slope)


def test_lines_that_are_not_finite_are_none(monkeypatch):
    monkeypatch.setattr(lines, "_line", lambda x, *_: (np.full((x.shape[1], 1), np.nan), np.zeros(1)))
    model = DLRegressor(random_state=0).fit(X, Y)
    assert not starts_above(model)
    assert np.isfinite(model.predict(X)).all()


def test_it_is_told(capsys):
    DLRegressor(random_state=0, verbose=20).fit(X, Y)
    told = capsys.readouterr().out.splitlines()
    again = [i for i, line in enumerate(told) if line.startswith("a line is better for left-out rows, ")]
    assert len(again) == 1
    assert next(line.split()[1] for line in told if line.startswith("epoch ")) == "20/64"
    assert told[again[0] + 1].startswith("epoch 20/64")
