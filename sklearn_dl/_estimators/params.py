"""From an estimator's parameters to a plan: what they may be, which contradict each other, and what each stands for.

Knows nothing about data beyond the number of rows; names are turned into objects by `registry`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from .._numerics import (
    Rule,
    Rules,
    bfloat16_products,
    boolean,
    check_value,
    either,
    float32_products,
    integer,
    interval,
    not_negative,
    number,
    positive,
    sequence,
)
from .._training import Judge, Plan
from ..architectures import Blueprint
from ..encoding import TableEncoder
from ..layers import BatchNorm
from ..schedules import Constant, Schedule
from ..solvers import LBFGS
from .defaults import FOLDS, base_rate, batch_rows, count_of, rounds, settle, settle_solver, settle_wide
from .hints import hint
from .registry import (
    resolve_activations,
    resolve_architecture,
    resolve_loss,
    resolve_normalization,
    resolve_numeric_embedding,
    resolve_schedule,
    resolve_solver,
)
from .scoring import scorer_name

__all__ = ["make_plan", "plan_for_rows"]

LAST = 0.25  # of the epochs: the last ones learn from the rows that were left out, too
GIVE_UP = 0.4  # of the judged epochs without improvement end these
SURE = 2.0  # standard errors by which left-out rows must be told worse, three looks in a row, to end the judged epochs
SMOOTHED = 3  # looks at the rows that are left out
# Rows up to which an ensemble with folds may start again above a line; of more a network learns the line by itself. Who
# has said how many epochs there are gets no more of them.
LINE_ROWS = 5000
LOOKS = 32  # how often in a training the rows are looked at that members leave out


def _is_seed(value: Any) -> bool:
    fixed = value is None or value is np.random or isinstance(value, np.random.RandomState)
    return fixed or (integer(0).test(value) and value < 2**32)


def _is_weights(value: Any) -> bool:
    return isinstance(value, dict) and all(map(not_negative().test, value.values()))


def _is_class_weight(value: Any) -> bool:
    several = isinstance(value, list) and all(map(_is_weights, value))
    return either(None, "balanced").test(value) or _is_weights(value) or several


def _is_scoring(value: Any) -> bool:
    several = list(value) if isinstance(value, (list, tuple)) else [value]
    allowed = (
        v == "loss" or v in get_scorer_names() if isinstance(v, str) else v is None or callable(v) for v in several
    )
    return len(several) == len({scorer_name(v) for v in several}) > 0 and all(allowed)


def _is_splitter(value: Any) -> bool:
    return not isinstance(value, (str, type)) and hasattr(value, "split") and hasattr(value, "get_n_splits")


SHARE = interval(0, 1, "[)")
EACH = "a sequence of them, one for each hidden layer"

RULES: Rules = {
    "hidden_layer_sizes": either("auto", integer(1), sequence(integer(1), EACH)),
    "alpha": not_negative(),
    "learning_rate_init": either("auto", positive()),
    "batch_size": either("auto", None, integer(1)),
    "max_iter": either("auto", integer(1)),
    "shuffle": boolean(),
    "clip_norm": either(None, positive()),
    "dropout": Rule(either("auto", SHARE, sequence(SHARE, EACH)).test, f"'auto', {SHARE.allowed}, or {EACH}"),
    "n_members": either("auto", integer(1)),
    "n_folds": either("auto", integer(1), Rule(_is_splitter, "a splitter of scikit-learn such as GroupKFold(4)")),
    "encoder": either("auto", None, Rule(lambda v: isinstance(v, TableEncoder), "a TableEncoder")),
    "scale_target": boolean(),
    "class_weight": Rule(
        _is_class_weight,
        "None, 'balanced', a dict from class to a finite number >= 0, or a list of such dicts for several targets",
    ),
    "early_stopping": either("auto", boolean()),
    "validation_fraction": interval(0, 1, "()"),
    "n_iter_no_change": either(integer(1), Rule(lambda v: number().test(v) and v == np.inf, "inf")),
    "tol": not_negative(),
    "scoring": Rule(
        _is_scoring,
        "'loss', None, a name among sklearn.metrics.get_scorer_names(), a callable, or a list of such (no name twice)",
    ),
    "target_loss": either(None, number()),
    "max_time": either(None, positive()),
    "dtype": Rule(
        lambda v: (
            v in ("auto", "bfloat16", "float32", "float64")
            if isinstance(v, str)
            else isinstance(v, (type, np.dtype)) and v in (np.float32, np.float64)
        ),
        "'auto', 'bfloat16', 'float32' or 'float64'",
    ),
    "warm_start": boolean(),
    "random_state": Rule(_is_seed, "None, an int in [0, 2**32 - 1] or a numpy.random.RandomState"),
    "verbose": Rule(either(boolean(), integer(0)).test, "True, False or an int >= 0"),
    "n_jobs": either(None, Rule(lambda v: integer().test(v) and v != 0, "an int other than 0")),
}


def make_plan(
    params: dict[str, Any],
    task: str,
    n_rows: int,
    *,
    partial: bool = False,
    has_validation: bool = False,
    wide: bool = False,
    most_folds: int = FOLDS,
) -> Plan:
    """Check an estimator's parameters, and settle all of them.

    Parameters
    ----------
    params : dict
        What ``get_params(deep=False)`` gives.
    task : {"regression", "classification"}
        Which of the two estimators it is.
    n_rows : int
        Rows of the first fit, for what "auto" stands for.
    partial : bool, default=False
        Whether it is for a call of `partial_fit`.
    has_validation : bool, default=False
        Whether a validation set was given.
    wide : bool, default=False
        Whether the network sees a sparse table.
    most_folds : int, default=4
        Folds at most where their number is "auto".

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        Where a parameter is out of range or of the wrong type, or two contradict each other.
    """
    for name, rule in RULES.items():
        if name in params and not rule.test(params[name]):  # what was meant is looked for only then
            names = get_scorer_names() if name == "scoring" else ()
            check_value(name, params[name], rule, hint(name, params[name], names))
    given, params = params, settle(settle_wide(params, n_rows) if wide else params, n_rows, most_folds)
    blueprint = _blueprint(params, given["max_iter"], n_rows)
    solver = settle_solver(resolve_solver(params["solver"]), task, blueprint.n_members)
    loss, schedule = resolve_loss(params["loss"], task), resolve_schedule(params["learning_rate"])
    if isinstance(params["encoder"], TableEncoder):
        params["encoder"].check()
    _check_folds(params)
    if isinstance(solver, LBFGS):
        _check_lbfgs(blueprint, params)
    rate = params["learning_rate_init"]
    if isinstance(solver, LBFGS) or isinstance(rate, str):
        rate = base_rate(solver, blueprint.n_members, blueprint.sizes)
    if partial and schedule.follows_progress:
        schedule = Constant()  # a stream has no end towards which the rate could fall
    return Plan(
        given=given,
        blueprint=blueprint,
        loss=loss,
        solver=solver,
        schedule=schedule,
        learning_rate=float(rate),
        n_epochs=1 if partial else int(params["max_iter"]),
        horizon=int(params["max_iter"]),
        partial=partial,
        batch_rows=batch_rows(params["batch_size"], n_rows, blueprint.n_members),
        shuffle=bool(params["shuffle"]),
        alpha=params["alpha"],
        clip_norm=params["clip_norm"],
        target_loss=params["target_loss"],
        max_time=params["max_time"],
        products=bfloat16_products() if rounds(params["dtype"]) else float32_products(),
        verbose=int(params["verbose"]),
        n_jobs=params["n_jobs"],
        **_judging(params, schedule, lbfgs=isinstance(solver, LBFGS), partial=partial, has_validation=has_validation),
    )


def _blueprint(params: dict[str, Any], max_iter: Any, n_rows: int) -> Blueprint:
    """The network that settled parameters describe."""
    sizes, dropout = params["hidden_layer_sizes"], params["dropout"]
    sizes = (int(sizes),) if isinstance(sizes, Integral) else tuple(int(n) for n in sizes)
    several = not isinstance(dropout, Real)
    if several and len(dropout) != len(sizes):
        raise ValueError(
            f"dropout must be one number or one for each hidden layer; got {len(dropout)} numbers for {len(sizes)} "
            "hidden layers."
        )
    return Blueprint(
        sizes=sizes,
        activations=resolve_activations(params["activation"], len(sizes)),
        dropouts=tuple(float(rate) for rate in (dropout if several else (dropout,) * len(sizes))),
        normalization=resolve_normalization(params["normalization"]),
        architecture=resolve_architecture(params["architecture"]),
        n_members=int(params["n_members"]),
        n_groups=count_of(params["n_folds"]),
        numeric_embedding=resolve_numeric_embedding(params["numeric_embedding"]),
        above_line=isinstance(max_iter, str) and n_rows <= LINE_ROWS and count_of(params["n_folds"]) > 1,
    )


def _check_lbfgs(blueprint: Blueprint, params: dict[str, Any]) -> None:
    same = "solver 'lbfgs' needs the same loss at each evaluation"
    if any(blueprint.dropouts):
        raise ValueError(f"{same}: dropout must be 0; got {params['dropout']!r}.")
    if blueprint.normalization is BatchNorm:
        raise ValueError(f"{same}: normalization must not be 'batch'.")
    if rounds(params["dtype"]):
        raise ValueError("solver 'lbfgs' needs exact gradients: dtype must be 'float64' or 'float32'; got 'bfloat16'.")
    if params["clip_norm"] is not None:
        raise ValueError(f"solver 'lbfgs' takes no steps to clip: clip_norm must be None; got {params['clip_norm']!r}.")


def _judging(
    params: dict[str, Any], schedule: Schedule, *, lbfgs: bool, partial: bool, has_validation: bool
) -> dict[str, Any]:
    """Who judges an epoch, and what follows from it: the plan's values for that."""
    stops, folds = (bool(params["early_stopping"]) or has_validation) and not partial, params["n_folds"]
    n_folds, splitter = count_of(folds), None if isinstance(folds, Integral) else folds
    leaves_out = n_folds > 1 or splitter is not None  # which may leave out the same rows from all members
    held_out = has_validation or (stops and not leaves_out)
    judge = Judge.NOBODY if partial else Judge.HELD_OUT if held_out else Judge.FOLDS if leaves_out else Judge.NOBODY
    slows = not partial and schedule.on_plateau(math.inf) is not None
    if slows and judge is Judge.NOBODY:
        judge = Judge.TRAINING_LOSS
    n_epochs, by_folds, by_loss = int(params["max_iter"]), judge is Judge.FOLDS, _by_loss(params["scoring"])
    every = -(-n_epochs // LOOKS)
    judged = min(n_epochs, every * max(1, round((1 - LAST) * n_epochs / every)))  # the last of them is looked at
    return {
        "judge": judge,
        "n_folds": n_folds if by_folds else 1,
        "n_last": n_epochs - judged if by_folds and not lbfgs else 0,
        "splitter": splitter,
        "every": every if by_folds else 1,
        "watches": judge is not Judge.NOBODY,
        "patience": params["n_iter_no_change"] if stops or slows else judged * GIVE_UP if by_folds else math.inf,
        "tol": params["tol"] if lbfgs or stops or slows or not by_folds else 0.0,
        "sure": SURE if by_folds and by_loss and not (stops or slows) else math.inf,
        "looks": SMOOTHED if by_folds else 1,
        "stops_early": stops,
        "gives_up": stops or (by_folds and not slows),
        "keeps_best": judge in (Judge.HELD_OUT, Judge.FOLDS),
    }


def _by_loss(scoring: Any) -> bool:
    """Whether the loss chooses the epoch, and no score."""
    first = scoring[0] if isinstance(scoring, (list, tuple)) else scoring
    return isinstance(first, str) and first == "loss"


def plan_for_rows(plan: Plan, n_rows: int, *, held_out: bool, fresh: bool = True) -> Plan:
    """The plan for the rows that there are in the end.

    Parameters
    ----------
    plan : Plan
        What `make_plan` gave.
    n_rows : int
        Rows to train on.
    held_out : bool
        Whether rows are held out: where that was planned and cannot be, the training loss judges.
    fresh : bool, default=True
        Whether the network has not been trained yet. One that has may have seen any row: no fold is left out of it.

    Returns
    -------
    Plan
    """
    plan = replace(plan, batch_rows=batch_rows(plan.given["batch_size"], n_rows, plan.n_members))
    if plan.judge is Judge.FOLDS and not fresh:
        slows = plan.schedule.on_plateau(math.inf) is not None
        judge = Judge.TRAINING_LOSS if plan.stops_early or slows else Judge.NOBODY
        watches = judge is not Judge.NOBODY
        stops = plan.stops_early
        plan = replace(plan, judge=judge, n_folds=1, n_last=0, every=1, watches=watches, keeps_best=False)
        return replace(plan, looks=1, sure=math.inf, gives_up=stops, patience=plan.patience if watches else math.inf)
    if plan.judge is Judge.HELD_OUT and not held_out:
        return replace(plan, judge=Judge.TRAINING_LOSS, keeps_best=False)
    return plan


def _check_folds(params: dict[str, Any]) -> None:
    folds, members = params["n_folds"], params["n_members"]
    if count_of(folds) > members:
        raise ValueError(f"n_folds must be at most n_members, which is {members} here; got {folds!r}.")
