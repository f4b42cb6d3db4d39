"""The rows that are left out: what judges a network has not learnt them, whatever the columns are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss
from sklearn.model_selection import ShuffleSplit
from sklearn.preprocessing import OneHotEncoder

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.heads import ClassHead

N, N_TEST = 2000, 4000
FAST = {"hidden_layer_sizes": (64, 64), "max_iter": 24, "learning_rate_init": 0.01, "random_state": 0}


def noise_of_levels(rng, n):
    return pd.DataFrame({"noise": pd.Categorical(rng.integers(0, 400, n).astype(str))})


def noise_of_numbers(rng, n):
    return pd.DataFrame(rng.normal(size=(n, 30))).rename(columns=str)


def table_of(noise):
    """Two numbers that decide, and columns that single out rows and say nothing."""
    rng = np.random.default_rng(0)
    numbers = pd.DataFrame(rng.normal(size=(N + N_TEST, 2)), columns=["a", "b"])
    signal = 2 * np.sin(2 * numbers.a) + numbers.b
    return pd.concat([numbers, noise(rng, len(numbers))], axis=1), signal, rng


def as_it_is(X):
    return X


def one_hot(X):
    return OneHotEncoder(handle_unknown="ignore").fit_transform(X[["noise"]].assign(a=X.a.round(1), b=X.b.round(1)))


TABLES = {
    "many levels": (noise_of_levels, as_it_is),
    "many levels, sparse": (noise_of_levels, one_hot),
    "numbers": (noise_of_numbers, as_it_is),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_loss_of_left_out_rows_is_that_of_new_ones(name):
    """Where members shared a body that had learnt them, it was less than half of that."""
    noise, form = TABLES[name]
    X, signal, rng = table_of(noise)
    X = form(X)
    y = rng.random(len(signal)) < 1 / (1 + np.exp(-signal))
    model = DLClassifier(**FAST).fit(X[:N], y[:N])
    assert abs(np.log(log_loss(y[N:], model.predict_proba(X[N:])) / model.best_loss_)) < 0.1


@pytest.mark.parametrize("name", TABLES)
def test_the_noise_of_left_out_rows_is_that_of_new_ones(name):
    noise, form = TABLES[name]
    X, signal, rng = table_of(noise)
    X, y = form(X), signal + rng.normal(size=len(signal))
    model = DLRegressor(**FAST).fit(X[:N], y[:N])
    assert np.mean((y[N:] - model.predict(X[N:])) ** 2) == pytest.approx(model.noise_[0], rel=0.2)


def test_nothing_that_judges_has_seen_the_left_out_rows():
    """Targets of one fold turned into nonsense change the networks of the others, and not that which leaves it out."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = X[:, 0]
    params = FAST | {"n_members": 4, "n_folds": 4, "max_iter": 4, "scale_target": False}
    seen = {}

    class Spy:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                seen[len(fitted_estimator.history_)] = fitted_estimator.training_, fitted_estimator.network_

    model = DLRegressor(**params).set_callbacks(Spy())
    model.fit(X, y)
    training, network = seen[3]
    fold = training.folds[2]
    other = y.copy()
    other[fold.left_out] = rng.normal(size=len(fold.left_out))
    model.fit(X, other)
    changed = [(a.values != b.values).any() for a, b in zip(network.parts, seen[3][1].parts, strict=True)]
    assert changed == [True, True, False, True]
    changed = [(a.values != b.values).any() for a, b in zip(network.parts, model.network_.parts, strict=True)]
    assert all(changed)  # in the last epochs all rows are learnt


def test_a_fit_that_learns_rows_by_heart_names_the_columns():
    rng = np.random.default_rng(0)
    a = rng.normal(size=1500)
    X = pd.DataFrame({"a": a, "id": rng.permutation(1500), "street": pd.Categorical(rng.integers(0, 200, 1500))})
    y = rng.random(1500) < 1 / (1 + np.exp(-a))
    params = FAST | {"max_iter": 48, "dropout": 0.0}
    with pytest.warns(UserWarning, match=r"learns rows by heart, which 'id' .* and 'street' .* make easy") as told:
        DLClassifier(**params).fit(X, y)
    assert told[0].filename == __file__
    DLClassifier(**params).fit(X[["a"]], y)  # nothing is told of a column that says little


@pytest.mark.parametrize(("n_folds", "share"), [(4, 0.6), (ShuffleSplit(1, test_size=0.3), 1.0)], ids=["four", "one"])
def test_the_temperature_of_all_groups_is_lower_than_that_of_one(n_folds, share, monkeypatch):
    """Where there is one group, it is the whole."""
    found, settle = [], ClassHead.settle

    def settled(head, judged):
        found.append(settle(head, judged))
        return found[-1]

    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = rng.random(400) < 1 / (1 + np.exp(-2 * X[:, 0]))
    params = FAST | {"n_members": 4, "n_folds": n_folds}
    monkeypatch.setattr(ClassHead, "settle", lambda head, judged: 1.0)
    as_it_was = DLClassifier(**params).fit(X, y)._raw(X)
    monkeypatch.setattr(ClassHead, "settle", settled)
    raw = DLClassifier(**params).fit(X, y)._raw(X)
    np.testing.assert_allclose(raw * found[0] ** share, as_it_was, rtol=1e-4, atol=1e-5)
    assert abs(found[0] - 1) > 0.05
