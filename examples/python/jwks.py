"""Prints the JWKS of public keys, for ROLLCALL_FOREIGN_TOKEN_KEYS.

    pip install "PyJWT[crypto]"
    openssl genpkey -algorithm ed25519 -out signing.pem          # stays with your backend, which signs with it
    openssl pkey -in signing.pem -pubout -out 2026-11.pem        # the name of the file becomes the kid
    python jwks.py 2026-11.pem > jwks.json

Several files give several keys, as during a rotation.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm


def jwk(path: Path) -> dict[str, Any]:
    """The public key in a PEM file as a JWK."""
    key = load_pem_public_key(path.read_bytes())
    named = {"kid": path.stem, "use": "sig"}
    if isinstance(key, RSAPublicKey):
        return {**RSAAlgorithm.to_jwk(key, as_dict=True), **named, "alg": "RS256"}
    if isinstance(key, EllipticCurvePublicKey):
        return {**ECAlgorithm.to_jwk(key, as_dict=True), **named, "alg": "ES256"}
    if isinstance(key, Ed25519PublicKey):
        return {**OKPAlgorithm.to_jwk(key, as_dict=True), **named, "alg": "EdDSA"}
    sys.exit(f"{path}: use RSA, P-256 or Ed25519")


if __name__ == "__main__":
    print(json.dumps({"keys": [jwk(Path(each)) for each in sys.argv[1:]]}, indent=2))
