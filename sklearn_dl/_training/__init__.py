"""From encoded rows to trained weights: loops, folds, and what listens to them.

Knows nothing about estimators: a plan says what they want, a record what they have learnt.
"""

from .fitting import carry_out, fit
from .loop import End, Steps
from .monitor import Listener, Outcome, warn_of
from .plan import Judge, Plan
from .refining import refine, remember
from .steps import Recipe, Walk
from .training import Split, Training
from .validation import Scores

__all__ = [
    "End",
    "Judge",
    "Listener",
    "Outcome",
    "Plan",
    "Recipe",
    "Scores",
    "Split",
    "Steps",
    "Training",
    "Walk",
    "carry_out",
    "fit",
    "refine",
    "remember",
    "warn_of",
]
