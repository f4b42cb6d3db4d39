"""EpochHalvingSearchCV beside GridSearchCV on three tables: what each finds, in how many CPU seconds; then killed.

The winner of the halving is looked up among what the grid search has found, where every candidate is trained to its
end. A second search is killed with SIGKILL amid its work and started again. Needs a system with `fork`.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import parser, use_threads

GRID = {
    "learning_rate_init": [0.0005, 0.002, 0.008],
    "dropout": [0.0, 0.1, 0.3],
    "hidden_layer_sizes": [(64,), (128, 128), (128, 128, 128)],
}


def tables() -> dict[str, tuple[Any, Any, Any]]:
    """A network, X and y for each name."""
    from sklearn.datasets import load_diabetes, load_digits

    from examples.flats import flats
    from sklearn_dl import DLClassifier, DLRegressor

    plain = {"n_members": 1, "random_state": 0}
    return {
        "diabetes": (DLRegressor(random_state=0), *load_diabetes(return_X_y=True)),
        "digits": (DLClassifier(**plain), *load_digits(return_X_y=True)),
        "flats": (DLRegressor(**plain), *flats()),
    }


def cpu_seconds(do: Callable[[], Any]) -> float:
    start = time.process_time()
    do()
    return time.process_time() - start


def killed(do: Callable[[], Any], seconds: float) -> bool:
    """Do it in another process and kill that one after some of its CPU seconds; whether it was at work by then."""
    child = os.fork()
    if child == 0:
        do()
        os._exit(0)
    ticks = os.sysconf("SC_CLK_TCK")
    while True:
        fields = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        if fields[0] == "Z" or (int(fields[11]) + int(fields[12])) / ticks > seconds:
            break
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def compared(name: str, network: Any, x: Any, y: Any, grid: dict[str, list[Any]]) -> None:
    """Print what both searches find, and what it costs, as a row of a Markdown table."""
    from sklearn.model_selection import GridSearchCV

    from sklearn_dl.search import EpochHalvingSearchCV

    from .timing import row

    whole = GridSearchCV(network, grid, cv=3)
    whole_seconds = cpu_seconds(lambda: whole.fit(x, y))
    halving = EpochHalvingSearchCV(network, grid, cv=3)
    seconds = cpu_seconds(lambda: halving.fit(x, y))
    i = whole.cv_results_["params"].index(halving.best_params_)
    found, spread = whole.cv_results_["mean_test_score"][i], whole.cv_results_["std_test_score"][whole.best_index_]
    assert found == halving.best_score_, "a survivor has another score than when it is trained at once"
    with tempfile.TemporaryDirectory() as folder:
        again = EpochHalvingSearchCV(network, grid, cv=3, folder=folder)
        was_killed = killed(lambda: again.fit(x, y), seconds / 2)
        left = cpu_seconds(lambda: again.fit(x, y))
    same = again.best_score_ == halving.best_score_ and again.best_params_ == halving.best_params_
    outcome = ("the same" if same else "ANOTHER") if was_killed else "it was over before"
    row(
        f"{name}, {len(whole.cv_results_['params'])} candidates",
        f"{whole.best_score_:.4f} ± {spread:.4f}",
        f"{found:.4f}",
        f"{(whole.best_score_ - found) / spread:.2f}",
        f"{whole_seconds:.0f}",
        f"{seconds:.0f}",
        f"{seconds / whole_seconds:.2f}",
        f"{left:.0f}, {outcome}",
    )


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--only", default="", metavar="NAME,NAME", help="some tables")
    options.add_argument("--candidates", type=int, choices=(3, 9, 27), default=27)
    args = options.parse_args(arguments)
    use_threads(1)
    warnings.filterwarnings("ignore", "the network is worse")  # after few epochs

    from .timing import head

    n_parameters = {3: 1, 9: 2, 27: 3}[3 if args.smoke else args.candidates]
    grid = dict(list(GRID.items())[:n_parameters])
    head(
        "table", "grid search: best", "halving: best", "behind, in spreads", "CPU s", "CPU s", "ratio",
        "killed after half: CPU s, what is found",
    )  # fmt: skip
    for name, (network, x, y) in tables().items():
        if args.smoke:
            network.set_params(n_members=1, max_iter=6)
            x, y = x[:100], y[:100]
        if not args.only or name in args.only.split(","):
            compared(name, network, x, y, grid)


if __name__ == "__main__":
    main()
