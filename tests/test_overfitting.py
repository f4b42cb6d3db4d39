"""The sentence about a fit that learns rows by heart: when it comes, and which columns it names."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sklearn_dl import DLClassifier
from sklearn_dl._estimators.overfitting import Column, overfitting, parting, singling_out
from sklearn_dl.encoding import TableEncoder


def curves(training, left_out, every=1):
    """A history whose left-out rows are judged at each `every`th epoch."""
    epochs = range(1, len(training) + 1)
    records = [{"epoch": e, "loss": loss} for e, loss in zip(epochs, training, strict=True)]
    for record, loss in zip(records, left_out, strict=True):
        if record["epoch"] % every == 0:
            record["validation_loss"] = loss
    return records


E = np.arange(40)
FALLING, RISING = 0.6 - 0.01 * E, 0.5 + 0.005 * np.abs(E - 4)  # best at epoch 5


@pytest.mark.parametrize(
    ("name", "training", "left_out", "best", "told"),
    [
        ("parts early", FALLING, RISING, 5, True),
        ("at the first epoch", FALLING, 0.5 + 0.005 * E, 1, True),
        ("a fifth as large", FALLING / 5, RISING / 5, 5, True),
        ("below zero", FALLING - 0.8, RISING - 0.8, 5, True),
        ("parts in the middle", FALLING, 0.5 + 0.01 * np.abs(E - 15), 16, False),
        ("left-out loss stays", FALLING, 0.5 + 1e-4 * E, 1, False),
        ("left-out loss falls", FALLING, FALLING, 40, False),
        ("training stays", 0.6 - 1e-3 * E, RISING, 5, False),
        ("both rise: a rate that is too large", 0.5 + 0.01 * E, RISING, 5, False),
        ("near zero, after a long way down", np.append(5.0, 0.01 - 0.0001 * E[1:]), 0.01 + 0.0001 * E, 2, False),
        ("few epochs", 0.6 - 0.05 * E[:7], 0.5 + 0.05 * E[:7], 1, False),
        ("one outlier at the end", FALLING, np.append(np.full(39, 0.5), 2.0), 1, False),
        ("not a number", FALLING, np.append(RISING[:30], np.full(10, math.nan)), 5, False),
        ("the best epoch was not judged", FALLING, RISING, 90, False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_when_it_is_told(name, training, left_out, best, told):
    found = parting(curves(training, left_out), best)
    assert (found is not None) == told
    assert (overfitting(curves(training, left_out), best, [], 1000) is not None) == told
    if told:
        assert found.epoch == best
        assert found.last == 40
        assert found.left_out[0] == left_out[best - 1] < found.left_out[1]
        assert found.training[0] == training[best - 1] > found.training[1]


@pytest.mark.parametrize("every", [1, 2, 4])
def test_only_epochs_that_were_judged_count(every):
    found = parting(curves(FALLING, RISING, every), 4)
    assert found is not None
    assert found.epoch == 4
    assert parting(curves(FALLING, RISING, every), 3 if every > 1 else 90) is None


@pytest.mark.parametrize(
    ("looks", "best", "planned", "told"),
    [(6, 1, 30, True), (6, 2, 30, True), (6, 2, 7, False), (6, 5, 40, False), (3, 1, 30, False), (6, 1, None, False)],
)
def test_judged_epochs_that_were_ended_tell_by_their_beginning(looks, best, planned, told):
    falls, rises = 0.6 - 0.012 * E[:looks], 0.5 + 0.01 * np.abs(E[:looks] - best + 1)
    assert (parting(curves(falls, rises), best, planned) is not None) == told


def test_a_fit_without_left_out_rows_is_not_judged():
    assert parting([{"epoch": i, "loss": 1 / i} for i in range(1, 40)], 1) is None
    assert parting([], 1) is None


MEASURED, AGE, NUMBER = Column("size", 0, 0.99), Column("age", 0, 0.03, True), Column("id", 0, 1.0, True)
FEW, STREET, TOWN = Column("colour", 3, 0.0015), Column("street", 700, 0.35), Column("town", 90, 0.045)
CODE = Column("code", 1990, 0.995)


@pytest.mark.parametrize(
    ("columns", "n_rows", "named"),
    [
        ([MEASURED, AGE, FEW], 2000, []),
        ([MEASURED, TOWN, STREET, FEW, NUMBER], 2000, ["id", "street"]),
        ([TOWN, STREET], 1700, ["street", "town"]),  # fewer than 20 rows a town
        ([TOWN, STREET], 20_000, []),
        ([STREET, CODE], 2000, ["code", "street"]),
        ([Column("few levels", 15, 0.75)], 20, []),
        ([], 0, []),
    ],
)
def test_columns_that_single_out_rows(columns, n_rows, named):
    assert [column.name for column in singling_out(columns, n_rows)] == named


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([MEASURED], "rows by heart; more rows, fewer units, dropout, "),
        (
            [STREET],
            "'street' (700 levels, 2.9 rows each) makes easy, so leave this column out, or give it fewer levels",
        ),
        ([NUMBER], "'id' (nearly each row has a value of its own) makes easy, so leave this column out."),
        ([STREET, NUMBER], "and 'street' (700 levels, 2.9 rows each) make easy, so leave these columns out, or give"),
        ([Column(f"c{i}", 700, 0.35) for i in range(9)], "'c2' (700 levels, 2.9 rows each) and 6 more make easy"),
    ],
)
def test_the_sentence(columns, words):
    told = overfitting(curves(FALLING, RISING), 5, columns, 2000)
    assert told.startswith("from epoch 5 of 40 on, the loss of left-out rows rose from 0.5 to 0.65")
    assert words in told
    assert told.endswith(".")
    assert told.count(". ") == 0


@pytest.mark.parametrize("n_levels", [0, 300])
def test_a_column_of_noise_is_found_in_a_fit(n_levels):
    """Two numbers that decide, and 300 levels that do not, judged by rows held out: true curves."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(1500, 2)), columns=["a", "b"])
    y = rng.random(1500) < 1 / (1 + np.exp(-X["a"] - X["b"]))
    columns = [Column("a", 0, 1.0), Column("b", 0, 1.0)]
    if n_levels:
        X["noise"] = [f"level {i}" for i in rng.integers(0, n_levels, 1500)]
        columns.append(Column("noise", X["noise"].nunique(), X["noise"].nunique() / 1500))
    fast = {"learning_rate_init": 0.01, "max_iter": 60, "encoder": TableEncoder(min_frequency=1), "random_state": 0}
    held_out = {"early_stopping": True, "n_iter_no_change": 60, "validation_fraction": 0.3}
    model = DLClassifier(n_members=1, **fast, **held_out).fit(X, y)
    told = overfitting(model.history_, model.best_epoch_, columns, 1050)
    assert (told is not None and "'noise' (" in told) == bool(n_levels)
