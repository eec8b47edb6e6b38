"""Settings: read from variables, files and flags, checked together, rejected with a message that says what to set."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from operation.settings_reader import FILE_BYTES_LIMIT, parse, read_settings
from settings import Settings, SettingsError, file_variable, groups, masked, variable, variables

ROOT = Path(__file__).resolve().parents[2]

SECRET = "s" * 32

ON_MONGODB = {"mongodb_url": "mongodb://localhost/", "jwt_secret": SECRET}
ON_REDIS = {**ON_MONGODB, "redis_url": "redis://localhost/"}
ON_HOOKS = {
    "webhook_url": "https://example.org/", "webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
}  # fmt: skip

ON_FOREIGN = {
    "foreign_token_keys": "jwks.json",
    "foreign_token_issuer": "https://issuer.example",
    "foreign_token_audience": "presence",
}
CONTRADICTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"jwt_secret": "s" * 31}, ["ROLLCALL_JWT_SECRET", "32 bytes", "openssl rand -hex 32"]),
    ({"mongodb_url": "mongodb://localhost/"}, ["MONGODB_URL", "ROLLCALL_JWT_SECRET"]),
    ({"tls_certificate": "c.pem"}, ["ROLLCALL_TLS_CERTIFICATE", "ROLLCALL_TLS_KEY"]),
    ({"tls_key": "k.pem"}, ["ROLLCALL_TLS_CERTIFICATE", "ROLLCALL_TLS_KEY"]),
    ({"pong_timeout_seconds": 25.0}, ["ROLLCALL_PONG_TIMEOUT_SECONDS", "ROLLCALL_PING_INTERVAL_SECONDS"]),
    ({"grace_seconds": 46.0}, ["ROLLCALL_GRACE_SECONDS", "ROLLCALL_HOLD_SECONDS"]),
    ({"clean_close_seconds": 16.0}, ["ROLLCALL_CLEAN_CLOSE_SECONDS", "ROLLCALL_GRACE_SECONDS"]),
    ({"heartbeat_life_seconds": 30.0}, ["ROLLCALL_HEARTBEAT_LIFE_SECONDS", "ROLLCALL_HEARTBEAT_INTERVAL_SECONDS"]),
    ({"call_lease_seconds": 14.0}, ["ROLLCALL_CALL_LEASE_SECONDS", "ROLLCALL_GRACE_SECONDS"]),
    ({"token_warning_seconds": 900.0}, ["ROLLCALL_TOKEN_WARNING_SECONDS", "ROLLCALL_ACCESS_TOKEN_SECONDS"]),
    ({"refresh_token_seconds": 900}, ["ROLLCALL_ACCESS_TOKEN_SECONDS", "ROLLCALL_REFRESH_TOKEN_SECONDS"]),
    ({"drain_seconds": 10.0}, ["ROLLCALL_DRAIN_SECONDS", "ROLLCALL_EXIT_SECONDS"]),
    ({"operator_idle_seconds": 43200}, ["ROLLCALL_OPERATOR_IDLE_SECONDS", "ROLLCALL_OPERATOR_SESSION_SECONDS"]),
    ({"silent_socket_seconds": 25.0}, ["ROLLCALL_SILENT_SOCKET_SECONDS", "ROLLCALL_PING_INTERVAL_SECONDS"]),
    ({"silent_socket_seconds": 35.0}, ["ROLLCALL_SILENT_SOCKET_SECONDS", "35.0", "ROLLCALL_PONG_TIMEOUT_SECONDS"]),
    ({"overview_interval_seconds": 1.5}, ["ROLLCALL_OVERVIEW_INTERVAL_SECONDS", "ROLLCALL_OVERVIEW_IDLE_SECONDS"]),
    ({"inspect_interval_seconds": 1.5}, ["ROLLCALL_STORE_DEADLINE_SECONDS", "ROLLCALL_INSPECT_INTERVAL_SECONDS"]),
    ({"lease_seconds": 4.0}, ["ROLLCALL_LEASE_SECONDS", "ROLLCALL_LEASE_RENEW_SECONDS"]),
    ({"page_default": 101}, ["ROLLCALL_PAGE_DEFAULT", "ROLLCALL_PAGE_LIMIT"]),
    ({"outbox_limit_bytes": 65535}, ["ROLLCALL_OUTBOX_LIMIT_BYTES", "65536"]),
    ({"argon2_lanes": 4, "argon2_memory_kib": 31}, ["ROLLCALL_ARGON2_MEMORY_KIB", "ROLLCALL_ARGON2_LANES"]),
    ({"log_level": "verbose"}, ["ROLLCALL_LOG_LEVEL", "debug, info, warning or error"]),
    ({"port": 65536}, ["ROLLCALL_PORT", "65535"]),
    ({"port": -1}, ["ROLLCALL_PORT"]),
    ({"probe_port": 65536}, ["ROLLCALL_PROBE_PORT", "65535"]),
    ({"probe_port": 8000}, ["ROLLCALL_PROBE_PORT", "ROLLCALL_PORT (8000)"]),
    ({"reuse_port": True}, ["ROLLCALL_REUSE_PORT", "MONGODB_URL", "ROLLCALL_REDIS_URL", "only one process"]),
    ({**ON_MONGODB, "reuse_port": True}, ["ROLLCALL_REDIS_URL", "ROLLCALL_REUSE_PORT"]),
    ({**ON_REDIS, "reuse_port": True, "port": 0}, ["ROLLCALL_PORT", "ROLLCALL_REUSE_PORT"]),
    ({"node_name": "web 1"}, ["ROLLCALL_NODE_NAME", "'web 1'"]),
    ({"node_name": "x" * 65}, ["ROLLCALL_NODE_NAME", "64"]),
    ({"host": ""}, ["ROLLCALL_HOST", "127.0.0.1", "0.0.0.0", "empty"]),
    ({"host": " "}, ["ROLLCALL_HOST", "empty"]),
    ({"host": "[::1]"}, ["ROLLCALL_HOST", "without brackets"]),
    ({"mongodb_database": "a.b"}, ["ROLLCALL_MONGODB_DATABASE"]),
    ({"mongodb_database": ""}, ["ROLLCALL_MONGODB_DATABASE"]),
    ({"mongodb_database": "x" * 64}, ["ROLLCALL_MONGODB_DATABASE", "63"]),
    ({"mongodb_database": "é" * 32}, ["ROLLCALL_MONGODB_DATABASE", "63"]),
    ({"listen_backlog": 2**31}, ["ROLLCALL_LISTEN_BACKLOG", str(2**31 - 1)]),
    ({"events_days": 36_501}, ["ROLLCALL_EVENTS_DAYS", "36500"]),
    *(
        ({**ON_FOREIGN, name: ""}, ["set all of", "_FOREIGN_TOKEN_KEYS", "_FOREIGN_TOKEN_ISSUER", "_TOKEN_AUDIENCE"])
        for name in ("foreign_token_keys", "foreign_token_issuer", "foreign_token_audience")
    ),
    ({**ON_FOREIGN, "foreign_token_issuer": "rollcall"}, ["_FOREIGN_TOKEN_ISSUER", "_TOKEN_ISSUER ('rollcall')"]),
    ({"provision_users": True}, ["ROLLCALL_FOREIGN_TOKEN_KEYS", "ROLLCALL_PROVISION_USERS"]),
    ({"foreign_token_name_claim": ""}, ["_FOREIGN_TOKEN_NAME_CLAIM", "_FOREIGN_TOKEN_PICTURE_CLAIM"]),
    ({"foreign_token_picture_claim": ""}, ["_FOREIGN_TOKEN_NAME_CLAIM", "_FOREIGN_TOKEN_PICTURE_CLAIM"]),
    *(
        ({**ON_FOREIGN, "foreign_token_keys": url}, ["ROLLCALL_FOREIGN_TOKEN_KEYS", "https URL", "this machine only"])
        for url in (
            "http://example.org/jwks.json",
            "http://127.0.0.1.example.org/jwks.json",
            "http://10.0.0.1/jwks.json",
            "ftp://example.org/jwks.json",
            "file:///etc/jwks.json",
            "https://",
            "https:///jwks.json",
            "https://user:pass@example.org/jwks.json",
            "https://user@example.org/jwks.json",
            "https://example.org/jwks.json#key",
            "https://example.org:x/",
            "https://example.org:0/",
            "https://exa mple.org/",
            "https://example.org/\n",
            "https://example.org/ü",
            "https://[::1/",
            "://example.org/",
        )
    ),
    ({**ON_HOOKS, "webhook_secret": ""}, ["ROLLCALL_WEBHOOK_SECRET", "ROLLCALL_WEBHOOK_SECRET_FILE"]),
    *(
        ({**ON_HOOKS, "webhook_secret": secret}, ["ROLLCALL_WEBHOOK_SECRET", "whsec_", "24 to 64", "openssl"])
        for secret in (
            "whsec_",
            "whsec_c2hvcnQ=",
            " ",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_not base64 not base64 not base64",
            "whsec_" + "A" * 88,
            "whsec_" + "A" * 29,
            "whsec_" + "é" * 32,
        )
    ),
    *(
        ({**ON_HOOKS, "webhook_url": url}, ["ROLLCALL_WEBHOOK_URL", "https://example.org/rollcall"])
        for url in (
            "example.org",
            "ftp://example.org/",
            "https://",
            "https:///x",
            "https://example.org:x/",
            "http://[::1/",
            "https://exa mple.org/",
            "https://example.org/#x",
            "https://example.org:0/",
            "https://example.org/\n",
            "https://example.org/ü",
            "https://:443/",
            "file:///etc/passwd",
            "//example.org/",
        )
    ),
    ({"webhook_batch_events": 1001}, ["ROLLCALL_WEBHOOK_BATCH_EVENTS", "1000"]),
    ({"webhook_unsaved_events": 99}, ["ROLLCALL_WEBHOOK_UNSAVED_EVENTS", "ROLLCALL_WEBHOOK_BATCH_EVENTS (100)"]),
    ({"webhook_backlog_events": 99}, ["ROLLCALL_WEBHOOK_BACKLOG_EVENTS", "ROLLCALL_WEBHOOK_BATCH_EVENTS (100)"]),
    ({"webhook_retry_first_seconds": 61.0}, ["_RETRY_FIRST_SECONDS", "_RETRY_LONGEST_SECONDS"]),
    ({"webhook_retry_span_seconds": 59.0}, ["_RETRY_LONGEST_SECONDS", "_RETRY_SPAN_SECONDS"]),
    ({"trusted_proxies": ("not an address",)}, ["ROLLCALL_TRUSTED_PROXIES"]),
    ({"allowed_origins": ("example.com",)}, ["ROLLCALL_ALLOWED_ORIGINS", "scheme://host"]),
    ({"allowed_origins": ("https://example.com/path",)}, ["ROLLCALL_ALLOWED_ORIGINS"]),
    *(
        ({"allowed_origins": (origin,)}, ["ROLLCALL_ALLOWED_ORIGINS", f"such as {meant},", origin])
        for origin, meant in (
            ("https://n.example/", "https://n.example"),
            ("https://n.example/app?x", "https://n.example"),
            ("https://user@n.example", "https://n.example"),
            ("https://n.example:65536", "https://example.org"),
            ("https://n.example:x", "https://example.org"),
            ("https://n .example", "https://example.org"),
            ("https://*", "https://example.org"),
            ("https://a.*.example", "https://example.org"),
            ("https://*n.example", "https://example.org"),
            ("https://[::1", "https://example.org"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("*.n.example", "https://*.n.example"),
            ("n.example:8443", "https://n.example:8443"),
            ("*", "https://example.org"),
            ("null", "https://example.org"),
            ("file://", "https://example.org"),
            ("://n.example", "https://n.example"),
            ("a b://n.example", "https://n.example"),
            ("https://::1", "https://[::1]"),
            ("capacitor://", "capacitor://example.org"),
            ("capacitor://localhost/", "capacitor://localhost"),
            ("chrome-extension://*", "chrome-extension://example.org"),
        )
    ),
    *(
        ({"allowed_hosts": (host,)}, ["ROLLCALL_ALLOWED_HOSTS", f"such as {meant},", host])
        for host, meant in (
            ("https://n.example", "n.example"),
            ("https://n.example:8443/x", "n.example:8443"),
            ("n.example/path", "n.example"),
            ("n.example.", "n.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("n example", "example.org"),
            ("n.example:65536", "example.org"),
            ("n.example:", "example.org"),
            ("*", "example.org"),
            ("*.", "example.org"),
            ("*n.example", "example.org"),
            ("a.*.example", "example.org"),
            ("*.10.0.0.1", "example.org"),
            ("300.1.1.1", "example.org"),
            ("[::1", "example.org"),
            ("-n.example", "example.org"),
        )
    ),
]


@pytest.mark.parametrize(
    "keys",
    [
        "jwks.json",
        "/etc/rollcall/jwks.json",
        "https://example.org/.well-known/jwks.json?apikey=1",
        "https://example.org:8443/jwks.json",
        "http://localhost:8080/jwks.json",
        "http://127.0.0.1:8080/jwks.json",
        "http://[::1]/jwks.json",
    ],
)
def test_keys_of_another_issuer_are_a_file_or_a_safe_url(keys: str) -> None:
    assert Settings(**{**ON_FOREIGN, "foreign_token_keys": keys}).foreign_token_keys == keys


@pytest.mark.parametrize(("changes", "words"), CONTRADICTIONS, ids=lambda each: str(each)[:60])
def test_settings_that_contradict_each_other_are_refused_by_name(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(**changes)
    (problem,) = refused.value.problems
    assert all(word in problem for word in words), problem


@pytest.mark.parametrize(
    ("changes", "words"), [each for each in CONTRADICTIONS if "such as" in str(each)], ids=lambda each: str(each)[:60]
)
def test_what_is_suggested_is_allowed(changes: dict[str, Any], words: list[str]) -> None:
    (name,) = changes
    meant = words[1].removeprefix("such as ").removesuffix(",")
    assert getattr(Settings(**{name: (meant,)}), name) == (meant,)


NUMBERS = [
    each.name
    for each in dataclasses.fields(Settings)
    if isinstance(each.default, int | float) and not isinstance(each.default, bool)
]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_a_number_that_is_none_of_the_sort_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(**{name: value})
    assert any(variable(name) in problem for problem in refused.value.problems)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9000", "https://ada:secret@hooks.example.org/a/b?c=d&e=%20", "http://127.0.0.1/",
        "http://[::1]:8080/x", "https://hooks_a.internal/", "HTTPS://EXAMPLE.ORG/",
    ],
)  # fmt: skip
def test_webhooks_may_go_to_any_url_of_http(url: str) -> None:
    assert Settings(**{**ON_HOOKS, "webhook_url": url}).webhook_url == url


def test_a_problem_with_webhooks_quotes_neither_the_url_nor_the_secret() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(webhook_url="ftp://ada:password@example.org/", webhook_secret="whsec_" + "x" * 9)
    assert "password" not in str(refused.value)
    assert "xxx" not in str(refused.value)
    assert masked(Settings(**ON_HOOKS))["webhook_url"] == "••••"


def test_the_query_of_a_url_with_keys_is_not_shown() -> None:
    shown = masked(Settings(**{**ON_FOREIGN, "foreign_token_keys": "https://example.org/jwks.json?apikey=x&b=?"}))
    assert shown["foreign_token_keys"] == "https://example.org/jwks.json?••••"


def test_several_servers_may_share_a_port() -> None:
    settings = Settings(**ON_REDIS, reuse_port=True, node_name="web-1:8000@eu/a", probe_port=8001)
    assert (settings.reuse_port, settings.probe_port) == (True, 8001)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(jwt_secret="weak", port=-1, page_default=500)
    assert len(refused.value.problems) == 3


def test_the_defaults_are_good() -> None:
    assert read_settings({}) == Settings()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "9000", 9000),
        ("grace_seconds", "2.5", 2.5),
        ("registration_open", "no", False),
        ("registration_open", "TRUE", True),
        ("allowed_hosts", "a.example, b.example,", ("a.example", "b.example")),
        ("data_dir", "/var/lib/rollcall", Path("/var/lib/rollcall")),
        ("jwt_secret", SECRET, SECRET),
        ("log_level", "debug", "debug"),
    ],
)
def test_a_variable_is_read_as_the_type_of_its_setting(name: str, text: str, value: Any) -> None:
    assert getattr(read_settings({variable(name): text}), name) == value


def test_mongodb_url_keeps_the_name_that_platforms_give_it() -> None:
    given = {"MONGODB_URL": "mongodb://localhost/", "ROLLCALL_JWT_SECRET": SECRET}
    assert read_settings(given).mongodb_url == "mongodb://localhost/"
    with pytest.raises(SettingsError):
        read_settings({**given, "ROLLCALL_MONGODB_URL": "mongodb://localhost/"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "x"),
        ("port", "8000.5"),
        ("port", ""),
        ("grace_seconds", "15s"),
        ("registration_open", "maybe"),
        ("data_dir", ""),
        ("host", "\udcff"),
        ("jwt_secret", "\udcff" * 32),
    ],
)
def test_a_variable_of_the_wrong_type_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({variable(name): text})
    assert variable(name) in str(refused.value)


def test_a_variable_that_is_no_setting_is_refused_by_name() -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"ROLLCALL_PRT": "9000", "PATH": "/bin"})
    assert "ROLLCALL_PRT" in str(refused.value)
    assert "PATH" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("ROLLCALL_PRT", "did you mean ROLLCALL_PORT?"),
        ("ROLLCALL_MONGODB_URL", "did you mean MONGODB_URL?"),
        ("ROLLCALL_PORT_FILE", "did you mean ROLLCALL_PORT?"),
        ("ROLLCALL_JWT_SECRETFILE", "did you mean ROLLCALL_JWT_SECRET_FILE?"),
        ("ROLLCALL_GRACE", "did you mean ROLLCALL_GRACE_SECONDS?"),
        ("ROLLCALL_XYZ", "`python server.py --help` lists the settings"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_with_the_nearest_name(name: str, near: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({name: "hidden"})
    assert refused.value.problems == [f"{name} is not a setting; {near}"]


def others_for(name: str) -> dict[str, str]:
    """Return the variables of the secrets that another one needs beside it."""
    others = {"jwt_secret": SECRET, "mongodb_url": "mongodb://localhost/"} if name == "redis_url" else {}
    others |= {"jwt_secret": SECRET} if name == "mongodb_url" else {}
    others |= {"webhook_secret": ON_HOOKS["webhook_secret"]} if name == "webhook_url" else {}
    return {variable(each): value for each, value in others.items()}


def value_for(name: str, filling: str) -> str:
    """Return a valid value of a secret. Not all of them may contain all characters."""
    return ON_HOOKS.get(name, f"mongodb://localhost/{filling}")


SECRETS = [each.name for each in dataclasses.fields(Settings) if each.metadata["secret"]]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_read_from_a_file_without_the_byte_order_mark(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    value = value_for(name, "x" * 32)
    file.write_text(value, encoding="utf-8-sig")
    environment = others_for(name)
    assert getattr(read_settings({**environment, file_variable(name): str(file)}), name) == value


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_a_file_without_the_line_end(tmp_path: Path, name: str, end: str) -> None:
    file = tmp_path / "secret"
    value = value_for(name, "é" * 32)
    file.write_bytes(f"{value}{end}".encode())
    environment = {**others_for(name), file_variable(name): str(file)}
    assert getattr(read_settings(environment), name) == value


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_set_twice_is_refused_by_both_names(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    with pytest.raises(SettingsError) as refused:
        read_settings({variable(name): SECRET, file_variable(name): str(file)})
    assert refused.value.problems == [f"{variable(name)} and {file_variable(name)} are both set; unset one of them"]


def test_an_empty_variable_does_not_stand_in_the_way_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    given = {"ROLLCALL_JWT_SECRET": "", "ROLLCALL_JWT_SECRET_FILE": str(file)}
    assert read_settings(given).jwt_secret == SECRET


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"hidden\xff", "is not UTF-8 text"),
        (b"hidden" * FILE_BYTES_LIMIT, "is larger than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    file = tmp_path / "hidden"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read_settings({file_variable(name): str(file)})
    (problem,) = refused.value.problems
    assert problem.startswith(f"{variable(name)} cannot be read")
    assert file_variable(name) in problem
    assert words in problem
    assert "hidden" not in problem


@pytest.mark.parametrize("path", ["", "/"])
def test_a_path_that_is_no_file_is_refused_in_one_line(path: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({"ROLLCALL_JWT_SECRET_FILE": path})
    (problem,) = refused.value.problems
    assert "ROLLCALL_JWT_SECRET_FILE" in problem


@pytest.mark.parametrize(("text", "default"), [("hidden", 1), ("hidden", 1.0), ("hidden", True), ("\udcff", "")])
def test_a_secret_of_the_wrong_type_is_not_quoted(text: str, default: Any) -> None:
    with pytest.raises(ValueError, match="must be") as refused:
        parse(text, default, is_secret=True)
    assert text not in str(refused.value)


def test_every_setting_is_in_one_group_and_has_variables_of_its_own() -> None:
    names = [each.name for fields in groups().values() for each in fields]
    assert names == [each.name for each in dataclasses.fields(Settings)]
    assert len(set(variables())) == len(variables()) == len(names) + len(SECRETS)


@pytest.mark.parametrize(
    "changes",
    [
        {"allowed_hosts": ("n.example", "N.example", "*.n.example", "n.example:8443", "a_b", "10.0.0.1", "[::1]:80")},
        {"allowed_origins": ("https://n.example", "http://localhost:3000", "https://*.n.example", "http://[::1]:80")},
        {"allowed_origins": ("capacitor://localhost", "ionic://localhost", "tauri://localhost", "app://.", "app://x")},
        {"allowed_origins": ("chrome-extension://abcdefghijklmnop", "ws://n.example", "wss://n.example:1")},
    ],
    ids=str,
)
def test_hosts_and_origins_that_can_match_are_taken(changes: dict[str, tuple[str, ...]]) -> None:
    (name,) = changes
    assert getattr(read_settings({variable(name): ",".join(changes[name])}), name) == changes[name]


FROM_PLATFORMS = {
    "ROLLCALL_SERVICE_HOST": "10.0.0.1",
    "ROLLCALL_SERVICE_PORT": "8000",
    "ROLLCALL_SERVICE_PORT_HTTP_ALT": "8000",
    "ROLLCALL_PORT": "tcp://10.0.0.1:8000",
    "ROLLCALL_PORT_8000_TCP": "tcp://10.0.0.1:8000",
    "ROLLCALL_PORT_8000_TCP_ADDR": "10.0.0.1",
    "ROLLCALL_PORT_8000_TCP_PORT": "8000",
    "ROLLCALL_PORT_8000_TCP_PROTO": "tcp",
    "ROLLCALL_PORT_53_UDP": "udp://10.0.0.1:53",
    "ROLLCALL_MONGODB_SERVICE_HOST": "10.0.0.2",
    "ROLLCALL_MONGODB_PORT": "tcp://10.0.0.2:27017",
    "ROLLCALL_MONGODB_PORT_27017_TCP": "tcp://10.0.0.2:27017",
    "ROLLCALL_NAME": "/web/rollcall",
    "ROLLCALL_ENV_PYTHON_VERSION": "3.11",
}


def test_the_variables_that_kubernetes_and_docker_set_for_a_service_are_no_settings() -> None:
    assert read_settings(FROM_PLATFORMS) == Settings()
    assert read_settings({**FROM_PLATFORMS, "ROLLCALL_HOST": "0.0.0.0"}, {"port": 9000}).port == 9000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLLCALL_SERVICE", "x"),
        ("ROLLCALL_SERVICE_PORT", "http"),
        ("ROLLCALL_PORTS", "tcp://10.0.0.1:8000"),
        ("ROLLCALL_PORT_TCP", "8000"),
        ("ROLLCALL_PORT_8000", "8000"),
        ("ROLLCALL_NAME", "web"),
        ("ROLLCALL_ENVIRONMENT", "production"),
        ("ROLLCALL_MONGODB_PORT", "27017"),
    ],
)
def test_a_variable_that_only_resembles_those_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({name: value})
    assert name in str(refused.value)


def test_a_flag_wins_over_a_variable() -> None:
    assert read_settings({"ROLLCALL_PORT": "9000"}, {"port": 9001}).port == 9001


def test_secrets_stand_in_no_text_of_the_settings() -> None:
    settings = Settings(jwt_secret=SECRET, mongodb_url="mongodb://user:hunter2@localhost/")
    for text in (repr(settings), str(settings), str(masked(settings))):
        assert SECRET not in text
        assert "hunter2" not in text
    assert masked(settings)["port"] == "8000"


def test_every_setting_says_what_it_is_and_has_a_unit_or_none() -> None:
    for each in dataclasses.fields(Settings):
        help = each.metadata["help"]
        assert help.endswith("."), each.name
        assert len(help) <= 100, each.name
        assert help[0].isupper(), each.name
        assert help.isascii(), each.name


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ROLLCALL_JWT_SECRET": "weak-weak-weak"}, "ROLLCALL_JWT_SECRET"),
        ({"ROLLCALL_PRT": "1"}, "ROLLCALL_PRT"),
        ({"ROLLCALL_PONG_TIMEOUT_SECONDS": "60"}, "ROLLCALL_PING_INTERVAL_SECONDS"),
        ({"MONGODB_URL": "mongodb://localhost/"}, "ROLLCALL_JWT_SECRET"),
    ],
)
def test_a_server_with_bad_settings_does_not_start_and_says_what_to_set(
    tmp_path: Path, environment: dict[str, str], words: str
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROLLCALL_", "MONGODB_URL"))}
    given = {**kept, "ROLLCALL_DATA_DIR": str(tmp_path), **environment}
    ended = subprocess.run(
        [sys.executable, "server.py"], cwd=ROOT, env=given, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert "weak-weak-weak" not in ended.stderr
