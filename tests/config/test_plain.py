"""Plain settings say the same as the settings they were made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from fairview.config.plain import from_plain, to_plain
from fairview.config.settings import Settings, load_settings
from fairview.core.errors import Corrupt


def values_of(section: Any) -> Any:
    """All values by the names of the model's fields, sections as dicts."""
    if isinstance(section, BaseModel):
        return {name: values_of(getattr(section, name)) for name in type(section).model_fields}
    return section


def read_by_names(plain: Any, model: Any) -> Any:
    if isinstance(model, BaseModel):
        return {
            name: read_by_names(getattr(plain, name), getattr(model, name))
            for name in type(model).model_fields
        }
    return plain


def through_json(settings: Settings) -> Settings:
    return from_plain(json.loads(json.dumps(to_plain(settings))))


def test_every_setting_has_the_same_name_value_and_type() -> None:
    for settings in (
        Settings.model_validate({}),
        load_settings(
            None,
            {
                "FAIRVIEW_DATA": "/srv/city",
                "FAIRVIEW_SERVER__HOSTS": "one.example,two.example",
                "FAIRVIEW_RECORDING__READER": "lean",
                "FAIRVIEW_MODELS": "/srv/models",
            },
        ),
    ):
        plain = through_json(settings)
        read, told = read_by_names(plain, settings), values_of(settings)
        assert read == told
        assert isinstance(plain.data, Path)
        assert isinstance(plain.server.hosts, tuple)


def test_plain_settings_are_frozen() -> None:
    plain = through_json(Settings.model_validate({}))
    with pytest.raises(AttributeError, match="frozen"):
        plain.recording.reader = "lean"  # type: ignore[misc]  # what is refused


@pytest.mark.parametrize(
    "written", [None, 7, {"path": "x"}, {"sections": {}}, {"section": {"a": {}}}]
)
def test_what_is_no_plain_settings_is_refused(written: object) -> None:
    with pytest.raises(Corrupt):
        from_plain(written)
