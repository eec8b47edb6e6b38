"""User changes on the command line: enable, disable and delete users, and set their passwords."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from models.password_changes import PasswordChanges
from models.stores import Stores, opened_stores
from models.times import utc_milliseconds
from models.user_documents import StoredUser
from operation.cli.command import pass_settings, run_command
from operation.cli.password_prompt import password_stdin as password_stdin_option
from operation.cli.password_prompt import read_password
from operation.output import printable, say
from operation.password_hashing import opened_passwords
from settings import Settings

_EXTERNAL = "external:"


class _UserId(click.ParamType[int | str]):
    """A user's id here, or `external:` and the id in another program."""

    name = "ID"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> int | str:
        """The number, or the external id."""
        if value.startswith(_EXTERNAL) and len(value) > len(_EXTERNAL):
            return value.removeprefix(_EXTERNAL)
        if not (value.isascii() and value.isdigit() and len(value) < 17 and int(value)):
            self.fail(f"{value!r} is neither a positive number nor external:ID.", param, context)
        return int(value)


_user_id = click.argument("user_id", type=_UserId(), metavar="ID")


@click.command("enable")
@_user_id
@pass_settings
def enable_user(settings: Settings, user_id: int | str) -> None:
    """Enable user ID.

    The user can log in again. Tokens from before stay refused.
    """
    run_command(_enable(settings, user_id))


@click.command("disable")
@_user_id
@pass_settings
def disable_user(settings: Settings, user_id: int | str) -> None:
    """Disable user ID.

    Tokens of the user are refused, and sockets are closed, within a second.
    """
    run_command(_disable(settings, user_id))


@click.command("delete")
@_user_id
@click.option("--yes", is_flag=True, help="Delete the user without asking.")
@pass_settings
def delete_user(settings: Settings, user_id: int | str, yes: bool) -> None:
    """Delete user ID for good.

    Everything personal is deleted. Calls and events stay, as those of a deleted user. Asks for confirmation.
    """
    run_command(_delete(settings, user_id, is_confirmed=yes))


@click.command("password")
@_user_id
@password_stdin_option
@pass_settings
def set_password(settings: Settings, user_id: int | str, password_stdin: bool) -> None:
    """Give user ID a new password.

    Asks for the password twice. All logins of the user end: tokens are refused, and sockets are closed, within a
    second.
    """
    run_command(_set_password(settings, user_id, read_password(from_stdin=password_stdin)))


COMMANDS = (enable_user, disable_user, delete_user, set_password)


async def _enable(settings: Settings, user_id: int | str) -> None:
    async with opened_stores(settings) as stores:
        before = await _find(stores, user_id)
        user = _found(await stores.users.enable(before.profile.user_id), user_id)
        await stores.notices.post("user_changed", user.profile.user_id, user.profile.user_id)
    say(f"enabled {_named(user)}" if before.disabled else f"{_named(user)}, was already enabled")


async def _disable(settings: Settings, user_id: int | str) -> None:
    now = _now()
    async with opened_stores(settings) as stores:
        before = await _find(stores, user_id)
        user = _found(await stores.users.disable(before.profile.user_id, now), user_id)
        await stores.logins.revoke_user(user.profile.user_id, now)
        await stores.notices.post("user_disabled", user.profile.user_id, user.profile.user_id)
    say(f"{_named(user)}, was already disabled" if before.disabled else f"disabled {_named(user)}")


async def _delete(settings: Settings, user_id: int | str, *, is_confirmed: bool) -> None:
    async with opened_stores(settings) as stores:
        found = await _find(stores, user_id)
        if not is_confirmed:
            click.confirm(f"Delete {_named(found)}, for good?", abort=True)
        number = found.profile.user_id
        deleted = _found(await stores.users.delete(number, _now()), user_id)
        await stores.notices.post("user_changed", number, number)
        await stores.deletions.clean_up(deleted)
    say(f"deleted {_named(found)}")


async def _set_password(settings: Settings, user_id: int | str, password: str) -> None:
    async with opened_stores(settings) as stores:
        found = await _find(stores, user_id)
        with opened_passwords(settings) as passwords:
            password_hash = await PasswordChanges(stores, passwords, settings, now=_now).hash_new(password)
        user = _found(await stores.user_passwords.set(found.profile.user_id, password_hash, _now()), user_id)
        await stores.notices.post("user_revoked", user.profile.user_id, user.token_version)
    say(f"changed the password of {_named(user)}")


async def _find(stores: Stores, user_id: int | str) -> StoredUser:
    find = stores.users.get(user_id) if isinstance(user_id, int) else stores.external_ids.find(user_id)
    return _found(await find, user_id)


def _found(user: StoredUser | None, user_id: int | str) -> StoredUser:
    if user is None:
        name = user_id if isinstance(user_id, int) else f"{_EXTERNAL}{user_id}"
        raise click.ClickException(f"there is no user {name}")
    return user


def _named(user: StoredUser) -> str:
    return f"user {user.profile.user_id}, {printable(user.profile.username)}"


def _now() -> datetime:
    return utc_milliseconds(datetime.now(UTC))
