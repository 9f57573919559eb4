"""The files around the package agree with each other."""

from __future__ import annotations

import re
from configparser import ConfigParser

import pytest
import yaml
from source_tree import REPOSITORY

PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)", (REPOSITORY / "constraints.txt").read_text().lower(), re.MULTILINE))


def test_pre_commit_has_the_versions_of_the_constraints() -> None:
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    revisions = {
        repo["repo"].rpartition("/")[2].removesuffix("-pre-commit"): repo.get("rev") for repo in config["repos"]
    }
    assert revisions["ruff"] == f"v{PINNED['ruff']}"


@pytest.mark.parametrize("extra", ["dev", "docs"])
def test_every_development_tool_is_pinned(extra: str) -> None:
    setup = ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    tools = re.findall(r"^[\w.-]+", setup["options.extras_require"][extra], re.MULTILINE)
    assert set(map(str.lower, tools)) - {"monai_lungxfer"} <= set(PINNED)


def test_issues_ask_for_the_installation_and_remind_of_privacy() -> None:
    templates = sorted((REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert len(templates) == 3
    for template in templates:
        text = template.read_text()
        assert {"name", "description", "body"} <= set(yaml.safe_load(text))
        assert "lungxfer doctor" in text
        assert "patient" in text


def test_the_workflow_calls_what_runs_anywhere() -> None:
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())
    assert "bash .ci/run" in [step.get("run") for step in workflow["jobs"]["ci"]["steps"]]
    script = (REPOSITORY / ".ci" / "run").read_text()
    for tool in ("ruff check", "ruff format --check", "mypy monai_lungxfer", "lint-imports", "sphinx-build -W"):
        assert tool in script


def test_tests_mirror_the_package_and_share_what_is_in_helpers() -> None:
    tests = REPOSITORY / "tests"
    others = {"benchmarks", "docs", "scripts", "security", "shipped_bundles"}
    files = [path.relative_to(tests) for path in tests.rglob("*.py") if "helpers" not in path.parts]
    assert {file.name for file in files if not file.match("test_*.py")} == {"conftest.py"}
    rooms = {file.parent for file in files if file.parts[0] not in others}
    assert not {room for room in rooms if not (REPOSITORY / "monai_lungxfer" / room).is_dir()}
