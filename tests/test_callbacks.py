"""scikit-learn's callbacks: a fit is a task, each of its epochs a subtask, and a hook may end the training.

`sklearn.callback` is experimental; these tests are what tells when it changes.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import FitCallback, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._estimators.callbacks import CallbackBridge

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=60)
c = (y > 0).astype(int)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0, "learning_rate": "constant"}


class Recorder:
    """Notes each hook; ends the fit at epoch `stop_at`, raises at epoch `fail_at`."""

    def __init__(self, stop_at=None, fail_at=None):
        self.stop_at, self.fail_at = stop_at, fail_at
        self.notes = []

    def note(self, hook, context):
        self.notes.append((hook, context.task_name))

    def setup(self, estimator, context):
        self.note("setup", context)

    def teardown(self, estimator, context):
        self.note("teardown", context)

    def on_fit_task_begin(self, estimator, context):
        self.note("begin", context)

    def on_fit_task_end(self, estimator, context):
        self.note("end", context)
        epoch = self.notes.count(("end", "epoch"))
        if context.task_name == "epoch" and epoch == self.fail_at:
            raise RuntimeError("the hook failed")
        return context.task_name == "epoch" and epoch == self.stop_at

    @property
    def epochs(self):
        return self.notes.count(("end", "epoch"))


class Watcher(Recorder):
    """Also keeps what the hooks are given at the end of each task."""

    def __init__(self):
        super().__init__()
        self.given = []

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        super().on_fit_task_end(estimator, context)
        self.given.append((context, estimator, X, y, metadata, fitted_estimator))


def course(n_epochs):
    """The hooks of a fit of so many epochs."""
    epochs = [("begin", "epoch"), ("end", "epoch")] * n_epochs
    return [("setup", "fit"), ("begin", "fit"), *epochs, ("end", "fit"), ("teardown", "fit")]


both = pytest.mark.parametrize(("estimator", "target"), [(DLRegressor, y), (DLClassifier, c)])
SOLVERS = ["adamw", "lbfgs"]


@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_each_epoch_is_a_subtask(estimator, target, solver):
    hook = Recorder()
    assert isinstance(hook, FitCallback)
    model = estimator(**SMALL, solver=solver).set_callbacks(hook).fit(X, target)
    assert hook.notes == course(5)
    assert model.n_iter_ == 5


def test_numbers_of_tasks():
    hook = Watcher()
    DLRegressor(**SMALL).set_callbacks(hook).fit(X, y)
    *epochs, fit = [given[0] for given in hook.given]
    assert (fit.max_subtasks, fit.estimator_name, fit.parent) == (5, "DLRegressor", None)
    assert [context.task_id for context in epochs] == [0, 1, 2, 3, 4]
    assert all(context.parent is fit and context.max_subtasks == 0 for context in epochs)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_callback_can_end_the_fit(solver):
    hook = Recorder(stop_at=3)
    model = DLRegressor(**SMALL, solver=solver).set_callbacks(hook).fit(X, y)
    assert hook.notes == course(3)
    assert model.n_iter_ == 3
    reference = DLRegressor(**SMALL | {"max_iter": 3}, solver=solver).fit(X, y)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), rtol=1e-12)


def test_early_stopping_and_target_loss_end_the_tasks_too():
    hook = Recorder()
    params = SMALL | {"max_iter": 50, "n_iter_no_change": 3, "tol": 1e9}
    DLRegressor(**params).set_callbacks(hook).fit(X, y, X_val=X, y_val=y)
    assert hook.notes == course(4)
    hook.notes.clear()
    DLRegressor(**params, target_loss=1e9).set_callbacks(hook).fit(X, y)
    assert hook.notes == course(1)


def test_a_loss_that_is_not_finite_still_ends_the_fit_task():
    hook = Recorder()
    model = DLRegressor(**SMALL, solver="sgd", learning_rate_init=1e200).set_callbacks(hook)
    with pytest.warns(ConvergenceWarning, match="no longer finite"):
        model.fit(X, y)
    assert hook.notes[-2:] == [("end", "fit"), ("teardown", "fit")]
    assert hook.epochs == len(model.history_) < 5


@both
def test_hooks_are_given_the_data_and_an_estimator_that_predicts(estimator, target):
    hook, weight = Watcher(), np.ones(60)
    model = estimator(**SMALL).set_callbacks(hook).fit(X, target, weight)
    assert len(hook.given) == 6
    for i, (_, given, table, labels, metadata, fitted) in enumerate(hook.given):
        assert given is model
        assert table is X
        assert labels is target
        assert metadata["sample_weight"] is weight
        epochs = min(i + 1, 5)
        reference = estimator(**SMALL | {"max_iter": epochs}).fit(X, target, weight)
        assert fitted is not model
        assert fitted.n_iter_ == epochs
        np.testing.assert_array_equal(fitted.predict(X), reference.predict(X))
        assert fitted.score(X, target) == reference.score(X, target)


def test_the_last_hook_gets_the_best_network():
    hook = Watcher()
    params = SMALL | {"max_iter": 60, "hidden_layer_sizes": (50,), "n_iter_no_change": np.inf}
    model = DLRegressor(**params, learning_rate_init=0.2).set_callbacks(hook)
    model.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    np.testing.assert_array_equal(hook.given[-1][-1].predict(X), model.predict(X))
    assert not np.array_equal(hook.given[-2][-1].predict(X), model.predict(X))  # the last epoch is not the best


def test_partial_fit_is_a_task_of_one_epoch():
    hook = Recorder()
    model = DLRegressor(**SMALL).set_callbacks(hook)
    for _ in range(3):
        model.partial_fit(X, y)
    assert hook.notes == course(1) * 3


def test_warm_start_counts_epochs_anew():
    hook = Watcher()
    model = DLRegressor(**SMALL, warm_start=True).set_callbacks(hook).fit(X, y).fit(X, y)
    assert hook.notes == course(5) * 2
    assert [given[-1].n_iter_ for given in hook.given] == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10]
    assert model.n_iter_ == 10


def test_callbacks_do_not_change_the_fit_nor_stay_on_clones():
    plain = DLRegressor(**SMALL).fit(X, y)
    watched = DLRegressor(**SMALL).set_callbacks(Watcher(), Recorder()).fit(X, y)
    np.testing.assert_array_equal(watched.predict(X), plain.predict(X))
    assert watched.get_params() == plain.get_params()
    hook = Recorder()
    clone(DLRegressor(**SMALL).set_callbacks(hook)).fit(X, y)
    assert hook.epochs == 5  # a clone keeps them, by reference
    watched.set_callbacks(hook).set_callbacks().fit(X, y)
    assert hook.epochs == 5  # an empty call takes them away
    assert vars(watched).keys() == vars(plain).keys()


def test_teardown_runs_where_a_hook_raises():
    hook, other = Recorder(fail_at=2), Recorder()
    model = DLRegressor(**SMALL).set_callbacks(hook, other)
    with pytest.raises(RuntimeError, match="the hook failed"):
        model.fit(X, y)
    for recorder in (hook, other):
        assert recorder.notes[-1] == ("teardown", "fit")
        assert recorder.notes.count(("teardown", "fit")) == 1
        assert ("end", "fit") not in recorder.notes
    assert "network_" not in vars(model)
    hook.fail_at = None
    hook.notes.clear()
    model.fit(X, y)
    assert hook.notes == course(5)


def failing_architecture(*args, **keywords):
    raise RuntimeError("no network")


FAILURES = {
    "parameter": ({"alpha": -1}, X, ValueError),
    "data": ({}, X[:5], ValueError),
    "network": ({"architecture": failing_architecture}, X, RuntimeError),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_fit_that_raises_leaves_no_task_open(name):
    params, table, error = FAILURES[name]
    hook = Recorder()
    model = DLRegressor(**SMALL | params).set_callbacks(hook)
    with pytest.raises(error):
        model.fit(table, y)
    hooks = [note for note, _ in hook.notes]
    assert hooks.count("setup") == hooks.count("teardown")
    assert not hasattr(model, "_callback_fit_ctx")


# ---------------------------------------------------------------- inside other estimators


def test_in_a_pipeline():
    hook = Recorder(stop_at=2)
    pipe = Pipeline([("scale", StandardScaler()), ("net", DLRegressor(**SMALL).set_callbacks(hook))]).fit(X, y)
    assert hook.epochs == 2
    assert pipe[-1].n_iter_ == 2
    assert hook.notes[0][0] == "setup"
    assert hook.notes[-1][0] == "teardown"


@both
def test_under_a_grid_search(estimator, target):
    hook = Recorder()
    pipe = Pipeline([("scale", StandardScaler()), ("net", estimator(**SMALL).set_callbacks(hook))])
    GridSearchCV(pipe, {"net__alpha": [0.0, 1.0], "net__max_iter": [2]}, cv=3).fit(X, target)
    assert hook.epochs == 2 * (2 * 3 + 1)
    hooks = [note for note, _ in hook.notes]
    assert hooks.count("setup") == hooks.count("teardown") == 7


class Travelling(Recorder):
    """A callback that meta-estimators hand on to their parts."""

    max_propagation_depth = None

    def note(self, hook, context):
        self.notes.append((hook, context.estimator_name))


def test_a_callback_of_a_grid_search_reaches_the_epochs():
    hook = Travelling()
    pipe = Pipeline([("scale", StandardScaler()), ("net", DLRegressor(**SMALL))])
    GridSearchCV(pipe, {"net__max_iter": [2, 3]}, cv=2).set_callbacks(hook).fit(X, y)
    ended = hook.notes.count(("end", "DLRegressor"))
    best = ended - (2 * 2 + 2 * 3) - 5
    assert best in (2, 3)  # 10 epochs and 4 fits of the search, and the best one once more
    assert hook.notes[0] == ("setup", "GridSearchCV")
    assert hook.notes[-1] == ("teardown", "GridSearchCV")


@both
def test_scoring_monitor(estimator, target):
    monitor = ScoringMonitor(scoring="r2" if estimator is DLRegressor else "accuracy")
    model = estimator(**SMALL).set_callbacks(monitor).fit(X, target)
    rows = [row for row in monitor.get_logs(select="most_recent").data if row["task_name"] == "epoch"]
    scores = [row[next(name for name in row if name in ("r2", "accuracy"))] for row in rows]
    assert len(scores) == 5
    assert scores[-1] == pytest.approx(model.score(X, target))
    expected = [estimator(**SMALL | {"max_iter": k}).fit(X, target).score(X, target) for k in range(1, 6)]
    np.testing.assert_allclose(scores, expected)


def test_scoring_monitor_under_routing():
    monitor = ScoringMonitor(scoring="r2")
    with config_context(enable_metadata_routing=True):
        DLRegressor(**SMALL).set_callbacks(monitor).fit(X, y)
    assert len(monitor.get_logs(select="most_recent").data) >= 5


# ---------------------------------------------------------------- what they cost


def test_without_callbacks_nothing_is_prepared_for_them(monkeypatch):
    """The network is copied for a hook that names `fitted_estimator`, and for no other."""
    calls = []
    original = CallbackBridge._fitted_now
    monkeypatch.setattr(CallbackBridge, "_fitted_now", lambda self: calls.append(1) or original(self))
    DLRegressor(**SMALL).fit(X, y)
    DLRegressor(**SMALL).set_callbacks(Recorder()).fit(X, y)
    assert calls == []
    DLRegressor(**SMALL).set_callbacks(Watcher()).fit(X, y)
    assert len(calls) == 6
