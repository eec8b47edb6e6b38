"""A table of bad tokens of another issuer. Each row forges one for a key of any kind."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.issuer import AUDIENCE, ISSUER, KINDS, Issuer, IssuerKey, encoded, new_key, signed


@dataclass(frozen=True)
class Forger:
    """Forges tokens for one of an issuer's keys."""

    issuer: Issuer
    kind: str

    @property
    def key(self) -> IssuerKey:
        return self.issuer.key(self.kind)

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": self.kind, "kid": self.key.key_id, "typ": "JWT"}

    @property
    def claims(self) -> dict[str, Any]:
        return self.issuer.claims()

    @property
    def parts(self) -> list[str]:
        """The three segments of a good token."""
        return signed(self.key, self.header, self.claims).split(".")

    def with_header(self, **changes: Any) -> str:
        return signed(self.key, self.header | changes, self.claims)

    def with_claims(self, **changes: Any) -> str:
        return signed(self.key, self.header, self.claims | changes)

    def without_header(self, name: str) -> str:
        return signed(self.key, {each: value for each, value in self.header.items() if each != name}, self.claims)

    def without_claim(self, name: str) -> str:
        return signed(self.key, self.header, {each: value for each, value in self.claims.items() if each != name})

    def written(self, **texts: str) -> str:
        """Return a token with some claims as JSON text that no library writes."""
        claims = {name: json.dumps(value) for name, value in self.claims.items()} | texts
        return signed(self.key, self.header, "{" + ",".join(f'"{name}":{text}' for name, text in claims.items()) + "}")

    def by(self, key: IssuerKey, **changes: Any) -> str:
        """Return a token in this key's name that another key signed."""
        return signed(key, self.header | changes, self.claims)

    def by_hmac(self, secret: bytes, digest: str = "sha256", **changes: Any) -> str:
        """Return a token whose signature is an HMAC with something that is no secret."""
        content = f"{encoded(self.header | changes)}.{encoded(self.claims)}"
        return f"{content}.{encoded(hmac.new(secret, content.encode(), getattr(hashlib, digest)).digest())}"

    def unsigned(self, alg: str) -> str:
        return f"{encoded(self.header | {'alg': alg})}.{encoded(self.claims)}."

    def other_kind(self) -> str:
        return KINDS[(KINDS.index(self.kind) + 1) % len(KINDS)]

    def embedded(self, kind: str) -> dict[str, Any]:
        """A key that the forger has, as a token might bring it along."""
        return IssuerKey(kind, self.key.key_id).jwk


def _tampered_signature(f: Forger) -> str:
    header, claims, signature = f.parts
    return f"{header}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _other_spelling(f: Forger) -> str:
    """The last character of a signature has bits to spare, so it can be written in several ways."""
    *rest, signature = f.parts
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return ".".join([*rest, signature[:-1] + letters[letters.index(signature[-1]) ^ 1]])


_DEEP = '{"a":' * 1200 + "1" + "}" * 1200


def _embedding(f: Forger) -> str:
    """A key that the forger brings along signs a token in the name of the issuer's."""
    key = IssuerKey(f.kind, f.key.key_id)
    return signed(key, f.header | {"jwk": key.jwk}, f.claims)


def _with_a_name_twice(f: Forger) -> str:
    return signed(f.key, json.dumps(f.header)[:-1] + f',"alg":"{f.kind}"}}', f.claims)


BAD: dict[str, Callable[[Forger], str]] = {
    "alg none": lambda f: f.unsigned("none"),
    "alg None": lambda f: f.unsigned("None"),
    "alg nOnE": lambda f: f.unsigned("nOnE"),
    "alg none with a signature": lambda f: f.with_header(alg="none"),
    "alg empty": lambda f: f.with_header(alg=""),
    "alg missing": lambda f: f.without_header("alg"),
    "alg null": lambda f: f.with_header(alg=None),
    "alg a list": lambda f: f.with_header(alg=[f.kind]),
    "alg in other letters": lambda f: f.with_header(alg=f.kind.swapcase()),
    "alg of another kind": lambda f: f.with_header(alg=f.other_kind()),
    "alg HS256 signed with the public key as PEM": lambda f: f.by_hmac(f.key.pem, alg="HS256"),
    "alg HS256 signed with the public key as stripped PEM": lambda f: f.by_hmac(f.key.pem.strip(), alg="HS256"),
    "alg HS256 signed with the public key as DER": lambda f: f.by_hmac(f.key.der, alg="HS256"),
    "alg HS256 signed with the key as JWK": lambda f: f.by_hmac(json.dumps(f.key.jwk).encode(), alg="HS256"),
    "alg HS256 signed with the whole JWKS": lambda f: f.by_hmac(json.dumps(f.issuer.jwks).encode(), alg="HS256"),
    "alg HS256 signed with the kid": lambda f: f.by_hmac(str(f.key.key_id).encode(), alg="HS256"),
    "alg HS256 signed with nothing": lambda f: f.by_hmac(b"", alg="HS256"),
    "alg HS512 signed with the public key": lambda f: f.by_hmac(f.key.pem, "sha512", alg="HS512"),
    "alg PS256": lambda f: f.with_header(alg="PS256"),
    "alg RS512": lambda f: f.with_header(alg="RS512"),
    "alg ES384": lambda f: f.with_header(alg="ES384"),
    "alg ES256K": lambda f: f.with_header(alg="ES256K"),
    "alg HS384": lambda f: f.with_header(alg="HS384"),
    "alg a path": lambda f: f.with_header(alg="../../dev/null"),
    "kid unknown": lambda f: f.with_header(kid="another"),
    "kid of another kind": lambda f: f.with_header(kid=f.issuer.key(f.other_kind()).key_id),
    "kid in other letters": lambda f: f.with_header(kid=str(f.key.key_id).swapcase()),
    "kid with a space": lambda f: f.with_header(kid=f"{f.key.key_id} "),
    "kid missing, with several keys": lambda f: f.without_header("kid"),
    "kid null, with several keys": lambda f: f.with_header(kid=None),
    "kid empty": lambda f: f.with_header(kid=""),
    "kid a number": lambda f: f.with_header(kid=1),
    "kid a list": lambda f: f.with_header(kid=[f.key.key_id]),
    "kid an object": lambda f: f.with_header(kid={"$gt": ""}),
    "kid a path": lambda f: f.with_header(kid="../../../../dev/null"),
    "kid SQL": lambda f: f.with_header(kid="x' UNION SELECT 'key"),
    "signed by another key of the same kind": lambda f: f.by(IssuerKey(f.kind, f.key.key_id, new_key(f.kind, 1))),
    "signed by another key of the issuer": lambda f: f.by(f.issuer.key(f.other_kind())),
    "named and signed by another key of the issuer": lambda f: f.by(
        f.issuer.key(f.other_kind()), kid=f.issuer.key(f.other_kind()).key_id
    ),
    "jwk with the forger's own key": _embedding,
    "jwk": lambda f: f.with_header(jwk=f.embedded("ES256")),
    "jwk of the issuer": lambda f: f.with_header(jwk=f.key.jwk),
    "jku": lambda f: f.with_header(jku="https://evil.example/keys"),
    "x5u": lambda f: f.with_header(x5u="https://evil.example/certificate"),
    "x5c": lambda f: f.with_header(x5c=["AAAA"]),
    "crit": lambda f: f.with_header(crit=["exp"]),
    "crit unknown": lambda f: f.with_header(crit=["x"], x=1),
    "crit empty": lambda f: f.with_header(crit=[]),
    "b64 false": lambda f: f.with_header(b64=False, crit=["b64"]),
    "zip": lambda f: f.with_header(zip="DEF"),
    "typ of a logout": lambda f: f.with_header(typ="logout+jwt"),
    "typ a number": lambda f: f.with_header(typ=1),
    "typ null": lambda f: f.with_header(typ=None),
    "header a list": lambda f: signed(f.key, [f.header], f.claims),
    "header a text": lambda f: signed(f.key, '"x"', f.claims),
    "header no JSON": lambda f: signed(f.key, "{", f.claims),
    "header empty": lambda f: signed(f.key, "{}", f.claims),
    "header with a name twice": _with_a_name_twice,
    "header nested": lambda f: signed(f.key, _DEEP, f.claims),
    "claims a list": lambda f: signed(f.key, f.header, [f.claims]),
    "claims a text": lambda f: signed(f.key, f.header, '"user-1"'),
    "claims null": lambda f: signed(f.key, f.header, "null"),
    "claims no JSON": lambda f: signed(f.key, f.header, "{"),
    "claims no UTF-8": lambda f: signed(f.key, f.header, b'{"sub":"\xff"}'),
    "claims in UTF-16": lambda f: signed(f.key, f.header, json.dumps(f.claims).encode("utf-16")),
    "claims with a mark of byte order": lambda f: signed(f.key, f.header, "\ufeff" + json.dumps(f.claims)),
    "claims nested": lambda f: signed(f.key, f.header, _DEEP),
    "sub twice": lambda f: f.written(sub='"somebody","sub":"user-1"'),
    "exp twice": lambda f: f.written(exp=f'1,"exp":{f.claims["exp"]}'),
    "a name twice deep inside": lambda f: f.written(extra='{"a":1,"a":2}'),
    "claims changed": lambda f: ".".join([f.parts[0], encoded(f.claims | {"sub": "admin"}), f.parts[2]]),
    "header changed": lambda f: ".".join([encoded(f.header | {"x": 1}), *f.parts[1:]]),
    "signature changed": _tampered_signature,
    "signature in another spelling": _other_spelling,
    "signature cut": lambda f: ".".join([*f.parts[:2], f.parts[2][:-4]]),
    "signature longer": lambda f: ".".join([*f.parts[:2], f.parts[2] + "AAAA"]),
    "signature of another token": lambda f: ".".join([*f.parts[:2], f.with_claims(sub="x").split(".")[2]]),
    "signature of zeros": lambda f: ".".join([*f.parts[:2], encoded(bytes(64))]),
    "signature empty": lambda f: ".".join([*f.parts[:2], ""]),
    "signature missing": lambda f: ".".join(f.parts[:2]),
    "header alone": lambda f: f.parts[0],
    "four segments": lambda f: ".".join([*f.parts, f.parts[2]]),
    "five segments": lambda f: ".".join([*f.parts, "a", "b"]),
    "claims empty": lambda f: ".".join([f.parts[0], "", f.parts[2]]),
    "claims missing, as in a detached token": lambda f: ".".join([f.parts[0], f.parts[2]]),
    "padded": lambda f: ".".join(f.parts) + "=",
    "padded claims": lambda f: ".".join([f.parts[0], f.parts[1] + "==", f.parts[2]]),
    "standard base64": lambda f: ".".join([f.parts[0], f.parts[1], f.parts[2][:-2] + "+/"]),
    "no base64": lambda f: ".".join([f.parts[0], "!!!", f.parts[2]]),
    "a space before": lambda f: " " + ".".join(f.parts),
    "a line break behind": lambda f: ".".join(f.parts) + "\n",
    "a NUL inside": lambda f: ".".join(f.parts).replace(".", "\0.", 1),
    "other letters": lambda f: ".".join(f.parts) + "é",
    "longer than 8 KiB": lambda f: f.with_claims(extra="x" * 6200),
    "sub missing": lambda f: f.without_claim("sub"),
    "sub empty": lambda f: f.with_claims(sub=""),
    "sub too long": lambda f: f.with_claims(sub="x" * 129),
    "sub a number": lambda f: f.with_claims(sub=7),
    "sub null": lambda f: f.with_claims(sub=None),
    "sub true": lambda f: f.with_claims(sub=True),
    "sub a list": lambda f: f.with_claims(sub=["user-1"]),
    "sub an object": lambda f: f.with_claims(sub={"$gt": ""}),
    "sub half a character": lambda f: f.written(sub='"\\ud800"'),
    "iss missing": lambda f: f.without_claim("iss"),
    "iss another": lambda f: f.with_claims(iss="https://evil.example"),
    "iss ours": lambda f: f.with_claims(iss="rollcall"),
    "iss with a slash more": lambda f: f.with_claims(iss=f"{ISSUER}/"),
    "iss in capitals": lambda f: f.with_claims(iss=ISSUER.upper()),
    "iss a list": lambda f: f.with_claims(iss=[ISSUER]),
    "iss null": lambda f: f.with_claims(iss=None),
    "aud missing": lambda f: f.without_claim("aud"),
    "aud another": lambda f: f.with_claims(aud="other"),
    "aud others": lambda f: f.with_claims(aud=["other", "another"]),
    "aud ours": lambda f: f.with_claims(aud="rollcall"),
    "aud a part": lambda f: f.with_claims(aud=AUDIENCE[:-1]),
    "aud longer": lambda f: f.with_claims(aud=f"{AUDIENCE} other"),
    "aud empty": lambda f: f.with_claims(aud=[]),
    "aud null": lambda f: f.with_claims(aud=None),
    "aud a number": lambda f: f.with_claims(aud=1),
    "aud an object": lambda f: f.with_claims(aud={AUDIENCE: 1}),
    "aud with a number in it": lambda f: f.with_claims(aud=[AUDIENCE, 1]),
    "exp missing": lambda f: f.without_claim("exp"),
    "exp a text": lambda f: f.with_claims(exp=str(f.claims["exp"])),
    "exp a word": lambda f: f.with_claims(exp="never"),
    "exp null": lambda f: f.with_claims(exp=None),
    "exp true": lambda f: f.with_claims(exp=True),
    "exp a list": lambda f: f.with_claims(exp=[f.claims["exp"]]),
    "exp negative": lambda f: f.with_claims(exp=-1),
    "exp NaN": lambda f: f.written(exp="NaN"),
    "exp Infinity": lambda f: f.written(exp="Infinity"),
    "exp 1e400": lambda f: f.written(exp="1e400"),
    "exp 10**400": lambda f: f.written(exp="1" + "0" * 400),
    "exp of 5000 digits": lambda f: f.written(exp="1" * 5000),
    "exp beyond all dates": lambda f: f.with_claims(exp=2**40),
    "exp in milliseconds": lambda f: f.with_claims(exp=f.claims["exp"] * 1000),
    "iat missing": lambda f: f.without_claim("iat"),
    "iat a text": lambda f: f.with_claims(iat=str(f.claims["iat"])),
    "iat null": lambda f: f.with_claims(iat=None),
    "iat true": lambda f: f.with_claims(iat=True),
    "iat NaN": lambda f: f.written(iat="NaN"),
    "iat beyond all dates": lambda f: f.with_claims(iat=2**40),
    "nbf in the future": lambda f: f.with_claims(nbf=f.claims["iat"] + 120),
    "nbf far in the future": lambda f: f.with_claims(nbf=f.claims["iat"] + 10**8),
    "nbf a text": lambda f: f.with_claims(nbf="soon"),
    "nbf null": lambda f: f.with_claims(nbf=None),
    "nbf true": lambda f: f.with_claims(nbf=True),
    "jti a number": lambda f: f.with_claims(jti=1),
    "jti null": lambda f: f.with_claims(jti=None),
    "jti empty": lambda f: f.with_claims(jti=""),
    "jti an object": lambda f: f.with_claims(jti={"$ne": ""}),
}
"""Each is refused as invalid, whatever the kind of the key."""

EXPIRED: dict[str, Callable[[Forger], str]] = {
    "exp now": lambda f: f.with_claims(exp=f.claims["iat"]),
    "exp a second ago": lambda f: f.with_claims(exp=f.claims["iat"] - 1),
    "exp half a second ago": lambda f: f.with_claims(exp=f.claims["iat"] - 0.5),
    "exp long ago": lambda f: f.with_claims(iat=1, exp=2),
}
"""Each is refused as expired."""
