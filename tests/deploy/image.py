"""Image: carries out the steps of the Containerfile in folders, with chroot in place of a container engine.

It needs root. It knows only the instructions that the Containerfile uses, and refuses any other.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.deploy.containerfile import Instruction, Stage
from tests.deploy.debian import run
from tests.program import ROOT

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""What this machine trusts. A step that downloads goes through this machine's network, as it does in an engine."""

DESCRIBES = ("ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT")
"""Instructions that change no file."""

IN_NAMESPACES_OF_ITS_OWN = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c")
"""Runs a script as root whose mounts and processes end with it. Its process has the id 1."""

STEP = """
set -e
root=$1 trusted=$2
shift 2
mount -t proc proc "$root/proc"
touch "$root/run/machine.crt"
mount --bind "$trusted" "$root/run/machine.crt"
exec chroot "$root" /usr/bin/env -i "$@"
"""


class Builder:
    """Builds one stage after another, each in a folder named after it."""

    def __init__(self, folder: Path, debian: Path) -> None:
        self._folder = folder
        self._debian = debian
        self._stages: dict[str, Path] = {}
        self._steps: dict[str, Callable[[Path, Stage, Instruction], None]] = {"RUN": self._run, "COPY": self._copy}

    def build(self, stage: Stage) -> Path:
        """Carry out the instructions of a stage, and return the folder with its files."""
        root = self._folder / (stage.name or "final")
        run("cp", "-a", str(self._debian), str(root))
        shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
        self._stages[stage.name] = root
        self._work = "/"
        for each in stage.instructions:
            self._carry_out(root, stage, each)
        return root

    def _carry_out(self, root: Path, stage: Stage, instruction: Instruction) -> None:
        match instruction.word:
            case "RUN" | "COPY":
                self._steps[instruction.word](root, stage, instruction)
            case "WORKDIR":
                self._work = instruction.text
                (root / self._work.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "USER":
                later = stage.instructions[stage.instructions.index(instruction) :]
                assert not [each for each in later if each.word in ("RUN", "COPY")], "steps as another user"
            case word:
                assert word in DESCRIBES, word

    def _run(self, root: Path, stage: Stage, instruction: Instruction) -> None:
        variables = {**stage.environment, "PATH": PATH, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        if CERTIFICATES.exists():
            variables["PIP_CERT"] = "/run/machine.crt"
        trusted = str(CERTIFICATES) if CERTIFICATES.exists() else os.devnull
        given = [f"{name}={value}" for name, value in variables.items()]
        step = ("/bin/sh", "-c", 'cd "$1" && exec /bin/sh -c "$2"', "sh", self._work, instruction.text)
        run(*IN_NAMESPACES_OF_ITS_OWN, STEP, "sh", str(root), trusted, *given, *step)
        (root / "run" / "machine.crt").unlink()

    def _copy(self, root: Path, stage: Stage, instruction: Instruction) -> None:
        flags = instruction.flags
        assert flags.keys() <= {"from"}, flags
        *sources, target = instruction.words
        for source in sources:
            origin = self._stages[flags["from"]] / source.lstrip("/") if flags else ROOT / source
            destination = root / target.lstrip("/")
            if target.endswith("/"):
                destination /= Path(source).name
            destination.parent.mkdir(parents=True, exist_ok=True)
            if flags:
                run("cp", "-a", str(origin), str(destination))
            else:
                _copy_source(origin, destination)


def _copy_source(origin: Path, destination: Path) -> None:
    """Copy a file or a folder of the sources, without the bytecode that .dockerignore leaves out."""
    if origin.is_dir():
        shutil.copytree(origin, destination, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(origin, destination)
