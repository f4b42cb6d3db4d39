"""A graph that grows node by node, written like an expression: ``g("Add", g("MatMul", x, W), b)``.

Knows nothing about layers, tables or estimators; where the nodes go is skl2onnx's business.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, final

import numpy as np

__all__ = ["Encoded", "Graph"]

TINY = 2.0**-120  # what single precision may round to 0


class Encoded(NamedTuple):
    """An encoded table with codes, as the first layer takes it: the counterpart of `sklearn_dl._data.columns.Columns`.

    Attributes
    ----------
    numeric : str or None
        Name of the numbers, of shape (n, d); None where there are none.
    codes : str
        Name of the codes, of shape (n, q), int64.
    """

    numeric: str | None
    codes: str


@final
class Graph:
    """Appends ONNX nodes; results go by their names.

    Parameters
    ----------
    scope, container : skl2onnx Scope and ModelComponentContainer
        Give names, take nodes and constants.
    dtype : numpy.dtype or type
        Precision of the constants: float32 or float64.
    """

    def __init__(self, scope: Any, container: Any, dtype: Any):
        self._scope, self._container, self.dtype = scope, container, np.dtype(dtype)

    def at(self, dtype: Any) -> Graph:
        """The same graph with constants of another precision.

        Parameters
        ----------
        dtype : numpy.dtype or type
            float32 or float64.

        Returns
        -------
        Graph
        """
        return Graph(self._scope, self._container, dtype)

    def __call__(self, op: str, *inputs: Any, **attributes: Any) -> str:
        """Append a node of ONNX's own domain, with one output.

        Parameters
        ----------
        op : str
            Name of the operator.
        *inputs : str, or array-like of numbers
            Names of results; arrays and numbers become constants.
        **attributes : dict
            The operator's attributes.

        Returns
        -------
        str
            Name of the result.
        """
        return self.several(op, 1, *inputs, **attributes)[0]

    def several(self, op: str, n_outputs: int, *inputs: Any, **attributes: Any) -> list[str]:
        """Append a node with several outputs.

        Parameters
        ----------
        op : str
            Name of the operator.
        n_outputs : int
            How many outputs.
        *inputs : str, or array-like of numbers
            Names of results; arrays and numbers become constants.
        **attributes : dict
            The operator's attributes.

        Returns
        -------
        list of str
            Names of the results.
        """
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        outputs = [self._scope.get_unique_variable_name(op.lower()) for _ in range(n_outputs)]
        name = self._scope.get_unique_operator_name(op)
        self._container.add_node(op, names, outputs, name=name, **attributes)
        return outputs

    def constant(self, value: Any) -> str:
        """A constant; floats get the graph's precision.

        Parameters
        ----------
        value : array-like of numbers or str
            Its value.

        Returns
        -------
        str
            Its name.
        """
        from onnx import numpy_helper

        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            return self._texts(array)
        name: str = self._scope.get_unique_variable_name("constant")
        array = np.ascontiguousarray(array, self.dtype if array.dtype.kind == "f" else np.int64).reshape(array.shape)
        self._container.add_initializer(name, None, None, numpy_helper.from_array(array))
        return name

    def _texts(self, array: np.ndarray) -> str:
        from onnx import TensorProto

        name: str = self._scope.get_unique_variable_name("constant")
        texts = [str(text).encode() for text in array.ravel()]
        self._container.add_initializer(name, TensorProto.STRING, list(array.shape), texts)
        return name

    def cast(self, x: str, dtype: Any) -> str:
        """`x` as numbers of another type.

        Parameters
        ----------
        x : str
            Name of a result.
        dtype : numpy.dtype or type
            The type.

        Returns
        -------
        str
        """
        from onnx import helper

        return self("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def concat(self, parts: list[str], axis: int = 1) -> str:
        """Results side by side.

        Parameters
        ----------
        parts : list of str
            Names of results; one alone is left as it is.
        axis : int, default=1
            Along which axis.

        Returns
        -------
        str
        """
        return parts[0] if len(parts) == 1 else self("Concat", *parts, axis=axis)

    def plus(self, x: str, constant: np.ndarray) -> str:
        """A result plus a constant, however small.

        onnxruntime looks at a lone constant of double precision in single, and leaves out what is 0 there; multiplied
        by a power of two, before and back, the sum stays what it is.

        Parameters
        ----------
        x : str
            Name of a result.
        constant : ndarray
            What is added.

        Returns
        -------
        str
        """
        size = float(abs(constant).max())
        if self.dtype == np.float32 or constant.size > 1 or not 0 < size < TINY:
            return self("Add", x, constant)
        up = 2.0 ** min(1000, -math.frexp(size)[1])
        return self("Mul", self("Add", self("Mul", x, up), constant * up), 1 / up)

    def mean(self, x: str, axis: int, count: int, *, keepdims: bool) -> str:
        """The mean along one axis.

        Parameters
        ----------
        x : str
            Name of a result.
        axis, count : int
            Along which axis, and its length.
        keepdims : bool
            Whether the axis stays, with length 1.

        Returns
        -------
        str
        """
        total = self("ReduceSum", x, np.array([axis]), keepdims=int(keepdims))  # not ReduceMean: one form in all opsets
        return self("Mul", total, 1 / count)

    def position(self, x: str, keys: list[Any]) -> str:
        """Which key each element is: 1, 2, ..., and 0 for none of them.

        Parameters
        ----------
        x : str
            Name of a result of shape (n, 1): float64 or text, as the keys.
        keys : list of float or str
            Distinct; NaN is equal to itself.

        Returns
        -------
        str
            int64, of shape (n, 1).
        """
        numbers = list(range(1, len(keys) + 1))
        if isinstance(keys[0], str):
            domain = {"op_domain": "ai.onnx.ml", "op_version": 2}  # the latest that skl2onnx lets through is 3
            return self("LabelEncoder", x, **domain, keys_strings=keys, values_int64s=numbers, default_int64=0)
        is_key = self.at(np.float64)("Equal", x, np.array(keys, np.float64))  # (n, k); NaN is never equal
        single = self.at(np.float32)
        found = single("MatMul", self.cast(is_key, np.float32), np.array(numbers, float)[:, None])  # Σ j [x = keyⱼ]
        for number, key in zip(numbers, keys, strict=True):
            if key != key:  # NaN
                found = single("Add", found, single("Mul", self.cast(self("IsNaN", x), np.float32), float(number)))
        return self.cast(found, np.int64)

    def output(self, x: str, name: str) -> None:
        """Make `x` the result of this name.

        Parameters
        ----------
        x, name : str
            Name of a result, and the name that it shall have.
        """
        self._container.add_node("Identity", [x], [name], name=self._scope.get_unique_operator_name("Identity"))
