"""Stores: the stores that the core uses."""

from __future__ import annotations

from dataclasses import dataclass

from models.acknowledgements import Acknowledgements
from models.audit import Audit
from models.calls import Calls
from models.deletions import Deletions
from models.external_ids import ExternalIds
from models.logins import Logins
from models.service_keys import ServiceKeys
from models.user_passwords import UserPasswords
from models.users import Users


@dataclass(frozen=True)
class CoreStores:
    """A part of all stores (see `models/stores.py`)."""

    users: Users
    user_passwords: UserPasswords
    external_ids: ExternalIds
    deletions: Deletions
    calls: Calls
    logins: Logins
    audit: Audit
    service_keys: ServiceKeys
    acknowledgements: Acknowledgements
