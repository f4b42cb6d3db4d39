"""The package's version, for the public name and for pickles.

Knows nothing else.
"""

__version__ = "0.1.0"
