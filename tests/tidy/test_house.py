"""The house rules that a program can check. Each message says what to do instead."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.tidy.tree import ROOT, files, parsed, python_files, text

BROAD_CATCHES = {
    "src/fairview/ingest/session.py",  # the camera session
    "src/fairview/run/supervise.py",  # the stage supervisor
    "src/fairview/serve/problems.py",  # the route wrapper
    "src/fairview/cli/main.py",  # the command line
}
CLOCK_READERS = {"src/fairview/core/time.py"}
DURABLE_WRITERS = {"src/fairview/store/durable.py"}
LONG_FUNCTIONS: set[str] = set()
"""Functions of 71 to 90 lines, by `file:name`. This list only shrinks."""

LONG_FILES: set[str] = set()
"""Files of 501 to 800 lines. This list only shrinks."""

DRAWERS = {"util", "utils", "helpers", "helper", "common", "misc", "base", "manager", "managers"}
RETIRED_WORDS = {
    "clip": "span",
    "clips": "spans",
    "user": "actor",
    "users": "actors",
    "alert": "event",
    "alerts": "events",
}
NEVER_WORDS = {
    "embedding",
    "embeddings",
    "biometric",
    "biometrics",
    "plate_text",
    "plate_number",
    "reid",
    "face_id",
    "face_vector",
    "identity",
    "ethnicity",
    "emotion",
    "suspicion",
    "hotlist",
    "watchlist",
    "gait",
    "fine_amount",
    "appearance_vector",
    "owner_name",
}
KNOWN_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".in",
    ".json",
    ".ts",
    ".svelte",
    ".css",
    ".html",
    ".svg",
    ".png",
    ".jpg",
    ".csv",
    ".mako",
    ".ini",
    ".yaml",
    ".geojson",
    ".pbf",
    ".sql",
    ".webmanifest",
    ".conf",
    ".typed",
    ".js",
    ".service",
    ".timer",
    "",
}
GENERATED = {"package-lock.json"}


def names_of_modules(*paths: Path) -> set[str]:
    return {str(path) for path in paths}


def calls(tree: ast.Module) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found.append((ast.unparse(node.func), node.lineno))
    return found


def test_the_clock_is_read_in_one_place() -> None:
    reads = re.compile(
        r"(^|\.)(time\.(time|time_ns|monotonic|monotonic_ns|sleep|perf_counter)"
        r"|datetime\.(now|utcnow|today)|date\.today)$"
    )
    wrong = [
        f"{path}:{line} {name}: take a Clock instead"
        for path in python_files("src")
        if str(path) not in CLOCK_READERS
        for name, line in calls(parsed(path))
        if reads.search(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_durable_state_is_written_in_one_place() -> None:
    writes = re.compile(r"(^|\.)(fsync|fdatasync|write_text|write_bytes)$|^os\.rename$")
    wrong = [
        f"{path}:{line} {name}: go through store/durable.py"
        for path in python_files("src")
        if str(path) not in DURABLE_WRITERS
        for name, line in calls(parsed(path))
        if writes.search(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_broad_catches_stand_at_four_places_only() -> None:
    wrong = []
    for path in python_files("src"):
        if str(path) in BROAD_CATCHES:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None or ast.unparse(node.type) in ("Exception", "BaseException")
            ):
                wrong.append(f"{path}:{node.lineno}: catch what you expect")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_printed_or_evaluated() -> None:
    banned = {"print", "eval", "exec", "pickle.loads", "pickle.load", "yaml.load", "os.system"}
    wrong = [
        f"{path}:{line} {name}"
        for path in python_files("src")
        for name, line in calls(parsed(path))
        if name in banned
    ]
    assert not wrong, "\n".join(wrong)


def test_functions_are_at_most_seventy_lines() -> None:
    wrong = []
    for path in python_files("src", "tests", "bench", "tools"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.lineno + 1
                if lines > 70 and f"{path}:{node.name}" not in LONG_FUNCTIONS:
                    wrong.append(f"{path}:{node.lineno} {node.name} has {lines} lines")
    assert not wrong, "\n".join(wrong)


def test_files_are_at_most_five_hundred_lines() -> None:
    wrong = []
    for path in files():
        if path.suffix in (".py", ".ts", ".svelte") and "generated" not in path.name:
            lines = len(text(path).splitlines())
            if lines > 800 or (lines > 500 and str(path) not in LONG_FILES):
                wrong.append(f"{path} has {lines} lines: give the second job its own file")
    assert not wrong, "\n".join(wrong)


def test_no_drawer_folders_or_files() -> None:
    wrong = [
        str(path)
        for path in python_files("src", "tests", "bench", "tools")
        if DRAWERS & {part.removesuffix(".py") for part in path.parts}
    ]
    assert not wrong, f"name it by the noun you would use as a heading: {wrong}"


def defined_names(tree: ast.Module) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append((node.name, node.lineno))
        elif isinstance(node, ast.arg):
            found.append((node.arg, node.lineno))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.append((node.id, node.lineno))
    return found


def words_of(name: str) -> set[str]:
    """The words of a name; a road user (who walks, rides or drives past) is no user of ours."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return set(re.sub(r"road_users?\b|road_users?(?=_)", "road", spaced).split("_"))


def test_retired_words_are_not_used() -> None:
    wrong = []
    for path in python_files("src"):
        for name, line in defined_names(parsed(path)):
            for word in words_of(name) & set(RETIRED_WORDS):
                wrong.append(f"{path}:{line} {name}: say {RETIRED_WORDS[word]}")
    assert not wrong, "\n".join(wrong)


def test_no_name_has_a_place_for_a_person() -> None:
    """DESIGN, section 2: no type, column, route or message can hold an identity."""
    wrong = []
    for path in python_files("src"):
        for name, line in defined_names(parsed(path)):
            lowered = name.lower()
            if lowered in NEVER_WORDS or words_of(name) & NEVER_WORDS:
                wrong.append(f"{path}:{line} {name}: never built here")
    assert not wrong, "\n".join(wrong)


def test_importing_a_room_does_nothing_but_define() -> None:
    """Module level holds definitions and constants; a bare call is work at import."""
    wrong = []
    for path in python_files("src"):
        for node in parsed(path).body:
            is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            if is_call and not ast.unparse(node).startswith("sa.Index("):
                wrong.append(f"{path}:{node.lineno} {ast.unparse(node)[:60]}")
    assert not wrong, "\n".join(wrong)


def test_every_room_is_described_and_nothing_else_is_there() -> None:
    architecture = text(Path("ARCHITECTURE.md"))
    rooms = {path.parts[2] for path in files() if path.parts[:2] == ("src", "fairview")}
    rooms = {room for room in rooms if "." not in room}
    described = set(re.findall(r"^### `(\w+)/`", architecture, flags=re.MULTILINE))
    assert rooms == described


def test_layers_hold() -> None:
    done = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:]


def test_node_page_stays_one_page() -> None:
    assert len(text(Path("src/fairview/run/node.py")).splitlines()) < 200


@pytest.mark.parametrize("suffix", [".md"])
def test_links_resolve(suffix: str) -> None:
    wrong = []
    for path in files():
        if path.suffix != suffix:
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", text(path)):
            if re.match(r"(https?:|mailto:|#)", target):
                continue
            place = (ROOT / path.parent / target.split("#")[0]).resolve()
            if not place.exists():
                wrong.append(f"{path}: {target}")
    assert not wrong, "\n".join(wrong)


def test_no_large_or_unexpected_files() -> None:
    wrong = [
        str(path)
        for path in files()
        if path.suffix not in KNOWN_SUFFIXES
        or ((ROOT / path).stat().st_size > 1_000_000 and path.name not in GENERATED)
    ]
    assert not wrong, wrong


def test_no_registry_or_machine_path_is_named() -> None:
    banned = [
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "registry.npmjs" + ".org",
        "deb.debian" + ".org",
        "/wor" + "k/",
        "/tmp/" + "fv",
        "/roo" + "t/",
    ]
    wrong = []
    for path in files():
        if path.suffix in (".png", ".jpg", ".pbf"):
            continue
        content = text(path)
        wrong += [f"{path}: {word}" for word in banned if word in content]
    assert not wrong, "\n".join(wrong)


def test_every_skip_says_why() -> None:
    bare = re.compile(r"pytest\.skip\(\s*\)|mark\.skip\s*$|mark\.xfail", re.MULTILINE)
    wrong = [
        str(path)
        for path in python_files("tests")
        if path != Path("tests/tidy/test_house.py") and bare.search(text(path))
    ]
    assert not wrong, wrong


def test_media_is_opened_in_few_rooms() -> None:
    """DESIGN, section 3: av belongs to ingest, record, sim, analyse.decode and access.render*."""
    allowed = re.compile(r"src/fairview/(ingest/|record/|sim/|analyse/decode/|access/render)")
    wrong = [
        f"{path}:{node.lineno}"
        for path in python_files("src")
        if not allowed.match(str(path))
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.Import) and any(a.name.split(".")[0] == "av" for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "av")
    ]
    assert not wrong, "\n".join(wrong)
