"""The example that makes a JWKS: keys of openssl sign tokens that a server accepts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from models.foreign_tokens import ForeignTokens
from models.key_set import read_key_set
from settings import Settings
from tests.issuer import AUDIENCE, ISSUER

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "python" / "jwks.py"

KEYS: dict[str, list[str]] = {
    "RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "EdDSA": ["-algorithm", "ed25519"],
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_tokens_signed_with_a_key_of_openssl_are_accepted(tmp_path: Path, algorithm: str) -> None:
    private, public = tmp_path / "signing.pem", tmp_path / "2026-11.pem"
    subprocess.run(["openssl", "genpkey", *KEYS[algorithm], "-out", private], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    made = subprocess.run([sys.executable, EXAMPLE, public], check=True, capture_output=True)
    tokens = ForeignTokens(
        Settings(foreign_token_keys="jwks.json", foreign_token_issuer=ISSUER, foreign_token_audience=AUDIENCE),
        now=time.time,
    )
    tokens.use(read_key_set(made.stdout, strict=True))
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "42", "iat": now, "exp": now + 900}
    token = jwt.encode(claims, private.read_text(), algorithm, headers={"kid": "2026-11"})
    assert tokens.verify(token).external_id == "42"
