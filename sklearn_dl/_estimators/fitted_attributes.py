"""What a fitted estimator tells of itself, how its parameters are set and how it is pickled.

Knows nothing about how it was fitted.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._engine import Holder, Network
from .._version import __version__
from ..encoding.table_encoder import TableEncoder
from .html import network_html
from .registry import SETTINGS

__all__ = ["FittedDL"]


class FittedDL(Holder):
    """The fitted attributes of both estimators; all of them follow from the record `fitted_`."""

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
        for key in params:
            name, nested, sub = key.partition("__")
            value = params.get(name, getattr(self, name, None))
            if nested and name in SETTINGS and isinstance(value, str):
                own, others = SETTINGS[name].get(value), SETTINGS[name].values()
                fitting = [cls for cls in (own, *others) if cls is not None and sub in cls._get_param_names()]
                instead = fitting[0] if fitting else own or next(iter(others))
                raise ValueError(
                    f"{key} cannot be set while {name} is the mere name {value!r}; pass an object such as "
                    f"{name}={instead.__name__}() to search {name}__..."
                )
            if nested and name in self._get_param_names() and not hasattr(value, "set_params"):
                raise ValueError(f"{key} cannot be set: {name}={value!r} is not an object with settings.")
        return super().set_params(**params)

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
        """One record an epoch."""
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
        """Validation loss of each epoch; None without validation."""
        return self._curve("validation_loss")

    @property
    def validation_scores_(self) -> list[float] | None:
        """Validation score of each epoch; None without validation or with ``scoring="loss"``."""
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
            network, table = network_html(self.network_, self.history_, self.best_epoch_), attributes._html_repr
            attributes._html_repr = lambda: network + table()
        return attributes

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        state = {name: value for name, value in state.items() if name != "training_"}  # a fit under way, with all rows
        return state | {"_sklearn_dl_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        version = state.pop("_sklearn_dl_version", "unknown")
        if version != __version__:
            warnings.warn(
                f"this {type(self).__name__} was pickled with sklearn_dl {version} and is read with {__version__}: "
                "it may not work as it did.",
                stacklevel=2,
            )
        super().__setstate__(state)

    def __sklearn_is_fitted__(self) -> bool:
        return "fitted_" in vars(self)


def is_fitted_name(name: str) -> bool:
    """Whether an attribute of this name is what a fit leaves behind."""
    return name.endswith("_") and not name.startswith("_")


def _copy_in(name: str, views: tuple[np.ndarray, ...], arrays: Sequence[np.ndarray]) -> None:
    shapes, given = [v.shape for v in views], [np.shape(a) for a in arrays]
    if shapes != given:
        raise ValueError(f"{name} must be arrays of shapes {shapes}; got {given}.")
    for view, array in zip(views, arrays, strict=True):
        view[...] = array
