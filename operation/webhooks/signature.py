"""Signature: signs webhooks as Standard Webhooks says (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature_headers(key: bytes, webhook_id: str, timestamp: int, body: str) -> dict[str, str]:
    """The headers that show who sent the body, and when. `timestamp` is in Unix seconds."""
    signed = f"{webhook_id}.{timestamp}.{body}".encode()
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
