"""TLS: files that cannot be used are rejected, with the setting that names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from operation.tls import tls_context
from settings import Settings, SettingsError
from tests.certificate import Certificate, make_certificate

LOCKED_KEY = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgMWmbzoMZ4vQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEEr/VqXowgB+fra6qW6mAHgEgZC8
S3uXspf8/Nu8nV5YBhLw3FmXLEOhyiE8JA2SASs8UOsNrnZC3REnzrEpEao3HlBJ
fBtzmqiMtGA7XnLc2e6tlAIipHls7ZWNaJbKaA764bjBdGDaNp3zmoUfgDrgyL2K
zcHHdC4UdAgqVBs/i5wCBzSew0yyHxjg8DLlI0pcD+gJHICcMeCbef0C6b7FrVM=
-----END ENCRYPTED PRIVATE KEY-----
"""
"""A key that only this test uses, with the passphrase abc."""


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate and its key."""
    return make_certificate(tmp_path)


def refusal(certificate: Path, key: Path) -> str:
    with pytest.raises(SettingsError) as refused:
        tls_context(Settings(tls_certificate=str(certificate), tls_key=str(key)))
    (problem,) = refused.value.problems
    return problem


def test_a_certificate_and_its_key_are_taken(certificate: Certificate) -> None:
    settings = Settings(tls_certificate=str(certificate.certificate), tls_key=str(certificate.key))
    assert tls_context(settings) is not None
    assert tls_context(Settings()) is None


def test_a_key_with_a_passphrase_is_refused_instead_of_asking_for_it(certificate: Certificate) -> None:
    certificate.key.write_text(LOCKED_KEY)
    assert refusal(certificate.certificate, certificate.key).startswith(
        "set ROLLCALL_TLS_KEY to a key without a passphrase"
    )


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\x00" * 500])
def test_a_file_that_is_neither_is_named(certificate: Certificate, tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(content)
    as_certificate, as_key = refusal(other, certificate.key), refusal(certificate.certificate, other)
    assert as_certificate == f"set ROLLCALL_TLS_CERTIFICATE to a certificate in PEM format; {other} has none"
    assert as_key == f"set ROLLCALL_TLS_KEY to a private key in PEM format; {other} has none"


def test_a_folder_is_no_file(certificate: Certificate, tmp_path: Path) -> None:
    assert refusal(tmp_path, certificate.key) == (
        f"set ROLLCALL_TLS_CERTIFICATE to a file that can be read; {tmp_path}: Is a directory"
    )
