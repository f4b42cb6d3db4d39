"""The table of layers that many tests go over, and small helpers shared by the tests of the engine.

Knows nothing about estimators: a case is a layer, an input, weights of rows and whether it is training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import sparse

from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl.architectures import ensemble, mlp, resnet
from sklearn_dl.layers import (
    ELU,
    GELU,
    SELU,
    BatchNorm,
    Dense,
    Dropout,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    LinearOffset,
    Logistic,
    MemberDense,
    Members,
    Mish,
    NumberEmbedding,
    Parallel,
    Ramps,
    ReLU,
    Residual,
    Sequential,
    SiLU,
    Softplus,
    Tanh,
    Waves,
)

N, D = 13, 4  # rows and features of most cases

ACTIVATIONS = (
    Identity(), Logistic(), Tanh(), ReLU(), LeakyReLU(0.2), ELU(), SELU(), GELU(), SiLU(), Mish(), Softplus()
)  # fmt: skip


@dataclass(frozen=True)
class Square(Layer):
    """y = c x², c learnt: a layer as a user writes one, from nothing but the docstring of `Layer`."""

    width: int

    def param_shapes(self):
        return {"c": (self.width,)}

    def init(self, p, rng):
        p.c[...] = 1

    def forward(self, x, p, m):
        m.x = x
        y = np.multiply(x, x, out=m.array("y", x.shape))
        y *= p.c
        return y

    def backward(self, dy, p, m):
        m.dc = (dy * m.x**2).reshape(-1, self.width).sum(axis=0)
        dx = np.multiply(m.x, dy, out=m.array("dx", dy.shape))
        dx *= 2 * p.c
        return dx

    def gradients(self, g, m, part):
        columns = part.of(self.width)
        g.c[columns] = m.dc[columns]


class Case(NamedTuple):
    """One layer at work."""

    name: str
    layer: Layer
    x: Any
    weight: np.ndarray | None
    training: bool

    @property
    def random(self) -> bool:
        """Whether there is dropout in this pass."""
        return self.training and any(isinstance(a, Dropout) and a.rate > 0 for a in walk(self.layer))

    @property
    def row_local(self) -> bool:
        """Whether a row of the output depends on the same row of the input alone."""
        return not self.random and not (self.training and any(isinstance(a, BatchNorm) for a in walk(self.layer)))

    @property
    def members(self) -> bool:
        """Whether axis 1 has a meaning of its own."""
        return any(isinstance(a, MemberDense) for a in walk(self.layer))

    @property
    def sparse(self) -> bool:
        return not isinstance(self.x, np.ndarray)


def walk(layer: Layer):
    """The layer and all layers inside it."""
    yield layer
    for child in layer.children:
        yield from walk(child)


def inputs(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Normal numbers at least 0.1 away from 0, where activations have their kinks."""
    x = np.random.default_rng(seed).standard_normal(shape)
    return x + np.copysign(0.1, x)


def _csr(shape: tuple[int, int]) -> Any:
    x = inputs(shape)
    x[np.random.default_rng(1).random(shape) < 0.6] = 0
    return sparse.csr_array(x)


def _members(n_members: int) -> Sequential:
    body = (Dense(D, 3), Tanh(), MemberDense(n_members, 3, 2))
    return Sequential((Members((1,) * D, n_members), *body))


def _cases() -> list[Case]:
    flat, deep = inputs((N, D)), inputs((N, 3, D))
    weight = np.random.default_rng(2).uniform(0.2, 3.0, N)
    inner = Sequential((LayerNorm(D), Dense(D, 6), SiLU(), Dense(6, D)))
    cases = [
        Case("dense-2d", Dense(D, 5), flat, None, True),
        Case("dense-3d", Dense(D, 5), deep, None, True),
        Case("dense-csr", Dense(D, 5), _csr((N, D)), None, True),
        Case("dense-one-column", Dense(D, 1), flat, None, True),
        *(Case(f"{type(a).__name__.lower()}-2d", a, flat, None, True) for a in ACTIVATIONS),
        Case("gelu-3d", GELU(), deep, None, True),
        Case("square-2d", Square(D), flat, None, True),
        Case("square-3d", Square(D), deep, None, True),
        Case("members", Members((2, 1, 1), 3), flat, None, True),
        Case("member-dense", MemberDense(3, D, 2), deep, None, True),
        Case("parallel", Sequential((Parallel((_members(2), _members(1))),)), flat, None, True),
        Case("waves", Waves(D, 5, 3, 0.6), flat, None, True),
        Case("ramps", Ramps(D, 5, 3), flat, None, True),
        Case("embedded", NumberEmbedding(D, D, 3, (Waves(D, 5, 3, 0.6),)), flat, None, True),
        Case("embedded-some", NumberEmbedding(D, 2, 3, (Waves(2, 5, 3, 0.6), Ramps(2, 4, 3))), flat, None, True),
        Case("dropout-2d", Dropout(0.4), flat, None, True),
        Case("dropout-3d", Dropout(0.4), deep, None, True),
        Case("dropout-off", Dropout(0.4), flat, None, False),
        Case("dropout-zero", Dropout(0.0), flat, None, True),
        Case("batchnorm-2d", BatchNorm(D), flat, None, True),
        Case("batchnorm-3d", BatchNorm(D), deep, None, True),
        Case("batchnorm-2d-weights", BatchNorm(D), flat, weight, True),
        Case("batchnorm-3d-weights", BatchNorm(D), deep, weight, True),
        Case("batchnorm-2d-off", BatchNorm(D), flat, None, False),
        Case("batchnorm-3d-off", BatchNorm(D), deep, None, False),
        Case("layernorm-2d", LayerNorm(D), flat, None, True),
        Case("layernorm-3d", LayerNorm(D), deep, None, True),
        Case("sequential", Sequential((Dense(D, 3), Tanh(), Sequential((Dense(3, 2), GELU())))), flat, None, True),
        Case("sequential-csr", Sequential((Dense(D, 3), Tanh(), Dense(3, 2))), _csr((N, D)), None, True),
        Case("offset", LinearOffset(Sequential((Dense(D, 3), Tanh(), Dense(3, 2))), D, 2), flat, None, True),
        Case("offset-bent", LinearOffset(Dense(D, 2), D, 2, unbends=True), flat, None, True),
        Case("residual", Residual(inner), flat, None, True),
        Case("residual-3d", Residual(inner), deep, None, True),
        Case("residual-of-residual", Residual(Residual(Dense(D, D))), flat, None, True),
    ]
    for build in (mlp, resnet):
        for norm in (None, BatchNorm, LayerNorm):
            for training in (True, False):
                layer = build(
                    D, (5, 6), 2, activations=(GELU(), Tanh()), dropouts=(0.3, 0.0), normalization=norm
                )  # smooth activations, as an inner value may lie near a kink
                mode = "" if training else "-off"
                name = f"{build.__name__}-{norm.__name__.lower() if norm else 'plain'}{mode}"
                cases.append(Case(name, layer, flat, weight, training))
        cases.append(Case(f"{build.__name__}-linear", build(D, (), 2, activations=(), dropouts=()), flat, None, True))
    body = mlp(D, (5, 6), 2, activations=(GELU(), Tanh()), dropouts=(0.3, 0.0), normalization=BatchNorm)
    for training in (True, False):
        mode = "" if training else "-off"
        cases.append(Case(f"ensemble{mode}", ensemble(body, 3, (2, 1, 1)), flat, weight, training))
        above = LinearOffset(ensemble(body, 3, (2, 1, 1)), D, 2, has_members=True)
        cases.append(Case(f"ensemble-above-line{mode}", above, flat, weight, training))
    sparse_body = ensemble(mlp(D, (5,), 2, activations=(Tanh(),), dropouts=(0.0,)), 3, (1,) * D, sparse=True)
    cases.append(Case("ensemble-csr", sparse_body, _csr((N, D)), None, True))
    return cases


CASES = _cases()


def over(cases: list[Any]) -> Any:
    """A parametrisation over a table whose rows have a name."""
    return pytest.mark.parametrize("case", cases, ids=[c.name for c in cases])


def network_of(layer: Layer, dtype: Any = np.float64, seed: int = 0) -> Network:
    """A network whose parameters and buffers are all off their initial values, so that each of them matters."""
    network = Network.build(layer, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed + 1)
    network.params[...] += rng.uniform(-0.3, 0.3, network.n_params)
    buffers = network.values[network.n_params :]
    buffers[...] = rng.uniform(0.5, 1.5, len(buffers))
    return network


def workspace_of(case: Case, network: Network, **options: Any) -> Workspace:
    """A workspace for the case's pass; always one with room for gradients."""
    work = Workspace(network, training=True, seed=5, **options)
    work.memory.run.training = case.training
    return work


def central_difference(f: Any, a: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """The gradient of the number f() with respect to `a`, which f reads; moved in place, of fourth order."""
    out = np.empty(a.shape)
    for i in np.ndindex(a.shape):
        middle, summed = a[i], 0.0
        for steps, factor in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            a[i] = middle + steps * step
            summed += factor * f()
        out[i] = summed / (12 * step)
        a[i] = middle
    return out


def address(a: np.ndarray) -> int:
    """Where an array's memory begins."""
    return a.__array_interface__["data"][0]


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def normal_mean(f: Any) -> float:
    """E[f(z)], z ~ N(0, 1), by the trapezoidal rule, whose error at this step is below 1e-8."""
    z = np.linspace(-12, 12, 200_001)
    return float((f(z) * np.exp(-0.5 * z * z)).sum() * (z[1] - z[0]) / math.sqrt(2 * math.pi))
