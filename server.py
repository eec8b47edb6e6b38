"""Rollcall's program: it serves, or runs a command. `python server.py --help` lists both."""

from __future__ import annotations

import sys

# First, because an older Python cannot import the rest. It does parse this whole file, which keeps to old syntax.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("Error: Rollcall needs Python 3.11 or newer; this is Python %d.%d." % sys.version_info[:2])  # noqa: UP031

import gc

gc.disable()  # What is made while the program starts stays. Looking for garbage in it would take a third of the time.

from operation.cli.main import command_line  # noqa: E402

if __name__ == "__main__":
    command_line()
