"""A network at work: its vector of values, forward and backward, alone or shared out between threads.

Knows the protocol of a layer, and nothing about losses, solvers or tables.
"""

from .fitted import Fitted, Holder, State
from .network import Network, Workspace
from .predict import forward
from .shared import Passes, threads_for

__all__ = ["Fitted", "Holder", "Network", "Passes", "State", "Workspace", "forward", "threads_for"]
