"""Receives Rollcall's webhooks: verifies each one, skips duplicates, and prints a line for each event.

    WEBHOOK_SECRET=whsec_… python webhooks.py         # listens on http://127.0.0.1:9000

It needs nothing but Python. The ids of webhooks that were processed are in a file, so that a duplicate is recognised
after a restart too.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
PORT = int(os.environ.get("PORT", "9000"))
TOLERANCE_SECONDS = 300
LARGEST_BODY = 4 * 1024 * 1024

database = sqlite3.connect(os.environ.get("DATABASE", "webhooks.db"))
database.execute("CREATE TABLE IF NOT EXISTS processed (id TEXT PRIMARY KEY, at REAL)")


def is_genuine(headers: Message, body: bytes) -> bool:
    """Whether Rollcall has sent this body, and not long ago."""
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest())
    # There may be several signatures, while the secret is being replaced.
    given = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(each, expected) for each in given)


def process(event: dict[str, Any]) -> None:
    """Do here what your app needs. Anything slow belongs into a queue of your own."""
    data = event["data"]
    match event["type"]:
        case "status.changed" | "user.created":
            status = data["status"]
            word = "available" if status["is_available"] else "busy" if status["is_online"] else "offline"
            print(f"{status['username']} {word}", flush=True)
        case "call.started" | "call.ended":
            print(f"{event['type']} {data['caller']['username']} {data['callee']['username']}", flush=True)
        case "user.deleted":
            print(f"user {data['user_id']} deleted", flush=True)
        case _:
            print(event["type"], flush=True)


class Receiver(BaseHTTPRequestHandler):
    """One request at a time is enough: Rollcall sends one after another."""

    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.answer(413)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body):
            self.answer(401)
            return
        # The id is saved together with what the events change: both are kept, or neither.
        with database:
            new = database.execute(
                "INSERT OR IGNORE INTO processed VALUES (?, ?)", (self.headers["webhook-id"], time.time())
            ).rowcount
            for event in json.loads(body)["events"] if new else ():
                process(event)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", PORT), Receiver)
    print(f"-- listening on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit()
