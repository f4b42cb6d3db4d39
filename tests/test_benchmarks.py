"""The benchmarks run, and measure what they say: with a few rows and units, on whatever peers are installed."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import VARIABLES, WAYS, ensembles, use_ways
from benchmarks.ensembles import ENSEMBLES
from benchmarks.suites import SUITES
from benchmarks.timing import in_turn, ratio
from benchmarks.works import OURS, PEERS, WORKS
from sklearn_dl._engine import Workspace
from sklearn_dl._numerics import NUMPY
from sklearn_dl.layers import Dense, Parallel

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sklearn_dl"


def test_figures_of_the_pages(capsys):
    importlib.import_module("benchmarks.figures").main(["luck", "writing", "--smoke"])
    luck, *seconds = capsys.readouterr().out.splitlines()
    corrected, usual = map(int, re.findall(r"(?:corrected|usual): (\d+)", luck))
    assert 20 >= corrected > usual
    assert len(seconds) == 2


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a benchmark here, in a moment; gives what it prints."""
    for name in (*VARIABLES, "XLA_FLAGS", "PYTHONWARNINGS"):
        monkeypatch.setenv(name, "")  # so that they are as before afterwards
        monkeypatch.delenv(name)

    def run(module, *arguments):
        importlib.import_module(f"benchmarks.{module}").main(["--smoke", "--repeat", "1", *arguments])
        return capsys.readouterr().out

    return run


def cells(printed, first):
    """The cells of the rows of Markdown tables that begin with a word."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines() if line[:1] == "|"]
    return [row[1:] for row in rows if row[0] == first]


def test_the_table_of_ratios(run):
    printed = run("__main__", "--threads", "2", "--busy", "1")
    for suite in SUITES:
        installed = [peer.label for peer in suite.peers if peer.installed]
        assert "products" in installed
        assert cells(printed, suite.label) == [[*installed, "ours, µs a step"], ["ours", *installed]]
        for name in suite.works:
            idle, busy = cells(printed, name)
            assert all(re.fullmatch(r"\d+\.\d\d \(\d+\.\d\d-\d+\.\d\d\)", cell) for cell in [*idle[:-1], *busy])
            assert len(busy) == len(installed) + 1
            assert int(idle[-1]) > 0
    assert len(cells(printed, "one row")) == len(cells(printed, "90 rows")) == 1


def test_only_what_is_asked_for(run):
    printed = run("__main__", "--only", "small")
    assert cells(printed, "small")
    assert not cells(printed, "tiny")
    assert "predict_proba" not in printed


def test_several_by_what_they_begin_with(run):
    printed = run("__main__", "--only", "ensemble-mixed,predict")
    found = re.findall(r"^\| (ensemble\S*)", printed, re.MULTILINE)
    assert found == ["ensemble-mixed-regression", "ensemble-mixed-classification"]
    assert "predict_proba" in printed


@pytest.mark.parametrize(("module", "arguments"), [("__main__", []), ("compare_commits", ["HEAD"])])
def test_an_unknown_work_is_told(run, capsys, module, arguments):
    with pytest.raises(SystemExit):
        run(module, *arguments, "--only", "huge")
    assert "there is no work 'huge'; there are tiny, small" in capsys.readouterr().err


def test_ways_of_computing(run, capsys, monkeypatch):
    asked = {name: value for way in WAYS.values() for name, value in way.items()}
    for name in asked:
        monkeypatch.setenv(name, "")  # so that they are as before afterwards
    assert "ours by numpy;" in run("__main__", "--only", "small,ensemble-numbers", "--ours", "numpy")
    assert use_ways("numpy") == "float32"
    assert use_ways("mkl,bfloat16") == "bfloat16"
    assert os.environ["SKLEARN_DL_BLAS"] == "mkl"
    with pytest.raises(SystemExit):
        run("__main__", "--ours", "fortran")
    assert "there is no way 'fortran'; there are numpy, mkl, numba, bfloat16" in capsys.readouterr().err


@pytest.mark.parametrize("work", WORKS.values(), ids=list(WORKS))
def test_all_libraries_do_the_same_work(work):
    """The same number of weights and of steps."""
    small = work.shrunk()
    x, y = small.table()
    model, peer = OURS.fit(small, x, y, 1), PEERS[0].fit(small, x, y, 1)
    assert [c.shape for c in model.coefs_] == [c.shape for c in peer.coefs_]
    assert model.network_.values.dtype == peer.coefs_[0].dtype == np.float32
    assert model.n_iter_ == peer.n_iter_ == small.epochs
    assert sum(small.batches) == small.rows
    assert peer.t_ == small.rows * small.epochs


@pytest.fixture(scope="module", params=ENSEMBLES)
def ensemble(request):
    """A small work of the default ensemble, and its fit by us."""
    work = ENSEMBLES[request.param].shrunk()
    return work, ensembles.ours(work, *work.table(), 1)


def test_an_ensemble_is_the_default_with_the_epochs_that_the_work_says(ensemble):
    work, model = ensemble
    whole = ENSEMBLES[work.name]
    default = type(model)().get_params(deep=False)
    changed = {name for name, value in model.get_params(deep=False).items() if value != default[name]}
    assert changed <= {"max_iter", "encoder", "dtype", "random_state", "n_jobs"}
    assert whole.rows == 10_000
    assert (len(model.history_), model.fitted_.state.judged) == (ensembles.EPOCHS, ensembles.EPOCHS - ensembles.LAST)
    judged = ["validation_loss" in epoch for epoch in model.history_]
    assert judged == [True] * (ensembles.EPOCHS - ensembles.LAST) + [False] * ensembles.LAST


def test_the_peers_of_an_ensemble_have_its_shapes(ensemble):
    work, model = ensemble
    layout, network = model.fitted_.layout, model.network_
    dense, codes = work.encoded(work.table()[0])
    assert (layout.n_numeric, list(layout.cardinalities)) == (dense.shape[1], work.cardinalities)
    assert codes.shape[1] == len(work.cardinalities)
    assert isinstance(network.layer, Parallel)
    assert len(network.parts) == ensembles.PARTS
    assert (
        model.network_.layer.layers[0].children[-1].children[-1].n_members * ensembles.PARTS
        == ensembles.PARTS * ensembles.MEMBERS
    )
    body = [layer for layer in network.parts[0].layer.children[-1].children if isinstance(layer, Dense)]
    assert [(layer.n_in, layer.n_out) for layer in body] == list(pairwise(work.sizes[:-1]))


def test_torch_learns_as_many_numbers(ensemble):
    pytest.importorskip("torch")
    work, model = ensemble
    assert sum(p.numel() for p in ensembles.torch_network(work).parameters()) == model.network_.n_params


def test_the_products_of_an_ensemble_are_those_of_its_network(ensemble, monkeypatch):
    """As many multiplications in a step as the layers ask for."""
    work, model = ensemble
    counted, plain = {"floor": 0, "ours": 0}, np.matmul

    def counting(of, product):
        def call(a, b, out=None):
            counted[of] += a.size * b.shape[-1]
            return product(a, b, out=out)

        return call

    n, part = 16, model.network_.parts[0]
    x = model.encoder_.encode(work.table()[0][:n], np.float32)
    run = Workspace(part, training=True)
    for name in ("dot", "matmul"):
        monkeypatch.setattr(type(NUMPY), name, staticmethod(counting("ours", getattr(np, name))))
    run.backward(np.ones_like(run.forward(x)))
    run.gradients()
    monkeypatch.setattr(np, "matmul", counting("floor", plain))
    ensembles._multiply(work, n, 1, forward_alone=False)
    floor = counted["floor"] / 2  # each is done once more, to make the array
    assert floor == counted["ours"] if not work.levels else floor <= counted["ours"]


def test_things_are_run_in_turn():
    calls = []
    times = in_turn({name: (lambda name=name: calls.append(name)) for name in "ab"}, 3)
    assert calls == list("ababab")
    assert [len(t) for t in times.values()] == [3, 3]
    assert ratio([2.0, 3.0, 8.0], [1.0, 2.0, 1.0]) == "2.00 (1.50-8.00)"


def test_a_search(run):
    assert "over {'alpha': [0.0, 0.0001]}" in run("search", "--jobs", "1")


def test_small_things(run):
    printed = run("small")
    assert re.search(r"pickle: \d+ bytes", printed)
    assert "modules of ours, others: none" in printed
    assert len(re.findall(r"one row, .*: median \d+ µs", printed)) == 2


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")


@needs_proc
def test_memory(run):
    printed = run("memory")
    assert re.search(r"in memory: 3000 x 50 float32, .* peak \d+ MB", printed)
    assert re.search(r"mapped: 2000 x 200 float32, .* peak \d+ MB", printed)


@needs_proc
def test_a_peak_counts_arrays_and_not_mapped_files(tmp_path):
    from benchmarks.memory import MB, peak

    np.ones(30 * MB // 8).tofile(tmp_path / "file")
    with peak() as found:
        mapped = np.memmap(tmp_path / "file", float, "r")
        assert mapped.sum() == len(mapped)
    assert found["most"] - found["before"] < 10 * MB
    with peak() as found:
        np.ones(60 * MB // 8).sum()
    assert 55 * MB < found["most"] - found["before"] < 80 * MB


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_two_commits(run, tmp_path, monkeypatch):
    """The checkout as it is sleeps at each fit, the commit does not."""
    tree = tmp_path / "tree"
    shutil.copytree(PACKAGE, tree / "sklearn_dl", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "benchmarks", tree / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]

    def git(*arguments):
        subprocess.run(["git", *identity, *arguments], cwd=tree, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "fast")
    base = tree / "sklearn_dl" / "_estimators" / "base.py"
    text = base.read_text(encoding="utf-8")
    slow = text.replace("plan = plan_for(UNKNOWN)", "plan = __import__('time').sleep(0.5) or plan_for(UNKNOWN)", 1)
    assert slow != text
    base.write_text(slow, encoding="utf-8")
    module = importlib.import_module("benchmarks.compare_commits")
    monkeypatch.setattr(module, "ROOT", tree)
    assert float(cells(run("compare_commits", "HEAD", "--only", "tiny"), "tiny")[0][0].partition(" ")[0]) > 2
    assert [path.name for path in (tree / ".git" / "worktrees").glob("*")] == []


@pytest.mark.usefixtures("run")  # its environment
def test_the_same_bits(tmp_path, monkeypatch, capsys):
    """Of the package as it is, and of one with another Adam and a broken RMSprop."""
    same_bits = importlib.import_module("benchmarks.same_bits")
    shutil.copytree(PACKAGE, tmp_path / "sklearn_dl", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "sklearn_dl" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write("from . import solvers\nsolvers.Adam.learning_rate_init = 0.003\nsolvers.RMSprop.step = None\n")
    trees = {"HEAD": ROOT, None: tmp_path}
    monkeypatch.setattr(same_bits, "checkout", lambda revision, folder: nullcontext(trees[revision]))
    chosen = ["HEAD", "--only", "sgd,adam,rmsprop"]
    assert same_bits.main(chosen) == 1
    assert same_bits.main([*chosen, "--but", "rmsprop,adam"]) == 0
    printed = capsys.readouterr().out
    assert len(re.findall(r"^sgd +same [0-9a-f]{12}$", printed, re.MULTILINE)) == 2
    found = r"^adam +DIFFERENT: predictions \d\.\de[+-]\d\d, loss_curve_ \d\.\de[+-]\d\d( \(may be\))?$"
    assert re.findall(found, printed, re.MULTILINE) == ["", " (may be)"]
    assert re.search(r"^rmsprop +the second raised TypeError: ", printed, re.MULTILINE)
    assert "1 of 3 are the same, 0 may differ, 2 must not" in printed


def test_an_unknown_configuration_is_told(capsys):
    with pytest.raises(SystemExit):
        importlib.import_module("benchmarks.same_bits").main(["HEAD", "--but", "adma"])
    assert "there is no configuration 'adma'; there are defaults-regressor, " in capsys.readouterr().err


@pytest.mark.parametrize("module", ["__main__", "compare_commits", "memory", "search", "small"])
def test_help_loads_nothing(module):
    """So that the numbers of threads are set before NumPy reads them."""
    code = (
        "import sys, importlib\n"
        f"module = importlib.import_module('benchmarks.{module}')\n"
        "try: module.main(['--help'])\n"
        "except SystemExit: sys.exit('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "--repeat" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the search that is killed is a fork")
def test_halving_finds_what_a_grid_search_finds_also_when_it_is_killed(run):
    ((*_, behind, _, _, ratio, killed),) = cells(run("halving", "--only", "diabetes"), "diabetes, 3 candidates")
    assert float(behind) >= 0
    assert float(ratio) > 0
    assert re.fullmatch(r"\d+, (the same|it was over before)", killed)
