"""Heads: what the outputs of a network mean, for numbers and for classes.

Knows nothing about networks, training or the inputs.
"""

from .base import Head, Judged, Readout
from .classes import ClassHead
from .labels import are_probabilities
from .numbers import NumberHead
from .targets import ClassEncoder, NumberEncoder

__all__ = ["ClassEncoder", "ClassHead", "Head", "Judged", "NumberEncoder", "NumberHead", "Readout", "are_probabilities"]
