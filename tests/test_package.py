"""What stands around the package: metadata, the files for those who cite or report, and the public CI's workflows."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

import sklearn_dl

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def load(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def workflow(path: Path) -> dict:
    found = load(path)
    found["on"] = found.pop(True, found.get("on"))  # YAML 1.1 reads `on` as a truth value
    return found


def wrong_steps(job: dict) -> list[str]:
    """What is wrong with a job's steps: no action or command, an action without version, a file that is not there."""
    found = []
    for step in job["steps"]:
        if ("uses" in step) == ("run" in step):
            found.append(f"either uses or run: {step}")
        if "uses" in step and not re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", step["uses"]):
            found.append(f"not an action of a version: {step['uses']}")
        for word in re.findall(r"(?:\.ci|docs|tests)/[\w/.]*\w", step.get("run", "")):
            if not (ROOT / word).exists() and "_build" not in word:
                found.append(f"{word} is not there")
        for extra in re.findall(r"\.\[(\w+)\]", step.get("run", "")):
            if extra not in PROJECT["optional-dependencies"]:
                found.append(f"{extra} is no extra")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflow_is_one(path):
    found = workflow(path)
    assert set(found) <= {"name", "on", "permissions", "concurrency", "env", "jobs"}
    assert found["on"]
    assert found["permissions"] == {"contents": "read"}, "what writes says so in its job"
    for name, job in found["jobs"].items():
        known = {"runs-on", "steps", "strategy", "needs", "permissions", "environment", "timeout-minutes", "env"}
        assert set(job) <= known, name
        assert "runs-on" in job, name
        assert set([job["needs"]] if "needs" in job else []) <= set(found["jobs"]), name
        assert not wrong_steps(job), name


def test_the_check_of_workflows_sees_what_is_wrong():
    steps = [
        {"uses": "actions/checkout"},
        {"name": "nothing"},
        {"run": "bash .ci/walk"},
        {"run": 'python -m pip install ".[tests]"'},
    ]
    assert len(wrong_steps({"steps": steps})) == 4


def test_all_promised_systems_and_pythons_are_tested():
    matrix = workflow(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["systems"]["strategy"]["matrix"]
    promised = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert matrix["python"] == promised
    assert f">={promised[0]}" == PROJECT["requires-python"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}


def test_publishing_needs_no_secret():
    jobs = workflow(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["environment"]["name"] == "pypi"
    assert not any("secrets." in path.read_text(encoding="utf-8") for path in WORKFLOWS)


def test_lowest_versions_are_those_of_pyproject():
    lines = runpy.run_path(str(ROOT / ".ci" / "lowest.py"))["lowest"](PROJECT)
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), lines
    names = {line.partition("==")[0] for line in lines}
    assert names >= {"numpy", "scipy", "scikit-learn", "pandas", "polars", "pyarrow", "pytest"}


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda p: p.stem)
def test_issue_form_is_one(path):
    found = load(path)
    assert {"name", "description", "body"} <= set(found)
    for field in found["body"]:
        assert field["type"] in {"textarea", "input", "markdown", "dropdown", "checkboxes"}
        assert field["attributes"]["label"]
    assert any(field.get("validations", {}).get("required") for field in found["body"])


def test_citation_is_of_this_version():
    found = load(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(found)
    assert found["version"] == sklearn_dl.__version__
    assert found["license"] == PROJECT["license"]
    assert all("name" in author or "family-names" in author for author in found["authors"])
