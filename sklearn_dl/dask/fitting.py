"""A fit on Dask, from partitions to a fitted estimator of the ordinary kind.

Knows the order of things; what is done on the workers is in `tasks` and `rounds`.
"""

from __future__ import annotations

import copy
import math
from typing import Any, NamedTuple

import numpy as np

from .._data import Rows
from .._estimators import BaseDL, Call, CallbackBridge, plan_for_rows, settled, shape_of, with_callbacks
from .._training import Outcome, Plan, Training, carry_out
from ..checkpoint.content import Saved, read_saved
from . import tasks
from .engine import Engine
from .partitions import Partitions, is_lazy, partitions_of
from .positions import Deal
from .rounds import Course, Rounds, place_of
from .settings import Sharing, held_out_share, plan_for, rows_like, settle, sharing_for

__all__ = ["fit_on"]

HELD = -1  # the cell of the rows that are held out


class Placed(NamedTuple):
    """Rows on the workers, as the network sees them.

    Attributes
    ----------
    shell : BaseDL
        The estimator with a new network.
    shown, held_out : Rows, Rows or None
        The few rows that come here: some of those that are trained on, and those that are held out.
    cells : list of future
        The others.
    sizes : list of tuple
        Rows, total weight and bytes of each cell.
    """

    shell: BaseDL
    shown: Rows
    held_out: Rows | None
    cells: list[Any]
    sizes: list[tuple[int, float, int]]


def fit_on(engine: Engine, estimator: BaseDL, params: dict[str, Any], given: Call) -> tuple[BaseDL, Plan, Outcome]:
    """Fit an ordinary estimator to partitions.

    Parameters
    ----------
    engine : Engine
        Who works.
    estimator : BaseDL
        Not fitted, with the callbacks that are to hear of it.
    params : dict
        Its parameters and those of the shards.
    given : Call
        The data.

    Returns
    -------
    estimator, plan, outcome : BaseDL, Plan, Outcome
        A copy of the estimator, fitted; how, and how it ended.
    """
    params, task, has_validation = settle(params), estimator._head.task, given.X_val is not None
    plan = plan_for(params, task, 10**6, has_validation=has_validation)  # what is wrong is told before rows are read
    saved = None if given.resume_from is None else read_saved(given.resume_from, plan)
    estimator._refuse_half_a_validation_set(given)
    rows = partitions_of(engine, given.X, given.y, given.sample_weight)
    seed = estimator._draw_seed() if saved is None else saved.state.seed
    share = held_out_share(plan, rows.n_rows, has_validation=has_validation)
    plan = plan_for(params, task, round(rows.n_rows * (1 - share)), has_validation=has_validation)
    sharing = sharing_for(params, rows.n_rows)
    if sharing.n_cells > rows.n_rows * (1 - share):
        raise ValueError(_too_many(sharing, round(rows.n_rows * (1 - share))))
    if saved is not None:
        saved.refuse_other_estimator(type(estimator).__name__, plan, rows.n_rows)
    deal = Deal(rows.n_rows, share, sharing.n_cells, seed)
    placed = _place(engine, _without_callbacks(estimator), plan, rows, deal, sharing, given)
    fitted = placed.shell.fitted_
    n_train = sum(count for count, _, _ in placed.sizes)
    plan = plan_for_rows(plan, rows_like(plan, sharing, n_train), held_out=placed.held_out is not None)
    fitted.shape, fitted.settings = shape_of(plan), settled(plan, fitted.network.values.dtype)
    training = Training.elsewhere(fitted, plan, placed.shown, placed.held_out, n_train)
    outcome = _carried_out(estimator, placed.shell, training, _walk(engine, training, placed, sharing), saved)
    if "class_weight" in params:  # the word rather than what it meant
        placed.shell.set_params(class_weight=params["class_weight"])
    fitted.state.rate_factor, fitted.state.kept, fitted.state.step = 1.0, {}, 0
    return placed.shell, plan, outcome


def _place(
    engine: Engine, estimator: BaseDL, plan: Plan, rows: Partitions, deal: Deal, sharing: Sharing, given: Call
) -> Placed:
    """Learn scales, labels and levels, and encode all rows into cells, which stay on the workers."""
    own = [(*piece, start) for piece, start in zip(rows.pieces, rows.starts, strict=True)]
    classifies = estimator._head.task == "classification"
    looks = engine.over("look", tasks.looked, own, deal, classifies)
    labels, mean = engine.result(engine.submit("labels", tasks.merged, looks))
    classes = given.classes
    if classes is None and labels:
        levels = [_sorted(found) for found in labels]
        is_matrix = len(levels) > 1 and all(set(found) <= {0, 1} for found in labels)  # of yes and no
        classes = None if is_matrix else levels[0] if len(levels) == 1 else levels
    if isinstance(estimator.get_params(deep=False).get("class_weight"), str):
        estimator = _balanced(estimator, labels)
    known = engine.submit("learnt", tasks.learnt, estimator, plan, classes, looks)
    counts = []
    if engine.result(engine.submit("asks", tasks.has_categories, known)):
        counts = engine.over("levels", tasks.counted, own, deal, known)
    found = engine.submit("record", tasks.recorded, known, plan, deal.seed, _n_train(rows, deal), counts, mean)
    shell, shown = engine.result(found)
    parts = engine.over("encode", tasks.encoded, own, deal, found, plan)
    of_stretch = deal.cells()
    pieces: dict[int, list[Any]] = {number: [] for number in (HELD, *range(deal.n_cells))}
    for i, (start, stop) in enumerate(zip(rows.starts, [*rows.starts[1:], rows.n_rows], strict=True)):
        reached = np.unique(of_stretch[start // deal.stretch : -(-stop // deal.stretch)]).tolist()
        for number in ([HELD] if deal.held_out else []) + reached:
            pieces[number].append(engine.submit(f"pick-{i}-{number}", tasks.picked, parts[i], number))
    places = engine.places()
    cells = [
        engine.submit(f"cell-{i}", tasks.joined, pieces[i], at=place_of(i, sharing.n_shards, places))
        for i in range(deal.n_cells)
    ]
    held = engine.submit("held-out", tasks.joined, pieces[HELD])
    engine.forget("look", "levels", "encode", "pick")  # each is freed when what is made of it is there
    sizes = engine.result([engine.submit(f"size-{i}", tasks.size, cell) for i, cell in enumerate(cells)])
    held_out = _rows(engine.result(held))
    if given.X_val is not None:
        held_out = _validation_rows(engine, shell, found, plan, given)
    return Placed(shell, shown.rows, held_out, cells, sizes)


def _without_callbacks(estimator: BaseDL) -> BaseDL:
    """A copy for the workers: callbacks stay here, whatever they hold."""
    bare = copy.copy(estimator)
    bare.__dict__.pop("_skl_callbacks", None)
    return bare


def _sorted(labels: dict[Any, float]) -> np.ndarray:
    """The labels of all partitions, in order."""
    try:
        return np.array(sorted(labels))
    except TypeError:
        kinds = " and ".join(sorted({type(label).__name__ for label in labels}))
        raise ValueError(f"the labels of y must be of one type in all partitions; got {kinds}.") from None


def _rows(cell: tasks.Cell | None) -> Rows | None:
    return None if cell is None else cell.rows


def _n_train(rows: Partitions, deal: Deal) -> int:
    """Rows that are trained on, nearly: by them "auto" is settled."""
    return round(rows.n_rows * (1 - deal.held_out))


def _validation_rows(engine: Engine, shell: BaseDL, found: Any, plan: Plan, given: Call) -> Rows | None:
    """The rows that were given to judge by, from wherever they are."""
    if not is_lazy(given.X_val):
        return tasks.rows_of(shell, shell._check_validation(given, plan, shell.fitted_.head))
    rows = partitions_of(engine, given.X_val, given.y_val, given.sample_weight_val, "_val")
    return _rows(tasks.joined(engine.result(engine.over("judge", tasks.validating, rows.pieces, found, plan))))


def _balanced(estimator: BaseDL, labels: list[dict[Any, float]] | None) -> BaseDL:
    """The estimator with the weights that "balanced" means; to nine digits, as sums of sums differ in the last ones."""
    factors = []
    for totals in labels or []:
        there = {label: total for label, total in totals.items() if total > 0}
        mean = math.fsum(there.values()) / max(1, len(there))
        factors.append({label: float(f"{mean / total:.9g}") for label, total in there.items()})
    several = copy.copy(estimator)
    several.class_weight = factors[0] if len(factors) == 1 else factors
    return several


def _too_many(sharing: Sharing, n_rows: int) -> str:
    return (
        f"n_shards times n_rounds must be so many that each has rows to train on; got {sharing.n_shards} times "
        f"{sharing.n_rounds} for {n_rows} rows."
    )


def _walk(engine: Engine, training: Training, placed: Placed, sharing: Sharing) -> Rounds:
    """The rounds of a training."""
    counts, plan, fitted = [count for count, _, _ in placed.sizes], training.plan, training.fitted
    if not min(counts):
        raise ValueError(_too_many(sharing, sum(counts)))
    n_steps = min(max(1, round(sum(counts) / len(counts) / plan.batch_rows)), *counts)
    total = math.fsum(weight for _, weight, _ in placed.sizes)
    course = Course(
        layer=fitted.network.layer,
        recipe=training.recipe,
        seed=fitted.state.seed,
        n_steps=n_steps,
        shuffle=plan.shuffle,
        total_weight=total,
        mean_weight=total / sum(counts),
        momentum=sharing.momentum_of(n_steps),
    )
    return Rounds(engine, course, placed.cells, sharing.n_shards, fitted.network, fitted.state, sum(counts))


@with_callbacks
def _carried_out(estimator: BaseDL, shell: BaseDL, training: Training, walk: Rounds, saved: Saved | None) -> Outcome:
    """The fit itself, with the estimator's callbacks."""
    return carry_out(training, CallbackBridge(estimator, shell, None, None, None, saved), walk)
