"""From encoded rows to trained weights: loops, folds, and what listens to them.

Knows nothing about estimators: a plan says what they want, a record what they have learnt.
"""

from .fitting import carry_out, fit
from .loop import End, Steps
from .monitor import Listener, warn_of
from .plan import Judge, Plan
from .refining import refine, remember
from .steps import Recipe, Walk
from .stopping import EarlyStopping, Fallback
from .training import Split, Training
from .validation import Scores, Validation

__all__ = [
    "EarlyStopping",
    "End",
    "Fallback",
    "Judge",
    "Listener",
    "Plan",
    "Recipe",
    "Scores",
    "Split",
    "Steps",
    "Training",
    "Validation",
    "Walk",
    "carry_out",
    "fit",
    "refine",
    "remember",
    "warn_of",
]
