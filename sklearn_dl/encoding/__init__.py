"""From a table as it comes to what the network sees: `TableEncoder`.

Knows nothing about networks, training or targets.
"""

from .suspects import ColumnWarning
from .table_encoder import TableEncoder

__all__ = ["ColumnWarning", "TableEncoder"]
