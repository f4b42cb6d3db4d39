"""What later rows tell that the first ones could not: units of columns and of targets, of a record that is trained on.

Knows which of them may still change: those of the first few rows of a stream, and of what did not vary so far.
"""

from __future__ import annotations

import copy

import numpy as np

from .._data import Table
from .._engine import Early, Fitted
from ..heads import NumberHead

__all__ = ["EARLY", "refine", "remember"]

EARLY = 64  # rows of a stream that decide its units together, in however many calls they come


def remember(fitted: Fitted, table: Table) -> None:
    """Keep the first rows of a stream that is to learn its units from more of them than these.

    Parameters
    ----------
    fitted : Fitted
        The record, after what it has learnt from these rows.
    table : Table
        Checked rows of a first call of `partial_fit`.
    """
    if len(table.y) < EARLY:
        numbers = None if fitted.encoder is None else fitted.encoder.numbers_of(table.inputs())
        fitted.early = copy.deepcopy(Early(numbers, table.y, table.weight))  # the caller's arrays may change


def refine(fitted: Fitted, table: Table, *, partial: bool) -> None:
    """Learn the units that earlier rows could not tell, from those that come now.

    What the network predicts for a constant column's old value, and for missing ones, stays as it was where that value
    is not far from the new ones. Only among the first `EARLY` rows of a stream do columns and targets change that the
    network has seen vary: it has hardly begun to learn.

    Parameters
    ----------
    fitted : Fitted
        Its encoder is replaced, and its head changes.
    table : Table
        Checked rows to train on.
    partial : bool
        Whether they are a chunk of a stream.
    """
    encoder, early = fitted.encoder, fitted.early
    so_far = None if early is None else _with(early, fitted, table)
    if encoder is not None and (so_far is not None or not encoder.varied):
        numbers, weight = (None, None) if so_far is None else (so_far.numbers, so_far.weight)
        fitted.encoder = encoder.refined(table.inputs(), table.weight, numbers, weight)
    y, weight = (table.y, table.weight) if so_far is None else (so_far.y, so_far.weight)
    if isinstance(fitted.head, NumberHead):
        fitted.head.refine(y, weight, early=early is not None)
    fitted.early = so_far if partial and so_far is not None and len(y) < EARLY else None


def _with(early: Early, fitted: Fitted, table: Table) -> Early:
    """The first rows, and these."""
    numbers = None if fitted.encoder is None else fitted.encoder.numbers_of(table.inputs(), early.numbers)
    weight = None
    if not (early.weight is None and table.weight is None):
        both = ((early.weight, early.y), (table.weight, table.y))
        weight = np.concatenate([np.ones(len(y)) if w is None else w for w, y in both])
    return Early(numbers, np.concatenate((early.y, table.y)), weight)
