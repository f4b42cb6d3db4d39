"""How far a long computation is, as a line from time to time.

Knows nothing about what is computed: it is told how much there is and how much is done.
"""

from __future__ import annotations

import time
from typing import final

__all__ = ["Progress"]

INTERVAL = 1.0  # seconds between two lines


@final
class Progress:
    """Counts what is done, and prints a line a second at most, and one at the end.

    Parameters
    ----------
    title : str
        Begins each line.
    total : int
        How much there is to do.
    unit : str
        Of what, in the plural.
    verbose : bool
        Whether anything is printed.
    """

    def __init__(self, title: str, total: int, unit: str, verbose: bool):
        self._title, self._total, self._unit, self._verbose = title, total, unit, verbose
        self._done = 0
        self._begun = self._told = time.monotonic()

    def __call__(self, n: int) -> None:
        """Add what was done since the last call.

        Parameters
        ----------
        n : int
            How much.
        """
        self._done += n
        now = time.monotonic()
        if not self._verbose or (now < self._told + INTERVAL and self._done < self._total):
            return
        self._told, seconds = now, now - self._begun
        left = seconds * (self._total - self._done) / max(self._done, 1)
        end = f"{left:.1f} s left" if self._done < self._total else "done"
        print(f"[{self._title}] {self._done} of {self._total} {self._unit}, {seconds:.1f} s, {end}", flush=True)
