"""Threads: how many, that they never change a bit, and that they leave nothing behind.

The work at which threads begin is lowered, so that networks of a few units are shared out.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._engine import Streams
from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl._engine.shared import TRIED, Passes, SharedWorkspace, threads_for
from sklearn_dl._numerics.threads import _LIMIT, Team, one_blas_thread, threads_granted
from sklearn_dl._training.validation import Validation
from sklearn_dl.architectures import mlp
from sklearn_dl.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, ReLU, Sequential, Tanh
from sklearn_dl.layers.memory import BLOCK_ROWS


def teams() -> list[str]:
    """Names of the threads of teams that are alive."""
    return [t.name for t in threading.enumerate() if t.name.startswith("sklearn_dl-")]


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    before = blas_threads()
    TRIED.clear()
    yield
    assert teams() == []
    assert _LIMIT._users == 0
    assert blas_threads() == before


@pytest.fixture
def small_work_is_shared(monkeypatch):
    monkeypatch.setattr("sklearn_dl._engine.shared.MIN_WORK", 0)


@pytest.fixture
def shared_passes(monkeypatch):
    """A list that grows by the number of rows with each pass in shares of a training."""
    passes, forward = [], SharedWorkspace.forward

    def counting(self, x, weight=None):
        passes.append(x.shape[0])
        return forward(self, x, weight)

    monkeypatch.setattr(SharedWorkspace, "forward", counting)
    return passes


# ---------------------------------------------------------------- the same bits

rng = np.random.default_rng(0)
N = 700
X = rng.normal(size=(N, 30))
Y = X @ rng.normal(size=(30, 2)) + rng.normal(size=(N, 2))
CLASSES = np.digitize(Y[:, 0], [-4.0, 4.0])
WEIGHT = rng.integers(1, 4, N).astype(float)
TABLE = pd.DataFrame(
    {
        "town": pd.Categorical([f"town {i}" for i in rng.integers(0, 30, N)]),
        "shop": pd.Categorical([f"shop {i}" for i in rng.integers(0, 15, N)]),
        **{f"x{i}": X[:, i] for i in range(4)},
    }
)
DEEP = {"hidden_layer_sizes": (64, 64), "batch_size": 256, "n_folds": 1}

# name: estimator, parameters, X, y, sample_weight, whether passes are shared
SAME_BITS = {
    "one layer": (DLRegressor, DEEP | {"hidden_layer_sizes": (100,), "batch_size": 200}, X, Y, None, True),
    "three layers, float32": (
        DLClassifier,
        DEEP | {"hidden_layer_sizes": (128, 64, 96), "batch_size": 320, "dtype": "float32"},
        *(X, CLASSES, None, True),
    ),
    "dropout": (DLClassifier, DEEP | {"dropout": 0.4}, X, CLASSES, None, True),
    "dropout, float32, odd batches": (
        DLRegressor,
        DEEP | {"dropout": 0.2, "batch_size": 217, "dtype": "float32"},
        *(X, Y, None, True),
    ),
    "batch norm": (DLRegressor, DEEP | {"normalization": "batch"}, X, Y, WEIGHT, False),
    "resnet with layer norm": (
        DLClassifier,
        DEEP | {"architecture": "resnet", "normalization": "layer", "dropout": 0.1},
        *(X, CLASSES, None, True),
    ),
    "mish": (DLRegressor, DEEP | {"activation": "mish", "solver": "sgd"}, X, Y[:, 0], None, True),
    "weights": (DLClassifier, DEEP | {"activation": "gelu", "alpha": 1.0, "clip_norm": 0.5}, X, CLASSES, WEIGHT, True),
    "full batch by columns": (DLRegressor, DEEP | {"batch_size": None}, np.asfortranarray(X), Y, None, True),
    "encoded batch by batch": (DLRegressor, DEEP | {"encoder": "auto"}, X.astype(np.float32), Y, None, True),
    "members": (DLRegressor, DEEP | {"n_members": 3}, X, Y, WEIGHT, True),
    "folds": (DLRegressor, DEEP | {"n_members": 5, "n_folds": 3, "dropout": 0.1}, X, Y, WEIGHT, False),
    "categories": (DLRegressor, DEEP | {"encoder": "auto"}, TABLE, Y, WEIGHT, True),
}


@pytest.mark.parametrize("name", SAME_BITS)
def test_the_number_of_threads_changes_no_bit(name, small_work_is_shared, shared_passes):
    estimator, parameters, table, target, weight, shared = SAME_BITS[name]
    base = {"encoder": None, "max_iter": 3, "early_stopping": False, "random_state": 0, "learning_rate_init": 0.01}

    def fit(n_jobs):
        shared_passes.clear()
        return estimator(**base | parameters, n_jobs=n_jobs).fit(table, target, sample_weight=weight)

    one = fit(1)
    assert not shared_passes
    for n_jobs in (2, 3):
        other = fit(n_jobs)
        assert other.network_.values.tobytes() == one.network_.values.tobytes()
        assert other.loss_curve_ == one.loss_curve_
        steps = 3 * (N // (parameters["batch_size"] or N))  # a last, smaller batch may be too small
        assert (len(shared_passes) >= steps) is shared, f"{len(shared_passes)} shared passes"


def test_going_on_by_partial_fit_changes_no_bit(small_work_is_shared, shared_passes):
    values = set()
    for n_jobs in (1, 2):
        model = DLClassifier(**DEEP, dropout=0.3, random_state=0, n_jobs=n_jobs)
        for _ in range(3):
            model.partial_fit(X, CLASSES)
        values.add(model.network_.values.tobytes())
    assert len(values) == 1
    assert shared_passes


def test_what_was_tried_for_rows_is_not_believed_for_columns(small_work_is_shared):
    """A product's bits may depend on how its operands lie in memory."""
    for x in (X, np.asfortranarray(X)):
        DLRegressor(**DEEP | {"batch_size": None, "encoder": None}, max_iter=1, n_jobs=2).fit(x, Y)
    assert len(TRIED) == 2


def test_small_work_stays_on_one_thread(shared_passes, monkeypatch):
    monkeypatch.setattr("sklearn_dl._training.fitting.Team", None)  # an error where one is made
    DLRegressor(**DEEP, max_iter=1, n_jobs=2).fit(X, Y)
    assert not shared_passes


@pytest.mark.parametrize(
    ("granted", "n_rows", "n_weights", "expected"),
    [(2, 1024, 2**16, 2), (2, 1023, 2**16, 1), (1, 10**6, 10**6, 1), (8, 256, 2**20, 4), (8, 63, 2**30, 1)],
)
def test_threads_for(granted, n_rows, n_weights, expected):
    assert threads_for(granted, n_rows, n_weights) == expected


# ---------------------------------------------------------------- layers that do not bear sharing


@dataclass(frozen=True)
class Scale(Layer):
    """y = c x, c learnt; what differs from a well-behaved layer is added by those below."""

    width: int

    def param_shapes(self):
        return {"c": (self.width,)}

    def init(self, p, rng):
        p.c[...] = 1

    def forward(self, x, p, m):
        m.x = x
        return np.multiply(x, p.c, out=m.array("y", x.shape))

    def backward(self, dy, p, m):
        m.dy = dy
        return np.multiply(dy, p.c, out=m.array("dx", dy.shape))

    def gradients(self, g, m, part):
        columns = part.of(self.width)
        np.add.reduce(m.dy[:, columns] * m.x[:, columns], axis=0, out=g.c[columns])


class CountsRows(Scale):
    """Its output depends on the number of rows."""

    def forward(self, x, p, m):
        return super().forward(x, p, m) / len(x)


class SumsInBackward(Scale):
    """Its gradients are sums of the rows that `backward` saw."""

    def backward(self, dy, p, m):
        m.d_c = (dy * m.x).sum(axis=0)
        return super().backward(dy, p, m)

    def gradients(self, g, m, part):
        g.c[...] = m.d_c


class IgnoresParts(Scale):
    """Every thread would write all gradients, in two moves."""

    def gradients(self, g, m, part):
        g.c[...] = 0
        g.c += (m.dy * m.x).sum(axis=0)


class WantsAllRows(Scale):
    """An error where there are fewer rows."""

    def forward(self, x, p, m):
        if len(x) != 2 * BLOCK_ROWS:
            raise ValueError(f"{len(x)} rows")
        return super().forward(x, p, m)


class RunningMean(Scale):
    """Takes note of its input's mean, which changes neither output nor gradient."""

    def buffer_shapes(self):
        return {"mean": (self.width,)}

    def forward(self, x, p, m):
        p.mean[...] += 0.1 * (x.mean(axis=0) - p.mean)
        return super().forward(x, p, m)


class NoHash(Scale):
    __hash__ = None


class Scratch(Scale):
    """Bears sharing: uses an array of the memory as scratch, under a name that it has for rows, too."""

    def gradients(self, g, m, part):
        columns = part.of(self.width)
        scratch = m.array("y", (len(m.dy), columns.stop - columns.start))
        product = np.multiply(m.dy[:, columns], m.x[:, columns], out=scratch)
        time.sleep(0.002)  # the other thread writes to its scratch
        np.add.reduce(product, axis=0, out=g.c[columns])


class KeepsTwice(Scale):
    """Bears sharing: what it keeps lies in no array of the whole batch."""

    def forward(self, x, p, m):
        m.twice = np.multiply(x.repeat(2, axis=0), 0.5, out=m.array("twice", (2 * len(x), self.width)))
        m.number = m.array("number", ())
        return super().forward(x, p, m)

    def gradients(self, g, m, part):
        columns = part.of(self.width)
        np.add.reduce(m.dy.repeat(2, axis=0)[:, columns] * m.twice[:, columns], axis=0, out=g.c[columns])


def whole_and_shared(layer, n_steps=3):
    """Gradients of some steps, in a whole pass and by `Passes` with a team of two; and the workspace it chose."""
    network = Network.build(layer, 0, np.float64)
    results = []
    for size in (1, 2):
        network.values[...] = Network.build(layer, 0, np.float64).values
        with Team(size) as team:
            passes = Passes(network, Streams(0), team if size > 1 else None)
            steps = []
            for step in range(n_steps):
                x = np.random.default_rng(step).normal(size=(2 * BLOCK_ROWS, 128))
                work = passes.of(x, None)
                raw = work.forward(x)
                work.backward(np.sin(raw))
                steps.append((raw.copy(), work.gradients().copy(), network.values.copy()))
        results.append(steps)
    return results, work


@pytest.mark.parametrize(
    ("layer", "shared"),
    [
        (Scale(128), True),
        (Scratch(128), True),
        (KeepsTwice(128), True),
        (NoHash(128), True),
        (LayerNorm(128), True),
        (Dropout(0.3), True),
        (CountsRows(128), False),
        (SumsInBackward(128), False),
        (IgnoresParts(128), False),
        (WantsAllRows(128), False),
        (RunningMean(128), False),
        (BatchNorm(128), False),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_does_not_bear_sharing_is_found_out(layer, shared, small_work_is_shared):
    inside = Sequential((Dense(128, 128), layer, Tanh(), Dense(128, 3)))
    (whole, other), work = whole_and_shared(inside)
    assert isinstance(work, SharedWorkspace if shared else Workspace)
    for a, b in zip(whole, other, strict=True):
        for expected, found in zip(a, b, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_an_error_of_the_whole_pass_is_told(small_work_is_shared):
    class Broken(Scale):
        def forward(self, x, p, m):
            raise ValueError("broken")

    network = Network.build(Broken(4), 0, np.float64)
    before = network.values.copy()
    with Team(2) as team, pytest.raises(ValueError, match="broken"):
        Passes(network, Streams(0), team).of(np.ones((2 * BLOCK_ROWS, 4)), None)
    np.testing.assert_array_equal(network.values, before)


def test_sparse_rows_are_not_shared(small_work_is_shared):
    from scipy.sparse import csr_array

    network = Network.build(Dense(4, 2), 0, np.float64)
    with Team(2) as team:
        assert isinstance(
            Passes(network, Streams(0), team).of(csr_array(np.ones((2 * BLOCK_ROWS, 4))), None), Workspace
        )


def test_a_shared_workspace_goes_when_nobody_needs_it(small_work_is_shared):
    """Its arrays are large: they must not wait for the collector of cycles."""
    import gc
    import weakref

    network = Network.build(Sequential((Dense(4, 4), ReLU(), Dense(4, 2))), 0, np.float64)
    gc.collect()
    gc.disable()
    try:
        with Team(2) as team:
            passes, x = Passes(network, Streams(0), team), np.ones((2 * BLOCK_ROWS, 4))
            work = passes.of(x, None)
            gone = weakref.ref(work), weakref.ref(work.memory)
            work.backward(work.forward(x))
            work.gradients()
            del passes, work
        assert [r() for r in gone] == [None, None]
    finally:
        gc.enable()


# ---------------------------------------------------------------- the team


def test_a_team_does_each_task_once_in_each_thread():
    seen = []
    with Team(3) as team:
        for k in range(50):
            team.run(lambda i, k=k: seen.append((k, i, threading.current_thread().name)))
            assert len(seen) == 3 * (k + 1)  # all are done
    assert {(i, name) for _, i, name in seen} == {(0, "MainThread"), (1, "sklearn_dl-1"), (2, "sklearn_dl-2")}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_error_of_a_task_is_handed_on(place):
    done = []

    def task(i):
        if i == place:
            raise ZeroDivisionError("here")
        time.sleep(0.01)
        done.append(i)

    with Team(3) as team:
        with pytest.raises(ZeroDivisionError, match="here"):
            team.run(task)
        assert sorted(done) == sorted({0, 1, 2} - {place})  # the others were waited for
        team.run(done.append)  # and the team goes on
    assert len(done) == 5


@pytest.mark.parametrize("moment", ["in the task", "while handing out", "while waiting"])
def test_an_interrupt_waits_for_the_others(moment, monkeypatch):
    done = []

    def task(i):
        if i == 0 and moment == "in the task":
            raise KeyboardInterrupt
        if i:
            time.sleep(0.02)
            done.append(i)

    with Team(3) as team:
        if moment == "while handing out":
            hand_out, calls = team._hand_out, []

            def interrupted(task):
                calls.append(task)
                if len(calls) == 1:
                    team._tasks[0].put((team._round, task))
                    raise KeyboardInterrupt
                hand_out(task)

            monkeypatch.setattr(team, "_hand_out", interrupted)
        elif moment == "while waiting":

            class Bell:
                """Is interrupted once."""

                def __init__(self, inner):
                    self.inner, self.calls = inner, 0
                    self.put, self.empty = inner.put, inner.empty

                def get(self):
                    self.calls += 1
                    if self.calls == 1:
                        raise KeyboardInterrupt
                    return self.inner.get()

            team._bell = Bell(team._bell)
        with pytest.raises(KeyboardInterrupt):
            team.run(task)
        assert sorted(done) == [1, 2]
        team.run(done.append)
        assert sorted(done) == [0, 1, 1, 2, 2]


def test_threads_end_where_a_thread_cannot_be_started(monkeypatch):
    start, started = threading.Thread.start, []

    def failing(self):
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", failing)
    with pytest.raises(RuntimeError, match="can't start"):
        Team(4)
    assert teams() == []


def test_bells_do_not_pile_up():
    """Where the caller's share takes longest nobody needs to wait, and no bell is heard."""
    with Team(3) as team:
        for _ in range(20):
            team.run(lambda i: None if i else time.sleep(0.003))
        assert team._bell.qsize() <= 2


def test_the_callers_handling_of_overflow_holds_in_all_threads():
    large = np.array([1e308])
    with Team(2) as team:
        with np.errstate(over="ignore"):
            team.run(lambda i: large * 10)
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            team.run(lambda i: large * 10 if i else None)


# ---------------------------------------------------------------- fits that do not end well


class StopError(Exception):
    pass


@dataclass(frozen=True)
class Fails(Layer):
    """Identity, until its calls are used up."""

    error: type
    calls: int
    used: list  # the threads that called

    __hash__ = None

    def forward(self, x, p, m):
        if not m.run.training:
            return x
        self.used.append(threading.current_thread())
        if len(self.used) > self.calls:
            raise self.error
        return x

    def backward(self, dy, p, m):
        return dy


def failing_model(error, calls=20, **parameters):
    """A linear model on two threads whose layer fails at that call, four of which make an epoch."""
    layer = Fails(error, calls, [])

    def architecture(n_in, hidden_layer_sizes, n_out, **options):
        return Sequential((layer, Dense(n_in, n_out)))

    parameters = {"max_iter": 30, "n_jobs": 2, "learning_rate": "constant", "early_stopping": False} | parameters
    return DLRegressor(architecture=architecture, batch_size=350, encoder=None, random_state=0, **parameters), layer


def test_threads_end_where_training_raises(small_work_is_shared):
    model, layer = failing_model(StopError)
    with pytest.raises(StopError):
        model.fit(X, Y)
    assert {t.name for t in layer.used} == {"MainThread", "sklearn_dl-1"}
    assert not hasattr(model, "network_")


def test_ctrl_c_keeps_the_last_whole_epoch(small_work_is_shared):
    model, _ = failing_model(KeyboardInterrupt)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, Y)
    assert 1 <= model.n_iter_ < 30
    expected, _ = failing_model(None, 10**9, max_iter=model.n_iter_, n_jobs=1)
    assert expected.fit(X, Y).network_.values.tobytes() == model.network_.values.tobytes()


def test_a_loss_that_overflows_in_a_thread_is_told_as_always(small_work_is_shared):
    messages = []
    for n_jobs in (1, 2):
        model = DLRegressor(
            **DEEP, encoder=None, scale_target=False, solver="sgd", learning_rate_init=1e10, max_iter=5, n_jobs=n_jobs,
            random_state=0, dtype="float64",
        )  # fmt: skip
        with pytest.warns(match="no longer finite") as caught:
            model.fit(X * 1e100, Y)
        messages.append([str(w.message) for w in caught])
    assert messages[0] == messages[1]


# ---------------------------------------------------------------- BLAS


def several_blas_threads(n):
    """A setting of the user that is not 1, where BLAS can do it."""
    limit = threadpool_limits(n, user_api="blas")
    if blas_threads() != {n}:
        limit.restore_original_limits()
        pytest.skip("BLAS does not take this number of threads")
    return limit


def test_one_blas_thread_restores():
    with several_blas_threads(3):
        with one_blas_thread():
            assert blas_threads() == {1}
            with one_blas_thread():
                assert blas_threads() == {1}
                assert _LIMIT.threads() == 3  # what the user allows
            assert blas_threads() == {1}
        assert blas_threads() == {3}
        with pytest.raises(StopError), one_blas_thread():
            raise StopError
        assert blas_threads() == {3}


def test_two_that_overlap_restore_what_the_first_found():
    first_in, second_in, first_out = (threading.Event() for _ in range(3))
    seen = []

    def first():
        with one_blas_thread():
            first_in.set()
            second_in.wait(10)
        first_out.set()

    def second():
        first_in.wait(10)
        with one_blas_thread():
            second_in.set()
            first_out.wait(10)
            seen.append(blas_threads())

    with several_blas_threads(3):
        threads = [threading.Thread(target=f) for f in (first, second)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert seen == [{1}]
        assert blas_threads() == {3}


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_threads_that_live_on_restore_it_too(first_to_leave):
    """As those of a pool do: threadpoolctl lets one thread set OpenBLAS while it lives, and ignores others."""
    steps = [(threading.Barrier(3), threading.Barrier(3)) for _ in range(5)]
    seen = []

    def work(i):
        for k, (begin, end) in enumerate(steps):
            begin.wait(60)
            if k == i:
                _LIMIT.enter()
            if k == 2 + (i != first_to_leave):
                _LIMIT.leave()
            end.wait(60)

    with several_blas_threads(3):
        threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
        for t in threads:
            t.start()
        for begin, end in steps[:-1]:
            begin.wait(60)
            end.wait(60)
            seen.append(blas_threads())
        with one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {3}
        for last in steps[-1]:
            last.wait(60)
        for t in threads:
            t.join()
    assert seen == [{1}, {1}, {1}, {3}]


def test_the_users_setting_counts_anew_each_time():
    for n in (2, 3):
        with several_blas_threads(n):
            with one_blas_thread():
                assert _LIMIT.threads() == n
            assert blas_threads() == {n}


def test_fits_in_two_threads_leave_blas_as_it_was():
    def fit(epochs):
        DLRegressor(hidden_layer_sizes=(20,), max_iter=epochs, n_jobs=1).fit(X, Y)

    with several_blas_threads(3):
        threads = [threading.Thread(target=fit, args=(epochs,)) for epochs in (3, 9, 1, 5)]
        for t in threads:
            t.start()
            time.sleep(0.005)
        for t in threads:
            t.join()
        assert blas_threads() == {3}


def test_a_fit_that_raises_leaves_blas_as_it_was(small_work_is_shared):
    with several_blas_threads(3):
        model, _ = failing_model(StopError)
        with pytest.raises(StopError):
            model.fit(X, Y)
        assert blas_threads() == {3}


def test_a_fit_runs_with_one_blas_thread(small_work_is_shared):
    seen = []

    class Looks(Scale):
        def forward(self, x, p, m):
            if m.run.training:  # not in the check of the architecture
                seen.append(tuple(blas_threads()))
            return super().forward(x, p, m)

    def architecture(n_in, hidden_layer_sizes, n_out, **options):
        return Sequential((Looks(n_in), Dense(n_in, n_out)))

    with several_blas_threads(3):
        DLRegressor(architecture=architecture, max_iter=1, n_jobs=2, encoder=None).fit(X, Y)
    assert set(seen) == {(1,)}


# ---------------------------------------------------------------- how many threads


def granted_here(n_jobs, limit, cores):
    """`threads_granted` where the user, or joblib, limits BLAS, on a machine of so many cores."""
    real, joblib.cpu_count = joblib.cpu_count, lambda *_: cores
    effective = joblib.effective_n_jobs
    joblib.effective_n_jobs = lambda n: cores + 1 + n if n is not None and n < 0 else n or 1
    known, _LIMIT._now = _LIMIT._now, lambda: limit
    try:
        return threads_granted(n_jobs)
    finally:
        joblib.cpu_count, joblib.effective_n_jobs, _LIMIT._now = real, effective, known


# n_jobs, BLAS's limit, cores; outside of joblib, in a process of joblib, in a thread of joblib
GRANTS = [
    (None, 4, 4, 4, 1, 1),
    (None, 1, 4, 1, 1, 1),
    (None, 2, 4, 2, 2, 1),
    (None, 8, 4, 4, 1, 1),
    (1, 4, 4, 1, 1, 1),
    (2, 4, 4, 2, 1, 1),
    (2, 1, 4, 2, 1, 1),
    (3, 2, 4, 3, 2, 1),
    (-1, 4, 4, 4, 1, 1),
    (-1, 2, 4, 4, 2, 1),
    (-9, 4, 4, 1, 1, 1),
]


def test_threads_granted_outside_of_joblib():
    for n_jobs, limit, cores, outside, _, _ in GRANTS:
        assert granted_here(n_jobs, limit, cores) == outside, (n_jobs, limit, cores)


@pytest.mark.parametrize(
    ("backend", "column"), [("loky", 4), ("threading", 5), ("multiprocessing", 4), ("sequential", 3)]
)
def test_threads_granted_in_a_worker(backend, column):
    """No worker gets more than joblib grants it, which it tells by a lowered limit of BLAS."""
    if backend == "threading":  # what is replaced is the process's
        found = [
            joblib.Parallel(2, backend=backend)([joblib.delayed(granted_here)(*case[:3])] * 1)[0] for case in GRANTS
        ]
    else:
        n = 1 if backend == "sequential" else 2
        found = joblib.Parallel(n, backend=None if n == 1 else backend)(
            joblib.delayed(granted_here)(*case[:3]) for case in GRANTS
        )
    assert found == [case[column] for case in GRANTS]


def grant_and_limit(n_jobs):
    return threads_granted(n_jobs), max(blas_threads()), joblib.cpu_count()


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_a_worker_gets_no_more_than_its_limit(backend):
    """With joblib's and BLAS's own figures, whatever this machine has."""
    for granted, limit, cores in joblib.Parallel(2, backend=backend)(
        joblib.delayed(grant_and_limit)(n_jobs) for n_jobs in (None, 1, 2, -1)
    ):
        assert granted <= (limit if limit < cores else 1)


def test_the_users_limit_of_blas_is_kept():
    with several_blas_threads(2):
        assert threads_granted(None) == min(2, joblib.cpu_count())
        with one_blas_thread():
            assert threads_granted(None) == min(2, joblib.cpu_count())
    with threadpool_limits(1):
        assert threads_granted(None) == 1


def test_a_grid_search_over_threads_gives_the_same_scores(small_work_is_shared):
    from sklearn.model_selection import GridSearchCV

    scores = []
    for backend in ("threading", "loky"):
        search = GridSearchCV(
            DLRegressor(hidden_layer_sizes=(16,), max_iter=2, random_state=0, n_jobs=2), {"alpha": [0.0, 1.0]}, cv=2,
            n_jobs=2,
        )  # fmt: skip
        with joblib.parallel_config(backend):
            scores.append(search.fit(X, Y[:, 0]).cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("members", [1, 3])
def test_only_members_are_measured_after_the_training(members, monkeypatch):
    """It takes a pass over all rows, for the spread between members."""
    passes = []
    settle = Validation.settle
    monkeypatch.setattr(Validation, "settle", lambda self, n: passes.append(self._total) or settle(self, n))
    DLRegressor(**DEEP, n_members=members, max_iter=1, early_stopping=False).fit(X, Y)
    assert passes == [N] * (members > 1)


def test_architecture_of_users_is_shared(small_work_is_shared, shared_passes):
    def architecture(n_in, hidden_layer_sizes, n_out, **options):
        return Sequential((Scale(n_in), mlp(n_in, (64,), n_out, activations=(ReLU(),), dropouts=(0.1,))))

    values = set()
    for n_jobs in (1, 2, 3):
        model = DLRegressor(architecture=architecture, batch_size=256, max_iter=2, n_jobs=n_jobs, random_state=0)
        values.add(model.fit(X, Y).network_.values.tobytes())
    assert len(values) == 1
    assert shared_passes


# ---------------------------------------------------------------- predicting


@pytest.mark.parametrize("n_members", [1, 3])
def test_predictions_have_the_same_bits_for_any_number_of_threads(n_members, monkeypatch):
    monkeypatch.setattr("sklearn_dl._engine.predict.MIN_WORK", 0)
    monkeypatch.setattr("sklearn_dl._engine.predict.BLOCK", 2**12)
    teams = []
    monkeypatch.setattr("sklearn_dl._engine.predict.Team", lambda size: teams.append(size) or Team(size))
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 6))
    model = DLClassifier(n_members=n_members, hidden_layer_sizes=(40,), max_iter=2, random_state=0)
    model.fit(X, X[:, 0] > 0)
    answers = [model.set_params(n_jobs=n).predict_proba(X).tobytes() for n in (1, 2, 3)]
    assert len(set(answers)) == 1
    assert teams[-2:] == [2, 3]


def test_a_prediction_leaves_the_users_setting_of_blas(monkeypatch):
    model = DLRegressor(n_members=1, max_iter=1, random_state=0).fit(np.eye(30), np.arange(30.0))
    with threadpool_limits(limits=2, user_api="blas"):
        before = _LIMIT.threads()
        model.predict(np.eye(30).repeat(100, axis=0))
        assert _LIMIT.threads() == before
