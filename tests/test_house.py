"""The house: rooms and imports, classes, docstrings, the README's blocks and the examples."""

from __future__ import annotations

import ast
import contextlib
import enum
import importlib
import inspect
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sklearn_dl

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sklearn_dl"
REQUIRED = ("numpy", "scipy", "sklearn", "joblib", "narwhals", "threadpoolctl")  # the last three come with scikit-learn
OPTIONAL = ("numba", "pandas", "polars", "matplotlib", "rich", "onnx", "skl2onnx", "dask", "distributed")

# A room is a module at the top, or a package. What each may import; the test asks for both directions, so that an arrow
# that nobody needs any more goes too.
EDGES = {
    "_numerics": "",
    "_version": "",
    "_data": "_numerics",
    "losses": "_numerics",
    "schedules": "_numerics",
    "solvers": "_numerics",
    "encoding": "_data _numerics",
    "heads": "_data _numerics losses",
    "layers": "_data _numerics",
    "_engine": "_data _numerics encoding heads layers",
    "numeric_embeddings": "_numerics layers",
    "architectures": "_engine encoding layers numeric_embeddings",
    "_training": "_data _engine _numerics architectures heads losses schedules solvers",
    "checkpoint": "_data _engine _numerics _training _version solvers",
    "_estimators": (
        "_data _engine _numerics _training _version architectures checkpoint encoding heads layers "
        "losses numeric_embeddings schedules solvers"
    ),
    "__init__": "_estimators _version encoding",
    "compare": "_estimators _numerics encoding losses",
    "convert": "_engine _estimators encoding heads layers losses schedules solvers",
    "dask": (
        "_data _engine _estimators _numerics _training checkpoint encoding heads layers losses numeric_embeddings "
        "schedules solvers"
    ),
    "displays": "_estimators",
    "inspection": "_data _engine _estimators _numerics encoding layers",
    "onnx": "_data _estimators _numerics encoding heads layers losses",
    "search": "_engine _estimators checkpoint",
    "rate_finder": "_estimators _numerics _training solvers",
}

PLAIN = {  # know NumPy and SciPy, and of scikit-learn only BaseEstimator
    "_numerics", "_engine", "architectures", "layers", "losses", "solvers", "schedules", "numeric_embeddings",
    "_data.batches", "_data.columns", "_data.lazy", "checkpoint.file",
}  # fmt: skip
MOST = {"rooms": 25, "floors": 9, "edges": 105}

MAX_LINES = 380
# modules with an estimator: half of them is docstrings, which are not counted
ESTIMATORS = {"_estimators.classifier", "_estimators.regressor"}


def modules() -> dict[str, Path]:
    """Path of each module by its name inside the package: ``layers.dense``; of a package, its ``__init__``."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str, nodes: ast.AST) -> Iterator[tuple[str, str]]:
    """(module, name) for each import below `nodes`; inside the package as names of `MODULES`, outside as they are."""
    is_package = MODULES[module].name == "__init__.py"
    here = [] if module == "__init__" else module.split(".")
    for node in ast.walk(nodes):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield node.module or "", alias.name
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + (1 if is_package and here else 0)]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                yield "." + (inner if inner in MODULES else ".".join(base) or "__init__"), alias.name


def inner_imports(module: str) -> set[str]:
    """The package's modules that a module imports, wherever in it."""
    found = set()
    for target, _ in imports(module, tree(module)):
        if target.startswith("sklearn_dl"):
            target = "." + (target.partition(".")[2] or "__init__")
        if target.startswith("."):
            found.add(target[1:])
    return found


# ---------------------------------------------------------------- rooms and arrows


def room(module: str) -> str:
    return module.split(".")[0]


def floors(edges: dict[str, set[str]]) -> dict[str, int]:
    """The floor of each room: one above the highest that it imports; an error where they go round in a circle."""
    found: dict[str, int] = {}

    def visit(name: str, path: tuple[str, ...]) -> int:
        assert name not in path, " -> ".join((*path[path.index(name) :], name))
        if name not in found:
            found[name] = max((1 + visit(below, (*path, name)) for below in sorted(edges[name])), default=0)
        return found[name]

    for name in edges:
        visit(name, ())
    return found


DRAWN: dict[str, set[str]] = {room(module): set() for module in MODULES}
for module in MODULES:
    DRAWN[room(module)] |= {room(target) for target in inner_imports(module)} - {room(module)}


def test_rooms_import_what_the_table_says(capsys):
    allowed = {name: set(targets.split()) for name, targets in EDGES.items()}
    assert set(DRAWN) == set(allowed), "enter the room in EDGES and in CONTRIBUTING.md"
    for name, targets in DRAWN.items():
        assert targets <= allowed[name], f"{name} imports {sorted(targets - allowed[name])}, which EDGES does not allow"
        assert targets >= allowed[name], f"{name} imports no {sorted(allowed[name] - targets)}: take it out of EDGES"
    count = {
        "rooms": len(DRAWN),
        "floors": 1 + max(floors(DRAWN).values()),
        "edges": sum(map(len, DRAWN.values())),
    }
    with capsys.disabled():
        print(f"\nthe house: {', '.join(f'{n} {what}' for what, n in count.items())}")
    assert all(count[what] <= most for what, most in MOST.items())


def test_no_import_cycles():
    graph = {module: inner_imports(module) for module in MODULES}
    packages = {room(module) for module in MODULES if "." in module}
    for module in graph:  # a package is imported before its modules, but knows them, not they it
        assert "." not in module or room(module) not in graph[module], f"{module} imports from {room(module)}/__init__"
    assert len(packages) > 10
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for target in graph[module]:
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_nothing_but_numpy_scipy_sklearn(module):
    """Optional packages are imported inside the function that needs them, and nowhere else."""
    for node in tree(module).body:
        late = isinstance(node, ast.FunctionDef | ast.ClassDef)
        known = {*sys.stdlib_module_names, *REQUIRED, *(OPTIONAL if late else ())}
        for target, name in imports(module, node):
            if target.startswith("."):
                continue
            assert target.split(".")[0] in known, f"{module} imports {target}"
            if {module, room(module)} & PLAIN and target.startswith("sklearn"):
                assert (target, name) == ("sklearn.base", "BaseEstimator"), f"{module} imports {name} of {target}"


def test_rooms_are_those_of_the_guide():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    written = {}
    for number, cells in re.findall(r"^\| (\d) \| (.*?) \|", guide, re.MULTILINE):
        written |= dict.fromkeys(re.findall(r"`([\w.]+?)/?`", cells), int(number))
    assert written == floors(DRAWN)


# ---------------------------------------------------------------- modules and classes


@pytest.mark.parametrize("module", MODULES)
def test_module_says_what_it_knows(module):
    text = " ".join((ast.get_docstring(tree(module)) or "").split())
    first, _, rest = text.partition(". ")
    assert first, f"{module} has no docstring"
    assert rest.startswith("Knows"), f"{module}: the second sentence of the docstring must begin with 'Knows'"
    assert rest.endswith(".")


MANY = {
    "fit",
    "__init__",
    "compare_with_linear",
    "from_estimator",
}  # of the estimators and of what users call by keywords
WRAPPERS = {"onnx.graph", "_data.told", "_estimators.available"}  # a node's attributes; decorators of any function
ESTIMATOR_NAMES = {"estimator", "fitted_estimator", "model", "network", "owner", "shell"}


def functions(module: str) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef):
            yield node


def below_the_estimators(module: str) -> bool:
    found = floors(DRAWN)
    return found[room(module)] < found["_estimators"]


@pytest.mark.parametrize("module", MODULES)
def test_functions_have_few_arguments(module):
    for node in functions(module):
        arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        count = len([name for name in arguments if name not in ("self", "cls")])
        if below_the_estimators(module) or node.name not in MANY:
            assert count <= 8, f"{module}.{node.name} has {count} arguments"
        if room(module) != "onnx":  # a node's attributes are ONNX's own
            may = node.name in ("set_params", "checked", "telling")  # a tree of parameters; what decorators make
            assert node.args.kwarg is None or may, f"{module}.{node.name} hands on **{node.args.kwarg.arg}"


@pytest.mark.parametrize("module", [m for m in MODULES if below_the_estimators(m)])
def test_nobody_below_the_estimators_gets_one_as_any(module):
    for node in functions(module):
        for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            is_any = isinstance(a.annotation, ast.Name) and a.annotation.id == "Any"
            assert not (is_any and a.arg in ESTIMATOR_NAMES), f"{module}.{node.name}: {a.arg} is Any"


def docstring_lines(nodes: ast.AST) -> int:
    count = 0
    for node in ast.walk(nodes):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            count += node.body[0].end_lineno - node.body[0].lineno + 1
    return count


@pytest.mark.parametrize("module", MODULES)
def test_module_is_short(module):
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    if module in {*ESTIMATORS, "encoding.table_encoder"}:  # what users read of parameters is long
        lines -= docstring_lines(tree(module))
    assert lines <= MAX_LINES, f"{module} has {lines} lines: it is probably two things"


def classes() -> list[type]:
    found = []
    for module in MODULES:
        loaded = importlib.import_module("sklearn_dl" if module == "__init__" else f"sklearn_dl.{module}")
        found += [c for c in vars(loaded).values() if inspect.isclass(c) and c.__module__ == loaded.__name__]
    return found


CLASSES = classes()


def is_private(cls: type) -> bool:
    return any(part.startswith("_") for part in (*cls.__module__.split("."), cls.__name__))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_class_is_abstract_or_final(cls):
    """A base is abstract or private; what inherits from a class of the package and has no subclasses is final."""
    subclasses = [c for c in CLASSES if cls in c.__bases__]
    inherits = any(base in CLASSES for base in cls.__bases__)
    final = getattr(cls, "__final__", False)
    if subclasses:
        assert not final
        assert inspect.isabstract(cls) or is_private(cls), f"{cls.__name__} is a public base that is not abstract"
    else:
        assert not inspect.isabstract(cls), f"{cls.__name__} is abstract, and nothing implements it"
        assert final or not inherits, f"{cls.__name__} is a leaf: mark it @final"


# ---------------------------------------------------------------- docstrings

# everywhere: documented at all; where parameters are listed they are those of the signature, in order, with types
ALWAYS = {"GL08", "PR02", "PR03", "PR04", "PR07", "PR10", "RT05"}
# what users call, set or extend: all parameters, what is returned, a summary of one sentence
FULL = {"PR01", "RT01", "SS03", "SS06"}
FOR_USERS = {
    "_engine.network", "_estimators.classifier", "_estimators.fitted_attributes", "_estimators.regressor",
    "architectures", "checkpoint.callback", "compare.comparison", "compare.folds", "convert", "displays",
    "encoding.table_encoder.TableEncoder", "inspection.attributions.Attributions",
    "inspection.attributions.gradient_times_input", "inspection.attributions.integrated_gradients",
    "inspection.display", "inspection.importance", "layers", "losses", "onnx.graph.Graph", "onnx.inputs",
    "onnx.layers", "onnx.outputs", "onnx.registration", "rate_finder", "schedules", "solvers",
}  # fmt: skip
EXCEPTIONS = {
    ("PR01", "_engine.network.Entry"): "a named tuple: its fields are Attributes",
    ("PR01", "inspection.attributions.Attributions"): "a record that is returned, not made: its fields are Attributes",
    ("PR01", "compare.comparison.Comparison"): "likewise",
}


def has_docstring_of_its_own(cls: type, name: str) -> bool:
    """False for a method without docstring that implements a documented one of a base."""
    return bool(getattr(vars(cls)[name], "__doc__", None)) or not inspect.getdoc(getattr(cls, name, None))


def documented() -> Iterator[str]:
    """Path of each public class, function and method that its module defines."""
    for module in MODULES:
        loaded = importlib.import_module("sklearn_dl" if module == "__init__" else f"sklearn_dl.{module}")
        for name in getattr(loaded, "__all__", ()):
            thing = getattr(loaded, name)
            if not callable(thing) or thing.__module__ != loaded.__name__:
                continue
            yield f"{module}.{name}"
            if not inspect.isclass(thing) or issubclass(thing, enum.Enum):
                continue
            for method, value in vars(thing).items():
                function = getattr(value, "__func__", value)
                is_method = inspect.isfunction(function) or isinstance(value, property) or hasattr(value, "fn")
                if is_method and not method.startswith("_") and has_docstring_of_its_own(thing, method):
                    yield f"{module}.{name}.{method}"


@pytest.mark.parametrize("path", list(documented()))
def test_docstring_follows_numpydoc(path):
    validate = pytest.importorskip("numpydoc.validate").validate
    for_users = any(path == name or path.startswith(name + ".") for name in FOR_USERS)
    result = validate(f"sklearn_dl.{path}")
    summary = result["docstring"].strip().partition("\n\n")[0]
    wrong = []
    for code, message in result["errors"]:
        if code not in ALWAYS | (FULL if for_users else set()) or (code, path) in EXCEPTIONS:
            continue
        if code == "SS03" and re.search(r"=|<-", summary):
            continue  # an equation needs no full stop
        wrong.append(f"{code} {message}")
    assert not wrong, f"{path}: {'; '.join(wrong)}"


DIFFER = {"loss", "solver", "n_folds"}  # by what "auto" is


def described(cls: type) -> dict[str, str]:
    """What a class's docstring says of each parameter."""
    from numpydoc.docscrape import ClassDoc

    return {p.name: f"{p.type}: {' '.join(p.desc)}" for p in ClassDoc(cls)["Parameters"]}


def test_both_estimators_say_the_same_of_a_parameter():
    pytest.importorskip("numpydoc")
    ours, theirs = described(sklearn_dl.DLClassifier), described(sklearn_dl.DLRegressor)
    different = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    assert different == DIFFER


# ---------------------------------------------------------------- README, examples, import


def run(*arguments: str, cwd: Path, timeout: float = 120) -> str:
    """What a Python process prints; an error where it fails."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, encoding="utf-8", timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


README = ROOT / "README.md"


def blocks(language: str, page: Path = README) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_python_blocks(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a page's Python blocks print, run in order in one namespace and inside `folder`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "agg")
    namespace: dict[str, object] = {"__name__": "page"}
    monkeypatch.setitem(sys.modules, "page", type(sys)("page"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for number, block in enumerate(blocks("python", page), 1):
            exec(compile(block, f"{page.name}, python block {number}", "exec"), namespace)
    return printed.getvalue()


def test_readme_python_blocks_run_in_order(tmp_path, monkeypatch):
    first = run_python_blocks(README, tmp_path, monkeypatch).splitlines()[0]
    told = re.search(r"# R²: (\S+)", blocks("python")[0])
    # other versions of NumPy and scikit-learn differ in last digits, which a training makes larger
    assert float(first) == pytest.approx(float(told[1]), abs=0.002), "the README's first figure is not what it prints"


MADE = {"_build", "above", "api", "auto_examples"}  # by the site, from what stands elsewhere
PAGES = [page for page in sorted((ROOT / "docs").rglob("*.md")) if not MADE & set(page.relative_to(ROOT).parts)]
GUIDES = [page for page in (ROOT / "README.zh-CN.md", *PAGES) if blocks("python", page)]
GUIDES.remove(ROOT / "docs" / "tables.md")  # test_tables.py runs it and reads what it prints
GUIDES.remove(ROOT / "docs" / "scaling.md")  # needs dask: tests/integration/test_dask.py runs it
GUIDES.remove(ROOT / "docs" / "saving.md")  # test_saving.py and tests/integration run it


@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_guide_python_blocks_run_in_order(page, tmp_path, monkeypatch):
    """Each `print` with a comment that begins with a literal prints that."""
    printed = run_python_blocks(page, tmp_path, monkeypatch).splitlines()
    promises = re.findall(r"^print\(.*\)  # (True|\[.*\]|\(.*?\))", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert not [promise for promise in promises if promise not in printed]


def test_readme_first_screen():
    first = blocks("python")[0].splitlines()
    assert sum(bool(line) for line in first) == 8
    assert [block.splitlines() for block in blocks("bash")] == [
        [
            "python -m pip install . pandas && python examples/quickstart.py",
            'python -m pip install ".[test]" && python -m pytest',
        ]
    ]


def test_readme_names_every_parameter():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for estimator in (sklearn_dl.DLClassifier, sklearn_dl.DLRegressor):
        missing = [name for name in inspect.signature(estimator).parameters if f"`{name}`" not in text]
        assert not missing


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *PAGES]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def seconds_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def test_quickstart(tmp_path):
    before = seconds_of_children()
    printed = run(str(ROOT / "examples" / "quickstart.py"), cwd=tmp_path)
    assert seconds_of_children() - before < 60  # of work, however busy the machine is
    for words in (
        "A raw table",
        "gradient boosting",
        "A grid search",
        "solver__weight_decay",
        "Beside the linear model",
        "±",
    ):
        assert words in printed
    has_picture = (tmp_path / "training_curves.png").exists()
    assert has_picture or "matplotlib is not installed" in printed


@pytest.mark.parametrize(
    "example",  # flats is a table, and scaling starts processes: CI runs it by itself
    [path for path in sorted((ROOT / "examples").glob("*.py")) if path.stem not in ("flats", "scaling")],
    ids=lambda p: p.stem,
)
def test_example_is_a_page_of_the_gallery(example):
    """The gallery runs it, when the site is built; what is asked here is that it can, and that it is found."""
    code = ast.parse(example.read_text(encoding="utf-8"))
    title, line, *_ = ast.get_docstring(code).splitlines()
    assert line == "=" * len(title)
    assert f"(../examples/{example.name})" in (ROOT / "docs" / "README.md").read_text(encoding="utf-8")


def test_import_is_light(tmp_path):
    """What scikit-learn's own networks, callbacks and metrics import comes first and does not count."""
    code = (
        "import sys, sklearn.neural_network, sklearn.callback, sklearn.metrics, sklearn.model_selection\n"
        "before = set(sys.modules)\n"
        "import sklearn_dl\n"
        "print([m for m in sorted(set(sys.modules) - before) if m.split('.')[0] != 'sklearn_dl'])"
    )
    assert run("-c", code, cwd=tmp_path).strip() == "[]"


def test_works_without_optional_packages(tmp_path):
    code = (
        "import sys\n"
        f"sys.modules |= dict.fromkeys({OPTIONAL})\n"  # None: an import of it fails
        "from sklearn_dl import DLRegressor\n"
        "print(DLRegressor(max_iter=2).fit([[0.0], [1.0]], [0.0, 1.0]).predict([[0.5]]).shape)"
    )
    assert run("-c", code, cwd=tmp_path).strip() == "(1,)"


def test_version_is_one():
    assert sklearn_dl.__version__ == sklearn_dl._version.__version__
    assert f"## [{sklearn_dl.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


# ---------------------------------------------------------------- what a person sees first


def test_only_what_is_promised_is_listed_and_all_of_it_is_there():
    public = {room(module) for module in MODULES if not module.startswith("_")}
    assert dir(sklearn_dl) == sorted({"DLClassifier", "DLRegressor", "TableEncoder", "__version__"} | public)
    code = "import sklearn_dl; print(*(getattr(sklearn_dl, name) for name in dir(sklearn_dl)))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # nothing imported them before
    with pytest.raises(AttributeError, match="module 'sklearn_dl' has no attribute 'layer'"):
        sklearn_dl.layer  # noqa: B018


@pytest.mark.parametrize("cls", [sklearn_dl.DLClassifier, sklearn_dl.DLRegressor, sklearn_dl.TableEncoder])
def test_signatures_tell_more_than_any(cls):
    free = {"classes"}  # an array, or a list of arrays for several targets
    for name in (
        "__init__",
        "fit",
        "partial_fit",
        "predict",
        "predict_proba",
        "predict_interval",
        "score",
        "transform",
    ):
        method = getattr(cls, name, None)
        if method is None or method.__module__.startswith("sklearn."):
            continue
        for parameter in list(inspect.signature(method).parameters.values())[1:]:
            is_free = parameter.name in free or (cls, name, parameter.name) == (sklearn_dl.TableEncoder, "fit", "y")
            assert is_free or parameter.annotation not in ("Any", inspect.Parameter.empty), f"{cls}.{name}: {parameter}"
