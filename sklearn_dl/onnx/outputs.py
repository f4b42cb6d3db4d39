"""From a network's raw output to predictions, as ONNX nodes: inverse links, units of the target, labels.

Knows the links and the encoders of targets, and nothing about losses, layers or tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..heads import ClassEncoder, NumberEncoder
from ..losses.links import Grouped, Identity, Levels, Link, Log, Logit, Softmax
from .graph import Graph

__all__ = [
    "convert_classes",
    "convert_link",
    "convert_members",
    "convert_numbers",
    "convert_scores",
    "labels_of",
    "link",
]

Form = Callable[[Any, str, Graph], str]
LINKS: dict[type[Link], Form] = {}


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


def link(*kinds: type[Link]) -> Callable[[Form], Form]:
    """Enter the ONNX form of a link's inverse into the table; a decorator.

    Losses whose link is one of `sklearn_dl.losses.links` need none of their own.

    Parameters
    ----------
    *kinds : type of Link
        The links' classes.

    Returns
    -------
    callable
        Takes the function and gives it back. The function is called with the link, the name of the raw output of shape
        (n, n_raw) and the graph, and gives the name of the prediction.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.losses import Link
    >>> from sklearn_dl.onnx import link
    >>> class Cube(Link):
    ...     name = "cube"
    ...     def inverse(self, raw):
    ...         return raw**3
    >>> @link(Cube)
    ... def cube(link, raw, g):
    ...     return g("Mul", raw, g("Mul", raw, raw))
    """

    def enter(function: Form) -> Form:
        LINKS.update(dict.fromkeys(kinds, function))
        return function

    return enter


def convert_link(link: Link, raw: str, g: Graph) -> str:
    """Append the inverse link.

    Parameters
    ----------
    link : Link
        Whose inverse it is.
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
        Where a link has no ONNX form.
    """
    if type(link) not in LINKS:
        name = type(link).__name__
        raise NotImplementedError(
            f"link {name} has no ONNX form: give it one, as a function under the decorator "
            f"@sklearn_dl.onnx.link({name})."
        )
    return LINKS[type(link)](link, raw, g)


def convert_members(link: Link, raw: str, n_members: int, n_raw: int, g: Graph) -> str:
    """Append the inverse link of an ensemble: the mean of the members' predictions.

    Parameters
    ----------
    link : Link
        Of one member.
    raw : str
        Name of the raw output, of shape (n, n_members, n_raw).
    n_members, n_raw : int
        Number of members, and of raw outputs.
    g : Graph
        Gets the nodes.

    Returns
    -------
    str
        Name of the prediction, in the units of the network.
    """
    rows = g("Reshape", raw, np.array([-1, n_raw]))  # members as rows
    k = len(link.levels)
    shape = [n_raw // k, k] if k else [n_raw]
    each = g("Reshape", convert_link(link, rows, g), np.array([-1, n_members, *shape]))
    return g.mean(each, 1, n_members, keepdims=False)


@link(Identity)
def identity(link: Link, raw: str, g: Graph) -> str:
    return raw


@link(Log)
def exponential(link: Link, raw: str, g: Graph) -> str:
    return g("Exp", raw)


@link(Levels)
def sorted_levels(link: Levels, raw: str, g: Graph) -> str:
    k = len(link.levels)
    levels = g("Reshape", raw, np.array([0, -1, k]))  # (n, n_outputs, n_levels)
    return g.several("TopK", 2, levels, np.array([k]), axis=-1, largest=0, sorted=1)[0]


@link(Logit)
def logistic(link: Link, raw: str, g: Graph) -> str:
    return g("Sigmoid", raw)


@link(Softmax)
def softmax(link: Link, raw: str, g: Graph) -> str:
    return g("Softmax", raw, axis=-1)


@link(Grouped)
def grouped(link: Grouped, raw: str, g: Graph) -> str:
    columns = [np.arange(part.start, part.stop) for part, _ in link.parts]
    return g.concat(
        [convert_link(inner, g("Gather", raw, c, axis=1), g) for (_, inner), c in zip(link.parts, columns, strict=True)]
    )


def convert_numbers(target: NumberEncoder, link: Link, predicted: str, g: Graph) -> list[str]:
    """Append what turns predictions into the target's units.

    Parameters
    ----------
    target : NumberEncoder
        The units.
    link : Link
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

    Raises
    ------
    ValueError
        Where the target's units are out of the range of the graph's precision.
    """
    k = len(link.levels)
    shape = (-1, 1) if k else (-1,)
    scale, center = target.scale.reshape(shape), target.center.reshape(shape)
    if g.dtype == np.float32:
        _check_single(target)
    y = g.plus(g("Mul", predicted, scale), center)  # y = ŷ scale + center
    if not k:
        return [y]
    middle = g("Gather", y, np.array((k - 1) // 2), axis=2)
    return [middle, g("Reshape", y, np.array([-1, k])) if target.one_dimensional else y]


def _check_single(target: NumberEncoder) -> None:
    """Raise ValueError where a target is of a size that single precision has not; all 0 is none."""
    single, zero = np.finfo(np.float32), np.finfo(np.float64).tiny
    size = np.maximum(abs(target.center), target.scale)
    wrong = size[(size > zero) & (size < single.tiny) | (size > single.max / 1e3)]
    if len(wrong):
        raise ValueError(
            f"y is of the size of {wrong[0]:.3g}, which single precision does not hold; make an input of the graph one "
            "of double precision."
        )


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


def convert_scores(probabilities: str, n_classes: int, g: Graph) -> str:
    """Append what `decision_function` tells in place of probabilities.

    Parameters
    ----------
    probabilities : str
        Name of the probabilities of one target, shape (n, n_classes).
    n_classes : int
        Number of classes.
    g : Graph
        Gets the nodes.

    Returns
    -------
    str
        log p, or of two classes -z and z = log(p / (1 - p)); shape (n, n_classes).
    """
    log_p = g("Log", g("Max", probabilities, np.array(np.finfo(g.dtype).tiny)))
    if n_classes != 2:
        return log_p
    first, second = (g("Gather", log_p, np.array([k]), axis=1) for k in (0, 1))
    z = g("Sub", second, first)
    return g("Concat", g("Neg", z), z, axis=1)


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
