"""Peaks of memory: a fit of a large array in memory, and of a memory-mapped file that need not fit into it.

Counted is what the system calls RssAnon: pages that belong to the process alone, without those of mapped files, which
it may take back at any time. It is read every 5 ms, so this needs Linux.
"""

from __future__ import annotations

import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import parser, use_threads

MB = 2**20


def resident() -> int:
    """Bytes that belong to this process alone."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE)[1])


@contextmanager
def peak() -> Iterator[dict[str, int]]:
    """Filled in at the end: ``before`` and ``most``, in bytes."""
    found = {"before": resident(), "most": 0}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            found["most"] = max(found["most"], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
        found["most"] = max(found["most"], resident())


def fit(x, y, label: str, members: int) -> None:
    """One epoch of a regressor, otherwise with its defaults, and what it took."""
    from sklearn_dl import DLRegressor

    start = time.perf_counter()
    with peak() as found:
        model = DLRegressor(n_members=members, max_iter=1, random_state=0).fit(x, y)
    weights = model.network_.values.nbytes / MB
    beyond = (found["most"] - found["before"]) / MB
    print(
        f"{label}: {len(x)} x {x.shape[1]} float32, X {x.nbytes / MB:.0f} MB, weights {weights:.2f} MB: "
        f"peak {beyond:.0f} MB beyond what was there ({found['most'] / MB:.0f} MB in all), "
        f"{time.perf_counter() - start:.1f} s",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--rows", type=int, default=2_000_000, help="rows of 50 columns in memory (default: 2000000)")
    options.add_argument("--gigabytes", type=float, default=6.0, help="of the mapped file; 0: without (default: 6)")
    options.add_argument("--members", type=int, default=1, help="members of the ensemble (default: 1)")
    options.add_argument("--folder", default=None, help="for the mapped file (default: the system's temporary one)")
    args = options.parse_args(arguments)
    if args.smoke:
        args.rows, args.gigabytes = 3000, 0.002
    use_threads(1)

    import numpy as np

    from sklearn_dl import DLRegressor

    from .timing import surroundings

    print(surroundings())
    rng = np.random.default_rng(0)
    DLRegressor(max_iter=1).fit(rng.random((100, 50), np.float32), np.arange(100.0))  # what is loaded late
    x = rng.random((args.rows, 50), np.float32)
    fit(x, x @ np.arange(50, dtype=np.float32), "in memory", args.members)
    del x
    if not args.gigabytes:
        return
    columns, block = 200, 1000
    rows = max(1, round(args.gigabytes * 1e9 / (4 * columns * block))) * block
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path, y = Path(folder, "table"), np.empty(rows, np.float32)
        with open(path, "wb") as file:
            for first in range(0, rows, block):
                part = rng.random((block, columns), np.float32)
                y[first : first + block] = part[:, :10].sum(axis=1)
                part.tofile(file)
        fit(np.memmap(path, np.float32, "r", shape=(rows, columns)), y, "mapped", args.members)


if __name__ == "__main__":
    main()
