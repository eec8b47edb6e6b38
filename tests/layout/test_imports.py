"""Imports go down only: settings → models → realtime → handlers → operation → server."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ["settings", "models", "realtime", "handlers", "operation", "server"]


@dataclass(frozen=True)
class Import:
    """An import: the importing module, the line, the target, and whether it is inside a function."""

    module: str
    line: int
    target: str
    is_inside: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


@cache
def sources() -> dict[str, ast.Module]:
    """Return the server's own modules by dotted name."""
    files = [ROOT / "settings.py", ROOT / "server.py"]
    files += [path for floor in FLOORS if (ROOT / floor).is_dir() for path in (ROOT / floor).rglob("*.py")]
    names = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for path, name in names.items()}


def imports(module: str, tree: ast.Module) -> Iterator[Import]:
    """Yield all imports of a module."""
    inside = {
        id(each)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(module, node.lineno, alias.name, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports relatively"
            yield Import(module, node.lineno, node.module or "", id(node) in inside)


@cache
def all_imports() -> list[Import]:
    """Return the imports of all modules. Reading them takes seconds, which only the process that checks them spends."""
    return [each for module, tree in sources().items() for each in imports(module, tree)]


def floor(dotted: str) -> int | None:
    """Return the layer of one of our modules."""
    top = dotted.partition(".")[0]
    return FLOORS.index(top) if top in FLOORS else None


def wrong(*targets: str, allowed_in: tuple[str, ...] = (), only_in: str = "") -> list[str]:
    """Return the imports of some packages, in one layer or in all but some."""
    return [
        str(each)
        for each in all_imports()
        if each.target.partition(".")[0] in targets
        and each.module.partition(".")[0] not in allowed_in
        and each.module.startswith(only_in)
    ]


def test_the_modules_are_found() -> None:
    assert {module.partition(".")[0] for module in sources()} == set(FLOORS)
    assert len(all_imports()) > 200


def test_nothing_imports_from_a_floor_above() -> None:
    upwards = []
    for each in all_imports():
        here, there = floor(each.module), floor(each.target)
        if here is not None and there is not None and there > here:
            upwards.append(str(each))
    assert upwards == []


def test_nothing_imports_what_is_beside_the_house() -> None:
    assert wrong("tests", "benchmarks", "chaos", "docs") == []


def test_settings_know_the_standard_library_alone() -> None:
    names = {each.target.partition(".")[0] for each in all_imports() if each.module == "settings"}
    assert names <= set(sys.stdlib_module_names)


def test_realtime_knows_neither_tornado_nor_a_store_nor_a_clock_of_its_own() -> None:
    assert wrong("tornado", "motor", "pymongo", "bson", "sqlite3", "redis", "jwt", only_in="realtime") == []
    assert wrong("time", "random", "threading", "socket", only_in="realtime") == []
    asked = [
        f"{module}:{node.lineno}"
        for module, tree in sources().items()
        for node in ast.walk(tree)
        if module.startswith("realtime")
        and isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date")
    ]
    assert asked == []


def test_only_models_know_the_stores() -> None:
    assert wrong("motor", "pymongo", "bson", "sqlite3", "redis", allowed_in=("models",)) == []


def test_models_know_no_tornado() -> None:
    assert wrong("tornado", only_in="models") == []


def test_only_one_module_knows_what_a_token_is_made_of() -> None:
    assert {each.module for each in all_imports() if each.target == "jwt"} == {"models.tokens"}


def test_nothing_is_imported_inside_a_function() -> None:
    assert [str(each) for each in all_imports() if each.is_inside] == []


def test_only_what_few_starts_need_is_imported_late() -> None:
    """Serving, which other commands do without, and the drivers of MongoDB and Redis."""
    late = {
        (module, ast.literal_eval(node.args[0]))
        for module, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "import_module"
    }
    assert late == {
        ("operation.cli.main", "operation.serving"),
        ("models.database", "models.mongodb"),
        ("operation.shared_log", "models.redis.from_settings"),
    }
    assert all((floor(target) or 0) <= (floor(module) or 0) for module, target in late)


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("operation.cli.main", {"handlers", "motor", "redis", "jinja2", "prometheus_client"}),
        ("operation.serving", {"motor", "redis"}),
    ],
)
def test_a_start_imports_only_what_it_needs(module: str, spared: set[str]) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert spared.isdisjoint(loaded.stdout.split())


def test_there_are_no_cycles() -> None:
    known = set(sources())
    edges: dict[str, set[str]] = {module: set() for module in known}
    for each in all_imports():
        if each.target in known:
            edges[each.module].add(each.target)
    while leaves := {module for module, targets in edges.items() if not targets}:
        edges = {module: targets - leaves for module, targets in edges.items() if module not in leaves}
    assert edges == {}


def test_no_module_has_state_that_functions_change() -> None:
    declared = [
        f"{module}:{node.lineno}"
        for module, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Global)
    ]
    assert declared == []


@pytest.mark.parametrize("module", sorted(sources()))
def test_a_module_says_in_its_first_line_what_it_is(module: str) -> None:
    assert ast.get_docstring(sources()[module]), module
