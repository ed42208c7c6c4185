"""Starts a process of the node with less in its memory: python -m fairview.run.slim MODULE.

structlog loads rich (pretty tracebacks on a terminal), asyncio (with TLS) and greenlet because
they are installed; a recorder logs lines and uses none of them: 12 MB of every recorder. They are
hidden only while structlog is loaded; whoever needs them later loads them as usual.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_HIDDEN = ("rich", "greenlet")
_EMPTY = ("asyncio",)
"""structlog can't do without the module, but takes nothing from it before it is used."""


def load_logging() -> None:
    """Load structlog alone. Does nothing where it is loaded already."""
    if "structlog" in sys.modules:
        return
    stand_ins: dict[str, ModuleType | None] = {name: None for name in _HIDDEN}
    stand_ins |= {name: ModuleType(name) for name in _EMPTY}
    missing = {name: one for name, one in stand_ins.items() if name not in sys.modules}
    sys.modules.update(missing)  # type: ignore[arg-type]  # None is how an import is refused
    try:
        importlib.import_module("structlog")
    finally:
        for name in missing:
            del sys.modules[name]


def main() -> None:
    """Load what is lessened first, then the module, and run its `main`."""
    load_logging()
    importlib.import_module(sys.argv[1]).main()


if __name__ == "__main__":
    main()
