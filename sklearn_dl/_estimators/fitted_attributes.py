"""What a fitted estimator tells of itself, how its parameters are set and how it is pickled.

Knows nothing about how it was fitted.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, final

import numpy as np
from sklearn.base import clone

from .._engine import Holder, Network
from .._numerics import Settings
from .._version import __version__
from ..encoding.table_encoder import TableEncoder
from ..heads import Head
from .defaults import EMBEDDING
from .elsewhere import advice, settings_of
from .html import columns_html, network_html, settings_html
from .registry import SETTINGS, class_with

__all__ = ["FittedDL"]


class FittedDL(Holder):
    """The fitted attributes of both estimators; all of them follow from the record `fitted_`."""

    _head: ClassVar[type[Head]]

    def set_params(self, **params: Any) -> Any:
        """Set parameters, those of settings objects as ``solver__momentum``.

        Parameters
        ----------
        **params : dict
            Parameter names and values.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            Where a name is unknown, or where a nested parameter is set on a mere name.
        """
        values = self.get_params(deep=False) | {key: params[key] for key in params if key in self._get_param_names()}
        for key in params:
            name, nested, sub = key.partition("__")
            value = values.get(name)
            if (name in values and not nested) or sub.partition("__")[0] in settings_of(value):
                continue
            own = self._object_for(name, value) if name in SETTINGS and isinstance(value, str) else None
            holder = class_with(name, value, sub, self._head.task) if name in SETTINGS else None
            holder = own if own is not None and sub in own._get_param_names() else holder
            if isinstance(value, str) and holder is not None:
                stands = ", which stands for the same," if holder is own else ""
                raise ValueError(
                    f"{key} cannot be set while {name} is the mere name {value!r}; pass an object such as "
                    f"{name}={holder.__name__}(){stands} to search {name}__..."
                )
            if name in values and name not in SETTINGS:
                raise ValueError(f"{key} cannot be set: {name}={value!r} is not an object with settings.")
            what = advice(key, values, self._head.task)
            raise ValueError(f"Invalid parameter {key!r} for estimator {type(self).__name__}: {what}")
        return super().set_params(**params)

    def _object_for(self, name: str, value: str) -> type[Settings] | type[TableEncoder] | None:
        """The class of settings that a mere name stands for; None where it is no such name."""
        if (name, value) == ("numeric_embedding", "auto"):
            return type(EMBEDDING[self._head.task])
        return SETTINGS[name].get(value)

    @property
    def settings_(self) -> dict[str, Any]:
        """What each parameter that was "auto" became in the last fit; as parameters they give the same fit."""
        return {name: clone(value, safe=False) for name, value in self.fitted_.settings.items()}

    @property
    def network_(self) -> Network:
        """What was learnt."""
        return self.fitted_.network

    @property
    def encoder_(self) -> TableEncoder | None:
        """What happens to X before the network."""
        return self.fitted_.encoder

    @property
    def history_(self) -> list[dict[str, Any]]:
        """One record an epoch; of a stream, the last 1000."""
        return self.fitted_.history

    @property
    def n_outputs_(self) -> int:
        """Number of outputs of the network, before the loss multiplies them."""
        return self.fitted_.head.n_outputs

    @property
    def out_activation_(self) -> str:
        """Name of the inverse link."""
        return self.fitted_.head.link.name

    @property
    def n_iter_(self) -> int:
        """Epochs that the network was trained for, over all calls."""
        return max(1, self.fitted_.state.epoch)

    @property
    def ended_by_(self) -> str | None:
        """What ended the last call of `fit`; None where there was none."""
        return self.fitted_.state.ended_by

    @property
    def n_layers_(self) -> int:
        """Number of layers, input and output included, as scikit-learn's MLP counts them."""
        return 1 + sum(e.kind == "weight" for e in self.network_.entries())

    @property
    def loss_curve_(self) -> list[float]:
        """Training loss of each epoch."""
        return [record["loss"] for record in self.history_]

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """Validation loss of each epoch that was judged (with folds, not all are); None without validation."""
        return self._curve("validation_loss")

    @property
    def validation_scores_(self) -> list[float] | None:
        """Validation score of each epoch that was judged; None without validation or with ``scoring="loss"``."""
        return self._curve("validation_score")

    def _curve(self, name: str) -> list[float] | None:
        curve = [record[name] for record in self.history_ if name in record]
        return curve or None

    @property
    def loss_(self) -> float:
        """Training loss of the last epoch."""
        return self.loss_curve_[-1] if self.history_ else math.nan

    @property
    def best_loss_(self) -> float:
        """Validation loss of the weights that were kept, or the lowest training loss where there was no validation."""
        best = self.fitted_.state.best_loss
        return min(self.loss_curve_, default=math.nan) if best is None else best

    @property
    def best_epoch_(self) -> int | None:
        """The epoch whose weights were kept: that of the best validation; None without validation."""
        return self.fitted_.state.best_epoch

    @property
    def best_validation_score_(self) -> float | None:
        """Validation score of `best_epoch_`; None without validation or with ``scoring="loss"``."""
        return next((r.get("validation_score") for r in self.history_ if r["epoch"] == self.best_epoch_), None)

    def _chain(self) -> list[Any]:
        views, layers = self.network_.views(), self.network_.layer.children
        dense = [views[i] for i, layer in enumerate(layers) if layer.param_shapes()]
        kinds = {type(layer).__name__ for layer in layers if layer.param_shapes() or layer.children}
        if kinds != {"Dense"}:
            raise AttributeError(
                "coefs_ and intercepts_ are defined for a chain of Dense layers; for this network see "
                "network_.entries() and network_.views()."
            )
        return dense

    @property
    def coefs_(self) -> tuple[np.ndarray, ...]:
        """Weights of each layer, as writable views; assigning copies in."""
        return tuple(p.weight for p in self._chain())

    @coefs_.setter
    def coefs_(self, arrays: Sequence[np.ndarray]) -> None:
        _copy_in("coefs_", self.coefs_, arrays)

    @property
    def intercepts_(self) -> tuple[np.ndarray, ...]:
        """Biases of each layer, as writable views; assigning copies in."""
        return tuple(p.bias for p in self._chain())

    @intercepts_.setter
    def intercepts_(self, arrays: Sequence[np.ndarray]) -> None:
        _copy_in("intercepts_", self.intercepts_, arrays)

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """What scikit-learn's HTML shows of a fitted estimator: the network, then the table of attributes."""
        attributes = super()._get_fitted_attr_html(doc_link)
        if self.__sklearn_is_fitted__():  # else asked for a part of a fitted meta-estimator
            names: Any = getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)])
            network = network_html(self.network_, self.history_, self.best_epoch_)
            network += columns_html(self.encoder_, names) + settings_html(self.settings_)
            table = attributes._html_repr
            attributes._html_repr = lambda: network + table()
        return attributes

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        state = {name: value for name, value in state.items() if name != "training_"}  # a fit under way, with all rows
        return {name: _with_pairs(value) for name, value in state.items()} | {"_sklearn_dl_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        version = state.pop("_sklearn_dl_version", "unknown")
        if version != __version__:
            warnings.warn(
                f"this {type(self).__name__} was pickled with sklearn_dl {version} and is read with {__version__}: "
                "it may not work as it did.",
                stacklevel=2,
            )
        super().__setstate__({name: _with_dicts(value) for name, value in state.items()})

    def __sklearn_is_fitted__(self) -> bool:
        return "fitted_" in vars(self)


@final
class Pairs:
    """A dict in a form that every format holds: where keys are text, False becomes True.

    Parameters
    ----------
    keys, values : list
        Of the dict, in order.
    """

    def __init__(self, keys: list[Any], values: list[Any]):
        self.keys, self.values = keys, values


def _with_pairs(value: Any) -> Any:
    """A parameter with `Pairs` for a dict, or for the dicts of a list."""
    if type(value) is list:
        return [_with_pairs(item) for item in value]
    return Pairs(list(value), list(value.values())) if type(value) is dict else value


def _with_dicts(value: Any) -> Any:
    if type(value) is list:
        return [_with_dicts(item) for item in value]
    return dict(zip(value.keys, value.values, strict=True)) if isinstance(value, Pairs) else value


def is_fitted_name(name: str) -> bool:
    """Whether an attribute of this name is what a fit leaves behind."""
    return name.endswith("_") and not name.startswith("_")


def _copy_in(name: str, views: tuple[np.ndarray, ...], arrays: Sequence[np.ndarray]) -> None:
    shapes, given = [v.shape for v in views], [np.shape(a) for a in arrays]
    if shapes != given:
        raise ValueError(f"{name} must be arrays of shapes {shapes}; got {given}.")
    for view, array in zip(views, arrays, strict=True):
        view[...] = array
