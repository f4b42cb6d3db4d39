"""A table in partitions, fitted by the workers of a LocalCluster; then a search whose survivors go on training.

python -m pip install ".[dask]" && python examples/scaling.py
"""

import numpy as np
import pandas as pd

from sklearn_dl import DLRegressor
from sklearn_dl.search import EpochHalvingSearchCV


def make_table(n_rows: int) -> tuple[pd.DataFrame, pd.Series]:
    """Deliveries: how long they took, by distance, weight, town and hour."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "km": rng.lognormal(1, 0.7, n_rows),
            "kg": np.where(rng.random(n_rows) < 0.1, np.nan, rng.lognormal(0, 1, n_rows)),
            "town": rng.choice(["Aachen", "Bonn", "Celle", "Demmin"], n_rows),
            "hour": rng.integers(6, 22, n_rows),
        }
    )
    rush = 1 + 0.8 * np.exp(-((X["hour"] - 17) ** 2) / 4) * (X["town"] != "Celle")
    return X, pd.Series(3 * X["km"] * rush + 2 * np.log1p(X["kg"].fillna(1)) + rng.normal(0, 1, n_rows), name="minutes")


def on_partitions(X: pd.DataFrame, y: pd.Series) -> None:
    """A fit on two workers, lazy predictions, and the ordinary estimator that it leaves behind."""
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    from sklearn_dl.dask import DLRegressor as DaskRegressor

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        table, target = dd.from_pandas(X, npartitions=8, sort=False), dd.from_pandas(y, npartitions=8, sort=False)
        model = DaskRegressor(n_members=2, hidden_layer_sizes=(32,), max_iter=5, random_state=0).fit(table, target)
        print("R² of all partitions:", round(model.score(table, target), 3))
        print("lazily:", model.predict(table).head(3).round(1).tolist())
    print("without a cluster:", model.estimator_.predict(X.head(3)).round(1).tolist())


def over_epochs(X: pd.DataFrame, y: pd.Series) -> None:
    """Nine candidates, of which one is trained to its end."""
    network = DLRegressor(n_members=1, hidden_layer_sizes=(32,), max_iter=18, random_state=0)
    grid = {"learning_rate_init": [0.0005, 0.005, 0.05], "activation": ["relu", "silu", "tanh"]}
    search = EpochHalvingSearchCV(network, grid, cv=2).fit(X.head(2000), y.head(2000))
    print("best of", search.n_candidates_, search.best_params_, "R²", round(search.best_score_, 3))


if __name__ == "__main__":  # LocalCluster starts processes, which import this file
    X, y = make_table(40_000)  # fewer than 32 768 rows would not be shared
    try:
        on_partitions(X, y)
    except ImportError as error:
        print(error)
    over_epochs(X, y)
