"""What a setting, a parameter or an argument may be, and the one sentence for a value that is not allowed.

Knows nothing about what the settings mean, and takes NumPy's numbers for numbers; a bool is none, and NaN lies nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

__all__ = [
    "Rule",
    "Rules",
    "Settings",
    "above",
    "at_least",
    "boolean",
    "check_value",
    "either",
    "integer",
    "interval",
    "not_negative",
    "number",
    "positive",
    "sequence",
]


class Rule(NamedTuple):
    """What a value may be: a test, and the words for it that stand behind "must be".

    Attributes
    ----------
    test : callable
        From any value whatever to whether it is allowed.
    allowed : str
        What is allowed: "an int >= 1".
    """

    test: Callable[[Any], bool]
    allowed: str


Rules = Mapping[str, Rule]


def check_value(name: str, value: Any, rule: Rule, hint: str = "") -> None:
    """Raise ValueError unless a rule allows a value.

    Parameters
    ----------
    name : str
        What it is the value of, as the sentence begins: "alpha", "SGD: momentum".
    value : object
        What was given.
    rule : Rule
        What is allowed.
    hint : str, default=""
        What stands behind the value.

    Examples
    --------
    >>> check_value("n_steps", 3, integer(1))
    >>> check_value("SGD: momentum", "a", interval(0, 1, "[)"))
    Traceback (most recent call last):
    ...
    ValueError: SGD: momentum must be a number in [0, 1); got 'a'.
    """
    if not rule.test(value):
        raise ValueError(f"{name} must be {rule.allowed}; got {value!r}{hint}.")


class Settings(BaseEstimator):
    """A settings object: a solver, a schedule, a loss, an embedding of numbers, an encoder.

    Attributes
    ----------
    rules : mapping from str to Rule
        What each setting may be. Without rules anything is allowed, and `check` may be overridden instead.
    """

    rules: ClassVar[Rules] = {}

    def check(self) -> None:
        """Raise ValueError where a setting is out of range."""
        for name, rule in self.rules.items():
            check_value(f"{type(self).__name__}: {name}", getattr(self, name), rule)


# ---------------------------------------------------------------- makers of rules


LARGEST = 2**64 - 1  # of NumPy's integers; Python's have no end


def _is_int(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) <= LARGEST


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and value == value  # NaN is not


def _as_float(value: Any) -> float:
    """The number, inf where no float is as large, NaN where it is none."""
    try:
        return float(value) if _is_real(value) else math.nan
    except OverflowError:
        return math.inf


def boolean() -> Rule:
    """True or False, also NumPy's."""
    return Rule(lambda v: isinstance(v, (bool, np.bool_)), "True or False")


def integer(low: int | None = None) -> Rule:
    """An int, from `low` on; 3.0 is none."""
    if low is None:
        return Rule(_is_int, "an int")
    return Rule(lambda v: _is_int(v) and v >= low, f"an int >= {low}")


def number() -> Rule:
    """Any number, ±inf too."""
    return Rule(_is_real, "a number")


def above(low: float) -> Rule:
    """A number above `low`, inf too."""
    return Rule(lambda v: _is_real(v) and v > low, f"a number > {low:g}")


def at_least(low: float) -> Rule:
    """A number from `low` on, inf too."""
    return Rule(lambda v: _is_real(v) and v >= low, f"a number >= {low:g}")


def positive() -> Rule:
    """A finite number above 0."""
    return Rule(lambda v: 0 < _as_float(v) < math.inf, "a finite number > 0")


def not_negative() -> Rule:
    """A finite number, 0 or above."""
    return Rule(lambda v: 0 <= _as_float(v) < math.inf, "a finite number >= 0")


def interval(low: float, high: float, ends: str) -> Rule:
    """A number between two others.

    Parameters
    ----------
    low, high : float
        The ends.
    ends : {"[]", "[)", "(]", "()"}
        Which of them belong to it.

    Examples
    --------
    >>> share = interval(0, 1, "[)")
    >>> share.allowed, share.test(0), share.test(1), share.test(True)
    ('a number in [0, 1)', True, False, False)
    """

    def test(value: Any) -> bool:
        if not _is_real(value):
            return False
        return low < value < high or (value == low and ends[0] == "[") or (value == high and ends[1] == "]")

    return Rule(test, f"a number in {ends[0]}{low:g}, {high:g}{ends[1]}")


def either(*options: Any) -> Rule:
    """One of some values, or what one of some rules allows.

    Parameters
    ----------
    *options : object or Rule
        Values are compared by type too: 1 is not True.

    Examples
    --------
    >>> size = either("auto", None, integer(1))
    >>> size.allowed, size.test("auto"), size.test(3), size.test(0)
    ("'auto', None or an int >= 1", True, True, False)
    """

    def test(value: Any) -> bool:
        return any(
            option.test(value) if isinstance(option, Rule) else isinstance(value, type(option)) and value == option
            for option in options
        )

    *head, last = [option.allowed if isinstance(option, Rule) else repr(option) for option in options]
    if not head:
        return Rule(test, last)
    return Rule(test, f"{', '.join(head)}{', ' if ' or ' in last else ' or '}{last}")


def sequence(rule: Rule, allowed: str) -> Rule:
    """A tuple, a list or an array of one axis, maybe empty, of what a rule allows.

    Parameters
    ----------
    rule : Rule
        For each item.
    allowed : str
        The words for all of it.
    """

    def test(value: Any) -> bool:
        is_sequence = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)
        return is_sequence and all(map(rule.test, value))

    return Rule(test, allowed)
