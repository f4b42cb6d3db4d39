"""From the parameters and the encoder to the network's layers: embeddings, architecture, ensemble.

Knows nothing about data beyond the number of its columns and whether it is sparse.
"""

from __future__ import annotations

from typing import Any

from .._engine.network import Network
from ..architectures import ensemble
from ..encoding.table_encoder import TableEncoder
from ..layers import Layer, Sequential, TableInput
from ..layers.memory import Views
from .params import Plan

__all__ = ["assemble", "embedding_of", "head_of", "n_embedded"]


def n_embedded(plan: Plan, encoder: TableEncoder | None, n_features: int, *, sparse: bool) -> int:
    """Number of embedded columns, the first ones of what the network sees; the parameters are those of `assemble`."""
    if plan.numeric_embedding is None or sparse:
        return 0
    return n_features if encoder is None else len(encoder.numeric_features_)


def assemble(plan: Plan, encoder: TableEncoder | None, n_features: int, n_out: int, *, sparse: bool) -> Layer:
    """The network's layers.

    Parameters
    ----------
    plan : Plan
        The checked parameters.
    encoder : TableEncoder or None
        What happens to X before the network.
    n_features : int
        Number of columns of X.
    n_out : int
        Number of raw outputs.
    sparse : bool
        Whether X is sparse: numbers are then not embedded, and members begin after the first layer.

    Returns
    -------
    Layer
        From encoded rows to (n, n_out), with members to (n, n_members, n_out).
    """
    front: list[Any] = []
    n_in, n_numbers = n_features, n_embedded(plan, encoder, n_features, sparse=sparse)
    chunks: tuple[int, ...] = (1,) * n_in
    if encoder is not None:
        n_in, chunks = encoder.n_numeric_out, encoder.chunks
        if encoder.cardinalities:
            front.append(TableInput(n_in, encoder.cardinalities, encoder.embedding_size))
            n_in = front[-1].n_out
    if plan.numeric_embedding is not None and n_numbers:
        embedding = plan.numeric_embedding.layer(n_in, n_numbers)
        front.append(embedding)
        n_in, chunks = embedding.n_out, embedding.chunks[:n_numbers] + chunks[n_numbers:]
    body = plan.build(n_in, n_out)
    if plan.n_members > 1:
        body = ensemble(body, plan.n_members, chunks, sparse=sparse)
    return Sequential((*front, body)) if front else body


def embedding_of(network: Network) -> Views:
    """The arrays of the embedding, of a network that has one.

    Parameters
    ----------
    network : Network
        Of the layers that `assemble` gives.

    Returns
    -------
    Views
        Writable.
    """
    return network.views()[len(network.layer.children) - 2]


def head_of(network: Network) -> Views:
    """The arrays of a network's last layer.

    Parameters
    ----------
    network : Network
        Of the layers that `assemble` gives.

    Returns
    -------
    Views
        Writable.
    """
    layer, views = network.layer, network.views()
    while isinstance(layer, Sequential):
        last = len(layer.layers) - 1
        layer, views = layer.layers[last], views[last]
    return views
