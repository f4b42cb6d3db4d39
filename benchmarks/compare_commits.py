"""Two commits in turn, in the same environment, on the same works: seconds of the second ÷ seconds of the first.

    python -m benchmarks.compare_commits main            # main, and the checkout as it is, uncommitted changes too
    python -m benchmarks.compare_commits v0.1 v0.2       # below 1: the second is faster

The works and peers are those of this checkout; of a commit only ``sklearn_dl`` is taken, from a temporary worktree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import parser, use_threads

ROOT = Path(__file__).resolve().parents[1]
# fits what it is told, line by line, and answers with the seconds
WORKER = """
import sys
from pathlib import Path
import sklearn_dl
from benchmarks.timing import seconds
from benchmarks.suites import suite_of
print(Path(sklearn_dl.__file__).parents[1], flush=True)
for line in sys.stdin:
    name, threads, smoke = line.split()
    suite = suite_of(name)
    work = suite.works[name].shrunk() if smoke == "True" else suite.works[name]
    x, y = work.table()
    print(seconds(suite.ours.fit, work, x, y, int(threads)), flush=True)
"""


@contextmanager
def checkout(revision: str | None, folder: Path) -> Iterator[Path]:
    """A worktree of a revision; of None, this checkout."""
    if revision is None:
        yield ROOT
        return
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


@contextmanager
def worker(tree: Path, benchmarks: Path) -> Iterator[subprocess.Popen]:
    """A process that fits with the package of a tree."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(benchmarks), str(tree)])}
    command = [sys.executable, "-P", "-c", WORKER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=benchmarks, env=env, **pipes) as process:
        used = Path(process.stdout.readline().strip())
        if used != tree.resolve():
            raise RuntimeError(f"sklearn_dl comes from {used}, not from {tree}")
        try:
            yield process
        finally:
            process.stdin.close()


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("revisions", nargs="+", metavar="REV", help="one or two; of one, compared with this checkout")
    options.add_argument("--threads", type=int, default=1, help="threads that each may use (default: 1)")
    options.add_argument("--only", default="", help="some works, such as small,ensemble")
    args = options.parse_args(arguments)
    if len(args.revisions) > 2:
        options.error("at most two revisions can be compared")
    use_threads(args.threads)

    from .suites import NAMES, named
    from .timing import head, ratio, row, surroundings

    try:
        chosen = named(args.only, NAMES)
    except ValueError as error:
        options.error(str(error))
    first, second = (*args.revisions, None)[:2]
    with ExitStack() as stack:
        # resolved: a temporary folder may lie behind a link
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        shutil.copytree(ROOT / "benchmarks", folder / "alone" / "benchmarks")
        trees = [stack.enter_context(checkout(r, folder / f"tree{i}")) for i, r in enumerate((first, second))]
        workers = [stack.enter_context(worker(tree, folder / "alone")) for tree in trees]

        def fit(process: subprocess.Popen, name: str) -> float:
            process.stdin.write(f"{name} {args.threads} {args.smoke}\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        print(surroundings())
        print(f"threads: {args.threads}; {second or 'this checkout'} ÷ {first}, of {args.repeat}: below 1 is faster\n")
        head("fit", "ratio")
        for name in chosen:
            for process in workers:
                fit(process, name)  # imports and pools of threads
            pairs = [[fit(process, name) for process in workers] for _ in range(args.repeat)]
            row(name, ratio([pair[1] for pair in pairs], [pair[0] for pair in pairs]))


if __name__ == "__main__":
    main()
