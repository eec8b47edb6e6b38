"""Device: a short name for a client's device, from its User-Agent."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 40
"""Length of a name in characters, which fits a cell of the list."""

_PRODUCT = re.compile(r"([^\s/()]+)(?:/([^\s()]*))?")
_ANDROID = re.compile(r"Android ([\d.]+)")

_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\bOPR/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|Chromium|CriOS|HeadlessChrome)/")),
    ("Safari", re.compile(r"\bSafari/")),
)
"""The order matters: each browser's User-Agent also names browsers further down."""

_SYSTEMS = (
    ("Android", re.compile(r"\bAndroid\b")),
    ("iPadOS", re.compile(r"\biPad\b")),
    ("iOS", re.compile(r"\b(?:iPhone|iPod|iOS|CFNetwork)\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"\b(?:Macintosh|Mac OS X|macOS)\b")),
    ("Linux", re.compile(r"\b(?:Linux|X11)\b")),
)
"""The order matters: Android's User-Agent also says Linux, and an iPhone's says “like Mac OS X”."""


@lru_cache(maxsize=2048)
def device_name(user_agent: str) -> str:
    """A name of at most 40 characters; empty if the User-Agent names no product.

    “Chrome on macOS” for a browser, “Android 3.1” for version 3.1 of an app on Android, or else the first product of
    the User-Agent, such as “okhttp 4.12”.
    """
    text = "".join(each for each in user_agent if each.isprintable()).strip()
    product = _PRODUCT.search(text)
    if product is None:
        return ""
    name, version = product[1], _short(product[2] or "")
    system = _first(_SYSTEMS, text)
    if name == "Mozilla":
        return _browser(_first(_BROWSERS, text), system)
    if name == "Dalvik":  # Android's runtime, whose version is of no use
        android = _ANDROID.search(text)
        version = _short(android[1]) if android else ""
        name = "Android"
    elif system in ("Android", "iPadOS", "iOS"):  # for an app on a phone, the system is more useful than the app's name
        name = system
    return f"{name} {version}".strip()[:LONGEST]


def _browser(browser: str, system: str) -> str:
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or "Browser"


def _first(table: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str:
    return next((name for name, pattern in table if pattern.search(text)), "")


def _short(version: str) -> str:
    """The first two parts of a version."""
    return ".".join(version.split(".")[:2])
