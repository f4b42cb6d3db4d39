"""Fitted networks as ONNX graphs: `to_onnx`, and converters for skl2onnx, for pipelines and searches too.

Knows all that a prediction needs, and nothing about training; skl2onnx and onnx are imported when they are used.
"""

from .graph import Encoded, Graph
from .inputs import onnx_inputs
from .layers import node
from .outputs import link
from .registration import register_converters, to_onnx
from .tables import MISSING_TEXT

__all__ = ["MISSING_TEXT", "Encoded", "Graph", "link", "node", "onnx_inputs", "register_converters", "to_onnx"]
