"""What a training is, told in short texts: two trainings of the same texts, seed and bits go the same way.

Knows nothing about files; what differs is told by name.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import types
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from .._data import Columns
from .._training import Judge, Plan

__all__ = ["digest", "seal", "settings", "short", "text"]

FREE = ("verbose", "n_jobs", "max_time", "warm_start")  # may change from one part of a training to the next
LONGEST = 100  # characters of a text that is told in full
FEW = 10_000  # numbers that are written out


def text(value: Any) -> str:
    """A value as its construction would be written, at any length, the same in each process."""
    if isinstance(value, (bool, np.bool_, str, bytes, type(None))):
        return repr(value)
    if isinstance(value, Real):
        number = float(value)
        return repr(int(number) if number.is_integer() else number)
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, functools.partial):
        return f"partial({text(value.func)}, {text(value.args)}, {text(value.keywords)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(k)}: {text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, np.ndarray):
        return text(value.tolist()) if value.size <= FEW or value.dtype.hasobject else _text_of_many(value)
    if isinstance(value, (list, tuple)):
        brackets = "[]" if isinstance(value, list) else "()"
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return brackets[0] + ", ".join(map(text, value)) + comma + brackets[1]
    if isinstance(value, np.random.RandomState):
        return f"RandomState({text(value.get_state(legacy=False))})"  # its repr has an address
    if isinstance(value, np.random.Generator):
        return f"Generator({text(value.bit_generator.state)})"
    if isinstance(value, types.ModuleType):
        return value.__name__
    if dataclasses.is_dataclass(value):
        inside = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    elif isinstance(value, BaseEstimator):
        inside = value.get_params(deep=False)
    elif hasattr(value, "__dict__"):
        inside = vars(value)
    else:
        return repr(value)
    return f"{type(value).__name__}({', '.join(f'{k}={text(v)}' for k, v in inside.items())})"


def _text_of_many(numbers: np.ndarray) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(numbers).data).hexdigest()
    return f"array(shape={numbers.shape}, dtype={numbers.dtype}, SHA-256 {digest})"


def short(value: Any) -> str:
    """`text`, but of what is long the beginning and a digest."""
    whole = text(value)
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]}... ({seal(value)})"


def seal(value: Any) -> str:
    """A digest of `text`."""
    return f"SHA-256 {hashlib.sha256(text(value).encode()).hexdigest()[:16]}"


def settings(plan: Plan) -> dict[str, str]:
    """The parameters that decide how a training goes.

    Parameters
    ----------
    plan : Plan
        What they stand for, and how they were given.

    Returns
    -------
    dict of str to str
        A text for each, the same for a name and for what it stands for.
    """
    activations = plan.blueprint.activations  # of all layers alike but one, however many there are
    resolved = {
        "hidden_layer_sizes": plan.blueprint.sizes,
        "activation": activations[0] if len({*map(text, activations)}) == 1 else activations,
        "loss": plan.loss,
        "solver": plan.solver,
        "learning_rate": plan.schedule,
        "learning_rate_init": plan.learning_rate,
        "n_members": plan.n_members,
        "n_folds": plan.splitter or plan.blueprint.n_groups,
        "numeric_embedding": plan.blueprint.numeric_embedding,
        "max_iter": plan.horizon,
    }
    told = {name: value for name, value in (resolved | plan.given | resolved).items() if name not in FREE}
    if (
        not plan.schedule.follows_progress and plan.judge is not Judge.FOLDS
    ):  # folds are looked at so many times in a training
        told.pop("max_iter")
    if not isinstance(told["random_state"], (int, np.integer)):
        told["random_state"] = None  # the seed is in the checkpoint
    return {name: short(value) for name, value in told.items()}


def digest(blocks: Iterable[tuple[Any, ...]]) -> str:
    """A digest of arrays, CSR arrays, Columns and None, block by block."""
    hashed = hashlib.sha256()
    for block in blocks:
        for part in block:
            for array in _arrays(part):
                hashed.update(f"{array.dtype.str}{array.shape}".encode())
                hashed.update(np.ascontiguousarray(array).data)
    return f"SHA-256 {hashed.hexdigest()[:16]}"


def _arrays(part: Any) -> tuple[np.ndarray, ...]:
    if part is None:
        return ()
    if isinstance(part, Columns):
        return part.numeric, part.codes
    if sparse.issparse(part):
        return part.data, part.indices, part.indptr
    return (part,)
