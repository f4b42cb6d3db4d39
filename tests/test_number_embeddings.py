"""Embeddings of numbers: what the layers can express, and what they learn from the training columns.

Gradients and the laws of a layer are in `tests.test_layers`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._engine.network import Network, Workspace
from sklearn_dl.architectures import embeddings_of
from sklearn_dl.layers import NumberEmbedding, Ramps, Waves
from sklearn_dl.numeric_embeddings import Mixed, Periodic, PiecewiseLinear

FAST = {"n_members": 2, "hidden_layer_sizes": (8,), "max_iter": 2, "n_folds": 1, "random_state": 0}


def test_ramps_make_any_function_that_is_linear_between_the_edges():
    edges, heights = np.array([-2.0, -1.0, 0.5, 3.0]), np.array([1.0, -4.0, 2.0, 2.5])
    network = Network.build(Ramps(1, 3, 1), 0, np.float64)
    p = network.views()
    p.edge[0], p.slope[0], p.mix[0, :, 0] = edges[:-1], 1 / np.diff(edges), np.diff(heights)
    x = np.linspace(-4, 5, 200)
    y = Workspace(network).forward(x[:, None])[:, 0, 0]
    expected = np.interp(x, edges, heights)  # constant beyond the last edges
    np.testing.assert_allclose(y - y[0], expected - expected[0], atol=1e-12)


def test_an_embedding_is_the_number_and_the_sum_of_its_parts_beside_it():
    waves, ramps = Waves(2, 3, 2, 1.0), Ramps(2, 4, 2)
    network = Network.build(NumberEmbedding(3, 2, 2, (waves, ramps)), 1, np.float64)
    p = network.views()
    x = np.random.default_rng(0).normal(size=(5, 3))
    y = Workspace(network).forward(x)
    t = np.clip((x[:, :2, None] - p[1].edge) * p[1].slope - 0.5, -0.5, 0.5)
    both = np.einsum("ndf,dfw->ndw", np.cos(x[:, :2, None] * p[0].frequency + p[0].phase), p[0].mix)
    both += np.einsum("ndb,dbw->ndw", t, p[1].mix) + p.shift
    expected = [x[:, 0], *both[:, 0].T, x[:, 1], *both[:, 1].T, x[:, 2]]
    np.testing.assert_allclose(y, np.column_stack(expected), atol=1e-12)


def ramps_of(model):
    """The edges and slopes of a fitted model's ramps."""
    (p,) = embeddings_of(model.network_)
    return next((q.edge, q.slope) for q in p if "edge" in vars(q))


@pytest.mark.parametrize("embedding", [PiecewiseLinear(4, 2), Mixed(n_bins=4)], ids=repr)
def test_edges_are_quantiles_of_the_encoded_training_columns(embedding):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=400) ** 3, "kind": rng.choice(list("xyz"), 400), "b": rng.random(400)})
    X.loc[:20, "b"] = np.nan
    model = DLRegressor(numeric_embedding=embedding, dtype="float64", **FAST).fit(X, rng.normal(size=400))
    edge, slope = ramps_of(model)
    encoded = model.encoder_.transform(X)
    for j in range(2):
        edges = np.quantile(np.asarray(encoded)[:, j], [0, 0.25, 0.5, 0.75], method="averaged_inverted_cdf")
        np.testing.assert_allclose(edge[j], edges, atol=1e-9)
    np.testing.assert_allclose(slope[:, :-1], 1 / np.diff(edge, axis=1))
    before = edge.copy()
    model.partial_fit(X.iloc[:50], np.zeros(50))
    np.testing.assert_array_equal(ramps_of(model)[0], before)


def test_edges_count_rows_by_their_weight():
    rng = np.random.default_rng(0)
    X, y, weight = rng.normal(size=(60, 2)), rng.normal(size=60), rng.integers(1, 4, 60)
    params = FAST | {"numeric_embedding": PiecewiseLinear(5), "dtype": "float64", "dropout": 0.0}
    weighted = DLRegressor(**params).fit(X, y, sample_weight=weight)
    repeated = DLRegressor(**params).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(ramps_of(weighted)[0], ramps_of(repeated)[0], atol=1e-12)


def test_equal_values_make_fewer_pieces_and_no_infinite_slope():
    X = np.zeros((300, 3))
    X[:40, 0] = np.arange(40)  # most quantiles are equal
    X[:, 1] = np.arange(300) % 2
    model = DLClassifier(numeric_embedding=PiecewiseLinear(16), encoder=None, **FAST).fit(X, X[:, 1])
    edge, slope = ramps_of(model)
    assert np.isfinite(edge).all()
    assert np.isfinite(slope).all()
    assert (slope > 0).sum(axis=1).tolist() == [3, 2, 0]  # of 16; the median of a column of halves lies between
    assert np.isfinite(model.predict_proba(X + 1e30)).all()


def test_a_threshold_is_learnt_from_few_epochs():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = np.where(np.sin(25 * X[:, 0]) > 0, 1.0, -1.0)  # many thresholds
    scores = {}
    for embedding in (None, "piecewise_linear"):
        params = {"n_members": 2, "numeric_embedding": embedding, "max_iter": 60, "n_folds": 1, "random_state": 0}
        scores[embedding] = DLRegressor(**params).fit(X, y).score(X, y)
    assert scores["piecewise_linear"] > scores[None] + 0.05


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (PiecewiseLinear(n_bins=0), r"PiecewiseLinear: n_bins must be an int >= 1; got 0\."),
        (PiecewiseLinear(width=1.5), r"PiecewiseLinear: width must be an int >= 1; got 1\.5\."),
        (Mixed(n_bins="many"), r"Mixed: n_bins must be an int >= 1; got 'many'\."),
        (Mixed(scale=0), r"Mixed: scale must be a finite number > 0; got 0\."),
        (Periodic(scale=-1.0), r"Periodic: scale must be a finite number > 0; got -1\.0\."),
    ],
    ids=repr,
)
def test_settings_out_of_range_are_told(embedding, message):
    with pytest.raises(ValueError, match=message):
        DLRegressor(numeric_embedding=embedding).fit(np.eye(30), np.arange(30.0))
