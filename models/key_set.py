"""Key set: the keys that verify another issuer's tokens, as a JWKS (RFC 7517) gives them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.compact_tokens import base64url, read_object
from settings import SECRET_BYTES_MINIMUM

Algorithm = Literal["RS256", "ES256", "EdDSA", "HS256"]
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
Material = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | bytes

RSA_BITS = range(2048, 8193)
"""RFC 7518 §3.3 asks for at least 2048. Larger keys than 8192 bits only cost time."""

KEYS_LIMIT = 100
"""Issuers have two or three."""

_COORDINATE_BYTES = 32
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth"}


class UnusableKeys(Exception):
    """A JWKS, or a key in it, cannot be used. The message says why and contains nothing secret."""


@dataclass(frozen=True)
class VerificationKey:
    """One key. It verifies signatures of one algorithm, whatever a token says."""

    key_id: str | None
    algorithm: Algorithm
    material: Material = field(repr=False)
    fingerprint: str = field(repr=False)
    """Differs between any two keys, also between two with the same id."""


@dataclass(frozen=True)
class KeySet:
    """All keys of an issuer that can be used."""

    keys: tuple[VerificationKey, ...] = ()
    left_out: tuple[str, ...] = ()
    """Why other keys of the JWKS are not used."""

    @property
    def fingerprints(self) -> frozenset[str]:
        return frozenset(each.fingerprint for each in self.keys)

    def find(self, key_id: str | None, algorithm: str) -> VerificationKey | None:
        """The key that a token names. A token that names none is verified by the only key, unless that is a secret."""
        if key_id is None:
            only = self.keys[0] if len(self.keys) == 1 else None
            return only if only is not None and only.algorithm == algorithm != "HS256" else None
        return next((each for each in self.keys if (each.key_id, each.algorithm) == (key_id, algorithm)), None)


def read_key_set(content: bytes, *, strict: bool) -> KeySet:
    """The keys in a JWKS. Keys for other purposes and algorithms are left out.

    So are weak and malformed keys, unless `strict` is set. Raises UnusableKeys.
    """
    keys: list[VerificationKey] = []
    left_out: list[str] = []
    for place, jwk in enumerate(_entries(content)):
        name = _name(jwk, place)
        other_use = _other_use(jwk)
        if other_use:
            left_out.append(f"{name} {other_use}")
            continue
        try:
            keys.append(_key(jwk, name))
            _check_new(keys, name)
        except UnusableKeys as error:
            if strict:
                raise
            left_out.append(str(error))
    return KeySet(tuple(keys), tuple(left_out))


def _entries(content: bytes) -> list[dict[str, Any]]:
    try:
        entries = read_object(content).get("keys")
    except ValueError:
        raise UnusableKeys("it is not JSON, or an object in it has the same name twice") from None
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise UnusableKeys('it has no list of objects named "keys", as a JWKS does')
    if len(entries) > KEYS_LIMIT:
        raise UnusableKeys(f"it has more than {KEYS_LIMIT} keys")
    return entries


def _name(jwk: dict[str, Any], place: int) -> str:
    """What to call a key in a message: its id if that can be printed, else its place."""
    key_id = jwk.get("kid")
    if isinstance(key_id, str) and re.fullmatch(r"[!-~]{1,64}", key_id):
        return f"the key {key_id}"
    return f"key number {place + 1}"


def _other_use(jwk: dict[str, Any]) -> str:
    """Why a key is meant for something else, or "" if it is meant for signatures that are known here."""
    algorithm = _algorithm(jwk)
    operations = jwk.get("key_ops", ["verify"])
    if algorithm is None:
        return "is of another type than RSA, P-256, Ed25519 and oct"
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return "is not for verifying signatures"
    if jwk.get("alg", algorithm) != algorithm:
        return f"is for another algorithm than {algorithm}"
    return ""


def _algorithm(jwk: dict[str, Any]) -> Algorithm | None:
    """The algorithm of a key's type."""
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", None:
            return "RS256"
        case "EC", "P-256":
            return "ES256"
        case "OKP", "Ed25519":
            return "EdDSA"
        case "oct", None:
            return "HS256"
    return None


def _check_new(keys: list[VerificationKey], name: str) -> None:
    """Take back the last key if there is another one under its name. Raises UnusableKeys."""
    last = keys[-1]
    if any((each.key_id, each.algorithm) == (last.key_id, last.algorithm) for each in keys[:-1]):
        keys.pop()
        raise UnusableKeys(f"{name} has the same kid as another key, or neither has one")


def _key(jwk: dict[str, Any], name: str) -> VerificationKey:
    algorithm, key_id = _algorithm(jwk), jwk.get("kid")
    assert algorithm is not None, "keys for other purposes were left out"
    if key_id is not None and not (isinstance(key_id, str) and key_id):
        raise UnusableKeys(f"{name} has a kid that is no text")
    try:
        material = _READERS[algorithm](jwk, name)
    except (ValueError, KeyError, TypeError):
        raise UnusableKeys(f"{name} is malformed") from None
    # The length of the id keeps what belongs to it apart from what belongs to the key.
    content = f"{algorithm} {len(key_id or '')} {key_id}".encode(errors="surrogatepass") + _bytes(material)
    return VerificationKey(key_id, algorithm, material, hashlib.sha256(content).hexdigest())


def _bytes(material: Material) -> bytes:
    if isinstance(material, bytes):
        return material
    return material.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _number(jwk: dict[str, Any], member: str) -> int:
    return int.from_bytes(base64url(jwk[member]), "big")


def _rsa(jwk: dict[str, Any], name: str) -> Material:
    modulus, exponent = _number(jwk, "n"), _number(jwk, "e")
    if modulus.bit_length() not in RSA_BITS:
        raise UnusableKeys(
            f"{name} is an RSA key of {modulus.bit_length()} bits; it must have {RSA_BITS[0]} to {RSA_BITS[-1]}"
        )
    if not modulus % 2 or exponent.bit_length() > 64:
        raise ValueError("not an RSA key")
    return RSAPublicNumbers(exponent, modulus).public_key()


def _p256(jwk: dict[str, Any], _name: str) -> Material:
    if any(len(base64url(jwk[each])) != _COORDINATE_BYTES for each in "xy"):
        raise ValueError("not a point")
    return EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), SECP256R1()).public_key()


def _ed25519(jwk: dict[str, Any], _name: str) -> Material:
    return Ed25519PublicKey.from_public_bytes(base64url(jwk["x"]))


def _secret(jwk: dict[str, Any], name: str) -> Material:
    secret = base64url(jwk["k"])
    if len(secret) < SECRET_BYTES_MINIMUM:
        raise UnusableKeys(f"{name} is a secret of {len(secret)} bytes; it must have at least {SECRET_BYTES_MINIMUM}")
    if jwk.get("kid") is None:
        raise UnusableKeys(f"{name} is a secret without a kid; it must have one")
    if b"-----BEGIN" in secret or secret.startswith((b"ssh-", b"ecdsa-")):
        raise UnusableKeys(f"{name} is no secret: it contains a key of another type as text")
    return secret


_READERS: dict[Algorithm, Callable[[dict[str, Any], str], Material]] = {
    "RS256": _rsa,
    "ES256": _p256,
    "EdDSA": _ed25519,
    "HS256": _secret,
}


def has_private_parts(content: bytes) -> bool:
    """Whether a JWKS contains private keys, which are of no use for verifying and should be elsewhere."""
    return any(_PRIVATE & jwk.keys() for jwk in _entries(content) if jwk.get("kty") != "oct")


def names_of(keys: Iterable[VerificationKey]) -> list[str]:
    """The ids of keys with their algorithms, for the log."""
    return [f"{each.key_id or 'without kid'} ({each.algorithm})" for each in keys]
