"""Look into the wheel and the sdist of a folder, and say what is missing or too much: python .ci/package.py dist"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def wrong(folder: Path) -> list[str]:
    """A line for each thing that is wrong; prints how much each of the two holds."""
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        in_wheel = {name for name in file.namelist() if not name.endswith("/")}
    with tarfile.open(sdist) as file:
        in_sdist = {name.partition("/")[2] for name in file.getnames()}
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "sklearn_dl").rglob("*.py")} | {"sklearn_dl/py.typed"}
    rest = {name for name in in_wheel - package if ".dist-info/" not in name}
    pages = {"README.md", "LICENSE", "pyproject.toml", "tests/test_house.py", "docs/start.md", "examples/quickstart.py"}
    print(f"{wheel.name}: {len(in_wheel)} files, {wheel.stat().st_size / 1000:.0f} kB")
    print(f"{sdist.name}: {len(in_sdist)} files, {sdist.stat().st_size / 1000:.0f} kB")
    found = [f"the wheel lacks {name}" for name in sorted(package - in_wheel)]
    found += [f"the wheel holds {name}" for name in sorted(rest)]
    found += [f"the sdist lacks {name}" for name in sorted((package | pages) - in_sdist)]
    found += [f"the sdist holds {name}" for name in sorted(in_sdist) if "_build" in name or "__pycache__" in name]
    if not any(name.endswith("licenses/LICENSE") for name in in_wheel):
        found.append("the wheel lacks the licence")
    return found


if __name__ == "__main__":
    lines = wrong(Path(sys.argv[1]))
    print("\n".join(lines) or "all is well")
    sys.exit(bool(lines))
