"""Optuna: a plain study, its search for scikit-learn, and trials that are pruned while they train."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLRegressor
from sklearn_dl.solvers import AdamW

optuna = pytest.importorskip("optuna")
optuna.logging.set_verbosity(optuna.logging.WARNING)

X, y = load_diabetes(return_X_y=True)
SETTINGS = {"hidden_layer_sizes": (16,), "max_iter": 15, "random_state": 0}


def test_a_study_over_cross_validated_scores():
    def objective(trial):
        net = DLRegressor(
            hidden_layer_sizes=(trial.suggest_int("units", 4, 32, log=True),) * trial.suggest_int("layers", 0, 2),
            solver=AdamW(weight_decay=trial.suggest_float("weight_decay", 1e-2, 2.0, log=True)),
            activation=trial.suggest_categorical("activation", ["relu", "tanh"]),
            max_iter=15,
            random_state=0,
        )
        return cross_val_score(net, X, y, cv=3).mean()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=8)
    values = [trial.value for trial in study.trials]
    assert np.isfinite(values).all()
    assert study.best_value == max(values) > 0.3
    assert objective(optuna.trial.FixedTrial(study.best_params)) == study.best_value


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental", "ignore:`optuna.terminator` module")
def test_the_search_for_scikit_learn():
    integration = pytest.importorskip("optuna_integration")
    space = {
        "dlregressor__alpha": optuna.distributions.FloatDistribution(1e-3, 1e2, log=True),
        "dlregressor__solver__weight_decay": optuna.distributions.FloatDistribution(0.1, 2.0),
    }
    pipe = make_pipeline(StandardScaler(), DLRegressor(**SETTINGS, solver=AdamW()))
    search = integration.OptunaSearchCV(pipe, space, n_trials=5, cv=3, random_state=0).fit(X, y)
    assert set(search.best_params_) == set(space)
    assert search.best_estimator_[-1].solver.weight_decay == search.best_params_["dlregressor__solver__weight_decay"]
    assert search.score(X, y) > 0.4
    assert len(search.trials_) == 5


class Pruning:
    """A callback of scikit-learn that reports each epoch to a trial and ends it where the pruner says so."""

    def __init__(self, trial, X, y):
        self.trial, self.X, self.y = trial, X, y

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            self.trial.report(fitted_estimator.score(self.X, self.y), step=context.task_id)
            if self.trial.should_prune():
                raise optuna.TrialPruned


def test_hopeless_trials_are_pruned_after_few_epochs():
    X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)
    rates = [0.02, 0.01, 1e-7, 1e-8]

    def objective(trial):
        rate = trial.suggest_categorical("rate", rates)
        net = DLRegressor(**SETTINGS, n_folds=1, learning_rate_init=rate).set_callbacks(Pruning(trial, X_val, y_val))
        return net.fit(X_train, y_train).score(X_val, y_val)

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"rate": rates}, seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=2),
    )
    for rate in rates:
        study.enqueue_trial({"rate": rate})
    study.optimize(objective, n_trials=4)
    states = [(trial.state.name, len(trial.intermediate_values)) for trial in study.trials]
    assert states == [("COMPLETE", 15), ("COMPLETE", 15), ("PRUNED", 3), ("PRUNED", 3)]


class CtrlC:
    """Interrupts the third epoch."""

    def __init__(self):
        self.epochs = 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if self.epochs == 3:
            raise KeyboardInterrupt


def test_ctrl_c_ends_a_study():
    def objective(trial):
        return DLRegressor(**SETTINGS, alpha=trial.suggest_float("alpha", 0, 1)).set_callbacks(CtrlC()).fit(X, y).loss_

    study = optuna.create_study()
    with pytest.raises(KeyboardInterrupt):
        study.optimize(objective, n_trials=3)
    assert len(study.trials) == 1
