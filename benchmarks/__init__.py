"""Measurements of sklearn_dl beside its peers; ``docs/performance.md`` tells how to read them.

    python -m benchmarks                    # the table of ratios: fit and predict
    python -m benchmarks.compare_commits REV [REV2]
    python -m benchmarks.same_bits REV [REV2]    # do fits of two commits give the same bits?
    python -m benchmarks.memory             # peaks of large fits
    python -m benchmarks.small              # pickle, import, latency
    python -m benchmarks.search             # a grid search
    python -m benchmarks.streams            # schedules on streams, by their scores
    python -m benchmarks.how_long           # seconds and memory by rows
    python -m benchmarks.figures NAME       # figures of the pages that no other command prints
    python -m benchmarks.scale accuracy     # fits on Dask; also speed, kills, memory
    python -m benchmarks.halving            # searches over epochs

Each takes ``--help``.
"""

from __future__ import annotations

import argparse
import os

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
WAYS = {  # how ours computes: environment variables, as a user sets them; bfloat16 is a parameter
    "numpy": {},
    "mkl": {"SKLEARN_DL_BLAS": "mkl"},
    "numba": {"SKLEARN_DL_KERNELS": "numba"},
    "bfloat16": {},
}


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--repeat", type=int, default=7, help="runs of each, in turn; the median counts (default: 7)")
    made.add_argument("--smoke", action="store_true", help="a few rows and units: does it run at all?")
    return made


def use_threads(n: int) -> None:
    """Set what libraries read when they are imported: to be called before NumPy is."""
    os.environ |= dict.fromkeys(VARIABLES, str(n))
    if n == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def use_ways(names: str) -> str:
    """Set what ours reads of its environment, for ways with commas between them; the ``dtype`` that they mean."""
    for name in names.split(","):
        if name not in WAYS:
            raise ValueError(f"there is no way {name!r}; there are {', '.join(WAYS)}")
        os.environ |= WAYS[name]
    return "bfloat16" if "bfloat16" in names.split(",") else "float32"
