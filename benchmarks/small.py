"""Small things that add up: the size of a pickle, the time of an import, the time of one row's prediction."""

from __future__ import annotations

import pickle
import statistics
import subprocess
import sys

from . import parser, use_threads

# prints the seconds of two imports, one after the other, and the modules that the second one loaded
IMPORTS = """
import sys, time
start = time.perf_counter()
import sklearn.neural_network, sklearn.callback
middle, before = time.perf_counter(), set(sys.modules)
import sklearn_dl
print(middle - start, time.perf_counter() - middle, *sorted(set(sys.modules) - before))
"""


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

    command = [sys.executable, "-c", IMPORTS]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(args.repeat)]
    first, second = (1e3 * statistics.median(float(run.stdout.split()[i]) for run in runs) for i in range(2))
    modules = runs[0].stdout.split()[2:]
    foreign = [name for name in modules if name.partition(".")[0] != "sklearn_dl"]
    print(f"import: scikit-learn's neural_network and callback {first:.0f} ms, then ours {second:.0f} ms; ", end="")
    print(f"{len(modules) - len(foreign)} modules of ours, others: {', '.join(foreign) or 'none'}")

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
