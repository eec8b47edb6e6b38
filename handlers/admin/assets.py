"""Assets: what pages are made of, under URLs that change with the content, so that browsers may keep them for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

from handlers.base import HandlerContext
from handlers.docs.pages import AssetHandler
from models.errors import NotFound

VERSION_DIGITS = 12
"""Of the hash: enough that no two versions of one installation are the same by chance."""


class Assets:
    """The files of a folder as they are at start. One version for all: scripts import each other by relative URLs."""

    def __init__(self, *folders: Path) -> None:
        digest = hashlib.sha256()
        for folder in folders:
            for path in sorted(each for each in folder.rglob("*") if each.is_file()):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:VERSION_DIGITS]

    def url(self, path: str) -> str:
        """Where a file is, by its path in `static/`."""
        return f"/static/v/{self.version}/{path}"


class VersionedAssetHandler(AssetHandler):
    """GET /static/v/{version}/…"""

    def initialize(self, context: HandlerContext, path: str, assets: Assets) -> None:  # type: ignore[override]  # as its base
        """Collaborators come from the route."""
        super().initialize(context, path)
        self.assets = assets

    def prepare(self) -> None:
        """Another version's content is not here, and must not be kept as if it were. Raises NotFound."""
        super().prepare()
        version, *self.path_args = self.path_args
        if version != self.assets.version:
            raise NotFound("This version is gone; load the page anew")

    def set_extra_headers(self, path: str) -> None:
        """The content of this URL never changes."""
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
