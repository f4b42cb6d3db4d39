"""Times of things that are run in turn, and ratios of them, pair by pair.

On a machine whose speed changes from minute to minute only such ratios can be compared.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def in_turn(functions: dict[str, Callable[[], Any]], repeat: int) -> dict[str, list[float]]:
    """Seconds of each function, `repeat` times; one after the other, so that a slow minute meets them all."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeat):
        for name, function in functions.items():
            times[name].append(seconds(function))
    return times


def ratio(above: Iterable[float], below: Iterable[float]) -> str:
    """Median, smallest and largest of the ratios of pairs."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def row(*cells: Any) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def head(*cells: str) -> None:
    """Print the head of a Markdown table."""
    row(*cells)
    row(*["---"] * len(cells))


@contextmanager
def busy(n: int) -> Iterator[None]:
    """So many other processes that keep a core busy, each."""
    others = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def processor() -> str:
    """Its name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def surroundings(*packages: str) -> str:
    """The machine and the versions, in one line."""
    import joblib

    found = [f"{joblib.cpu_count()} cores of {processor()}", f"Python {platform.python_version()}"]
    for package in ("sklearn-dl", "numpy", "scipy", "scikit-learn", *packages):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
