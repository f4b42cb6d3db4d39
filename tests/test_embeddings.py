"""The layer of learnt embeddings against central differences and the four laws of `Layer`.

Its input is numbers and codes, not one array, so that it has a table of cases of its own beside `tests.cases`.
"""

from __future__ import annotations

import pickle
import threading
from typing import Any, NamedTuple

import numpy as np
import pytest

from sklearn_dl._data.columns import Columns
from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl.layers import (
    Dense,
    Layer,
    LinearOffset,
    NumberEmbedding,
    Part,
    Ramps,
    Sequential,
    TableInput,
    Tanh,
    Waves,
)
from tests.cases import address, central_difference, inputs, network_of, over, same_bits

N = 13


class Case(NamedTuple):
    """A network that begins with embeddings, and what goes in."""

    name: str
    layer: Layer
    x: Columns


def columns(n_numeric: int, cardinalities: tuple[int, ...]) -> Columns:
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(0, k, N) for k in cardinalities]).astype(np.int32)
    return Columns(inputs((N, n_numeric)), codes)


SHAPES = {"one": (2, (4,)), "three": (3, (5, 2, 9)), "no-numbers": (0, (3, 4)), "one-level": (1, (1, 3))}


def embedded(n_embedded: int, above_line: bool = False) -> Layer:
    """Levels, then waves and ramps of the first so many of three numbers and four columns of vectors, as estimators."""
    numbers = NumberEmbedding(7, n_embedded, 2, (Waves(n_embedded, 3, 2, 1.0), Ramps(n_embedded, 4, 2)))
    body = Sequential((numbers, Dense(numbers.n_out, 3), Tanh(), Dense(3, 2)))
    return Sequential((TableInput(3, (5, 9), 2), LinearOffset(body, 7, 2) if above_line else body))


CASES = [
    *(Case(name, TableInput(d, k, 3), columns(d, k)) for name, (d, k) in SHAPES.items()),
    Case("sequential", Sequential((TableInput(3, (5, 9), 2), Dense(7, 4), Tanh(), Dense(4, 2))), columns(3, (5, 9))),
    *(Case(f"{k}-numbers-embedded", embedded(k), columns(3, (5, 9))) for k in (2, 3, 5)),
    Case("above-a-line", embedded(3, above_line=True), columns(3, (5, 9))),
]


def cotangent(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(9).uniform(0.5, 1.5, shape)


def passed(case: Case, dtype: Any = np.float64) -> tuple[Workspace, np.ndarray]:
    """A workspace after all three passes, and the output."""
    work = Workspace(network_of(case.layer, dtype), training=True)
    y = work.forward(Columns(case.x.numeric.astype(dtype), case.x.codes))
    work.backward(cotangent(y.shape).astype(dtype))
    work.gradients()
    return work, y


@over(CASES)
def test_gradients_agree_with_central_differences(case):
    values = network_of(case.layer).values.copy()

    def f():
        y = Workspace(Network(case.layer, values), training=True).forward(case.x)
        return float(np.vdot(cotangent(y.shape), y))

    grads = passed(case)[0].grads
    slopes = central_difference(f, values)[: len(grads)]  # behind them: what is kept but not learnt
    np.testing.assert_allclose(grads, slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("n_embedded", "needed"), [(2, False), (3, False), (5, True)])
@pytest.mark.parametrize("above_line", [False, True])
def test_nobody_computes_the_gradient_of_the_numbers_of_the_table(n_embedded, needed, above_line):
    work, _ = passed(Case("", embedded(n_embedded, above_line), columns(3, (5, 9))))
    body = work.memory[1][0] if above_line else work.memory[1]
    assert [part.input_gradient for part in body[0]] == [needed, needed]
    assert body[0].input_columns == slice(3, None)
    assert body[1].input_columns == slice(None)


@over(CASES[: len(SHAPES)])
def test_a_row_is_its_numbers_and_the_vectors_of_its_codes(case):
    y = passed(case)[1]
    table, width = network_of(case.layer).views().table, case.layer.width
    starts = np.cumsum([0, *case.layer.cardinalities])
    for row, numbers, codes in zip(y, case.x.numeric, case.x.codes, strict=True):
        vectors = [table[start + code] for start, code in zip(starts, codes, strict=False)]
        assert same_bits(row, np.concatenate([numbers, *vectors]))
    assert y.shape == (N, case.layer.n_out) == (N, case.x.numeric.shape[1] + width * len(case.layer.cardinalities))


@over(CASES)
@pytest.mark.parametrize("count", [2, 3, 7])
def test_gradients_in_parts_have_the_bits_of_the_whole(case, count):
    work, _ = passed(case)
    whole = work.grads.copy()
    work.grads.fill(np.nan)
    for i in reversed(range(count)):
        work.gradients(Part(i, count))
    assert same_bits(work.grads, whole)


@over(CASES)
def test_inputs_are_read_only(case):
    numeric, codes = case.x.numeric.copy(), case.x.codes.copy()
    numeric.flags.writeable = codes.flags.writeable = False
    work = Workspace(network_of(case.layer), training=True)
    dy = cotangent(work.forward(Columns(numeric, codes)).shape)
    dy.flags.writeable = False
    work.backward(dy)
    work.gradients()
    assert same_bits(numeric, case.x.numeric)
    assert same_bits(codes, case.x.codes)


@over(CASES)
def test_results_live_until_the_next_call_in_memory_that_is_used_again(case):
    work, y = passed(case)
    assert same_bits(y, passed(case)[1])  # still there after backward and gradients
    place = address(y)
    assert address(work.forward(case.x[: N // 2])) == place
    assert same_bits(work.forward(case.x), passed(case)[1])


@over(CASES)
def test_a_row_depends_on_no_other_row(case):
    y = passed(case)[1].copy()
    order = np.random.default_rng(3).permutation(N)
    work = Workspace(network_of(case.layer))
    np.testing.assert_allclose(work.forward(case.x[order]), y[order], rtol=1e-12)
    np.testing.assert_allclose(work.forward(case.x[2:7]), y[2:7], rtol=1e-12)


@over(CASES)
def test_a_layer_is_a_frozen_record_without_arrays(case):
    before = pickle.dumps(case.layer)
    passed(case)
    assert pickle.dumps(case.layer) == before
    twin = pickle.loads(before)
    assert (twin, hash(twin)) == (case.layer, hash(case.layer))


@over(CASES)
def test_many_threads_run_one_network_and_get_the_same_bits(case):
    network, expected, wrong = network_of(case.layer), passed(case)[1].copy(), []

    def work():
        mine = Workspace(network)
        wrong.extend(1 for _ in range(20) if not same_bits(mine.forward(case.x), expected))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@over(CASES)
def test_float32_stays_float32(case):
    work, y = passed(case, np.float32)
    assert y.dtype == work.grads.dtype == np.float32


def test_levels_that_no_row_has_keep_their_vectors():
    case = Case("", TableInput(0, (4, 4), 2), Columns(np.empty((2, 0)), np.array([[1, 2], [1, 3]])))
    g = network_of(case.layer).views(passed(case)[0].grads).table
    assert (g[[0, 2, 3, 4, 5]] == 0).all()
    assert (g[[1, 6, 7]] != 0).all()


def test_the_vector_of_rare_and_unseen_levels_begins_at_zero():
    table = Network.build(TableInput(1, (3, 5), 8), seed=0, dtype=np.float64).views().table
    assert (table[[0, 3]] == 0).all()
    others = np.delete(table, [0, 3], axis=0)
    assert (others != 0).all()
