"""The record of a fit: what it holds, what those who look on get of it, and what links of one's own do to it.

Knows the estimators from outside; how a record comes to be is tested with the trainings.
"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._training import Training
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.losses import Link, LogLoss, Loss, SquaredError
from sklearn_dl.losses.links import Levels
from sklearn_dl.solvers import LBFGS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = X[:, 0] + 0.1 * RNG.normal(size=120)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}


class Keeping:
    """Keeps all estimators that it is given, as they are, or as what a function makes of them."""

    def __init__(self, make=lambda estimator: estimator):
        self.kept, self.make = [], make

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            self.kept.append(self.make(fitted_estimator))


def kept(make=lambda estimator: estimator, **params):
    callback = Keeping(make)
    model = DLRegressor(**SMALL | params).set_callbacks(callback).fit(X, Y)
    return model, callback.kept


# ---------------------------------------------------------------- those who look on


@pytest.mark.parametrize(
    "params",
    [{"n_members": 1}, {"n_members": 3, "n_folds": 3}, {"n_members": 1, "early_stopping": True, "scoring": "r2"}],
)
def test_what_a_callback_keeps_stays_as_it_was(params):
    model, seen = kept(**params)
    assert [m.fitted_.state.epoch for m in seen] == [m.n_iter_ for m in seen] == [1, 2, 3, 4, 5]
    assert len({m.network_.values.tobytes() for m in seen}) == 5
    assert not any(hasattr(m, "noise_") for m in seen)  # known when the fit is over
    assert hasattr(model, "noise_") == (params != {"n_members": 1})  # of members, or of rows that were held out


@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "scoring": "r2"}])
def test_what_a_callback_keeps_can_be_pickled_without_the_rows(params):
    model, texts = kept(pickle.dumps, **params)
    loaded = pickle.loads(texts[-1])
    assert not hasattr(loaded, "training_")
    assert loaded.n_iter_ == 5
    assert len(texts[-1]) < len(pickle.dumps(model)) + 5000


def test_the_fit_under_way_is_gone_once_it_is_over():
    model, seen = kept()
    assert not hasattr(model, "training_")
    assert isinstance(seen[0].training_, Training)
    assert not hasattr(seen[0].partial_fit(X, Y), "training_")
    assert not hasattr(copy.deepcopy(model), "training_")


def test_a_change_of_a_copys_state_changes_nothing():
    def change(estimator):
        estimator.fitted_.state.rate_factor = 0.0
        estimator.fitted_.network.values[...] = 0
        return estimator

    changed, _ = kept(change)
    np.testing.assert_array_equal(changed.predict(X), kept()[0].predict(X))


def test_a_callback_changes_the_rate():
    def halve(estimator):
        estimator.training_.fitted.state.rate_factor *= 0.5

    model, _ = kept(halve, learning_rate="constant", learning_rate_init=0.008)
    assert [r["learning_rate"] for r in model.history_] == pytest.approx([0.008, 0.004, 0.002, 0.001, 0.0005])


def test_records_are_not_compared_by_their_arrays():
    model, _ = kept()
    assert model.fitted_ == model.fitted_
    assert model.fitted_ != copy.deepcopy(model).fitted_


@pytest.mark.parametrize("cls", [DLRegressor, DLClassifier])
@pytest.mark.parametrize("folds", [1, 3])
def test_rows_are_passed_once_more_only_where_a_head_asks(cls, folds, monkeypatch):
    """A spread takes all rows; a temperature only those that members left out."""
    passes = []
    monkeypatch.setattr("sklearn_dl._training.validation.Validation.settle", lambda self, n: passes.append(1) or 1.0)
    cls(**SMALL, n_members=3, n_folds=folds).fit(X, Y > 0)
    assert len(passes) == (cls is DLRegressor or folds > 1)


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("solver", ["lbfgs", LBFGS()])
def test_a_search_with_a_checkpoint_that_cannot_be_resumed_ends_at_once(solver, tmp_path):
    fits = []
    model = DLRegressor(**SMALL, solver=solver).set_callbacks(Checkpoint(tmp_path / "a"), Keeping(fits.append))
    with pytest.raises(ValueError, match=f"Checkpoint needs a stochastic solver: .*; got solver={solver!r}"):
        model.fit(X, Y)
    assert not fits


def test_one_checkpoint_for_fits_one_after_the_other(tmp_path):
    """It holds nothing of a fit: the next one is of other rows, and of another path's file."""
    checkpoint = Checkpoint(tmp_path / "a")
    before = dict(vars(checkpoint))
    DLRegressor(**SMALL).set_callbacks(checkpoint).fit(X, Y)
    assert vars(checkpoint) == before
    with pytest.raises(ValueError, match="holds a checkpoint that this fit neither wrote nor goes on from"):
        DLRegressor(**SMALL).set_callbacks(checkpoint).fit(X[:50], Y[:50])
    (tmp_path / "a").unlink()
    DLRegressor(**SMALL).set_callbacks(checkpoint).fit(X[:50], Y[:50])


def test_rows_are_hashed_once_a_fit(tmp_path, monkeypatch):
    from sklearn_dl.checkpoint import content

    calls, digest = [], content.digest
    monkeypatch.setattr(content, "digest", lambda blocks: calls.append(1) or digest(blocks))
    checkpoints = [Checkpoint(tmp_path / name) for name in "abc"]
    DLRegressor(**SMALL, n_members=1).set_callbacks(*checkpoints).fit(X, Y)
    assert len(calls) == 2  # rows to train on, and rows that are held out


def test_under_a_search_the_refit_writes(tmp_path):
    path = tmp_path / "a"
    model = DLRegressor(**SMALL).set_callbacks(Checkpoint(path))
    GridSearchCV(model, {"max_iter": [2, 3]}, cv=2).fit(X, Y)
    assert path.exists()


# ---------------------------------------------------------------- links of one's own


class Positive(Link):
    """ŷ = log(1 + e^z)"""

    name = "softplus"
    is_positive = True

    def inverse(self, raw):
        return np.logaddexp(0, raw)


class PositiveSquares(Loss):
    link = Positive()

    def value_and_gradient(self, y, raw, weight, out):
        r = np.logaddexp(0, raw) - y
        out[...] = r / (1 + np.exp(-raw))
        if weight is not None:
            out *= weight
        return 0.5 * float((r**2 if weight is None else weight * r**2).sum())


class Cloglog(Link):
    name = "cloglog"

    def inverse(self, raw):
        return np.clip(-np.expm1(-np.exp(np.clip(raw, -30, 3))), 1e-12, 1 - 1e-12)


class CloglogLoss(Loss):
    """-y log p - (1 - y) log(1 - p), p = 1 - exp(-e^z)."""

    task = "classification"
    link = Cloglog()

    def value_and_gradient(self, y, raw, weight, out):
        e, p = np.exp(np.clip(raw, -30, 3)), self.link.inverse(raw)
        out[...] = e * (1 - y / p)
        value = -(y * np.log(p) - (1 - y) * e)
        if weight is not None:
            out *= weight
            value *= weight
        return float(value.sum())


def test_a_positive_link_keeps_zero_where_it_is():
    """A target that is scaled and not shifted: predictions can lie below its mean."""
    y = np.exp(X[:, 0])
    model = DLRegressor(hidden_layer_sizes=(16,), loss=PositiveSquares(), max_iter=200, random_state=0).fit(X, y)
    assert model.predict(X).min() < 0.5 * y.mean()
    assert model.predict(X).min() >= 0
    assert model.score(X, y) > 0.6


@pytest.mark.parametrize(
    ("cls", "first", "then"),
    [
        (DLRegressor, PositiveSquares(), SquaredError()),
        (DLRegressor, SquaredError(), PositiveSquares()),
        (DLClassifier, CloglogLoss(), LogLoss()),
        (DLClassifier, LogLoss(), CloglogLoss()),
    ],
)
def test_a_training_does_not_go_on_under_another_link(cls, first, then):
    model = cls(**SMALL, loss=first, warm_start=True).fit(X, np.abs(Y) > 0.5)
    with pytest.raises(ValueError, match="has another link than the fitted one"):
        model.set_params(loss=then).fit(X, np.abs(Y) > 0.5)


def test_probabilities_of_a_link_of_ones_own_are_judged_by_its_loss():
    """No temperature is found for it, which would divide what it does not mean."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(400, 2)), rng.random(400) < 0.44
    params = {"hidden_layer_sizes": (4,), "n_members": 4, "max_iter": 20, "random_state": 0, "loss": CloglogLoss()}
    for n_folds in (1, 4):
        proba = DLClassifier(**params, n_folds=n_folds).fit(X, y).predict_proba(X)[:, 1]
        assert proba.mean() == pytest.approx(y.mean(), abs=0.03)


class TwoLevels(Loss):
    """Quantiles of one's own: the link says what they are."""

    link = Levels((0.25, 0.75))

    def n_raw(self, n_outputs):
        return 2 * n_outputs

    def value_and_gradient(self, y, raw, weight, out):
        q = np.array([0.25, 0.75])
        r = raw - y
        np.subtract(r > 0, q, out=out)
        return float((r * out).sum())


def test_levels_are_a_matter_of_the_link():
    model = DLRegressor(**SMALL, n_members=1, loss=TwoLevels()).fit(X, Y)
    assert model.predict_quantiles(X).shape == (120, 2)
    np.testing.assert_array_equal(model.predict_interval(X, coverage=0.5), model.predict_quantiles(X))
    assert hasattr(DLRegressor(loss=TwoLevels()), "predict_quantiles")
    assert not hasattr(DLRegressor(loss="no such loss"), "predict_quantiles")
