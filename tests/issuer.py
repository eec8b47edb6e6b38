"""Issuer: another program that signs tokens, with keys of each kind, and forges those that a library would not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://issuer.example"
AUDIENCE = "presence"
KINDS = ("RS256", "ES256", "EdDSA", "HS256")


def encoded(content: Any) -> str:
    """Return base64url without padding; of what is neither text nor bytes, its JSON."""
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    raw = text.encode() if isinstance(text, str) else text
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def encoded_number(value: int, size: int) -> str:
    """Return a number as a JWK has it."""
    return encoded(value.to_bytes(size, "big"))


@cache
def rsa_key(bits: int = 2048, place: int = 0) -> rsa.RSAPrivateKey:
    """Return an RSA key, which takes long to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class IssuerKey:
    """A key of one kind under one name."""

    def __init__(self, kind: str, key_id: str | None = None, private: Any = None) -> None:
        self.kind = kind
        self.key_id = key_id
        self.private = private or new_key(kind)

    @property
    def public(self) -> Any:
        return self.private if self.kind == "HS256" else self.private.public_key()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half as a JWK, or the secret."""
        named = {} if self.key_id is None else {"kid": self.key_id}
        match self.kind:
            case "RS256":
                numbers = self.public.public_numbers()
                size = (numbers.n.bit_length() + 7) // 8
                return {"kty": "RSA", "n": encoded_number(numbers.n, size), "e": "AQAB", **named}
            case "ES256":
                numbers = self.public.public_numbers()
                point = {"x": encoded_number(numbers.x, 32), "y": encoded_number(numbers.y, 32)}
                return {"kty": "EC", "crv": "P-256", **point, **named}
            case "EdDSA":
                return {"kty": "OKP", "crv": "Ed25519", "x": encoded(self.public.public_bytes_raw()), **named}
            case _:
                return {"kty": "oct", "k": encoded(self.private), **named}

    @property
    def pem(self) -> bytes:
        """The public half as PEM. A secret has none, so the JWK stands for it."""
        if self.kind == "HS256":
            return json.dumps(self.jwk).encode()
        return bytes(self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    @property
    def der(self) -> bytes:
        """The public half as DER. A secret has none, so its text in base64url stands for it."""
        if self.kind == "HS256":
            return encoded(self.private).encode()
        return bytes(self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, content: bytes) -> bytes:
        """Return a signature of this key's kind."""
        match self.kind:
            case "RS256":
                return bytes(self.private.sign(content, padding.PKCS1v15(), hashes.SHA256()))
            case "ES256":
                r, s = decode_dss_signature(self.private.sign(content, ec.ECDSA(hashes.SHA256())))
                return r.to_bytes(32, "big") + s.to_bytes(32, "big")
            case "EdDSA":
                return bytes(self.private.sign(content))
            case _:
                return hmac.new(self.private, content, hashlib.sha256).digest()


def new_key(kind: str, place: int = 0) -> Any:
    """Return a new private key of a kind, or a secret. Of RSA, `place` tells one from another."""
    match kind:
        case "RS256":
            return rsa_key(2048, place)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return secrets.token_bytes(32)


class Issuer:
    """Signs tokens with one of its keys. All of its keys are in its JWKS."""

    def __init__(self, *kinds: str, now: Callable[[], float] = time.time) -> None:
        self.keys = {kind: IssuerKey(kind, f"{kind}-{secrets.token_hex(4)}") for kind in kinds or KINDS}
        self._now = now

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [key.jwk for key in self.keys.values()]}

    def write(self, folder: Path) -> Path:
        """Write the JWKS to a file in a folder."""
        path = folder / "jwks.json"
        path.write_text(json.dumps(self.jwks))
        return path

    def settings(self, folder: Path) -> dict[str, Any]:
        """The settings of a server that accepts these tokens."""
        return {
            "foreign_token_keys": str(self.write(folder)),
            "foreign_token_issuer": ISSUER,
            "foreign_token_audience": AUDIENCE,
        }

    def key(self, kind: str = "") -> IssuerKey:
        """The key of one kind, or any."""
        return self.keys[kind or next(iter(self.keys))]

    def claims(self, sub: Any = "user-1", **changes: Any) -> dict[str, Any]:
        """What a good token states."""
        now = int(self._now())
        return {"iss": ISSUER, "aud": AUDIENCE, "sub": sub, "iat": now, "exp": now + 900, **changes}

    def token(self, sub: Any = "user-1", kind: str = "", **changes: Any) -> str:
        """A token as a good issuer signs it."""
        key = self.key(kind)
        return signed(key, {"alg": key.kind, "kid": key.key_id, "typ": "JWT"}, self.claims(sub, **changes))


def signed(key: IssuerKey, header: Any, claims: Any) -> str:
    """Return a token with any header and claims, unchanged if they are text or bytes."""
    content = f"{encoded(header)}.{encoded(claims)}"
    return f"{content}.{encoded(key.sign(content.encode()))}"
