"""What somebody probably meant by a value that is not allowed: another spelling, another field's word, an object.

Knows the words of other packages for what has a name here; nothing about what the names stand for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["hint"]

# other packages' words, spelt as `_plain` has them
WORDS = {
    "activation": {
        "sigmoid": "logistic", "expit": "logistic", "swish": "silu", "linear": "identity", "none": "identity",
        "rectifier": "relu", "lrelu": "leaky_relu",
    },
    "loss": {
        "mse": "squared_error", "l2": "squared_error", "meansquarederror": "squared_error",
        "mae": "absolute_error", "l1": "absolute_error", "meanabsoluteerror": "absolute_error",
        "smoothl1": "huber", "pinball": "quantile",
        "crossentropy": "log_loss", "categoricalcrossentropy": "log_loss", "binarycrossentropy": "log_loss",
        "sparsecategoricalcrossentropy": "log_loss", "bce": "log_loss", "nll": "log_loss", "deviance": "log_loss",
        "logistic": "log_loss", "softmax": "log_loss", "focalloss": "focal",
    },
    "solver": {"momentum": "sgd", "nesterov": "sgd", "bfgs": "lbfgs", "nadam": "adam", "gd": "sgd"},
    "learning_rate": {
        "cosineannealing": "cosine", "cosinedecay": "cosine", "plateau": "adaptive", "reducelronplateau": "adaptive",
        "reduceonplateau": "adaptive", "1cycle": "one_cycle", "fixed": "constant", "none": "constant",
    },
    "normalization": {"batchnormalization": "batch", "batchnorm1d": "batch", "layernormalization": "layer"},
    "numeric_embedding": {"plr": "periodic", "pbld": "periodic", "ple": "piecewise_linear"},
    "scoring": {
        "auc": "roc_auc", "mse": "neg_mean_squared_error", "rmse": "neg_root_mean_squared_error",
        "mae": "neg_mean_absolute_error", "logloss": "neg_log_loss", "acc": "accuracy",
    },
}  # fmt: skip


def hint(parameter: str, value: Any, names: Iterable[str], class_names: Iterable[str] = ()) -> str:
    """What stands in brackets behind a value that is not allowed; nothing where nothing comes to mind.

    Parameters
    ----------
    parameter : str
        Its name.
    value : object
        What was given.
    names : iterable of str
        Names that are allowed.
    class_names : iterable of str, default=()
        Names of the classes that these stand for, in the same order.

    Examples
    --------
    >>> from sklearn_dl._estimators.hints import hint
    >>> hint("activation", "sigmoid", ["logistic", "relu"]), hint("activation", "ReLu", ["logistic", "relu"])
    (" (did you mean 'logistic'?)", " (did you mean 'relu'?)")
    >>> hint("learning_rate", 0.01, ["cosine"])
    ' (did you mean learning_rate_init=0.01?)'
    """
    names = list(names)
    if isinstance(value, type):
        return f" (did you mean an object, {parameter}={value.__name__}()?)" if hasattr(value, "get_params") else ""
    if parameter == "learning_rate" and _are_numbers(value):
        return f" (did you mean learning_rate_init={value!r}?)"
    if not isinstance(value, str):
        return ""
    known = {_plain(name): name for name in names}
    known |= {_plain(name): meant for name, meant in zip(class_names, names, strict=False)}
    known |= {word: meant for word, meant in WORDS.get(parameter, {}).items() if meant in names}
    near = difflib.get_close_matches(_plain(value), known, n=1, cutoff=0.75)
    return f" (did you mean {known[near[0]]!r}?)" if near else ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _are_numbers(value: Any) -> bool:
    several = (isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1)) and len(value)
    return all(isinstance(v, Real) for v in value) if several else isinstance(value, Real)
