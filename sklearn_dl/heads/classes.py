"""The head of a classification: probabilities and labels, and how sure the classes are.

Knows nothing about networks, training or the inputs.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, final

import numpy as np
from scipy.optimize import minimize_scalar

from .._numerics import Rule
from ..losses import LogLoss, Loss
from .base import Head, Judged, Readout, check_named, position
from .labels import are_probabilities
from .targets import ClassEncoder, columns_of

__all__ = ["ClassHead"]

TEMPERATURES = (0.5, 50.0)  # where the temperature is looked for


@final
class ClassHead(Head):
    """Classes: the most probable label of each target, by logistic columns and softmax groups.

    Parameters
    ----------
    target : ClassEncoder
        The labels.
    loss : Loss
        A loss for classification, bound to their groups.
    """

    task: ClassVar[str] = "classification"
    needs: ClassVar[int] = 2**22  # a temperature is looked for some 12 times
    target: ClassEncoder

    def __init__(self, target: ClassEncoder, loss: Loss):
        self.target, self.loss = target, loss.for_groups(target.groups)

    @classmethod
    def learn(cls, y: np.ndarray, classes: Any, loss: Loss) -> ClassHead:
        """The head for training targets; the classes are those of `ClassEncoder.learn`."""
        return cls(ClassEncoder.learn(y, classes), loss)

    @classmethod
    def check(cls, y: np.ndarray, loss: Loss, known: Head | None) -> np.ndarray:
        if are_probabilities(y):
            if not loss.soft:
                raise ValueError(f"y with rows of probabilities needs loss='log_loss'; got loss={loss!r}.")
            return y
        columns = columns_of(y)
        if y.ndim == 1:
            return columns[0]
        kinds = {column.dtype.kind for column in columns}
        return np.column_stack(columns if len(kinds) == 1 else [column.astype(object) for column in columns])

    @property
    def n_outputs(self) -> int:
        return sum(self.target.groups)

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        return self.target.encode(y, dtype)

    def go_on_with(self, loss: Loss) -> None:
        bound = loss.for_groups(self.target.groups)
        if bound.link.name != self.link.name:
            raise ValueError(
                f"loss={loss!r} has another link than the fitted one, which warm_start and partial_fit cannot "
                "train further; fit a clone, or set warm_start=False."
            )
        self.loss = bound

    @property
    def judge(self) -> Loss:
        """The log-loss, whatever is trained, unless probabilities come from raw outputs by a link of the user's."""
        log_loss = LogLoss().for_groups(self.target.groups)
        return log_loss if log_loss.link == self.link else self.loss

    @classmethod
    def strata(cls, y: np.ndarray) -> np.ndarray | None:
        if y.ndim == 1:
            return y
        return y.argmax(axis=1) if are_probabilities(y) else None

    def temperature(self, judged: Judged, tolerance: float = 0.01) -> float:
        """The T for which the outputs divided by T have the lowest log-loss (Guo et al. 2017, section 4.2).

        (https://arxiv.org/abs/1706.04599.) It changes how sure the classes are, not which one is the most probable for
        a single member.
        """
        weight = None if judged.weight is None else judged.weight[:, None].astype(float)
        judge = self.judge
        if judge is self.loss:  # what a division of its raw output means, nobody knows
            return 1.0

        def log_loss(log_t: float) -> float:
            raw = judged.raw_at(math.exp(log_t))
            return judge.value_and_gradient(judged.y, raw, weight, np.empty_like(raw))

        bounds = (math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1]))
        return math.exp(minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": tolerance}).x)

    def settles(self, *, left_out: bool) -> bool:
        return left_out

    def settle(self, judged: Judged) -> float:
        return self.temperature(judged) if judged.left_out else 1.0

    # ---------------------------------------------------------------- predictions

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """The most probable labels, shape (n,) or (n, n_targets), from outputs in double precision."""
        return self.target.decode(self.link.predict(raw))

    def probabilities(self, raw: np.ndarray) -> Any:
        """The probability of each class: an array, or a list of one for each of several targets with own classes."""
        predicted = self.link.predict(raw)
        if self.target.kind == "multilabel":
            return predicted
        parts = self.target.probabilities(predicted)
        return parts[0] if self.target.kind == "single" else parts

    def decisions(self, raw: np.ndarray) -> Any:
        """The logits: (n,) for two classes, (n, n_classes) for more, (n, n_labels) for labels; a list for targets.

        They are those of the probabilities, of one network too: so both have the same order of rows.
        """
        pooled = self.link.pool(raw[:, None] if raw.ndim == 2 else raw)
        if self.target.kind == "multilabel":
            return pooled
        parts = np.split(pooled, np.cumsum(self.target.groups)[:-1], axis=1)
        parts = [part[:, 0] if part.shape[1] == 1 else part for part in parts]
        return parts[0] if self.target.kind == "single" else parts

    # ---------------------------------------------------------------- explanations

    def targets(self) -> list[Any]:
        levels = [known.tolist() for known in self.target.levels]
        if self.target.kind == "single":
            return levels[0][1:] if len(levels[0]) == 2 else levels[0]
        if self.target.kind == "multilabel":
            return list(range(len(levels)))
        return [(i, label) for i, known in enumerate(levels) for label in known]

    def readout(self, target: Any) -> Readout:
        encoder = self.target
        stops, groups = np.cumsum(encoder.groups), encoder.groups
        weights = np.zeros(stops[-1])
        if encoder.kind == "multilabel":
            j = position(target, len(groups))
            weights[j] = 1.0
            return Readout(weights, 0.0, f"logit of label {j}")
        group, label = 0, target
        if encoder.kind == "multioutput":
            example = (0, encoder.levels[0].tolist()[0])
            is_pair = Rule(lambda v: isinstance(v, tuple) and len(v) == 2, f"a pair (output, class), such as {example}")
            check_named(target, is_pair)
            group, label = position(target[0], len(groups)), target[1]
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
