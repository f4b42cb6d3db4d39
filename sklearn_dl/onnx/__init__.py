"""Fitted networks as ONNX graphs: `to_onnx`, and converters for skl2onnx, for pipelines and searches too.

Knows all that a prediction needs, and nothing about training; skl2onnx and onnx are imported when they are used.
"""

from .graph import Encoded, Graph
from .layers import node
from .outputs import link
from .registration import onnx_inputs, register_converters, to_onnx

__all__ = ["Encoded", "Graph", "link", "node", "onnx_inputs", "register_converters", "to_onnx"]
