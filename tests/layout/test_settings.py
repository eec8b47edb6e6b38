"""Settings: read from variables and flags, checked together, refused in words that say what to set."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from settings import Settings, SettingsError, masked, read_settings, variable

ROOT = Path(__file__).resolve().parents[2]

SECRET = "s" * 32

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
    ({"page_default": 101}, ["ROLLCALL_PAGE_DEFAULT", "ROLLCALL_PAGE_LIMIT"]),
    ({"outbox_limit_bytes": 65535}, ["ROLLCALL_OUTBOX_LIMIT_BYTES", "65536"]),
    ({"argon2_lanes": 4, "argon2_memory_kib": 31}, ["ROLLCALL_ARGON2_MEMORY_KIB", "ROLLCALL_ARGON2_LANES"]),
    ({"log_level": "verbose"}, ["ROLLCALL_LOG_LEVEL", "debug, info, warning or error"]),
    ({"port": 65536}, ["ROLLCALL_PORT", "65535"]),
    ({"port": -1}, ["ROLLCALL_PORT"]),
    ({"trusted_proxies": ("not an address",)}, ["ROLLCALL_TRUSTED_PROXIES"]),
    ({"allowed_origins": ("example.com",)}, ["ROLLCALL_ALLOWED_ORIGINS", "scheme://host"]),
    ({"allowed_origins": ("https://example.com/path",)}, ["ROLLCALL_ALLOWED_ORIGINS"]),
]


@pytest.mark.parametrize(("changes", "words"), CONTRADICTIONS, ids=lambda each: str(each)[:60])
def test_settings_that_contradict_each_other_are_refused_by_name(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings(**changes)
    (problem,) = refused.value.problems
    assert all(word in problem for word in words), problem


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
    [("port", "x"), ("port", "8000.5"), ("port", ""), ("grace_seconds", "15s"), ("registration_open", "maybe")],
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
        assert each.metadata["help"], each.name


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
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    given = {**kept, "ROLLCALL_DATA_DIR": str(tmp_path), **environment}
    ended = subprocess.run(
        [sys.executable, "server.py"], cwd=ROOT, env=given, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "weak-weak-weak" not in ended.stderr
