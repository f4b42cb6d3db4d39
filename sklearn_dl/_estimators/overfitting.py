"""Whether a fit learnt its rows by heart, in a sentence that says by which columns, and what to do.

Knows nothing about networks: it gets the curves of a fit, and looks at the table's columns where they tell of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._data import Table, sample_rows
from ..encoding import TableEncoder
from ..encoding.numbers import Numbers

__all__ = ["Column", "columns_of", "overfitting", "parting", "singling_out"]

LOOKS = 8  # at fewer epochs the curves are not judged
EARLY = 0.25  # of the epochs: a best epoch up to here is early
FALL, RISE = 0.15, 0.05  # of the losses: what training must still win, and left-out rows lose, behind the best epoch
FEW_ROWS, MANY_LEVELS = 20, 20  # a category with fewer rows a level and more levels than these singles out rows
UNIQUE = 0.9  # share of distinct values from which on a column is a name of the row
NAMED = 3  # columns in the sentence


class Column(NamedTuple):
    """What there is to know about a column of the table.

    Attributes
    ----------
    name : str
        Its name.
    n_levels : int
        Number of its levels, each with an embedding or a column of its own; 0 for numbers.
    distinct : float
        Distinct values as a share of the rows, missing ones left out.
    whole : bool
        Whether all of its numbers are whole ones, as identifiers are.
    """

    name: str
    n_levels: int
    distinct: float
    whole: bool = False


class Parting(NamedTuple):
    """Where the curves part: the losses at the best epoch, and at the end as medians of the last quarter.

    Attributes
    ----------
    epoch, last : int
        The best epoch, and the last one.
    training, left_out : tuple of float
        The loss at the best epoch and at the end.
    """

    epoch: int
    last: int
    training: tuple[float, float]
    left_out: tuple[float, float]


def overfitting(
    history: Sequence[Mapping[str, Any]],
    best_epoch: int,
    columns: Sequence[Column],
    n_rows: int,
    planned: int | None = None,
) -> str | None:
    """One sentence about a fit whose training loss and left-out loss part early; None for any other.

    Parameters
    ----------
    history : sequence of mapping
        A record an epoch: "epoch", "loss", and where left-out rows were judged "validation_loss".
    best_epoch : int
        The epoch that is kept.
    columns : sequence of Column
        Those of the table.
    n_rows : int
        Rows that were trained on.
    planned : int or None, default=None
        As for `parting`.

    Returns
    -------
    str or None
        With the columns that single out rows, where there are some.

    Examples
    --------
    >>> from sklearn_dl._estimators.overfitting import Column, overfitting
    >>> losses = zip(range(1, 41), [0.6 - 0.01 * i for i in range(40)], [0.5 + 0.01 * i for i in range(40)])
    >>> history = [{"epoch": e, "loss": a, "validation_loss": b} for e, a, b in losses]
    >>> told = overfitting(history, 1, [Column("age", 0, 0.03, True), Column("street", 700, 0.35)], 2000)
    >>> print(told.partition(": ")[2].partition(", so")[0])
    the network learns rows by heart, which 'street' (700 levels, 2.9 rows each) makes easy
    """
    found = parting(history, best_epoch, planned)
    if found is None:
        return None
    what = (
        f"from epoch {found.epoch} of {found.last} on, the loss of left-out rows rose from {found.left_out[0]:.3g} to "
        f"{found.left_out[1]:.3g} while that of training fell from {found.training[0]:.3g} to {found.training[1]:.3g}: "
        "the network learns rows by heart"
    )
    named = singling_out(columns, n_rows)
    if not named:
        return f"{what}; more rows, fewer units, dropout, weight decay or a smaller learning_rate_init may help."
    words = [f"{column.name!r} ({_why(column, n_rows)})" for column in named[:NAMED]]
    words += [f"{len(named) - NAMED} more"] if len(named) > NAMED else []
    many = len(words) > 1
    listed = f"{', '.join(words[:-1])} and {words[-1]}" if many else words[0]
    pool = any(column.n_levels and column.distinct < UNIQUE for column in named)
    fewer = f", or give {'them' if many else 'it'} fewer levels (TableEncoder's min_frequency pools rare ones)"
    return (
        f"{what}, which {listed} make{'' if many else 's'} easy, so leave {'these columns' if many else 'this column'} "
        f"out{fewer if pool else ''}."
    )


def parting(history: Sequence[Mapping[str, Any]], best_epoch: int, planned: int | None = None) -> Parting | None:
    """Where training loss and left-out loss part early.

    That is: the best epoch is in the first quarter, and to the median of the last quarter the training loss has fallen
    by 15 % and the left-out loss has risen by 5 %. Of what: of the larger of both losses at the best epoch, or of what
    training had won until then, where that is more, since losses may be negative or near 0. Where the judged epochs
    were ended as left-out rows were told worse, the curves are those of the beginning, and half of that is enough.

    Parameters
    ----------
    history : sequence of mapping
        A record an epoch.
    best_epoch : int
        The epoch that is kept.
    planned : int or None, default=None
        Epochs that were to be judged, where early stopping has ended these; None where nothing has.

    Returns
    -------
    Parting or None
        None also where left-out rows were judged at fewer than 8 epochs, 4 where these were ended, or not at the best
        one.
    """
    looks = [record for record in history if "validation_loss" in record]
    best = next((record for record in looks if record["epoch"] == best_epoch), None)
    share = 1.0 if planned is None else 0.5
    if best is None or len(looks) < share * LOOKS:
        return None
    first, last = looks[0]["epoch"], looks[-1]["epoch"]
    if planned is None:  # epochs between two looks count as one: the first look may be the first epoch after many
        late = looks.index(best) + 1 > EARLY * len(looks) or best_epoch - first > EARLY * (last - first)
    else:
        late = best_epoch > EARLY * planned
    if late:
        return None
    end = looks[-(len(looks) // 4) :]
    training = float(best["loss"]), float(np.median([record["loss"] for record in end]))
    left_out = float(best["validation_loss"]), float(np.median([record["validation_loss"] for record in end]))
    unit = max(abs(training[0]), abs(left_out[0]), float(history[0]["loss"]) - training[0])
    fall, rise = share * FALL * unit, share * RISE * unit
    if training[0] - training[1] >= fall and left_out[1] - left_out[0] >= rise:  # False for nan
        return Parting(best_epoch, last, training, left_out)
    return None


def singling_out(columns: Sequence[Column], n_rows: int) -> list[Column]:
    """The columns that tell single rows from all others, those with the most levels a row first.

    A category of more than 20 levels with fewer than 20 rows each on the mean; and what is nearly unique, unless it is
    a number with a fractional part, as measurements have it.

    Parameters
    ----------
    columns : sequence of Column
        Those of the table.
    n_rows : int
        Rows that were trained on.

    Returns
    -------
    list of Column
    """

    def names_rows(column: Column) -> bool:
        if column.n_levels:
            return column.n_levels > MANY_LEVELS and n_rows < FEW_ROWS * column.n_levels
        return column.whole and column.distinct >= UNIQUE

    found = [column for column in columns if names_rows(column)]
    return sorted(found, key=lambda column: -max(column.distinct, column.n_levels / max(n_rows, 1)))


def columns_of(encoder: TableEncoder, table: Table) -> list[Column]:
    """What there is to know about the columns of a table, by a sample of its rows where there are many.

    Parameters
    ----------
    encoder : TableEncoder
        Has learnt them.
    table : Table
        The training rows.

    Returns
    -------
    list of Column
    """
    names = list(vars(encoder).get("feature_names_in_", range(encoder.n_features_in_)))
    found = [
        Column(str(names[i]), len(levels), len(levels) / len(table.y))
        for i, levels in zip(encoder.categorical_features_, encoder.levels_, strict=True)
    ]
    sample = sample_rows(len(table.y), None)
    of_parts = encoder.numbers_of((table if sample is None else table.rows(sample)).inputs())
    for part, numbers in zip(encoder.parts, of_parts, strict=True):
        if not (isinstance(part, Numbers) and isinstance(numbers, np.ndarray)):
            continue
        for i, column in zip(part.columns, numbers.T, strict=True):
            there = column[~np.isnan(column)]
            distinct = len(np.unique(there)) / max(1, len(there))
            found.append(Column(str(names[i]), 0, distinct, bool((there == np.floor(there)).all())))
    return found


def _why(column: Column, n_rows: int) -> str:
    if column.distinct >= UNIQUE:
        return "nearly each row has a value of its own"
    return f"{column.n_levels} levels, {n_rows / column.n_levels:.2g} rows each"
