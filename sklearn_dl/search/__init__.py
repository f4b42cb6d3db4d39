"""Searches whose candidates go on training from where they stand, instead of being trained anew.

Knows scikit-learn's searches and this package's checkpoints.
"""

from .halving import EpochHalvingSearchCV

__all__ = ["EpochHalvingSearchCV"]
