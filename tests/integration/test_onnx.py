"""ONNX graphs beside the estimators, run by onnxruntime: each activation, loss, kind of target and kind of column."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from inspect import isabstract
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_dl.layers
from sklearn_dl import DLClassifier, DLRegressor
from sklearn_dl._estimators.registry import ACTIVATIONS, LOSSES
from sklearn_dl.convert import to_sklearn
from sklearn_dl.encoding import TableEncoder
from sklearn_dl.encoding.categories import Categories
from sklearn_dl.layers import Dense, Layer, Sequential
from sklearn_dl.losses import Link, Loss, Quantile
from sklearn_dl.onnx import MISSING_TEXT, link, node, onnx_inputs, register_converters, to_onnx
from sklearn_dl.onnx.layers import NODES
from sklearn_dl.onnx.outputs import LINKS
from sklearn_dl.onnx.tables import FORMS, form

N = 120
RNG = np.random.default_rng(0)
X = (RNG.standard_normal((N, 4)) * [1, 10, 100, 1]).astype(np.float32)
Y = np.column_stack((X[:, 0] + X[:, 1], X[:, 0] * X[:, 3])).astype(np.float64)
TWO, THREE = (Y[:, 0] > 0).astype(int), np.digitize(Y[:, 0], [-5, 5])
TABLE = pd.DataFrame(
    {
        "area": (50 + 20 * RNG.standard_normal(N)).astype(np.float32),
        "year (built)": np.where(RNG.random(N) < 0.2, np.nan, RNG.integers(1900, 2025, N)).astype(np.float32),
        "always 7": np.full(N, 7, np.float32),
        "lift": RNG.random(N) < 0.5,
        "heating": RNG.choice(["gas", "oil", "pump", None], N),
        "floor": RNG.integers(0, 4, N),
        "zone": np.where(RNG.random(N) < 0.2, np.nan, RNG.integers(0, 12, N)),
        "street": RNG.choice([f"street {i}" for i in range(12)] + [None], N),
        "garden": RNG.choice(["yes", "no"], N),
    }
)
RENT = TABLE["area"].to_numpy() + 3 * TABLE["floor"].to_numpy()
IS_TEXT = {name: name in ("heating", "street", "garden") for name in TABLE}
CATEGORIES = ["heating", "floor", "zone", "street", "garden"]


def numbers(**parameters: Any) -> DLRegressor:
    return DLRegressor(**{"max_iter": 3, "random_state": 0, "hidden_layer_sizes": (12, 9)} | parameters)


def classes(**parameters: Any) -> DLClassifier:
    return DLClassifier(**{"max_iter": 3, "random_state": 0, "hidden_layer_sizes": (12, 9)} | parameters)


def session_of(graph: Any) -> onnxruntime.InferenceSession:
    onnx.checker.check_model(graph)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(graph: Any, X: Any) -> dict[str, Any]:
    session = session_of(graph)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, onnx_inputs(session, X)), strict=True))


def distance(results: dict[str, Any], model: Any, X: Any) -> float:
    """The largest difference of probabilities, or of numbers in units of the largest one; labels must be the same."""
    predicted = model.predict(X)
    if "variable" in results:
        variable = results["variable"].reshape(predicted.shape)
        return float(abs(variable - predicted).max() / abs(predicted).max())
    np.testing.assert_array_equal(results["label"], predicted)
    pairs = (results["probabilities"], model.predict_proba(X))
    pairs = zip(*pairs, strict=True) if isinstance(pairs[1], list) else [pairs]
    return max(float(abs(a - b).max()) for a, b in pairs)


def agrees(model: Any, X: Any, limit: float = 1e-5) -> bool:
    return distance(run(to_onnx(model, X), X), model, X) < limit


# ---------------------------------------------------------------- layers


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_in_both_tasks(activation):
    for model, y in ((numbers(activation=activation), Y[:, 0]), (classes(activation=activation), THREE)):
        assert agrees(model.fit(X, y), X)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_double_precision_agrees_to_rounding(activation):
    model = numbers(activation=activation).fit(X.astype(float), Y)
    assert agrees(model, X.astype(float), 1e-7 if activation == "gelu" else 1e-12)  # erf is there in single only
    results = run(to_onnx(model, X.astype(float)), X.astype(float))
    assert results["variable"].dtype == np.float64


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("architecture", ["mlp", "resnet"])
def test_every_architecture(architecture, normalization):
    for dtype in ("float32", "float64"):
        model = numbers(architecture=architecture, normalization=normalization, dropout=0.2, dtype=dtype)
        assert agrees(model.fit(X, Y), X)


@pytest.mark.parametrize("opset", [13, 15, 18, 21])
def test_older_versions_of_onnx(opset):
    model = classes(architecture="resnet", normalization="layer").fit(TABLE, TWO)
    assert distance(run(to_onnx(model, TABLE, target_opset=opset), TABLE), model, TABLE) < 1e-5


MEMBERS = {"n_members": 3, "n_folds": 1, "activation": "silu"}


@pytest.mark.parametrize("embedding", [None, "periodic", "mixed"])
@pytest.mark.parametrize("architecture", ["mlp", "resnet"])
def test_members_and_embeddings_of_numbers(embedding, architecture):
    settings = {**MEMBERS, "numeric_embedding": embedding, "architecture": architecture}
    for loss in ("squared_error", "poisson", Quantile((0.1, 0.5, 0.9))):
        for y in (abs(Y), abs(Y[:, 0])):
            model = numbers(loss=loss, normalization="layer", **settings).fit(X, y)
            results = run(to_onnx(model, X), X)
            assert distance(results, model, X) < 1e-5
            if "quantiles" in results:
                quantiles = model.predict_quantiles(X)
                assert abs(results["quantiles"] - quantiles).max() < 1e-5 * abs(quantiles).max()
    for name in ("two", "text as objects", "three labels", "two targets"):
        assert agrees(classes(normalization="batch", **settings).fit(X, TARGETS[name]), X)
    table = TABLE.drop(columns=["lift", "floor", "zone"])
    assert agrees(classes(**settings).fit(table, THREE), table)


def test_defaults():
    big, y = np.tile(X, (3, 1)), np.tile(Y, (3, 1))
    for model in (DLRegressor(random_state=0).fit(big, y), DLClassifier(random_state=0).fit(big, y[:, 0] > 0)):
        assert agrees(model, big)


@pytest.mark.parametrize("dtype", [object, float, "str"])
def test_a_column_that_held_nothing_at_fit_takes_whatever_comes(dtype):
    table = TABLE[["area", "heating"]].assign(note=pd.Series([None] * N, dtype=dtype))
    model = numbers().fit(table, Y)
    later = [table, table.assign(note="text"), table.assign(note=RNG.choice(["a", None], N))]
    for X in [*later, table.assign(note=5.0)]:
        assert agrees(model, X)


def test_members_of_a_sparse_table():
    from scipy import sparse

    for encoder in ("auto", TableEncoder(max_dense=0)):  # as a dense table, as a wide sparse one
        model = numbers(**MEMBERS, encoder=encoder).fit(sparse.csr_array(np.where(X > 0.5, X, 0)), Y)
        assert agrees(model, np.where(X > 0.5, X, 0))


def test_columns_of_two_values():
    """They come after the other numbers, wherever they stand in the table."""
    flags = np.column_stack((X[:, 1] > 0, X[:, 0], X[:, 2] > 50, X[:, 3])).astype(np.float32)
    assert agrees(numbers(numeric_embedding="periodic").fit(flags, Y), flags)
    frame = pd.DataFrame(flags, columns=list("abcd")).assign(e=np.where(RNG.random(N) < 0.2, np.nan, flags[:, 0]))
    assert agrees(numbers(numeric_embedding="periodic").fit(frame, Y), frame)


def test_no_hidden_layer_and_no_encoder():
    assert agrees(numbers(hidden_layer_sizes=()).fit(X, Y), X)
    assert agrees(numbers(encoder=None).fit(X / 100, Y), X / 100)
    assert agrees(classes(encoder=None, dtype="float32").fit(X / 100, TWO), X / 100)


def test_every_layer_of_the_package_has_a_form():
    named = [getattr(sklearn_dl.layers, name) for name in sklearn_dl.layers.__all__]
    ours = {cls for cls in named if isinstance(cls, type) and issubclass(cls, Layer) and not isabstract(cls)}
    assert len(ours) > 15
    assert ours <= set(NODES)


# ---------------------------------------------------------------- losses and targets


@pytest.mark.parametrize("loss", [name for name, cls in LOSSES.items() if cls.task == "regression"])
def test_every_regression_loss(loss):
    for y in (abs(Y[:, 0]) + 1, 1e4 * abs(Y) + 1):
        assert agrees(numbers(loss=loss).fit(X, y), X)


@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.5, 0.9), (0.1, 0.3, 0.6, 0.9)])
def test_quantiles(levels):
    for y in (Y[:, 0], Y):
        model = numbers(loss=Quantile(levels)).fit(X, y)
        results = run(to_onnx(model, X), X)
        assert distance(results, model, X) < 1e-5
        quantiles = model.predict_quantiles(X)
        assert results["quantiles"].shape == quantiles.shape
        assert abs(results["quantiles"] - quantiles).max() < 1e-5 * abs(quantiles).max()


TARGETS = {
    "two": TWO,
    "three": THREE,
    "booleans": TWO.astype(bool),
    "floats": THREE.astype(float),
    "gaps and negatives": np.array([-7, 0, 40])[THREE],
    "text": np.array(["no", "yes"])[TWO],
    "text as objects": np.array(["a", "ä", ""], object)[THREE],
    "labels": (Y > 0).astype(int),
    "three labels": np.column_stack((Y > 0, THREE > 1)).astype(int),
    "two targets": np.column_stack((TWO, THREE)),
    "two targets of text": np.column_stack((np.array(["a", "b"])[TWO], np.array(["x", "y", "z"])[THREE])),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("loss", ["log_loss", "focal"])
def test_every_kind_of_classes(name, loss):
    model = classes(loss=loss).fit(X, TARGETS[name])
    results = run(to_onnx(model, X), X)
    assert distance(results, model, X) < 1e-5
    text = TARGETS[name].dtype.kind in "UO"
    assert results["label"].dtype == (object if text else np.int64)


def test_halves_as_labels_are_refused():
    model = classes().fit(X, TWO)
    model.fitted_.head.target.levels[0] = np.array([0.0, 0.5])
    with pytest.raises(ValueError, match="labels that are whole numbers or text"):
        to_onnx(model, X)


def test_options_of_skl2onnx():
    register_converters()
    model = classes().fit(X, np.array(["low", "mid", "high"])[THREE])
    types = [("X", FloatTensorType([None, 4]))]
    proba = model.predict_proba(X)
    maps = run(convert_sklearn(model, initial_types=types), X)["output_probability"]
    assert (
        max(
            abs(row[c] - p)
            for row, ps in zip(maps, proba, strict=True)
            for c, p in zip(model.classes_, ps, strict=True)
        )
        < 1e-5
    )
    columns = run(convert_sklearn(model, initial_types=types, options={id(model): {"zipmap": "columns"}}), X)
    assert abs(columns["shigh"].ravel() - proba[:, 0]).max() < 1e-5
    options = {id(model): {"zipmap": False, "output_class_labels": True}}
    assert run(convert_sklearn(model, initial_types=types, options=options), X)["class_labels"].tolist() == [
        "high",
        "low",
        "mid",
    ]
    options = {id(model): {"zipmap": False, "nocl": True}}
    assert set(run(convert_sklearn(model, initial_types=types, options=options), X)["label"]) <= {0, 1, 2}


# ---------------------------------------------------------------- tables


def new_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with all that may come later: new levels, gaps where there were none, outliers, another constant."""
    new = table.head(30).copy()
    new["street"] = ["a new street", None, "street 1"] * 10
    new["heating"] = ["coal", None, "gas"] * 10
    new["zone"] = [99.0, np.nan, 1.5] * 10
    new["area"] = np.array([np.nan, 1e30, -1e30] * 10, np.float32)
    new["always 7"] = np.array([7, 8, np.nan] * 10, np.float32)
    return new


@pytest.mark.parametrize("scaling", ["robust", "standard"])
@pytest.mark.parametrize("max_one_hot", [0, 8, 99])
def test_a_table_with_everything(scaling, max_one_hot):
    encoder = TableEncoder(categorical_features=CATEGORIES, scaling=scaling, max_one_hot=max_one_hot, embedding_size=3)
    for model, y in ((numbers(encoder=encoder), RENT), (classes(encoder=encoder), RENT > 50)):
        model.fit(TABLE, y)
        single = [(name, (StringTensorType if text else FloatTensorType)([None, 1])) for name, text in IS_TEXT.items()]
        graph = to_onnx(model, TABLE)  # in double precision, for the sake of the whole numbers
        in_single = convert_sklearn(model, initial_types=single, options={DLClassifier: {"zipmap": False}})
        for table in (TABLE, new_rows(TABLE)):
            assert distance(run(graph, table), model, table) < 1e-12
            assert 0 < distance(run(in_single, table), model, table) < 1e-5


def test_dataframes_of_polars():
    table = pl.from_pandas(TABLE.drop(columns="zone"))
    model = numbers().fit(table, RENT)
    assert agrees(model, table)
    assert agrees(model, table.with_columns(pl.col("street").cast(pl.Categorical)))
    assert agrees(model, table.to_arrow())


def test_dates_are_refused_by_name():
    table = TABLE.assign(built=pd.date_range("2020-01-01", periods=N, freq="D"))
    with pytest.raises(NotImplementedError, match="column 'built' of X is encoded by Dates, which has no ONNX form"):
        to_onnx(numbers().fit(table, RENT), table)
    levels = table.assign(built=pd.Categorical(pd.to_datetime(["2020-01-01", "2020-06-01"] * (N // 2))))
    with pytest.raises(ValueError, match="column 'built' holds dates as categories, which ONNX has not; make it text"):
        to_onnx(numbers().fit(levels, RENT), levels)


def test_rare_levels_and_weights():
    street = np.where(np.arange(N) < 3, "rare", TABLE["street"].fillna("none"))
    table = TABLE.assign(street=street)
    model = classes(encoder=TableEncoder(min_frequency=8)).fit(table, TWO, sample_weight=RNG.uniform(0.5, 2, N))
    assert agrees(model, table)


def test_a_table_of_categories_only():
    for max_one_hot in (0, 99):
        model = numbers(encoder=TableEncoder(max_one_hot=max_one_hot)).fit(TABLE[["street", "garden"]], RENT)
        assert agrees(model, TABLE[["street", "garden"]])


def test_columns_that_hold_nothing():
    table = TABLE[["area", "garden"]].assign(void=pd.Series([None] * N, dtype="category"), numb=np.float32("nan"))
    model = numbers(encoder=TableEncoder(categorical_features=["garden", "void"])).fit(table, RENT)
    assert agrees(model, table)


TEXTS = {
    "missing": ["a", "b", None],
    "empty": ["", "a", "b"],
    "empty and missing": ["", "a", "b", None],
    "words for missing": ["nan", "None", "", "missing", None],
    "white space": [" ", "a ", "a", None],
    "zeros inside": ["a\0", "a", "\0"],
    "other scripts": ["ä", "日本", "😀", None],
}


@pytest.mark.parametrize("max_one_hot", [0, 8])
@pytest.mark.parametrize("name", TEXTS)
def test_missing_text_is_none_of_the_texts(name, max_one_hot):
    """Later rows hold everything that training had not, and what it had not must count as unseen, missing or not."""
    text = np.array(TEXTS[name], dtype=object)[np.arange(N) % len(TEXTS[name])]
    table = pd.DataFrame({"k": text, "area": TABLE["area"]})
    y = np.arange(N) % len(TEXTS[name]) * 10.0
    model = numbers(encoder=TableEncoder(max_one_hot=max_one_hot), max_iter=10).fit(table, y)
    graph = to_onnx(model, table)
    later = pd.DataFrame({"k": ["", None, "new", "a", " ", "nan"], "area": 50.0})
    for rows in (table, later, pl.from_pandas(later)):
        assert distance(run(graph, rows), model, rows) < 1e-5


def test_the_text_for_missing_is_refused_as_a_level():
    table = pd.DataFrame({"k": ["a", MISSING_TEXT] * 30})
    with pytest.raises(ValueError, match=r"^column 'k' has the level .* stands for missing text"):
        to_onnx(numbers().fit(table, np.arange(60.0)), table)
    fine = pd.DataFrame({"k": ["a", None] * 30})
    session = session_of(to_onnx(numbers().fit(fine, np.arange(60.0)), fine))
    with pytest.raises(ValueError, match=r"^column 'k' of X holds the text .* stands for missing text"):
        onnx_inputs(session, table)
    broken = pd.DataFrame({"k": pd.Series(["a", "\ud800"] * 30, dtype=object)})
    with pytest.raises(ValueError, match=r"^column 'k' has the level .* no valid text \(surrogates not allowed\)"):
        to_onnx(numbers().fit(broken, np.arange(60.0)), broken)


def test_levels_that_the_precision_does_not_tell_apart_are_refused():
    """They were added up, and a row became another level."""
    register_converters()
    for levels, kind in (
        ([2**53, 2**53 + 1], DoubleTensorType),
        ([2**53], DoubleTensorType),
        ([0.1, 0.2], FloatTensorType),
    ):
        table = pd.DataFrame({"id": np.array(levels)[np.arange(60) % len(levels)]})
        model = numbers(encoder=TableEncoder(categorical_features=["id"])).fit(table, np.arange(60.0))
        with pytest.raises(ValueError, match=r"^column 'id' has .* precision"):
            convert_sklearn(model, initial_types=[("id", kind([None, 1]))])


@pytest.mark.parametrize("size", [1e-300, 1e-150, 1e-46, 1e150, 1e300])
def test_tables_and_targets_of_any_size(size):
    """onnxruntime left out a sum with a lone number that is 0 in single precision."""
    for width, y in ((1, Y[:, 0] + 10), (1, Y), (2, Y[:, 0] + 10), (1, np.full(N, 3.0))):
        table = size * (X[:, :width].astype(np.float64) + 5)
        assert agrees(numbers(encoder=TableEncoder(scaling="standard")).fit(table, y), table)
        if size < 1e300 or y.ndim == 1:
            model = numbers().fit(table, size * y)
            assert agrees(model, table)
            with pytest.raises(ValueError, match=r"^y is of the size of .* single precision does not hold"):
                to_onnx(model, X[:, :width])


def test_a_target_of_zeros_has_no_size():
    for table in (X, X.astype(np.float64)):
        found = run(to_onnx(numbers().fit(table, np.zeros(N)), table), table)["variable"]
        np.testing.assert_allclose(found, 0, atol=1e-30)


def test_numbers_are_centred_in_the_precision_they_come_in():
    stamps = (1.7e9 + RNG.uniform(0, 1000, (N, 2))).astype(np.float64)
    model = numbers(dtype="float32").fit(stamps, stamps[:, 0] - 1.7e9)
    assert agrees(model, stamps)


@pytest.mark.parametrize(
    ("kind", "dtype"), [("csr_array", np.float64), ("csc_matrix", np.float32), ("coo_array", np.int64)]
)
def test_sparse_tables_become_dense_inputs(kind, dtype):
    dense = np.where(X > 0.5, X, 0).astype(dtype)
    table = getattr(sparse, kind)(dense)
    for fitted_on, members in ((table, {}), (table, MEMBERS), (dense, {})):
        model = numbers(**members).fit(fitted_on, Y)
        for example in (table, dense):
            graph = to_onnx(model, example)
            assert distance(run(graph, table), model, table) < 1e-5
            assert distance(run(graph, dense), model, dense) < 1e-5


def test_arrays_of_every_kind():
    arrays = {"list": X.tolist(), "object": X.astype(object), "float16": (X / 100).astype(np.float16)}
    arrays |= {"other byte order": X.astype(">f8"), "whole": X.astype(np.int32), "bool": X > 0}
    for name, table in arrays.items():
        assert agrees(numbers().fit(table, Y), table), name
    hidden = np.ma.masked_array(X, X > 1)
    session = session_of(to_onnx(numbers().fit(X, Y), X))
    np.testing.assert_array_equal(onnx_inputs(session, hidden)["X"], np.where(X > 1, np.nan, X))
    for wrong in (X[0], 3.0, None, X[None]):
        for function in (lambda table: to_onnx(numbers().fit(X, Y), table), lambda table: onnx_inputs(session, table)):
            with pytest.raises(ValueError, match=r"X must be a table of shape \(n, n_features\)"):
                function(wrong)
    with pytest.raises(ValueError, match="column 0 of X must hold numbers"):
        onnx_inputs(session, np.array([["a"] * 4], dtype=object))


def test_columns_are_found_by_their_names():
    """skl2onnx changes names that are empty, not plain words, or those of outputs; what counts is the table's."""
    names = ["a b", "variable", "", "x2", "größe/m²"]
    table = pd.DataFrame(np.column_stack((X, X[:, 0] ** 2)), columns=names)
    model = numbers().fit(table, Y)
    turned = table[names[::-1]]
    for example in (table, turned):
        graph = to_onnx(model, example)
        for rows in (table, turned, pl.from_pandas(turned)):
            assert distance(run(graph, rows), model, table) < 1e-5
    assert distance(run(graph, table.to_numpy()), model, table) < 1e-5
    for rows in (table.rename(columns={"x2": "x3"}), table.assign(more=1.0).drop(columns="x2")):
        with pytest.raises(ValueError, match="X must have the columns that the graph was made for; it has no 'x2'"):
            run(graph, rows)
        with pytest.raises(ValueError, match="X must have the columns of fit; it has no 'x2'"):
            to_onnx(model, rows)


def test_inputs_by_hand():
    """One input for all, one a column, in another order by their names, with whole numbers."""
    register_converters()
    table = TABLE[["area", "floor", "street"]]
    model = numbers().fit(table, RENT)
    kinds = {"area": FloatTensorType, "floor": Int64TensorType, "street": StringTensorType}
    for order in (["area", "floor", "street"], ["street", "area", "floor"]):
        types = [(name, kinds[name]([None, 1])) for name in order]
        results = run(convert_sklearn(model, initial_types=types), table[order])
        assert distance(results, model, table) < 1e-5
    plain = numbers().fit(table[["area", "floor"]], RENT)
    for types in (
        [("X", DoubleTensorType([None, 2]))],
        [("a", FloatTensorType([None, 1])), ("b", DoubleTensorType([None, 1]))],
    ):
        assert (
            distance(
                run(convert_sklearn(plain, initial_types=types), table[["area", "floor"]]),
                plain,
                table[["area", "floor"]],
            )
            < 1e-5
        )


def test_wrong_inputs_are_told():
    register_converters()
    model = numbers(encoder=TableEncoder(categorical_features=["street", "floor"])).fit(
        TABLE[["area", "floor", "street"]], RENT
    )
    for kinds, message in (
        ((StringTensorType, Int64TensorType, StringTensorType), "column 'area' held numbers at fit; its input is text"),
        (
            (FloatTensorType, StringTensorType, StringTensorType),
            "column 'floor' held numbers at fit; its input is text",
        ),
        ((FloatTensorType, Int64TensorType, FloatTensorType), "column 'street' held text at fit; its input is numbers"),
    ):
        types = [(name, kind([None, 1])) for name, kind in zip(("area", "floor", "street"), kinds, strict=True)]
        with pytest.raises(ValueError, match=message):
            convert_sklearn(model, initial_types=types)
    with pytest.raises(ValueError, match="must have 3 columns"):
        convert_sklearn(model, initial_types=[("X", FloatTensorType([None, 2]))])
    bytes_ = pd.DataFrame({"b": [b"x", b"y"] * 20})
    with pytest.raises(ValueError, match="column 'b' holds bytes"):
        to_onnx(numbers().fit(bytes_, np.arange(40.0)), bytes_)


def test_wrong_tables_are_told():
    table = TABLE[["area", "floor"]]
    register_converters()
    types = [("area", FloatTensorType([None, 1])), ("floor", Int64TensorType([None, 1]))]
    session = session_of(convert_sklearn(numbers().fit(table, RENT), initial_types=types))
    with pytest.raises(ValueError, match="must have 2 columns, as the graph's inputs together; it has 3"):
        onnx_inputs(session, TABLE[["area", "floor", "street"]])
    with pytest.raises(ValueError, match="must have 2 columns"):
        onnx_inputs(session, X[:, :1])
    for floor, message in ((np.nan, "missing numbers"), (1.5, r"1\.5"), (1e300, r"1e\+300")):
        with pytest.raises(ValueError, match=f"'floor' of X has {message}, but its input .* made for whole numbers"):
            onnx_inputs(session, table.assign(floor=floor))
    with pytest.raises(ValueError, match="'area' of X holds text"):
        onnx_inputs(session, TABLE[["street", "floor"]].rename(columns={"street": "area"}))
    street = TABLE[["street"]]
    session = session_of(to_onnx(numbers().fit(street, RENT), street))
    with pytest.raises(ValueError, match="'street' of X holds numbers, but its input is text"):
        onnx_inputs(session, street.assign(street=7))


def test_other_packages_errors_are_ours():
    model = numbers().fit(X, Y[:, 0])
    for opset in (1, 12, 99, "latest", 13.0, {"": 9}):
        with pytest.raises(ValueError, match=r"^target_opset must be None or from 13 to \d+; got "):
            to_onnx(model, X, target_opset=opset)
    assert to_onnx(model, X, target_opset={"": 15}).opset_import[0].version <= 15
    with pytest.raises(NotImplementedError, match="skl2onnx has no converter for TransformedTargetRegressor"):
        to_onnx(TransformedTargetRegressor(numbers()).fit(X, Y[:, 0]), X)
    session = session_of(to_onnx(model, X))
    for wrong, message in (
        (X.astype(complex), "X must hold numbers or text; got an array of complex128"),
        (np.zeros((2, 4), "M8[s]"), r"X must hold numbers or text; got an array of datetime64\[s\]"),
        ([[1.0] * 4, [2.0]], "all rows of one length"),
    ):
        with pytest.raises(ValueError, match=message):
            onnx_inputs(session, wrong)


def test_before_fit():
    for model in (numbers(), make_pipeline(StandardScaler(), classes())):
        with pytest.raises(NotFittedError):
            to_onnx(model, X)


# ---------------------------------------------------------------- inside scikit-learn


class Case(NamedTuple):
    name: str
    model: Any
    y: Any


CHOICE = {"dlclassifier__alpha": [0.0, 1.0]}
PARTS = ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", TableEncoder(), [2, 3])])
CASES = [
    Case("scaler", make_pipeline(StandardScaler(), numbers(encoder=None)), Y),
    Case("scaler and encoder", make_pipeline(StandardScaler(), classes()), THREE),
    Case("encoder for ridge", make_pipeline(TableEncoder(), Ridge()), Y[:, 0]),
    Case("some columns", make_pipeline(PARTS, numbers()), Y[:, 0]),
    Case("search", GridSearchCV(numbers(), {"alpha": [0.0, 1.0]}, cv=2), Y[:, 0]),
    Case("search over a pipeline", GridSearchCV(make_pipeline(StandardScaler(), classes()), CHOICE, cv=2), TWO),
    Case("bagging", BaggingRegressor(numbers(), n_estimators=2, random_state=0), Y[:, 0]),
    Case("calibrated", CalibratedClassifierCV(classes(), cv=2), TWO),
    Case("stacking", StackingClassifier([("a", classes()), ("b", classes(activation="tanh"))], cv=2), TWO),
]


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_inside_scikit_learn(case):
    assert agrees(case.model.fit(X, case.y), X)


def test_the_encoder_and_what_to_sklearn_made():
    encoder = TableEncoder(categorical_features=CATEGORIES).fit(TABLE)
    encoded = run(to_onnx(encoder, TABLE), new_rows(TABLE))["variable"]
    np.testing.assert_allclose(encoded, encoder.transform(new_rows(TABLE)), rtol=0, atol=1e-5)
    for max_one_hot in (0, 99):
        encoder = TableEncoder(categorical_features=CATEGORIES, max_one_hot=max_one_hot)
        assert agrees(to_sklearn(classes(encoder=encoder, n_members=1).fit(TABLE, TWO)), TABLE)


# ---------------------------------------------------------------- parts of one's own


@dataclass(frozen=True)
class Sine(Layer):
    def forward(self, x, p, m):
        m.x = x
        return np.sin(x, out=m.array("y", x.shape))

    def backward(self, dy, p, m):
        return dy * np.cos(m.x)


class Same(Link):
    name = "same"

    def inverse(self, raw):
        return raw


class Cosh(Loss):
    link = Same()

    def value_and_gradient(self, y, raw, weight, out):
        np.tanh(raw - y, out=out)
        return float(np.log(np.cosh(raw - y)).sum())


def sines(n_in, hidden_layer_sizes, n_out, **settings):
    return Sequential((Dense(n_in, 8), Sine(), Dense(8, n_out)))


def test_a_layer_and_a_loss_of_ones_own(monkeypatch):
    model = numbers(architecture=sines, loss=Cosh()).fit(X, Y)
    with pytest.raises(NotImplementedError, match=r"layer Sine has no ONNX form: .*@sklearn_dl.onnx.node\(Sine\)"):
        to_onnx(model, X)
    monkeypatch.setattr("sklearn_dl.onnx.layers.NODES", NODES.copy())
    monkeypatch.setattr("sklearn_dl.onnx.outputs.LINKS", LINKS.copy())
    node(Sine)(lambda layer, p, x, g: g("Sin", x))
    with pytest.raises(NotImplementedError, match=r"link Same has no ONNX form: .*@sklearn_dl.onnx.link\(Same\)"):
        to_onnx(model, X)
    link(Same)(lambda link, raw, g: raw)
    assert agrees(model, X)


class LogCosh(Loss):
    def value_and_gradient(self, y, raw, weight, out):
        np.tanh(raw - y, out=out)
        return float(np.log(np.cosh(raw - y)).sum())


def test_a_loss_of_ones_own_with_a_known_link_needs_no_form():
    assert agrees(numbers(loss=LogCosh()).fit(X, Y), X)


def test_a_kind_of_column_of_ones_own(monkeypatch):
    model, X = numbers(encoder=TableEncoder()).fit(TABLE, RENT), TABLE
    categories = FORMS[Categories]
    monkeypatch.setattr("sklearn_dl.onnx.tables.FORMS", {k: f for k, f in FORMS.items() if k is not Categories})
    refusal = r"^column 'heating' of X is encoded by Categories, which has no ONNX form: .*tables.form\(Categories\)"
    with pytest.raises(NotImplementedError, match=refusal):
        to_onnx(model, X)
    form(Categories)(categories)
    assert agrees(model, X)


def test_the_page_on_saving_runs(tmp_path, monkeypatch):
    text = (Path(__file__).resolve().parents[2] / "docs" / "saving.md").read_text(encoding="utf-8")
    monkeypatch.setattr("sklearn_dl.onnx.layers.NODES", NODES.copy())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "saving", type(sys)("saving"))
    namespace: dict[str, Any] = {"__name__": "saving"}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, "saving.md", "exec"), namespace)
