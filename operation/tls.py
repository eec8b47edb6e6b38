"""TLS: the certificate and the key that the settings name, checked before the server starts."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from settings import Settings, SettingsError, variable


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What makes the port speak TLS; None without a certificate. Raises SettingsError."""
    if not settings.tls_certificate:
        return None
    for name in ("tls_certificate", "tls_key"):
        _check_readable(name, getattr(settings, name))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password=_refuse_passphrase)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError([_why(settings, error)]) from error
    return context


def _check_readable(name: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise SettingsError([f"set {variable(name)} to a file that can be read; {path}: {error.strerror}"]) from error


def _refuse_passphrase() -> NoReturn:
    """Called for an encrypted key. A server cannot ask for the passphrase, as nobody may be there to type it."""
    raise SettingsError(
        ["set ROLLCALL_TLS_KEY to a key without a passphrase, as written by `openssl pkey -in KEY -out NEW_KEY`"]
    )


def _why(settings: Settings, error: ssl.SSLError | ValueError) -> str:
    certificate, key = settings.tls_certificate, settings.tls_key
    reason = str(getattr(error, "reason", None) or "")
    if "MISMATCH" in reason or reason == "NO_CERTIFICATE_ASSIGNED":  # the latter for a key of another type
        return f"set ROLLCALL_TLS_KEY to the private key of {certificate}; {key} belongs to another certificate"
    if reason:
        return f"set ROLLCALL_TLS_CERTIFICATE and ROLLCALL_TLS_KEY to files that OpenSSL accepts; it says {reason}"
    try:
        ssl.create_default_context(cafile=certificate)
    except ssl.SSLError:
        return f"set ROLLCALL_TLS_CERTIFICATE to a certificate in PEM format; {certificate} has none"
    return f"set ROLLCALL_TLS_KEY to a private key in PEM format; {key} has none"
