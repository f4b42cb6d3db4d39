"""Scorers of scikit-learn that are asked after each epoch about rows that were encoded once.

Knows nothing about training; a scorer sees an estimator that is fitted as far as it is.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import check_scoring

from .._data import Table, is_dataframe
from .._engine import Then
from .._training import Scores
from .fitted_attributes import FittedDL

__all__ = ["score_name", "scorer_name", "watched_scores"]

HARDLY = 0.01  # of `tol`

Read = Callable[[Then], Any]  # from what follows from the output to that, for all judged rows


def score_name(scoring: Any, *, classifies: bool) -> str:
    """What a scorer gives, as a title: "roc_auc", "R²".

    Parameters
    ----------
    scoring : str, callable, None, or a sequence of such
        As scikit-learn takes it; None is the estimator's own, of several it is the first.
    classifies : bool
        Whether it is that of a classifier.
    """
    if isinstance(scoring, (list, tuple)):
        scoring = scoring[0]
    if scoring is None:
        return "accuracy" if classifies else "R²"
    if isinstance(scoring, str):
        return "R²" if scoring == "r2" else scoring
    function = getattr(scoring, "_score_func", scoring)
    return str(getattr(function, "__name__", "score"))


def scorer_name(scoring: Any) -> str:
    """The name of a scorer, or of its function; never one that the loss or what is watched is recorded under."""
    if isinstance(scoring, str):
        return scoring
    function = getattr(scoring, "_score_func", scoring)
    name = "score" if scoring is None else str(getattr(function, "__name__", type(function).__name__))
    return f"own_{name}" if name in ("loss", "score") else name


def watched_scores(model: FittedDL, scoring: Any, tol: float, judged: Callable[[], Table]) -> Scores | None:
    """What `history_` gets after an epoch beside the loss, as a function of what reads outputs; None for nothing.

    Parameters
    ----------
    model : FittedDL
        Whose network is scored, as it is at each call.
    scoring : "loss", str, callable, None, or a sequence of such
        The first is what chooses the epoch, "validation_score" unless it is the loss; the others are recorded as
        "validation_" and their names.
    tol : float
        What counts as improvement: a first score that is far below it is told.
    judged : callable
        Gives the checked rows that the scorers are given: held out, or left out.
    """
    first, *others = scoring if isinstance(scoring, (list, tuple)) else (scoring,)
    named = {"validation_score": first} | {f"validation_{scorer_name(other)}": other for other in others}
    named = {name: one for name, one in named.items() if not (isinstance(one, str) and one == "loss")}
    if not named:
        return None
    table = judged()
    scores = {name: _watched_score(model, one, tol, table) for name, one in named.items()}
    return lambda read: {name: score(read) for name, score in scores.items()}


def _watched_score(model: FittedDL, scoring: Any, tol: float, judged: Table) -> Callable[[Read], float]:
    """One scorer as a function of what reads the network's output for the judged rows.

    The scorer's predictions for all of these are made by it, those for any other table in the usual way.

    Parameters
    ----------
    model : FittedDL
        Whose network is scored, as it is at each call.
    scoring : str, callable or None
        What is asked for.
    tol : float
        What counts as improvement.
    judged : Table
        The checked rows, which the scorer is given.
    """
    several = isinstance(getattr(model, "classes_", None), list)  # targets, for which scikit-learn has no accuracy
    scorer = check_scoring(model, scoring=None if several and scoring == "accuracy" else scoring)
    keywords = {} if judged.weight is None else {"sample_weight": judged.weight}
    scored, ask, X = copy.copy(model), type(model)._read, judged.inputs()

    def score(read: Read) -> float:
        # all predictions go through it
        scored.__dict__["_read"] = lambda table, then: read(then) if table is X else ask(scored, table, then)
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                found = float(_asked(scorer, scored, X, judged.y, keywords))
        except (TypeError, ValueError) as error:
            known = "; several targets can be scored by 'loss', 'accuracy' or a function of your own" if several else ""
            raise ValueError(f"scoring={scoring!r} cannot score the validation set: {error}{known}") from error
        if not math.isfinite(found):
            warnings.warn(f"scoring={scoring!r} gives {found} on the validation set, which is no best.", stacklevel=2)
        elif not model.fitted_.history and 0 < abs(found) < HARDLY * tol:
            warnings.warn(
                f"scoring={scoring!r} gives {found:.1g} after an epoch, and no improvement of less than tol={tol} "
                "counts; set a smaller tol.",
                stacklevel=2,
            )
        return found

    if not is_dataframe(X):  # the names of columns were lost in the check
        scored.__dict__.pop("feature_names_in_", None)
    return score


def _asked(scorer: Any, scored: FittedDL, X: Any, y: np.ndarray, keywords: dict[str, Any]) -> float:
    """What a scorer gives; of the classes in y alone where it cannot do with others, and NaN where there is one."""
    try:
        return float(scorer(scored, X, y, **keywords))
    except ValueError:
        classes = getattr(scored, "classes_", None)
        if not isinstance(classes, np.ndarray) or classes.ndim != 1 or y.ndim != 1:
            raise
        held = np.isin(classes, y)
        if held.all():
            raise
        warnings.warn(
            f"the validation set lacks the classes {classes[~held].tolist()}, and is scored by the others alone.",
            stacklevel=2,
        )
        if held.sum() < 2:
            return math.nan
        return float(scorer(_of_classes(scored, held), X, y, **keywords))


def _of_classes(scored: FittedDL, held: np.ndarray) -> FittedDL:
    """The estimator with the probabilities of some of its classes, given that it is one of them."""

    def predict_proba(table: Any) -> np.ndarray:
        proba = type(scored).predict_proba(scored, table)[:, held]
        total = proba.sum(axis=1, keepdims=True)
        return np.divide(proba, total, out=np.full_like(proba, 1 / proba.shape[1]), where=total > 0)

    def decision_function(table: Any) -> np.ndarray:
        with np.errstate(divide="ignore"):
            logs = np.log(predict_proba(table))
        return logs[:, 1] - logs[:, 0] if logs.shape[1] == 2 else logs

    seen = copy.copy(scored)
    seen.__dict__ |= {
        "classes_": scored.classes_[held],
        "predict_proba": predict_proba,
        "decision_function": decision_function,
    }
    return seen
