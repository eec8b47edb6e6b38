"""States: all states of all pages. Each module here defines those of one area."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tests.screenshots import places, recorded

AREAS = sorted(module.name for module in iter_modules(__path__))
"""The areas, in the order in which they are photographed."""

for area in AREAS:
    import_module(f"{__name__}.{area}")

__all__ = ["AREAS", "places", "recorded"]
