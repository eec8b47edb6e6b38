"""Compact tokens: what is read before a signature is verified has one spelling and one meaning."""

from __future__ import annotations

import pytest

from models.compact_tokens import base64url, issuer_of, read_object, read_token
from models.errors import Unauthenticated
from tests.issuer import encoded


@pytest.mark.parametrize("content", [b"", b"a", b"ab", b"abc", b"\xff\xfe", bytes(range(256))])
def test_base64url_is_read_as_it_is_written(content: bytes) -> None:
    assert base64url(encoded(content)) == content


@pytest.mark.parametrize("text", ["QR", "QQ=", "Q", "QUJD====", "+/", "QQ\n", " QQ", "QQé", "Q Q"])
def test_base64url_in_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|padded|padding"):
        base64url(text)


def test_an_object_names_everything_once() -> None:
    assert read_object(b'{"a": {"b": 1}, "c": {"b": 1}}') == {"a": {"b": 1}, "c": {"b": 1}}
    for content in (b'{"a": 1, "a": 1}', b'{"a": {"b": 1, "b": 2}}', b'[{"a": 1, "a": 2}]'):
        with pytest.raises(ValueError, match="twice"):
            read_object(content)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"1", b"null", b'"a"', b"{", b'{"a": NaN}', b'{"a": -Infinity}', b"\xff"]
)
def test_what_is_no_object_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (of several kinds)
        read_object(content)


def test_a_token_is_read_without_being_believed() -> None:
    read = read_token(f"{encoded({'alg': 'none'})}.{encoded({'iss': 'me'})}.AA")
    assert (read.header, read.claims) == ({"alg": "none"}, {"iss": "me"})
    assert issuer_of(f"{encoded({'alg': 'none'})}.{encoded({'iss': 'me'})}.AA") == "me"


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c.d", "..", "e30.e30.", "e30.W10.AA", "e30.e30.AB"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        read_token(text)
    assert issuer_of(text) is None
