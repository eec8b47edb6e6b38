"""Field types: the constraints on usernames, passwords and image URLs, wherever they are entered."""

from __future__ import annotations

from typing import Annotated

import msgspec

Username = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$(?!\n)",
    ),
]
"""No control characters, no space at either end."""

Password = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^[^\x00]*$(?!\n)")]
"""Its minimum length is the setting `password_length_minimum`."""

ImageUrl = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$(?!\n)")]
