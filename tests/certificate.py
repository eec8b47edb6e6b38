"""Certificate: a self-signed one for localhost (ECDSA on P-256), made without an external program."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

# NIST P-256, FIPS 186-4 D.1.2.3.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_ECDSA_SHA256, _EC_KEY, _P256 = "2a8648ce3d040302", "2a8648ce3d0201", "2a8648ce3d030107"
_COMMON_NAME, _SUBJECT_ALT_NAME = "550403", "551d11"

Point = tuple[int, int]


@dataclass(frozen=True)
class Certificate:
    """The two PEM files of a certificate."""

    certificate: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Make a certificate for localhost and 127.0.0.1 that is valid for an hour, and its key."""
    private = secrets.randbelow(_N - 1) + 1
    x, y = _times(private, _G)
    point = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_text(_pem("CERTIFICATE", _certificate(private, point)))
    key = _sequence(
        _integer(1), _tag(0x04, private.to_bytes(32, "big")), _tag(0xA0, _oid(_P256)), _tag(0xA1, _bits(point))
    )
    made.key.write_text(_pem("EC PRIVATE KEY", key))
    return made


def _certificate(private: int, point: bytes) -> bytes:
    now = datetime.now(UTC)
    algorithm = _sequence(_oid(_ECDSA_SHA256))
    name = _sequence(_tag(0x31, _sequence(_oid(_COMMON_NAME), _tag(0x0C, b"localhost"))))
    names = _sequence(_tag(0x82, b"localhost"), _tag(0x87, bytes((127, 0, 0, 1))))
    signed = _sequence(
        _tag(0xA0, _integer(2)),
        _integer(secrets.randbits(64)),
        algorithm,
        name,
        _sequence(_time(now - timedelta(minutes=5)), _time(now + timedelta(hours=1))),
        name,
        _sequence(_sequence(_oid(_EC_KEY), _oid(_P256)), _bits(point)),
        _tag(0xA3, _sequence(_sequence(_oid(_SUBJECT_ALT_NAME), _tag(0x04, names)))),
    )
    return _sequence(signed, algorithm, _bits(_signature(private, signed)))


def _signature(private: int, signed: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(signed).digest(), "big")
    once = secrets.randbelow(_N - 1) + 1
    r = _times(once, _G)[0] % _N
    s = pow(once, -1, _N) * (digest + r * private) % _N
    return _sequence(_integer(r), _integer(s))


def _times(factor: int, point: Point) -> Point:
    total: Point | None = None
    while factor:
        if factor & 1:
            total = point if total is None else _plus(total, point)
        point = _plus(point, point)
        factor >>= 1
    assert total is not None, "factors are from 1 to below the order"
    return total


def _plus(one: Point, other: Point) -> Point:
    """Add two points, neither of which is the inverse of the other."""
    if one == other:
        slope = 3 * (one[0] ** 2 - 1) * pow(2 * one[1], -1, _P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, _P)
    x = (slope**2 - one[0] - other[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _tag(tag: int, content: bytes) -> bytes:
    """Encode as DER (X.690 §8.1 and §10.1) with the shortest form of the length; browsers accept no other."""
    size = len(content)
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    length = bytes((size,)) if size < 128 else bytes((0x80 | len(digits),)) + digits
    return bytes((tag,)) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _tag(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tag(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _oid(encoded: str) -> bytes:
    return _tag(0x06, bytes.fromhex(encoded))


def _bits(content: bytes) -> bytes:
    return _tag(0x03, b"\x00" + content)


def _time(moment: datetime) -> bytes:
    return _tag(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def _pem(label: str, content: bytes) -> str:
    lines = base64.encodebytes(content).decode()
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n"
