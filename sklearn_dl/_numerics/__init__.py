"""Arithmetic that is not plain NumPy, random generators, threads, rules of settings, and what a table may be.

Knows nothing about networks or tables.
"""

from .kernels import add_outer, axpy, new
from .loops import adam
from .mkl import bfloat16_products, float32_products
from .products import NUMPY, Products
from .randomness import Purpose, generator
from .settings import (
    Rule,
    Rules,
    Settings,
    above,
    at_least,
    boolean,
    check_value,
    either,
    integer,
    interval,
    not_negative,
    number,
    positive,
    sequence,
)
from .threads import Team, one_blas_thread, threads_granted
from .types import MatrixLike

__all__ = [
    "NUMPY",
    "MatrixLike",
    "Products",
    "Purpose",
    "Rule",
    "Rules",
    "Settings",
    "Team",
    "above",
    "adam",
    "add_outer",
    "at_least",
    "axpy",
    "bfloat16_products",
    "boolean",
    "check_value",
    "either",
    "float32_products",
    "generator",
    "integer",
    "interval",
    "new",
    "not_negative",
    "number",
    "one_blas_thread",
    "positive",
    "sequence",
    "threads_granted",
]
