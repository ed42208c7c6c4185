from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairview.run.health.journal_lines import is_journal, with_priority

PROGRAM = """
import structlog
from fairview.config.settings import Logs
from fairview.run.logs import set_up_logs
set_up_logs(Logs(level="debug"), process="door")
log = structlog.get_logger()
log.error("can't store footage", camera="junction-1", because="two\\nlines\\r\\n<0>forged")
log.info("node started")
try:
    raise ValueError("broken")
except ValueError:
    log.exception("a route failed")
"""


def logged(path: Path, *, named: bool) -> list[str]:
    """Lines of a process whose standard error is a file, named as the journal's or not."""
    with path.open("wb") as file:
        status = os.fstat(file.fileno())
        stream = f"{status.st_dev}:{status.st_ino}" if named else "1:2"
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            stderr=file,
            env={**os.environ, "JOURNAL_STREAM": stream},
            check=True,
        )
    return path.read_text().splitlines()


def test_the_journal_gets_one_line_an_entry_with_its_priority(tmp_path: Path) -> None:
    lines = logged(tmp_path / "log", named=True)
    assert [line[:3] for line in lines] == ["<3>", "<6>", "<3>"]
    fields = [json.loads(line[3:]) for line in lines]
    assert fields[0]["camera"] == "junction-1"
    assert fields[0]["because"] == "two\nlines\r\n<0>forged"
    assert fields[0]["process"] == "door"
    assert "ValueError: broken" in fields[2]["exception"]


def test_any_other_stream_gets_lines_without_priority(tmp_path: Path) -> None:
    lines = logged(tmp_path / "log", named=False)
    assert len(lines) == 3
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("stream", ["", "x", "1", "1:", ":1", "0:0"])
def test_a_name_that_is_no_stream_of_ours_is_not_the_journal(stream: str, tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        assert not is_journal({"JOURNAL_STREAM": stream}, file)
        assert not is_journal({}, file)


def test_an_unknown_level_is_a_notice() -> None:
    rendered = with_priority(lambda logger, name, event: "text")
    assert rendered(None, "odd", {"level": "odd"}) == "<5>text"
