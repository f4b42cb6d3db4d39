"""What skl2onnx must know to convert the estimators and the encoder, and one call that does it all.

Knows skl2onnx's manners: options, types and shapes of inputs and outputs.
"""

from __future__ import annotations

import importlib
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from .._estimators import DLClassifier, DLRegressor
from .._numerics import MatrixLike
from ..encoding.table_encoder import TableEncoder
from ..layers import Layer, Members, Parallel
from .graph import Encoded, Graph
from .inputs import as_fitted, input_types, note_columns
from .layers import convert_layer
from .outputs import convert_classes, convert_link, convert_members, convert_numbers, convert_scores, labels_of
from .tables import InputTable, encode_table

__all__ = ["register_converters", "to_onnx"]

OLDEST = 13  # version of ONNX
OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [False, True],
}


def register_converters() -> None:
    """Tell skl2onnx how to convert `DLClassifier`, `DLRegressor` and `TableEncoder`, alone or in pipelines.

    Raises
    ------
    ImportError
        Where skl2onnx or onnx is not installed: ``pip install ".[onnx]"`` in the project's folder.

    Notes
    -----
    The regressor gives ``variable``, of shape (n, n_outputs), and with ``Quantile`` also ``quantiles``. The classifier
    gives ``label`` and ``probabilities``, with skl2onnx's options ``zipmap``, ``nocl``, ``output_class_labels`` and
    ``raw_scores``; for several targets with classes of their own ``probabilities`` is a sequence. Where an input is of
    double precision, so are the outputs and, if it was trained so, the network; otherwise all are of single precision,
    and only the columns are centred and scaled in double.
    """
    _ask_for_extra()
    from skl2onnx import update_registered_converter

    update_registered_converter(
        DLRegressor, "SklearnDLRegressor", _shape_of_numbers, _convert_regressor, parser=_parse_regressor
    )
    update_registered_converter(
        DLClassifier,
        "SklearnDLClassifier",
        _shape_of_classes,
        _convert_classifier,
        parser=_parse_classifier,
        options=OPTIONS,
    )
    update_registered_converter(
        TableEncoder, "SklearnDLTableEncoder", _shape_of_table, _convert_encoder, parser=_parse_encoder
    )


def to_onnx(model: BaseEstimator, X: MatrixLike, *, target_opset: int | dict[str, int] | None = None) -> Any:
    """Convert a fitted estimator, or a pipeline or search that holds one, to ONNX.

    Parameters
    ----------
    model : estimator
        A fitted `DLClassifier` or `DLRegressor`, or what holds one and skl2onnx knows.
    X : DataFrame, array-like or sparse matrix of shape (n, n_features)
        A table like those to predict; of it only names and types of the columns matter. An array becomes one input
        ``X``, a sparse matrix too, which is then dense; a DataFrame one input a column, of shape (n, 1): text, float32
        where the column is, else float64.
    target_opset : int, dict or None, default=None
        ONNX's version, 13 or more; None for the latest that skl2onnx knows.

    Returns
    -------
    onnx.ModelProto
        ``SerializeToString()`` gives what onnxruntime reads. `onnx_inputs` turns tables into its inputs.

    Raises
    ------
    ImportError
        Where skl2onnx or onnx is not installed: ``pip install ".[onnx]"`` in the project's folder.
    NotFittedError
        Before `fit`.
    NotImplementedError
        Where a layer or a link has no ONNX form, or skl2onnx no converter for what holds the network.
    ValueError
        Where `target_opset` is out of range, or a column, a level or the labels are of a kind that ONNX has not.
    """
    check_is_fitted(model)
    register_converters()
    from skl2onnx import convert_sklearn
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator

    _check_opset(target_opset)
    X = as_fitted(X, getattr(model, "feature_names_in_", None))
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    try:
        graph = convert_sklearn(model, initial_types=input_types(X), options=options, target_opset=target_opset)
    except (MissingConverter, MissingShapeCalculator) as error:
        raise NotImplementedError(
            f"skl2onnx has no converter for {type(model).__name__}, or for what it holds; convert the network inside."
        ) from error
    note_columns(graph, X)
    return graph


def _check_opset(target_opset: Any) -> None:
    from onnx.defs import onnx_opset_version

    latest = onnx_opset_version()
    if isinstance(target_opset, dict):
        version = target_opset.get("", latest)
    else:
        version = latest if target_opset is None else target_opset
    if not isinstance(version, Integral) or not OLDEST <= int(version) <= latest:
        raise ValueError(f"target_opset must be None or from {OLDEST} to {latest}; got {target_opset!r}.")


def _ask_for_extra() -> None:
    """Raise ImportError, with what to do, where a package is missing."""
    try:
        importlib.import_module("onnx")
        importlib.import_module("skl2onnx")
    except ImportError as error:
        raise ImportError(
            f"sklearn_dl.onnx needs the packages onnx and skl2onnx ({error}); install them, for instance by "
            'pip install ".[onnx]" in the folder of sklearn-dl.'
        ) from error


# ---------------------------------------------------------------- what the operators give


def _precision(operator: Any) -> Any:
    """Precision of the outputs: double where an input is."""
    double = any(type(variable.type).__name__ == "DoubleTensorType" for variable in operator.inputs)
    return np.float64 if double else np.float32


def _floats(operator: Any, shape: list[Any]) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    return (DoubleTensorType if _precision(operator) is np.float64 else FloatTensorType)(shape)


def _parse_regressor(scope: Any, model: DLRegressor, inputs: list[Any], custom_parsers: Any = None) -> Any:
    from skl2onnx.common.data_types import guess_tensor_type

    operator = scope.declare_local_operator("SklearnDLRegressor", model)
    operator.inputs = inputs
    for name in ("variable", "quantiles") if model.fitted_.head.link.levels else ("variable",):
        operator.outputs.append(scope.declare_local_variable(name, guess_tensor_type(inputs[0].type)))
    return operator.outputs


def _parse_classifier(scope: Any, model: DLClassifier, inputs: list[Any], custom_parsers: Any = None) -> Any:
    from skl2onnx._parse import _parse_sklearn_classifier
    from skl2onnx.common.data_types import Int64TensorType, SequenceType, guess_tensor_type

    if model.fitted_.head.target.kind != "multioutput":
        return _parse_sklearn_classifier(scope, model, inputs, custom_parsers=custom_parsers)
    operator = scope.declare_local_operator("SklearnDLClassifier", model)
    operator.inputs = inputs
    operator.outputs.append(scope.declare_local_variable("label", Int64TensorType()))
    sequence = SequenceType(guess_tensor_type(inputs[0].type))
    operator.outputs.append(scope.declare_local_variable("probabilities", sequence))
    return operator.outputs


def _parse_encoder(scope: Any, model: TableEncoder, inputs: list[Any], custom_parsers: Any = None) -> Any:
    from skl2onnx.common.data_types import FloatTensorType

    operator = scope.declare_local_operator("SklearnDLTableEncoder", model)
    operator.inputs = inputs
    operator.outputs.append(scope.declare_local_variable("variable", FloatTensorType()))
    _shape_of_table(operator)  # a ColumnTransformer behind it asks for the width already
    return operator.outputs


def _shape_of_numbers(operator: Any) -> None:
    model, n = operator.raw_operator, operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_floats(operator, [n, model.n_outputs_]))
    if len(operator.outputs) == 2:
        outputs = [] if model.fitted_.head.target.one_dimensional else [model.n_outputs_]
        operator.outputs[1].set_type(_floats(operator, [n, *outputs, len(model.fitted_.head.link.levels)]))


def _shape_of_classes(operator: Any) -> None:
    from skl2onnx.common.data_types import Int64TensorType, SequenceType, StringTensorType

    target, n = operator.raw_operator.fitted_.head.target, operator.inputs[0].get_first_dimension()
    label_type = StringTensorType if labels_of(_levels(operator)).are_text else Int64TensorType
    operator.outputs[0].set_type(label_type([n] if target.kind == "single" else [n, len(target.levels)]))
    if target.kind == "multioutput":
        operator.outputs[1].set_type(SequenceType(_floats(operator, [n, None])))
    else:
        width = len(target.levels if target.kind == "multilabel" else target.levels[0])
        operator.outputs[1].set_type(_floats(operator, [n, width]))


def _shape_of_table(operator: Any) -> None:
    encoder, n = operator.raw_operator, operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_floats(operator, [n, encoder.layout.n_numeric + len(encoder.layout.cardinalities)]))


def _levels(operator: Any) -> list[np.ndarray]:
    """The labels of each target, or their numbers, where skl2onnx is asked for no labels."""
    model = operator.raw_operator
    if operator.scope_inst.get_options(model, {"nocl": False})["nocl"]:
        return [np.arange(len(levels)) for levels in model.fitted_.head.target.levels]
    return list(model.fitted_.head.target.levels)


# ---------------------------------------------------------------- the operators


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    predicted, g = _convert_network(scope, operator, container)
    for result, output in zip(
        convert_numbers(model.fitted_.head.target, model.fitted_.head.link, predicted, g), operator.outputs, strict=True
    ):
        g.output(result, output.full_name)


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    predicted, g = _convert_network(scope, operator, container)
    label, probabilities = convert_classes(model.fitted_.head.target, labels_of(_levels(operator)), predicted, g)
    several = model.fitted_.head.target.kind == "multioutput"
    if operator.scope_inst.get_options(model, {"raw_scores": False})["raw_scores"]:  # as calibration asks for
        levels = model.fitted_.head.target.levels
        probabilities = [convert_scores(p, len(known), g) for p, known in zip(probabilities, levels, strict=True)]
    g.output(label, operator.outputs[0].full_name)
    g.output(g("SequenceConstruct", *probabilities) if several else probabilities[0], operator.outputs[1].full_name)


def _convert_encoder(scope: Any, operator: Any, container: Any) -> None:
    g = Graph(scope, container, _precision(operator))
    encoded = encode_table(operator.raw_operator, _input_table(operator), g)
    if isinstance(encoded, Encoded):
        codes = g.cast(encoded.codes, g.dtype)
        encoded = codes if encoded.numeric is None else g.concat([encoded.numeric, codes])
    g.output(encoded, operator.outputs[0].full_name)


def _convert_network(scope: Any, operator: Any, container: Any) -> tuple[str, Graph]:
    """The prediction in the network's units, and the graph in the precision of the outputs."""
    model, precision = operator.raw_operator, _precision(operator)
    inner = np.float32 if precision is np.float32 else model.network_.values.dtype
    g, table = Graph(scope, container, inner), _input_table(operator)
    if model.encoder_ is None:
        x: Any = g.cast(table.numbers(np.arange(model.n_features_in_), g), inner)
    else:
        x = encode_table(model.encoder_, table, g)
    raw = convert_layer(model.network_.layer, model.network_.views(), x, g)
    raw, g, members = g.cast(raw, precision), g.at(precision), _n_members(model.network_.layer)
    if members is None:
        return convert_link(model.fitted_.head.link, raw, g), g
    return convert_members(model.fitted_.head.link, raw, members, model.fitted_.head.n_raw, g), g


def _n_members(layer: Layer) -> int | None:
    """Number of members, None where there are none."""
    if isinstance(layer, Members):
        return layer.n_members
    if isinstance(layer, Parallel):
        return sum(_n_members(inner) or 0 for inner in layer.layers)
    return next((n for inner in layer.children if (n := _n_members(inner)) is not None), None)


def _input_table(operator: Any) -> InputTable:
    model = operator.raw_operator
    return InputTable(operator.inputs, vars(model).get("feature_names_in_"), model.n_features_in_)
