"""Neural networks for tables, in NumPy, with scikit-learn's manners: `DLRegressor` and `DLClassifier`.

Knows only the public names, and the public modules, which are imported when they are asked for.
"""

import importlib as _importlib
from types import ModuleType as _ModuleType

from ._estimators import DLClassifier, DLRegressor
from ._version import __version__
from .encoding import TableEncoder

__all__ = ["DLClassifier", "DLRegressor", "TableEncoder", "__version__"]

_MODULES = (
    "architectures", "checkpoint", "compare", "convert", "dask", "displays", "encoding", "heads", "inspection",
    "layers", "losses", "numeric_embeddings", "onnx", "rate_finder", "schedules", "search", "solvers",
)  # fmt: skip


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])


def __getattr__(name: str) -> _ModuleType:
    if name in _MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
