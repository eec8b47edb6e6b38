"""Client package: the JavaScript client as a file that npm installs from a running server.

`python -m handlers.docs.client_package FILE` writes the same file.
"""

from __future__ import annotations

import io
import re
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from handlers.base import ApiHandler, HandlerContext

STATIC = Path(__file__).resolve().parents[2] / "static"
MODULES = ("rollcall", "rollcall-react", "rollcall-login", "rollcall-testing")
COMMONJS = b'{ "type": "commonjs" }\n'

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|function|const) (\w+))", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (\w+);$", re.MULTILINE)

_STORED_LIMIT = 0xFFFF
"""The largest block that is not compressed, RFC 1951 §3.2.4."""


def client_package(static: Path = STATIC) -> bytes:
    """The package. The same files always give the same bytes, because lock files pin its hash."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(_files(static)):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return _gzip(archive.getvalue())


def _files(static: Path) -> Iterator[tuple[str, bytes]]:
    yield "package.json", (static / "package.json").read_bytes()
    yield "cjs/package.json", COMMONJS
    for module in MODULES:
        code, types = (static / f"{module}.js").read_bytes(), (static / f"{module}.d.ts").read_bytes()
        yield f"{module}.js", code
        yield f"{module}.d.ts", types
        yield f"cjs/{module}.js", commonjs(code.decode()).encode()
        yield f"cjs/{module}.d.ts", types


def commonjs(code: str) -> str:
    """A module of ours as CommonJS, for Jest and older programs. Imports and exports have one form in our modules."""
    names = [found[1] for found in _EXPORT.finditer(code)]
    code = _IMPORT.sub(lambda found: f'const {{{found[1].replace(" as ", ": ")}}} = require("{found[2]}");', code)
    code = _DEFAULT.sub(r"exports.default = \1;", _EXPORT.sub("", code))
    exports = "".join(f"exports.{name} = {name};\n" for name in names)
    return f'{code}\nObject.defineProperty(exports, "__esModule", {{ value: true }});\n{exports}'


def _gzip(data: bytes) -> bytes:
    """The data as a gzip file, not compressed: versions of zlib compress differently. RFC 1952 §2.3."""
    blocks = bytearray(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
    for start in range(0, len(data), _STORED_LIMIT):
        block = data[start : start + _STORED_LIMIT]
        is_last = start + _STORED_LIMIT >= len(data)
        size = len(block).to_bytes(2, "little")
        blocks += bytes((is_last,)) + size + bytes(each ^ 0xFF for each in size) + block
    return bytes(blocks + zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little"))


class ClientPackageHandler(ApiHandler):
    """GET /static/rollcall-client.tgz"""

    def initialize(self, context: HandlerContext, package: Callable[[], bytes]) -> None:
        """The route passes the collaborators."""
        self.set_up(context)
        self.package = package

    def get(self) -> None:
        """Answer with the package."""
        self.set_header("Content-Type", "application/gzip")
        self.set_header("Cache-Control", "public, max-age=300")
        self.write(self.package())


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(client_package())
