"""Containerfile: its instructions, read as a container engine reads them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from tests.program import ROOT


@dataclass(frozen=True)
class Instruction:
    """One instruction: its word in capitals, and the rest of it."""

    word: str
    rest: str

    @property
    def flags(self) -> dict[str, str]:
        """The flags before everything else, such as `--from=build`."""
        found = re.match(r"(?:--\S+\s+)*", self.rest)
        assert found is not None
        return dict(flag.removeprefix("--").split("=", 1) for flag in found[0].split())

    @property
    def text(self) -> str:
        """The rest without the flags."""
        return re.sub(r"^(?:--\S+\s+)*", "", self.rest)

    @property
    def words(self) -> list[str]:
        """A JSON list as such, anything else as the shell splits it."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


@dataclass
class Stage:
    """The instructions from one FROM to the next."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """The instructions with this word, in order."""
        return [each for each in self.instructions if each.word == word]

    def only(self, word: str) -> Instruction:
        """The one instruction with this word."""
        (found,) = self.all(word)
        return found

    @property
    def environment(self) -> dict[str, str]:
        """The variables that ENV sets."""
        return dict(word.split("=", 1) for each in self.all("ENV") for word in each.words)


def read_containerfile(path: Path = ROOT / "Containerfile") -> list[Stage]:
    """Return the stages of a Containerfile."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    stages: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        word, rest = line.split(None, 1)
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name.strip()))
        else:
            stages[-1].instructions.append(Instruction(word, rest.strip()))
    return stages
