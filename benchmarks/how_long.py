"""How long a fit takes and what memory it needs, by rows: python -m benchmarks.how_long [rows ...]

Numbers in, a number out (friedman1 with noise, 20 columns), a process for each fit, on one thread. The lines are those
of docs/time.md: replace its table by what this prints.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

import numpy as np

SETTINGS = {
    "`DLRegressor()`": {},
    "the fast setting": {"n_members": 4, "hidden_layer_sizes": (96,), "max_iter": 16, "learning_rate_init": 0.01},
    "`n_members=1`": {"n_members": 1},
    "gradient boosting": None,
}


def one(name: str, rows: int) -> None:
    """Fit once, and print CPU seconds, epochs, mebibytes beyond the table, and R²."""
    from sklearn.datasets import make_friedman1
    from sklearn.ensemble import HistGradientBoostingRegressor

    from sklearn_dl import DLRegressor

    X, y = make_friedman1(rows + 2000, 20, noise=1.0, random_state=0)
    X = X.astype(np.float32)
    settings = SETTINGS[name]
    model = (
        HistGradientBoostingRegressor(random_state=0) if settings is None else DLRegressor(random_state=0, **settings)
    )
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    model.fit(X[2000:], y[2000:])
    seconds, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{seconds:.1f} | {model.n_iter_} | {peak / 1024:.0f} | {model.score(X[:2000], y[:2000]):.3f}")


def main() -> None:
    """Print a table for each setting."""
    if sys.argv[1:2] == ["--one"]:
        return one(sys.argv[2], int(sys.argv[3]))
    print("| | rows | CPU seconds | epochs | MB beyond X | R² |\n|---|---|---|---|---|---|")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name in SETTINGS:
        for rows in [int(word) for word in sys.argv[1:]] or [1000, 10_000, 100_000]:
            command = [sys.executable, "-m", "benchmarks.how_long", "--one", name, str(rows)]
            found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            print(f"| {name} | {rows:,} | {found.strip()} |".replace(",", " "), flush=True)
    return None


if __name__ == "__main__":
    main()
