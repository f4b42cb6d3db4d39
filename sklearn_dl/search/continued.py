"""An estimator whose fit is a share of a training, and goes on from where an earlier one, of whatever process, left it.

Knows checkpoints, and nothing about searches.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, final

import joblib
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from .._engine import Holder
from .._estimators import BaseDL
from ..checkpoint.content import save
from ..checkpoint.fingerprint import text

__all__ = ["Continued"]

OWN = ("estimator", "folder", "share")


@final
class Continued(BaseEstimator):
    """Stands for an estimator in a search; all but the fit is the estimator's own.

    Parameters
    ----------
    estimator : DLClassifier or DLRegressor, or a Pipeline that ends with one
        What is fitted.
    folder : str
        Where trainings under way are kept: a file for each set of parameters and rows.
    share : float in (0, 1], default=1.0
        How much of its epochs the training shall have come to.
    """

    def __init__(self, estimator: BaseDL | Pipeline, folder: str, share: float = 1.0):
        self.estimator = estimator
        self.folder = folder
        self.share = share

    def set_params(self, **params: Any) -> Continued:
        """Set the share, or parameters of the estimator by their own names.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        self : Continued
        """
        for name in OWN:
            if name in params:
                setattr(self, name, params[name])
        self.estimator.set_params(**{name: value for name, value in params.items() if name not in OWN})
        return self

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Continued:
        """Train until the share is reached, from where the same training stands.

        Parameters
        ----------
        X, y, sample_weight, groups : array-like
            As for the estimator; of a pipeline, weights and groups are for its last step.

        Returns
        -------
        self : Continued
        """
        model, steps = self.estimator, []
        if isinstance(model, Pipeline):
            *steps, (name, model) = model.steps
        if steps:  # fitted once for each set of their parameters and rows
            before = Pipeline([*steps, (name, "passthrough")], memory=str(Path(self.folder) / "steps"))
            X = before.fit_transform(X, y)
            steps = before.steps[:-1]
        model = self._trained(model, X, y, sample_weight, groups)
        if isinstance(self.estimator, Pipeline):
            self.estimator.steps = [*steps, (name, model)]
        else:
            self.estimator = model
        return self

    def _trained(self, model: BaseDL, X: Any, y: Any, sample_weight: Any, groups: Any) -> BaseDL:
        """The network, trained until the share is reached."""
        key = joblib.hash((text(model), X, y, sample_weight, groups))
        begun = Path(self.folder) / f"{key}.checkpoint"
        for share in (1.0, self.share):  # one that has ended is not gone on with
            there = begun.with_name(f"{key}-{share:.6f}.joblib")
            if there.exists():
                return joblib.load(there)
        callbacks = vars(model).get("_skl_callbacks", [])
        model.set_callbacks(*callbacks, _Pause(begun, self.share))
        try:
            keywords = {} if groups is None else {"groups": groups}
            model.fit(X, y, sample_weight, **keywords, resume_from=begun if begun.exists() else None)
        finally:
            model.set_callbacks(*callbacks)
        share = self.share if model.ended_by_ == "callback" else 1.0
        _write(model, begun.with_name(f"{key}-{share:.6f}.joblib"))
        return model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in OWN:
            raise AttributeError(name)
        return getattr(self.estimator, name)

    def __sklearn_tags__(self) -> Any:
        return self.estimator.__sklearn_tags__()

    def __sklearn_is_fitted__(self) -> bool:
        return self.estimator.__sklearn_is_fitted__()


@final
class _Pause:
    """A callback that ends a fit where a share of its epochs is over, and keeps it on disk."""

    def __init__(self, path: Path, share: float):
        self.path, self.share = path, share

    def setup(self, estimator: Holder, context: Any) -> None: ...

    def teardown(self, estimator: Holder, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Holder, context: Any, *, fitted_estimator: Holder | None = None) -> None:
        if context.task_name == "fit" and fitted_estimator is not None:
            fitted_estimator.training_.pauses = True

    def on_fit_task_end(self, estimator: Holder, context: Any, *, fitted_estimator: Holder | None = None) -> bool:
        if context.task_name != "epoch" or fitted_estimator is None or self.share >= 1:
            return False
        training = fitted_estimator.training_
        over = training.fitted.state.epoch - training.origin >= math.ceil(self.share * training.plan.n_epochs)
        if over:
            save(training, self.path, fitted_estimator)
        return bool(over)


def _write(model: Any, path: Path) -> None:
    """Write a model so that the file is there as a whole or not at all."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    joblib.dump(model, part)
    os.replace(part, path)
