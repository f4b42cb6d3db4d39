"""A network at work: its vector of values, forward and backward, alone or shared out between threads.

Knows encoders and heads as what a record holds, and nothing about solvers or how a network is trained.
"""

from ..layers.memory import Streams
from .fitted import Early, Fitted, Holder, State
from .network import Network, Workspace
from .predict import Then, forward, joined
from .shared import Passes, threads_for

__all__ = [
    "Early",
    "Fitted",
    "Holder",
    "Network",
    "Passes",
    "State",
    "Streams",
    "Then",
    "Workspace",
    "forward",
    "joined",
    "threads_for",
]
