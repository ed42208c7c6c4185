"""Reading JSON that somebody else wrote: bounded, and every wrong value named."""

from __future__ import annotations

import bz2
import contextlib
import json
import math
from pathlib import Path

from fairview.core.errors import BadInput
from fairview.core.limits_seeing import FILE_JSON_BYTES_MAX

Table = dict[str, object]


def read_json(path: Path) -> Table:
    """An object from a JSON file, plain or bzip2.

    Bounds:  FILE_JSON_BYTES_MAX, unpacked.
    Errors:  BadInput for a missing, larger, cut or unreadable file.
    """
    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not JSON ({error}); is it cut or another format?") from None
    if not isinstance(document, dict):
        raise BadInput(f"{path.name} is JSON, but no object; is it another format?")
    return document


def read_text(path: Path) -> str:
    """A whole text file, plain or bzip2, within FILE_JSON_BYTES_MAX."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(3) == b"BZh"
            raw.seek(0)
            if is_packed:
                with bz2.open(raw) as file:
                    data = file.read(FILE_JSON_BYTES_MAX + 1)
            else:
                data = raw.read(FILE_JSON_BYTES_MAX + 1)
        if len(data) > FILE_JSON_BYTES_MAX:
            raise BadInput(
                f"{path.name} holds more than {FILE_JSON_BYTES_MAX // 2**20} MiB; cut it into parts"
            )
        return data.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}; give the path of one") from error
    except (OSError, EOFError) as error:
        raise BadInput(f"{path} could not be read ({error}); is it cut?") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path.name} is not UTF-8 text; is it another format?") from error


def a_table(parent: Table, key: str, where: str) -> Table:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise BadInput(f"{where}: there is no object {key!r}; is it another format?")
    return value


def a_list(parent: Table, key: str, where: str) -> list[object]:
    value = parent.get(key)
    if not isinstance(value, list):
        raise BadInput(f"{where}: there is no list {key!r}; is it another format?")
    return value


def a_number(parent: Table, key: str, where: str) -> float:
    """A finite number, also when it is written as text."""
    value = parent.get(key)
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        # Text that is no number, or one too large for a float, stays not a number.
        with contextlib.suppress(ValueError, OverflowError):
            number = float(value)
    if math.isfinite(number):
        return number
    raise BadInput(f"{where}: {key!r} is {str(value)[:40]!r}, not a number")


def a_text(parent: Table, key: str, where: str) -> str:
    value = parent.get(key)
    if not isinstance(value, str):
        raise BadInput(f"{where}: {key!r} is {str(value)[:40]!r}, not text")
    return value
