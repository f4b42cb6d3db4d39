"""Who hears a Ctrl-C that came in the middle of a fit: the fit alone, or also the search or loop that it is part of.

Knows nothing about training; it looks at who called.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

__all__ = ["is_one_of_several"]

# calls its part's fit once, or not at all; a name stands for all modules below it
ONCE = (
    "sklearn_dl._estimators",
    "sklearn_dl.dask",
    "sklearn.base",
    "sklearn.callback",
    "sklearn.compose._target",
    "sklearn.frozen",
    "sklearn.pipeline",
    "sklearn.utils",
)
# fit more than once, or run somebody's function that does so, wherever they stand among the callers
SEVERAL = ("sklearn", "sklearn_dl", "joblib", "concurrent", "multiprocessing", "scipy", "optuna", "hyperopt", "ray")
INSTALLED = {"site-packages", "dist-packages"}  # where packages lie


def is_one_of_several() -> bool:
    """Whether the fit that asks was called by something that fits more than once: a search, an ensemble, a worker.

    A package that is not known and calls the fit directly is taken for one.

    Returns
    -------
    bool
        False where a person called it: directly, through a pipeline, or through a function of their own.
    """
    frame: FrameType | None = sys._getframe(1)
    direct = True  # whether nobody's own code has been met on the way out
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if not _is_below(module, ONCE):
            direct &= _is_installed(frame)
            if direct or _is_below(module, SEVERAL):
                return True
        frame = frame.f_back
    return False


def _is_below(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


def _is_installed(frame: FrameType) -> bool:
    return not INSTALLED.isdisjoint(Path(frame.f_code.co_filename).parts)
