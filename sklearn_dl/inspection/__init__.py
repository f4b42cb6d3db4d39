"""What a fitted network makes of the columns of its table.

Knows the modules of this package, and only to gather their public names.
"""

from .attributions import gradient_times_input, integrated_gradients
from .display import AttributionDisplay
from .importance import attribution_importance
from .result import Attributions

__all__ = [
    "AttributionDisplay",
    "Attributions",
    "attribution_importance",
    "gradient_times_input",
    "integrated_gradients",
]
