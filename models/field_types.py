"""Field types: the constraints on usernames, passwords and image URLs, wherever they are entered."""

from __future__ import annotations

from typing import Annotated

import msgspec

from models import tags
from models.usernames import LONGEST, LONGEST_AS_GIVEN

Username = Annotated[
    str,
    msgspec.Meta(
        description="At least one visible character; no control, format or bidirectional characters. Stored in NFC.",
        extra_json_schema={
            "minLength": 1,
            "maxLength": LONGEST,
            "pattern": r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$(?!\n)",
        },
    ),
]
"""A name as it is entered. `checked_username` checks it: a pattern cannot express the whole rule."""

Tag = Annotated[
    str,
    msgspec.Meta(
        description="As long and as visible as a username. Compared in NFC; case matters.",
        extra_json_schema={"minLength": 1, "maxLength": tags.LONGEST},
    ),
]
"""A tag as it is entered. `checked_tag` checks it: a pattern cannot express the whole rule."""

SignInName = Annotated[
    str,
    msgspec.Meta(max_length=LONGEST_AS_GIVEN, pattern=r"^[^\x00]*$(?!\n)", extra_json_schema={"maxLength": LONGEST}),
]
"""A name to sign in with. It may be one that was stored before today's rule, or differ in its normalization."""

Password = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^[^\x00]*$(?!\n)")]
"""Its minimum length is the setting `password_length_minimum`."""

ImageUrl = Annotated[str, msgspec.Meta(max_length=2048, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$(?!\n)")]
