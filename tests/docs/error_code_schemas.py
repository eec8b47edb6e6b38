"""A hook of schemathesis: an error response must have one of the codes that /openapi.json lists for it."""

from __future__ import annotations

from typing import Any

import schemathesis

from handlers.docs.openapi import CODES_KEY


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Write the listed codes into the schema of each response."""
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                if CODES_KEY in response:
                    content = response["content"]["application/json"]
                    code = {"properties": {"error": {"properties": {"code": {"enum": response[CODES_KEY]}}}}}
                    content["schema"] = {"allOf": [content["schema"], code]}
