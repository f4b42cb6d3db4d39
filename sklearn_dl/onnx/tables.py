"""A fitted `TableEncoder` as ONNX nodes: the inputs of a graph to what the network sees, one function a kind of column.

Knows what the parts of the encoder learnt, and nothing about networks or estimators.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any, NamedTuple, final

import numpy as np

from ..encoding.categories import Categories
from ..encoding.codebook import ELSE, Codebook
from ..encoding.numbers import Numbers
from ..encoding.part import Part
from ..encoding.scaling import LIMIT, Scaling
from ..encoding.table_encoder import TableEncoder
from ..encoding.text import Text
from .graph import Encoded, Graph

__all__ = ["InputTable", "encode_table", "form"]

# texts of ONNX cannot be missing; this one begins with a character that Unicode leaves to private use
MISSING_TEXT = "\ue000missing"
WHOLE = 2**53  # from here on double precision does not tell whole numbers apart


class _Block(NamedTuple):
    """Columns of the table that come in one input: where the first one stands, and how many there are."""

    name: str
    is_text: bool
    is_single: bool
    start: int
    width: int


@final
class InputTable:
    """The columns of a table among the inputs of a graph: one input for all, one a column, or anything between.

    Parameters
    ----------
    variables : list of skl2onnx Variable
        The inputs, with their types; they come in the order of the columns, or have the columns' names.
    names : sequence of str or None
        Names of the columns.
    n_features : int
        Number of columns.
    """

    def __init__(self, variables: list[Any], names: Any, n_features: int):
        names = None if names is None else list(names)
        given = [variable.raw_name for variable in variables]
        if names is not None and given != names and sorted(given) == sorted(names):
            variables = sorted(variables, key=lambda variable: names.index(variable.raw_name))
        self.names = [*range(n_features)] if names is None else names
        self._blocks: list[_Block] = []
        start = 0
        for variable in variables:
            shape = variable.type.shape
            width = shape[1] if len(shape) == 2 else None
            if width is None:
                width = n_features - len(variables) + 1 if len(variables) == 1 else 1
            kind = type(variable.type).__name__
            is_text, is_single = kind == "StringTensorType", kind == "FloatTensorType"
            self._blocks.append(_Block(variable.full_name, is_text, is_single, start, width))
            start += width
        if start != n_features:
            raise ValueError(f"the graph's inputs must have {n_features} columns, as X at fit; they have {start}.")

    def numbers(self, columns: np.ndarray, g: Graph, unknown: Any = ()) -> str:
        """Columns of numbers, shape (n, d), in double precision; of `unknown` ones, if they come as text, zeros.

        Raises
        ------
        ValueError
            Where another column comes as text.
        """
        parts = []
        for block in self._blocks:
            wanted = columns[(columns >= block.start) & (columns < block.start + block.width)] - block.start
            if not len(wanted):
                continue
            if block.is_text:
                for j in wanted.tolist():
                    if block.start + j not in unknown:
                        raise ValueError(f"column {self._name(block, j)!r} held numbers at fit; its input is text.")
                    text = self.category(block.start + j, is_text=True, g=g)
                    parts.append(g.cast(g("Mul", g.position(text, [MISSING_TEXT]), np.array(0)), np.float64))
                continue
            x = block.name if len(wanted) == block.width else g("Gather", block.name, wanted, axis=1)
            parts.append(g.cast(x, np.float64))
        return g.concat(parts)

    def category(self, column: int, *, is_text: bool, g: Graph) -> str:
        """One column, shape (n, 1): text, or numbers in double precision.

        Raises
        ------
        ValueError
            Where it is of the other kind.
        """
        block = self._block(column)
        if block.is_text != is_text:
            held, comes = ("text", "numbers") if is_text else ("numbers", "text")
            raise ValueError(f"column {self.names[column]!r} held {held} at fit; its input is {comes}.")
        x = block.name if block.width == 1 else g("Gather", block.name, np.array([column - block.start]), axis=1)
        return x if is_text else g.cast(x, np.float64)

    def is_text(self, column: int) -> bool:
        """Whether a column comes as text."""
        return self._block(column).is_text

    def is_single(self, column: int) -> bool:
        """Whether a column comes as numbers of single precision."""
        return self._block(column).is_single

    def _block(self, column: int) -> _Block:
        (block,) = (b for b in self._blocks if b.start <= column < b.start + b.width)
        return block

    def _name(self, block: _Block, position: int) -> Any:
        return self.names[block.start + position]


# from a part to the names of its columns of numbers, (n, d) each, and of its columns of codes, (n, 1) each
Form = Callable[[Any, InputTable, Graph], tuple[list[str], list[str]]]
FORMS: dict[type[Part], Form] = {}


def form(kind: type[Part]) -> Callable[[Form], Form]:
    """Enter the ONNX form of a kind of column into the table; a decorator.

    Parameters
    ----------
    kind : type of Part
        The class of the part.

    Returns
    -------
    callable
        Takes the function and gives it back. The function is called with the part, the table and the graph, and gives
        the names of the part's columns of numbers, in the graph's precision, and of its columns of codes, int64.
    """

    def enter(function: Form) -> Form:
        FORMS[kind] = function
        return function

    return enter


def encode_table(encoder: TableEncoder, table: InputTable, g: Graph) -> str | Encoded:
    """Append the nodes that encode a table.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    table : InputTable
        Where the columns are.
    g : Graph
        Gets the nodes; in its precision the encoded numbers come out.

    Returns
    -------
    str or Encoded
        Name of the encoded numbers; with codes where categories have embeddings.

    Raises
    ------
    ValueError
        Where a column comes in another type than at fit, or holds bytes.
    NotImplementedError
        Where a kind of column has no ONNX form.
    """
    numeric, codes = [], []
    for part in encoder.parts:
        if isinstance(part, Text):
            raise NotImplementedError(
                f"column {table.names[part.columns[0]]!r} of X is free text, whose words ONNX cannot take apart as "
                "they were learnt; leave the column out, or fit a network with encoder=None to what a TableEncoder "
                "gives and convert that."
            )
        if type(part) not in FORMS:
            name = type(part).__name__
            raise NotImplementedError(
                f"column {table.names[part.columns[0]]!r} of X is encoded by {name}, which has no ONNX form: give it "
                f"one, as a function under the decorator @sklearn_dl.onnx.tables.form({name}), or leave the column out."
            )
        blocks, coded = FORMS[type(part)](part, table, g)
        numeric += blocks
        codes += coded
    if codes:
        return Encoded(g.concat(numeric) if numeric else None, g.concat(codes))
    if not numeric:
        raise ValueError("the encoder leaves no columns: there is nothing to convert.")
    return g.concat(numeric)


@form(Numbers)
def numbers(part: Numbers, table: InputTable, g: Graph) -> tuple[list[str], list[str]]:
    order = np.argsort(part.columns)  # as they lie in the inputs
    x = table.numbers(part.columns[order], g, part.columns[part.scaling.unknown])
    if (np.diff(order) < 0).any():
        x = g("Gather", x, np.argsort(order), axis=1)
    blocks = [g.cast(_scaled(part.scaling, x, g.at(np.float64)), g.dtype)]
    if len(part.scaling.gaps):
        gaps = g("Gather", x, part.scaling.gaps, axis=1)
        blocks.append(g.cast(g("IsNaN", gaps), g.dtype))  # 1 where a number is missing
    return blocks, []


@form(Categories)
def categories(part: Categories, table: InputTable, g: Graph) -> tuple[list[str], list[str]]:
    blocks, codes = [], []
    for column, book in part.books.items():
        code = _code(book, column, table, g)
        if not book.one_hot:
            codes.append(code)
        elif book.width:
            row = g("Gather", book.one_hot_table(g.dtype), code, axis=0)  # (n, 1, width)
            blocks.append(g("Reshape", row, np.array([-1, book.width])))
    return blocks, codes


def _scaled(scaling: Scaling, x: str, g: Graph) -> str:
    scale = scaling.scale
    z = g.plus(x, -np.where(np.abs(scaling.center * scale) < 2.0**-60, 0.0, scaling.center))  # 0 beside the spread
    if (scale[scale > 0] < np.finfo(np.float64).tiny).any():  # a denormal number is 0 to onnxruntime
        tiny = scale < 1
        z, scale = g("Mul", z, np.where(tiny, 2.0**-64, 1.0)), np.where(tiny, scale * 2.0**64, scale)
    z = g("Mul", z, scale)  # z = (x - center) · scale
    z = g("Where", g("IsNaN", z), 0.0, z)
    z = g("Clip", z, -LIMIT, LIMIT)
    if scaling.clips:
        z = g("Div", z, g("Sqrt", g("Add", g("Mul", g("Mul", z, z), 1 / 9), 1.0)))  # z / √(1 + (z/3)²)
    return z


def _code(book: Codebook, column: int, table: InputTable, g: Graph) -> str:
    """Codes of one column, shape (n, 1)."""
    if book.kind == "bytes":
        raise ValueError(f"column {book.name!r} holds bytes, which ONNX has not; make it text and fit again.")
    if book.kind in ("dates", "times", "durations"):
        raise ValueError(f"column {book.name!r} holds {book.kind} as categories, which ONNX has not; make it text.")
    is_text = table.is_text(column) if book.kind == "nothing" else book.kind == "text"
    x = table.category(column, is_text=is_text, g=g)
    keys: list[Any] = _text_keys(book) if is_text else _number_keys(book, single=table.is_single(column))
    missing = MISSING_TEXT if is_text else np.nan
    if book.kind == "nothing":  # whatever comes counts as missing
        return g("Add", g("Mul", g.position(x, [missing]), np.array(0)), np.array(book.cardinality - 1))
    if book.has_missing:
        keys.append(missing)
    if not keys:  # nothing was told apart
        return g("Mul", g.position(x, [missing]), np.array(ELSE))
    return g.position(x, keys)


def _text_keys(book: Codebook) -> list[str]:
    """The levels of a column of text, as ONNX can hold them."""
    if MISSING_TEXT in book.levels:
        raise ValueError(
            f"column {book.name!r} has the level {MISSING_TEXT!r}, which stands for missing text in a graph; rename it "
            "and fit again."
        )
    for level in book.levels:
        try:
            level.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"column {book.name!r} has the level {level!r}, which is no valid text ({error.reason}); rename it and "
                "fit again."
            ) from error
    return list(book.levels)


def _number_keys(book: Codebook, *, single: bool) -> list[float]:
    """The levels of a column of numbers, told apart in the precision that they come in."""
    keys = [float(level) for level in book.levels]
    too_large = [level for level in book.levels if isinstance(level, Integral) and abs(int(level)) >= WHOLE]
    if too_large or len(set(keys)) < len(keys):
        raise ValueError(
            f"column {book.name!r} has levels that double precision does not tell apart, such as "
            f"{(too_large or book.levels)[0]}; make it text and fit again."
        )
    rounded = [key for key in keys if single and float(np.float32(key)) != key]
    if rounded:
        raise ValueError(
            f"column {book.name!r} has the level {rounded[0]!r}, which single precision has not; make its input one of "
            "double precision."
        )
    return keys
