"""imbalanced-learn: pipelines that resample, and ensembles on balanced samples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier

pytest.importorskip("imblearn")

from imblearn.ensemble import BalancedBaggingClassifier, EasyEnsembleClassifier
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import RandomUnderSampler

X, y = make_classification(600, 8, n_informative=4, weights=[0.93], flip_y=0.02, class_sep=0.7, random_state=0)
SETTINGS = {"hidden_layer_sizes": (16,), "max_iter": 20, "random_state": 0}


def recall(model):
    return cross_val_score(model, X, y, cv=3, scoring="recall").mean()


@pytest.mark.parametrize("sampler", [SMOTE, RandomOverSampler, RandomUnderSampler])
def test_a_pipeline_that_resamples_finds_more_of_the_rare_class(sampler):
    net = DLClassifier(**SETTINGS)
    resampled = make_pipeline(StandardScaler(), sampler(random_state=0), net)
    assert recall(resampled) > recall(net) + 0.1


def test_only_the_training_rows_are_resampled():
    """The network sees what the sampler made; predictions are for the rows that came."""
    pipe = Pipeline([("sample", RandomOverSampler(random_state=0)), ("net", DLClassifier(**SETTINGS))]).fit(X, y)
    more, labels = RandomOverSampler(random_state=0).fit_resample(X, y)
    by_hand = DLClassifier(**SETTINGS).fit(more, labels)
    assert len(more) > len(X)
    np.testing.assert_array_equal(pipe.predict_proba(X), by_hand.predict_proba(X))


def test_a_grid_over_sampler_and_network():
    pipe = Pipeline([("sample", RandomOverSampler(random_state=0)), ("net", DLClassifier(**SETTINGS))])
    grid = {"sample__sampling_strategy": [0.3, 1.0], "net__dropout": [0.0, 0.2]}
    search = GridSearchCV(pipe, grid, cv=StratifiedKFold(3), scoring="balanced_accuracy", error_score="raise")
    search.fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) > 2
    assert search.best_score_ > 0.6


@pytest.mark.parametrize("ensemble", [BalancedBaggingClassifier, EasyEnsembleClassifier])
def test_ensembles_of_balanced_samples(ensemble):
    model = ensemble(estimator=DLClassifier(**SETTINGS), n_estimators=3, random_state=0).fit(X, y)
    assert recall_score(y, model.predict(X)) > 0.7
    assert len(model.estimators_) == 3
