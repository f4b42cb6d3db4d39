"""Methods that are there for some parameters only, and that say what to set where they are not.

Knows nothing about the methods. scikit-learn's `available_if` says "has no attribute" and keeps the reason to itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Any, final

__all__ = ["available_if"]


@final
class _Available:
    """A method that an estimator has where a check raises no AttributeError."""

    def __init__(self, method: Callable[..., Any], check: Callable[[Any], None]):
        self._method, self._check = method, check
        self.__doc__ = method.__doc__

    def __get__(self, estimator: Any, owner: type) -> Callable[..., Any]:
        if estimator is not None:
            self._check(estimator)
            return MethodType(self._method, estimator)

        @wraps(self._method)
        def checked(estimator: Any, *args: Any, **kwargs: Any) -> Any:
            self._check(estimator)
            return self._method(estimator, *args, **kwargs)

        return checked


def available_if(check: Callable[[Any], None]) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a method that is there only where `check` raises no AttributeError; its sentence is what users read.

    Parameters
    ----------
    check : callable
        Takes the estimator.

    Examples
    --------
    >>> from sklearn_dl import DLRegressor
    >>> model = DLRegressor(solver="lbfgs")
    >>> hasattr(model, "partial_fit")
    False
    >>> model.partial_fit([[0.0]], [0.0])
    Traceback (most recent call last):
    ...
    AttributeError: partial_fit needs a stochastic solver; got solver='lbfgs', which needs all rows at once.
    """
    return lambda method: _Available(method, check)
