"""Print the lowest versions that pyproject.toml allows, as constraints of pip: python .ci/lowest.py > lowest.txt"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

OF_THEIR_DAY = ["pyparsing==3.1.0"]  # matplotlib 3.10.0 warns of newer ones, and does not say that it needs an old one


def lowest(project: dict, extras: tuple[str, ...] = ("test",)) -> list[str]:
    """A line `name==version` for each requirement of the package and of the named extras."""
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return sorted({re.sub(r"^([\w.-]+)>=([\w.]+)$", r"\1==\2", line) for line in wanted} | {*OF_THEIR_DAY})


if __name__ == "__main__":
    with open(Path(__file__).parents[1] / "pyproject.toml", "rb") as file:
        print("\n".join(lowest(tomllib.load(file)["project"])))
