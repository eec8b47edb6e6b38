"""The package that npm installs from a running server: its bytes, and that each way to import it works."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from handlers.docs.client_package import MODULES, client_package, commonjs
from tests.running import RunningServer

ROOT = Path(__file__).resolve().parents[2]
NODE_MODULES = ROOT / "tests" / "node" / "node_modules"
ENTRIES = ("rollcall", "rollcall/react", "rollcall/login", "rollcall/testing")
NAMES = "Rollcall, RollcallProvider, Login, FakeRollcall"

USE = """
if (![Rollcall, RollcallProvider, Login, FakeRollcall].every((each) => typeof each === "function")) throw new Error();
const client = new Rollcall({ url: "http://localhost:1", token: "a" });
if (client.state !== "offline") throw new Error(client.state);
"""

TYPED = """
import RollcallByDefault, { Rollcall, type Status } from "rollcall";
import { useFeed } from "rollcall/react";
import { Login } from "rollcall/login";
import { FakeRollcall, fakeStatus } from "rollcall/testing";
export const client: Rollcall = new RollcallByDefault({ getToken: new Login({ url: "http://a" }).getToken });
export const fake: Rollcall = new FakeRollcall({ users: [fakeStatus(2)] });
export const first = (): Status | undefined => useFeed().users[0];
"""


def members(package: bytes) -> dict[str, bytes]:
    """Return the files in a package by name."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(package))) as tar:
        files = {entry.name.removeprefix("package/"): tar.extractfile(entry) for entry in tar.getmembers()}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("package.json", *(f"{module}{ending}" for module in MODULES for ending in (".js", ".d.ts"))):
        (tmp_path / name).write_bytes((ROOT / "static" / name).read_bytes())
    assert client_package(tmp_path) == client_package()
    (tmp_path / "rollcall.js").write_text("export const a = 1;\n")
    assert client_package(tmp_path) != client_package()


def test_every_exported_file_is_in_it_and_every_file_of_the_client() -> None:
    package = members(client_package())
    manifest = json.loads(package["package.json"])
    exported = {path for entry in manifest["exports"].values() for path in _paths(entry)}
    assert {f"./{name}" for name in package} == exported | {"./cjs/package.json"}
    assert {f"./{module}.js" for module in MODULES} <= exported
    assert {path.name for path in (ROOT / "static").glob("rollcall*")} <= package.keys()


def _paths(entry: str | dict[str, dict[str, str]]) -> list[str]:
    return [entry] if isinstance(entry, str) else [path for each in entry.values() for path in each.values()]


def test_the_package_has_the_projects_version() -> None:
    manifest = json.loads((ROOT / "static" / "package.json").read_text())
    assert manifest["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_a_module_becomes_commonjs() -> None:
    code = 'import { a, b as c } from "./d.js";\nexport const e = 1;\nexport async function f() {}\nexport default e;\n'
    assert commonjs(code).splitlines() == [
        'const { a, b: c } = require("./d.js");',
        "const e = 1;",
        "async function f() {}",
        "exports.default = e;",
        "",
        'Object.defineProperty(exports, "__esModule", { value: true });',
        "exports.e = e;",
        "exports.f = f;",
    ]


@pytest.mark.gen_test
async def test_the_server_serves_the_package(server: RunningServer, http: AsyncHTTPClient) -> None:
    answer = await http.fetch(f"http://{server.address}/static/rollcall-client.tgz")
    assert (answer.headers["Content-Type"], answer.body) == ("application/gzip", client_package())


def test_make_client_writes_the_same_package(tmp_path: Path) -> None:
    command = re.search(
        r"^client:.*\n\t\$\(BIN\)/python (.*) rollcall-client\.tgz$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert command is not None
    run(ROOT, sys.executable, *command[1].split(), tmp_path / "client.tgz")
    assert (tmp_path / "client.tgz").read_bytes() == client_package()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app that has installed the package, with the network off."""
    assert NODE_MODULES.is_dir(), "run `make node` first"
    folder = tmp_path_factory.mktemp("app")
    (folder / "client.tgz").write_bytes(client_package())
    (folder / "package.json").write_text('{ "private": true }')
    run(folder, "npm", "install", "--offline", "--no-audit", "--no-fund", "--legacy-peer-deps", "./client.tgz")
    for name in ("react", "@types", "csstype", "typescript", "@typescript"):
        (folder / "node_modules" / name).symlink_to(NODE_MODULES / name)
    return folder


def run(folder: Path, *argv: str | Path) -> None:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_programs_import_and_require_it(app: Path) -> None:
    imports = "".join(
        f'import {{ {name} }} from "{entry}";\n' for name, entry in zip(NAMES.split(", "), ENTRIES, strict=True)
    )
    requires = "".join(
        f'const {{ {name} }} = require("{entry}");\n' for name, entry in zip(NAMES.split(", "), ENTRIES, strict=True)
    )
    (app / "esm.mjs").write_text(imports + USE)
    (app / "cjs.cjs").write_text(requires + USE + 'if (require("rollcall").default !== Rollcall) throw new Error();\n')
    run(app, "node", "esm.mjs")
    run(app, "node", "cjs.cjs")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "module", "resolution"),
    [("app.mts", "nodenext", "nodenext"), ("app.cts", "nodenext", "nodenext"), ("app.ts", "esnext", "bundler")],
)
def test_typed_programs_compile(app: Path, file: str, module: str, resolution: str) -> None:
    (app / file).write_text(TYPED)
    tsc = app / "node_modules" / "typescript" / "bin" / "tsc"
    run(
        app, "node", tsc, "--strict", "--noEmit", "--skipLibCheck", "false", "--target", "es2022", "--lib",
        "es2023,dom", "--types", "react", "--module", module, "--moduleResolution", resolution, file,
    )  # fmt: skip
