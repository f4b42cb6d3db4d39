"""Small things that add up: the size of a pickle, the time of an import, the time of one row's prediction."""

from __future__ import annotations

import pickle
import statistics
import subprocess
import sys

from . import parser, use_threads

IMPORTS = {
    "scikit-learn": "import sklearn.neural_network, sklearn.callback",
    "ours": "import sklearn.neural_network, sklearn.callback, sklearn_dl",
}
# prints seconds, and the names of all modules that are loaded then
MEASURED = """
import sys, time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start, *sys.modules)
"""


def imported(statement: str) -> tuple[float, set[str]]:
    """Seconds of an import in a fresh process, and the modules it loads."""
    command = [sys.executable, "-c", MEASURED.format(statement=statement)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(printed[0]), set(printed[1:])


def main(arguments: list[str] | None = None) -> None:
    args = parser(__doc__).parse_args(arguments)
    use_threads(1)

    from .timing import in_turn, ratio, surroundings
    from .works import PREDICT, mlp, ours

    print(surroundings())
    work = PREDICT.shrunk() if args.smoke else PREDICT
    x, y = work.table()
    model, peer = (fit(work, x[:5000], y[:5000], 1) for fit in (ours, mlp))

    sizes = [len(pickle.dumps(m)) for m in (model, peer)]
    weights = model.network_.values.nbytes
    print(f"pickle: {sizes[0]} bytes = {sizes[0] / weights:.2f} x its weights in float32", end="; ")
    print(f"scikit-learn {sizes[1]} = {sizes[1] / weights:.2f} x the same")

    runs = {name: [imported(statement) for _ in range(args.repeat)] for name, statement in IMPORTS.items()}
    own, other = (runs[name][0][1] for name in ("ours", "scikit-learn"))
    mine = [module for module in own - other if module.partition(".")[0] == "sklearn_dl"]
    foreign = sorted(own - other - set(mine))
    times = {name: statistics.median(t for t, _ in found) for name, found in runs.items()}
    print(
        f"import: {1e3 * (times['ours'] - times['scikit-learn']):.0f} ms after scikit-learn's "
        f"{1e3 * times['scikit-learn']:.0f} ms; {len(mine)} modules of ours, others: {foreign or 'none'}"
    )

    predictors = {"ours": model.predict_proba, "scikit-learn": peer.predict_proba}
    calls = {name: (lambda predict=predict: predict(x[:1])) for name, predict in predictors.items()}
    in_turn(calls, 3)
    rows = in_turn(calls, 10 if args.smoke else 300 * args.repeat)
    middle, late = ({n: statistics.quantiles(t, n=100)[q] * 1e6 for n, t in rows.items()} for q in (49, 98))
    for name in predictors:
        print(f"one row, {name}: median {middle[name]:.0f} µs, one in a hundred above {late[name]:.0f} µs")
    print(f"scikit-learn's ÷ ours: {ratio([middle['scikit-learn']], [middle['ours']]).partition(' ')[0]}")


if __name__ == "__main__":
    main()
