"""Threads of our own: how many may be used, a team that works on one task, and BLAS held to one thread meanwhile.

Knows nothing about networks: a task is a function of the number of the thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, final

import joblib
import numpy as np
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

__all__ = ["Task", "Team", "one_blas_thread", "threads_granted"]

Task = Callable[[int], None]


@final
class _BlasLimit:
    """Holds BLAS to one thread while anybody needs it.

    The last to leave restores what the first found: two overlapping limits of threadpoolctl would restore each
    other's and leave the process at one thread for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._allowed = 1
        self._controller: ThreadpoolController | None = None
        self._limiter: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._users == 0:
                self._allowed = self._now()
                self._free()
                self._limiter = self._known().limit(limits=1, user_api="blas")
                self._free()
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._free()
                self._limiter.restore_original_limits()
                self._free()

    def threads(self) -> int:
        """How many threads the user allows BLAS."""
        with self._lock:
            return self._allowed if self._users else self._now()

    def _now(self) -> int:
        libraries = self._known().select(user_api="blas").lib_controllers
        return max((library.num_threads for library in libraries), default=1)

    def _free(self) -> None:
        """Let any thread set BLAS: threadpoolctl 3.8 obeys the first one that did until it ends, and no other."""
        for library in self._known().select(user_api="blas").lib_controllers:
            if hasattr(library, "clear_controlling_thread"):
                library.clear_controlling_thread(force=True)

    def _known(self) -> ThreadpoolController:
        """One for the process: to make it takes a look through all loaded libraries."""
        if self._controller is None:
            self._controller = ThreadpoolController()
        return self._controller


_LIMIT = _BlasLimit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS uses one thread in this process until the last such block ends; the user's setting is then as before."""
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()


def threads_granted(n_jobs: int | None) -> int:
    """How many threads a fit or a prediction may use.

    Inside a worker of joblib never more than joblib grants it: a process is told by BLAS's setting, which joblib
    lowers in it; where it is not lowered, and in a thread, that is one. Elsewhere None is as many as the user's
    setting of BLAS allows: the number of cores, unless ``OMP_NUM_THREADS`` or the like says otherwise.

    Parameters
    ----------
    n_jobs : int or None
        As in scikit-learn: -1 is all cores.

    Returns
    -------
    int
        At least 1.
    """
    if n_jobs == 1:
        return 1
    allowed, cores = _LIMIT.threads(), joblib.cpu_count()
    if not getattr(get_active_backend()[0], "nesting_level", 0):
        return min(allowed, cores) if n_jobs is None else max(1, joblib.effective_n_jobs(n_jobs))
    in_a_process = threading.current_thread() is threading.main_thread()
    granted = allowed if in_a_process and allowed < cores else 1
    return granted if n_jobs is None else min(granted, max(1, joblib.effective_n_jobs(n_jobs)))


@final
class Team:
    """Some threads that work on one task at a time, the caller's among them.

    Parameters
    ----------
    size : int
        Number of threads, the caller's included.
    """

    def __init__(self, size: int):
        self.size = size
        self._round = 0
        self._tasks: list[SimpleQueue[tuple[int, Task | None]]] = [SimpleQueue() for _ in range(size - 1)]
        self._reports: list[BaseException | None] = []
        self._bell: SimpleQueue[None] = SimpleQueue()  # says that there may be a new report, no more
        self._floating: Any = {}  # how the caller wants overflow and the like to be handled
        self._threads: list[threading.Thread] = []
        try:
            for i in range(1, size):
                thread = threading.Thread(target=self._work, args=(i,), name=f"sklearn_dl-{i}", daemon=True)
                thread.start()
                self._threads.append(thread)
        except BaseException:
            self.close()
            raise

    def run(self, task: Task) -> None:
        """Call ``task(0)`` here and ``task(1)``, ``task(2)``, ... in the other threads; back when all are done.

        Ctrl-C is raised once all are done, too. The caller's ``np.errstate``, which is a thread's own, holds in all.

        Parameters
        ----------
        task : callable
            Gets the number of the thread.

        Raises
        ------
        BaseException
            What a task raised.
        """
        self._round += 1
        self._reports.clear()
        self._floating = np.geterr()
        try:
            self._hand_out(task)
            task(0)
        except KeyboardInterrupt:
            self._hand_out(task)  # to those who have it not; the others know the round
            raise
        finally:
            self._wait()
        for error in self._reports:
            if error is not None:
                raise error

    def _hand_out(self, task: Task | None) -> None:
        for tasks in self._tasks:
            tasks.put((self._round, task))

    def _wait(self) -> None:
        interrupt = None
        while True:
            try:
                while len(self._reports) < self.size - 1:
                    self._bell.get()
                while not self._bell.empty():  # rung after a report that was already seen
                    self._bell.get()
                break
            except KeyboardInterrupt as error:
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def _work(self, i: int) -> None:
        done = 0
        while True:
            number, task = self._tasks[i - 1].get()
            if task is None:
                return
            if number == done:
                continue
            done = number
            report = None
            try:
                with np.errstate(**self._floating):
                    task(i)
            except BaseException as error:
                report = error
            self._reports.append(report)
            self._bell.put(None)

    def close(self) -> None:
        """End the threads."""
        self._hand_out(None)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
