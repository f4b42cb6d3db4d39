"""
What a network looks at in a table
==================================

Attributions of each column, beside scikit-learn's own ways of asking, on a table whose truth is known. It needs
pandas and matplotlib, which the package does not.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.feature_selection import RFE
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import train_test_split

from sklearn_dl import DLRegressor
from sklearn_dl.inspection import AttributionDisplay, Attributions, attribution_importance, integrated_gradients

SEED, N = 0, 3000
BASE = 300.0


def flats() -> tuple[pd.DataFrame, np.ndarray]:
    """Rents of flats that are sums of what each column brings, so that the truth about each column is known."""
    rng = np.random.default_rng(SEED)
    streets = np.array([f"street {i:02}" for i in range(25)])
    street, heating = rng.integers(0, len(streets), N), rng.choice(["gas", "oil", "heat pump"], N)
    area, year = rng.gamma(9, 8, N), rng.integers(1900, 2025, N)
    worth = {
        "area": 9 * area,
        "year": 250 * ((year - 1965) / 60) ** 2,  # very old and very new ones
        "street": rng.normal(0, 90, len(streets))[street],
        "heating": 60.0 * (heating == "heat pump"),
    }
    table = pd.DataFrame(
        {
            "area": area.round(1),
            "year": np.where(rng.random(N) < 0.1, np.nan, year),  # not always known
            "floor": rng.integers(0, 8, N),  # brings nothing
            "street": streets[street],
            "heating": heating,
        }
    )
    return table, BASE + sum(worth.values()) + rng.normal(0, 30, N)


def show_attributions(model: DLRegressor, test: pd.DataFrame, background: pd.DataFrame) -> Attributions:
    """From the mean rent to each flat's, column by column."""
    found = integrated_gradients(model, test, background=background)
    print("1. Integrated gradients: how far each column moves a rent from that of the background, on average")
    print("   " + str(found).replace("\n", "\n   "))
    row = found.values[0]
    parts = " ".join(f"{name} {value:+.0f}" for name, value in zip(found.feature_names, row, strict=True))
    print(f"   the first flat: {found.baseline:.0f} {parts} = {found.prediction[0]:.0f}")
    print(f"   largest error of such a sum: {np.abs(found.residual).max():.2f}\n")
    return found


def beside_scikit_learn(model: DLRegressor, test: pd.DataFrame, rent: np.ndarray, found: Attributions) -> None:
    """The same model, asked in scikit-learn's ways."""
    theirs = permutation_importance(model, test, rent, n_repeats=5, random_state=SEED).importances_mean
    ours = found.importance()
    print("2. Beside sklearn.inspection.permutation_importance (R² lost without a column)")
    print(f"   {'column':<10}{'attribution':>12}{'permutation':>14}")
    for j in np.argsort(-ours):
        print(f"   {test.columns[j]:<10}{ours[j]:>12.1f}{theirs[j]:>14.3f}")
    print(f"   rank correlation {spearmanr(ours, theirs).statistic:.2f}")
    grid = np.linspace(1905, 2020, 24)
    curve = partial_dependence(model, test, ["year"], custom_values={"year": grid})
    known = test["year"].between(1905, 2020).to_numpy()
    at_rows = np.interp(test["year"][known], curve["grid_values"][0], curve["average"][0])
    agreement = np.corrcoef(at_rows, found.values[known, 1])[0, 1]
    print(f"   correlation of the attributions of 'year' with its partial dependence: {agreement:.3f}\n")


def selection() -> None:
    """Recursive elimination of columns, led by attributions."""
    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(600, 8))
    y = X[:, 1] * X[:, 6] + np.abs(X[:, 3])  # three columns, and none of them matters in a straight line
    network = DLRegressor(max_iter=60, n_members=1, random_state=SEED)
    search = RFE(network, n_features_to_select=3, importance_getter=attribution_importance).fit(X, y)
    print("3. RFE with importance_getter=attribution_importance; columns 1, 3 and 6 of 8 matter")
    print(f"   kept: {np.flatnonzero(search.support_).tolist()}\n")


def pictures(found: Attributions) -> None:
    """The attributions of all flats, and of one."""
    _, axes = plt.subplots(1, 3, figsize=(13, 3), layout="constrained")
    for ax, kind in zip(axes, ("bar", "box", "row"), strict=True):
        AttributionDisplay(found).plot(ax, kind=kind)
    plt.show()


if __name__ == "__main__":
    table, rent = flats()
    X_train, X_test, y_train, y_test = train_test_split(table, rent, test_size=300, random_state=SEED)
    model = DLRegressor(n_members=1, random_state=SEED, max_iter=100).fit(X_train, y_train)
    print(f"A network for {len(X_train)} flats: R² {model.score(X_test, y_test):.3f} on {len(X_test)} others\n")
    found = show_attributions(model, X_test, X_train[:20])
    beside_scikit_learn(model, X_test, y_test, found)
    selection()
    pictures(found)
