"""Random tables through ONNX: the graph predicts what the model does, or one of them says why not.

The tables are those of tests/test_fuzz_tables.py, of which a share of the examples is taken.
"""

from __future__ import annotations

import warnings

import numpy as np
import onnxruntime
from hypothesis import HealthCheck, event, given, settings

from sklearn_dl.onnx import onnx_inputs, to_onnx
from tests.test_fuzz_tables import EXAMPLES, attempt, cases


@settings(
    max_examples=EXAMPLES // 10, deadline=None, derandomize=EXAMPLES <= 2000, suppress_health_check=list(HealthCheck)
)
@given(cases())
def test_the_graph_predicts_what_the_model_does(case):
    estimator, X, y, weight, later = case
    fitted = attempt(estimator.fit, X, y, sample_weight=weight)
    try:
        graph = None if fitted is None else attempt(to_onnx, fitted, X)
    except NotImplementedError as error:  # of dates and of text
        if "which has no ONNX form" not in str(error):
            raise
        return
    if graph is None:
        return
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
    is_classifier = hasattr(fitted, "predict_proba")
    unit = 1.0 if is_classifier else abs(y).max()
    for table in (X, later):
        predicted = attempt(fitted.predict_proba if is_classifier else fitted.predict, table)
        inputs = attempt(onnx_inputs, session, table)
        if predicted is None or inputs is None:
            assert inputs is not None or table is later  # a table like that of the graph is taken
            continue
        event("both predict")
        results = session.run(None, inputs)
        found = results[1] if is_classifier else results[0].reshape(predicted.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            np.testing.assert_allclose(found, predicted, rtol=1e-4, atol=1e-4 * unit + 1e-300)
