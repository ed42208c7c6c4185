"""The optional libraries, imported when first needed so that claims work without them."""

from __future__ import annotations

import importlib
from types import ModuleType

from fairview.core.errors import BadInput


def optional(name: str) -> ModuleType:
    """A module of the `census` extra. Errors: BadInput saying how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BadInput(
            f"this needs {name.split('.')[0]}: install it with pip install 'fairview[census]'"
        ) from error
