"""The training loop, L-BFGS, early stopping, batches and the network's vector, on problems of a few rows.

What a listener hears, how a training ends and what it leaves behind, and that it can be gone on with to the bit.
"""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import sparse

from sklearn_dl._data.batches import Batches, Rows
from sklearn_dl._engine.fitted import State
from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl._numerics.randomness import Purpose, generator
from sklearn_dl._training.lbfgs import fit_lbfgs
from sklearn_dl._training.loop import End, Span, train
from sklearn_dl._training.steps import Recipe
from sklearn_dl._training.stopping import Decline, EarlyStopping
from sklearn_dl.architectures import mlp, resnet
from sklearn_dl.layers import BatchNorm, Dense, Layer, LayerNorm, Residual, Sequential, Tanh
from sklearn_dl.losses import LogLoss, Poisson, SquaredError
from sklearn_dl.schedules import Constant, Cosine, CosLog, InvScaling
from sklearn_dl.solvers import LBFGS, SGD, Adam, AdamW, RMSprop, Solver
from tests.cases import CASES, address, over, same_bits

DESCENT = SGD(momentum=0.0)


def never(epoch):
    return False


def line(n=60, noise=0.1, n_in=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, n_in))
    y = x @ np.arange(1.0, n_in + 1)[:, None] - 1 + noise * rng.normal(size=(n, 1))
    return x, y


def rows(x, y, weight=None, size=None, shuffle=True, seed=0):
    return Batches(x, y, weight, size=size or len(y), shuffle=shuffle, seed=seed)


def linear(n_in=3, dtype=np.float64):
    return Network.build(Dense(n_in, 1), 0, dtype)


def deep(n_in=3):
    layer = mlp(n_in, (8, 6), 1, activations=(Tanh(), Tanh()), dropouts=(0.3, 0.2), normalization=BatchNorm)
    return Network.build(layer, 0, np.float64)


def run(network, batches, state=None, listener=never, loss=None, solver=DESCENT, schedule=None, **options):
    span = Span(**{"n_epochs": 5, "horizon": 5} | {k: options.pop(k) for k in Span._fields if k in options})
    recipe = Recipe(loss or SquaredError(), solver, schedule or Constant(), **{"learning_rate": 0.1} | options)
    return train(network, [batches], recipe, state or State(seed=0), listener, span)


# ---- the listener


def test_the_listener_hears_of_each_epoch():
    x, y = line()
    heard, state = [], State(seed=0)
    schedule = CosLog(2)
    assert run(linear(), rows(x, y, size=25), state, heard.append, schedule=schedule) is End.MAX_ITER
    assert [e.number for e in heard] == [1, 2, 3, 4, 5]
    last_steps = [(i + 2 / 3) / 5 for i in range(5)]  # three batches an epoch
    assert [e.learning_rate for e in heard] == pytest.approx([0.1 * schedule.factor(t, 0) for t in last_steps])
    assert all(e.seconds > 0 and type(e.loss) is float for e in heard)
    assert (state.epoch, state.step, state.samples_seen) == (5, 15, 300)


@pytest.mark.parametrize("size", [None, 25])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_the_weighted_mean_before_each_step_without_the_penalty(size, weighted):
    x, y = line()
    weight = np.random.default_rng(1).uniform(0.1, 4, 60) if weighted else None
    network, heard = linear(), []
    before = 0.5 * np.average((Workspace(network).forward(x) - y)[:, 0] ** 2, weights=weight)
    run(network, rows(x, y, weight, size), listener=heard.append, alpha=3.0, learning_rate=0.0)
    assert [e.loss for e in heard] == pytest.approx([before] * 5, rel=1e-12)


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_the_listener_can_stop(stop):
    x, y = line()
    stopped, whole = linear(), linear()
    assert run(stopped, rows(x, y, size=20), listener=lambda e: e.number >= stop) is End.LISTENER
    run(whole, rows(x, y, size=20), n_epochs=stop)
    assert same_bits(stopped.values, whole.values)


def test_no_epoch_is_none():
    network, heard = linear(), []
    before = network.values.copy()
    assert run(network, rows(*line()), listener=heard.append, n_epochs=0) is End.MAX_ITER
    assert not heard
    assert same_bits(network.values, before)


# ---- the step


def test_full_batches_are_gradient_descent_on_half_the_mean_squared_error():
    x, y = line(100)
    network = linear()
    p = network.views()
    w, b = p.weight.copy(), p.bias.copy()
    run(network, rows(x, y), n_epochs=30, horizon=30, learning_rate=0.05)
    for _ in range(30):
        r = x @ w + b - y
        w, b = w - 0.05 * x.T @ r / 100, b - 0.05 * r.mean()
    np.testing.assert_allclose(p.weight, w, rtol=1e-12)
    np.testing.assert_allclose(p.bias, b, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_alpha_penalises_weights_and_not_biases(weighted):
    """The fixed point is the minimum of (Σ w loss + α/2 ‖W‖²) / Σ w: ridge regression with a free intercept."""
    x, y = line()
    weight = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None
    w, alpha = np.ones(60) if weight is None else weight, 20.0
    network = linear()
    run(network, rows(x, y, weight), n_epochs=600, alpha=alpha, learning_rate=0.3)
    xc, yc = x - np.average(x, axis=0, weights=w), y - np.average(y[:, 0], weights=w)
    expected = np.linalg.solve(xc.T @ (w[:, None] * xc) + alpha * np.eye(3), xc.T @ (w[:, None] * yc))
    p = network.views()
    np.testing.assert_allclose(p.weight, expected, rtol=1e-9)
    np.testing.assert_allclose(p.bias, np.average((y - x @ expected)[:, 0], weights=w), rtol=1e-9)


def test_the_penalty_does_not_depend_on_the_batch_size():
    """On rows of zeros the weights feel the penalty alone: each step shrinks them by η α / n."""
    for size in (5, 20):
        network = linear()
        before = network.views().weight.copy()
        state = State(seed=0)
        run(network, rows(np.zeros((20, 3)), np.zeros((20, 1)), None, size), state, alpha=2.0)
        assert state.step == 5 * (20 // size)
        np.testing.assert_allclose(network.views().weight, before * (1 - 0.1 * 2 / 20) ** state.step, rtol=1e-12)


def test_weights_are_unbiased_in_small_batches():
    """A bias alone learns the weighted mean, though most batches have no heavy row and none has many."""
    rng = np.random.default_rng(0)
    n = 1000
    heavy = np.zeros(n, bool)
    heavy[rng.permutation(n)[: n // 50]] = True
    y = np.where(heavy, 3.0, 0.5)[:, None] + 0.1 * rng.normal(size=(n, 1))
    weight = np.where(heavy, 50.0, 1.0)
    truth = np.average(y[:, 0], weights=weight)
    network = linear(1)
    run(
        network, rows(np.zeros((n, 1)), y, weight, size=20), schedule=Cosine(), n_epochs=40, horizon=40,
        learning_rate=0.02,
    )  # fmt: skip
    assert network.views().bias[0] == pytest.approx(truth, rel=0.01)


def test_a_scale_of_all_weights_changes_nothing():
    x, y = line()
    weight = np.random.default_rng(1).uniform(0.5, 2, 60)
    values = []
    for scale in (1, 1024):
        network = deep()
        run(network, rows(x, y, scale * weight, size=16), alpha=scale * 0.1)
        values.append(network.values)
    np.testing.assert_allclose(*values, rtol=1e-9)


class Recorder(Solver):
    """Keeps the norm of each gradient."""

    def __init__(self, norms):
        self.norms = norms

    def step(self, params, grads, s, t, rate, decayed):
        self.norms.append(float(np.linalg.norm(grads)))
        params -= rate * grads


def test_clip_norm_clips_the_norm_and_keeps_the_direction():
    x, y = line()
    norms: dict[Any, list[float]] = {None: [], 0.5: [], 1e9: []}
    steps = {}
    for clip, kept in norms.items():
        network = linear()
        before = network.values.copy()
        run(network, rows(x, y), solver=Recorder(kept), n_epochs=1, clip_norm=clip)
        steps[clip] = network.values - before
    assert norms[None][0] > 0.5
    assert norms[1e9] == norms[None]
    assert norms[0.5][0] == pytest.approx(0.5)
    np.testing.assert_allclose(steps[0.5], steps[None] * 0.5 / norms[None][0], rtol=1e-12)


def test_the_penalty_is_clipped_too():
    network, norms = linear(), []
    run(network, rows(*line()), solver=Recorder(norms), n_epochs=2, alpha=1e6, clip_norm=0.25)
    assert norms == pytest.approx([0.25, 0.25])


@pytest.mark.parametrize("origin", [0, 3])
def test_progress_runs_from_origin_over_horizon_and_stays_at_1(origin):
    class Watching(Constant.__base__):
        def __init__(self, seen):
            self.seen = seen

        def factor(self, progress, samples_seen):
            self.seen.append((progress, samples_seen))
            return 1.0

    x, y = line(20)
    seen = []
    run(linear(), rows(x, y, size=10), State(seed=0, epoch=origin, samples_seen=7), schedule=Watching(seen),
        n_epochs=3, horizon=2, origin=origin)  # fmt: skip
    assert [p for p, _ in seen] == [0, 0.25, 0.5, 0.75, 1, 1]
    assert [s for _, s in seen] == [7, 7, 27, 27, 47, 47]


def test_rate_factor_is_on_the_rate():
    x, y = line(20)
    state, heard = State(seed=0), []

    def listener(epoch):
        heard.append(epoch.learning_rate)
        state.rate_factor /= 5
        return False

    run(linear(), rows(x, y), state, listener, n_epochs=3)
    assert heard == pytest.approx([0.1, 0.02, 0.004])


# ---- ends that nobody wished for


@dataclass(frozen=True)
class Breaking(Layer):
    """The identity; raises, or gives NaN, at the calls that `broken` holds."""

    broken: Any
    calls: Any
    how: str = "raise"

    def forward(self, x, p, m):
        number = next(self.calls)
        if number in self.broken:
            if self.how == "raise":
                raise KeyboardInterrupt
            return x * np.nan
        return x

    def backward(self, dy, p, m):
        return dy


def breaking(broken, how="raise"):
    return Network.build(
        Sequential((Dense(3, 4), Breaking(broken, itertools.count(), how), BatchNorm(4), Dense(4, 1))), 0, np.float64
    )


def trajectory(network, batches, n_epochs, **options):
    """Values at the start and after each epoch, and the losses, of a training in which nothing breaks."""
    values, losses = [network.values.copy()], []

    def listener(epoch):
        values.append(network.values.copy())
        losses.append(epoch.loss)
        return False

    run(network, batches, listener=listener, n_epochs=n_epochs, **options)
    return values, losses


@pytest.mark.parametrize("call", [0, 2, 3, 4, 8])
def test_ctrl_c_in_the_middle_gives_the_last_whole_epoch(call):
    x, y = line()
    expected, _ = trajectory(breaking(()), rows(x, y, size=20), 4)
    network, state = breaking((call,)), State(seed=0)
    place = address(network.values)
    assert run(network, rows(x, y, size=20), state) is End.INTERRUPTED
    assert same_bits(network.values, expected[call // 3])  # three batches an epoch
    assert address(network.values) == place
    assert state.epoch == call // 3
    assert state.samples_seen == 60 * (call // 3)


@pytest.mark.parametrize("number", [1, 3])
def test_ctrl_c_in_the_listener_keeps_the_epoch_that_is_over(number):
    x, y = line()
    expected, _ = trajectory(deep(), rows(x, y, size=20), 4, solver=Adam())

    def listener(epoch):
        if epoch.number == number:
            raise KeyboardInterrupt

    network, state = deep(), State(seed=0)
    assert run(network, rows(x, y, size=20), state, listener, solver=Adam()) is End.INTERRUPTED
    assert same_bits(network.values, expected[number])
    assert state.epoch == number


def test_other_errors_pass_through():
    def listener(epoch):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        run(linear(), rows(*line()), listener=listener)


@pytest.mark.parametrize("call", [0, 5, 7])
def test_a_loss_that_is_not_finite_ends_it_with_the_best_values(call):
    x, y = line()
    expected, losses = trajectory(breaking(()), rows(x, y, size=20), 4, learning_rate=0.02)
    assert losses == sorted(losses, reverse=True)  # each epoch better: the best values are those before the last
    network, heard = breaking((call,), "nan"), []
    end = run(network, rows(x, y, size=20), listener=heard.append, learning_rate=0.02)
    assert end is End.NON_FINITE
    assert [e.loss for e in heard] == losses[: call // 3]
    assert same_bits(network.values, expected[max(0, call // 3 - 1)])


@pytest.mark.parametrize("solver", [DESCENT, SGD()], ids=str)
def test_divergence_leaves_finite_values(solver):
    x, y = line()
    network, heard = linear(dtype=np.float32), []
    batches = rows(x.astype(np.float32), y.astype(np.float32), size=20)
    end = run(network, batches, listener=heard.append, solver=solver, learning_rate=50.0, n_epochs=500)
    assert end is End.NON_FINITE
    assert 0 < len(heard) < 500
    assert np.isfinite(network.values).all()
    restored = Workspace(network).forward(x.astype(np.float32))
    assert 0.5 * ((restored - y) ** 2).mean() <= max(e.loss for e in heard)


def test_a_last_step_to_infinity_is_told_too():
    """The loss is measured before the step, so the last step of all is looked at afterwards."""
    network = linear()
    before = network.values.copy()
    assert run(network, rows(*line()), n_epochs=1, learning_rate=math.inf) is End.NON_FINITE
    assert same_bits(network.values, before)
    assert run(network, rows(*line()), listener=lambda e: True, learning_rate=math.inf) is End.NON_FINITE
    assert same_bits(network.values, before)


def test_targets_that_are_not_finite_end_it_at_once():
    x, y = line()
    y[7] = np.nan
    network, heard = deep(), []
    before = network.values.copy()
    assert run(network, rows(x, y, size=20), listener=heard.append) is End.NON_FINITE
    assert not heard
    assert same_bits(network.values, before)


@pytest.mark.parametrize("solver", [DESCENT, SGD(), RMSprop(), Adam()], ids=str)
def test_a_training_that_broke_can_be_gone_on_with(solver):
    """What the solver remembers of the steps that led to infinity must not lead there again."""
    x, y = line()
    network, state, heard = linear(), State(seed=0), []
    end = run(network, rows(x, y, size=20), state, solver=solver, learning_rate=1e200)
    assert end is End.NON_FINITE
    network.values[...] = linear().values
    end = run(network, rows(x, y, size=20), state, heard.append, solver=solver, learning_rate=0.01, n_epochs=20)
    assert end is End.MAX_ITER
    assert heard[-1].loss < 0.9 * heard[0].loss


# ---- going on


@pytest.mark.parametrize("solver", [DESCENT, SGD(), RMSprop(), Adam(), AdamW()], ids=str)
@pytest.mark.parametrize("schedule", [Constant(), InvScaling(), CosLog()], ids=str)
def test_epochs_one_by_one_are_the_epochs_together(solver, schedule):
    x, y = line()
    together, one_by_one = deep(), deep()
    states = State(seed=4), State(seed=4)
    options = {"solver": solver, "schedule": schedule, "horizon": 6, "alpha": 0.1, "clip_norm": 1.0}
    heard: tuple[list, list] = ([], [])
    run(together, rows(x, y, size=16, seed=4), states[0], heard[0].append, n_epochs=6, **options)
    for _ in range(6):
        run(one_by_one, rows(x, y, size=16, seed=4), states[1], heard[1].append, n_epochs=1, **options)
    assert same_bits(together.values, one_by_one.values)
    assert [e[:3] for e in heard[0]] == [e[:3] for e in heard[1]]
    for name in solver.keeps:
        assert same_bits(states[0].kept[name], states[1].kept[name])
    assert vars(states[0]).keys() == vars(states[1]).keys()
    assert all(getattr(states[0], k) == getattr(states[1], k) for k in ("epoch", "step", "samples_seen", "rate_factor"))


def test_network_and_state_can_be_pickled_in_between():
    x, y = line()
    together, first, state = deep(), deep(), State(seed=4)
    run(together, rows(x, y, size=16), State(seed=4), solver=Adam(), n_epochs=4)
    run(first, rows(x, y, size=16), state, solver=Adam(), n_epochs=2)
    second, state = pickle.loads(pickle.dumps((first, state)))
    run(second, rows(x, y, size=16), state, solver=Adam(), n_epochs=2)
    assert same_bits(together.values, second.values)
    assert not same_bits(first.values, second.values)


def test_the_seed_decides():
    x, y = line()
    values = []
    for seed in (1, 1, 2):
        network = deep()
        run(network, rows(x, y, size=16, seed=0), State(seed=seed))
        values.append(network.values)
    assert same_bits(values[0], values[1])
    assert not same_bits(values[0], values[2])


# ---- early stopping


def plateaus(values, patience, tol=0.0, keep_best=False, network=None):
    stopping = EarlyStopping(patience, tol, keep_best)
    network = network or linear()
    return [stopping.plateau(v, network) for v in values], stopping


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_patience_counts_epochs_without_improvement(patience):
    told, stopping = plateaus([3.0, 2.0] + [2.5] * patience, patience)
    assert told == [False] * (1 + patience) + [True]
    assert stopping.best == 2.0


def test_an_improvement_starts_the_count_again():
    told, _ = plateaus([5, 5, 5, 4, 4, 4, 4], patience=3)
    assert told == [False] * 6 + [True]


def test_after_a_plateau_the_count_starts_again():
    told, _ = plateaus([1.0] * 7, patience=3)
    assert told == [False, False, False, True, False, False, True]


def test_an_improvement_counts_where_it_is_larger_than_tol():
    assert plateaus([4.0, 3.5, 3.0, 2.5], patience=1, tol=0.25)[0] == [False] * 4
    assert plateaus([4.0, 3.75], patience=1, tol=0.25)[0] == [False, True]
    # small improvements add up, as they are measured from the last one that counted
    told, stopping = plateaus([1.0, 0.75, 0.5, 0.25, 0.0], patience=2, tol=0.25)
    assert told == [False] * 5
    assert stopping.best == 0.0


def test_a_value_that_is_not_a_number_is_no_improvement():
    told, stopping = plateaus([2.0, math.nan, math.nan], patience=2)
    assert told == [False, False, True]
    assert stopping.best == 2.0


# ---- a loss that has surely risen


BLOCKS = np.random.default_rng(0).uniform(0.5, 1.5, 32)  # what each block of rows adds to a loss
WIGGLE = np.random.default_rng(1).permutation(np.repeat([-1.0, 1.0], 16))  # of mean 0


def declines(looks, sure=2.0, smoothed=1):
    """What a series of looks tells, of which one is best whose sum is lowest so far."""
    decline, told, lowest = Decline(sure, smoothed), [], math.inf
    for look in looks:
        told.append(decline.note(look, best=look.sum() < lowest))
        lowest = min(lowest, look.sum())
    return told


CHANCE, SURELY = BLOCKS + 0.1 * WIGGLE + 0.0357, BLOCKS + 0.1 * WIGGLE + 0.04  # t = 1.99 (with n for n - 1 2.02), 2.23


@pytest.mark.parametrize(
    ("looks", "told"),
    {
        "the third look after the best, as one may be a slip": ([BLOCKS] + [BLOCKS + 0.1] * 4, [3, 4]),
        "never better, never worse": ([BLOCKS] * 5, []),
        "falls": ([BLOCKS - 0.1 * k for k in range(5)], []),
        "within chance": ([BLOCKS] + [CHANCE] * 5, []),
        "beyond chance": ([BLOCKS] + [SURELY] * 4, [3, 4]),
        "beyond it in a row": ([BLOCKS, SURELY, SURELY, CHANCE, SURELY, SURELY, SURELY], [6]),
        "since the best": ([BLOCKS, SURELY, SURELY, BLOCKS - 0.1, SURELY, SURELY, SURELY], [6]),
        "not a number": ([BLOCKS] + [BLOCKS * math.nan] * 4, []),
        "infinite": ([BLOCKS] + [BLOCKS + math.inf] * 4, []),  # ends the training elsewhere
        "too few blocks": ([BLOCKS[:15]] + [BLOCKS[:15] + 9.0] * 4, []),
    }.values(),
)
def test_a_decline_is_told_where_chance_does_not_explain_it(looks, told):
    assert [i for i, sure in enumerate(declines(looks)) if sure] == told
    assert not any(declines(looks, sure=math.inf))


def test_a_decline_is_one_from_the_mean_of_the_looks_up_to_the_best():
    looks = [BLOCKS + 0.2, BLOCKS] + [BLOCKS + 0.05] * 4
    assert declines(looks) == [False] * 4 + [True] * 2
    assert not any(declines(looks, smoothed=2))  # the best is BLOCKS + 0.1


def test_without_patience_there_is_no_plateau():
    assert not any(plateaus([1.0] * 500, patience=math.inf)[0])


def test_the_best_values_come_back_even_where_the_improvement_did_not_count():
    network = deep()
    stopping = EarlyStopping(2, 0.5, True)
    for number, value in enumerate([3.0, 1.0, 0.9, 2.0, 2.0]):
        network.values[...] = number
        stopping.plateau(value, network)
    stopping.restore(network)
    assert (network.values == 2).all()
    assert stopping.best == 0.9
    assert (network.views()[0].weight == 2).all()  # views follow, as they are made on demand


@pytest.mark.parametrize(("keep_best", "told"), [(False, [1.0]), (True, [])])
def test_restore_does_nothing_where_nothing_was_kept(keep_best, told):
    network = deep()
    stopping = EarlyStopping(2, 0.0, keep_best)
    for value in told:
        stopping.plateau(value, network)
    network.values[...] = 7
    stopping.restore(network)
    assert (network.values == 7).all()


# ---- batches


class Table(NamedTuple):
    name: str
    n: int
    size: int
    shuffle: bool


TABLES = [
    Table(f"{n}-by-{size}{'-shuffled' if shuffle else ''}", n, size, shuffle)
    for n, size in [(10, 3), (10, 5), (10, 1), (10, 10), (10, 99), (1, 1)]
    for shuffle in (False, True)
]


def numbered(n, kind="dense"):
    x = np.stack([np.arange(n) + 1.0, -np.arange(n) - 1.0], axis=1)
    return (sparse.csr_array(x) if kind == "csr" else x), np.arange(n)[:, None] + 1.0, np.arange(n) + 101.0


@over(TABLES)
@pytest.mark.parametrize("kind", ["dense", "csr"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_row_comes_once_an_epoch_with_its_target_and_weight(case, kind, weighted):
    x, y, weight = numbered(case.n, kind)
    batches = Batches(x, y, weight if weighted else None, size=case.size, shuffle=case.shuffle, seed=3)
    size = min(case.n, case.size)
    for epoch in range(3):
        seen, lengths = [], []
        for batch in batches.epoch(epoch):
            assert isinstance(batch, Rows)
            assert len(batch) == batch.x.shape[0] == len(batch.y)
            assert sparse.issparse(batch.x) == (kind == "csr")
            bx = batch.x.toarray() if kind == "csr" else batch.x
            np.testing.assert_array_equal(bx[:, [0]], batch.y)
            np.testing.assert_array_equal(bx[:, 1], -bx[:, 0])
            if weighted:
                np.testing.assert_array_equal(batch.weight, batch.y[:, 0] + 100)
            else:
                assert batch.weight is None
            lengths.append(len(batch))
            seen += batch.y[:, 0].tolist()
        full, rest = divmod(case.n, size)
        assert lengths == [size] * full + [rest] * (rest > 0)
        assert len(batches) == len(lengths)
        assert sorted(seen) == y[:, 0].tolist()
        if not case.shuffle:
            assert seen == y[:, 0].tolist()


def orders(seed, shuffle=True, n=40, size=8):
    x, y, _ = numbered(n)
    batches = Batches(x, y, None, size=size, shuffle=shuffle, seed=seed)
    return [np.concatenate([b.y[:, 0].copy() for b in batches.epoch(e)]).tolist() for e in range(4)]


def test_each_epoch_and_seed_has_an_order_of_its_own():
    a, b = orders(0), orders(1)
    assert len({tuple(o) for o in a + b}) == 8
    assert orders(0) == a
    assert len({tuple(o) for o in orders(0, shuffle=False)}) == 1


def test_the_order_of_an_epoch_does_not_depend_on_the_epochs_before():
    x, y, _ = numbered(40)
    batches = Batches(x, y, None, size=8, shuffle=True, seed=0)
    assert np.concatenate([b.y[:, 0].copy() for b in batches.epoch(2)]).tolist() == orders(0)[2]


def test_a_full_batch_is_the_table_itself():
    x, y, weight = numbered(10)
    (batch,) = Batches(x, y, weight, size=10, shuffle=True, seed=0).epoch(0)
    assert batch.x is x
    assert batch.y.base is y  # no copy
    assert batch.weight.base is weight


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_reuse_memory_and_leave_the_table_alone(shuffle):
    x, y, weight = numbered(10)
    for a in (x, y, weight):
        a.flags.writeable = False
    batches = Batches(x, y, weight, size=4, shuffle=shuffle, seed=0)
    places = [[address(b.x) for b in batches.epoch(e)] for e in range(2)]
    assert places[0] == places[1]
    assert (places[0][0] == address(x)) is not shuffle


def test_batches_of_a_long_table_are_gathered_some_at_a_time(monkeypatch):
    monkeypatch.setattr("sklearn_dl._data.batches.GATHERED", 24)
    x, y, weight = numbered(50)
    batches = Batches(x, y, weight, size=4, shuffle=True, seed=0)
    rows = [(b.x.copy(), b.y.copy(), b.weight.copy(), address(b.x)) for b in batches.epoch(0)]
    assert len({place for *_, place in rows}) == 24 // (4 * x.shape[1])
    order = np.concatenate([b.y.copy() for b in Batches(x, y, weight, size=49, shuffle=True, seed=0).epoch(0)])[:, 0]
    rows_seen, targets, weights = (np.concatenate([r[i] for r in rows]) for i in range(3))
    np.testing.assert_array_equal(targets[:, 0], order)
    np.testing.assert_array_equal(rows_seen[:, 0], order)
    np.testing.assert_array_equal(weights, order + 100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_keep_types_and_sum_weights_in_float64(dtype):
    x, y, _ = (a.astype(dtype) for a in numbered(10))
    weight = np.full(10, 0.1, dtype)
    batches = Batches(x, y, weight, size=4, shuffle=True, seed=0)
    assert all(a.dtype == dtype for b in batches.epoch(0) for a in b[:3])
    assert batches.total_weight == float(weight.astype(float).sum())
    assert Batches(x, y, None, size=4, shuffle=True, seed=0).total_weight == 10


def test_random_numbers_depend_on_purpose_and_position():
    keys = [(7, p, *pos) for p in Purpose for pos in [(), (0,), (1,), (0, 1), (1, 0)]] + [(8, Purpose.INIT)]
    drawn = [generator(*key).random(4).tobytes() for key in keys]
    assert len(set(drawn)) == len(keys)
    assert drawn == [generator(*key).random(4).tobytes() for key in keys]


# ---- L-BFGS


def minimise(network, batches, state=None, listener=never, loss=None, **options):
    recipe = Recipe(loss or SquaredError(), LBFGS(), Constant(), 1.0, alpha=options.pop("alpha", 0.0))
    options = {"max_iter": 200, "tol": 1e-8} | options
    return fit_lbfgs(network, [batches], recipe, state or State(seed=0), listener, **options)


@pytest.mark.parametrize("size", [None, 16])
@pytest.mark.parametrize("alpha", [0.0, 5.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_reaches_the_least_squares_solution(size, alpha, weighted):
    x, y = line()
    weight = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None
    w = np.ones(60) if weight is None else weight
    network = linear()
    assert minimise(network, rows(x, y, weight, size), alpha=alpha) is End.CONVERGED
    a = np.hstack([x, np.ones((60, 1))])
    expected = np.linalg.solve(a.T @ (w[:, None] * a) + alpha * np.diag([1, 1, 1, 0]), a.T @ (w[:, None] * y))
    np.testing.assert_allclose(network.params, expected[:, 0], rtol=1e-6)


def test_the_listener_hears_of_each_iteration_of_lbfgs():
    x, y = line()
    network, heard, values, state = linear(), [], [], State(seed=0, epoch=10)

    def listener(epoch):
        heard.append(epoch)
        values.append(network.params.copy())
        return False

    minimise(network, rows(x, y), state, listener, alpha=5.0)
    assert [e.number for e in heard] == list(range(11, 11 + len(heard)))
    assert len(heard) > 2
    assert (state.epoch, state.step, state.samples_seen) == (10 + len(heard), len(heard), 60 * len(heard))
    for epoch, params in zip(heard, values, strict=True):  # of these values, without the penalty
        r = x @ params[:3, None] + params[3] - y
        assert epoch.loss == pytest.approx(0.5 * (r**2).mean(), rel=1e-12)
        assert epoch.seconds > 0
        assert epoch.learning_rate == 1.0
    assert same_bits(values[-1], network.params)


@pytest.mark.parametrize("stop", [1, 3])
def test_the_listener_can_stop_lbfgs(stop):
    network, values = linear(), []

    def listener(epoch):
        values.append(network.params.copy())
        return epoch.number >= stop

    assert minimise(network, rows(*line()), listener=listener) is End.LISTENER
    assert len(values) == stop
    assert same_bits(network.params, values[-1])


@pytest.mark.parametrize("max_iter", [1, 2])
def test_max_iter_ends_lbfgs(max_iter):
    network, heard = linear(), []
    assert minimise(network, rows(*line()), listener=heard.append, max_iter=max_iter) is End.MAX_ITER
    assert len(heard) == max_iter


@pytest.mark.parametrize("loss", [LogLoss(), Poisson()], ids=str)
def test_lbfgs_and_descent_reach_the_same_minimum(loss):
    x, _ = line()
    y = np.random.default_rng(2).integers(0, 2, (60, 1)).astype(float)
    a, b = linear(), linear()
    assert minimise(a, rows(x, y), loss=loss, alpha=1.0) is End.CONVERGED
    run(b, rows(x, y), loss=loss, alpha=1.0, n_epochs=3000, learning_rate=0.3)
    np.testing.assert_allclose(a.params, b.params, rtol=1e-4, atol=1e-6)


def test_ctrl_c_gives_the_last_iterate_of_lbfgs():
    network, values = linear(), []

    def listener(epoch):
        values.append(network.params.copy())
        if epoch.number == 3:
            raise KeyboardInterrupt

    assert minimise(network, rows(*line()), listener=listener) is End.INTERRUPTED
    assert same_bits(network.params, values[2])
    x, y = line()
    network = Network.build(Sequential((Dense(3, 1), Breaking((4,), itertools.count()))), 0, np.float64)
    values.clear()
    assert minimise(network, rows(x, y), listener=lambda e: values.append(network.params.copy())) is End.INTERRUPTED
    assert same_bits(network.params, values[-1])


def test_lbfgs_in_float32_moves_float32_values():
    x, y = (a.astype(np.float32) for a in line())
    network, twin = linear(dtype=np.float32), linear()
    minimise(network, rows(x, y), tol=1e-5)
    minimise(twin, rows(*line()))
    assert network.values.dtype == np.float32
    np.testing.assert_allclose(network.values, twin.values, rtol=1e-3)


def test_targets_that_are_not_finite_end_lbfgs_with_finite_values():
    x, y = line()
    y[3] = np.nan
    network = linear()
    before = network.values.copy()
    assert minimise(network, rows(x, y)) is End.NON_FINITE
    assert same_bits(network.values, before)


@pytest.mark.parametrize("seed", [0, 6, 34, 37, 50, 58])
def test_a_search_that_rounding_error_ends_is_not_told_as_max_iter(seed):
    """SciPy gives up where its line search finds nothing lower: in float32 that is as good a minimum as there is."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y = np.sin(3 * x[:, :1])
    layer = mlp(3, (4,), 1, activations=(Tanh(),), dropouts=(0.0,))
    network, heard = Network.build(layer, seed, np.float32), []
    end = minimise(network, rows(x, y), listener=heard.append, max_iter=10_000, tol=0.0, alpha=1.0)
    assert len(heard) < 10_000
    assert end is End.CONVERGED


# ---- the network's vector


@over(CASES)
def test_entries_tile_the_vector(case):
    network = Network.build(case.layer, 0, np.float64)
    entries = network.entries()
    assert [e.span.start for e in entries] == [0, *(e.span.stop for e in entries)][: len(entries)]
    assert sum(math.prod(e.shape) for e in entries) == len(network.values)
    assert len({e.path for e in entries}) == len(entries)
    assert all(e.span.stop - e.span.start == math.prod(e.shape) for e in entries)
    kinds = [e.kind for e in entries]
    assert kinds == sorted(kinds, key=("weight", "parameter", "buffer").index)
    assert network.n_weights == sum(math.prod(e.shape) for e in entries if e.kind == "weight")
    assert network.n_params == sum(math.prod(e.shape) for e in entries if e.kind != "buffer")
    assert all((e.kind == "weight") == e.path.endswith("weight") for e in entries)


@over(CASES)
def test_views_are_the_vector(case):
    network = Network.build(case.layer, 0, np.float64)
    network.values[...] = np.arange(len(network.values))
    gradient = -np.arange(network.n_params, dtype=float)
    for e in network.entries():
        *path, name = e.path.split(".")
        p, g = network.views(), network.views(gradient)
        for i in path:
            p, g = p[int(i)], g[int(i)]
        a = getattr(p, name)
        assert a.shape == e.shape
        assert (a.ravel() == network.values[e.span]).all()
        a[...] = -7.0
        assert (network.values[e.span] == -7).all()
        if e.kind == "buffer":
            with pytest.raises(AttributeError):
                getattr(g, name)
        else:
            assert (getattr(g, name).ravel() == gradient[e.span]).all()


def test_paths_name_layers_from_the_outside_in():
    layer = Sequential((Dense(2, 3), Residual(Sequential((BatchNorm(3), Dense(3, 3)))), LayerNorm(3)))
    assert [(e.path, e.kind) for e in Network.build(layer, 0, np.float64).entries()] == [
        ("0.weight", "weight"),
        ("1.0.1.weight", "weight"),
        ("0.bias", "parameter"),
        ("1.0.0.gain", "parameter"),
        ("1.0.0.bias", "parameter"),
        ("1.0.1.bias", "parameter"),
        ("2.gain", "parameter"),
        ("2.bias", "parameter"),
        ("1.0.0.mean", "buffer"),
        ("1.0.0.var", "buffer"),
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_pickle_is_little_more_than_the_values(dtype):
    layer = resnet(50, (60, 60), 3, activations=(Tanh(), Tanh()), dropouts=(0.1, 0.1), normalization=BatchNorm)
    network = Network.build(layer, 0, dtype)
    run_once = Workspace(network, training=True)
    run_once.forward(np.ones((500, 50), dtype))
    data = pickle.dumps(network)
    assert len(data) < network.values.nbytes + 2500
    twin = pickle.loads(data)
    assert twin.layer == network.layer
    assert same_bits(twin.values, network.values)
    assert (twin.n_weights, twin.n_params) == (network.n_weights, network.n_params)
    x = np.random.default_rng(0).normal(size=(4, 50)).astype(dtype)
    assert same_bits(Workspace(twin).forward(x), Workspace(network).forward(x))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_values_of_its_own(copied):
    network = deep()
    before, twin = network.values.copy(), copied(network)
    twin.values += 1
    assert same_bits(network.values, before)
    assert twin.layer == network.layer
    assert twin.n_params == network.n_params


def test_a_workspace_runs_the_values_as_they_are_now():
    network = linear()
    work = Workspace(network)
    before = work.forward(np.ones((1, 3))).copy()
    network.views().bias += 2
    np.testing.assert_allclose(work.forward(np.ones((1, 3))), before + 2)


def test_an_early_stopped_training_gives_the_best_epoch():
    """The parts together: a listener that validates, a plateau that stops, the best values restored."""
    x, y = line(40, noise=2.0, n_in=30)
    x_val, y_val = line(200, noise=2.0, n_in=30)
    x_val, y_val = x_val[100:], y_val[100:]
    network = linear(30)
    stopping, values, scores = EarlyStopping(10, 0.0, True), [], []

    def listener(epoch):
        scores.append(0.5 * float(((Workspace(network).forward(x_val) - y_val) ** 2).mean()))
        values.append(network.values.copy())
        return stopping.plateau(scores[-1], network)

    end = run(network, rows(x, y, size=10), listener=listener, n_epochs=500, learning_rate=0.05)
    assert end is End.LISTENER
    assert len(scores) < 500
    best = int(np.argmin(scores))
    assert best == len(scores) - 11
    stopping.restore(network)
    assert same_bits(network.values, values[best])
    assert stopping.best == scores[best]
