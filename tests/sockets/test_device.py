"""Device: the short name that operators read instead of a User-Agent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.sockets.device import LONGEST, device_name

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"{MAC} Chrome/120.0.0.0 Safari/537.36", "Chrome on macOS"),
        (f"{MAC} Version/17.3 Safari/605.1.15", "Safari on macOS"),
        (f"{MAC} Chrome/120.0.0.0 Safari/537.36 Edg/120.0", "Edge on macOS"),
        (f"{WINDOWS} Gecko/20100101 Firefox/124.0", "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0", "Firefox on Linux"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541) AppleWebKit/537.36 Chrome/120.0 Safari/537.36", "Chrome on ChromeOS"),
        (f"{IPHONE} Version/17.4 Mobile/15E148 Safari/604.1", "Safari on iOS"),
        (f"{IPHONE} CriOS/120.0 Mobile/15E148 Safari/604.1", "Chrome on iOS"),
        (f"{PIXEL} Chrome/120.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"{PIXEL} SamsungBrowser/23.0 Chrome/115.0 Mobile Safari/537.36", "Samsung Internet on Android"),
        ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X)", "iPadOS"),
        ("Mozilla/5.0 Chrome/120.0", "Chrome"),
        ("Mozilla/5.0", "Browser"),
        ("Rollcall/3.1.4 (Android 14; Pixel 8)", "Android 3.1"),
        ("Rollcall/3.2 CFNetwork/1490.0.4 Darwin/23.2.0", "iOS 3.2"),
        ("Android/3.1", "Android 3.1"),
        ("iOS/3.2.0", "iOS 3.2"),
        ("Dalvik/2.1.0 (Linux; U; Android 13; SM-A536B)", "Android 13"),
        ("Dalvik/2.1.0", "Android"),
        ("okhttp/4.12.0", "okhttp 4.12"),
        ("python-requests/2.31.0", "python-requests 2.31"),
        ("curl", "curl"),
        ("", ""),
        ("()", ""),
        ("\x00tests\n/1", "tests 1"),
    ],
)
def test_a_user_agent_reads_as_a_device(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


@given(st.text())
def test_whatever_a_client_says_becomes_a_short_printable_name(user_agent: str) -> None:
    name = device_name(user_agent)
    assert len(name) <= LONGEST
    assert name.isprintable()
