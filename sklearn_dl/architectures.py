"""How layers make a network: the multilayer perceptron and the residual network.

Knows nothing about names, tables or losses; activations and normalisation come in as objects.
"""

from __future__ import annotations

from collections.abc import Callable

from .layers import Activation, Dense, Dropout, Identity, Layer, Residual, Sequential

__all__ = ["ARCHITECTURES", "mlp", "resnet"]

Normalization = Callable[[int], Layer]


def _block(
    n_in: int, n_out: int, gain: float, activation: Activation, dropout: float, normalization: Normalization | None
) -> list[Layer]:
    """Dense, then normalisation, activation and dropout where they are asked for."""
    layers: list[Layer] = [Dense(n_in, n_out, gain)]
    if normalization is not None:
        layers.append(normalization(n_out))
    if not isinstance(activation, Identity):
        layers.append(activation)
    if dropout:
        layers.append(Dropout(dropout))
    return layers


def mlp(
    n_in: int,
    hidden_layer_sizes: tuple[int, ...],
    n_out: int,
    *,
    activations: tuple[Activation, ...],
    dropouts: tuple[float, ...],
    normalization: Normalization | None = None,
) -> Layer:
    """The multilayer perceptron: blocks of Dense, normalisation, activation and dropout, then Dense.

    This is also the signature of a callable given as `architecture`.

    Parameters
    ----------
    n_in : int
        Number of input features.
    hidden_layer_sizes : tuple of int
        Units of each hidden layer.
    n_out : int
        Number of raw outputs.
    activations : tuple of Activation
        One for each hidden layer.
    dropouts : tuple of float
        Dropout rate after each hidden layer.
    normalization : callable or None
        From a width to a layer.

    Returns
    -------
    Layer
        From (n, n_in) to (n, n_out).

    Examples
    --------
    >>> from sklearn_dl.architectures import mlp
    >>> from sklearn_dl.layers import Tanh
    >>> mlp(3, (8,), 1, activations=(Tanh(),), dropouts=(0.0,))
    Sequential(layers=(Dense(n_in=3, n_out=8, gain=1.0), Tanh(), Dense(n_in=8, n_out=1, gain=1.5925)))
    """
    layers: list[Layer] = []
    width, gain = n_in, 1.0
    for n, activation, dropout in zip(hidden_layer_sizes, activations, dropouts, strict=True):
        layers += _block(width, n, gain, activation, dropout, normalization)
        width, gain = n, activation.gain
    return Sequential((*layers, Dense(width, n_out, gain)))


def resnet(
    n_in: int,
    hidden_layer_sizes: tuple[int, ...],
    n_out: int,
    *,
    activations: tuple[Activation, ...],
    dropouts: tuple[float, ...],
    normalization: Normalization | None = None,
) -> Layer:
    """A residual network: Dense into the width of the first hidden layer, x + f(x) for each hidden layer, Dense.

    f is normalisation, Dense, activation, dropout, Dense, as in Gorishniy et al. 2021
    (https://arxiv.org/abs/2106.11959, section 3.2).

    Parameters
    ----------
    n_in : int
        Number of input features.
    hidden_layer_sizes : tuple of int
        Inner width of each block; the first is also the width between the blocks.
    n_out : int
        Number of raw outputs.
    activations : tuple of Activation
        One for each block; the last also comes before the output.
    dropouts : tuple of float
        Dropout rate inside each block.
    normalization : callable or None
        From a width to a layer.

    Returns
    -------
    Layer
        From (n, n_in) to (n, n_out).
    """
    if not hidden_layer_sizes:
        return Sequential((Dense(n_in, n_out),))
    width = hidden_layer_sizes[0]
    layers: list[Layer] = [Dense(n_in, width)]
    for n, activation, dropout in zip(hidden_layer_sizes, activations, dropouts, strict=True):
        inner: list[Layer] = [] if normalization is None else [normalization(width)]
        inner += _block(width, n, 1.0, activation, dropout, None)
        inner.append(Dense(n, width, activation.gain / len(hidden_layer_sizes) ** 0.5))
        layers.append(Residual(Sequential(tuple(inner))))
    if normalization is not None:
        layers.append(normalization(width))
    return Sequential((*layers, activations[-1], Dense(width, n_out, activations[-1].gain)))


ARCHITECTURES: dict[str, Callable[..., Layer]] = {"mlp": mlp, "resnet": resnet}
