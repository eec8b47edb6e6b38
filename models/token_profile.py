"""Token profile: what the tokens of another issuer last said of their user's name and picture."""

from __future__ import annotations

import hashlib

import msgspec

_DIGEST_LENGTH = 16


class TokenProfile(msgspec.Struct, frozen=True):
    """Digests of the claims, and when the token was issued that said so (Unix seconds). "" is a claim never seen.

    It tells whether a token says something new. The profile itself may differ: the name may have been taken, and the
    user may have chosen another one since.
    """

    name: str = ""
    picture: str = ""
    issued_at: int = 0

    def following(self, name: str | None, picture: str | None, issued_at: int) -> TokenProfile:
        """The profile after a token with these claims. It is this one if the token says nothing new.

        A token that lacks a claim says nothing of it. An older token says nothing at all.
        """
        if issued_at < self.issued_at:
            return self
        of_name, of_picture = _digest(name) or self.name, _digest(picture) or self.picture
        if (of_name, of_picture) == (self.name, self.picture):
            return self
        return TokenProfile(of_name, of_picture, issued_at)


def _digest(claim: str | None) -> str:
    return "" if claim is None else hashlib.sha256(claim.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
