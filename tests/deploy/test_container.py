"""The Containerfile's steps are carried out in a folder with Debian, and the server runs there as its user.

No container engine runs here: only `make test-packages` runs these tests, as root. The root file system is read-only,
the server's process has the id 1, and it has no capabilities.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.ports import free_port
from tests.deploy.container import Container
from tests.deploy.containerfile import Stage, read_containerfile
from tests.deploy.debian import make_debian
from tests.deploy.files import kubernetes
from tests.deploy.image import Builder

pytestmark = [pytest.mark.packages, pytest.mark.slow]

PASSWORD = "correct horse battery"
BUILD_TOOLS = {"gcc", "cc", "c++", "ld", "as", "make", "git", "pip", "pip3", "wget", "curl"}

Image = tuple[Path, Stage]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Build the image once. It takes a gigabyte, which is freed afterwards."""
    assert os.geteuid() == 0, "debootstrap and chroot need root: run `make test-packages` as root"
    folder = tmp_path_factory.mktemp("image")
    stages = read_containerfile()
    (suite,) = {found for stage in stages for found in re.findall(r"debian:(\w+)-\d+-slim@", stage.base)}
    debian = folder / "debian"
    make_debian(suite, debian)
    builder = Builder(folder, debian)
    yield [builder.build(stage) for stage in stages][-1], stages[-1]
    shutil.rmtree(folder)


@pytest.fixture
def ports() -> dict[str, str]:
    """Return variables with free ports, because all servers of this machine share its network."""
    return {"ROLLCALL_PORT": str(free_port()), "ROLLCALL_PROBE_PORT": str(free_port())}


@pytest.fixture
def container(image: Image, ports: dict[str, str], tmp_path: Path) -> Iterator[Container]:
    """Make a container that is not started yet."""
    made = Container(*image, tmp_path / "data", **ports)
    yield made
    made.kill()


def ask(port: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Send a request, and return the status and the body of the answer."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_it_serves_as_its_user_on_a_read_only_root_and_stops_cleanly(
    container: Container, ports: dict[str, str]
) -> None:
    container.start()
    assert ask(ports["ROLLCALL_PROBE_PORT"], "/healthz") == (200, {"status": "alive"})
    assert ask(ports["ROLLCALL_PROBE_PORT"], "/readyz") == (200, {"status": "ready"})
    assert container.is_healthy()
    account = {"username": "ada", "password": PASSWORD}
    assert ask(ports["ROLLCALL_PORT"], "/auth/register", account)[0] == 201
    process = container.process_status()
    assert process["Uid"].split() == process["Gid"].split() == ["10001"] * 4
    assert int(process["CapEff"], 16) == int(process["CapBnd"], 16) == 0
    assert process["NSpid"].split()[-1] == "1"
    assert container.stop() == 0
    assert json.loads(container.log.read_text().splitlines()[-1])["event"] == "stopped"
    assert not container.is_healthy()


def test_what_is_on_the_volume_outlives_the_container_also_if_it_was_killed(
    container: Container, ports: dict[str, str]
) -> None:
    container.start()
    account = {"username": "ada", "password": PASSWORD}
    assert ask(ports["ROLLCALL_PORT"], "/auth/register", account)[0] == 201
    container.kill()
    container.start()
    assert ask(ports["ROLLCALL_PORT"], "/auth/login", account)[0] == 200
    assert container.stop() == 0


def test_commands_run_beside_the_server(container: Container, ports: dict[str, str], image: Image) -> None:
    container.start()
    entrypoint = image[1].only("ENTRYPOINT").words
    password = secrets.token_urlsafe(16)
    add = [*entrypoint, "operator", "add", "maya", "--role", "admin", "--password-stdin"]
    assert container.run(*add, given=f"{password}\n")[0] == 0
    code, said = container.run(*entrypoint, "operator", "list")
    assert (code, "maya" in said) == (0, True)
    pod = kubernetes()["Deployment"]["spec"]["template"]["spec"]
    *stop, _ = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert container.run(*stop, "0")[0] == 0
    assert container.stop() == 0


@pytest.mark.parametrize("place", ["/", "/opt/rollcall", "/opt/rollcall/static", "/tmp", "/var/tmp", "/run"])
def test_nothing_but_the_volume_can_be_written(container: Container, place: str) -> None:
    assert container.run("touch", "/data/here")[0] == 0
    code, said = container.run("touch", f"{place}/here")
    assert code != 0
    assert "Read-only" in said


def test_the_image_has_no_build_tools_and_no_package_lists(image: Image) -> None:
    root = image[0]
    programs = {
        each.name for folder in ("usr/bin", "usr/sbin", "opt/rollcall/.venv/bin") for each in (root / folder).iterdir()
    }
    assert "python3" in programs
    assert programs & BUILD_TOOLS == set()
    assert list((root / "opt/rollcall/.venv/lib").glob("*/site-packages/pip")) == []
    assert list((root / "var/lib/apt/lists").iterdir()) == []


def test_the_documents_are_served_from_the_image(container: Container, ports: dict[str, str]) -> None:
    container.start()
    for path in ("/docs", "/docs/operating", "/docs/changelog", "/static/rollcall.js", "/admin/login"):
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['ROLLCALL_PORT']}{path}", timeout=10) as answer:
            assert answer.status == 200
    assert container.stop() == 0
