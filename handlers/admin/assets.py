"""Assets: the files that pages load, under URLs that change with their content, so browsers can cache them forever."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from handlers.base import HandlerContext
from handlers.compression import BEST_LEVEL, compressed, mark_compressed, takes_gzip
from handlers.docs.pages import AssetHandler
from models.errors import NotFound

COMPRESSED_TYPES = (".js", ".css", ".svg")

_COMMENTS = re.compile(rb"^[ \t]*(?:/\*.*?\*/[ \t]*\n|//[^\n]*\n)", re.MULTILINE | re.DOTALL)
"""Comments on lines of their own. They are a sixth of what a page loads, and nobody reads them there."""

_INDENTS = re.compile(rb"^[ \t]+|\n+(?=\n)", re.MULTILINE)
"""Spaces at the beginning of lines, and empty lines: another fiftieth, after compression."""

VERSION_DIGITS = 12
"""Digits of the hash. They are enough to tell the versions of one installation apart."""


class Assets:
    """The files in some folders at start. They share a version, because scripts import each other by relative URLs."""

    def __init__(self, *folders: Path) -> None:
        digest = hashlib.sha256()
        self._contents: dict[Path, bytes] = {}
        self._compressed: dict[Path, bytes] = {}
        for folder in folders:
            for path in sorted(each for each in folder.rglob("*") if each.is_file()):
                content = path.read_bytes()
                if path.suffix in COMPRESSED_TYPES:
                    self._contents[path.resolve()] = content
                digest.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:VERSION_DIGITS]

    def compressed(self, path: str) -> bytes | None:
        """A file's content as gzip, or None if it has none, by its absolute path.

        Each is compressed at its first request, so that the server starts quickly.
        """
        absolute = Path(path).resolve()
        if absolute not in self._compressed:
            if absolute not in self._contents:
                return None
            content = self._contents.pop(absolute)
            self._compressed[absolute] = compressed(compact(content), BEST_LEVEL)
        return self._compressed[absolute]

    def url(self, path: str) -> str:
        """The URL of a file, by its path in `static/`."""
        return f"/static/v/{self.version}/{path}"


def compact(source: bytes) -> bytes:
    """A script or a style sheet without indents and the comments on lines of their own. No text in them spans lines."""
    return _INDENTS.sub(b"", _COMMENTS.sub(b"", source))


class VersionedAssetHandler(AssetHandler):
    """GET /static/v/{version}/…"""

    def initialize(self, context: HandlerContext, path: str, assets: Assets) -> None:  # type: ignore[override]  # as its base
        """The route passes the collaborators."""
        super().initialize(context, path)
        self.assets = assets

    def prepare(self) -> None:
        """Refuse other versions, so that browsers do not cache this content under their URL. Raises NotFound."""
        super().prepare()
        version, *self.path_args = self.path_args
        if version != self.assets.version:
            raise NotFound("This version is no longer available. Reload the page.")

    async def get(self, path: str, include_body: bool = True) -> None:
        """Answer with the compressed file if the client takes that, and otherwise as usual."""
        self.set_header("Vary", "Accept-Encoding")
        absolute_path = self.get_absolute_path(self.root, path)
        content = self.assets.compressed(absolute_path)
        if content is None or not include_body or "Range" in self.request.headers or not takes_gzip(self):
            await super().get(path, include_body)
            return
        self.absolute_path = absolute_path
        self.set_extra_headers(path)
        self.set_header("Content-Type", self.get_content_type())
        mark_compressed(self)
        self.write(content)

    def compute_etag(self) -> None:
        """No `ETag`: the URL says which content it is, and 143 bytes for each of 60 files matter on a slow line."""

    def set_extra_headers(self, path: str) -> None:
        """Let browsers cache the file forever, because the content of this URL never changes."""
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
