"""From a network's raw output to predictions, as ONNX nodes: inverse links, units of the target, labels.

Knows the losses and the encoders of targets, and nothing about layers or tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..heads.targets import ClassEncoder, NumberEncoder
from ..losses import AbsoluteError, Gamma, Huber, Loss, Poisson, Quantile, SquaredError, Tweedie
from ..losses.classification import _Grouped, _Logistic, _Softmax
from .graph import Graph

__all__ = ["convert_classes", "convert_link", "convert_members", "convert_numbers", "labels_of", "link"]

Link = Callable[[Any, str, Graph], str]
LINKS: dict[type[Loss], Link] = {}


class Labels(NamedTuple):
    """Labels as ONNX knows them.

    Attributes
    ----------
    levels : list of ndarray
        For each target, int64 or text.
    are_text : bool
        Which of the two.
    """

    levels: list[np.ndarray]
    are_text: bool


def link(*kinds: type[Loss]) -> Callable[[Link], Link]:
    """Enter the ONNX form of a loss's `predict` into the table; a decorator.

    Parameters
    ----------
    *kinds : type of Loss
        The losses' classes.

    Returns
    -------
    callable
        Takes the function and gives it back. The function is called with the loss, the name of the raw output of shape
        (n, n_raw) and the graph, and gives the name of the prediction.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.losses import Loss
    >>> from sklearn_dl.onnx import link
    >>> class LogCosh(Loss):
    ...     def value_and_gradient(self, y, raw, weight, out):
    ...         out[...] = np.tanh(raw - y)
    ...         return float(np.log(np.cosh(raw - y)).sum())
    ...     def predict(self, raw):
    ...         return raw
    >>> @link(LogCosh)
    ... def unchanged(loss, raw, g):
    ...     return raw
    """

    def enter(function: Link) -> Link:
        LINKS.update(dict.fromkeys(kinds, function))
        return function

    return enter


def convert_link(loss: Loss, raw: str, g: Graph) -> str:
    """Append the inverse link.

    Parameters
    ----------
    loss : Loss
        Whose `predict` it is.
    raw : str
        Name of the raw output, of shape (n, n_raw).
    g : Graph
        Gets the nodes.

    Returns
    -------
    str
        Name of the prediction, in the units of the network.

    Raises
    ------
    NotImplementedError
        Where a loss has no ONNX form.
    """
    if type(loss) not in LINKS:
        name = type(loss).__name__
        raise NotImplementedError(
            f"loss {name} has no ONNX form: give it one, as a function under the decorator "
            f"@sklearn_dl.onnx.link({name})."
        )
    return LINKS[type(loss)](loss, raw, g)


def convert_members(loss: Loss, raw: str, n_members: int, n_outputs: int, g: Graph) -> str:
    """Append the inverse link of an ensemble: the mean of the members' predictions.

    Parameters
    ----------
    loss : Loss
        Of one member.
    raw : str
        Name of the raw output, of shape (n, n_members, n_raw).
    n_members, n_outputs : int
        Number of members, and of the network's outputs before the loss multiplies them.
    g : Graph
        Gets the nodes.

    Returns
    -------
    str
        Name of the prediction, in the units of the network.
    """
    n_raw = loss.n_raw(n_outputs)
    rows = g("Reshape", raw, np.array([-1, n_raw]))  # members as rows
    shape = [n_outputs, n_raw // n_outputs] if isinstance(loss, Quantile) else [n_raw]
    each = g("Reshape", convert_link(loss, rows, g), np.array([-1, n_members, *shape]))
    return g.mean(each, 1, n_members, keepdims=False)


@link(SquaredError, AbsoluteError, Huber)
def identity(loss: Loss, raw: str, g: Graph) -> str:
    return raw


@link(Poisson, Gamma, Tweedie)
def exponential(loss: Loss, raw: str, g: Graph) -> str:
    return g("Exp", raw)


@link(Quantile)
def sorted_levels(loss: Quantile, raw: str, g: Graph) -> str:
    k = loss.n_raw(1)
    levels = g("Reshape", raw, np.array([0, -1, k]))  # (n, n_outputs, n_levels)
    return g.several("TopK", 2, levels, np.array([k]), axis=-1, largest=0, sorted=1)[0]


@link(_Logistic)
def logistic(loss: Loss, raw: str, g: Graph) -> str:
    return g("Sigmoid", raw)


@link(_Softmax)
def softmax(loss: Loss, raw: str, g: Graph) -> str:
    return g("Softmax", raw, axis=-1)


@link(_Grouped)
def grouped(loss: _Grouped, raw: str, g: Graph) -> str:
    columns = [np.arange(part.start, part.stop) for part, _ in loss._parts()]
    return g.concat(
        [
            convert_link(inner, g("Gather", raw, c, axis=1), g)
            for (_, inner), c in zip(loss._parts(), columns, strict=True)
        ]
    )


def convert_numbers(target: NumberEncoder, loss: Loss, predicted: str, g: Graph) -> list[str]:
    """Append what turns predictions into the target's units.

    Parameters
    ----------
    target : NumberEncoder
        The units.
    loss : Loss
        What predicted.
    predicted : str
        Name of the prediction, in the network's units.
    g : Graph
        Gets the nodes.

    Returns
    -------
    list of str
        Name of the prediction, of shape (n, n_outputs); with several quantiles also that of all of them, of shape
        (n, n_outputs, n_levels), or (n, n_levels) where y was a vector.
    """
    shape = (-1, 1) if isinstance(loss, Quantile) else (-1,)
    scale, center = target.scale.reshape(shape), target.center.reshape(shape)
    y = g("Add", g("Mul", predicted, scale), center)  # y = ŷ scale + center
    if not isinstance(loss, Quantile):
        return [y]
    k = loss.n_raw(1)
    middle = g("Gather", y, np.array((k - 1) // 2), axis=2)
    return [middle, g("Reshape", y, np.array([-1, k])) if target.one_dimensional else y]


def convert_classes(target: ClassEncoder, labels: Labels, predicted: str, g: Graph) -> tuple[str, list[str]]:
    """Append what turns the network's columns into probabilities and labels.

    Parameters
    ----------
    target : ClassEncoder
        Which column is what.
    labels : Labels
        What `labels_of` gave.
    predicted : str
        Name of the columns after the inverse link, shape (n, Σ groups).
    g : Graph
        Gets the nodes.

    Returns
    -------
    label : str
        Shape (n,), or (n, n_targets).
    probabilities : list of str
        One of shape (n, n_classes) a target, or a single one for an indicator matrix.
    """
    if target.kind == "multilabel":
        return g.cast(g("Greater", predicted, 0.5), np.int64), [predicted]
    stops = np.cumsum(target.groups)
    found, probabilities = [], []
    for width, stop, levels in zip(target.groups, stops, labels.levels, strict=True):
        p = g("Gather", predicted, np.arange(stop - width, stop), axis=1) if len(stops) > 1 else predicted
        p = g("Concat", g("Sub", 1.0, p), p, axis=1) if width == 1 else p  # 1 - p, p
        winner = g("ArgMax", p, axis=1, keepdims=int(target.kind != "single"))
        found.append(g("Gather", levels, winner, axis=0))
        probabilities.append(p)
    return g.concat(found), probabilities


def labels_of(levels: list[np.ndarray]) -> Labels:
    """Labels as ONNX knows them.

    Parameters
    ----------
    levels : list of ndarray
        The labels of each target.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError
        Where they are neither whole numbers nor text, or differ in kind.
    """
    if all(isinstance(label, str) for column in levels for label in column.tolist()):
        return Labels([np.asarray(column, dtype=object) for column in levels], True)
    try:
        whole = [column.astype(np.int64) for column in levels]
        same = all((column == ints).all() for column, ints in zip(levels, whole, strict=True))
    except (TypeError, ValueError):
        same = False
    if not same:
        raise ValueError(
            "ONNX knows labels that are whole numbers or text, the same for all targets; "
            f"got {[column.tolist()[:3] for column in levels]}."
        )
    return Labels(whole, False)
