"""What this version saves, kept for the next ones to read: python tests/data/make.py

Writes a folder named after the version: two pickled estimators, a checkpoint of a training that was stopped half way,
and `told.json`, with the rows that they saw and what they answered. Run anew until the version is released, since until
then nothing is promised; afterwards the folder stays as it is. It is run with the lowest versions that are supported
(`.ci/lowest.py`), since NumPy 1.26.0 reads no pickles of NumPy 2, which reads those of 1.26.
"""

from __future__ import annotations

import contextlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_dl import DLClassifier, DLRegressor, __version__
from sklearn_dl.checkpoint import Checkpoint
from sklearn_dl.numeric_embeddings import Mixed
from sklearn_dl.solvers import AdamW

N, SHOWN = 160, 12  # rows that are learnt; rows whose answers are kept
FLATS = {
    "hidden_layer_sizes": (8,),
    "numeric_embedding": Mixed(4, 4, 1),
    "max_iter": 40,
    "learning_rate_init": 0.02,
    "random_state": 0,
}


class PowerCut:
    """Ends a training, without an orderly end, after the sixth epoch."""

    def setup(self, estimator: Any, context: Any) -> None: ...
    def teardown(self, estimator: Any, context: Any) -> None: ...
    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        if context.task_name == "epoch" and context.task_id == 5:
            raise RuntimeError("power cut")


def training() -> DLRegressor:
    """One whose bits no processor changes before the first step: numbers as they are, and nothing left to "auto"."""
    return DLRegressor(
        hidden_layer_sizes=(6,),
        solver=AdamW(beta_2=0.99, weight_decay=0.1),
        learning_rate_init=0.01,
        batch_size=32,
        max_iter=12,
        n_members=1,
        n_folds=1,
        dropout=0.1,
        early_stopping=False,
        numeric_embedding=None,
        encoder=None,
        scale_target=False,
        dtype="float64",
        random_state=0,
    )


def numbers(rows: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """The training's X and y."""
    X = np.array(rows)
    return X, X[:, 0] * X[:, 1] + X[:, 2]


def flats(columns: dict[str, list]) -> pd.DataFrame:
    """The estimators' table."""
    return pd.DataFrame(columns).assign(listed=lambda table: pd.to_datetime(table["listed"]))


def columns(rng: np.random.Generator) -> dict[str, list]:
    """A column of each kind, with gaps."""
    area = rng.gamma(9, 8, N).round(1)
    return {
        "area": [None if gap else size for size, gap in zip(area.tolist(), rng.random(N) < 0.1, strict=True)],
        "heating": rng.choice(["gas", "oil", "heat pump"], N).tolist(),
        "street": rng.choice([f"street {i}" for i in range(12)], N).tolist(),
        "listed": [str(day) for day in np.datetime64("2023-01-01") + rng.integers(0, 700, N)],
        "note": [f"A {a} flat with {b}" for a, b in rng.choice(["fine", "dark", "calm", "old"], (N, 2)).tolist()],
        "rent": (400 + 10 * area + 50 * rng.normal(size=N)).round(2).tolist(),
    }


def main() -> None:
    """Write the folder, and what its files weigh."""
    folder = Path(__file__).parent / __version__
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    told: dict[str, Any] = {"flats": columns(rng), "numbers": rng.normal(size=(96, 3)).round(3).tolist()}
    table = flats(told["flats"])
    rent = table.pop("rent")
    dear = np.where(rent > rent.median(), "dear", "cheap")
    regressor, classifier = DLRegressor(**FLATS).fit(table, rent), DLClassifier(**FLATS, n_members=1).fit(table, dear)
    told["rents"] = regressor.predict(table[:SHOWN]).tolist()
    told["intervals"] = regressor.predict_interval(table[:SHOWN]).tolist()
    told["probabilities"] = classifier.predict_proba(table[:SHOWN]).tolist()
    for name, model in {"regressor": regressor, "classifier": classifier}.items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(model, protocol=4))

    X, y = numbers(told["numbers"])
    told["resumed"] = training().fit(X, y).predict(X[:SHOWN]).tolist()
    (folder / "training.checkpoint").unlink(missing_ok=True)
    with contextlib.suppress(RuntimeError):
        training().set_callbacks(Checkpoint(folder / "training.checkpoint"), PowerCut()).fit(X, y)
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")
    print(*(f"{path.name}: {path.stat().st_size} bytes" for path in sorted(folder.iterdir())), sep="\n")


if __name__ == "__main__":
    main()
