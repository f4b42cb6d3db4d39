"""What is done with a partition on a worker: looked at, counted, encoded, dealt to cells.

Knows the ordinary estimators; every function is pure, so that Dask may run it anywhere, and again.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

import numpy as np

from .._data import Columns, Rows, Table, check_truth, is_dataframe
from .._engine import State
from .._estimators import BaseDL, Call
from .._training import Plan
from ..encoding import TableEncoder
from ..heads import Head
from .engine import dask_of
from .positions import Deal

__all__ = [
    "Cell",
    "Learnt",
    "Look",
    "counted",
    "encoded",
    "has_categories",
    "joined",
    "learnt",
    "looked",
    "merged",
    "picked",
    "recorded",
    "rows_of",
    "size",
    "validating",
]

SHOWN = 4096  # encoded rows that come to the client, for what is to be told of a training
FRACTIONS = "fc"


@final
class Cell:
    """Encoded rows on a worker, of a size that Dask can tell: by it, they are spilled to disk.

    Parameters
    ----------
    rows : Rows
        The rows.
    """

    __slots__ = ("rows",)

    def __init__(self, rows: Rows):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __sizeof__(self) -> int:
        return sum(a.nbytes for a in self.arrays)

    def __getstate__(self) -> Rows:
        return self.rows

    def __setstate__(self, rows: Rows) -> None:
        self.rows = rows

    @property
    def arrays(self) -> list[np.ndarray]:
        """All that it holds."""
        x, y, weight = self.rows
        parts = [x.numeric, x.codes] if isinstance(x, Columns) else [x]
        return [*parts, y] + ([] if weight is None else [weight])


class Look(NamedTuple):
    """What is seen of one partition, or of several.

    Attributes
    ----------
    X, y, weight : object
        Those of its rows that are looked at; lists of such where there are several partitions.
    totals : list of dict or None
        The total weight of each label of each target, of all rows that are trained on; None for numbers.
    weight_sum, n_rows : float, int
        Total weight and number of all rows that have one.
    """

    X: Any
    y: Any
    weight: Any
    totals: list[dict[Any, float]] | None
    weight_sum: float
    n_rows: int


def looked(i: int, X: Any, y: Any, weight: Any, start: int, deal: Deal, classifies: bool) -> Look:
    """What is seen of a partition that begins at position `start`."""
    X, y, weight, at = _there(X, y, weight, start)
    if len(y):
        y = _named(i, lambda: check_truth(y))
    held = deal.is_held_out(at)
    some = np.flatnonzero(deal.is_looked_at(at) & ~held)
    totals = _named(i, lambda: _totals(y[~held], None if weight is None else weight[~held])) if classifies else None
    own = None if weight is None else weight[some]
    total = float(len(at) if weight is None else weight.sum())
    return Look(_rows(X, some), y[some], own, totals, total, len(at))


def merged(looks: Sequence[Look]) -> tuple[list[dict[Any, float]] | None, float]:
    """The total weight of each label, and the mean weight, of all partitions together."""
    mean = math.fsum(look.weight_sum for look in looks) / max(1, sum(look.n_rows for look in looks))
    if looks[0].totals is None:
        return None, mean
    widths = {len(look.totals or []) for look in looks if look.n_rows}
    if len(widths) > 1:
        raise ValueError(f"y must have the same number of columns in all partitions; got {sorted(widths)}.")
    columns: list[dict[Any, float]] = []
    for j in range(max(widths, default=0)):
        parts: dict[Any, list[float]] = {}
        for look in looks:
            for label, total in (look.totals or [{}])[j].items() if look.n_rows else ():
                parts.setdefault(label, []).append(total)
        columns.append({label: math.fsum(several) for label, several in parts.items()})
    return columns, mean


class Learnt(NamedTuple):
    """What is learnt from the rows that were looked at.

    Attributes
    ----------
    shell : BaseDL
        The ordinary estimator, with the names of the columns and the classes.
    table : Table
        The rows, checked.
    head : Head
        What the outputs mean.
    encoder : TableEncoder or None
        Learnt from these rows alone.
    """

    shell: BaseDL
    table: Table
    head: Head
    encoder: TableEncoder | None


def has_categories(known: Learnt) -> bool:
    """Whether there are levels to be counted."""
    return known.encoder is not None and bool(len(known.encoder.categorical_features_))


def learnt(estimator: BaseDL, plan: Plan, classes: Any, looks: Sequence[Look]) -> Learnt:
    """Units, classes, scales and kinds of columns, from the rows that were looked at."""
    looks = [look for look in looks if len(look.y)]
    if not looks:
        raise ValueError("there are no rows to train on: all weights are 0, or all rows are held out.")
    X, y = _stacked([look.X for look in looks]), _stacked([look.y for look in looks])
    weight = None if looks[0].weight is None else np.concatenate([look.weight for look in looks])
    shell = estimator._shell(False)
    table, checked = shell._check_rows(X, y, weight, plan, None)
    head = shell._head_of(checked, table, plan, Call(X, y, weight, classes=classes))
    return Learnt(shell, table, head, shell._learn_encoder(table))


def counted(i: int, X: Any, y: Any, weight: Any, start: int, deal: Deal, known: Learnt) -> dict[int, dict[Any, float]]:
    """The total weight of each level of a partition's rows that are trained on."""
    X, y, weight, at = _there(X, y, weight, start)
    train = np.flatnonzero(~deal.is_held_out(at))
    if known.encoder is None or not len(train):
        return {}
    X = _named(i, lambda: known.shell._check_inputs(_rows(X, train), reset=False))
    return known.encoder.tally(X, None if weight is None else weight[train])


def recorded(
    known: Learnt, plan: Plan, seed: int, n_rows: int, counts: Sequence[Mapping[int, Mapping[Any, float]]], mean: float
) -> tuple[BaseDL, Cell]:
    """The estimator with a new network, and some of its training rows, encoded."""
    shell, encoder = copy.copy(known.shell), known.encoder
    if encoder is not None and counts:
        levels: dict[int, dict[Any, list[float]]] = {i: {} for i in encoder.categorical_features_.tolist()}
        for own in counts:
            for i, column in own.items():
                for level, total in column.items():
                    levels[i].setdefault(level, []).append(total)
        totals = {i: {level: math.fsum(several) for level, several in found.items()} for i, found in levels.items()}
        encoder = encoder.recounted(totals, mean)
    shell.fitted_ = shell._new_record(plan, known.table, known.head, State(seed), encoder, n_rows)
    shown = shell._weigh(known.table.rows(np.arange(min(SHOWN, len(known.table.y)))), known.head)
    return shell, Cell(rows_of(shell, shown))


def encoded(
    i: int, X: Any, y: Any, weight: Any, start: int, deal: Deal, found: tuple[BaseDL, Cell], plan: Plan
) -> dict[int, Cell]:
    """A partition's rows as the network sees them, by the cell that they go to; held-out ones under -1."""
    whole, at = _encoded(i, X, y, weight, start, found, plan)
    if whole is None:
        return {}
    cell = np.where(deal.is_held_out(at), -1, deal.cells()[at // deal.stretch])
    order = np.argsort(cell, kind="stable")  # within a cell in the order of the table
    numbers, starts = np.unique(cell[order], return_index=True)
    return {
        int(number): Cell(whole.some(some)) for number, some in zip(numbers, np.split(order, starts[1:]), strict=True)
    }


def validating(i: int, X: Any, y: Any, weight: Any, found: tuple[BaseDL, Cell], plan: Plan) -> Cell | None:
    """A partition of rows that were given to judge by, as the network sees them."""
    whole, _ = _encoded(i, X, y, weight, 0, found, plan)
    return None if whole is None else Cell(whole)


def _encoded(
    i: int, X: Any, y: Any, weight: Any, start: int, found: tuple[BaseDL, Cell], plan: Plan
) -> tuple[Rows | None, np.ndarray]:
    """A partition's rows that have a weight, as the network sees them, and their positions in the table."""
    X, y, weight, at = _there(X, y, weight, start)
    if not len(at):
        return None, at
    shell = copy.copy(found[0])

    def rows() -> Rows:
        table, _ = shell._check_rows(X, y, weight, plan, shell.fitted_.head)
        return rows_of(shell, shell._weigh(table, shell.fitted_.head))

    return _named(i, rows), at


def picked(parts: Mapping[int, Cell], number: int) -> Cell | None:
    """The rows of one cell."""
    return parts.get(number)


def joined(pieces: Sequence[Cell | None]) -> Cell | None:
    """The rows of all partitions, one after the other; None where there are none."""
    there = [piece.rows for piece in pieces if piece is not None]
    if not there:
        return None
    weight = None if there[0].weight is None else np.concatenate([rows.weight for rows in there])
    return Cell(Rows(_below([rows.x for rows in there]), np.concatenate([rows.y for rows in there]), weight))


def size(cell: Cell | None) -> tuple[int, float, int]:
    """Rows of a cell, their total weight, and bytes."""
    if cell is None:
        return 0, 0.0, 0
    weight = cell.rows.weight
    return len(cell), float(len(cell) if weight is None else weight.sum(dtype=np.float64)), cell.__sizeof__()


# ---------------------------------------------------------------- pieces of tables


def _there(X: Any, y: Any, weight: Any, start: int) -> tuple[Any, np.ndarray, np.ndarray | None, np.ndarray]:
    """A partition without the rows of weight 0, as the estimators drop them, and each row's position in the table."""
    y = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    at = start + np.arange(len(y))
    if weight is None:
        return X, y, None, at
    weight = np.asarray(weight, dtype=np.float64).reshape(len(y))
    there = np.flatnonzero(weight != 0)
    return (X, y, weight, at) if len(there) == len(y) else (_rows(X, there), y[there], weight[there], at[there])


def rows_of(shell: BaseDL, table: Table) -> Rows:
    """Checked rows as the network sees them, in memory."""
    fitted = shell.fitted_
    dtype = fitted.network.values.dtype
    weight = None if table.weight is None else table.weight.astype(dtype)
    return Rows(fitted.encode(table.X), fitted.head.encode(table.y, dtype), weight)


def _totals(y: np.ndarray, weight: np.ndarray | None) -> list[dict[Any, float]]:
    """The total weight of each label of each target; nothing where y holds fractions, which are no labels."""
    if y.dtype.kind in FRACTIONS and y.ndim == 2 and (y != np.floor(y)).any():
        return []
    found = []
    for column in y.reshape(len(y), -1).T:
        try:
            labels, codes = np.unique(column, return_inverse=True)
        except TypeError as error:
            raise ValueError(f"the labels of y must be of one type ({error}).") from error
        totals = np.bincount(codes, weight, minlength=len(labels))
        names = labels.tolist() if labels.dtype.kind not in "mM" else list(labels)
        found.append(dict(zip(names, totals.tolist(), strict=True)))
    return found


def _named(i: int, do: Any) -> Any:
    """What `do` gives; what it finds wrong is told with the partition."""
    try:
        return do()
    except (TypeError, ValueError) as error:
        raise ValueError(f"partition {i}: {' '.join(str(error).split())}") from error


def _rows(X: Any, at: np.ndarray) -> Any:
    return X.iloc[at] if hasattr(X, "iloc") else X[at]


def _stacked(pieces: list[Any]) -> Any:
    """The rows of several DataFrames or arrays; categories of a column are united."""
    if is_dataframe(pieces[0]):
        return dask_of("dask.dataframe.dispatch").concat(pieces)
    return np.concatenate(pieces)


def _below(pieces: list[Any]) -> Any:
    """Encoded rows, one after the other."""
    if isinstance(pieces[0], Columns):
        return Columns(np.concatenate([p.numeric for p in pieces]), np.concatenate([p.codes for p in pieces]))
    return np.concatenate(pieces)
