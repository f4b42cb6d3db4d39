"""A head: what the outputs of a network mean, in one object that the training, predictions and explanations ask.

Knows nothing about networks, training or the inputs.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .._numerics import Rule, check_value, integer
from ..losses import Link, Loss

__all__ = ["Head", "Judged", "Readout", "check_named", "position"]


class Judged(NamedTuple):
    """Rows by which a training is judged, and what the network says of them.

    Attributes
    ----------
    y : ndarray of shape (n, n_outputs)
        Encoded targets.
    weight : ndarray of shape (n,) or None
        Weight of each row.
    raw_at : callable
        From a temperature, by which the members' outputs are divided, to the raw output of shape (n, n_raw) that is
        judged; in double precision after the training.
    left_out : bool
        Whether each row is judged by the members that left it out.
    parts : tuple of ndarray of shape (nᵢ, n_raw) or (nᵢ, n_members, n_raw)
        Only where nothing has learnt the rows: what those said that judge them, set of rows by set, before the members'
        outputs are pooled.
    """

    y: np.ndarray
    weight: np.ndarray | None
    raw_at: Callable[[float], np.ndarray]
    left_out: bool
    parts: tuple[np.ndarray, ...] = ()


class Readout(NamedTuple):
    """One number of a network's output that can be explained: weights · raw + offset.

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


class Head(ABC):
    """Target, loss, strata and what is done at a fit's end.

    Attributes
    ----------
    task : str
        Which losses fit it.
    needs : int
        Numbers of the members' outputs that `temperature` and `settle` need at most; more of them say no more.
    target : object
        What turns y into a matrix.
    loss : Loss
        The loss of one network, or of one member.
    """

    task: ClassVar[str]
    needs: ClassVar[int] = sys.maxsize
    target: Any
    loss: Loss

    @classmethod
    @abstractmethod
    def check(cls, y: np.ndarray, loss: Loss, known: Head | None) -> np.ndarray:
        """The targets in the form that the head learns and encodes.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs), n_outputs > 1
            Without missing values.
        loss : Loss
            What they are for.
        known : Head or None
            The head that has learnt its target already.

        Raises
        ------
        ValueError
            Where the loss or the known head cannot take them.
        """

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Columns of the encoded target."""

    @abstractmethod
    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        """The targets as the loss takes them, shape (n, n_outputs)."""

    @abstractmethod
    def go_on_with(self, loss: Loss) -> None:
        """Take another loss for the target that was learnt.

        Raises
        ------
        ValueError
            Where the network learnt under another link.
        """

    @abstractmethod
    def targets(self) -> list[Any]:
        """All values of `target` for which `readout` tells different things."""

    @abstractmethod
    def readout(self, target: Any) -> Readout:
        """The number that `target` names.

        Raises
        ------
        ValueError
            Where `target` is not one of the outputs or classes, or is None where there are several.
        """

    @property
    def link(self) -> Link:
        """What the raw output means."""
        return self.loss.link

    @property
    def n_raw(self) -> int:
        """Number of raw outputs."""
        return self.loss.n_raw(self.n_outputs)

    @property
    def judge(self) -> Loss:
        """The loss by which rows are judged that members leave out; by default that of the training."""
        return self.loss

    @classmethod
    def strata(cls, y: np.ndarray) -> np.ndarray | None:
        """What shall be found in equal shares among rows that are left or held out; None for nothing."""
        return None

    def temperature(self, judged: Judged, tolerance: float = 0.01) -> float:
        """What the outputs are best divided by, to this relative tolerance; by default 1."""
        return 1.0

    def settles(self, *, left_out: bool) -> bool:
        """Whether `settle` has anything to do, for rows that members left out or for others."""
        return False

    def settle(self, judged: Judged) -> float:
        """Take note of what shows after a training; what the outputs of its network are to be divided by."""
        return 1.0

    @property
    def settled(self) -> bool:
        """Whether what `settle` notes is there, or nothing is to be noted."""
        return True

    def forget(self) -> None:
        """Take back what `settle` has noted: the network has changed since, and no rows tell of it."""
        return


def position(target: Any, n: int) -> int:
    """The number of one of n outputs; None is the only one."""
    if target is None and n == 1:
        return 0
    check_named(target, Rule(lambda v: integer(0).test(v) and v < n, f"the number of an output, 0 to {n - 1}"))
    return int(target)


def check_named(target: Any, rule: Rule) -> None:
    """Raise ValueError unless a rule allows what names one of several outputs."""
    if target is None:
        raise ValueError(f"of several outputs, pass target=: {rule.allowed}.")
    check_value("target", target, rule)
