"""Figures of the pages that no other command prints: python -m benchmarks.figures NAME ...

mlp: README, beside scikit-learn's networks; rates: docs/checkpoints.md, where to begin the learning rate; writing: the
same page, seconds of a checkpoint; persons: docs/folds.md, rows that belong together; explaining: docs/explaining.md,
seconds of attributions; luck: docs/comparing.md, how often an interval of a comparison holds 0. `--smoke` takes little
of each, to see that it runs.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification, make_friedman1
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.inspection import integrated_gradients
from sklearn_dl.rate_finder import find_learning_rate

TABLES = {"diabetes": load_diabetes, "breast cancer": load_breast_cancer, "digits": load_digits}


def mlp(smoke: bool) -> Iterator[str]:
    """Mean R² or accuracy over five times 5-fold cross-validation, of the default over two."""
    for name, load in TABLES.items():
        X, y = load(return_X_y=True)
        number = name == "diabetes"
        ours, theirs = (DLRegressor, MLPRegressor) if number else (DLClassifier, MLPClassifier)
        line = LinearRegression() if number else LogisticRegression(max_iter=10_000)
        models = {
            "linear": (make_pipeline(StandardScaler(), line), 5),
            "n_members=1": (ours(n_members=1, random_state=0), 5),
            "MLP": (theirs(random_state=0), 5),
            "MLP, scaled": (make_pipeline(StandardScaler(), theirs(random_state=0)), 5),
            "default": (ours(random_state=0), 2),
        }
        for label, (model, times) in models.items():
            kind = RepeatedKFold if number else RepeatedStratifiedKFold
            folds = kind(n_splits=2 if smoke else 5, n_repeats=1 if smoke else times, random_state=0)
            rows = slice(0, 99 if smoke else None)
            yield f"{name} | {label} | {cross_val_score(model, X[rows], y[rows], cv=folds).mean():.3f}"


def rates(smoke: bool) -> Iterator[str]:
    """Scores of three folds after 100 epochs, at the rate "auto" and at the suggested one."""
    tables = {name: load(return_X_y=True) for name, load in TABLES.items()}
    tables["friedman1"] = make_friedman1(1000, noise=1.0, random_state=0)
    tables["make_classification"] = make_classification(2000, 20, n_informative=10, random_state=0)
    for name, (X, y) in tables.items():
        kind = DLRegressor if name in ("diabetes", "friedman1") else DLClassifier
        for solver in ("adamw", "sgd"):
            model = kind(n_members=1, solver=solver, max_iter=3 if smoke else 100, random_state=0)
            rate = find_learning_rate(model, X, y).suggestion
            found = [
                cross_val_score(m, X, y, cv=3).mean() for m in (model, clone(model).set_params(learning_rate_init=rate))
            ]
            yield f"{name} | {solver} | auto {found[0]:.3f} | suggestion {found[1]:.3f} ({rate:.2g})"


def persons(smoke: bool) -> Iterator[str]:
    """Log-loss of left-out rows and of new persons, with groups and without, of the defaults."""

    def draw(n_persons: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        people = rng.normal(size=(n_persons, 6))
        ill = people[:, 0] + rng.normal(size=n_persons) > 0
        rows = np.repeat(people, 10, axis=0) + 0.01 * rng.normal(size=(10 * n_persons, 6))
        return rows, np.repeat(ill, 10), np.repeat(np.arange(n_persons), 10)

    for n_persons, draws in ((60, 3), (200, 2)):
        for grouped in (False, True):
            found = []
            for seed in range(1 if smoke else draws):
                rng = np.random.default_rng(seed)
                X, ill, person = draw(n_persons, rng)
                new_X, new_ill, _ = draw(500, rng)
                model = DLClassifier(random_state=0, **({"max_iter": 4} if smoke else {}))
                model.fit(X, ill, groups=person if grouped else None)
                found.append((model.best_loss_, log_loss(new_ill, model.predict_proba(new_X))))
            left_out, new = np.mean(found, axis=0)
            yield f"{n_persons} persons | groups: {grouped} | left-out {left_out:.2f} | new persons {new:.2f}"


def writing(smoke: bool) -> Iterator[str]:
    """Seconds that a checkpoint after each epoch adds to an epoch."""
    X, y = load_diabetes(return_X_y=True)
    for sizes in ((100,), (2048, 2048)):
        model, seconds = (
            DLRegressor(n_members=1, hidden_layer_sizes=sizes, max_iter=2 if smoke else 20, random_state=0),
            [],
        )
        with tempfile.TemporaryDirectory() as folder:
            for callbacks in ((), (Checkpoint(Path(folder, "c")),)):
                start = time.perf_counter()
                clone(model).set_callbacks(*callbacks).fit(X, y)
                seconds.append(time.perf_counter() - start)
            megabytes = Path(folder, "c").stat().st_size / 1e6
        yield f"{sizes} | {(seconds[1] - seconds[0]) / model.max_iter * 1000:.0f} ms | {megabytes:.1f} MB"


def explaining(smoke: bool) -> Iterator[str]:
    """CPU seconds of the attributions of the diabetes table."""
    X, y = load_diabetes(return_X_y=True)
    for settings in ({"n_members": 1}, {}):
        model = DLRegressor(random_state=0, **settings, **({"max_iter": 3} if smoke else {})).fit(X, y)
        for tol in (1e-3, 1e-2):
            start = time.process_time()
            integrated_gradients(model, X[: 20 if smoke else None], tol=tol)
            yield f"{settings} | tol={tol} | {time.process_time() - start:.1f} s"


def luck(smoke: bool) -> Iterator[str]:
    """Of tables of noise, how many intervals of 95 % hold 0: two lines, each on a column of noise of its own."""
    rng, n, n_splits, n_test, held = np.random.default_rng(0), 100, 40, 20, np.zeros(2, int)
    n_tables = 20 if smoke else 1000
    for _ in range(n_tables):
        X, y = rng.normal(size=(2, n)), rng.normal(size=n)
        order = rng.permuted(np.tile(np.arange(n), (n_splits, 1)), axis=1)
        test, train = order[:, :n_test], order[:, n_test:]
        mean, truth = y[train].mean(axis=1, keepdims=True), y[test]
        scores = []
        for x in X:
            middle = x[train].mean(axis=1, keepdims=True)
            apart = x[train] - middle
            slope = (apart * y[train]).sum(axis=1, keepdims=True) / (apart**2).sum(axis=1, keepdims=True)
            residual = truth - mean - slope * (x[test] - middle)
            scores.append(
                1 - (residual**2).sum(axis=1) / ((truth - truth.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
            )
        difference = scores[1] - scores[0]
        for i, share in enumerate((1 / n_splits + n_test / (n - n_test), 1 / n_splits)):  # Nadeau & Bengio; the t-test
            half = stats.t.ppf(0.975, n_splits - 1) * np.sqrt(share * difference.var(ddof=1))
            held[i] += abs(difference.mean()) <= half
    yield f"corrected: {held[0]} of {n_tables}; usual: {held[1]}"


FIGURES = {f.__name__: f for f in (mlp, rates, persons, writing, explaining, luck)}


def main(arguments: list[str] | None = None) -> None:
    """Print the lines of each figure that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=FIGURES)
    parser.add_argument("--smoke", action="store_true", help="little of each: does it run at all?")
    args = parser.parse_args(arguments)
    for name in args.names:
        for line in FIGURES[name](args.smoke):
            print(line, flush=True)


if __name__ == "__main__":
    main()
