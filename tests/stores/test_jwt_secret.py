"""The signing key that the embedded store generates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from models.jwt_secret import SECRET_FILE, exposed_secret, read_or_make_secret
from settings import SECRET_BYTES_MINIMUM, SettingsError


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    key = read_or_make_secret(tmp_path / "data")
    assert len(key) >= SECRET_BYTES_MINIMUM
    assert read_or_make_secret(tmp_path / "data") == key
    assert (tmp_path / "data" / SECRET_FILE).stat().st_mode & 0o777 == 0o600
    assert [each.name for each in (tmp_path / "data").iterdir()] == [SECRET_FILE]


def test_of_two_that_make_a_key_the_first_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / SECRET_FILE
    link = os.link

    def link_too_late(draft: Path, to: Path) -> None:
        path.write_text("k" * 64)
        link(draft, to)

    monkeypatch.setattr(os, "link", link_too_late)
    assert read_or_make_secret(tmp_path) == "k" * 64
    assert [each.name for each in tmp_path.iterdir()] == [SECRET_FILE]


def test_a_folder_that_cannot_be_written_to_is_named_with_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(SettingsError, match="set ROLLCALL_DATA_DIR or --data-dir to a writable folder") as refused:
        read_or_make_secret(tmp_path)
    assert str(tmp_path) in str(refused.value)
    assert "Permission denied" in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"k" * (SECRET_BYTES_MINIMUM - 1), b"\xff" * 64])
def test_a_file_that_holds_no_key_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / SECRET_FILE
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="holds no signing key") as refused:
        read_or_make_secret(tmp_path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("mode", "is_exposed"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_may_read_is_noticed(tmp_path: Path, mode: int, is_exposed: bool) -> None:
    assert exposed_secret(tmp_path) is None
    read_or_make_secret(tmp_path)
    path = tmp_path / SECRET_FILE
    path.chmod(mode)
    assert exposed_secret(tmp_path) == (path if is_exposed else None)
