"""The table of ratios: time of each peer ÷ our time, fit and predict; above 1, ours is faster.

A figure is the median over the repeats, with the smallest and the largest, of ratios of runs that followed each other.
scikit-learn is always there; torch, JAX with optax, and onnxruntime with onnx where they are installed. "products" are
the matrix products of the same training alone, by NumPy. The default ensemble has a table of its own.
"""

from __future__ import annotations

import statistics
from functools import partial

from . import WAYS, parser, use_threads, use_ways


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--threads", type=int, default=1, help="threads that each may use (default: 1)")
    options.add_argument("--busy", type=int, default=0, help="also beside so many busy processes: busy ÷ idle")
    options.add_argument("--only", default="", help="some works, such as small,ensemble,predict")
    options.add_argument("--ours", default="numpy", help=f"how ours computes, of {', '.join(WAYS)}: such as mkl,numba")
    args = options.parse_args(arguments)
    use_threads(args.threads)
    try:
        args.dtype = use_ways(args.ours)
    except ValueError as error:
        options.error(str(error))

    from .suites import NAMES, SUITES, named
    from .timing import surroundings
    from .works import PREDICT

    try:
        chosen = named(args.only, [*NAMES, PREDICT.name])
    except ValueError as error:
        options.error(str(error))
    print(surroundings("torch", "jax", "optax", "onnxruntime"))
    print(
        f"threads: {args.threads}; ours by {args.ours}; their seconds ÷ ours: "
        f"median (smallest-largest) of {args.repeat}"
    )
    for suite in SUITES:
        fits(suite, [suite.works[name] for name in chosen if name in suite.works], args)
    if PREDICT.name in chosen:
        predictions(args)


def fits(suite, works, args) -> None:
    """The table of a suite's fits, and with ``--busy`` that of busy ÷ idle."""
    from .timing import busy, head, in_turn, ratio, row

    peers = [peer for peer in suite.peers if peer.installed]
    slowed = []
    if works:
        print()
        head(suite.label, *(peer.label for peer in peers), "ours, µs a step")
    for work in works:
        work = work.shrunk() if args.smoke else work
        x, y = work.table()
        functions = {peer.label: partial(peer.fit, work, x, y, args.threads) for peer in peers}
        functions = {"ours": partial(suite.ours.fit, work, x, y, args.threads, dtype=args.dtype)} | functions
        in_turn(functions, 1)  # imports, pools of threads, compilation
        idle, loaded = {name: [] for name in functions}, {name: [] for name in functions}
        for _ in range(args.repeat):
            for name, times in in_turn(functions, 1).items():
                idle[name] += times
            if args.busy:
                with busy(args.busy):
                    for name, times in in_turn(functions, 1).items():
                        loaded[name] += times
        step = statistics.median(idle["ours"]) / work.n_steps
        row(work.name, *(ratio(idle[peer.label], idle["ours"]) for peer in peers), f"{1e6 * step:.0f}")
        slowed.append((work.name, *(ratio(loaded[name], idle[name]) for name in functions if args.busy)))
    if works and args.busy:
        print(f"\nseconds beside {args.busy} busy process(es) ÷ seconds without\n")
        head(suite.label, "ours", *(peer.label for peer in peers))
        for cells in slowed:
            row(*cells)


def predictions(args) -> None:
    """The table of `predict_proba`, for one row and for many."""
    from .timing import head, in_turn, ratio, row
    from .works import PREDICT, mlp, onnx_predictor, ours

    work = PREDICT.shrunk() if args.smoke else PREDICT
    x, y = work.table()
    model, peer = (fit(work, x[:5000], y[:5000], args.threads) for fit in (ours, mlp))
    predictors = {"ours": model.predict_proba, "scikit-learn": peer.predict_proba}
    onnx = onnx_predictor(peer, args.threads)
    if onnx is not None:
        predictors["onnxruntime"] = onnx
    print()
    head("predict_proba", *[name for name in predictors if name != "ours"], "ours, µs")
    for rows, calls in ((x[:1], 300), (x, 5)):
        calls = 3 if args.smoke else calls

        def often(predict, rows=rows, calls=calls):
            for _ in range(calls):
                predict(rows)

        functions = {name: partial(often, predict) for name, predict in predictors.items()}
        in_turn(functions, 1)
        times = in_turn(functions, args.repeat)
        one = statistics.median(times["ours"]) / calls
        label = "one row" if len(rows) == 1 else f"{len(rows)} rows"
        row(label, *(ratio(times[name], times["ours"]) for name in functions if name != "ours"), f"{1e6 * one:.0f}")


if __name__ == "__main__":
    main()
