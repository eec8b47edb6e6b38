"""Signature: signs webhooks as Standard Webhooks says (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signature_headers(keys: Sequence[bytes], webhook_id: str, timestamp: int, body: str) -> dict[str, str]:
    """The headers that show who sent the body, and when. `timestamp` is in Unix seconds.

    There are several keys while one is being replaced. The receiver needs to know one of them.
    """
    signed = f"{webhook_id}.{timestamp}.{body}".encode()
    signatures = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
