"""Errors of other packages about what the user gave, told as one sentence that names the argument.

Knows what each argument may be, and nothing about how it is checked: whatever NumPy, SciPy, pandas, polars or pyarrow
raise comes out as a `ValueError`.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, final

__all__ = ["UnreadableError", "tells", "told"]

P = ParamSpec("P")
R = TypeVar("R")

CLEAR = ("sklearn.utils.validation", "sklearn.utils.multiclass")  # tell well, where they name the argument
RAISE = dis.opmap["RAISE_VARARGS"]
KNOWN = ("The feature names", "Unknown label type")  # begin sentences that people know
PANICS = "pyo3_runtime"  # where errors of Rust code come from, such as polars', which are no `Exception`
DUMP = re.compile(r"array=.*?(?=Reshape|$)|\s*\n[\[<].*", re.DOTALL)  # all the data, printed
ALLOWED = {
    "X": "a DataFrame, an array or a sparse matrix of shape (n, n_features)",
    "y": "numbers or labels, of shape (n,) or (n, n_outputs)",
    "sample_weight": "numbers, of shape (n,)",
    "classes": "labels that can be sorted, of shape (n_classes,), or a list of such",
}
MOST = 300  # characters of another's words


@final
class UnreadableError(ValueError, TypeError):
    """An argument that cannot be read; a TypeError as well, which scikit-learn's checks ask for in places."""


@contextmanager
def told(name: str, value: Any) -> Iterator[None]:
    """Let our own errors through, and those of scikit-learn's checks; tell all others in one sentence.

    Parameters
    ----------
    name : str
        The argument, one of those in `ALLOWED`.
    value : object
        What was given.

    Raises
    ------
    UnreadableError
        Where another package has failed.
    """
    try:
        yield
    except BaseException as error:
        if not (isinstance(error, Exception) or type(error).__module__ == PANICS) or _is_clear(error, name):
            raise
        words = " ".join(DUMP.sub(" ", str(error)).split()).rstrip(".: ")
        words = words if len(words) <= MOST else words[:MOST] + " ..."
        raise UnreadableError(f"{name} must be {ALLOWED[name]}; got {type(value).__name__} ({words}).") from error


def tells(name: str, position: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function `told` about one of its positional arguments.

    Parameters
    ----------
    name : str
        As the user knows it.
    position : int
        Where the function takes it.

    Returns
    -------
    callable
        A decorator.
    """

    def decorate(check: Callable[P, R]) -> Callable[P, R]:
        @wraps(check)
        def telling(*args: P.args, **keywords: P.kwargs) -> R:
            with told(name, args[position]):
                return check(*args, **keywords)

        return telling

    return decorate


def _is_clear(error: BaseException, name: str) -> bool:
    """Whether it is an error of ours, or a sentence of scikit-learn's that names the argument."""
    if isinstance(error, (MemoryError, Warning)):  # warnings may be made errors
        return True
    if isinstance(error, UnreadableError):
        return True
    if not isinstance(error, ValueError):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    origin, code = str(trace.tb_frame.f_globals.get("__name__", "")), trace.tb_frame.f_code.co_code
    if origin.partition(".")[0] == __name__.partition(".")[0]:
        return code[trace.tb_lasti] == RAISE  # else an error from NumPy's C, which has no frame of its own
    text = str(error)
    about = text.startswith(KNOWN) or (re.search(rf"\b{name}\b", text) is not None and "\n" not in text)
    return origin in CLEAR and not isinstance(error, TypeError) and about
