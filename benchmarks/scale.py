"""A fit on Dask beside one machine: accuracy, rows a second, traffic, kills, memory. Needs dask and distributed.

    python -m benchmarks.scale accuracy                      # a generated table of 10⁶ rows
    python -m benchmarks.scale accuracy --table FILE --epochs 14    # a parquet file with a column "target"
    python -m benchmarks.scale speed                         # one and two workers, beside the ordinary estimator
    python -m benchmarks.scale kills                         # ten workers killed one after the other: the same bits?
    python -m benchmarks.scale memory                        # a table larger than the workers' memory together

Workers are processes of one thread on this machine.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import statistics
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from . import parser, use_threads

MB = 1e6
TEST_ROWS = 20_000
DEFAULTS = {"accuracy": (1_000_000, 3), "speed": (1_000_000, 10), "kills": (20_000, 150), "memory": (0, 2)}


TELLING = 8  # columns of a generated table that tell something of its target; others are noise


def telling(n_rows: int, seed: int) -> Any:
    import numpy as np

    return np.random.default_rng((seed, 0)).normal(size=(n_rows, TELLING))


def inputs(n_rows: int, n_columns: int, seed: int) -> Any:
    """Some rows of a generated X."""
    import numpy as np

    noise = np.random.default_rng((seed, 1)).normal(size=(n_rows, n_columns - TELLING))
    return np.hstack([telling(n_rows, seed), noise])


def target(n_rows: int, seed: int) -> Any:
    """Their y: products, kinks and jumps."""
    import numpy as np

    x = telling(n_rows, seed).T
    y = np.sin(2 * x[0] * x[1]) + np.abs(x[2]) * x[3] + np.where(x[4] > 0, x[5], x[6] ** 2 / 2)
    return y + 0.3 * x[7] + 0.3 * np.random.default_rng((seed, 2)).normal(size=n_rows)


def lazily(n_rows: int, n_columns: int, n_blocks: int) -> tuple[Any, Any]:
    """X and y as Dask arrays of blocks that are generated where and when they are needed."""
    import dask
    import dask.array as da

    x, y = [], []
    for i in range(n_blocks):
        n = n_rows // n_blocks + (i < n_rows % n_blocks)
        x.append(da.from_delayed(dask.delayed(inputs)(n, n_columns, i), (n, n_columns), float))
        y.append(da.from_delayed(dask.delayed(target)(n, i), (n,), float))
    return da.concatenate(x), da.concatenate(y)


@contextmanager
def cluster(n_workers: int, **settings: Any) -> Iterator[Any]:
    """A client of so many workers of one thread."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None, **settings) as made,
        Client(made) as client,
    ):
        yield client


# ---------------------------------------------------------------- accuracy


def table_of(args: Any) -> tuple[Any, Any, Any, Any, str]:
    """Rows to learn from, rows to test on, and what the target is."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    if args.table is None:
        n = args.rows + TEST_ROWS
        x = pd.DataFrame(inputs(n, 10, 0), columns=[f"x{i}" for i in range(10)])
        y = pd.Series(target(n, 0))
        return x.iloc[: args.rows], y.iloc[: args.rows], x.iloc[args.rows :], y.iloc[args.rows :], "regression"
    x = pd.read_parquet(args.table)
    y = x.pop("target")
    task = "regression" if y.dtype.kind in "fi" and y.nunique() > 20 else "classification"
    stratify = y if task == "classification" else None
    parts = train_test_split(x, y, test_size=0.2, random_state=1000 + args.split, stratify=stratify)
    x, x_test, y, y_test = (part.reset_index(drop=True) for part in parts)
    return x.head(args.rows), y.head(args.rows), x_test, y_test, task


def loss_of(model: Any, x: Any, y: Any, task: str) -> float:
    """Log-loss; or root of the mean squared error, in standard deviations of the target."""
    from sklearn.metrics import log_loss, mean_squared_error

    if task == "classification":
        return float(log_loss(y, model.predict_proba(x), labels=model.classes_))
    return math.sqrt(mean_squared_error(y, model.predict(x)) / float(y.var(ddof=0)))


def accuracy(args: Any) -> None:
    """The loss on test rows after the same epochs: one machine, then Dask with each of the settings."""
    import dask.dataframe as dd

    import sklearn_dl
    import sklearn_dl.dask as on_dask

    x, y, x_test, y_test, task = table_of(args)
    name = "DLRegressor" if task == "regression" else "DLClassifier"
    shared = {"max_iter": args.epochs, "early_stopping": False} | json.loads(args.network)
    print(f"{len(x)} rows x {x.shape[1]}, {args.epochs} epochs, {args.network}")
    table, target = (dd.from_pandas(part, npartitions=8, sort=False) for part in (x, y))
    ways = [] if args.only_dask else [("one machine", None)]
    ways += [(f"Dask {told}", json.loads(told)) for told in args.settings or ["{}"]]
    mean: dict[str, float] = {}
    with cluster(1, processes=False) as _:
        for label, settings in ways:
            found = []
            for seed in range(args.seeds):
                if settings is None:
                    model = getattr(sklearn_dl, name)(n_folds=1, random_state=seed, **shared).fit(x, y)
                else:
                    own = shared | settings
                    model = getattr(on_dask, name)(random_state=seed, **own).fit(table, target).estimator_
                found.append(loss_of(model, x_test, y_test, task))
            mean[label] = sum(found) / len(found)
            beside = f" ({100 * (mean[label] / mean['one machine'] - 1):+.2f} %)" if "one machine" in mean else ""
            print(f"{label}: {mean[label]:.4f}{beside}, of {[round(loss, 4) for loss in found]}", flush=True)


# ---------------------------------------------------------------- speed


class Clock:
    """A callback that notes when each epoch is over, judgement included, and what had been sent by the first one's end.

    Parameters
    ----------
    count : callable
        Bytes sent so far.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self.at: list[float] = []
        self.count, self.before = count, 0

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        if context.task_name == "epoch":
            self.before = self.before or self.count()
            self.at.append(time.perf_counter())
        return False

    @property
    def seconds(self) -> float:
        """Of an epoch that is not the first: the median."""
        return statistics.median(b - a for a, b in itertools.pairwise(self.at))


def sent(client: Any) -> int:
    """Bytes that workers have sent so far."""
    return sum(client.run(lambda dask_worker: dask_worker.transfer_outgoing_bytes_total).values())


def timed(model: Any, x: Any, y: Any, count: Callable[[], int] = int) -> tuple[float, float, float]:
    """Seconds of an epoch and of the fit, and bytes sent in an epoch."""
    clock, start = Clock(count), time.perf_counter()
    model.set_callbacks(clock).fit(x, y)
    seconds = time.perf_counter() - start
    return clock.seconds, seconds, (count() - clock.before) / (len(clock.at) - 1)


def speed(args: Any) -> None:
    """Rows a second of the epochs: the ordinary estimator, then Dask on some numbers of workers, in turn."""
    import dask

    import sklearn_dl
    import sklearn_dl.dask as on_dask
    from sklearn_dl.dask.settings import sharing_for

    from .timing import head, row

    held_out = min(0.1, 2**16 / args.rows)
    network = {"n_members": 1, "max_iter": args.epochs, "random_state": 0} | json.loads(args.network)
    network |= {"early_stopping": True, "n_iter_no_change": math.inf, "validation_fraction": held_out}
    here, far = sklearn_dl.DLRegressor(n_folds=1, **network), on_dask.DLRegressor(**network)
    n_rounds = sharing_for(far.get_params(), args.rows).n_rounds
    given = lazily(args.rows, 10, 16)
    near = dask.compute(*given, scheduler="sync")
    print(f"{args.rows} rows x 10, {args.epochs} epochs, {args.network}; an epoch's seconds are with its judgement\n")
    head("", "seconds an epoch", "rows a second", "of one machine's", "seconds of the fit", "kB a round")
    for _ in range(args.repeat):
        base, whole, _ = timed(here, *near)
        row("one machine", f"{base:.2f}", f"{args.rows * (1 - held_out) / base:.0f}", "1.00", f"{whole:.1f}", "")
        for n_workers in args.workers:
            with cluster(n_workers) as client:
                there = client.persist(given)
                client.compute([part.sum() for part in there], sync=True)
                epoch, whole, traffic = timed(far, *there, partial(sent, client))
            rate = f"{args.rows * (1 - held_out) / epoch:.0f}"
            cells = f"{epoch:.2f}", rate, f"{base / epoch:.2f}", f"{whole:.1f}", f"{traffic / n_rounds / 1000:.1f}"
            row(f"{n_workers} workers", *cells)


# ---------------------------------------------------------------- kills


def kills(args: Any) -> None:
    """The same fit on 1, 2 and 4 workers and cut otherwise, then with workers killed: are the bits the same?"""
    import dask

    import sklearn_dl.dask as on_dask

    settings = {"hidden_layer_sizes": (32,), "n_members": 2, "n_shards": 4, "max_iter": args.epochs, "random_state": 0}

    def fitted(n_blocks: int) -> bytes:
        x, y = lazily(args.rows, 10, 20)
        size = math.ceil(args.rows / n_blocks)
        return values(on_dask.DLRegressor(**settings).fit(x.rechunk((size, 10)), y.rechunk(size)))

    expected, failures = None, 0
    with dask.config.set({"distributed.admin.log-format": "%(message)s"}):  # they tell of each worker that is lost
        for n_workers, n_blocks in ((1, 20), (2, 20), (4, 20), (2, 1), (2, 2), (2, 7)):
            with cluster(n_workers):
                found = fitted(n_blocks)
            expected = expected or found
            failures += found != expected
            print(f"{n_workers} workers, {n_blocks} partitions: {told(found, expected)}", flush=True)
        with cluster(2) as client:
            over, killed = threading.Event(), []

            def kill() -> None:
                """Kill a worker amid training, again and again; its nanny starts another one."""
                while len(killed) < args.kills and not over.wait(args.pause):
                    pids = list(client.run(os.getpid).values()) if "epoch" in str(list(client.who_has())) else []
                    if pids:
                        os.kill(pids[len(killed) % len(pids)], signal.SIGKILL)
                        killed.append(pids)

            killer = threading.Thread(target=kill)
            killer.start()
            start = time.perf_counter()
            try:
                found = fitted(20)
            finally:
                over.set()
                killer.join()
            failures += found != expected
            print(f"{len(killed)} kills in {time.perf_counter() - start:.0f} s: {told(found, expected)}", flush=True)
    if failures:
        raise SystemExit(1)


def values(model: Any) -> bytes:
    return model.fitted_.network.values.tobytes()


def told(found: bytes, expected: bytes) -> str:
    return "the same bits" if found == expected else "OTHER BITS"


# ---------------------------------------------------------------- memory


def memory(args: Any) -> None:
    """A fit of a table that is larger than the workers' memory together, and the peaks of client and workers."""
    import dask

    import sklearn_dl.dask as on_dask

    from .memory import peak

    rows = round(args.gigabytes * 1e9 / 8 / args.columns)
    x, y = lazily(rows, args.columns, max(2, round(args.gigabytes * 1e9 / 64e6)))
    network = {"n_members": 1, "hidden_layer_sizes": (32,), "max_iter": args.epochs, "random_state": 0}
    quiet = {"distributed.admin.log-format": "%(message)s"}
    with (
        tempfile.TemporaryDirectory(dir=args.folder) as folder,
        dask.config.set({"temporary-directory": folder} | quiet),
        cluster(2, memory_limit=round(args.limit * 1e9)) as client,
    ):
        before = set(client.scheduler_info()["workers"])
        start = time.perf_counter()
        with peak() as found:
            model = on_dask.DLRegressor(**network).fit(x, y)
        seconds = time.perf_counter() - start
        spilled = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file())
        peaks = client.run(most_resident).values()
        lost = before - set(client.scheduler_info()["workers"])
    print(
        f"{rows} rows x {args.columns}, {args.gigabytes:g} GB in {x.npartitions} partitions, through 2 workers of "
        f"{args.limit:g} GB each: {seconds:.0f} s, epochs of {[round(e['seconds'], 1) for e in model.history_]} s, "
        f"loss {[round(e['loss'], 4) for e in model.history_]}"
    )
    print(
        f"peaks of the workers {[round(b / MB) for b in peaks]} MB, {len(lost)} lost, {spilled / MB:.0f} MB spilled at "
        f"the end; of the client {(found['most'] - found['before']) / MB:.0f} MB beyond what was there"
    )


def most_resident() -> int:
    """The largest memory that this process has had."""
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("what", choices=("accuracy", "speed", "kills", "memory"))
    options.add_argument("--rows", type=int, help="at most (default: 10⁶; kills: 20000)")
    options.add_argument("--epochs", type=int, help="default: 3; speed: 10, kills: 150, memory: 2")
    options.add_argument("--network", default="{}", metavar="JSON", help="parameters of all estimators")
    options.add_argument("--table", default=None, metavar="FILE", help="accuracy: parquet; generated unless given")
    options.add_argument("--split", type=int, default=0, help="accuracy: which rows of FILE are tested on")
    options.add_argument("--seeds", type=int, default=1, help="accuracy: fits of each, whose mean counts")
    options.add_argument("--settings", action="append", metavar="JSON", help="accuracy: on Dask; several may be given")
    options.add_argument("--only-dask", action="store_true", help="accuracy: without one machine")
    options.add_argument("--workers", type=int, nargs="*", default=[1, 2], help="speed: numbers of workers")
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--pause", type=float, default=1.5, help="kills: seconds between them")
    options.add_argument("--gigabytes", type=float, default=20.0, help="memory: of the table")
    options.add_argument("--columns", type=int, default=100, help="memory: of the table")
    options.add_argument("--limit", type=float, default=1.5, help="memory: GB of each worker")
    options.add_argument("--folder", default=None, help="memory: for what is spilled")
    options.set_defaults(repeat=3)
    args = options.parse_args(arguments)
    rows, epochs = DEFAULTS[args.what]
    args.rows, args.epochs = args.rows or rows, args.epochs or epochs
    if args.smoke:
        args.rows, args.epochs, args.kills, args.workers, args.gigabytes, args.limit = 2000, 2, 0, [1], 0.002, 1
    use_threads(1)
    warnings.filterwarnings("ignore", "the network is worse")  # after few epochs
    {"accuracy": accuracy, "speed": speed, "kills": kills, "memory": memory}[args.what](args)


if __name__ == "__main__":
    main()
