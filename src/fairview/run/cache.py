"""Where things that can be made again are kept: outside the data folder, shared by all of them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def sim_cache() -> Path:
    """The folder of drawn loops: `$XDG_CACHE_HOME/fairview/sim`, else under the home folder.

    Where that can't be made (a service without a home), the system's folder for temporary files.
    """
    home = os.environ.get("XDG_CACHE_HOME")
    place = Path(home) if home else Path.home() / ".cache"
    for folder in (place / "fairview" / "sim", Path(tempfile.gettempdir()) / "fairview-sim"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise AssertionError("neither a cache folder nor a temporary one can be written")
