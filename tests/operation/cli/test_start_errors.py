"""Errors at start: one line for each problem, with the setting and a solution."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificate import make_certificate
from tests.issuer import IssuerKey, rsa_key
from tests.operation.conftest import Terminal

pytestmark = pytest.mark.slow  # each case starts the program

KEY = "0123456789abcdef" * 4


def refusal(terminal: Terminal, *arguments: str, **environment: str) -> list[str]:
    """Run a command that must fail. Returns its messages, which begin with `Error: `."""
    terminal.environment |= environment
    done = terminal.run(*arguments)
    assert done.returncode in (1, 2), done.stderr
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert all(line.startswith("Error: ") for line in lines), done.stderr
    return [line.removeprefix("Error: ") for line in lines]


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that is in use."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_port_that_is_in_use_is_said_with_the_way_out(terminal: Terminal, taken_port: int) -> None:
    said = [f"port {taken_port} is in use; set ROLLCALL_PORT or --port"]
    assert refusal(terminal, ROLLCALL_PORT=str(taken_port)) == said
    assert refusal(terminal, "--port", str(taken_port), "--demo") == said


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "1.2.3.4.5"])
def test_a_host_that_does_not_resolve_is_named(terminal: Terminal, host: str) -> None:
    (line,) = refusal(terminal, "--host", host)
    assert line.startswith(f"the host {host!r} does not resolve to an address; set ROLLCALL_HOST or --host")


def test_an_address_of_another_machine_is_named(terminal: Terminal) -> None:
    (line,) = refusal(terminal, ROLLCALL_HOST="192.0.2.1")
    assert line.startswith("192.0.2.1 is not an address of this machine; set ROLLCALL_HOST or --host")


@pytest.mark.parametrize("arguments", [[], ["user", "list"], ["--demo"]], ids=str)
def test_an_empty_host_is_refused_with_what_to_set(terminal: Terminal, arguments: list[str]) -> None:
    (line,) = refusal(terminal, *arguments, ROLLCALL_HOST="")
    assert line.startswith("set ROLLCALL_HOST to an address, such as 127.0.0.1")
    assert not (terminal.folder / "data").exists()


def test_files_for_tls_that_cannot_be_used_are_named(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one, other = make_certificate(tmp_path / "one"), make_certificate(tmp_path / "other")
    missing = str(tmp_path / "missing.pem")
    tls = {"ROLLCALL_TLS_CERTIFICATE": str(one.certificate), "ROLLCALL_TLS_KEY": str(one.key)}
    assert refusal(terminal, **{**tls, "ROLLCALL_TLS_KEY": missing}) == [
        f"set ROLLCALL_TLS_KEY to a file that can be read; {missing}: No such file or directory"
    ]
    assert refusal(terminal, **{**tls, "ROLLCALL_TLS_KEY": str(other.key)}) == [
        f"set ROLLCALL_TLS_KEY to the private key of {one.certificate}; {other.key} belongs to another certificate"
    ]
    assert refusal(terminal, **{**tls, "ROLLCALL_TLS_CERTIFICATE": str(one.key)}) == [
        f"set ROLLCALL_TLS_CERTIFICATE to a certificate in PEM format; {one.key} has none"
    ]


def test_keys_of_another_issuer_that_cannot_be_used_are_named(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    foreign = {
        "ROLLCALL_FOREIGN_TOKEN_KEYS": str(path),
        "ROLLCALL_FOREIGN_TOKEN_ISSUER": "https://issuer.example",
        "ROLLCALL_FOREIGN_TOKEN_AUDIENCE": "presence",
    }
    begin = f"set ROLLCALL_FOREIGN_TOKEN_KEYS to a JWKS file; {path} cannot be used: "
    assert refusal(terminal, **foreign) == [f"{begin}No such file or directory"]
    path.write_text(json.dumps({"keys": [IssuerKey("RS256", "old", rsa_key(1024)).jwk]}))
    weak = "the key old is an RSA key of 1024 bits; it must have 2048 to 8192"
    assert refusal(terminal, **foreign) == [f"{begin}{weak}"]
    path.write_text(json.dumps({"keys": [IssuerKey("HS256", "short", b"x" * 31).jwk]}))
    weak = "the key short is a secret of 31 bytes; it must have at least 32"
    assert refusal(terminal, **foreign) == [f"{begin}{weak}"]


def test_a_data_directory_that_cannot_be_used_is_named(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    (line,) = refusal(terminal)
    assert line.startswith("set ROLLCALL_DATA_DIR or --data-dir to a writable folder; ")
    assert str(tmp_path / "data") in line
    (line,) = refusal(terminal, ROLLCALL_JWT_SECRET=KEY)
    assert line.startswith(f"cannot use the data folder {tmp_path / 'data'}: ")
    assert line.endswith("; set ROLLCALL_DATA_DIR or --data-dir")


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64])
def test_a_key_file_without_a_key_is_named(terminal: Terminal, content: bytes) -> None:
    path = terminal.folder / "data" / "jwt_secret"
    path.parent.mkdir()
    path.write_bytes(content)
    (line,) = refusal(terminal)
    assert line.startswith(f"{path} holds no signing key; restore it from a backup, or delete it")
    assert path.read_bytes() == content


def test_a_mongodb_that_does_not_answer_is_named(terminal: Terminal) -> None:
    (line,) = refusal(
        terminal,
        MONGODB_URL="mongodb://somebody:hidden@[::1]:1/",
        ROLLCALL_JWT_SECRET=KEY,
        ROLLCALL_STORE_DEADLINE_SECONDS="0.2",
    )
    assert line == "no MongoDB answers at [::1]:1; start it, or set MONGODB_URL"


def test_every_problem_with_the_settings_has_a_line(terminal: Terminal) -> None:
    said = refusal(terminal, ROLLCALL_PRT="1", ROLLCALL_GRACE_SECONDS="soon", ROLLCALL_JWT_SECRET_FILE="/")
    assert said == [
        "ROLLCALL_PRT is not a setting; did you mean ROLLCALL_PORT?",
        "ROLLCALL_JWT_SECRET cannot be read from the file that ROLLCALL_JWT_SECRET_FILE names: Is a directory",
        "ROLLCALL_GRACE_SECONDS must be a number, not 'soon'",
    ]
    for name in ("ROLLCALL_PRT", "ROLLCALL_GRACE_SECONDS", "ROLLCALL_JWT_SECRET_FILE"):
        del terminal.environment[name]
    said = refusal(terminal, "--log-level", "loud", "--port", "70000")
    assert said == [
        "set ROLLCALL_PORT to at most 65535, not 70000",
        "set ROLLCALL_LOG_LEVEL to debug, info, warning or error, not 'loud'",
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--port", "x"], "Invalid value for '--port': must be a whole number, not 'x'. Try 'server.py --help'."),
        (["--prt", "1"], "No such option '--prt'. Did you mean '--port'? Try 'server.py --help'."),
        (["frobnicate"], "No such command 'frobnicate'. Try 'server.py --help'."),
        (["watch"], "Missing option '--token'. Try 'server.py watch --help'."),
        (["user", "disable"], "Missing argument 'ID'. Try 'server.py user disable --help'."),
    ],
)  # fmt: skip
def test_a_command_line_that_makes_no_sense_is_explained_in_one_line(
    terminal: Terminal, arguments: list[str], line: str
) -> None:
    assert [" ".join(said.split()) for said in refusal(terminal, *arguments)] == [line]


def test_passwords_that_would_take_more_memory_than_there_is_are_refused(terminal: Terminal) -> None:
    (line,) = refusal(terminal, ROLLCALL_ARGON2_MEMORY_KIB=str(2**31 - 1))
    assert line.startswith("cannot hash passwords: ")
    assert "ROLLCALL_ARGON2_MEMORY_KIB" in line


def test_a_problem_is_one_line_whatever_was_set(terminal: Terminal) -> None:
    assert len(refusal(terminal, ROLLCALL_LOG_LEVEL="loud\nError: made up", ROLLCALL_HOST="[\x1b[2J\nx")) == 2
    (line,) = refusal(terminal, "--tls-key", "a\nb", "--tls-certificate", "c\nd", ROLLCALL_LOG_LEVEL="info",
                      ROLLCALL_HOST="127.0.0.1")  # fmt: skip
    assert line.startswith("set ROLLCALL_TLS_CERTIFICATE")
