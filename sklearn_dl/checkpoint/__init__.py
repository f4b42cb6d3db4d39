"""A training on disk, so that a killed one can go on: `Checkpoint`.

Knows nothing about how a network is trained.
"""

from .callback import Checkpoint

__all__ = ["Checkpoint"]
