"""The lines that `verbose` prints: one after an epoch, and one at the end of a fit.

Knows nothing about training; what the line tells comes in as a record and the seconds left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["closing_line", "duration", "epoch_line"]

FIGURES = {"loss": "loss", "validation_loss": "validation", "validation_score": "score"}  # key and title


def epoch_line(record: Mapping[str, Any], last: int, seconds: float, left: float) -> str:
    """One line for one epoch; those of a fit stand in columns.

    Parameters
    ----------
    record : mapping
        The epoch's record in `history_`.
    last : int
        Number of the last epoch that may come.
    seconds : float
        Duration of an epoch, validation and callbacks included.
    left : float
        Seconds until `last` at this pace.

    Returns
    -------
    str
        Without the end of the line.

    Examples
    --------
    >>> from sklearn_dl._training.printing import epoch_line
    >>> record = {"epoch": 3, "loss": 0.4123, "validation_loss": 0.43, "learning_rate": 0.002, "seconds": 0.1}
    >>> epoch_line(record, 200, 0.125, 24.6)
    'epoch   3/200  loss 0.41230     validation 0.43000     rate 0.002      125 ms an epoch  25 s left'
    """
    cells = [f"epoch {record['epoch']:>{len(str(last))}}/{last}", *_figures(record)]
    cells += [f"rate {record['learning_rate']:<8.3g}", f"{duration(seconds):>7} an epoch", f"{duration(left)} left"]
    return "  ".join(cells)


def closing_line(record: Mapping[str, Any], reached: int, seconds: float, n_last: int = 0) -> str:
    """The line behind those of the epochs: which of them the network is of.

    Parameters
    ----------
    record : mapping
        The epoch's record in `history_`.
    reached : int
        Number of the last epoch that was, or could have been, judged.
    seconds : float
        Duration of the fit.
    n_last : int, default=0
        Epochs after it, which learn from all rows.

    Returns
    -------
    str
        Without the end of the line.

    Examples
    --------
    >>> from sklearn_dl._training.printing import closing_line
    >>> closing_line({"epoch": 3, "loss": 0.4123, "validation_loss": 0.43}, 13, 1.625)
    'kept epoch 3 of 13  loss 0.41230     validation 0.43000     1.6 s in all'
    """
    more = f" and {n_last} more on all rows" if n_last else ""
    kept = f"kept epoch {record['epoch']} of {reached}{more}"
    return "  ".join([kept, *_figures(record), f"{duration(seconds)} in all"])


def _figures(record: Mapping[str, Any]) -> list[str]:
    return [f"{title} {record[key]:<#10.5g}" for key, title in FIGURES.items() if key in record]


def duration(seconds: float) -> str:
    """A duration in the units in which people read it.

    Parameters
    ----------
    seconds : float
        At least 0.

    Returns
    -------
    str
        Such as ``"0.21 ms"``, ``"35 s"`` or ``"2 h 05 min"``.

    Examples
    --------
    >>> from sklearn_dl._training.printing import duration
    >>> [duration(s) for s in (0, 0.00021, 0.125, 1.25, 59.7, 200, 7500)]
    ['0 s', '0.21 ms', '125 ms', '1.2 s', '1 min 00 s', '3 min 20 s', '2 h 05 min']
    """
    if seconds == 0:
        return "0 s"
    if seconds < 0.9995:
        return f"{1000 * seconds:.3g} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"
