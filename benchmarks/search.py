"""A grid search of 20 candidates, three folds, 20 epochs, in two processes: over ours and over scikit-learn's MLP.

The data and the network are those of "tiny"; threads are left to joblib, as users do.
"""

from __future__ import annotations

import os
import statistics
import warnings
from dataclasses import replace
from functools import partial

from . import parser


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--jobs", type=int, default=2, help="processes of the search (default: 2)")
    options.set_defaults(repeat=3)
    args = options.parse_args(arguments)
    # the MLP is to run all epochs and not to say so, here and in the processes of the search
    warnings.filterwarnings("ignore", "Stochastic Optimizer")
    os.environ["PYTHONWARNINGS"] = "ignore:Stochastic Optimizer"

    from sklearn.model_selection import GridSearchCV

    from .timing import in_turn, ratio, surroundings
    from .works import WORKS, mlp, ours

    work = replace(WORKS["tiny"], epochs=20)
    grid = {"learning_rate_init": [1e-3, 2e-3, 3e-3, 5e-3, 1e-2], "alpha": [0.0, 1e-4, 1e-3, 1e-2]}
    if args.smoke:
        work, grid = work.shrunk(), {"alpha": [0.0, 1e-4]}
    x, y = work.table()
    searches = {}
    for name, fit in (("ours", ours), ("scikit-learn", mlp)):
        model = fit(replace(work, epochs=1), x, y, 1).set_params(max_iter=work.epochs)
        if name == "ours":
            model.set_params(n_jobs=None)
        searches[name] = partial(GridSearchCV(model, grid, cv=3, n_jobs=args.jobs).fit, x, y)
        GridSearchCV(model, {"alpha": [0.0]}, cv=3, n_jobs=args.jobs).fit(x, y)  # starts the processes
    times = in_turn(searches, args.repeat)
    print(surroundings())
    print(f"cv=3, n_jobs={args.jobs}, over {grid}: ours takes {statistics.median(times['ours']):.2f} s")
    print(f"scikit-learn's seconds ÷ ours, of {args.repeat}: {ratio(times['scikit-learn'], times['ours'])}")


if __name__ == "__main__":
    main()
