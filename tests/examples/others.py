"""Others' projects: how the tests build one, with the tools that its own developers use."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from handlers.docs.client_package import client_package
from tests.program import ROOT

GENERATOR = "org.openapitools:openapi-generator-cli:7.25.0"


def run(folder: Path, *argv: str) -> str:
    """Run a command in a folder, expect success, and return its output."""
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def project(folder: Path, **dependencies: str) -> Path:
    """Make a project with the package and these dependencies, as `npm install` does it."""
    (folder / "client.tgz").write_bytes(client_package())
    return npm_project(folder, rollcall="file:client.tgz", **dependencies)


def npm_project(folder: Path, **dependencies: str) -> Path:
    """Make a project with these dependencies from npm."""
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": dependencies}))
    run(folder, "npm", "install", "--no-audit", "--no-fund")
    return folder


def kotlin_program(folder: Path, *sources: str) -> None:
    """Compile a Kotlin program of these files of tests/kotlin, and of what is in `src` already, with Maven."""
    kotlin = ROOT / "tests" / "kotlin"
    (folder / "src").mkdir(exist_ok=True)
    (folder / "pom.xml").write_text((kotlin / "pom.xml").read_text())
    for name in sources:
        (folder / "src" / name).write_text((kotlin / name).read_text())
    run(folder, "mvn", "-B", "-q", "compile")


def run_kotlin(folder: Path, main: str, *arguments: str) -> str:
    """Run a compiled Kotlin program and return its output."""
    given = f"-Dexec.args={' '.join(arguments)}"
    return run(folder, "mvn", "-B", "-q", "exec:java", f"-Dexec.mainClass={main}", given)


def generated_kotlin(folder: Path, document: Path) -> None:
    """Generate a Kotlin client into `src`, as openapi-generator does it by default."""
    target = folder / "generated"
    run(folder, "mvn", "-B", "-q", "dependency:copy", f"-Dartifact={GENERATOR}", f"-DoutputDirectory={folder}")
    (jar,) = folder.glob("openapi-generator-cli-*.jar")
    options = "packageName=rollcall.api,omitGradleWrapper=true"
    run(
        folder, "java", "-jar", str(jar), "generate", "-g", "kotlin", "-i", str(document), "-o", str(target),
        f"--additional-properties={options}",
    )  # fmt: skip
    (target / "src" / "main" / "kotlin").rename(folder / "src")
