"""The layers as ONNX nodes, one small function a layer, in one table.

Knows what each layer computes outside training, and nothing about tables, losses or estimators.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..layers import (
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
    TableInput,
    Tanh,
    Waves,
)
from ..layers.activations import SELU_ALPHA, SELU_SCALE
from ..layers.memory import Views
from ..layers.offset import BENT
from .graph import Graph

__all__ = ["convert_layer", "node"]

Node = Callable[[Any, Views, Any, Graph], str]
NODES: dict[type[Layer], Node] = {}


def node(kind: type[Layer]) -> Callable[[Node], Node]:
    """Enter the ONNX form of a layer into the table; a decorator.

    Parameters
    ----------
    kind : type of Layer
        The layer's class.

    Returns
    -------
    callable
        Takes the function and gives it back. The function is called with the layer, its arrays ``p.weight``, the name
        of its input and the graph, and gives the name of its output; axis 0 is rows, the last axis features.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from sklearn_dl.layers import Layer
    >>> from sklearn_dl.onnx import node
    >>> @dataclass(frozen=True)
    ... class Square(Layer):
    ...     def forward(self, x, p, m):
    ...         m.x = x
    ...         return np.multiply(x, x, out=m.array("y", x.shape))
    ...     def backward(self, dy, p, m):
    ...         return 2 * m.x * dy
    >>> @node(Square)
    ... def square(layer, p, x, g):
    ...     return g("Mul", x, x)  # y = x²
    """

    def enter(function: Node) -> Node:
        NODES[kind] = function
        return function

    return enter


def convert_layer(layer: Layer, p: Views, x: Any, g: Graph) -> str:
    """Append the nodes of a layer, with all that is inside it.

    Parameters
    ----------
    layer : Layer
        What is converted.
    p : Views
        Its arrays.
    x : str or Encoded
        Name of its input, or names for a `TableInput`.
    g : Graph
        Gets the nodes.

    Returns
    -------
    str
        Name of its output.

    Raises
    ------
    NotImplementedError
        Where a layer has no ONNX form.
    """
    if type(layer) not in NODES:
        name = type(layer).__name__
        raise NotImplementedError(
            f"layer {name} has no ONNX form: give it one, as a function under the decorator "
            f"@sklearn_dl.onnx.node({name}), or use another architecture."
        )
    return NODES[type(layer)](layer, p, x, g)


# ---------------------------------------------------------------- composition


@node(Sequential)
def sequential(layer: Sequential, p: Views, x: Any, g: Graph) -> str:
    for i, inner in enumerate(layer.layers):
        x = convert_layer(inner, p[i], x, g)
    return x


@node(Residual)
def residual(layer: Residual, p: Views, x: str, g: Graph) -> str:
    return g("Add", x, convert_layer(layer.inner, p[0], x, g))  # y = x + f(x)


@node(LinearOffset)
def linear_offset(layer: LinearOffset, p: Views, x: str, g: Graph) -> str:
    left, z = convert_layer(layer.inner, p[0], x, g), x
    if not (p.slope.any() or p.level.any()):
        return left
    if layer.unbends:
        bent = g("Min", g("Max", x, np.array(-BENT, p.slope.dtype)), np.array(BENT, p.slope.dtype))
        square = g("Mul", g("Mul", bent, bent), np.array(1 / 9, p.slope.dtype))
        z = g("Div", bent, g("Sqrt", g("Sub", np.array(1, p.slope.dtype), square)))  # z = x / √(1 - (x/3)²)
    line = g("Add", g("MatMul", z, p.slope), p.level)  # z A + c
    return g("Add", left, g("Unsqueeze", line, np.array([1])) if layer.has_members else line)  # y = f(x) + z A + c


@node(Parallel)
def parallel(layer: Parallel, p: Views, x: Any, g: Graph) -> str:
    return g.concat([convert_layer(inner, q, x, g) for inner, q in zip(layer.layers, p, strict=True)])


@node(Dropout)
def dropout(layer: Dropout, p: Views, x: str, g: Graph) -> str:
    return x


# ---------------------------------------------------------------- layers with parameters


@node(Dense)
def dense(layer: Dense, p: Views, x: str, g: Graph) -> str:
    return g("Add", g("MatMul", x, p.weight), p.bias)  # y = x W + b


@node(TableInput)
def table_input(layer: TableInput, p: Views, x: Any, g: Graph) -> str:
    starts = np.array([0, *itertools.accumulate(layer.cardinalities)][:-1])
    embedded = g("Gather", p.table, g("Add", x.codes, starts), axis=0)  # E[c], (n, q, width)
    flat = g("Reshape", embedded, np.array([-1, len(starts) * layer.width]))
    return flat if x.numeric is None else g.concat([x.numeric, flat])


@node(BatchNorm)
def batch_norm(layer: BatchNorm, p: Views, x: str, g: Graph) -> str:
    factor = p.gain / np.sqrt(p.var + layer.eps)
    return g("Add", g("Mul", x, factor), p.bias - p.mean * factor)  # y = x s + (β - μ s), s = γ / √(v + ε)


@node(LayerNorm)
def layer_norm(layer: LayerNorm, p: Views, x: str, g: Graph) -> str:
    centred = g("Sub", x, g.mean(x, -1, layer.width, keepdims=True))
    var = g.mean(g("Mul", centred, centred), -1, layer.width, keepdims=True)
    xhat = g("Div", centred, g("Sqrt", g("Add", var, layer.eps)))  # x̂ = (x - μ) / √(v + ε)
    return g("Add", g("Mul", xhat, p.gain), p.bias)  # y = γ x̂ + β


# ---------------------------------------------------------------- members and embeddings of numbers


@node(Members)
def members(layer: Members, p: Views, x: str, g: Graph) -> str:
    return g("Mul", g("Unsqueeze", x, np.array([1])), layer.speed * p.factor)  # y[:, j] = x s rⱼ


@node(MemberDense)
def member_dense(layer: MemberDense, p: Views, x: str, g: Graph) -> str:
    return g("Add", _each_alone(x, p.weight, g), p.bias)  # y[:, j] = x[:, j] Wⱼ + bⱼ


@node(NumberEmbedding)
def number_embedding(layer: NumberEmbedding, p: Views, x: str, g: Graph) -> str:
    d = layer.n_embedded
    numbers = g("Gather", x, np.arange(d), axis=1)
    made: Any = p.shift
    for part, q in zip(layer.parts, p, strict=True):
        made = g("Add", convert_layer(part, q, numbers, g), made)
    embedded = g.concat([g("Unsqueeze", numbers, np.array([2])), made], axis=2)  # x | Σ fₖ(x) + c
    flat = g("Reshape", embedded, np.array([-1, d * (1 + layer.width)]))
    return flat if d == layer.n_in else g.concat([flat, g("Gather", x, np.arange(d, layer.n_in), axis=1)])


@node(Waves)
def waves(layer: Waves, p: Views, x: str, g: Graph) -> str:
    z = g("Add", g("Mul", g("Unsqueeze", x, np.array([2])), p.frequency), p.phase)
    return _each_alone(g("Cos", z), p.mix, g)  # cos(x f + φ) V


@node(Ramps)
def ramps(layer: Ramps, p: Views, x: str, g: Graph) -> str:
    rising = g("Sub", g("Mul", g("Sub", g("Unsqueeze", x, np.array([2])), p.edge), p.slope), 0.5)
    return _each_alone(g("Max", g("Min", rising, 0.5), -0.5), p.mix, g)  # t(x) V


def _each_alone(x: str, weight: np.ndarray, g: Graph) -> str:
    """x[:, j] Wⱼ for each j: (n, k, i), (k, i, o) -> (n, k, o)"""
    swapped = g("Transpose", x, perm=[1, 0, 2])
    return g("Transpose", g("MatMul", swapped, weight), perm=[1, 0, 2])


# ---------------------------------------------------------------- activations
# of operators that onnxruntime has in both precisions, where there are such


@node(Identity)
def identity(layer: Identity, p: Views, x: str, g: Graph) -> str:
    return x


@node(Logistic)
def logistic(layer: Logistic, p: Views, x: str, g: Graph) -> str:
    return g("Sigmoid", x)


@node(Tanh)
def tanh(layer: Tanh, p: Views, x: str, g: Graph) -> str:
    return g("Tanh", x)


@node(ReLU)
def relu(layer: ReLU, p: Views, x: str, g: Graph) -> str:
    return g("Relu", x)


@node(LeakyReLU)
def leaky_relu(layer: LeakyReLU, p: Views, x: str, g: Graph) -> str:
    return g("Max", x, g("Mul", x, float(layer.slope)))  # max(x, s x)


@node(ELU)
def elu(layer: ELU, p: Views, x: str, g: Graph) -> str:
    return g("Add", g("Relu", x), _expm1_below_0(x, g))  # max(x, 0) + e^min(x, 0) - 1


@node(SELU)
def selu(layer: SELU, p: Views, x: str, g: Graph) -> str:
    below = g("Mul", _expm1_below_0(x, g), SELU_SCALE * SELU_ALPHA)
    return g("Add", g("Mul", g("Relu", x), SELU_SCALE), below)  # λ max(x, 0) + λ α (e^min(x, 0) - 1)


@node(GELU)
def gelu(layer: GELU, p: Views, x: str, g: Graph) -> str:
    erf = g("Erf", g.cast(g("Mul", x, math.sqrt(0.5)), np.float32))  # there is no Erf in double precision
    cdf = g("Mul", g("Add", g.cast(erf, g.dtype), 1.0), 0.5)  # Φ(x) = ½ (1 + erf(x / √2))
    return g("Mul", x, cdf)  # x Φ(x)


@node(SiLU)
def silu(layer: SiLU, p: Views, x: str, g: Graph) -> str:
    return g("Mul", x, g("Sigmoid", x))  # x σ(x)


@node(Mish)
def mish(layer: Mish, p: Views, x: str, g: Graph) -> str:
    return g("Mul", x, g("Tanh", _softplus(x, g)))  # x tanh(log(1 + eˣ))


@node(Softplus)
def softplus(layer: Softplus, p: Views, x: str, g: Graph) -> str:
    return _softplus(x, g)


def _softplus(x: str, g: Graph) -> str:
    return g(
        "Add", g("Relu", x), g("Log", g("Add", g("Exp", g("Neg", g("Abs", x))), 1.0))
    )  # max(x, 0) + log(1 + e^-|x|)


def _expm1_below_0(x: str, g: Graph) -> str:
    return g("Sub", g("Exp", g("Min", x, 0.0)), 1.0)  # e^min(x, 0) - 1
