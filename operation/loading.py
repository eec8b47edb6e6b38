"""Loading: what a server reads from the store before it listens."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import structlog

from models.name_keys import NameKeys
from models.stores import Stores
from operation.persistence import Persistence
from realtime.core import Core
from realtime.sockets.authenticator import CLOCK_ERROR_SECONDS

LOAD_USERS = 5000
"""Users read from the store at a time."""

_log = structlog.stdlib.get_logger("rollcall.server")


async def renew_name_keys(name_keys: NameKeys) -> None:
    """Bring the keys of stored names up to date, and report the names that are the same by today's rule."""
    renewal = await name_keys.renew()
    if renewal.renewed:
        _log.info("keys of names renewed", names=renewal.renewed)
    for each in renewal.collisions:
        _log.warning("two names are the same; both keep working", **msgspec.structs.asdict(each))
    if renewal.more_collisions:
        _log.warning("more names are the same as others; they keep working", names=renewal.more_collisions)


async def load(core: Core, stores: Stores, persistence: Persistence) -> None:
    """Load everyone's status, then the ongoing calls, then the service keys, and the logins that were revoked.

    Raises StoreUnavailable.
    """
    users = await stores.users.page(0, LOAD_USERS, with_deleted=True)
    while users:
        core.loader.load_all(users)
        users = await stores.users.page(users[-1].profile.user_id, LOAD_USERS, with_deleted=True)
    core.loader.restore_calls(await core.switchboard.recover())
    await persistence.restore()
    await core.actions.restore()
    await core.acknowledgements.load()
    await core.authenticator.key_ring.load()
    now = core.environment.clock.utc()
    for login_id, until in await stores.logins.revoked(now - timedelta(seconds=CLOCK_ERROR_SECONDS)):
        core.authenticator.note_revoked(login_id, (until - now).total_seconds())
