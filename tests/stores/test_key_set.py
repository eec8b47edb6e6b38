"""Key set: which keys of a JWKS are used, which are left out, and which are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from models.key_set import KEYS_LIMIT, KeySet, UnusableKeys, has_private_parts, names_of, read_key_set
from tests.issuer import KINDS, Issuer, IssuerKey, encoded, encoded_number, rsa_key


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def read(*keys: Any, strict: bool = True) -> KeySet:
    return read_key_set(jwks(*keys), strict=strict)


def p384() -> dict[str, Any]:
    numbers = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    return {
        "kty": "EC", "crv": "P-384", "kid": "other",
        "x": encoded_number(numbers.x, 48), "y": encoded_number(numbers.y, 48),
    }  # fmt: skip


GOOD = {kind: IssuerKey(kind, "good").jwk for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_keys_type_says_its_algorithm(kind: str) -> None:
    (key,) = read(GOOD[kind]).keys
    assert (key.key_id, key.algorithm) == ("good", kind)
    assert read(GOOD[kind]).find("good", kind) == key
    assert [read(GOOD[kind]).find("good", each) for each in KINDS if each != kind] == [None] * 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "more", [{}, {"use": "sig"}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"]}], ids=str
)
def test_a_key_for_signatures_is_used(kind: str, more: dict[str, Any]) -> None:
    assert len(read({**GOOD[kind], **more, "alg": kind, "x5c": ["AAAA"], "extra": 1}).keys) == 1


LEFT_OUT: dict[str, Any] = {
    "for encryption": GOOD["RS256"] | {"use": "enc"},
    "with a use that is no text": GOOD["RS256"] | {"use": ["sig"]},
    "for signing alone": GOOD["ES256"] | {"key_ops": ["sign"]},
    "for no operation": GOOD["ES256"] | {"key_ops": []},
    "with operations that are no list": GOOD["ES256"] | {"key_ops": "verify"},
    "for RS512": GOOD["RS256"] | {"alg": "RS512"},
    "for PS256": GOOD["RS256"] | {"alg": "PS256"},
    "for encryption with RSA": GOOD["RS256"] | {"alg": "RSA-OAEP"},
    "for HS512": GOOD["HS256"] | {"alg": "HS512"},
    "for none": GOOD["HS256"] | {"alg": "none"},
    "RSA for HS256": GOOD["RS256"] | {"alg": "HS256"},
    "a secret for RS256": GOOD["HS256"] | {"alg": "RS256"},
    "P-384": p384(),
    "Ed448": {
        "kty": "OKP", "crv": "Ed448", "x": encoded(ed448.Ed448PrivateKey.generate().public_key().public_bytes_raw()),
    },
    "X25519": {"kty": "OKP", "crv": "X25519", "x": encoded(bytes(32))},
    "of no type": {"kid": "x"},
    "of an unknown type": {"kty": "AKP", "kid": "x"},
    "of a type that is no text": {"kty": ["RSA"], "kid": "x"},
}  # fmt: skip


@pytest.mark.parametrize("key", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_a_key_for_something_else_is_left_out(key: dict[str, Any]) -> None:
    found = read(key, GOOD["EdDSA"])
    assert [each.algorithm for each in found.keys] == ["EdDSA"]
    assert len(found.left_out) == 1


def rsa_jwk(bits: int) -> dict[str, Any]:
    return IssuerKey("RS256", "weak", rsa_key(bits)).jwk


WEAK: dict[str, tuple[Any, str]] = {
    "RSA of 1024 bits": (rsa_jwk(1024), "the key weak is an RSA key of 1024 bits; it must have 2048 to 8192"),
    "a secret of 31 bytes": (
        {"kty": "oct", "kid": "weak", "k": encoded(bytes(31))},
        "the key weak is a secret of 31 bytes; it must have at least 32",
    ),
    "an empty secret": ({"kty": "oct", "kid": "weak", "k": ""}, "0 bytes"),
    "a secret without a name": ({"kty": "oct", "k": encoded(bytes(32))}, "key number 1 is a secret without a kid"),
    "PEM as a secret": (
        {"kty": "oct", "kid": "weak", "k": encoded(IssuerKey("RS256").pem)},
        "is no secret: it contains a key of another type as text",
    ),
    "an SSH key as a secret": (
        {"kty": "oct", "kid": "weak", "k": encoded("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC8")}, "is no secret",
    ),
    "a modulus that is even": (GOOD["RS256"] | {"n": encoded(b"\xff" * 255 + b"\xfe")}, "is malformed"),
    "an exponent of 1": (GOOD["RS256"] | {"e": "AQ"}, "is malformed"),
    "an exponent that is even": (GOOD["RS256"] | {"e": "BA"}, "is malformed"),
    "an exponent as long as a modulus": (GOOD["RS256"] | {"e": encoded(b"\x01" * 256)}, "is malformed"),
    "RSA without a modulus": ({"kty": "RSA", "kid": "x", "e": "AQAB"}, "the key x is malformed"),
    "a modulus that is a number": (GOOD["RS256"] | {"n": 7}, "is malformed"),
    "a modulus in standard base64": (GOOD["RS256"] | {"n": "+/" + GOOD["RS256"]["n"]}, "is malformed"),
    "a point off the curve": (GOOD["ES256"] | {"x": encoded(bytes(31) + b"\x05")}, "is malformed"),
    "a point that is too short": (GOOD["ES256"] | {"x": encoded(bytes(31))}, "is malformed"),
    "a point without y": ({"kty": "EC", "crv": "P-256", "kid": "x", "x": GOOD["ES256"]["x"]}, "is malformed"),
    "an Ed25519 key that is too short": (GOOD["EdDSA"] | {"x": encoded(bytes(31))}, "is malformed"),
    "a secret that is padded": (GOOD["HS256"] | {"k": GOOD["HS256"]["k"] + "="}, "is malformed"),
    "a secret that is null": (GOOD["HS256"] | {"k": None}, "is malformed"),
    "a kid that is a number": (GOOD["ES256"] | {"kid": 1}, "key number 1 has a kid that is no text"),
    "a kid that is empty": (GOOD["ES256"] | {"kid": ""}, "has a kid that is no text"),
}  # fmt: skip


@pytest.mark.parametrize(("key", "message"), WEAK.values(), ids=WEAK.keys())
def test_a_weak_or_malformed_key_is_refused_at_start_and_left_out_later(key: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableKeys) as refusal:
        read(key, GOOD["EdDSA"])
    assert message in str(refusal.value)
    found = read(key, GOOD["EdDSA"], strict=False)
    assert [each.algorithm for each in found.keys] == ["EdDSA"]
    assert [message in each for each in found.left_out] == [True]


@pytest.mark.parametrize(("key", "_message"), WEAK.values(), ids=WEAK.keys())
def test_no_message_quotes_a_key(key: dict[str, Any], _message: str) -> None:
    (left_out,) = read(key, strict=False).left_out
    values = [value for name, value in key.items() if name in "nexyk" and isinstance(value, str) and len(value) > 4]
    assert [value for value in values if value in left_out] == []


def test_two_keys_under_one_name_are_told_apart_by_their_type_alone() -> None:
    assert len(read(GOOD["ES256"], GOOD["EdDSA"]).keys) == 2
    other = IssuerKey("ES256", "good").jwk
    with pytest.raises(UnusableKeys, match="the key good has the same kid as another key"):
        read(GOOD["ES256"], other)
    first, second = IssuerKey("ES256").jwk, IssuerKey("ES256").jwk
    with pytest.raises(UnusableKeys, match="key number 2 has the same kid as another key, or neither has one"):
        read(first, second)
    assert len(read(first, second, strict=False).keys) == 1


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"{",
    "PEM": IssuerKey("ES256").pem,
    "no UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "one key": json.dumps(GOOD["ES256"]).encode(),
    "keys an object": b'{"keys": {}}',
    "keys null": b'{"keys": null}',
    "keys of text": b'{"keys": ["x"]}',
    "keys twice": b'{"keys": [], "keys": []}',
    "a member twice": jwks(GOOD["ES256"]).replace(b'"kty"', b'"kty": "RSA", "kty"'),
    "nested": b'{"keys":' * 2000,
    "too many": jwks(*[{}] * (KEYS_LIMIT + 1)),
    "NaN": b'{"keys": [], "x": NaN}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_no_jwks_is_refused(content: bytes, strict: bool) -> None:
    with pytest.raises(UnusableKeys):
        read_key_set(content, strict=strict)


def test_keys_differ_by_everything_that_makes_them() -> None:
    one = IssuerKey("HS256", "a")
    same = read(one.jwk).fingerprints
    assert read({**one.jwk, "use": "sig"}).fingerprints == same
    assert read(IssuerKey("HS256", "b", one.private).jwk).fingerprints.isdisjoint(same)
    assert read(IssuerKey("HS256", "a").jwk).fingerprints.isdisjoint(same)


def test_no_key_is_printed() -> None:
    found = read(*Issuer().jwks["keys"])
    assert "secret" not in repr(found)
    assert all(each.fingerprint not in repr(found) and repr(each.material) not in repr(found) for each in found.keys)
    assert names_of(read(GOOD["ES256"], IssuerKey("EdDSA").jwk).keys) == ["good (ES256)", "without kid (EdDSA)"]


def test_private_keys_are_noticed() -> None:
    assert not has_private_parts(jwks(*GOOD.values()))
    assert has_private_parts(jwks(GOOD["ES256"], GOOD["RS256"] | {"d": "AAAA"}))
    assert len(read(GOOD["ES256"] | {"d": "AAAA"}).keys) == 1


def test_a_key_without_a_printable_name_is_called_by_its_place() -> None:
    (left_out,) = read({"kty": "oct", "kid": "a\nb", "k": ""}, strict=False).left_out
    assert left_out.startswith("key number 1 ")
