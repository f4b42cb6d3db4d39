"""From encoded rows to trained weights: loops, folds, and what listens to them.

Knows nothing about estimators: a plan says what they want, a record what they have learnt.
"""

from .fitting import fit
from .loop import End
from .monitor import Listener, warn_of
from .plan import Judge, Plan
from .refining import refine, remember
from .steps import Walk
from .training import Split, Training
from .validation import Scores

__all__ = [
    "End",
    "Judge",
    "Listener",
    "Plan",
    "Scores",
    "Split",
    "Training",
    "Walk",
    "fit",
    "refine",
    "remember",
    "warn_of",
]
