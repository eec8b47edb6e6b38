"""Minimum versions: no setting can fix what an older library does wrong."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from handlers.docs.openapi import API_VERSION

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {"tornado": (6, 6, 1), "PyJWT": (2, 15, 1), "jinja2": (3, 1, 6), "pymongo": (4, 20), "motor": (3, 7, 1)}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def pins() -> dict[str, str]:
    """Return the versions that the requirements files pin, by name."""
    files = [ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"]
    lines = [line.partition("#")[0].strip() for path in files for line in path.read_text().splitlines()]
    return dict(line.split("==") for line in lines if "==" in line)


@pytest.mark.parametrize("library", FLOORS)
def test_a_library_is_not_below_its_floor_here_nor_in_the_requirements(library: str) -> None:
    assert numbers(version(library)) >= FLOORS[library]
    assert numbers(pins()[library]) >= FLOORS[library]


def test_the_api_documents_carry_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == API_VERSION


def test_pytest_is_below_ten_because_of_pytest_tornados_hooks() -> None:
    assert numbers(version("pytest")) < (10,)
    assert numbers(pins()["pytest"]) < (10,)


def test_every_requirement_is_pinned_and_says_what_it_does() -> None:
    for path in (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"):
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                assert re.fullmatch(r"[\w.-]+==[\w.]+ +# \S.*", line), line


def test_python_is_what_the_project_asks_for() -> None:
    assert sys.version_info >= (3, 11)
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text()
