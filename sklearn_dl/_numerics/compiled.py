"""Loops compiled by numba, and the switch for them.

Knows how they are asked for and where what was compiled is kept; nothing about what they compute.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, final

from .products import Products

__all__ = ["VARIABLE", "Loop", "compiled", "with_kernels"]

VARIABLE = "SKLEARN_DL_KERNELS"
INSTALL = 'python -m pip install "sklearn-dl[numba]"'

# that nothing is NaN or inf is not to be assumed: training looks for a loss that is not finite
FUSED = {"contract"}  # a product and a sum are rounded once
ANY_ORDER = {"contract", "reassoc", "nsz"}  # and what is summed is, in any order


def with_kernels(products: Products) -> Products:
    """Products, and compiled passes between them where the environment variable `SKLEARN_DL_KERNELS` is "numba".

    Parameters
    ----------
    products : Products
        How matrix products are computed.

    Returns
    -------
    Products
        `products` itself, or the like with ``compiled=True``.

    Raises
    ------
    ValueError
        Where the variable names something else.
    ImportError
        Where numba is asked for and is not there.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked in ("", "numpy"):
        return products
    if asked != "numba":
        raise ValueError(f"the environment variable {VARIABLE} must be 'numba', 'numpy' or not set; got {asked!r}.")
    _numba(f"{VARIABLE}='numba'")
    return type(products)(compiled=True)


def _numba(wanted_by: str) -> Any:
    """The module; an error says who asked for it."""
    try:
        import numba
    except ModuleNotFoundError as error:
        raise ImportError(f"{wanted_by} needs the package numba, which is not installed: {INSTALL}.") from error
    except ImportError as error:
        raise ImportError(f"{wanted_by} needs the package numba, which cannot be loaded: {error}.") from error
    return numba


@final
class Loop:
    """A function of arrays that is compiled for its types when it is first called, or found compiled in a file.

    Parameters
    ----------
    plain : callable
        The function, which Python runs too, slowly.
    types : tuple of str
        Of its arguments, in numba's words.
    any_order : bool
        Whether numba may choose the order of sums.
    """

    def __init__(self, plain: Callable[..., None], types: tuple[str, ...], any_order: bool):
        self.plain, self.types, self.any_order = plain, types, any_order
        self.run: Callable[..., None] | None = None

    def __call__(self, *arguments: Any) -> None:
        """Run it."""
        if self.run is None:
            self.run = self._compiled()
        self.run(*arguments)

    def _compiled(self) -> Callable[..., None]:
        numba = _numba("a compiled pass")  # said where a process without it gets work from one that has it
        fast = ANY_ORDER if self.any_order else FUSED
        for cache in (True, False):
            try:
                jit = numba.njit(
                    f"void({', '.join(self.types)})", cache=cache, nogil=True, error_model="numpy", fastmath=fast
                )
                return jit(self.plain)
            except RuntimeError:  # there is no folder for what is compiled that can be written
                if not cache:
                    raise
        raise AssertionError


def compiled(*types: str, any_order: bool = False) -> Callable[[Callable[..., None]], Loop]:
    """Make a function a `Loop`.

    Parameters
    ----------
    *types, any_order : str, bool
        As for `Loop`.
    """
    return lambda plain: Loop(plain, types, any_order)
