"""Halving over epochs: survivors go on to the bits of a whole training, and so does a search that was interrupted."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.search import EpochHalvingSearchCV

X, y = load_diabetes(return_X_y=True)
NETWORK = DLRegressor(hidden_layer_sizes=(8,), n_members=1, max_iter=9, random_state=0)
GRID = {"learning_rate_init": [1e-6, 1e-4, 0.01], "alpha": [0.0, 1.0, 1000.0]}


@pytest.fixture(scope="module")
def halving():
    return EpochHalvingSearchCV(NETWORK, GRID, cv=3).fit(X, y)


@pytest.fixture(scope="module")
def grid():
    return GridSearchCV(NETWORK, GRID, cv=3).fit(X, y)


def test_it_finds_what_a_grid_search_finds(halving, grid):
    assert halving.n_candidates_ == [9, 3, 1]
    assert halving.best_score_ == pytest.approx(grid.best_score_, abs=grid.cv_results_["std_test_score"].min())
    assert set(halving.best_params_) == set(GRID)
    results = halving.cv_results_
    assert results["iter"].tolist() == [0] * 9 + [1] * 3 + [2]
    assert results["share"].tolist() == pytest.approx([1 / 9] * 9 + [1 / 3] * 3 + [1])
    assert "param_share" not in results
    assert results["params"][-1] == halving.best_params_


def test_a_survivor_has_the_bits_of_a_whole_training(halving, grid):
    whole = clone(NETWORK).set_params(**halving.best_params_).fit(X, y)
    np.testing.assert_array_equal(halving.best_estimator_.network_.values, whole.network_.values)
    assert type(halving.best_estimator_) is DLRegressor
    np.testing.assert_array_equal(halving.predict(X), whole.predict(X))
    i = grid.cv_results_["params"].index(halving.best_params_)
    scores = [
        [found[f"split{k}_test_score"][at] for k in range(3)]
        for found, at in ((halving.cv_results_, -1), (grid.cv_results_, i))
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("folds", [1, 2])
def test_members_and_folds_go_on_too(folds):
    network = DLRegressor(hidden_layer_sizes=(8,), n_members=2, n_folds=folds, max_iter=9, random_state=0)
    search = EpochHalvingSearchCV(network, {"alpha": [0.0, 1e3, 1e5]}, cv=2).fit(X, y)
    whole = clone(network).set_params(**search.best_params_).fit(X, y)
    np.testing.assert_array_equal(search.best_estimator_.network_.values, whole.network_.values)


def counted(monkeypatch):
    """How many epochs are trained from now on."""
    from sklearn_dl._training.steps import Walk

    epochs, epoch = [], Walk.epoch
    monkeypatch.setattr(Walk, "epoch", lambda self, rate_at: epochs.append(1) or epoch(self, rate_at))
    return epochs


def test_epochs_are_trained_once(monkeypatch):
    epochs = counted(monkeypatch)
    EpochHalvingSearchCV(NETWORK, GRID, cv=3, refit=False).fit(X, y)
    assert len(epochs) == 3 * (9 * 1 + 3 * 2 + 1 * 6)  # of the 3 * 9 * 9 of a grid search


def test_an_interrupted_search_goes_on(tmp_path, monkeypatch):
    whole = EpochHalvingSearchCV(NETWORK, GRID, cv=3).fit(X, y)
    asked, predict = [], DLRegressor.predict

    def breaks_down(self, table):
        asked.append(1)
        if len(asked) == 30:
            raise KeyboardInterrupt
        return predict(self, table)

    search = EpochHalvingSearchCV(NETWORK, GRID, cv=3, folder=tmp_path / "trainings")
    with monkeypatch.context() as broken:
        broken.setattr(DLRegressor, "predict", breaks_down)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, y)
    epochs = counted(monkeypatch)
    search.fit(X, y)
    assert len(epochs) <= 3 * (3 * 2 + 1 * 6) + 9  # none of the first round's
    assert search.best_params_ == whole.best_params_
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], whole.cv_results_["mean_test_score"])
    del epochs[:]
    again = search.fit(X, y)
    assert not epochs
    np.testing.assert_array_equal(again.best_estimator_.network_.values, whole.best_estimator_.network_.values)


def test_drawn_candidates_several_scores_weights_and_groups():
    c, groups = (y > 140).astype(int), np.arange(len(y)) % 20
    network = DLClassifier(hidden_layer_sizes=(4,), n_members=1, max_iter=4, random_state=0)
    search = EpochHalvingSearchCV(
        network, {"alpha": np.logspace(-3, 3, 50)}, n_iter=4, factor=2, scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss", cv=GroupKFold(2), random_state=0,
    )  # fmt: skip
    search.fit(X, c, sample_weight=np.ones(len(y)), groups=groups)
    assert search.n_candidates_ == [4, 2, 1]
    assert search.predict_proba(X).shape == (len(y), 2)
    assert search.classes_.tolist() == [0, 1]
    assert search.score(X, c) == search.cv_results_["mean_test_neg_log_loss"][-1] or search.score(X, c) < 0


def test_candidates_may_differ_in_their_epochs_and_fail():
    search = EpochHalvingSearchCV(NETWORK, [{"max_iter": [3, 9]}, {"dropout": [7.0]}], cv=2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        search.fit(X, y)
    assert any("fits failed" in str(warning.message) for warning in told)
    assert search.best_params_["max_iter"] in (3, 9)


class Counted(StandardScaler):
    """A scaler that notes each fit."""

    fits: ClassVar[list[int]] = []

    def fit(self, X, y=None, sample_weight=None):
        self.fits.append(len(X))
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("weights", [None, np.arange(len(y)) % 3.0], ids=["", "weights"])
def test_steps_before_the_network_are_fitted_once_a_fold(weights, tmp_path):
    del Counted.fits[:]
    pipeline = Pipeline([("scale", Counted()), ("net", NETWORK)])
    grid = {f"net__{name}": found for name, found in GRID.items()}
    search = EpochHalvingSearchCV(pipeline, grid, cv=3, folder=tmp_path).fit(X, y, sample_weight=weights)
    assert len(Counted.fits) == 3 + 1  # of 9 candidates on three folds; and the best one on all rows
    assert search.n_candidates_ == [9, 3, 1]
    assert set(search.best_params_) == set(grid)
    given = {} if weights is None else {"net__sample_weight": weights}
    whole = clone(pipeline).set_params(**search.best_params_).fit(X, y, **given)
    assert type(search.best_estimator_) is Pipeline
    np.testing.assert_array_equal(search.best_estimator_["net"].network_.values, whole["net"].network_.values)
    np.testing.assert_array_equal(search.predict(X), whole.predict(X))
    assert not hasattr(pipeline["net"], "fitted_")
    del Counted.fits[:]
    again = EpochHalvingSearchCV(pipeline, grid, cv=3, folder=tmp_path).fit(X, y, sample_weight=weights)
    assert not Counted.fits
    np.testing.assert_array_equal(again.predict(X), whole.predict(X))


def test_parameters_of_all_steps_of_a_pipeline():
    table = pd.DataFrame(X[:, :3], columns=["a", "b", "c"]).assign(kind=np.where(y > 140, "high", "low"))
    columns = ColumnTransformer([("scale", StandardScaler(), ["a", "b"])], remainder="passthrough")
    network = clone(NETWORK).set_params(learning_rate_init=0.02)
    pipeline = make_pipeline(columns.set_output(transform="pandas"), network)
    grid = {"columntransformer__remainder": ["drop", "passthrough"], "dlregressor__alpha": [0.0, 100.0]}
    search = EpochHalvingSearchCV(pipeline, grid, cv=2, factor=2).fit(table, y)
    assert search.best_params_["columntransformer__remainder"] == "passthrough"  # only there is what tells all
    expected = GridSearchCV(pipeline, grid, cv=2).fit(table, y)
    assert search.best_score_ == expected.best_score_
    np.testing.assert_array_equal(search.predict(table), expected.predict(table))


@pytest.mark.parametrize(
    ("estimator", "told"),
    [
        (Ridge(), "got Ridge"),
        (make_pipeline(StandardScaler(), Ridge()), "got Ridge as the last step of a Pipeline"),
        (make_pipeline(StandardScaler(), "passthrough"), "got str as the last step of a Pipeline"),
        (TransformedTargetRegressor(NETWORK), "got TransformedTargetRegressor"),
    ],
)
def test_what_cannot_pause_is_told(estimator, told):
    with pytest.raises(TypeError, match=f"needs a DLClassifier or DLRegressor, whose training can pause, .* {told}"):
        EpochHalvingSearchCV(estimator, GRID).fit(X, y)


def test_a_solver_that_cannot_pause_is_told():
    with pytest.raises(ValueError, match="solver"):
        EpochHalvingSearchCV(DLRegressor(solver="lbfgs", n_members=1), GRID, error_score="raise").fit(X, y)


class Seen:
    """A callback that counts the fits it is told of."""

    fits: ClassVar[list[str]] = []

    def setup(self, estimator, context):
        self.fits.append(type(estimator).__name__)

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context): ...


@pytest.mark.parametrize("at", ["search", "network", "pipeline"])
def test_callbacks_are_called_or_refused(at):
    Seen.fits.clear()
    network = clone(NETWORK)
    pipeline = make_pipeline(StandardScaler(), network)
    search = EpochHalvingSearchCV(pipeline, {"dlregressor__alpha": [0.0, 1.0]}, cv=2)
    holder = {"search": search, "network": network, "pipeline": pipeline}[at].set_callbacks(Seen())
    if at == "pipeline":
        with pytest.raises(ValueError, match="callbacks of the Pipeline are not called"):
            search.fit(X, y)
    else:
        search.fit(X, y)
        assert {*Seen.fits} == {type(holder).__name__}
