"""Dask at work for one fit: the client, futures by deterministic names, and nothing left behind.

Knows nothing about tables or training.
"""

from __future__ import annotations

import contextlib
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

__all__ = ["Engine", "connected", "dask_of"]

RETRIES = 3  # of a task that fails by itself
KILLED = 5  # times that tasks are started anew whose workers have died again and again


def dask_of(module: str) -> Any:
    """A module of dask or distributed.

    Raises
    ------
    ImportError
        Where it is not installed, with what to install.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'sklearn_dl.dask needs dask with dataframes and distributed: pip install "sklearn-dl[dask]" ({error}).'
        ) from error


@contextmanager
def connected() -> Iterator[Engine]:
    """The current client as an engine; whatever happens, no task is left on it afterwards.

    Raises
    ------
    ValueError
        Where there is no client, or it is closed.
    ConnectionError
        Where it is closed amid the work, or has lost its scheduler.
    """
    distributed = dask_of("distributed")
    try:
        client = distributed.get_client()
    except ValueError:
        client = None
    if client is None or client.status != "running":
        raise ValueError(
            "fit needs a Dask client that is connected: make one before, such as "
            "client = distributed.Client(distributed.LocalCluster())."
        )
    engine = Engine(client)
    try:
        yield engine
    except Exception as error:
        if client.status == "running":
            raise
        raise ConnectionError("the Dask client was closed, or lost its scheduler, before the work was done.") from error
    finally:
        with contextlib.suppress(Exception):  # of a cluster that has gone there is nothing to release
            engine.release()


@final
class Engine:
    """Tasks of one fit on a client.

    Parameters
    ----------
    client : distributed.Client
        Who runs them.
    """

    def __init__(self, client: Any):
        self._client, self._token = client, uuid.uuid4().hex[:12]
        self._held: dict[str, Any] = {}

    def places(self) -> list[str]:
        """The address of a worker for each thread that there is, in the same order each time."""
        threads: dict[str, int] = self._client.nthreads()
        return [address for address in sorted(threads) for _ in range(threads[address])]

    def submit(self, name: str, function: Callable[..., Any], *arguments: Any, at: str | None = None) -> Any:
        """The future of a pure function of values and other futures.

        Parameters
        ----------
        name : str
            Names the task; the same one is never used twice.
        function : callable
            What is called.
        *arguments : object
            Its arguments; futures among them, and in lists, stand for their results.
        at : str or None, default=None
            Of `places`: where it is to run, unless that worker has gone; None for wherever the scheduler thinks best.

        Returns
        -------
        distributed.Future
        """
        with _large_graphs():
            future = self._client.submit(function, *arguments, key=self._key(name), retries=RETRIES, **_where(at))
        self._held[name] = future
        return future

    def later(self, name: str, function: Callable[..., Any], *arguments: Any, at: str | None = None) -> Any:
        """As `submit`, but nobody is told before `begin`: a message for many tasks costs hardly more than one for one.

        Parameters
        ----------
        name, function, *arguments, at : str, callable, object, str or None
            As for `submit`; what is for later may be among the arguments, too.

        Returns
        -------
        dask.delayed.Delayed
        """
        dask = dask_of("dask")
        with dask.annotate(**_where(at)):
            return dask.delayed(function, pure=False)(*arguments, dask_key_name=self._key(name))

    def begin(self, name: str, delayed: Any) -> Any:
        """The future of what was for later; what it is made of is freed by the way.

        Parameters
        ----------
        name : str
            That of the task.
        delayed : Delayed
            Of `later`.

        Returns
        -------
        distributed.Future
        """
        with _large_graphs():
            self._held[name] = self._client.compute(delayed, retries=RETRIES, optimize_graph=False)
        return self._held[name]

    def over(self, name: str, function: Callable[..., Any], pieces: Sequence[Sequence[Any]], *more: Any) -> list[Any]:
        """The futures of a function of each of several delayed objects and of common arguments.

        Parameters
        ----------
        name : str
            Names the tasks.
        function : callable
            Called with its number, the objects, and the common arguments.
        pieces : sequence of sequence
            The objects, for each call.
        *more : object
            Common arguments, no futures.

        Returns
        -------
        list of distributed.Future
        """
        delayed = dask_of("dask").delayed
        call = delayed(function, pure=False)
        tasks = [call(i, *own, *more, dask_key_name=self._key(f"{name}-{i}")) for i, own in enumerate(pieces)]
        with _large_graphs():
            futures = self._client.compute(tasks, retries=RETRIES)
        self._held |= {f"{name}-{i}": future for i, future in enumerate(futures)}
        return list(futures)

    def result(self, futures: Any) -> Any:
        """What one or several futures become; tasks whose workers have died too often are tried anew some times."""
        killed = dask_of("distributed").scheduler.KilledWorker
        for _ in range(KILLED):
            try:
                return self._client.gather(futures)
            except killed:
                self._client.retry([future for future in self._held.values() if future.status == "error"])
        return self._client.gather(futures)

    def forget(self, *begin: str) -> None:
        """Let go of the futures of all names that begin so: nobody needs them any more."""
        for name in [name for name in self._held if name.startswith(begin)]:
            self._held.pop(name).release()  # whoever else may hold it, as the traceback of an error does

    def release(self) -> None:
        """Let go of all futures: what waits for a worker is dropped, and results are freed."""
        self.forget("")  # Client.cancel can end the connection: of a task and one that needs it, the scheduler trips

    def _key(self, name: str) -> str:
        return f"sklearn_dl-{self._token}-{name}"


def _where(at: str | None) -> dict[str, Any]:
    """Keywords of a task for a worker, unless that one has gone; none for None."""
    return {} if at is None else {"workers": [at], "allow_other_workers": True}


@contextmanager
def _large_graphs() -> Iterator[None]:
    """A network's values are sent once an epoch: no warning of that."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")
        yield
