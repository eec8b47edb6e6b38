"""Others' tools read the examples: the schemas of Kubernetes and of compose files, Caddy, and Redis itself.

Only `make test-packages` runs these tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from chaos.ports import free_port
from tests.cluster.proxies import check_caddy
from tests.deploy.debian import run
from tests.deploy.files import DEPLOY, compose_file

pytestmark = [pytest.mark.packages, pytest.mark.slow]

READ_COMPOSE = "import sys, compose_spec; print(compose_spec.PyCompose.from_yaml(sys.stdin.read()).service_names())"


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the tools from PyPI, and return the folder with their programs."""
    folder = tmp_path_factory.mktemp("tools")
    run(sys.executable, "-m", "venv", str(folder))
    run(str(folder / "bin" / "pip"), "install", "-q", "kubernetes-validate==1.37.0", "compose-spec==0.2.1")
    return folder / "bin"


def test_kubernetes_schemas_accept_the_example(tools: Path) -> None:
    run(str(tools / "kubernetes-validate"), "--strict", str(DEPLOY / "kubernetes" / "rollcall.yaml"))


def test_the_schema_of_compose_files_accepts_the_example(tools: Path) -> None:
    resolved = {name: value for name, value in compose_file().items() if not name.startswith("x-")}
    said = run(str(tools / "python"), "-c", READ_COMPOSE, given=yaml.safe_dump(resolved))
    assert "rollcall-1" in said


def test_caddy_accepts_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOMAIN", "calls.example.org")
    said = check_caddy(tmp_path, (DEPLOY / "Caddyfile").read_text())
    assert "Valid configuration" in said, said


def test_redis_starts_with_the_command_of_the_example_and_its_health_check_succeeds(tmp_path: Path) -> None:
    service, port = compose_file()["services"]["redis"], str(free_port())
    _, *check = service["healthcheck"]["test"]
    redis = subprocess.Popen(
        [*service["command"], "--port", port, "--bind", "127.0.0.1", "--dir", str(tmp_path)], stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while not _is_healthy(check, port, service["environment"]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert not _is_healthy(check, port, {"REDISCLI_AUTH": "wrong"})
    finally:
        redis.terminate()
        assert redis.wait(10) == 0


def _is_healthy(check: list[str], port: str, variables: dict[str, str]) -> bool:
    done = subprocess.run(
        [check[0], "-p", port, *check[1:]], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    return (done.returncode, done.stdout.strip()) == (0, "PONG")
