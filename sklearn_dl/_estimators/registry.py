"""Names to objects, in one place: "relu", "adamw", "cosine" and their like.

Knows what each name stands for; nothing else in the package compares such names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..architectures import ARCHITECTURES
from ..encoding.table_encoder import TableEncoder
from ..layers import (
    ELU,
    GELU,
    SELU,
    Activation,
    BatchNorm,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    Logistic,
    Mish,
    ReLU,
    SiLU,
    Softplus,
    Tanh,
)
from ..losses import AbsoluteError, Focal, Gamma, Huber, LogLoss, Loss, Poisson, Quantile, SquaredError, Tweedie
from ..numeric_embeddings import Mixed, NumericEmbedding, Periodic, PiecewiseLinear
from ..schedules import Adaptive, Constant, Cosine, CosLog, InvScaling, OneCycle, Schedule
from ..solvers import LBFGS, SGD, Adam, AdamW, RMSprop, Solver
from .hints import hint

__all__ = [
    "is_stochastic",
    "resolve_activations",
    "resolve_architecture",
    "resolve_loss",
    "resolve_numeric_embedding",
    "resolve_schedule",
    "resolve_solver",
]

ACTIVATIONS: dict[str, type[Activation]] = {
    "identity": Identity,
    "logistic": Logistic,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
}
LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": Tweedie,
    "log_loss": LogLoss,
    "focal": Focal,
}
SOLVERS: dict[str, type[Solver] | type[LBFGS]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "lbfgs": LBFGS,
}
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InvScaling,
    "adaptive": Adaptive,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "coslog": CosLog,
}
NUMERIC_EMBEDDINGS: dict[str, type[NumericEmbedding]] = {
    "periodic": Periodic,
    "piecewise_linear": PiecewiseLinear,
    "mixed": Mixed,
}
NORMALIZATIONS: dict[str, Callable[[int], Layer]] = {"batch": BatchNorm, "layer": LayerNorm}

# what `loss__delta` would need in place of a mere name, for the message of `set_params`
SETTINGS: dict[str, Mapping[str, Any]] = {
    "encoder": {"auto": TableEncoder},
    "loss": LOSSES,
    "solver": {"auto": AdamW, **SOLVERS},
    "learning_rate": SCHEDULES,
    "numeric_embedding": {"auto": Mixed, **NUMERIC_EMBEDDINGS},
}


def listed(names: Any, last_word: str = "or") -> str:
    """'a', 'b' or 'c'"""
    *head, last = [repr(n) for n in names]
    return f"{', '.join(head)} {last_word} {last}" if head else last


def class_with(parameter: str, value: Any, setting: str, task: str) -> type | None:
    """The class of settings objects for a parameter that has a setting: that of the name `value`, or else the first."""
    table = SETTINGS[parameter]
    own = table.get(value) if isinstance(value, str) else None
    fitting = (cls for cls in (own, *table.values()) if cls is not None and getattr(cls, "task", task) == task)
    return next((cls for cls in fitting if setting in cls._get_param_names()), None)


def _is_list(value: Any) -> bool:
    return isinstance(value, (tuple, list))


def _resolve(
    parameter: str, value: Any, table: Mapping[str, Callable[[], Any]], kinds: tuple[type, ...], what: str
) -> Any:
    if isinstance(value, str) and value in table:
        return table[value]()
    if isinstance(value, kinds):
        value.check()  # type: ignore[attr-defined]
        return value
    raise ValueError(f"{parameter} must be {listed(table)}, or {what}; got {value!r}{_hint(parameter, value, table)}.")


def _hint(parameter: str, value: Any, table: Mapping[str, Any]) -> str:
    return hint(parameter, value, table, [kind.__name__ for kind in table.values()])


def resolve_loss(value: Any, task: str) -> Loss:
    """The loss object for `loss`, for one of the tasks "regression" and "classification"."""
    table = {name: cls for name, cls in LOSSES.items() if cls.task == task}
    what = f"a Loss object for {task}"
    if isinstance(value, str) and value in LOSSES and value not in table:
        raise ValueError(f"loss must be {listed(table)}, or {what}; got {value!r}, which is for {LOSSES[value].task}.")
    loss: Loss = _resolve("loss", value, table, (Loss,), what)
    if loss.task != task:
        raise ValueError(f"loss must be a Loss object for {task}; got {value!r}, which is for {loss.task}.")
    return loss


def resolve_solver(value: Any) -> Solver | LBFGS:
    """The solver object for `solver`."""
    return _resolve("solver", value, SOLVERS, (Solver, LBFGS), "a Solver object such as SGD(...)")


def is_stochastic(estimator: Any) -> None:
    """Raise AttributeError unless an estimator's solver works batch by batch, so that it has `partial_fit`."""
    if isinstance(estimator.solver, LBFGS) or estimator.solver == "lbfgs":
        raise AttributeError("partial_fit needs a stochastic solver; got solver='lbfgs', which needs all rows at once.")


def resolve_schedule(value: Any) -> Schedule:
    """The schedule object for `learning_rate`."""
    return _resolve("learning_rate", value, SCHEDULES, (Schedule,), "a Schedule object such as Cosine(warmup=0.1)")


def resolve_activations(value: Any, n_hidden: int) -> tuple[Activation, ...]:
    """One activation for each hidden layer, from a name, an Activation, or a sequence of either."""
    is_one = isinstance(value, (str, Activation))
    given = (value,) if is_one else value
    wrong = [one for one in given if not _is_activation(one)] if _is_list(given) else [value]
    if wrong:
        meant = _hint("activation", wrong[0], ACTIVATIONS)
        raise ValueError(
            f"activation must be {listed(ACTIVATIONS)}, an Activation object such as LeakyReLU(slope=0.2), or a "
            f"sequence of them; got {value!r}{meant}."
        )
    if not is_one and len(given) != n_hidden:
        raise ValueError(
            f"activation must be one or one for each hidden layer; got {len(given)} for {n_hidden} hidden layers."
        )
    found = tuple(ACTIVATIONS[one]() if isinstance(one, str) else one for one in given)
    return found * n_hidden if is_one else found


def _is_activation(value: Any) -> bool:
    return value in ACTIVATIONS if isinstance(value, str) else isinstance(value, Activation)


def resolve_normalization(value: Any) -> Callable[[int], Layer] | None:
    """What makes a normalisation of a given width, or None."""
    if value is None:
        return None
    if isinstance(value, str) and value in NORMALIZATIONS:
        return NORMALIZATIONS[value]
    meant = _hint("normalization", value, NORMALIZATIONS)
    raise ValueError(f"normalization must be None, {listed(NORMALIZATIONS)}; got {value!r}{meant}.")


def resolve_numeric_embedding(value: Any) -> NumericEmbedding | None:
    """The settings object for `numeric_embedding`, or None."""
    if value is None:
        return None
    what = "'auto', None or a NumericEmbedding such as Mixed(width=4)"
    embedding: NumericEmbedding = _resolve("numeric_embedding", value, NUMERIC_EMBEDDINGS, (NumericEmbedding,), what)
    return embedding


def resolve_architecture(value: Any) -> Callable[..., Layer]:
    """What builds the network's layer."""
    if isinstance(value, str) and value in ARCHITECTURES:
        return ARCHITECTURES[value]
    if callable(value):
        return value
    raise ValueError(
        f"architecture must be {listed(ARCHITECTURES)}, or a callable that returns a Layer; got {value!r}"
        f"{hint('architecture', value, ARCHITECTURES)}."
    )
