"""The layers a network is made of, and the protocol for writing more.

Knows nothing about tables, targets or training.
"""

from .activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    Identity,
    LeakyReLU,
    Logistic,
    Mish,
    ReLU,
    SiLU,
    Softplus,
    Tanh,
)
from .base import WHOLE, Layer, Part, Residual, Sequential, flat
from .dense import Dense
from .dropout import Dropout
from .ensemble import MemberDense, Members, Parallel
from .normalization import BatchNorm, LayerNorm
from .number_embeddings import NumberEmbedding, Ramps, Waves
from .offset import LinearOffset
from .table import TableInput

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "WHOLE",
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Identity",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LinearOffset",
    "Logistic",
    "MemberDense",
    "Members",
    "Mish",
    "NumberEmbedding",
    "Parallel",
    "Part",
    "Ramps",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Softplus",
    "TableInput",
    "Tanh",
    "Waves",
    "flat",
]
