"""The network, its loss curve and what columns and "auto" became as HTML, a part of an estimator's representation.

Knows nothing about estimators; colours are scikit-learn's CSS variables, so that light and dark themes fit, and there
is no JavaScript.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from .._engine import Network
from ..encoding import TableEncoder
from ..layers import Layer
from .curves import connected

__all__ = ["columns_html", "network_html", "settings_html", "table_html"]

NBSP = "\N{NO-BREAK SPACE}"  # lines break between arrays only
MAX_LAYERS, MAX_COLUMNS = 60, 60  # rows of the tables
MAX_POINTS = 300  # of a curve
LONG = reprlib.Repr()
LONG.maxother = 200  # characters of a setting
LOG_RATIO = 20  # losses that span more than this are drawn on a logarithmic scale

# the picture, in pixels
WIDTH, HEIGHT = 400, 150
LEFT, RIGHT, TOP, BOTTOM = 60, 390, 12, 112

# scikit-learn's boxes are light in both themes, and so are the colours for what is drawn on them
CURVES = {
    "loss": ("training", "var(--sklearn-color-fitted-level-3, cornflowerblue)"),
    "validation_loss": ("validation", "var(--sklearn-color-unfitted-level-3, chocolate)"),
}
TEXT, MUTED = "var(--sklearn-color-text, #000)", "var(--sklearn-color-text-muted, #666)"


def network_html(network: Network, history: Sequence[Mapping[str, Any]], best: int | None) -> str:
    """The table of layers, with the shapes of their arrays, and the loss curve.

    Parameters
    ----------
    network : Network
        What was learnt.
    history : sequence of mapping
        One record an epoch.
    best : int or None
        The epoch that gets a dot.

    Returns
    -------
    str
        An HTML element, everything in it escaped.
    """
    learnt = f"{network.n_params:,} parameter{'s' if network.n_params != 1 else ''}"
    n_epochs = history[-1]["epoch"] if history else 0
    summary = f"Network: {learnt} in {network.values.dtype}, {n_epochs} epoch{'s' if n_epochs != 1 else ''}"
    return (
        f'<div class="estimator-table"><details open><summary style="color: {TEXT}">{escape(summary)}</summary>'
        f"{_table(network.layer)}{_picture(history, best)}</details></div>"
    )


def settings_html(settings: Mapping[str, Any]) -> str:
    """The table of what "auto" became; nothing where nothing was "auto".

    Parameters
    ----------
    settings : mapping
        Parameters and their values.

    Returns
    -------
    str
        An HTML element, everything in it escaped.
    """
    if not settings:
        return ""
    rows = "".join(
        f'<tr class="default"><td class="param">{escape(name)}</td><td>{escape(LONG.repr(value))}</td></tr>'
        for name, value in settings.items()
    )
    head = "<tr><th>Parameter</th><th>Value</th></tr>"
    return (
        f'<div class="estimator-table"><details><summary style="color: {TEXT}">What "auto" became: settings_</summary>'
        f'<table class="parameters-table"><tbody>{head}{rows}</tbody></table></details></div>'
    )


def columns_html(encoder: TableEncoder | None, names: Sequence[str]) -> str:
    """The table of what the encoder took each column for; nothing where it is a sparse one or there is no encoder.

    Parameters
    ----------
    encoder : TableEncoder or None
        Fitted.
    names : sequence of str
        Names of the table's columns.

    Returns
    -------
    str
        An HTML element, everything in it escaped.
    """
    if encoder is None or encoder.layout.sparse:
        return ""
    inputs = np.bincount(encoder.layout.origins, minlength=len(encoder.kinds_))
    taken = list(zip(names, encoder.kinds_, inputs.tolist(), strict=True))[: MAX_COLUMNS + 1]
    cells = [(LONG.repr(name)[1:-1], kind, f"{count}") for name, kind, count in taken[:MAX_COLUMNS]]
    cells += [("...", "", "")] * (len(taken) > MAX_COLUMNS)
    rows = "".join(
        f'<tr class="default"><td class="param">{escape(name)}</td><td>{escape(kind)}</td><td>{escape(count)}</td></tr>'
        for name, kind, count in cells
    )
    head = "<tr><th>Column</th><th>Taken for</th><th>Inputs</th></tr>"
    title = "What the columns were taken for: encoder_"
    return (
        f'<div class="estimator-table"><details><summary style="color: {TEXT}">{title}</summary>'
        f'<table class="parameters-table"><tbody>{head}{rows}</tbody></table></details></div>'
    )


def table_html(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> str:
    """A result as the last line of a notebook cell: a table in the notebook's own style.

    Parameters
    ----------
    title : str
        What stands above it.
    head : sequence of str
        Titles of the columns.
    rows : iterable of sequence of str
        Its cells, the first one of a row being its name.
    note : str, default=""
        What stands below it.

    Returns
    -------
    str
        An HTML element, everything in it escaped.
    """
    body = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for name, *cells in rows
    )
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<div><p>{escape(title)}</p><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{below}</div>"


# ---------------------------------------------------------------- layers


def _table(layer: Layer) -> str:
    rows: list[str] = []
    for depth, part in _parts(layer):
        if len(rows) == MAX_LAYERS:
            rows.append('<tr class="default"><td>...</td><td></td><td></td></tr>')
            break
        shapes = part.param_shapes()
        arrays = ", ".join(f"{name} {' × '.join(map(str, shape))}".replace(" ", NBSP) for name, shape in shapes.items())
        count = f"{sum(map(math.prod, shapes.values())):,}" if shapes else ""
        cells = f'<td style="padding-left: {depth}.2em">{escape(_title(part))}</td>'
        cells += f'<td>{escape(arrays)}</td><td style="text-align: right !important">{count}</td>'
        rows.append(f'<tr class="default">{cells}</tr>')
    head = "<tr><th>Layer</th><th>Arrays</th><th>Parameters</th></tr>"
    return f'<table class="parameters-table"><tbody>{head}{"".join(rows)}</tbody></table>'


def _parts(layer: Layer) -> Iterator[tuple[int, Layer]]:
    """Each layer with its depth; the outermost sequence is the table itself."""

    def visit(layer: Layer, depth: int) -> Iterator[tuple[int, Layer]]:
        yield depth, layer
        for child in layer.children:
            yield from visit(child, depth + 1)

    if layer.children and not layer.param_shapes():
        for child in layer.children:
            yield from visit(child, 0)
    else:
        yield from visit(layer, 0)


def _title(layer: Layer) -> str:
    """Name of the layer; its settings too where the shapes of arrays do not tell them."""
    name = type(layer).__name__
    return name if layer.children or layer.param_shapes() else reprlib.repr(layer).removesuffix("()")


# ---------------------------------------------------------------- the loss curve


def _picture(history: Sequence[Mapping[str, Any]], best: int | None) -> str:
    """The curves of training and validation loss as SVG; nothing where there is no finite loss."""
    curves = {name: np.array([r.get(name, math.nan) for r in history], float) for name in CURVES}
    curves = {name: values for name, values in curves.items() if np.isfinite(values).any()}
    if not curves:
        return ""
    together = np.concatenate([values[np.isfinite(values)] for values in curves.values()])
    low, high = float(together.min()), float(together.max())
    is_log = low > 0 and high / low > LOG_RATIO
    drawn = [_axes(low, high, history[0]["epoch"], history[-1]["epoch"])]
    for name, values in curves.items():
        colour = CURVES[name][1]
        recorded = np.array([name in record for record in history])
        heights = _heights(np.log(values), math.log(low), math.log(high)) if is_log else _heights(values, low, high)
        line = _path(_across(len(history))[recorded], heights[recorded])
        drawn.append(
            f'<path d="{line}" fill="none" style="stroke: {colour}" stroke-width="1.5" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
        if name == "validation_loss":
            drawn += _dots(history, best, heights, colour)
    labels = [f'<tspan style="fill: {colour}">{label}</tspan>' for label, colour in (CURVES[name] for name in curves)]
    drawn.append(
        f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 30}" text-anchor="middle" style="fill: {MUTED}">'
        f"{' and '.join(labels)} loss{', log scale' if is_log else ''}</text>"
    )
    return (
        f'<svg role="img" aria-label="loss over epochs" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-size="11" font-family="monospace" '
        f'style="display: block; max-width: 100%">{"".join(drawn)}</svg>'
    )


def _axes(low: float, high: float, first: int, last: int) -> str:
    def text(x: float, y: float, anchor: str, content: str) -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" style="fill: {MUTED}">{escape(content)}</text>'

    frame = f"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"
    return (
        f'<path d="{frame}" fill="none" style="stroke: var(--sklearn-color-line, gray)"/>'
        + text(LEFT - 4, TOP + 8, "end", f"{high:.3g}")
        + text(LEFT - 4, BOTTOM, "end", f"{low:.3g}")
        + text(LEFT, BOTTOM + 14, "start", f"{first}")
        + text((LEFT + RIGHT) / 2, BOTTOM + 14, "middle", "epoch")
        + text(RIGHT, BOTTOM + 14, "end", f"{last}")
    )


def _heights(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """y of each value, in pixels from the top."""
    share = (values - low) / (high - low) if high > low else np.where(np.isfinite(values), 0.5, values)
    return BOTTOM - share * (BOTTOM - TOP)


def _across(n: int) -> np.ndarray:
    """x of each of n epochs; a single one is in the middle."""
    return np.linspace(LEFT, RIGHT, n) if n > 1 else np.array([(LEFT + RIGHT) / 2])


def _path(across: np.ndarray, heights: np.ndarray) -> str:
    """Lines through at most MAX_POINTS points, broken where a value is not finite and where epochs were not judged."""
    across, heights = connected(across, heights)
    chosen = np.unique(np.linspace(0, len(heights) - 1, min(len(heights), MAX_POINTS)).round().astype(int))
    steps, pen_is_down = [], False
    for x, y in zip(across[chosen], heights[chosen], strict=True):
        if math.isfinite(y):
            steps.append(f"{'L' if pen_is_down else 'M'}{x:.1f} {y:.1f}" + ("" if pen_is_down else "h0"))
        pen_is_down = math.isfinite(y)
    return "".join(steps)


def _dots(history: Sequence[Mapping[str, Any]], best: int | None, heights: np.ndarray, colour: str) -> list[str]:
    """A dot for the best epoch, where there is one."""
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" style="fill: {colour}"><title>best epoch: {best}</title></circle>'
        for record, x, y in zip(history, _across(len(heights)), heights, strict=True)
        if record["epoch"] == best and math.isfinite(y)
    ]
