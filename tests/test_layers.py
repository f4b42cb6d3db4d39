"""Every layer against central differences and the four laws of `Layer`, over one table of cases.

Also the gains of the activations, the initial weights, dropout's random numbers and the working memory.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import threading
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl.architectures import mlp, resnet
from sklearn_dl.layers import (
    WHOLE,
    BatchNorm,
    Dense,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    MemberDense,
    Members,
    Part,
    Residual,
    Sequential,
    Tanh,
)
from tests.cases import (
    ACTIVATIONS,
    CASES,
    address,
    central_difference,
    inputs,
    network_of,
    normal_mean,
    over,
    same_bits,
    walk,
    workspace_of,
)

each_activation = pytest.mark.parametrize("f", ACTIVATIONS, ids=[type(a).__name__ for a in ACTIVATIONS])


def cotangent(shape):
    """A fixed gradient with respect to an output, no entry of which is 0."""
    return np.random.default_rng(9).uniform(0.5, 1.5, shape) * np.random.default_rng(8).choice([-1.0, 1.0], shape)


def whole_pass(case, dtype=np.float64, x=None, part=WHOLE):
    """Output, gradient with respect to the input, gradient with respect to the parameters; all copies."""
    x = (case.x if x is None else x).astype(dtype)
    work = workspace_of(case, network_of(case.layer, dtype), input_gradient=True)
    y = work.forward(x, None if case.weight is None else case.weight.astype(dtype)).copy()
    dx = work.backward(cotangent(y.shape).astype(dtype))
    grads = work.gradients(part)
    return y, dx.copy(), grads.copy()


# ---- gradients


@over(CASES)
def test_gradients_agree_with_central_differences(case):
    network, x = network_of(case.layer), case.x.copy()
    values = network.values.copy()
    _, dx, grads = whole_pass(case)
    c = None

    def f():
        nonlocal c
        moved = Network(case.layer, values.copy())  # buffers as they were
        y = workspace_of(case, moved).forward(x, case.weight)  # a fresh workspace: the same dropout masks
        c = cotangent(y.shape) if c is None else c
        return float(np.vdot(c, y))

    np.testing.assert_allclose(grads, central_difference(f, values[: network.n_params]), rtol=1e-6, atol=1e-8)
    if case.sparse:
        dense_dx = whole_pass(case._replace(x=case.x.toarray()))[1]
        np.testing.assert_allclose(dx, dense_dx, rtol=1e-13)
    else:
        np.testing.assert_allclose(dx, central_difference(f, x), rtol=1e-6, atol=1e-8)


@over(CASES)
@pytest.mark.parametrize("count", [2, 3])
def test_gradients_in_parts_have_the_bits_of_the_whole(case, count):
    work = workspace_of(case, network_of(case.layer))
    y = work.forward(case.x, case.weight)
    work.backward(cotangent(y.shape))
    whole = work.gradients().copy()
    work.grads.fill(np.nan)
    for i in reversed(range(count)):
        work.gradients(Part(i, count))
    assert same_bits(work.grads, whole)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "layer", [Dense(1, 2), Dense(5, 3), Dense(64, 32), Dense(300, 17), Dense(513, 1), LayerNorm(3)]
)
def test_gradients_in_parts_have_the_bits_of_the_whole_at_any_size(layer, dtype):
    width = getattr(layer, "n_in", None) or layer.width
    work = Workspace(network_of(layer, dtype), training=True)
    y = work.forward(inputs((200, width)).astype(dtype))
    work.backward(cotangent(y.shape).astype(dtype))
    whole = work.gradients().copy()
    for count in (2, 3, 4):
        work.grads.fill(np.nan)
        for i in range(count):
            work.gradients(Part(i, count))
        assert same_bits(work.grads, whole), count


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 1000])
def test_parts_share_out_everything_once(n, count):
    shared = [j for i in range(count) for j in range(n)[Part(i, count).of(n)]]
    assert shared == list(range(n))


@over(CASES)
def test_gradients_do_not_depend_on_whether_the_input_gradient_is_asked_for(case):
    work = workspace_of(case, network_of(case.layer))
    y = work.forward(case.x, case.weight)
    work.backward(cotangent(y.shape))
    assert same_bits(work.gradients(), whole_pass(case)[2])


def chains(f):
    """Layers in chains in which some may write over what they get."""
    block = (Dense(6, 6), f, Dropout(0.25))
    yield Sequential((*block, *block, Dense(6, 2)))
    yield Sequential((Dense(6, 6), f, Dense(6, 6), Dropout(0.25), f, f, Dense(6, 1)))
    yield Sequential((*block, Residual(Sequential((f, *block, Dense(6, 6), f))), f, Dropout(0.25), Dense(6, 2)))
    yield Sequential((Members((1,) * 6, 2), *block, MemberDense(2, 6, 6), f, Dropout(0.25), MemberDense(2, 6, 1)))


@each_activation
@pytest.mark.parametrize("training", [True, False])
def test_writing_over_what_nobody_needs_changes_nothing_but_the_memory(f, training, monkeypatch):
    x, sizes = inputs((130, 6)).astype(np.float32), []
    for layer in chains(f):
        found = []
        for apart in (False, True):
            with monkeypatch.context() as context:
                if apart:
                    context.setattr(Sequential, "may_overwrite", Layer.may_overwrite)
                work = Workspace(network_of(layer, np.float32), training=training, input_gradient=True)
            given = x.copy()
            for _ in range(2):  # the second time in arrays that are there
                y = work.forward(given)
                made = [y.copy(), work.backward(cotangent(y.shape).astype(np.float32)).copy()]
                made += [work.gradients().copy()] if training else []
            np.testing.assert_array_equal(given, x)
            found.append(made)
            sizes.append(work.memory.size)
        for a, b in zip(*found, strict=True):
            np.testing.assert_array_equal(a, b)
    assert sum(sizes[::2]) < sum(sizes[1::2]) or not (training or f.needs_sign)


@dataclasses.dataclass(frozen=True)
class Spy(Layer):
    """The identity; tells whether its input gradient was asked for."""

    name: str

    def forward(self, x, p, m):
        return x

    def backward(self, dy, p, m):
        m.run.asked[self.name] = m.input_gradient
        return dy if m.input_gradient else None


@pytest.mark.parametrize(
    ("layer", "asked"),
    [
        (Sequential((Spy("a"), Spy("b"), Spy("c"))), {"a": False, "b": True, "c": True}),
        (Sequential((Sequential((Spy("a"), Spy("b"))), Spy("c"))), {"a": False, "b": True, "c": True}),
        (Sequential((Residual(Sequential((Spy("a"), Spy("b")))), Spy("c"))), {"a": False, "b": True, "c": True}),
        (Sequential((Spy("a"), Residual(Spy("b")))), {"a": False, "b": True}),
    ],
)
def test_an_input_gradient_that_nobody_needs_is_not_asked_for(layer, asked):
    for outer in (False, True):
        work = Workspace(Network.build(layer, 0, np.float64), training=True, input_gradient=outer)
        work.memory.run.asked = {}
        work.forward(inputs((3, 2)))
        dx = work.backward(np.ones((3, 2)))
        assert work.memory.run.asked == (dict.fromkeys(asked, True) if outer else asked)
        assert (dx is not None) == outer


def test_a_first_dense_layer_computes_no_input_gradient_unless_asked():
    layer = Sequential((Dense(4, 3), Tanh(), Dense(3, 1)))
    for x in (inputs((5, 4)), sparse.csr_array(inputs((5, 4)))):
        for asked in (False, True):
            work = Workspace(network_of(layer), training=True, input_gradient=asked)
            work.forward(x)
            dx = work.backward(np.ones((5, 1)))
            assert (dx is None) == (not asked)


# ---- law 1: inputs are read-only


@over(CASES)
def test_inputs_are_read_only(case):
    x = case.x.copy()
    for a in (x.data, x.indices, x.indptr) if case.sparse else (x,):
        a.flags.writeable = False
    work = workspace_of(case, network_of(case.layer), input_gradient=True)
    y = work.forward(x, case.weight)
    dy = cotangent(y.shape)
    dy.flags.writeable = False
    work.backward(dy)
    work.gradients()
    assert (x != case.x).sum() == 0
    assert (dy == cotangent(y.shape)).all()


# ---- law 2: results live until the next call, in memory that is used again


@over(CASES)
def test_results_live_until_the_next_call(case):
    work = workspace_of(case, network_of(case.layer), input_gradient=True)
    y = work.forward(case.x, case.weight)
    y_before = y.copy()
    dx = work.backward(cotangent(y.shape))
    dx_before = dx.copy()
    work.gradients()
    assert same_bits(y, y_before)
    assert same_bits(dx, dx_before)


@over(CASES)
def test_memory_is_used_again(case):
    work = workspace_of(case, network_of(case.layer), input_gradient=True)
    half = len(case.weight) // 2 if case.weight is not None else case.x.shape[0] // 2
    places = []
    for rows in (slice(None), slice(None), slice(half), slice(None)):
        x = case.x[rows]
        y = work.forward(x, None if case.weight is None else case.weight[rows])
        dy = cotangent(y.shape)
        dx = work.backward(dy)
        assert y.shape[0] == x.shape[0]
        assert dx.shape == x.shape
        places.append((None if y is x else address(y), None if dx is dy else address(dx)))
    assert len(set(places)) == 1
    if not isinstance(case.layer, Dropout):
        assert None not in places[0]


WIDE = (Dense(64, 64), *ACTIVATIONS, Dropout(0.3), BatchNorm(64), LayerNorm(64), Residual(Dense(64, 64)))


@pytest.mark.parametrize("shape", [(2000, 64), (500, 4, 64)])
@pytest.mark.parametrize("layer", WIDE, ids=[type(a).__name__ for a in WIDE])
def test_a_later_pass_allocates_next_to_nothing(layer, shape):
    x, dy, weight = inputs(shape), cotangent(shape), np.ones(shape[0])
    work = Workspace(network_of(layer), training=True, input_gradient=True)
    work.forward(x, weight)
    work.backward(dy)
    tracemalloc.start()
    try:
        work.forward(x, weight)
        work.backward(dy)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 5  # a few numbers a row, and NumPy's own buffers of 8192 numbers


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint16, np.intp, bool])
@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5), (1000, 70)])
def test_working_memory_begins_with_a_line_of_the_cache(shape, dtype):
    m = workspace_of(CASES[0], network_of(Dense(2, 2), np.float32)).memory
    for name in "abc":
        array = m.array(name, shape, dtype)
        assert (array.shape, array.dtype) == (shape, np.dtype(dtype))
        assert not array.size or address(array) % 64 == 0
        array.fill(1)


def test_working_memory_grows_and_shrinks_without_new_memory_for_smaller_shapes():
    m = workspace_of(CASES[0], network_of(Dense(2, 2))).memory
    large = m.array("a", (10, 4))
    large[...] = np.arange(40).reshape(10, 4)
    small = m.array("a", (5, 4))
    assert address(small) == address(large)
    assert (small == large[:5]).all()
    assert m.array("a", (10, 4)) is large
    assert address(m.array("b", (10, 4))) != address(large)
    larger = m.array("a", (11, 4))
    assert address(m.array("a", (10, 4))) == address(larger)


def test_what_is_missing_is_named():
    work = Workspace(network_of(Dense(2, 2)), training=True)
    with pytest.raises(AttributeError, match="nothing was kept as 'x': is forward called before backward"):
        work.memory.x  # noqa: B018
    with pytest.raises(AttributeError, match=r"no array 'wait'; it has \['weight', 'bias'\]"):
        network_of(Dense(2, 2)).views().wait  # noqa: B018


# ---- law 3: axis 0 is rows, the last axis features


@over([c for c in CASES if not c.random])
def test_permuted_rows_give_permuted_rows(case):
    order = np.random.default_rng(3).permutation(case.x.shape[0])
    permuted = case._replace(x=case.x[order], weight=None if case.weight is None else case.weight[order])
    work = workspace_of(case, network_of(case.layer), input_gradient=True)
    y = work.forward(case.x, case.weight).copy()
    dx = work.backward(cotangent(y.shape)).copy()
    work = workspace_of(case, network_of(case.layer), input_gradient=True)
    np.testing.assert_allclose(work.forward(permuted.x, permuted.weight), y[order], rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(work.backward(cotangent(y.shape)[order]), dx[order], rtol=1e-10, atol=1e-13)


@over(CASES)
def test_a_row_depends_on_other_rows_only_in_batch_normalisation_and_dropout(case):
    y = workspace_of(case, network_of(case.layer)).forward(case.x, case.weight).copy()
    rows = slice(2, 7)
    weight = None if case.weight is None else case.weight[rows]
    alone = workspace_of(case, network_of(case.layer)).forward(case.x[rows], weight)
    assert np.allclose(alone, y[rows], rtol=1e-10, atol=1e-13) == case.row_local


@over([c for c in CASES if not c.sparse and c.x.ndim == 3 and not c.random and not c.members])
def test_axes_between_are_more_rows(case):
    flat = case._replace(
        x=case.x.reshape(-1, case.x.shape[-1]),
        weight=None if case.weight is None else np.repeat(case.weight, case.x.shape[1]),
    )
    y, dx, grads = whole_pass(case)
    c = cotangent(y.shape)
    work = workspace_of(flat, network_of(case.layer), input_gradient=True)
    np.testing.assert_allclose(work.forward(flat.x, flat.weight), y.reshape(-1, y.shape[-1]), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(
        work.backward(c.reshape(-1, c.shape[-1])), dx.reshape(-1, dx.shape[-1]), rtol=1e-10, atol=1e-13
    )
    np.testing.assert_allclose(work.gradients(), grads, rtol=1e-10, atol=1e-13)


def test_sparse_and_dense_inputs_give_the_same():
    case = next(c for c in CASES if c.name == "dense-csr")
    for a, b in zip(whole_pass(case), whole_pass(case._replace(x=case.x.toarray())), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13)


# ---- law 4: a layer owns nothing


@over(CASES)
def test_a_layer_is_a_frozen_record_without_arrays(case):
    before = pickle.dumps(case.layer)
    whole_pass(case)
    assert pickle.dumps(case.layer) == before
    twin = pickle.loads(before)
    assert twin == case.layer
    assert hash(twin) == hash(case.layer)
    assert twin is not case.layer
    assert copy.deepcopy(case.layer) == case.layer
    assert eval(repr(case.layer), {type(a).__name__: type(a) for a in walk(case.layer)}) == case.layer
    for layer in walk(case.layer):
        assert not any(isinstance(getattr(layer, f.name), np.ndarray) for f in dataclasses.fields(layer))
        assert vars(layer).keys() == {f.name for f in dataclasses.fields(layer)}
        with pytest.raises(dataclasses.FrozenInstanceError):
            layer.anything = 1


def test_layers_differ_where_a_setting_or_the_kind_differs():
    distinct = [
        Dense(2, 3), Dense(3, 2), Dense(2, 3, 2.0), Dropout(0.1), Dropout(0.2), Tanh(), Identity(), BatchNorm(2),
        BatchNorm(2, momentum=0.5), LayerNorm(2), LeakyReLU(), LeakyReLU(0.1), Residual(Tanh()), Sequential((Tanh(),)),
    ]  # fmt: skip
    assert len(set(distinct)) == len(distinct)


@over(CASES)
def test_many_threads_run_one_network_and_get_the_same_bits(case):
    network = network_of(case.layer)
    values = network.values.copy()
    expected = Workspace(network).forward(case.x).copy()
    barrier, same = threading.Barrier(4), []

    def run(shift):
        work = Workspace(network)
        barrier.wait()
        for i in range(12):
            factor = (i + shift) % 3 + 1  # other threads run other inputs at the same time
            y = work.forward(case.x if factor == 1 else case.x * factor)
            if factor == 1:
                same.append(same_bits(y, expected))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(same) == 16
    assert all(same)
    assert same_bits(network.values, values)  # outside training nothing is learnt, buffers neither


# ---- precision


@over(CASES)
def test_float32_stays_float32(case):
    for single, double in zip(whole_pass(case, np.float32), whole_pass(case), strict=True):
        assert single.dtype == np.float32
        assert double.dtype == np.float64
        if not case.random:  # float32 draws other masks
            np.testing.assert_allclose(single, double, rtol=2e-3, atol=2e-5)


@each_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_survive_large_inputs(f, dtype):
    x = np.array([[-1000, -100, -30, 0, 30, 100, 1000]], dtype)
    work = Workspace(Network.build(f, 0, dtype), training=True, input_gradient=True)
    y = work.forward(x)
    d = work.backward(np.ones_like(x))
    assert np.isfinite(y).all()
    assert np.isfinite(d).all()
    assert (np.abs(y) <= 1.0508 * 1000).all()
    assert (np.abs(d) < 1.8).all()
    assert (np.diff(y[0, 3:]) >= 0).all()  # all of them rise beyond 0


@each_activation
def test_activations_agree_with_their_formulas(f):
    from scipy.stats import norm

    def sigma(x):
        return 1 / (1 + np.exp(-x))

    scale, alpha = 1.0507009873554805, 1.6732632423543772
    formula = {
        "Identity": lambda x: x,
        "Logistic": sigma,
        "Tanh": lambda x: 2 * sigma(2 * x) - 1,
        "ReLU": lambda x: np.where(x > 0, x, 0),
        "LeakyReLU": lambda x: np.where(x > 0, x, 0.2 * x),
        "ELU": lambda x: np.where(x > 0, x, np.exp(x) - 1),
        "SELU": lambda x: scale * np.where(x > 0, x, alpha * (np.exp(x) - 1)),
        "GELU": lambda x: x * norm.cdf(x),
        "SiLU": lambda x: x * sigma(x),
        "Mish": lambda x: x * np.tanh(np.log(1 + np.exp(x))),
        "Softplus": lambda x: np.log(1 + np.exp(x)),
    }[type(f).__name__]
    x = np.linspace(-25, 25, 101)[:, None]
    y = Workspace(Network.build(f, 0, np.float64)).forward(x)
    np.testing.assert_allclose(y, formula(x), rtol=1e-12, atol=1e-12)


# ---- gains and initial weights


@each_activation
def test_gain_keeps_the_second_moment(f):
    work = Workspace(Network.build(f, 0, np.float64))
    second_moment = normal_mean(lambda z: work.forward(z[:, None])[:, 0] ** 2)
    assert f.gain == pytest.approx(1 / math.sqrt(second_moment), rel=1e-4)


@each_activation
def test_a_deep_network_keeps_the_scale_of_the_signal(f):
    layer = mlp(100, (300,) * 6, 300, activations=(f,) * 6, dropouts=(0.0,) * 6)
    y = Workspace(Network.build(layer, 3, np.float32)).forward(
        np.random.default_rng(0).standard_normal((200, 100)).astype(np.float32)
    )
    assert 0.6 < (y.astype(float) ** 2).mean() < 1.6


@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_initial_weights_and_biases_are_uniform(gain):
    p = Network.build(Dense(50, 400, gain), 0, np.float64).views()
    bound = gain * math.sqrt(3 / 50)
    assert np.abs(p.weight).max() <= bound
    assert np.abs(p.weight).max() > 0.999 * bound
    assert p.weight.var() == pytest.approx(gain**2 / 50, rel=0.03)
    assert 0.9 / math.sqrt(50) < np.abs(p.bias).max() <= 1 / math.sqrt(50)


def test_initial_values_depend_on_the_seed_alone():
    layer = mlp(3, (4,), 2, activations=(Tanh(),), dropouts=(0.1,), normalization=BatchNorm)
    a, b, c = (Network.build(layer, seed, np.float64).values for seed in (1, 1, 2))
    assert same_bits(a, b)
    assert not same_bits(a, c)


@pytest.mark.parametrize("build", [mlp, resnet])
def test_architectures_place_the_layers(build):
    layer = build(3, (5, 6), 2, activations=(Tanh(), Tanh()), dropouts=(0.2, 0.0), normalization=LayerNorm)
    kinds = [type(a) for a in walk(layer)]
    assert kinds.count(Dropout) == 1
    assert kinds.count(LayerNorm) == (2 if build is mlp else 3)
    assert kinds.count(Dense) == (3 if build is mlp else 6)
    with pytest.raises(ValueError, match="zip"):
        build(3, (5, 6), 2, activations=(Tanh(),), dropouts=(0.2, 0.0))


def test_identity_leaves_a_chain_of_dense_layers():
    layer = mlp(3, (5,), 2, activations=(Identity(),), dropouts=(0.0,))
    assert [type(a) for a in layer.children] == [Dense, Dense]


# ---- dropout


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_leaves_out_the_right_share(rate, dtype):
    n = 40_000
    work = Workspace(Network.build(Dropout(rate), 0, dtype), training=True, input_gradient=True)
    y = work.forward(np.ones((n // 10, 10), dtype)).copy()
    dx = work.backward(np.ones_like(y))
    assert set(np.unique(y)) == {dtype(0), dtype(1) * dtype(1 / (1 - rate))}
    assert same_bits(dx, y)  # the same units, the same factor
    sigma = math.sqrt(rate * (1 - rate) / n)
    assert abs((y == 0).mean() - rate) < 4 * sigma
    assert y.mean(dtype=float) == pytest.approx(1, abs=4 * sigma / (1 - rate))
    assert np.abs((y == 0).mean(axis=0) - rate).max() < 4.5 * sigma * math.sqrt(10)  # each column


def masks(seed=0, epoch=0, n=300, batches=1, layer=Dropout(0.5), dtype=np.float64):  # noqa: B008
    work = Workspace(Network.build(layer, 0, dtype), training=True, seed=seed)
    work.begin_epoch(epoch)
    return [work.forward(np.ones((n, 4), dtype)).copy() for _ in range(batches)]


def test_dropout_depends_on_seed_epoch_batch_and_layer_and_on_nothing_else():
    (a,) = masks()
    assert same_bits(a, masks()[0])
    others = [masks(seed=1)[0], masks(epoch=1)[0], masks(batches=2)[1], masks(layer=Sequential((Dropout(0.5),)))[0]]
    for i, b in enumerate([a, *others]):
        for c in others[i:]:
            assert 0.4 < (b != c).mean() < 0.6  # independent masks at rate 0.5 differ in half of the places
    assert same_bits(masks(batches=3)[2], masks(batches=3)[2])


def test_dropout_of_a_block_of_rows_does_not_depend_on_the_rows_after_it():
    long, short = masks(n=300)[0], masks(n=128)[0]
    assert same_bits(long[:128], short)
    assert (long[128:256] != short).any()


def test_dropout_layers_of_one_network_draw_their_own_numbers():
    work = Workspace(Network.build(Residual(Dropout(0.5)), 0, np.float64), training=True)
    inner = work.forward(np.ones((100, 4))) - 1
    two = Workspace(Network.build(Sequential((Dropout(0.5), Dropout(0.5))), 0, np.float64), training=True)
    assert (two.forward(np.ones((400, 4))) > 0).mean() == pytest.approx(0.25, abs=0.05)  # 0.5 were they the same
    assert set(np.unique(inner)) == {0.0, 2.0}


def test_an_epoch_begun_again_in_a_new_workspace_has_the_same_masks():
    layer = Dropout(0.5)
    work = Workspace(Network.build(layer, 0, np.float64), training=True)
    seen = []
    for epoch in range(3):
        work.begin_epoch(epoch)
        seen.append([work.forward(np.ones((20, 4))).copy() for _ in range(2)])
    assert all(same_bits(a, b) for a, b in zip(masks(epoch=2, n=20, batches=2), seen[2], strict=True))


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_dropout_that_drops_nothing_is_the_identity(rate, training):
    x = inputs((5, 3))
    assert same_bits(Workspace(Network.build(Dropout(rate), 0, np.float64), training=training).forward(x), x)


# ---- batch normalisation


@pytest.mark.parametrize("shape", [(50, 3), (50, 2, 3)])
def test_batch_normalisation_normalises(shape):
    weight = np.random.default_rng(0).uniform(0, 3, 50)
    work = Workspace(Network.build(BatchNorm(3), 0, np.float64), training=True)
    y = work.forward(5 + 2 * inputs(shape), weight)
    rows, w = y.reshape(-1, 3), np.repeat(weight, len(y.reshape(-1, 3)) // 50)
    np.testing.assert_allclose(np.average(rows, axis=0, weights=w), 0, atol=1e-12)
    np.testing.assert_allclose(np.average(rows**2, axis=0, weights=w), 1, rtol=1e-4)


def test_batch_normalisation_with_weight_two_equals_the_row_twice():
    x, weight = inputs((6, 3)), np.array([1.0, 2, 1, 3, 1, 1])
    twice = np.repeat(np.arange(6), weight.astype(int))
    n1, n2 = network_of(BatchNorm(3)), network_of(BatchNorm(3))
    w1, w2 = (Workspace(n, training=True, input_gradient=True) for n in (n1, n2))
    y1, y2 = w1.forward(x, weight), w2.forward(x[twice])
    np.testing.assert_allclose(y1[twice], y2, rtol=1e-12)
    dy = cotangent((6, 3))
    dx1, dx2 = w1.backward(dy * weight[:, None]), w2.backward(dy[twice])
    np.testing.assert_allclose(dx1[twice] / weight[twice, None], dx2, rtol=1e-10)
    np.testing.assert_allclose(w1.gradients(), w2.gradients(), rtol=1e-12)
    np.testing.assert_allclose(n1.values, n2.values, rtol=1e-12)  # the running statistics too


def test_batch_normalisation_keeps_running_means():
    network = Network.build(BatchNorm(2, momentum=0.25), 0, np.float64)
    p, work, x = network.views(), Workspace(network, training=True), inputs((9, 2))
    assert (p.mean == 0).all()
    assert (p.var == 1).all()
    work.forward(x)
    np.testing.assert_allclose(p.mean, 0.25 * x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(p.var, 0.75 + 0.25 * x.var(axis=0), rtol=1e-12)
    for _ in range(150):
        work.forward(x)
    off = Workspace(network).forward(x)
    np.testing.assert_allclose(off, work.forward(x), rtol=1e-10)  # the running means have arrived
