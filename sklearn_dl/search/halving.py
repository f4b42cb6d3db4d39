"""EpochHalvingSearchCV: successive halving over epochs, in which survivors go on from where they stand.

Knows scikit-learn's searches; how a fit goes on is in `continued`.
"""

from __future__ import annotations

import copy
import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import Interval

from .._estimators import BaseDL
from .continued import Continued

__all__ = ["EpochHalvingSearchCV"]


@final
class EpochHalvingSearchCV(BaseSearchCV):
    """Search over parameters by successive halving, with epochs as the resource (Jamieson & Talwalkar 2016).

    All candidates are trained for a share of their epochs; the best 1 in `factor` go on from where they stand, to
    `factor` times as many, until the last ones are trained to their end. One that gets there has the same bits as if it
    had been trained at once, since each training is paused and resumed by checkpoints, at the rates of its whole
    schedule. Candidates may differ in `max_iter`.

    Parameters
    ----------
    estimator : DLClassifier or DLRegressor, or a Pipeline that ends with one
        What is searched; its solver must be stochastic. The steps of a pipeline before the last one are fitted once for
        each fold and set of their parameters; weights and groups are for the last one.
    param_distributions : dict or list of dict
        A grid, as for `GridSearchCV`; with `n_iter` also distributions, as for `RandomizedSearchCV`.
    n_iter : int or None, default=None
        How many candidates are drawn; None for all of the grid.
    factor : float > 1, default=3
        One in so many survives a round.
    folder : path or None, default=None
        Where trainings under way are kept, for all workers to see; an interrupted search goes on from there when it is
        started again with the same data. None for a temporary folder.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, random_state, error_score, return_train_score : object
        As for `RandomizedSearchCV`; of several scorers, `refit` names the one that decides.

    Attributes
    ----------
    cv_results_ : dict
        As for `HalvingGridSearchCV`: a row for each candidate in each round, with `iter`, and with `share`, that of its
        epochs.
    best_estimator_, best_params_, best_score_, best_index_ : object
        Of the best candidate in the last round.
    n_candidates_, shares_ : list
        Candidates of each round, and the share of their epochs.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.search import EpochHalvingSearchCV
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = DLRegressor(hidden_layer_sizes=(8,), n_members=1, max_iter=18, random_state=0)
    >>> search = EpochHalvingSearchCV(network, {"learning_rate_init": [1e-5, 1e-4, 0.01]}, cv=2).fit(X, y)
    >>> search.best_params_, search.n_candidates_
    ({'learning_rate_init': 0.01}, [3, 1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict, list],
        "n_iter": [None, Interval(Integral, 1, None, closed="left")],
        "factor": [Interval(Real, 1, None, closed="neither")],
        "folder": [None, str, os.PathLike],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseDL | Pipeline,
        param_distributions: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        n_iter: int | None = None,
        factor: float = 3,
        folder: str | os.PathLike[str] | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
    ):
        super().__init__(
            estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.factor = factor
        self.folder = folder
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> EpochHalvingSearchCV:
        """Search, and fit the best candidate to all rows.

        Parameters
        ----------
        X, y : array-like
            The table and its targets.
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row.
        groups : array-like of shape (n,) or None, default=None
            For the splitter.

        Returns
        -------
        self : EpochHalvingSearchCV

        Raises
        ------
        TypeError
            Where the estimator, or the last step of the pipeline, is no network of this package.
        ValueError
            Where the pipeline has callbacks of its own.
        """
        last, told = self.estimator, ""
        if type(last) is Pipeline and last.steps:  # others, such as imbalanced-learn's, also draw rows
            last, told = last.steps[-1][1], " as the last step of a Pipeline"
        if not isinstance(last, BaseDL):
            raise TypeError(
                "EpochHalvingSearchCV needs a DLClassifier or DLRegressor, whose training can pause, or a Pipeline of "
                f"scikit-learn that ends with one; got {type(last).__name__}{told}."
            )
        if last is not self.estimator and vars(self.estimator).get("_skl_callbacks"):
            raise ValueError(
                "callbacks of the Pipeline are not called, as its steps are fitted apart: set them on its last step "
                "or on the search."
            )
        with ExitStack() as stack:
            folder = self.folder
            if folder is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory())
            Path(folder).mkdir(parents=True, exist_ok=True)
            shell = copy.copy(self)
            shell.estimator = Continued(self.estimator, str(Path(folder).resolve()))
            given = {"sample_weight": sample_weight, "groups": groups}
            BaseSearchCV.fit(shell, X, y, **{name: value for name, value in given.items() if value is not None})
        found = {name: value for name, value in vars(shell).items() if name.endswith("_") and name[0] != "_"}
        found["cv_results_"] = {name: value for name, value in shell.cv_results_.items() if name != "param_share"}
        found["cv_results_"]["params"] = [_without_share(params) for params in shell.cv_results_["params"]]
        if "best_params_" in found:
            found["best_params_"] = _without_share(found["best_params_"])
        if "best_estimator_" in found:
            found["best_estimator_"] = found["best_estimator_"].estimator
        for name, value in found.items():
            setattr(self, name, value)
        return self

    @property
    def n_features_in_(self) -> int:
        """Number of columns of X; only where ``refit=True``."""
        return int(super().n_features_in_)

    def _run_search(self, evaluate_candidates: Callable[..., Mapping[str, Any]]) -> None:
        if self.n_iter is None:
            candidates = list(ParameterGrid(self.param_distributions))
        else:
            candidates = list(ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state))
        n_rounds = 1 + math.floor(math.log(len(candidates)) / math.log(self.factor) + 1e-9)
        metric = self.refit if isinstance(self.refit, str) else "score"
        self.shares_, self.n_candidates_ = [self.factor ** -(n_rounds - 1.0 - r) for r in range(n_rounds)], []
        for r, share in enumerate(self.shares_):
            self.n_candidates_.append(len(candidates))
            asked = [params | {"share": share} for params in candidates]
            more = {"iter": [r] * len(asked), "share": [share] * len(asked)}
            results = evaluate_candidates(asked, more_results=more)
            scores = results[f"mean_test_{metric}"][-len(asked) :]
            order = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")
            candidates = [candidates[i] for i in order[: math.ceil(len(candidates) / self.factor)]]

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: str, results: Mapping[str, Any]) -> int:
        """The best candidate of the last round: only those are trained to their end."""
        if callable(refit):
            return int(refit(results))
        last = np.flatnonzero(results["iter"] == np.max(results["iter"]))
        scores = results[f"mean_test_{refit_metric}"][last]
        return int(last[np.argmax(np.where(np.isnan(scores), -np.inf, scores))])


def _without_share(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "share"}
