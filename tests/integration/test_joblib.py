"""joblib: large tables reach the workers as read-only memory maps, models are loaded as such, bars cross processes."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.ensemble import BaggingClassifier, VotingRegressor
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from sklearn_dl import DLClassifier, DLRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(4000, 40))  # 1.3 MB: above joblib's limit of 1 MB
y = X[:, :3] @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=4000)
c = (y > 0).astype(int)
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


class Witness(TransformerMixin, BaseEstimator):
    """Hands the table on and says whether it came as a read-only memory map."""

    def fit(self, X, y=None):
        self.mapped_ = isinstance(X, np.memmap) and not X.flags.writeable
        return self

    def transform(self, X):
        return X


def test_a_worker_is_given_a_read_only_memory_map():
    """What the other tests rest on."""
    nets = [(str(i), make_pipeline(Witness(), DLRegressor(**SETTINGS))) for i in range(2)]
    voting = VotingRegressor(nets, n_jobs=2).fit(X, y)
    assert [pipe[0].mapped_ for pipe in voting.estimators_] == [True, True]
    expected = DLRegressor(**SETTINGS).fit(X, y).predict(X)
    for pipe in voting.estimators_:
        np.testing.assert_allclose(pipe.predict(X), expected, rtol=1e-9, atol=1e-9)


def test_a_grid_search_over_processes_gives_what_one_process_gives():
    grid = {"alpha": [0.0, 1.0], "hidden_layer_sizes": [(), (8,)]}
    one, two = (GridSearchCV(DLRegressor(**SETTINGS), grid, cv=2, n_jobs=n).fit(X, y) for n in (1, 2))
    for name in ("split0_test_score", "split1_test_score"):
        np.testing.assert_allclose(two.cv_results_[name], one.cv_results_[name], rtol=1e-9)
    np.testing.assert_allclose(two.predict(X), one.predict(X), rtol=1e-9)


def test_bagging_and_folds_over_processes():
    kept = X.copy()
    bagging = BaggingClassifier(DLClassifier(**SETTINGS), n_estimators=4, random_state=0)
    one, two = (bagging.set_params(n_jobs=n).fit(X, c).predict_proba(X) for n in (1, 2))
    np.testing.assert_allclose(two, one, rtol=1e-9)
    folds = [cross_val_predict(DLClassifier(**SETTINGS), X, c, cv=2, n_jobs=n, method="predict_proba") for n in (1, 2)]
    np.testing.assert_allclose(*folds, rtol=1e-9)
    np.testing.assert_array_equal(X, kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("encoder", ["auto", None])
def test_a_file_is_fitted_and_predicted_as_it_lies(dtype, encoder, tmp_path):
    joblib.dump(X.astype(dtype), tmp_path / "X.joblib")
    joblib.dump(y, tmp_path / "y.joblib")
    table, target = (joblib.load(tmp_path / f"{name}.joblib", mmap_mode="r") for name in "Xy")
    assert isinstance(table, np.memmap)
    before = (tmp_path / "X.joblib").read_bytes()
    params = SETTINGS | {"encoder": encoder}
    mapped = DLRegressor(**params).fit(table, target, X_val=table[:100], y_val=target[:100])
    plain = DLRegressor(**params).fit(X.astype(dtype), y, X_val=X.astype(dtype)[:100], y_val=y[:100])
    np.testing.assert_array_equal(mapped.predict(table), plain.predict(X.astype(dtype)))
    assert (tmp_path / "X.joblib").read_bytes() == before
    assert not any(isinstance(value, np.memmap) for value in vars(mapped).values())


@pytest.mark.parametrize("estimator", [DLRegressor, DLClassifier])
def test_a_model_is_loaded_as_a_memory_map_and_goes_on_learning(estimator, tmp_path):
    target = y if estimator is DLRegressor else c
    model = estimator(**SETTINGS).partial_fit(X, target, **({} if estimator is DLRegressor else {"classes": [0, 1]}))
    joblib.dump(model, tmp_path / "model.joblib")
    before = (tmp_path / "model.joblib").read_bytes()
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.partial_fit(X, target)
    model.partial_fit(X, target)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert (tmp_path / "model.joblib").read_bytes() == before


def test_callbacks_cross_processes(capfd, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    monitor = ScoringMonitor(scoring="r2")
    search = GridSearchCV(DLRegressor(**SETTINGS).set_callbacks(monitor), {"alpha": [0.0, 1.0]}, cv=2, n_jobs=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    bars = [line for line in capfd.readouterr().out.splitlines() if "DLRegressor" in line]
    assert len(bars) >= 5
    assert all("100%" in line for line in bars)
    rows = monitor.get_logs(select="most_recent").data
    assert sum(row["task_name"] == "epoch" for row in rows) == 3 * (2 * 2 + 1)
