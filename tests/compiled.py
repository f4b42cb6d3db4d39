"""Networks in both forms, plain and compiled: that they compute the same, with the same random numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sklearn_dl._data import Columns
from sklearn_dl._engine.network import Workspace
from sklearn_dl._numerics import NUMPY
from sklearn_dl._numerics.products import NumPyProducts
from sklearn_dl.architectures import ensemble, mlp, resnet
from sklearn_dl.layers import (
    GELU,
    Dense,
    Dropout,
    Layer,
    LayerNorm,
    LinearOffset,
    NumberEmbedding,
    Parallel,
    Ramps,
    ReLU,
    Sequential,
    TableInput,
    Waves,
)
from tests.cases import inputs, network_of

COMPILED = NumPyProducts(compiled=True)
D = 3
RECTIFY, EMBED, LOOK_UP = {"rectify", "rectify_back"}, {"embed", "embed_back"}, {"look_up", "look_up_back"}


class Case(NamedTuple):
    """A layer, the width of its input, and the loops that its training goes through."""

    name: str
    layer: Layer
    loops: set[str]
    kind: str = "numbers"  # or: members, csr, columns


def _mlp(n_in: int = D, rate: float = 0.3, activation: Layer | None = None, build: Any = mlp) -> Sequential:
    layer = build(n_in, (6, 5), 2, activations=(activation or ReLU(),) * 2, dropouts=(rate, 0.0))
    assert isinstance(layer, Sequential)
    return layer


def _embedding(*kinds: type, n_in: int = D, d: int = D) -> NumberEmbedding:
    made = {Waves: Waves(d, 4, 2, 1.5), Ramps: Ramps(d, 5, 2)}
    return NumberEmbedding(n_in, d, 2, tuple(made[kind] for kind in kinds))


def _part(table: TableInput | None, n_in: int) -> Layer:
    """A part of an ensemble as an estimator makes it: members, embeddings and levels, above a line."""
    embedding = _embedding(Waves, Ramps, n_in=n_in, d=2)
    body = Sequential((embedding, ensemble(_mlp(embedding.n_out), 2, embedding.chunks)))
    above = LinearOffset(body, n_in, 2, has_members=True, unbends=True)
    return Sequential((table, above)) if table else above


def _side_by_side() -> Layer:
    embedding = _embedding(Waves)
    parts = [ensemble(_mlp(embedding.n_out), n, embedding.chunks) for n in (2, 1)]
    return Parallel(tuple(Sequential((embedding, part)) for part in parts))


TABLE = TableInput(2, (3, 5), 2)
CASES = [
    Case("dropout", Sequential((Dense(D, 5), ReLU(), Dropout(0.4), Dense(5, 2))), RECTIFY),
    Case("no dropout", Sequential((Dense(D, 5), ReLU(), Dense(5, 2))), RECTIFY),
    Case("dropout of nothing", Sequential((Dense(D, 5), ReLU(), Dropout(0.0), Dense(5, 2))), RECTIFY),
    Case("members", Sequential((Dense(D, 5), ReLU(), Dropout(0.4), Dense(5, 2))), RECTIFY, "members"),
    Case("sparse", _mlp(), RECTIFY, "csr"),
    Case("one output", Sequential((Dense(D, 1), ReLU(), Dense(1, 1))), RECTIFY),
    Case("the activation is last", Sequential((Dense(D, 5), ReLU())), set()),
    Case("dropout is last", Sequential((Dense(D, 5), ReLU(), Dropout(0.4))), set()),
    Case("another activation", _mlp(activation=GELU()), set()),
    Case("a norm follows", Sequential((Dense(D, 5), ReLU(), LayerNorm(5), Dense(5, 2))), set()),
    Case("dropout twice", Sequential((Dense(D, 5), ReLU(), Dropout(0.2), Dropout(0.2), Dense(5, 2))), set()),
    Case("residual", _mlp(build=resnet), RECTIFY),
    Case("waves", _embedding(Waves), EMBED),
    Case("ramps", _embedding(Ramps), EMBED),
    Case("both", _embedding(Waves, Ramps), EMBED),
    Case("the other way round", _embedding(Ramps, Waves), set()),
    Case("some numbers", _embedding(Waves, Ramps, d=2), EMBED),
    Case("levels", TABLE, LOOK_UP, "columns"),
    Case("ensemble", _part(None, D), RECTIFY | EMBED),
    Case("ensemble with levels", _part(TABLE, TABLE.n_out), RECTIFY | EMBED | LOOK_UP, "columns"),
    Case("side by side", _side_by_side(), RECTIFY | EMBED),
]


def rows(case: Case, n: int) -> Any:
    x = inputs((n, D)).astype(np.float32)
    if case.kind == "members":
        return inputs((n, 2, D)).astype(np.float32)
    if case.kind == "csr":
        return sparse.csr_array(np.where(x > 0, x, 0))
    if case.kind == "columns":
        codes = np.random.default_rng(1).integers(0, (3, 5), (n, 2)).astype(np.int32)
        return Columns(x[:, :2], codes)
    return x


def passes(case: Case, x: Any, training: bool, products: Any, dtype: Any = np.float32) -> list[np.ndarray | None]:
    """What a layer gives in two steps: outputs, gradients with respect to the input, gradients."""
    network = network_of(case.layer, dtype)
    for entry in network.entries():
        if entry.path.endswith("slope") and entry.shape[-1] == 5:  # ramps: one interval is empty, as of equal numbers
            network.values[entry.span].reshape(entry.shape)[:, 2] = 0
    wants = case.kind in ("numbers", "members")
    work = Workspace(network, training=True, seed=5, input_gradient=wants, products=products)
    work.memory.run.training = training
    made: list[np.ndarray | None] = []
    with np.errstate(invalid="ignore"):  # as in a training: BLAS flags what it computes beyond a single row, and drops
        for step in range(2):
            y = work.forward(x)
            dy = np.random.default_rng(step).standard_normal(y.shape).astype(dtype)
            made.append(y.copy())
            dx = work.backward(dy)
            made += [None if dx is None else dx.copy(), work.gradients().copy()]
    return made


def check(case: Case, n: int, training: bool) -> None:
    """Both forms agree to rounding, and the masks of dropout are the same."""
    x = rows(case, n)
    for plain, other in zip(passes(case, x, training, NUMPY), passes(case, x, training, COMPILED), strict=True):
        assert (plain is None) == (other is None)
        if plain is not None:
            assert other.dtype == np.float32
            np.testing.assert_allclose(other, plain, rtol=1e-4, atol=1e-5 * max(1, np.abs(plain).max()))


def check_not_finite(bad: float) -> None:
    """A number that is not finite is so in what the compiled passes give wherever it is in what NumPy gives."""
    for case in CASES:
        if case.kind == "numbers" and case.loops:
            x = rows(case, 70)
            x[66, 0] = bad
            with np.errstate(all="ignore"):
                plain, other = (passes(case, x, False, products)[0] for products in (NUMPY, COMPILED))
            np.testing.assert_array_equal(np.isfinite(other), np.isfinite(plain), case.name)
