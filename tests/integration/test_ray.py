"""Ray: searches on its backend of joblib find what they find here."""

from __future__ import annotations

import os

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV

from sklearn_dl import DLRegressor
from sklearn_dl.search import EpochHalvingSearchCV

pytestmark = pytest.mark.filterwarnings("ignore")  # what Ray and its processes warn of

X, y = load_diabetes(return_X_y=True)
GRID = {"learning_rate_init": [1e-4, 0.001, 0.01], "alpha": [0.0, 100.0]}
SEARCHES = {
    "grid": lambda network: GridSearchCV(network, GRID, cv=2),
    "random": lambda network: RandomizedSearchCV(network, GRID, n_iter=3, cv=2, random_state=0),
    "halving": lambda network: HalvingGridSearchCV(
        network, GRID, cv=2, resource="max_iter", max_resources=9, random_state=0
    ),
    "epochs": lambda network: EpochHalvingSearchCV(network, GRID, cv=2),
}


@pytest.fixture(scope="module")
def ray_backend():
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else it leaves a token in the home directory
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=10**8)
    register_ray()
    yield "ray"
    ray.shutdown()


@pytest.mark.parametrize("kind", SEARCHES)
def test_searches_find_what_they_find_here(kind, ray_backend):
    network = DLRegressor(hidden_layer_sizes=(8,), n_members=1, max_iter=9, random_state=0)
    here = SEARCHES[kind](network).fit(X, y)
    with joblib.parallel_config(backend=ray_backend):
        there = SEARCHES[kind](network).fit(X, y)
    assert here.best_params_ == there.best_params_
    np.testing.assert_array_equal(here.cv_results_["mean_test_score"], there.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(here.predict(X), there.predict(X))
