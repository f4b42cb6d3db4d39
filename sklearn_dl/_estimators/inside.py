"""The network inside scikit-learn's estimators: pipelines, searches, transformed targets, calibration, thresholds.

Knows what such a wrapper holds and where, before its `fit` and after it, and nothing of what is done with the network.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, final

import numpy as np
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaseEnsemble
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RANSACRegressor
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.validation import check_is_fitted, validate_data

from .base import BaseDL

__all__ = ["Inside", "NoNetworkError", "innermost", "network_inside", "with_network_replaced"]


@final
class NoNetworkError(TypeError, ValueError):
    """Nothing fitted holds exactly one network; of both kinds, as scikit-learn's `NotFittedError` is."""


class Inside(NamedTuple):
    """The fitted network in an estimator, and what stands between the two.

    Attributes
    ----------
    network : DLRegressor or DLClassifier
        Fitted.
    before : tuple of transformers
        What a table goes through on its way to the network, in order.
    transforms_target : bool
        Whether the network learnt a transformed target.
    """

    network: BaseDL
    before: tuple[Any, ...]
    transforms_target: bool

    def prepare(self, X: Any) -> Any:
        """What the network gets of a table."""
        for step in self.before:
            X = step.transform(X)
        return X

    def feature_names(self) -> np.ndarray:
        """Names of the columns that the network gets; x0, x1, ... where nobody can tell them."""
        names: Any = getattr(self.network, "feature_names_in_", None)
        if names is None:
            for step in self.before:
                known: Any = None if hasattr(step, "feature_names_in_") else names
                names = None
                with suppress(AttributeError):  # a step that cannot tell them
                    names = step.get_feature_names_out(known)
        if names is None or len(names) != self.network.n_features_in_:
            names = [f"x{j}" for j in range(self.network.n_features_in_)]
        return np.asarray(names, dtype=object)


@final
@dataclass(frozen=True)
class _Checked:
    """What a wrapper that checks its table itself hands on: an array without names."""

    wrapper: Any

    def transform(self, X: Any) -> Any:
        return validate_data(self.wrapper, X, accept_sparse=True, ensure_all_finite=False, reset=False)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        return getattr(self.wrapper, "feature_names_in_", input_features)


# ---------------------------------------------------------------- what is known of wrappers


@final
@dataclass(frozen=True)
class _Wrapper:
    """How to go on from a wrapper to the estimator in it.

    `parameter` is its name among the parameters, None where they hold a list; `fitted` gets the fitted one, None or an
    AttributeError where there is not exactly one; `before` gets the transformer that stands before it. `replaceable`
    says whether another estimator can take its place; otherwise that one stands alone, unless `refits` is False.
    """

    parameter: Callable[[Any], str] | str | None
    fitted: Callable[[Any], Any]
    before: Callable[[Any], Any] | None = None
    transforms_target: bool = False
    replaceable: bool = True
    refits: bool = True

    def name(self, estimator: Any) -> str | None:
        return self.parameter(estimator) if callable(self.parameter) else self.parameter


def _steps_before(pipeline: Any) -> Any:
    return pipeline[:-1] if len(pipeline) > 1 else None


def _one_calibrated(estimator: Any) -> Any:
    first, *others = estimator.calibrated_classifiers_
    return None if others else first.estimator


def _one(estimator: Any) -> Any:
    """Of a wrapper with a list of fitted ones, `estimator_` is the template."""
    return None if hasattr(estimator, "estimators_") else estimator.estimator_


def _none(estimator: Any) -> None:
    return None


_ONE_FOR_EACH_TARGET = (
    OneVsRestClassifier, OneVsOneClassifier, OutputCodeClassifier,
    MultiOutputRegressor, MultiOutputClassifier, RegressorChain, ClassifierChain,
)  # fmt: skip
# a search's grid and a selector's importance_getter are for the network and for nothing in its place
_SEARCH = _Wrapper("estimator", attrgetter("best_estimator_"), replaceable=False)

# a class, or the name of a parameter that tells a wrapper of any package; the first row that fits holds
_WRAPPERS: tuple[tuple[Any, _Wrapper], ...] = (
    (Pipeline, _Wrapper(lambda p: str(p.steps[-1][0]), lambda p: p.steps[-1][1], before=_steps_before)),
    (FrozenEstimator, _Wrapper("estimator", attrgetter("estimator"), refits=False)),
    (CalibratedClassifierCV, _Wrapper("estimator", _one_calibrated)),
    (RFE, _Wrapper("estimator", attrgetter("estimator_"), before=lambda rfe: rfe, replaceable=False)),
    ((SelfTrainingClassifier, RANSACRegressor), _Wrapper("estimator", attrgetter("estimator_"), before=_Checked)),
    ("param_grid", _SEARCH),
    ("param_distributions", _SEARCH),
    ("regressor", _Wrapper("regressor", attrgetter("regressor_"), transforms_target=True)),
    ("estimators", _Wrapper(None, _none)),
    # a linear model needs no ensemble, and knows several classes and outputs by itself
    ((BaseEnsemble, *_ONE_FOR_EACH_TARGET), _Wrapper("estimator", _none, replaceable=False)),
    ("estimator", _Wrapper("estimator", _one)),
)
# lists of estimators: how to get from an item to the estimator, written and done
_LISTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "calibrated_classifiers_": (".estimator", attrgetter("estimator")),
    "estimators_": ("", lambda item: item),
    "estimators": ("[1]", itemgetter(1)),
}


def _wrapper_of(estimator: Any) -> _Wrapper | None:
    if isinstance(estimator, (BaseDL, type)) or not hasattr(estimator, "get_params"):
        return None
    parameters = estimator.get_params(deep=False)
    for mark, wrapper in _WRAPPERS:
        if mark in parameters if isinstance(mark, str) else isinstance(estimator, mark):
            return wrapper
    return None


# ---------------------------------------------------------------- the walk


def _fitted(estimator: Any, wrapper: _Wrapper) -> Any:
    with suppress(AttributeError):
        return wrapper.fitted(estimator)
    return None


def _parameter(estimator: Any, wrapper: _Wrapper) -> Any:
    name = wrapper.name(estimator)
    return None if name is None else estimator.get_params().get(name)


def _walk(estimator: Any, go_on: Callable[[Any, _Wrapper], Any]) -> tuple[list[tuple[Any, _Wrapper]], Any]:
    """The wrappers from outside to inside, and the last estimator that can be got at."""
    around: list[tuple[Any, _Wrapper]] = []
    while (wrapper := _wrapper_of(estimator)) is not None and (inner := go_on(estimator, wrapper)) is not None:
        around.append((estimator, wrapper))
        estimator = inner
    return around, estimator


def innermost(estimator: Any) -> Any:
    """The estimator inside all wrappers, fitted or not, as it stands among the parameters."""
    return _walk(estimator, _parameter)[1]


def network_inside(estimator: Any) -> Inside:
    """The one fitted network in an estimator, however deep.

    Parameters
    ----------
    estimator : estimator
        A network, or what holds one: a pipeline as its last step, a search as its best estimator, ...

    Returns
    -------
    Inside

    Raises
    ------
    NotFittedError
        Before `fit`.
    NoNetworkError
        Where there is no network, or a list of them.
    """
    around, last = _walk(estimator, _fitted)
    if not isinstance(last, BaseDL):
        got = _got(around, last)
        _refuse_a_list(last, got)
        if isinstance(innermost(last), BaseDL):
            check_is_fitted(last)
            raise NoNetworkError(
                f"estimator must have kept the network that it fitted, which {_kind(last)} has not (refit=False?); "
                f"got {got}."
            )
        raise _without_network(got)
    check_is_fitted(last)
    steps = (wrapper.before(outer) for outer, wrapper in around if wrapper.before is not None)
    before = tuple(step for step in steps if step is not None)
    return Inside(last, before, any(wrapper.transforms_target for _, wrapper in around))


def with_network_replaced(estimator: Any, replace: Callable[[BaseDL], Any]) -> Any:
    """The same estimator, not fitted, with something else in the network's place.

    Searches, selectors of columns and ensembles are left out, what they hold stands in their place.

    Parameters
    ----------
    estimator : estimator
        A network, or what holds one among its parameters. It is not changed.
    replace : callable
        Takes the network and returns what takes its place.

    Returns
    -------
    estimator
        Not fitted.

    Raises
    ------
    NoNetworkError
        Where there is no network, a list of them, or a frozen one.
    """
    around, last = _walk(estimator, _parameter)
    got = _got(around, last)
    if not isinstance(last, BaseDL):
        _refuse_a_list(last, got)
        raise _without_network(got)
    if not all(wrapper.refits for _, wrapper in around):
        raise NoNetworkError(f"estimator must be one that is fitted anew, and what is frozen is not; got {got}.")
    inner = replace(last)
    for outer, wrapper in reversed(around):
        if wrapper.replaceable:
            inner = clone(outer).set_params(**{str(wrapper.name(outer)): inner})
    return inner


# ---------------------------------------------------------------- refusals


def _without_network(got: str) -> NoNetworkError:
    return NoNetworkError(
        f"estimator must be a DLRegressor, a DLClassifier, or an estimator around one, such as a Pipeline or a search; "
        f"got {got}."
    )


def _refuse_a_list(estimator: Any, got: str) -> None:
    """An error where an estimator holds a list of which one or more have a network inside."""
    for name, (way, one_of) in _LISTS.items():
        items = getattr(estimator, name, None)
        for i, item in enumerate(items if isinstance(items, (list, tuple)) else ()):
            if isinstance(innermost(one_of(item)), BaseDL):
                raise NoNetworkError(
                    f"estimator must hold one network, and {_kind(estimator)} holds a list: pass one of them, such as "
                    f"its {name}[{i}]{way}; got {got}."
                )


def _got(around: list[tuple[Any, _Wrapper]], last: Any) -> str:
    return " around ".join(_kind(part) for part in (*(outer for outer, _ in around), last))


def _kind(thing: Any) -> str:
    return f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__
