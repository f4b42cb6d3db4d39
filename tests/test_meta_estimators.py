"""The estimators inside scikit-learn's meta-estimators that take a classifier or a regressor, each fitted for real."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, RFECV, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import brier_score_loss, fbeta_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.solvers import AdamW

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
y = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * rng.normal(size=120)
c = np.array(["low", "middle", "high"])[np.digitize(y, [-1.0, 1.0])]
b = np.where(y > 0, "yes", "no")
SETTINGS = {"hidden_layer_sizes": (8,), "max_iter": 40, "random_state": 0, "batch_size": 40, "learning_rate_init": 0.02}


def regressor(**params):
    return DLRegressor(**SETTINGS | params)


def classifier(**params):
    return DLClassifier(**SETTINGS | params)


def in_a_pipeline(net):
    return Pipeline([("scale", StandardScaler()), ("net", net)])


# ---------------------------------------------------------------- one table: each fits, learns, repeats and travels

HALVING = {"resource": "max_iter", "min_resources": 10, "max_resources": 40, "cv": 2, "random_state": 0}
GRID = {"alpha": [0.0, 0.1], "hidden_layer_sizes": [(), (8,)]}
CASES = {
    "pipeline": (in_a_pipeline(regressor()), y, 0.9),
    "grid search": (GridSearchCV(in_a_pipeline(classifier()), {f"net__{k}": v for k, v in GRID.items()}, cv=2), c, 0.9),
    "random search": (RandomizedSearchCV(regressor(), GRID, n_iter=3, cv=2, random_state=0), y, 0.9),
    "halving grid": (HalvingGridSearchCV(classifier(), GRID, **HALVING), c, 0.9),
    "halving random": (HalvingRandomSearchCV(regressor(), GRID, n_candidates=4, **HALVING), y, 0.9),
    "halving pipeline": (
        HalvingGridSearchCV(
            in_a_pipeline(regressor()), {"net__alpha": [0.0, 0.1]}, **HALVING | {"resource": "net__max_iter"}
        ),
        y,
        0.8,
    ),
    "bagging regressor": (BaggingRegressor(regressor(), n_estimators=3, max_features=3, random_state=0), y, 0.7),
    "bagging classifier": (BaggingClassifier(classifier(), n_estimators=3, random_state=0), c, 0.85),
    "adaboost regressor": (AdaBoostRegressor(regressor(), n_estimators=3, random_state=0), y, 0.9),
    "adaboost classifier": (AdaBoostClassifier(classifier(), n_estimators=3, random_state=0), c, 0.85),
    "stacking regressor": (
        StackingRegressor([("net", regressor()), ("line", LinearRegression())], cv=2, passthrough=True), y, 0.9,
    ),
    "stacking classifier": (
        StackingClassifier([("net", classifier()), ("line", LogisticRegression())], classifier(n_members=1), cv=2),
        c, 0.85,
    ),
    "voting regressor": (VotingRegressor([("net", regressor()), ("line", LinearRegression())]), y, 0.9),
    "voting classifier": (
        VotingClassifier([("net", classifier()), ("line", LogisticRegression())], voting="soft", weights=[2, 1]),
        c,
        0.85,
    ),
    "calibrated, sigmoid": (CalibratedClassifierCV(classifier(), cv=2), c, 0.85),
    "calibrated, isotonic": (CalibratedClassifierCV(classifier(), method="isotonic", cv=2, ensemble=False), c, 0.85),
    "calibrated, temperature": (CalibratedClassifierCV(classifier(), method="temperature", cv=2), c, 0.85),
    "tuned threshold": (TunedThresholdClassifierCV(classifier(), thresholds=30, cv=2, random_state=0), b, 0.9),
    "fixed threshold": (FixedThresholdClassifier(classifier(), threshold=0.4, pos_label="yes"), b, 0.85),
    "one versus rest": (OneVsRestClassifier(classifier()), c, 0.85),
    "one versus one": (OneVsOneClassifier(classifier()), c, 0.85),
    "output codes": (OutputCodeClassifier(classifier(), code_size=4, random_state=0), c, 0.8),
    "multi-output regressor": (MultiOutputRegressor(regressor()), np.c_[y, -y], 0.9),
    "multi-output classifier": (MultiOutputClassifier(classifier()), np.c_[c, b], 0.8),
    "regressor chain": (RegressorChain(regressor(), random_state=0), np.c_[y, y**2], 0.8),
    "classifier chain": (ClassifierChain(classifier(), cv=2), np.c_[y > 0, y > 1].astype(int), 0.85),
    "transformed target": (TransformedTargetRegressor(regressor(), func=np.arcsinh, inverse_func=np.sinh), y, 0.9),
    "frozen": (make_pipeline(StandardScaler(), FrozenEstimator(regressor().fit(X, y))), y, 0.9),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_it_fits_learns_repeats_and_travels(name):
    model, target, floor = CASES[name]
    model = clone(model).fit(X, target)
    assert floor < model.score(X, target) <= 1
    chance = (DummyClassifier() if is_classifier(model) else DummyRegressor()).fit(X, target)
    if target.ndim == 1:
        assert model.score(X, target) > chance.score(X, target) + 0.2
    predicted = model.predict(X)
    assert predicted.shape == target.shape
    np.testing.assert_array_equal(clone(model).fit(X, target).predict(X), predicted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), predicted)


# ---------------------------------------------------------------- what is particular to some


@pytest.mark.parametrize("name", ["halving grid", "halving random"])
def test_epochs_are_a_resource(name):
    model, target, _ = CASES[name]
    search = clone(model).fit(X, target)
    assert search.n_resources_ == [10, 30]
    assert search.n_candidates_ == [4, 2]
    assert search.best_estimator_.n_iter_ == search.best_estimator_.max_iter == 30


def test_epochs_of_a_pipeline_are_a_resource():
    search = clone(CASES["halving pipeline"][0]).fit(X, y)
    assert search.best_estimator_["net"].n_iter_ == search.n_resources_[-1]


def test_bagging_and_voting_are_the_mean_of_their_networks():
    bagging = clone(CASES["bagging regressor"][0]).fit(X, y)
    parts = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
    np.testing.assert_allclose(bagging.predict(X), np.mean([net.predict(X[:, f]) for net, f in parts], axis=0))
    assert len({net.random_state for net in bagging.estimators_}) == 3
    voting = clone(CASES["voting classifier"][0]).fit(X, c)
    net, line = voting.estimators_
    proba = (2 * net.predict_proba(X) + line.predict_proba(X)) / 3
    np.testing.assert_allclose(voting.predict_proba(X), proba)


def test_boosting_hands_on_weights():
    """What AdaBoost does after the first network changes the second: the weights arrive."""
    boosted = AdaBoostClassifier(classifier(max_iter=5, random_state=None), n_estimators=2, random_state=0).fit(X, c)
    first, second = boosted.estimators_
    alone = clone(second).fit(X, c)
    assert second.random_state != first.random_state
    assert np.abs(alone.predict_proba(X) - second.predict_proba(X)).max() > 1e-3
    wrong = first.predict(X) != c
    assert second.predict_proba(X)[wrong].max(axis=1).shape == (wrong.sum(),)
    weight = np.where(wrong, 1.0, np.exp(-boosted.estimator_weights_[0]))
    again = clone(second).fit(X, c, weight / weight.sum())
    np.testing.assert_allclose(again.predict_proba(X), second.predict_proba(X), atol=1e-6)


def test_calibration_of_a_frozen_network():
    rows = rng.permutation(120)
    fitted = classifier(max_iter=200, learning_rate="constant").fit(X[rows[:60]], b[rows[:60]])
    calibrated = CalibratedClassifierCV(FrozenEstimator(fitted), method="temperature").fit(X[rows[60:]], b[rows[60:]])
    before, after = (m.predict_proba(X[rows[60:]])[:, 1] for m in (fitted, calibrated))
    assert brier_score_loss(b[rows[60:]] == "yes", after) <= brier_score_loss(b[rows[60:]] == "yes", before) + 1e-3
    np.testing.assert_array_equal(np.argsort(before, kind="stable")[-5:], np.argsort(after, kind="stable")[-5:])


def test_the_tuned_threshold_suits_its_metric():
    """A metric that forgives false alarms gets a lower threshold than one that does not."""
    noisy = np.where(y + rng.normal(size=120) > 0.5, "yes", "no")

    def threshold(beta):
        metric = make_scorer(fbeta_score, beta=beta, pos_label="yes", zero_division=0.0)
        tuned = TunedThresholdClassifierCV(classifier(max_iter=20), scoring=metric, thresholds=30, cv=3, random_state=0)
        return tuned.fit(X, noisy).best_threshold_

    assert threshold(5.0) < threshold(0.2)


def test_self_training_labels_what_was_not_labelled():
    table, labels = load_iris(return_X_y=True)
    known = np.where(np.random.default_rng(0).random(150) < 0.3, labels, -1)
    model = SelfTrainingClassifier(classifier(batch_size=10), threshold=0.9).fit(table, known)
    assert (model.labeled_iter_ > 0).sum() > 40
    assert model.score(table, labels) > 0.8
    assert model.termination_condition_ in ("no_change", "all_labeled", "max_iter")


def slopes(model):
    """Weights of a linear network, one row an output."""
    return model.coefs_[0].T


@pytest.mark.parametrize("target", ["y", "c"])
def test_recursive_elimination_by_the_weights_of_a_linear_network(target):
    net = {"y": regressor, "c": classifier}[target](hidden_layer_sizes=(), max_iter=60)
    goal = {"y": y, "c": c}[target]
    rfe = RFE(net, n_features_to_select=2, importance_getter=slopes).fit(X, goal)
    assert rfe.support_.tolist() == [True, True, False, False]
    assert rfe.ranking_.tolist() == [1, 1, 2, 3]
    assert rfe.estimator_.n_features_in_ == 2
    chosen = RFECV(net, cv=2, importance_getter=slopes).fit(X, goal)
    assert chosen.support_[:2].all()


def test_sequential_selection_and_permutation_importance():
    selector = SequentialFeatureSelector(regressor(max_iter=10), n_features_to_select=2, cv=2).fit(X, y)
    assert selector.get_support().tolist() == [True, True, False, False]
    importance = permutation_importance(regressor().fit(X, y), X, y, n_repeats=3, random_state=0).importances_mean
    assert np.argsort(importance).tolist() == [3, 2, 0, 1]


def test_predictions_of_folds():
    folds = KFold(3, shuffle=True, random_state=0)
    proba = cross_val_predict(classifier(), X, c, cv=folds, method="predict_proba")
    for train, test in folds.split(X):
        np.testing.assert_array_equal(proba[test], classifier().fit(X[train], c[train]).predict_proba(X[test]))
    scored = cross_validate(classifier(), X, c, cv=folds, return_estimator=True, return_train_score=True)
    right = [net.score(X[test], c[test]) for net, (_, test) in zip(scored["estimator"], folds.split(X), strict=True)]
    assert scored["test_score"].tolist() == right


def test_learning_curves():
    sizes, train, test = learning_curve(regressor(), X, y, cv=3, train_sizes=[20, 40, 80])
    assert sizes.tolist() == [20, 40, 80]
    assert test.shape == (3, 3)
    assert test.mean(axis=1)[0] < test.mean(axis=1)[-1]
    net = classifier(max_iter=5)
    _, incremental, _ = learning_curve(net, X, c, cv=3, train_sizes=[20, 80], exploit_incremental_learning=True)
    assert np.isfinite(incremental).all()  # through partial_fit, with all classes told at the first call
    train, test = validation_curve(regressor(), X, y, param_name="alpha", param_range=[0.0, 1e4], cv=3)
    assert train.mean(axis=1)[0] > 0.9 > 0.5 > train.mean(axis=1)[1]


# ---------------------------------------------------------------- routed metadata


def test_a_search_routes_a_validation_set_through_a_pipeline():
    """Weights are split with the folds; the validation set is transformed by each fold's scaler and stays whole."""
    held, weight = slice(80, 120), rng.integers(1, 4, 80).astype(float)
    with config_context(enable_metadata_routing=True):
        net = regressor(max_iter=10, solver=AdamW())
        net.set_fit_request(sample_weight=True, X_val=True, y_val=True).set_score_request(sample_weight=True)
        scale = StandardScaler().set_fit_request(sample_weight=False)
        pipe = Pipeline([("scale", scale), ("net", net)], transform_input=["X_val"])
        search = GridSearchCV(pipe, {"net__solver__weight_decay": [0.0, 1.0]}, cv=KFold(2), error_score="raise")
        search.fit(X[:80], y[:80], sample_weight=weight, X_val=X[held], y_val=y[held])
    best = search.best_estimator_
    assert len(best["net"].validation_loss_curve_) == 10
    scaled = StandardScaler().fit(X[:40])
    for i, decay in enumerate((0.0, 1.0)):
        by_hand = regressor(max_iter=10, solver=AdamW(weight_decay=decay)).fit(
            scaled.transform(X[:40]), y[:40], weight[:40], X_val=scaled.transform(X[held]), y_val=y[held]
        )
        score = by_hand.score(scaled.transform(X[40:80]), y[40:80], weight[40:])
        assert search.cv_results_["split1_test_score"][i] == pytest.approx(score, rel=1e-12)


def test_weights_are_routed_into_ensembles():
    weight = rng.uniform(0.5, 2.0, 120)
    with config_context(enable_metadata_routing=True):
        net = regressor(max_iter=10).set_fit_request(sample_weight=True)
        line = LinearRegression().set_fit_request(sample_weight=True)
        voting = VotingRegressor([("net", net), ("line", line)]).fit(X, y, sample_weight=weight)
    expected = regressor(max_iter=10).fit(X, y, weight).predict(X)
    np.testing.assert_array_equal(voting.named_estimators_["net"].predict(X), expected)
