"""Container: runs a built image as its user on a read-only root, with chroot in place of a container engine."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.deploy.containerfile import Instruction, Stage
from tests.deploy.image import IN_NAMESPACES_OF_ITS_OWN, PATH

START_SECONDS = 30.0
STOP_SECONDS = 15.0

READ_ONLY = """
set -e
root=$1 data=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind "$data" "$root/data"
mount -o remount,ro,bind "$root"
exec chroot "$root" "$@"
"""


class Container:
    """One run of an image after another, on the same volume."""

    def __init__(self, root: Path, stage: Stage, volume: Path, **variables: str) -> None:
        self.log = volume.parent / f"{volume.name}.log"
        self._root = root
        self._stage = stage
        self._volume = volume
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None
        volume.mkdir(exist_ok=True)
        user, group = map(int, stage.only("USER").text.split(":"))
        os.chown(volume, user, group)

    def start(self) -> None:
        """Start the entrypoint, and wait until the server listens."""
        before = self._times_listening()
        self._process = self._spawn(self._stage.only("ENTRYPOINT").words)
        deadline = time.monotonic() + START_SECONDS
        while self._times_listening() == before:
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stop(self) -> int:
        """Send the stop signal to the process with the id 1. Returns the exit status."""
        return self._end(signal.Signals[self._stage.only("STOPSIGNAL").text])

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGKILL)

    def run(self, *argv: str, given: str = "") -> tuple[int, str]:
        """Run another command in it, and return its exit status and its output."""
        process = self._spawn(list(argv), subprocess.PIPE)
        said, _ = process.communicate(given.encode(), timeout=60)
        return process.returncode, said.decode()

    def is_healthy(self) -> bool:
        """Carry out the command of HEALTHCHECK."""
        command = self._stage.only("HEALTHCHECK").text.removeprefix("CMD ")
        return self.run(*Instruction("CMD", command).words)[0] == 0

    def process_status(self) -> dict[str, str]:
        """Return what the kernel says of the server's process."""
        lines = Path(f"/proc/{self._pid()}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def _spawn(self, command: list[str], pipe: int | None = None) -> subprocess.Popen[bytes]:
        user, group = self._stage.only("USER").text.split(":")
        environment = {"PATH": PATH, **self._stage.environment, **self._variables}
        given = [f"{name}={value}" for name, value in environment.items()]
        as_user = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--bounding-set=-all"]
        work = self._stage.only("WORKDIR").text
        isolated = [*IN_NAMESPACES_OF_ITS_OWN, READ_ONLY, "sh", str(self._root), str(self._volume)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*isolated, *as_user, "--no-new-privs", "env", "-i", f"--chdir={work}", *given, *command],
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or log,
                stderr=subprocess.STDOUT if pipe else log,
            )

    def _pid(self) -> int:
        assert self._process is not None
        outer = self._process.pid
        return int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])

    def _end(self, by: signal.Signals) -> int:
        assert self._process is not None
        os.kill(self._pid(), by)
        return self._process.wait(STOP_SECONDS)

    def _times_listening(self) -> int:
        return self.log.read_text().count('"event": "listening"') if self.log.exists() else 0
