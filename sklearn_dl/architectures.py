"""How layers make a network: the multilayer perceptron and the residual network.

Knows nothing about names, tables or losses; activations and normalisation come in as objects.
"""

from __future__ import annotations

from collections.abc import Callable

from .layers import Activation, Dense, Dropout, Identity, Layer, MemberDense, Members, Residual, Sequential

__all__ = ["ARCHITECTURES", "ensemble", "mlp", "resnet"]

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


def ensemble(layer: Layer, n_members: int, chunks: tuple[int, ...], *, sparse: bool = False) -> Layer:
    """An ensemble inside one network: members share all layers but the last, of which each has its own.

    Parameters
    ----------
    layer : Layer
        A `Sequential` whose last layer is Dense, such as `mlp` and `resnet` give.
    n_members : int
        Number of members.
    chunks : tuple of int
        Number of input columns of each feature.
    sparse : bool, default=False
        Whether the input is sparse: the members then begin after the first layer, which must be Dense.

    Returns
    -------
    Layer
        From (n, n_in) to (n, n_members, n_out).

    Raises
    ------
    ValueError
        Where the layers are others.
    """
    layers = layer.children if isinstance(layer, Sequential) else (layer,)
    head, begin = layers[-1], 0
    if not isinstance(head, Dense) or (sparse and not isinstance(layers[0], Dense)):
        raise ValueError(
            "n_members > 1 needs an architecture that is a Sequential and ends with Dense (with sparse X, begins with "
            f"it too); got {layer!r}."
        )
    if sparse and len(layers) > 1:
        first = layers[0]
        assert isinstance(first, Dense)
        begin, chunks = 1, (1,) * first.n_out
    elif sparse:
        raise ValueError("n_members > 1 needs a hidden layer where X is sparse; got hidden_layer_sizes=().")
    members = Members(chunks, n_members)
    return Sequential(
        (*layers[:begin], members, *layers[begin:-1], MemberDense(n_members, head.n_in, head.n_out, head.gain))
    )


ARCHITECTURES: dict[str, Callable[..., Layer]] = {"mlp": mlp, "resnet": resnet}
