"""
Quickstart
==========

A raw table as it is, a grid search, and the comparison with linear models.

Run it with ``python examples/quickstart.py``; it takes less than a minute on one core. The raw table needs pandas.
Where matplotlib is installed it also draws training curves, into the current directory or, where that cannot be
written, into a temporary one.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl.compare import compare_with_linear
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.solvers import AdamW

SEED = 0


def raw_table() -> None:
    """Dates, sentences, categories and gaps: no preprocessing here, a pipeline for the others."""
    print("1. A raw table: 1000 flats, drawn at random, with dates, sentences, categories and gaps")
    try:
        from flats import flats, gradient_boosting, straight_line
    except ImportError:
        print("   pandas is not installed, so there is no such table (python -m pip install pandas).\n")
        return
    table, rent = flats()
    X_train, X_test, y_train, y_test = train_test_split(table, rent, random_state=SEED)
    print("   " + X_test.drop(columns="description").head(3).to_string().replace("\n", "\n   "))
    print(f"   and a description, such as: {X_test['description'].dropna().iloc[0]}\n")
    print(f"   {len(X_test)} flats that no model has seen          R²   mean error   CPU seconds")
    for name, model in (
        ("DLRegressor(), the table as it is", DLRegressor(random_state=SEED)),
        ("gradient boosting, prepared by hand", gradient_boosting(SEED)),
        ("the straight line, prepared by hand", straight_line(SEED)),
    ):
        start = time.process_time()
        predicted = model.fit(X_train, y_train).predict(X_test)
        error, seconds = mean_absolute_error(y_test, predicted), time.process_time() - start
        print(f"   {name:37}{model.score(X_test, y_test):8.3f}{error:13.0f}{seconds:14.1f}")
        if isinstance(model, DLRegressor):
            low, high = model.predict_interval(X_test, coverage=0.9).T
            inside = np.mean((low <= y_test) & (y_test <= high))
            first = f"the first flat between {low[0]:.0f} and {high[0]:.0f}, really {y_test.iloc[0]:.0f}"
    print(f"   intervals at 90 %: {first}; {inside:.0%} of all lie in theirs\n")


def grid_search() -> None:
    """A pipeline, whose network's architecture, dropout and weight decay are searched together."""
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=SEED)
    network = DLClassifier(n_members=1, encoder=None, solver=AdamW(), random_state=SEED)  # the plain network is fast
    pipeline = Pipeline([("columns", TableEncoder()), ("network", network)])
    grid = {
        "network__hidden_layer_sizes": [(32,), (64, 64)],
        "network__dropout": [0.0, 0.2],
        "network__solver__weight_decay": [0.05, 0.5, 2.0],
    }
    search = GridSearchCV(pipeline, grid, cv=3, scoring="neg_log_loss").fit(X_train, y_train)
    print("2. A grid search over a pipeline: breast cancer")
    for name, value in search.best_params_.items():
        print(f"   best {name:<32}{value}")
    print(f"   log loss in cross-validation         {-search.best_score_:.4f}")
    print(f"   log loss on {len(y_test)} rows not seen       {-search.score(X_test, y_test):.4f}")
    print(f"   accuracy on the same rows            {search.best_estimator_.score(X_test, y_test):.3f}\n")


def comparison() -> None:
    """The network beside the linear model that belongs to it, on the same folds."""
    print("3. Beside the linear model: 5-fold cross-validation, mean ± standard deviation over the folds")
    for table, load, network in (
        ("diabetes", load_diabetes, DLRegressor(random_state=SEED)),
        ("breast cancer", load_breast_cancer, DLClassifier(random_state=SEED)),
        ("digits", load_digits, DLClassifier(n_members=1, random_state=SEED)),
    ):
        X, y = load(return_X_y=True)
        kind = KFold if isinstance(network, DLRegressor) else StratifiedKFold
        found = compare_with_linear(network, X, y, cv=kind(5, shuffle=True, random_state=SEED))
        print(f"\n   {table}\n   " + str(found).replace("\n", "\n   "))
    print()


def curves() -> None:
    """Training and validation loss over the epochs, as a picture."""
    print("4. Training curves")
    try:
        import matplotlib as mpl
    except ImportError:
        print("   matplotlib is not installed, so there is no picture (python -m pip install matplotlib).")
        return
    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    tables = [
        ("diabetes", "half squared error", DLRegressor, load_diabetes),
        ("breast cancer", "log loss", DLClassifier, load_breast_cancer),
        ("digits", "log loss", DLClassifier, load_digits),
    ]
    figure, axes = plt.subplots(1, len(tables), figsize=(11, 3.4), layout="constrained")
    for ax, (table, loss, estimator, load) in zip(axes, tables, strict=True):
        X, y = load(return_X_y=True)
        # patience without end: all epochs are run, and the weights of the best one are kept
        model = estimator(
            n_members=1,
            early_stopping=True,
            validation_fraction=0.25,
            n_iter_no_change=np.inf,
            max_iter=100,
            random_state=SEED,
        ).fit(X, y)
        epochs = np.arange(1, model.n_iter_ + 1)
        best = int(np.argmin(model.validation_loss_curve_))
        ax.plot(epochs, model.loss_curve_, color="#1f77b4", label="training")
        ax.plot(epochs, model.validation_loss_curve_, color="#d95f02", label="validation")
        ax.plot(epochs[best], model.validation_loss_curve_[best], "o", color="#d95f02", label="best epoch, kept")
        ax.set(title=table, xlabel="epoch", ylabel=loss, yscale="log", xlim=(0, 1.03 * model.n_iter_))
        ax.yaxis.set(major_locator=LogLocator(subs=(1, 2, 3, 5)), minor_locator=NullLocator())
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9")
        ax.set_axisbelow(True)
    axes[-1].legend(frameon=False)
    folder = Path.cwd() if os.access(Path.cwd(), os.W_OK) else Path(tempfile.mkdtemp())
    path = folder / "training_curves.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"   saved as {path}")


if __name__ == "__main__":
    start = time.perf_counter()
    raw_table()
    grid_search()
    comparison()
    curves()
    print(f"\n{time.perf_counter() - start:.0f} seconds in all")
