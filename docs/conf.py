"""The site: python -m pip install ".[docs]" && python -m sphinx -W -b html docs docs/_build/html

The guides are the Markdown files of this folder, as they are read on the web pages of a repository. What a site needs
besides is made here: pages of the reference, from what each public module lists; copies of the pages above this folder;
and links between all of these.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import shutil
import sys
import warnings
from pathlib import Path

import sklearn_dl

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.append(str(ROOT / "examples"))  # examples share one module

project = "sklearn_dl"
author = "the sklearn_dl developers"
version = release = sklearn_dl.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "images", "auto_examples/*.ipynb", "auto_examples/*.py"]
templates_path = ["_templates"]
default_role = "literal"

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "attrs_block", "attrs_inline"]

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings tell types
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the templates list them
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = "sklearn_dl"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "start": []}
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "default",
    "pygments_dark_style": "github-dark",
}
copyright = "the sklearn_dl developers, BSD 3-Clause"


# ---------------------------------------------------------------- the gallery


SPHINXS = list(warnings.filters)


def as_in_tests(gallery_conf: dict, fname: str, when: str) -> None:
    """A warning in an example is an error, as it is in the tests."""
    if when == "before":
        warnings.filterwarnings("error")
        warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    else:
        warnings.filters[:] = SPHINXS


sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/(?!quickstart)[^/]*\.py$",  # the README's line runs that one
    "ignore_pattern": r"(flats|scaling)\.py$",  # the second one starts processes, and is run by itself
    "nested_sections": False,
    "reset_modules": ("matplotlib", as_in_tests),
    "reset_modules_order": "both",
    "download_all_examples": False,
    "show_signature": False,
    "remove_config_comments": True,
    "write_computation_times": False,
    "within_subsection_order": "ExampleTitleSortKey",
    "parallel": int(os.environ.get("GALLERY_JOBS", "1")),
}
suppress_warnings = ["config.cache"]  # the gallery's settings hold functions


# ---------------------------------------------------------------- the reference

PUBLIC = ["sklearn_dl", *(f"sklearn_dl.{name}" for name in sklearn_dl._MODULES)]


def reference() -> None:
    """A page for each public module, with a table of what it lists, and one page of all modules."""
    folder = HERE / "api"
    shutil.rmtree(folder, ignore_errors=True)  # what is no longer listed has no page
    folder.mkdir()
    summaries: list[tuple[str, str]] = []
    seen: list[object] = []  # what two modules list has one page
    for name in PUBLIC:
        module = importlib.import_module(name)
        summary = " ".join((module.__doc__ or "").partition("\n\n")[0].split())
        summaries.append((name, summary))
        listed = [n for n in module.__all__ if not n.startswith("__") and getattr(module, n) not in seen]
        seen += [getattr(module, n) for n in listed]
        kinds = {
            "Classes": [n for n in listed if inspect.isclass(getattr(module, n))],
            "Functions": [n for n in listed if inspect.isfunction(getattr(module, n))],
        }
        kinds["Data"] = [n for n in listed if not any(n in names for names in kinds.values())]
        lines = [name, "=" * len(name), "", summary.replace("`", "``"), "", f".. currentmodule:: {name}", ""]
        for kind, names in kinds.items():
            if names:
                lines += [f".. rubric:: {kind}", "", ".. autosummary::", "   :toctree: generated", ""]
                lines += [*(f"   {n}" for n in sorted(names, key=str.lower)), ""]
        (folder / f"{name}.rst").write_text("\n".join(lines), encoding="utf-8")
    lines = ["Reference", "=========", "", "All that is promised, by module.", ""]
    for name, summary in summaries:
        lines += [f":doc:`{name} <{name}>`", f"    {summary.replace('`', '``')}", ""]
    lines += [".. toctree::", "   :hidden:", "", *(f"   {name}" for name in PUBLIC), ""]
    (folder / "index.rst").write_text("\n".join(lines), encoding="utf-8")


def without_scikit_learns(app, what, name, obj, skip, options) -> bool | None:
    """Methods that are scikit-learn's own are documented there."""
    return True if str(getattr(obj, "__module__", "")).startswith("sklearn.") else None


# ---------------------------------------------------------------- pages and links

ABOVE = {"README.md": "readme.md", "README.zh-CN.md": "readme-zh.md", "CONTRIBUTING.md": "contributing.md",
         "CHANGELOG.md": "changelog.md", "CODE_OF_CONDUCT.md": "code-of-conduct.md"}  # fmt: skip

NAMED = {"/above/readme": "README", "/above/readme-zh": "README (中文)"}  # both have the project's name as title


def on_the_site(target: str, page: Path) -> str:
    """A link of a page of the repository, as a link of the site."""
    path, hash_, anchor = target.partition("#")
    if re.match(r"[a-z]+:", path) or not path:
        return target
    file = (page.parent / path).resolve()
    if file.parent == ROOT and file.name in ABOVE:
        return f"/above/{ABOVE[file.name]}{hash_}{anchor}"
    if file.parent == ROOT / "examples" and file.suffix == ".py" and file.stem != "flats":
        return f"/auto_examples/{file.stem}.rst"
    if not file.is_relative_to(HERE):
        return ""  # a file of the repository that is no page
    return f"/{file.relative_to(HERE)}{hash_}{anchor}"


def relinked(text: str, page: Path) -> str:
    """A page's Markdown with its links those of the site; what is no page there is told without a link."""

    def link(found: re.Match) -> str:
        target = on_the_site(found[3], page)
        return f"{found[1]}[{found[2]}]({target})" if target else f"{found[1]}{found[2]}"

    text = re.sub(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)", link, text)
    return re.sub(r"<picture>.*?</picture>", lambda found: in_two_schemes(found[0], page), text, flags=re.DOTALL)


def in_two_schemes(picture: str, page: Path) -> str:
    """GitHub's way of a light and a dark picture, as the theme's."""
    alt = re.search(r'alt="([^"]*)"', picture)[1]
    dark, light = (re.search(rf'{a}="([^"]*)"', picture)[1] for a in ("srcset", "src"))
    lines = [
        f":::{{image}} {on_the_site(path, page)}\n:alt: {alt}\n:class: only-{scheme}\n:width: 640px\n:::"
        for path, scheme in ((light, "light"), (dark, "dark"))
    ]
    return "\n\n".join(lines)


def copies() -> None:
    """The pages above this folder."""
    (HERE / "above").mkdir(exist_ok=True)
    for name, copy in ABOVE.items():
        page = ROOT / name
        if page.exists():
            (HERE / "above" / copy).write_text(relinked(page.read_text(encoding="utf-8"), page), encoding="utf-8")


def contents(entries: str, caption: str = "") -> str:
    """A table of contents that is seen beside the page alone."""
    option = f":caption: {caption}\n" if caption else ""
    return f"\n\n```{{toctree}}\n:hidden:\n{option}\n{entries}\n```\n"


def read(app, docname: str, source: list[str]) -> None:
    """Links of the guides; and the list of guides is the site's table of contents."""
    page = Path(app.env.doc2path(docname))
    if page.suffix != ".md" or page.parent.name == "above":
        return
    source[0] = relinked(source[0], page)
    if docname == "README":
        parts = re.split(r"^## (.*)$", source[0], flags=re.MULTILINE)
        for caption, part in zip(parts[1::2], parts[2::2], strict=True):
            paths = re.findall(r"\]\((/[^)]*)\.md\)", part)
            entries = "\n".join(f"{NAMED[path]} <{path}>" if path in NAMED else path for path in paths)
            source[0] += contents(entries, caption) if entries else ""
    elif docname == "derivations/README":
        source[0] += contents("\n".join(re.findall(r"\]\(/derivations/(\w+)\.md\)", source[0])))


def setup(app) -> None:
    reference()
    copies()
    app.connect("source-read", read)
    app.connect("autodoc-skip-member", without_scikit_learns)
