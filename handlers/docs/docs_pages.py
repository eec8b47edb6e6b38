"""Docs pages: the documents at /docs, rendered from Markdown to HTML.

They are read when the first of them is requested, so that the server starts quickly. Files that are added later are
not served.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

FIRST = (
    "index", "readme", "your-own-users", "client", "protocol", "reference", "moving", "dashboard", "operating",
    "settings", "cluster", "containers", "troubleshooting", "reliability",
)  # fmt: skip
"""The first pages of the navigation, in order. All others follow by name."""

PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Heading:
    """A second-level heading, for the table of contents of a page."""

    anchor: str
    text: str


@dataclass(frozen=True)
class RenderedPage:
    """A page as HTML."""

    title: str
    body: str
    headings: Sequence[Heading]


@dataclass
class PageSource:
    """A page before rendering: its name in the URL, its path in the repository, its title and its Markdown text."""

    name: str
    source: str
    title: str
    text: str = field(repr=False)


class Renderer(RendererHTML):
    """Overrides of the default rendering. Each method is named after a type of token."""

    def html_block(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """Omit HTML. Our pages contain only comments, which are for their editors."""
        return ""

    def html_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """See `html_block`."""
        return ""

    def table_open(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """Put the table in a box that scrolls, also with the keyboard."""
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """See `table_open`."""
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """Turn an empty header cell into an ordinary cell."""
        return "<th>" if tokens[index + 1].content else "<td>"

    def th_close(self, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        """See `th_open`."""
        return "</th>\n" if tokens[index - 1].content else "</td>\n"

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Let the block scroll with the keyboard, too."""
        return super().fence(tokens, idx, options, env).replace("<pre>", '<pre tabindex="0">', 1)


class DocsPages:
    """The pages and pictures in `docs/`, and the pages in the folder above it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rendered: dict[str, RenderedPage] = {}

    @cached_property
    def entries(self) -> dict[str, PageSource]:
        """Pages by name."""
        files = [*(self._root / "docs").rglob("*.md"), *self._root.glob("*.md")]
        entries = [_entry(self._root, path) for path in files]
        return {each.name: each for each in sorted(entries, key=_place)}

    @cached_property
    def _by_source(self) -> dict[str, PageSource]:
        return {each.source: each for each in self.entries.values()}

    @cached_property
    def _pictures(self) -> dict[str, Path]:
        folder = self._root / "docs"
        return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.suffix in PICTURES}

    @cached_property
    def _markdown(self) -> MarkdownIt:
        return MarkdownIt("commonmark", renderer_cls=Renderer).enable("table")

    def document(self, name: str) -> RenderedPage | None:
        """The page with this name, or None. It is rendered at its first request."""
        if name not in self.entries:
            return None
        if name not in self._rendered:
            self._rendered[name] = self._render(self.entries[name])
        return self._rendered[name]

    def picture(self, name: str) -> tuple[bytes, str] | None:
        """A picture and its media type, or None."""
        path = self._pictures.get(name)
        return None if path is None else (path.read_bytes(), PICTURES[path.suffix])

    def url(self, source: str, target: str) -> str | None:
        """The URL for a link in a page, or None if the server does not serve the target."""
        if "://" in target or target.startswith(("#", "mailto:")):
            return target
        path, _, anchor = target.partition("#")
        path, anchor = _resolved(source, path), anchor and f"#{anchor}"
        if path in self._by_source:
            name = self._by_source[path].name
            return ("/docs" if name == "index" else f"/docs/{name}") + anchor
        if path.removeprefix("docs/") in self._pictures:
            return f"/docs/{path.removeprefix('docs/')}"
        if path.startswith("static/") and (self._root / path).is_file():
            return f"/{path}"
        return None

    def _render(self, entry: PageSource) -> RenderedPage:
        tokens = self._markdown.parse(entry.text)
        headings = _anchor_headings(tokens)
        for token in tokens:
            self._resolve_links(entry.source, token.children or [])
        body: str = self._markdown.renderer.render(tokens, self._markdown.options, {})
        return RenderedPage(entry.title, body, headings)

    def _resolve_links(self, source: str, tokens: Sequence[Token]) -> None:
        """Point links and pictures to URLs of this server. A link to anything else becomes plain text."""
        open_links: list[str | None] = []
        for token in tokens:
            if token.type == "link_open":
                target = str(token.attrs["href"])
                url = self.url(source, target)
                open_links.append(url and target)
                token.attrs = {} if url is None else {**token.attrs, "href": url}
                token.tag = "span" if url is None else "a"
            elif token.type == "link_close":
                token.tag = "span" if open_links.pop() is None else "a"
            elif token.type == "text" and open_links and open_links[-1]:
                token.content = self._link_text(source, open_links[-1], token.content)
            elif token.type == "image":
                token.attrs["src"] = self.url(source, str(token.attrs["src"])) or ""

    def _link_text(self, source: str, target: str, text: str) -> str:
        """The text of a link. If it is a file name, use the title of that page instead."""
        entry = self._by_source.get(_resolved(source, target))
        return entry.title if entry and text == posixpath.basename(entry.source) else text


def _resolved(source: str, target: str) -> str:
    """The path in the repository that a link in a page points to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target.partition("#")[0]))


def _entry(root: Path, path: Path) -> PageSource:
    source = path.relative_to(root).as_posix()
    name = source.removeprefix("docs/").removesuffix(".md").lower()
    text = path.read_text(encoding="utf-8")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    return PageSource(name.removesuffix("/index"), source, title[1] if title else name, text)


def _place(entry: PageSource) -> tuple[int, str]:
    return (FIRST.index(entry.name) if entry.name in FIRST else len(FIRST), entry.name)


def _anchor_headings(tokens: list[Token]) -> list[Heading]:
    """Give every heading an anchor, named as on GitHub, and return the second-level headings."""
    taken: dict[str, int] = {}
    found: list[Heading] = []
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = "".join(each.content for each in inline.children or [])
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        times = taken[slug] = taken.get(slug, -1) + 1
        anchor = f"{slug}-{times}" if times else slug
        opening.attrs["id"] = anchor
        if opening.tag == "h2":
            found.append(Heading(anchor, text))
        if opening.tag != "h1":
            inline.children = [*(inline.children or []), *_anchor(anchor)]
    return found


def _anchor(anchor: str) -> list[Token]:
    """A link to the heading for mouse users. Screen readers skip it, because they navigate by headings."""
    link = Token("link_open", "a", 1, attrs={"href": f"#{anchor}", "class": "anchor"})
    link.attrs |= {"aria-hidden": "true", "tabindex": "-1"}
    return [link, Token("text", "", 0, content="#"), Token("link_close", "a", -1)]
