"""A table as it comes: numbers with gaps, text, categories and booleans, without any preprocessing.

Run it with ``python examples/raw_table.py``; it takes some seconds on one core. It needs pandas; the package does not.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_dl import DLRegressor
from sklearn_dl.encoding import TableEncoder

try:
    import pandas as pd
except ImportError:
    sys.exit("This example needs pandas; install it with: pip install pandas")

SEED, N = 0, 3000


def flats() -> tuple[pd.DataFrame, np.ndarray]:
    """Rents of flats, as an agency might have them: some things not known, some written down as text."""
    rng = np.random.default_rng(SEED)
    streets = np.array([f"street {i:02}" for i in range(60)])
    street, area = rng.integers(0, len(streets), N), rng.gamma(9, 8, N)
    year, floor = rng.integers(1900, 2025, N), rng.integers(0, 8, N)
    heating = rng.choice(["gas", "oil", "district", "heat pump"], N, p=[0.5, 0.2, 0.2, 0.1])
    lift = rng.random(N) < 0.4
    location = rng.normal(0, 0.25, len(streets))[street]
    age = (2025 - year) / 100
    log_rent = 2.3 + 0.9 * np.log(area) + location + 0.4 * (age - 0.6) ** 2 - 0.04 * floor * ~lift
    log_rent += 0.1 * (heating == "heat pump") + 0.08 * rng.normal(size=N)
    condition = rng.choice(["poor", "fair", "good"], N)
    table = pd.DataFrame(
        {
            "area": area.round(1),
            "year": np.where(rng.random(N) < 0.15, np.nan, year),  # often not known
            "floor": floor,
            "street": streets[street],
            "heating": pd.Series(heating).where(rng.random(N) < 0.9),  # missing where nobody asked
            "condition": pd.Categorical(condition, ["poor", "fair", "good"], ordered=True),
            "lift": lift,
        }
    )
    return table, np.exp(log_rent)


def show_encoder(encoder: TableEncoder, table: pd.DataFrame) -> None:
    """Which columns of the table became which columns of the network."""
    made = [str(name) for name in encoder.get_feature_names_out()]
    for i, column in enumerate(table.columns):
        mine = [name for name in made if name == column or name.startswith(f"{column}_")]
        if i in encoder.numeric_features_:
            what = "a number, scaled" + (", and where it was missing" if len(mine) > 1 else "")
        elif mine == [column]:
            levels = encoder.levels_[list(encoder.categorical_features_).index(i)]
            what = f"a code for each of {len(levels)} levels, with a learnt vector of {encoder.embedding_size} numbers"
        else:
            what = "one column a level"
        print(f"   {column:10} {table[column].dtype!s:9} -> {what}: {', '.join(mine)}")


def main() -> None:
    """Show the table, what the encoder makes of it, a fit, and a comparison."""
    table, rent = flats()
    print("1. The table")
    print(table.head(4).to_string())

    print("\n2. A fit without preprocessing")
    start = time.perf_counter()
    X_train, X_test, y_train, y_test = train_test_split(table, rent, random_state=SEED)
    model = DLRegressor(max_iter=40, random_state=SEED).fit(X_train, y_train)
    print(f"   R² on {len(X_test)} new rows: {model.score(X_test, y_test):.3f} ({time.perf_counter() - start:.1f} s)")

    print("\n3. What the encoder did")
    show_encoder(model.encoder_, table)
    strange = X_test.iloc[:1].assign(street="street that is not in the table", year=np.nan, heating=None)
    print(f"   A flat in an unknown street, of unknown age, is taken too: {model.predict(strange)[0]:.0f} a month")

    print("\n4. Five-fold cross-validation, R²")
    prepared = make_column_transformer(
        (
            make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    candidates = {
        "DLRegressor(n_members=1)": DLRegressor(n_members=1, random_state=SEED),
        "HistGradientBoostingRegressor": HistGradientBoostingRegressor(
            categorical_features=["street", "heating", "condition"], random_state=SEED
        ),
        "Ridge, with a pipeline of preprocessing": make_pipeline(prepared, RidgeCV()),
    }
    folds = KFold(5, shuffle=True, random_state=SEED)
    for name, candidate in candidates.items():
        start = time.perf_counter()
        scores = cross_val_score(candidate, table, rent, cv=folds)
        print(f"   {name:40} {scores.mean():.3f} ± {scores.std():.3f}  ({time.perf_counter() - start:.1f} s)")


if __name__ == "__main__":
    main()
