"""From encoded rows to trained weights: loops, folds, and what listens to them.

Knows nothing about estimators: a plan says what they want, a record what they have learnt.
"""

from .fitting import fit
from .loop import End, Step
from .monitor import Listener, warn_of
from .plan import Judge, Plan
from .refining import refine, remember
from .training import Split, Training

__all__ = [
    "End",
    "Judge",
    "Listener",
    "Plan",
    "Split",
    "Step",
    "Training",
    "fit",
    "refine",
    "remember",
    "warn_of",
]
