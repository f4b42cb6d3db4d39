"""Which number of the network's raw output is explained: the target's own units, a logarithm or a logit.

Knows what the raw outputs of the two estimators mean, and nothing about gradients.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._estimators.base import BaseDL
from .._numerics.settings import Rule, check_value, integer
from ..heads.targets import ClassEncoder, NumberEncoder

__all__ = ["Readout", "readout", "targets_of"]


class Readout(NamedTuple):
    """weights · raw + offset, and what that number is.

    Attributes
    ----------
    weights : ndarray of shape (n_raw,)
        Weight of each raw output.
    offset : float
        What is added.
    name : str
        What it is: "y", "log y", "logit of 'yes'".
    """

    weights: np.ndarray
    offset: float
    name: str


def targets_of(model: BaseDL) -> list[Any]:
    """All values of `target` that tell different things."""
    target = model._target
    if isinstance(target, NumberEncoder):
        return list(range(target.n_outputs))
    if target.kind == "single":
        levels = target.levels[0].tolist()
        return levels[1:] if len(levels) == 2 else levels
    if target.kind == "multilabel":
        return list(range(len(target.levels)))
    return [(i, label) for i, levels in enumerate(target.levels) for label in levels.tolist()]


def readout(model: BaseDL, target: Any) -> Readout:
    """The number that `target` names.

    Raises
    ------
    ValueError
        Where `target` is not one of the outputs or classes, or is None where there are several.
    """
    encoder = model._target
    return _number(model, encoder, target) if isinstance(encoder, NumberEncoder) else _logit(encoder, target)


def _number(model: BaseDL, encoder: NumberEncoder, target: Any) -> Readout:
    n, n_raw = encoder.n_outputs, model._loss.n_raw(encoder.n_outputs)
    j = _position(target, n)
    n_levels = n_raw // n
    if n_levels > 1 and not model._loss.link.levels:
        raise ValueError(f"attributions need one raw output a target; the loss {model._loss!r} has {n_levels}.")
    weights, name = np.zeros(n_raw), "y" if n == 1 else f"y[{j}]"
    column = j * n_levels + (n_levels - 1) // 2  # the middle quantile level
    if model._loss.link.is_log:
        weights[column] = 1.0
        return Readout(weights, float(np.log(encoder.scale[j])), f"log {name}")  # log(scale · e^raw)
    weights[column] = encoder.scale[j]
    return Readout(weights, float(encoder.center[j]), name)


def _logit(encoder: ClassEncoder, target: Any) -> Readout:
    stops, groups = np.cumsum(encoder.groups), encoder.groups
    weights = np.zeros(stops[-1])
    if encoder.kind == "multilabel":
        j = _position(target, len(groups))
        weights[j] = 1.0
        return Readout(weights, 0.0, f"logit of label {j}")
    group, label = 0, target
    if encoder.kind == "multioutput":
        if not (isinstance(target, tuple) and len(target) == 2):
            raise ValueError(
                f"target must be a pair (output, class), such as {(0, encoder.levels[0][0])}; got {target!r}."
            )
        group, label = _position(target[0], len(groups)), target[1]
    levels = encoder.levels[group].tolist()
    if label is None and len(levels) == 2:
        label = levels[1]
    if label not in levels:
        raise ValueError(f"target must be one of the classes {levels}; got {label!r}.")
    code, width = levels.index(label), groups[group]
    columns = slice(stops[group] - width, stops[group])
    if width == 1:
        weights[columns] = 2 * code - 1  # z for the second class, -z for the first
    else:
        weights[columns] = np.eye(width)[code] - 1 / width  # log pₖ - mean log p: softmax ignores a common shift
    output = f" in output {group}" if encoder.kind == "multioutput" else ""
    return Readout(weights, 0.0, f"logit of {label!r}{output}")


def _position(target: Any, n: int) -> int:
    if target is None and n == 1:
        return 0
    is_output = Rule(lambda v: integer(0).test(v) and v < n, f"the number of an output, 0 to {n - 1}")
    check_value("target", target, is_output)
    return int(target)
