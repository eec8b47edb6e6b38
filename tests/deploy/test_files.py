"""The Containerfile, the compose file and the Kubernetes example agree with each other and with the code.

No container engine and no cluster runs here: the compose file and the Kubernetes example are never started.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from operation.settings_reader import read_settings
from settings import Settings, variables
from tests.cluster.proxies import documented
from tests.deploy.containerfile import Stage, read_containerfile
from tests.deploy.files import DEPLOY, ENV_FILE, compose_file, kubernetes
from tests.layout.test_imports import FLOORS
from tests.program import ROOT

DEFAULTS = Settings()
EXIT_MARGIN_SECONDS = 5.0
"""How much longer than the server needs to stop a platform should wait before it kills it."""


@pytest.fixture
def image() -> Stage:
    """Return the last stage of the Containerfile."""
    return read_containerfile()[-1]


@pytest.fixture
def compose() -> dict[str, Any]:
    """Return the compose file with the values of its file .env."""
    return compose_file()


@pytest.fixture
def deployment() -> dict[str, Any]:
    """Return the Deployment of the Kubernetes example."""
    return kubernetes()["Deployment"]


@pytest.fixture
def pod(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the pod that it makes."""
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def seconds(text: str) -> float:
    """Return a duration such as 15s."""
    return float(text.removesuffix("s"))


def test_the_base_is_pinned_by_its_digest_and_is_the_same_in_both_stages() -> None:
    build, final = read_containerfile()
    assert build.base == final.base
    assert re.fullmatch(r"docker\.io/library/debian:bookworm-\d{8}-slim@sha256:[0-9a-f]{64}", final.base)


def test_the_image_has_everything_that_the_server_reads(image: Stage) -> None:
    copied = {source for each in image.all("COPY") if not each.flags for source in each.words[:-1]}
    modules = {name for name in FLOORS if (ROOT / name).is_dir()} | {"server.py", "settings.py"}
    pages = {path.name for path in ROOT.glob("*.md")}
    assert copied == modules | pages | {"static", "templates", "docs", "LICENSE"}
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules[1:-1]} == copied | {"requirements.txt"}
    assert rules[-1] == "**/__pycache__"


def test_the_image_sets_only_settings_that_exist_and_opens_the_ports_that_it_sets(image: Stage) -> None:
    given = {name: value for name, value in image.environment.items() if name.startswith("ROLLCALL_")}
    settings = read_settings(given)
    assert image.only("EXPOSE").words == [str(settings.port), str(settings.probe_port)]
    assert image.only("VOLUME").words == [str(settings.data_dir)]
    assert image.only("USER").text == "10001:10001"
    assert image.only("STOPSIGNAL").text == "SIGTERM"
    assert "ROLLCALL_PROBE_PORT" in image.only("HEALTHCHECK").text


def test_the_compose_files_servers_start_with_the_settings_that_it_gives(compose: dict[str, Any], image: Stage) -> None:
    servers = [name for name in compose["services"] if name.startswith("rollcall")]
    assert len(servers) >= 2
    for name in servers:
        given = {**image.environment, **compose["services"][name]["environment"]}
        settings = read_settings({key: value for key, value in given.items() if key in variables()})
        assert settings.node_name == name
        assert settings.redis_url == f"redis://:{ENV_FILE['REDIS_PASSWORD']}@redis"
        assert settings.trusted_proxies == (compose["networks"]["front"]["ipam"]["config"][0]["subnet"],)


def test_the_compose_file_gives_each_server_a_read_only_root_no_rights_and_time_to_stop(
    compose: dict[str, Any],
) -> None:
    for name, service in compose["services"].items():
        if name.startswith("rollcall"):
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert service["security_opt"] == ["no-new-privileges:true"]
            assert seconds(service["stop_grace_period"]) >= DEFAULTS.exit_seconds + EXIT_MARGIN_SECONDS
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_only_caddy_can_be_reached_from_outside(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["caddy"]
    assert compose["networks"]["back"]["internal"] is True
    for name in ("mongodb", "redis"):
        assert services[name]["networks"] == ["back"]
    assert services["caddy"]["networks"] == ["front"]


def test_every_image_and_volume_of_the_compose_file_is_named_and_pinned(compose: dict[str, Any]) -> None:
    named = {volume.partition(":")[0] for each in compose["services"].values() for volume in each.get("volumes", [])}
    assert {volume for volume in named if not volume.startswith(".")} == set(compose["volumes"])
    images = [each["image"] for each in compose["services"].values() if "build" not in each]
    assert [image for image in images if not re.fullmatch(r"\w+:\d+\.\d+\.\d+", image)] == []


def test_redis_in_the_compose_file_keeps_its_keys_as_the_documents_ask(compose: dict[str, Any]) -> None:
    program, *options = compose["services"]["redis"]["command"]
    assert program == "redis-server"
    assert dict(zip(options[::2], options[1::2], strict=True)) == {
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--maxmemory-policy": "noeviction",
        "--requirepass": ENV_FILE["REDIS_PASSWORD"],
    }


def test_the_documents_name_what_the_file_env_must_have() -> None:
    asked = set(re.findall(r"\$\{(\w+):\?\}", (DEPLOY / "compose.yaml").read_text()))
    page = (ROOT / "docs" / "containers.md").read_text()
    assert asked == ENV_FILE.keys()
    assert set(re.findall(r"^(?:echo )?\"?([A-Z_]+)=", page, re.MULTILINE)) >= asked


def test_caddy_in_the_compose_file_is_the_documented_one_with_the_servers_of_the_file(compose: dict[str, Any]) -> None:
    servers = [f"{name}:8000" for name in compose["services"] if name.startswith("rollcall")]
    expected = re.sub(
        r"reverse_proxy .* \{", f"reverse_proxy {' '.join(servers)} {{", documented("cluster.md", "caddyfile")
    )
    assert (DEPLOY / "Caddyfile").read_text() == expected.replace("calls.example.org {", "{$DOMAIN} {")


def test_kubernetes_gives_the_servers_settings_that_they_start_with(
    pod: dict[str, Any], image: Stage, tmp_path: Path
) -> None:
    secret, config = kubernetes()["Secret"]["stringData"], kubernetes()["ConfigMap"]["data"]
    (container,) = pod["containers"]
    assert [each["configMapRef"]["name"] for each in container["envFrom"]] == [
        kubernetes()["ConfigMap"]["metadata"]["name"]
    ]
    (mount,), (volume,) = container["volumeMounts"], pod["volumes"]
    assert (mount["name"], volume["secret"]["secretName"]) == (
        volume["name"],
        kubernetes()["Secret"]["metadata"]["name"],
    )
    for name, value in secret.items():
        (tmp_path / name).write_text(value)
    given = {**image.environment, **config, **{each["name"]: "rollcall-5f7d9-x2x4z" for each in container["env"]}}
    placed = {
        name: value.replace(mount["mountPath"], str(tmp_path)) for name, value in given.items() if name in variables()
    }
    settings = read_settings(placed)
    assert settings.jwt_secret == secret["jwt_secret"]
    assert settings.mongodb_url == secret["mongodb_url"]
    assert settings.redis_url == secret["redis_url"]
    assert settings.node_name.startswith("rollcall-")
    assert not [name for name in config if name not in variables()]


def test_kubernetes_probes_and_prometheus_use_the_port_for_probes(
    deployment: dict[str, Any], pod: dict[str, Any], image: Stage
) -> None:
    settings = read_settings({name: value for name, value in image.environment.items() if name in variables()})
    (container,) = pod["containers"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {"http": settings.port, "probes": settings.probe_port}
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: probe["path"] for name, probe in paths.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert {probe["port"] for probe in paths.values()} == {"probes"}
    scraped = deployment["spec"]["template"]["metadata"]["annotations"]
    assert scraped["prometheus.io/port"] == str(settings.probe_port)
    (port,) = kubernetes()["Service"]["spec"]["ports"]
    assert port["targetPort"] == "http"


def test_kubernetes_waits_longer_than_a_server_takes_to_stop(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    sleep, before = container["lifecycle"]["preStop"]["exec"]["command"]
    assert sleep == "sleep"
    needed = float(before) + DEFAULTS.exit_seconds
    assert pod["terminationGracePeriodSeconds"] >= needed + EXIT_MARGIN_SECONDS
    assert DEFAULTS.drain_seconds < DEFAULTS.exit_seconds


def test_kubernetes_replaces_one_server_after_another(deployment: dict[str, Any]) -> None:
    spec, budget = deployment["spec"], kubernetes()["PodDisruptionBudget"]["spec"]
    assert spec["replicas"] >= 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert spec["minReadySeconds"] >= DEFAULTS.reconnect_spread_seconds + 1
    assert budget["maxUnavailable"] == 1


def test_kubernetes_objects_select_the_servers(deployment: dict[str, Any]) -> None:
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    budget, service = kubernetes()["PodDisruptionBudget"]["spec"], kubernetes()["Service"]["spec"]
    assert deployment["spec"]["selector"]["matchLabels"] == budget["selector"]["matchLabels"] == labels
    assert service["selector"] == labels
    spaces = {each["metadata"].get("namespace") for kind, each in kubernetes().items() if kind != "Namespace"}
    assert spaces == {kubernetes()["Namespace"]["metadata"]["name"]}


def test_kubernetes_gives_the_servers_no_rights(pod: dict[str, Any], image: Stage) -> None:
    (container,) = pod["containers"]
    user, group = map(int, image.only("USER").text.split(":"))
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "fsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["volumes"][0]["secret"]["defaultMode"] == 0o440
