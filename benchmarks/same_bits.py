"""Two commits fit the same configurations: do predictions, losses and epochs have the same bits?

    python -m benchmarks.same_bits main                     # main, and the checkout as it is, uncommitted changes too
    python -m benchmarks.same_bits v0.1 v0.2 --but huber    # of huber it is known
    python -m benchmarks.same_bits main --only adam,lbfgs

The configurations are those of this checkout; of a commit only ``sklearn_dl`` is taken, from a temporary worktree.
Ends with 1 where a configuration differs or raises, unless ``--but`` names it. Beside "same" stands a digest, to be
compared with that of another run on the same machine and with the same versions; beside what differs the largest
relative difference. Needs pandas.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

import sklearn_dl

from . import use_threads
from .compare_commits import checkout
from .configurations import CONFIGURATIONS, FACTS, PREDICTIONS, Arrays

KINDS = (PREDICTIONS, *FACTS)
SAME = "same"
Outcome = Arrays | str  # or an error's text


def answer() -> None:
    """What a worker does: fit what it is told, line by line, and answer with the outcome."""
    warnings.simplefilter("ignore")
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # what a fit prints is no answer
    outcome: Outcome = str(Path(sklearn_dl.__file__).parents[1])
    while True:
        pickle.dump(outcome, answers)
        answers.flush()
        name = sys.stdin.readline().strip()
        if not name:
            return
        try:
            outcome = CONFIGURATIONS[name]()
        except Exception as error:
            outcome = " ".join(f"{type(error).__name__}: {error}".split())


@contextmanager
def worker(tree: Path, benchmarks: Path) -> Iterator[Callable[[str], Outcome]]:
    """A function that fits a configuration with the package of a tree, in a process of its own."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(benchmarks), str(tree)])}
    command = [sys.executable, "-P", "-c", "from benchmarks.same_bits import answer; answer()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=benchmarks, env=env, **pipes) as process:

        def heard(doing: str) -> Outcome:
            try:
                return pickle.load(process.stdout)
            except EOFError:
                raise RuntimeError(f"the process with the package of {tree} died {doing}") from None

        def fit(name: str) -> Outcome:
            process.stdin.write(f"{name}\n".encode())
            process.stdin.flush()
            return heard(f"at {name}")

        used = heard("at its start")
        if Path(used) != tree.resolve():
            raise RuntimeError(f"sklearn_dl comes from {used}, not from {tree}")
        try:
            yield fit
        finally:
            process.stdin.close()


def digest(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 of all bytes, with types and shapes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape} ".encode() + array.tobytes())
    return found.hexdigest()


def largest_difference(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    """The largest |a - b| / max(|a|, |b|) of numbers; infinite where labels, shapes or what is finite differ."""
    if [a.shape for a in first] != [b.shape for b in second]:
        return np.inf
    largest = 0.0
    for a, b in zip(first, second, strict=True):
        if not {a.dtype.kind, b.dtype.kind} <= set("fiu"):
            largest = max(largest, 0.0 if np.array_equal(a, b) else np.inf)
            continue
        other = (a != b) & ~(np.isnan(a) & np.isnan(b))
        a, b = a[other], b[other]
        if not (np.isfinite(a) & np.isfinite(b)).all():
            return np.inf
        largest = max(largest, float((abs(a - b) / np.maximum(abs(a), abs(b))).max(initial=0.0)))
    return largest


def verdict(first: Outcome, second: Outcome) -> str:
    """That two outcomes are the same, with a digest; or what differs; or what was raised."""
    if isinstance(first, str) or isinstance(second, str):
        both = (("first", first), ("second", second))
        return "; ".join(f"the {which} raised {outcome}" for which, outcome in both if isinstance(outcome, str))
    pairs = {kind: (first.get(kind, []), second.get(kind, [])) for kind in KINDS}
    digests = {kind: [digest(arrays) for arrays in pair] for kind, pair in pairs.items()}
    different = [kind for kind, (a, b) in digests.items() if a != b]
    if different:
        return "DIFFERENT: " + ", ".join(f"{kind} {largest_difference(*pairs[kind]):.1e}" for kind in different)
    return f"{SAME} {hashlib.sha256(''.join(a for a, _ in digests.values()).encode()).hexdigest()[:12]}"


def main(arguments: list[str] | None = None) -> int:
    """Print one line a configuration; 0 where all are the same or named by ``--but``, else 1."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("revisions", nargs="+", metavar="REV", help="one or two; of one, compared with this checkout")
    options.add_argument("--only", default="", metavar="NAME,NAME", help="some configurations")
    options.add_argument("--but", default="", metavar="NAME,NAME", help="configurations that may differ")
    args = options.parse_args(arguments)
    if len(args.revisions) > 2:
        options.error("at most two revisions can be compared")
    chosen, excused = ([name for name in names.split(",") if name] for names in (args.only, args.but))
    if unknown := [name for name in (*chosen, *excused) if name not in CONFIGURATIONS]:
        options.error(f"there is no configuration {unknown[0]!r}; there are {', '.join(CONFIGURATIONS)}")
    use_threads(1)  # in the two workers

    first, second = (*args.revisions, None)[:2]
    chosen = chosen or list(CONFIGURATIONS)
    width, different, wrong = max(map(len, chosen)), 0, 0
    with ExitStack() as stack:
        # resolved: a temporary folder may lie behind a link
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        shutil.copytree(Path(__file__).parent, folder / "alone" / "benchmarks")
        trees = [stack.enter_context(checkout(r, folder / f"tree{i}")) for i, r in enumerate((first, second))]
        workers = [stack.enter_context(worker(tree, folder / "alone")) for tree in trees]
        print(f"first: {first}; second: {second or 'this checkout'}\n")
        for name in chosen:
            found = verdict(*(fit(name) for fit in workers))
            if not found.startswith(SAME):
                different += 1
                wrong += name not in excused
                found += " (may be)" * (name in excused)
            print(f"{name:{width}}  {found}", flush=True)
    print(
        f"\n{len(chosen) - different} of {len(chosen)} are the same, {different - wrong} may differ, {wrong} must not"
    )
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
