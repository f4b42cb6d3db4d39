"""The one finder of the network inside: every wrapper with all that asks it, nested, and what it refuses."""

from __future__ import annotations

import re
import warnings

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, RFECV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, RANSACRegressor, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._estimators.inside import innermost, network_inside, with_network_replaced
from sklearn_dl.compare import compare_with_linear
from sklearn_dl.compare.linear import linear_for, name_of
from sklearn_dl.displays import TrainingCurveDisplay
from sklearn_dl.inspection import attribution_importance, gradient_times_input, integrated_gradients

mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "n_members": 1, "random_state": 0}
rng = np.random.default_rng(0)
X = pd.DataFrame(rng.normal(size=(90, 3)), columns=list("abc"))
y = X.to_numpy() @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=90)
label = np.where(y > 0, "yes", "no")
code = np.where(np.arange(90) % 9 == 0, -1, y > 0)  # for self-training: -1 is a row without label
number = DLRegressor(**SMALL)
classes = DLClassifier(**SMALL)


def scaled(inner):
    return Pipeline([("scale", StandardScaler()), ("last", inner)])


def searched(inner, grid=None):
    return GridSearchCV(inner, grid or {}, cv=2)


def transformed(inner):
    return TransformedTargetRegressor(inner, func=np.arcsinh, inverse_func=np.sinh)


def selected(inner):
    return RFE(inner, n_features_to_select=2, importance_getter=attribution_importance)


class Own(RegressorMixin, BaseEstimator):
    """A wrapper of somebody's own, by scikit-learn's conventions."""

    def __init__(self, estimator=None):
        self.estimator = estimator

    def fit(self, X, y):
        self.estimator_ = clone(self.estimator).fit(X, y)
        return self

    def predict(self, X):
        return self.estimator_.predict(X)


class OwnSearch(RegressorMixin, BaseEstimator):
    """A search of another package, which need not inherit from scikit-learn's."""

    def __init__(self, estimator, param_distributions=None):
        self.estimator, self.param_distributions = estimator, param_distributions

    def fit(self, X, y):
        self.best_estimator_ = clone(self.estimator).fit(X, y)
        return self

    def predict(self, X):
        return self.best_estimator_.predict(X)


# estimator, target, what stands around the line in a comparison (from outside to inside), columns that the network gets
WRAPPERS = {
    "network": (number, y, "", "abc"),
    "pipeline": (scaled(number), y, "Pipeline", "abc"),
    "pipeline of one": (make_pipeline(number), y, "Pipeline", "abc"),
    "grid search": (searched(number, {"alpha": [0.0, 1.0]}), y, "", "abc"),
    "random search": (RandomizedSearchCV(number, {"alpha": [0.0, 1.0]}, n_iter=1, cv=2), y, "", "abc"),
    "halving": (HalvingGridSearchCV(number, {"alpha": [0.0, 1.0]}, cv=2), y, "", "abc"),
    "transformed target": (transformed(number), y, "TransformedTargetRegressor", "abc"),
    "one calibrated": (CalibratedClassifierCV(classes, cv=2, ensemble=False), label, "CalibratedClassifierCV", "abc"),
    "fixed threshold": (
        FixedThresholdClassifier(classes, threshold=0.4, pos_label="yes"), label, "FixedThresholdClassifier", "abc",
    ),
    "tuned threshold": (
        TunedThresholdClassifierCV(classes, cv=2, thresholds=5), label, "TunedThresholdClassifierCV", "abc",
    ),
    "self-training": (SelfTrainingClassifier(classes), code, "SelfTrainingClassifier", "abc"),
    "ransac": (
        RANSACRegressor(number, min_samples=30, max_trials=2, residual_threshold=99.0, random_state=0),
        y, "RANSACRegressor", "abc",
    ),
    "selected columns": (selected(number), y, "", None),
    "selected by folds": (RFECV(number, cv=2, importance_getter=attribution_importance), y, "", None),
    "own": (Own(number), y, "Own", "abc"),
    "own search": (OwnSearch(number), y, "", "abc"),
    "pipeline in search": (searched(scaled(number), {"last__alpha": [0.0, 1.0]}), y, "Pipeline", "abc"),
    "search in pipeline": (scaled(searched(number, {"alpha": [0.0, 1.0]})), y, "Pipeline", "abc"),
    "pipeline in pipeline": (scaled(scaled(number)), y, "Pipeline Pipeline", "abc"),
    "transformed target in pipeline in search": (
        searched(scaled(transformed(number)), {"last__regressor__alpha": [0.0, 1.0]}),
        y, "Pipeline TransformedTargetRegressor", "abc",
    ),
    "search in pipeline in transformed target": (
        transformed(scaled(searched(number))), y, "TransformedTargetRegressor Pipeline", "abc",
    ),
    "selection in pipeline in search": (searched(scaled(selected(number))), y, "Pipeline", None),
    "pipeline in selection": (selected(scaled(number)), y, "Pipeline", None),
    "calibrated in threshold": (
        FixedThresholdClassifier(CalibratedClassifierCV(scaled(classes), cv=2, ensemble=False)),
        label == "yes", "FixedThresholdClassifier CalibratedClassifierCV Pipeline", "abc",
    ),
    "search in calibrated": (
        CalibratedClassifierCV(searched(classes), cv=2, ensemble=False), label, "CalibratedClassifierCV", "abc",
    ),
    "pipeline in self-training": (
        SelfTrainingClassifier(scaled(classes)), code, "SelfTrainingClassifier Pipeline", "abc",
    ),
}  # fmt: skip
FROZEN = {
    "frozen": (lambda: FrozenEstimator(DLRegressor(**SMALL).fit(X, y)), y),
    "frozen in pipeline": (lambda: scaled(FrozenEstimator(scaled(number).fit(X.to_numpy(), y))), y),
    "frozen, calibrated": (lambda: CalibratedClassifierCV(FrozenEstimator(scaled(classes).fit(X, label))), label),
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def fitted(name):
    if name in FROZEN:
        make, target = FROZEN[name]
        return make().fit(X, target), target
    estimator, target, *_ = WRAPPERS[name]
    return clone(estimator).fit(X, target), target


def support_of(model):
    """The columns that the selector kept, wherever it is."""
    if hasattr(model, "best_estimator_"):
        model = model.best_estimator_[-1]
    return model.support_


@pytest.mark.parametrize("name", [*WRAPPERS, *FROZEN])
def test_the_fitted_network_is_found(name):
    """By displays and inspection alike; the table gets to it as it does in `predict`, names included."""
    model, _ = fitted(name)
    inside = network_inside(model)
    assert isinstance(inside.network, DLRegressor | DLClassifier)
    display = TrainingCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), inside.network.loss_curve_)
    n = inside.network.n_features_in_
    assert attribution_importance(model).shape == (n,)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of names that the network has not seen
        found = [explain(model, X[:5], background=X[5:7]) for explain in (integrated_gradients, gradient_times_input)]
    for attributions in found:
        assert attributions.values.shape == (5, n)
        if isinstance(inside.network, DLRegressor):
            predicted = model.predict(X[:5])
            back = np.sinh if inside.transforms_target else lambda z: z
            np.testing.assert_allclose(back(attributions.prediction), predicted, atol=1e-6)
            assert attributions.explained == ("transformed y" if "transformed" in name else "y")
    selects = name in WRAPPERS and WRAPPERS[name][3] is None
    assert list(found[0].feature_names) == list(np.array(list("abc"))[support_of(model)] if selects else "abc")


@pytest.mark.parametrize("name", WRAPPERS)
def test_the_line_takes_the_networks_place(name):
    estimator, target, around, _ = WRAPPERS[name]
    line = linear_for(estimator, False)
    kinds, part = [], line
    for kind in around.split():
        kinds.append(type(part).__name__)
        assert kinds[-1] == kind
        part = part[-1] if isinstance(part, Pipeline) else getattr(part, "regressor", None) or part.estimator
    assert isinstance(part, Pipeline)  # the network's encoder and the linear model
    assert isinstance(part[-1], Ridge if isinstance(innermost(estimator), DLRegressor) else LogisticRegression)
    assert name_of(line) == type(part[-1]).__name__
    assert isinstance(innermost(estimator), DLRegressor | DLClassifier)  # which was not touched
    found = compare_with_linear(estimator, X, target, cv=2)
    assert found.linear_name == name_of(line)
    assert np.isfinite(found.differences).all()


def test_settings_of_what_is_around_are_kept():
    line = linear_for(searched(transformed(scaled(number)), {"regressor__last__alpha": [0, 1]}), False)
    assert (line.func, line.inverse_func) == (np.arcsinh, np.sinh)
    assert list(line.regressor.named_steps) == ["scale", "last"]
    assert linear_for(WRAPPERS["fixed threshold"][0], False).threshold == 0.4
    line = with_network_replaced(scaled(transformed(number)), lambda network: Ridge(alpha=network.max_iter))
    assert line[-1].regressor.alpha == 3
    assert line[-1].transformer is None


def test_an_ensemble_and_one_for_each_target_are_left_out_of_the_line():
    two = np.column_stack([y, -y])
    for estimator, target in (
        (BaggingRegressor(number, n_estimators=2), y),
        (AdaBoostRegressor(number, n_estimators=2), y),
        (MultiOutputRegressor(number), two),
        (RegressorChain(number), two),
        (OneVsRestClassifier(classes), label),
    ):
        found = compare_with_linear(estimator, X, target, cv=2)
        assert found.linear_name in ("Ridge", "LogisticRegression")
        assert isinstance(found.linear, Pipeline)


def test_the_network_may_be_one_that_transforms_its_target_with_a_log():
    positive = np.exp(y)
    model = TransformedTargetRegressor(DLRegressor(**SMALL, loss="poisson"), func=np.sqrt, inverse_func=np.square)
    found = integrated_gradients(model.fit(X, positive), X[:3])
    assert found.explained == "log transformed y"
    np.testing.assert_allclose(np.exp(found.prediction) ** 2, model.predict(X[:3]))
    two = TransformedTargetRegressor(number, transformer=StandardScaler()).fit(X, np.column_stack([y, -y]))
    assert integrated_gradients(two, X[:3], target=1).explained == "transformed y[1]"


def test_names_pass_through_several_steps():
    raw = X.to_numpy()
    squares = Pipeline([("square", PolynomialFeatures(2, include_bias=False)), ("last", scaled(number))])
    assert list(network_inside(squares.fit(X, y)).feature_names())[:4] == ["a", "b", "c", "a^2"]
    assert list(network_inside(squares.fit(raw, y)).feature_names())[:4] == ["x0", "x1", "x2", "x0^2"]
    untold = make_pipeline(FunctionTransformer(np.asarray), scaled(number)).fit(X, y)
    assert list(network_inside(untold).feature_names()) == ["x0", "x1", "x2"]
    chosen = selected(number).fit(X, y)
    assert list(network_inside(chosen).feature_names()) == list(chosen.get_feature_names_out())
    training = SelfTrainingClassifier(classes).fit(raw, code)
    assert list(network_inside(training).feature_names()) == ["x0", "x1", "x2"]


def test_columns_are_selected_by_networks_inside():
    for inner in (transformed(number), searched(number), scaled(transformed(number))):
        assert selected(inner).fit(X, y).support_.sum() == 2


# ---------------------------------------------------------------- refusals

LISTS = {
    "one versus rest": (lambda: OneVsRestClassifier(classes).fit(X, label), "OneVsRestClassifier", "estimators_[0]"),
    "outputs": (
        lambda: MultiOutputRegressor(number).fit(X, np.column_stack([y, y])), "MultiOutputRegressor", "estimators_[0]",
    ),
    "outputs of classes": (
        lambda: MultiOutputClassifier(classes).fit(X, np.column_stack([label, label])),
        "MultiOutputClassifier", "estimators_[0]",
    ),
    "voting": (
        lambda: VotingRegressor([("line", Ridge()), ("net", scaled(number))]).fit(X, y),
        "VotingRegressor", "estimators_[1]",
    ),
    "stacking": (lambda: StackingRegressor([("net", number)], cv=2).fit(X, y), "StackingRegressor", "estimators_[0]"),
    "bagging": (
        lambda: BaggingRegressor(number, n_estimators=2).fit(X, y), "BaggingRegressor", "estimators_[0]",
    ),
    "bagging of one": (
        lambda: BaggingClassifier(classes, n_estimators=1).fit(X, label), "BaggingClassifier", "estimators_[0]",
    ),
    "calibrated": (
        lambda: CalibratedClassifierCV(classes, cv=5).fit(X, label),
        "CalibratedClassifierCV", "calibrated_classifiers_[0].estimator",
    ),
}  # fmt: skip
ASK_FITTED = {
    "TrainingCurveDisplay": TrainingCurveDisplay.from_estimator,
    "integrated_gradients": lambda model: integrated_gradients(model, X),
    "attribution_importance": attribution_importance,
}
ASK = ASK_FITTED | {"compare_with_linear": lambda model: compare_with_linear(model, X, y, cv=2)}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_networks_is_refused(name):
    make, kind, one = LISTS[name]
    model = make()
    message = f"estimator must hold one network, and {kind} holds a list: pass one of them, such as its {one}; got "
    for ask in ASK_FITTED.values():
        with pytest.raises(ValueError, match=re.escape(message) + rf"{kind}\.$"):
            ask(model)
    wrapped = Own(model)
    wrapped.estimator_ = model
    with pytest.raises(TypeError, match=re.escape(message) + rf"Own around {kind}\.$"):
        TrainingCurveDisplay.from_estimator(wrapped)
    scope = {"model": model}
    assert network_inside(eval(f"model.{one}", scope)).network.n_features_in_ == 3  # what the sentence proposes


@pytest.mark.parametrize("ask", ASK)
def test_what_has_no_network_is_refused(ask):
    forest = RandomForestRegressor(n_estimators=2).fit(X, y)
    voting = VotingRegressor([("line", Ridge())]).fit(X, y)
    for other, got in (
        (LinearRegression().fit(X, y), "LinearRegression"),
        (LinearRegression(), "LinearRegression"),
        (forest, "RandomForestRegressor"),
        (BaggingRegressor().fit(X, y), "BaggingRegressor"),
        (voting, "VotingRegressor"),
        (scaled(Ridge()).fit(X, y), "Pipeline around Ridge"),
        (GridSearchCV(scaled(Ridge()), {}), "GridSearchCV"),
        (3, "int"),
        (None, "NoneType"),
        (DLRegressor, "the class DLRegressor"),
    ):
        message = "estimator must be a DLRegressor, a DLClassifier, or an estimator around one, such as a Pipeline or a"
        with pytest.raises(ValueError, match=rf"^{message} search; got {got}[A-Za-z ]*\.$"):
            ASK[ask](other)


@pytest.mark.parametrize("ask", ASK_FITTED)
@pytest.mark.parametrize("name", WRAPPERS)
def test_what_is_not_fitted_is_told(ask, name):
    with pytest.raises(NotFittedError, match="instance is not fitted yet"):
        ASK[ask](clone(WRAPPERS[name][0]))


@pytest.mark.parametrize("ask", ASK_FITTED)
def test_a_search_that_kept_nothing_is_told(ask):
    search = GridSearchCV(number, {}, cv=2, refit=False).fit(X, y)
    with pytest.raises(
        ValueError, match=r"must have kept the network .* GridSearchCV has not \(refit=False\?\); got G"
    ):
        ASK[ask](search)


@pytest.mark.parametrize("name", FROZEN)
def test_what_is_frozen_cannot_be_compared(name):
    make, target = FROZEN[name]
    with pytest.raises(ValueError, match=r"fitted anew, and what is frozen is not; got .*FrozenEstimator around"):
        compare_with_linear(make(), X, target, cv=2)


def test_what_holds_several_estimators_cannot_be_compared():
    with pytest.raises(ValueError, match=r"such as its estimators\[1\]\[1\]; got Pipeline around VotingRegressor\.$"):
        compare_with_linear(scaled(VotingRegressor([("line", Ridge()), ("net", number)])), X, y)
