"""All works, by the network that is trained: for each suite its works, our fit and the peers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from . import ensembles, works
from .works import Library


class Suite(NamedTuple):
    """Works that the same libraries do."""

    label: str
    works: Mapping[str, Any]
    ours: Library
    peers: tuple[Library, ...]


SUITES = (
    Suite("fit", works.WORKS, works.OURS, works.PEERS),
    Suite("default ensemble", ensembles.ENSEMBLES, ensembles.OURS, ensembles.PEERS),
)
NAMES = [name for suite in SUITES for name in suite.works]


def named(only: str, names: list[str]) -> list[str]:
    """The names that are asked for, by themselves or by what they begin with: ``"small,ensemble"``.

    All of them where nothing is asked for; a `ValueError` for what is none.
    """
    found = []
    for name in only.split(",") if only else names:
        some = [n for n in names if n == name or n.startswith(name + "-")]
        if not some:
            raise ValueError(f"there is no work {name!r}; there are {', '.join(names)}")
        found += some
    return found


def suite_of(name: str) -> Suite:
    """The suite that has a work."""
    return next(suite for suite in SUITES if name in suite.works)
